"""The manifests that the hardening tests start from."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pgc import parse, source
from pgc.registry import Registry
from pgc.source import Unreadable
from tests.conftest import ROOT

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


@cache
def examples() -> tuple[str, ...]:
    """Return the texts of the manifests that people copy."""
    return tuple(file.read_text() for file in sorted((ROOT / "examples").glob("*.yaml")))


@cache
def cases() -> tuple[str, ...]:
    """Return the texts of all manifests that make a diagnostic fire, or nearly: each leads deep into a check."""
    found = []
    for file in sorted((ROOT / "tests" / "cases").glob("*/*.yaml")):
        content = yaml.load(file.read_bytes(), yaml.CSafeLoader)
        found += [case["manifest"] for kind in ("fires", "silent", "boundary") for case in content.get(kind) or ()]
    return tuple(found)


def as_data(text: str) -> Any:
    """Return a text as plain data, or nothing where it cannot be read."""
    try:
        return plain(text.encode())
    except Unreadable:
        return {}
