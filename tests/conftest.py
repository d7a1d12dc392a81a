"""What tests share: the installed plugins, and compiling a manifest that is a text."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pgc import pipeline, source
from pgc import registry as registries
from pgc.diagnostics import Span, diagnose
from pgc.pipeline import Compilation
from pgc.registry import Registry
from pgc.source import Unreadable
from pgc.templating import Templates

ROOT = Path(__file__).parent.parent
FULL = os.environ.get("PGC_FULL") == "1"

Compile = Callable[..., Compilation]


@pytest.fixture(scope="session")
def registry() -> Registry:
    """Every installed plugin, found the way a user's pgc finds them."""
    return registries.load()


@pytest.fixture(scope="session")
def templates(registry: Registry) -> Templates:
    return registry.templates()


@pytest.fixture(scope="session")
def compile_text(registry: Registry, templates: Templates) -> Compile:
    """Compile a manifest's text; its name in positions is `m.yaml`."""

    def compile_text(text: str | bytes, environment: str | None = None, using: Registry | None = None) -> Compilation:
        content = text.encode() if isinstance(text, str) else text
        try:
            whole = source.read(content, "m.yaml")
        except Unreadable as problem:
            found = (
                diagnose(each, tuple(place for place in each.places if isinstance(place, Span)))
                for each in problem.findings
            )
            return Compilation("?", environment or "", None, tuple(found))
        used = using or registry
        made = templates if using is None else used.templates()
        return pipeline.compile_source(
            whole, environment, used, made, lambda name: (ROOT / "tests" / "files" / name).read_text()
        )

    return compile_text
