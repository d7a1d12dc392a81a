"""docs/manifest.md is what the models say."""

from __future__ import annotations

import re

from pgc import reference, schema
from pgc.registry import Registry
from tests.conftest import ROOT


def test_the_committed_reference_is_current(registry: Registry) -> None:
    assert (ROOT / "docs/manifest.md").read_text() == reference.reference(schema.manifest_schema(registry))


def test_every_section_and_host_key_is_there(registry: Registry) -> None:
    page = reference.reference(schema.manifest_schema(registry))
    assert all(f"\n## {plugin.name}\n" in page for plugin in registry.plugins)
    assert "`hosts.NAME.address`" in page and "`postgres.version`" in page
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert all(len(re.split(r"(?<!\\)\|", row)) == 7 for row in rows)
