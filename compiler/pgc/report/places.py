"""Names of files as seen from a repository's folder."""

from __future__ import annotations

import os
from pathlib import Path


def within(file: str, root: Path) -> str | None:
    """Return a file's path relative to a folder, with forward slashes, or None where it lies outside."""
    relative = os.path.relpath(os.path.abspath(file), os.path.abspath(root)).replace(os.sep, "/")
    return None if relative == ".." or relative.startswith("../") else relative
