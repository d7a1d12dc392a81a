"""Options that several commands have in common."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pgc import __version__
from pgc.cli import unchanged

OUT = "generated"

environment = click.option("--env", "environment", metavar="NAME", help="Only this environment of the manifest.")
out = click.option("--out", metavar="DIR", default=OUT, show_default=True, help="The folder of the generated trees.")


def output_format(*names: str) -> Callable[[Any], Any]:
    """Make the option --format over these formats; the first is the default."""
    return click.option(
        "--format",
        "output",
        type=click.Choice(names),
        default=names[0],
        show_default=True,
        help="How the answer is written.",
    )


def colour() -> bool:
    """Say whether the answer may be coloured: on a terminal, unless NO_COLOR is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def bytecode_folder() -> Path | None:
    """Return the folder for compiled templates, outside of every tree; None where it cannot be made."""
    folder = Path(unchanged.folder()) / f"templates-{__version__}-{sys.implementation.cache_tag}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    return folder
