"""The manifests that the hardening tests start from."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

from pgc import parse, source
from pgc.registry import Registry

RICH = Path(__file__).with_name("rich.yaml")


@cache
def _read(content: bytes) -> Any:
    return source.read(content, "m.yaml").data


def plain(content: bytes) -> Any:
    """Return a manifest as plain data, the caller's to change."""
    return copy.deepcopy(_read(content))


def rich(registry: Registry) -> Any:
    """Return the rich manifest with the sections of the plugins that are installed."""
    known = parse.ENVELOPE_KEYS | registry.by_name.keys()
    return {key: value for key, value in plain(RICH.read_bytes()).items() if key in known}
