"""schemas/: what is committed is what the models say, and an editor finds in it all that it shows."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pgc import schema as schemas
from pgc import source
from pgc.registry import Registry
from tests.conftest import ROOT
from tests.process import pgc_in

SCHEMAS = ROOT / "schemas"
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
ANEW = "run `make schema`, and commit what it writes"
Validator = jsonschema.Draft202012Validator


@pytest.fixture(scope="module")
def schema(registry: Registry) -> dict[str, Any]:
    return json.loads(schemas.text(schemas.manifest_schema(registry)))  # type: ignore[no-any-return]


def walk(node: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every mapping of a schema with its place, but none inside values that are only shown."""
    if isinstance(node, list):
        for index, each in enumerate(node):
            yield from walk(each, f"{at}/{index}")
    elif isinstance(node, dict):
        yield at, node
        for name, each in node.items():
            if name not in ("default", "examples", "const", "enum"):
                yield from walk(each, f"{at}/{name}")


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every property that an editor may offer, with its place."""
    for at, node in walk(schema):
        if at.endswith("/properties"):
            yield from ((f"{at}/{name}", each) for name, each in node.items())


# ── committed ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_committed_schema_is_what_pgc_prints(tmp_path: Path) -> None:
    done = pgc_in(tmp_path)("schema")
    assert done.code == 0
    assert (SCHEMAS / "manifest.schema.json").read_text() == done.out, ANEW


def test_every_structured_formats_schema_is_committed_and_current(tmp_path: Path, registry: Registry) -> None:
    done = pgc_in(tmp_path)("schema", "--all", "made")
    made = {file.name: file.read_text() for file in (tmp_path / "made").iterdir()}
    assert done.code == 0 and {*made} == {
        "manifest.schema.json", *(each.schema for each in registry.formats.values() if each.schema)
    }  # fmt: skip
    for name, text in made.items():
        assert (SCHEMAS / name).is_file() and (SCHEMAS / name).read_text() == text, f"{name}: {ANEW}"


def test_no_schema_is_committed_that_nobody_makes_or_obeys(registry: Registry) -> None:
    ours = {"diagnostics", "diff", "failure", "lock", "validation"}  # what pgc itself writes; each has a test that obeys it
    known = {*schemas.every_schema(registry), *(f"{name}.schema.json" for name in ours)}
    assert {file.name for file in SCHEMAS.iterdir()} == known


@pytest.mark.parametrize("file", sorted(SCHEMAS.glob("*.json")), ids=lambda file: file.name)
def test_every_committed_schema_is_a_valid_schema(file: Path) -> None:
    content = json.loads(file.read_text())
    assert content["$schema"]
    jsonschema.validators.validator_for(content, default=None).check_schema(content)


def test_the_manifests_schema_is_of_draft_2020_12_and_its_references_lead_somewhere(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Validator.check_schema(schema)
    for at, node in walk(schema):
        if "$ref" in node:
            assert node["$ref"].removeprefix("#/$defs/") in schema["$defs"], at


# ── what an editor shows ─────────────────────────────────────────────────────────────────────────────────────────────


def test_every_property_has_a_description_and_an_example(schema: dict[str, Any]) -> None:
    bare = [at for at, each in properties(schema) if not each.get("description", "").strip() or not each.get("examples")]
    assert not bare, "\n".join(bare)


def test_every_property_that_may_be_left_out_says_what_it_is_then(schema: dict[str, Any]) -> None:
    silent = []
    for at, node in walk(schema):
        if "properties" in node and "override." not in at and not at.endswith("/properties") and "environments" not in at:
            optional = {*node["properties"]} - {*node.get("required", ())}
            silent += [f"{at}: {name}" for name in optional if "default" not in node["properties"][name]]
    sections = {name for name in schema["properties"] if name in schema["$defs"]}
    assert {place for place in silent if not (place.startswith(": ") and place[2:] in sections)} == set()


def test_every_quantity_names_its_units_where_a_person_reads_them(schema: dict[str, Any]) -> None:
    quantities = [(at, each) for at, each in properties(schema) if any("x-unit" in node for _, node in walk(each))]
    assert len(quantities) > 20
    assert not [at for at, each in quantities if " Unit: " not in each["description"]]


def test_every_example_and_every_default_obeys_its_own_schema(schema: dict[str, Any]) -> None:
    wrong = []
    for at, node in walk(schema):
        shown = [*node.get("examples", ()), *([node["default"]] if "default" in node else ())]
        if not shown or at.endswith(("/properties", "/$defs")):
            continue
        validator = Validator({**{key: value for key, value in node.items() if key != "$id"}, "$defs": schema["$defs"]})
        wrong += [f"{at}: {value!r}: {fault.message}" for value in shown for fault in validator.iter_errors(value)]
    assert not wrong, "\n".join(wrong)


def test_no_example_is_an_empty_one(schema: dict[str, Any]) -> None:
    assert not [at for at, each in properties(schema) if each.get("examples") in ([{}], [[]], [None], [""])]


# ── what it accepts ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_example_obeys_the_schema_as_a_whole_and_in_each_environment(file: Path, schema: dict[str, Any]) -> None:
    whole = source.read(file.read_bytes(), file.name)
    for name in whole.data.get("environments") or (None,):
        Validator(schema).validate(source.environment(whole, name).data)
    Validator(schema).validate(whole.data)


def test_an_environment_may_override_a_part_and_remove_a_key(schema: dict[str, Any]) -> None:
    manifest = yaml.safe_load(EXAMPLES[0].read_text())
    for override in ({}, None, {"objectives": {"failover": "60s", "availability": None}}, {"hosts": {"pg1": None}}):
        Validator(schema).validate({**manifest, "environments": {"staging": override}})


@pytest.mark.parametrize("place", [(), ("objectives",), ("metadata",), ("hosts", "pg1"), ("postgres",), ("environments", "e")])
def test_a_key_that_nobody_knows_is_refused_everywhere(place: tuple[str, ...], schema: dict[str, Any]) -> None:
    manifest = yaml.safe_load((ROOT / "examples/minimal.yaml").read_text()) | {"environments": {"e": {}}}
    Validator(schema).validate(manifest)
    spoiled = copy.deepcopy(manifest)
    at = spoiled
    for key in place:
        at = at[key]
    at["no_such_key"] = 1
    assert not Validator(schema).is_valid(spoiled)


def test_every_mapping_with_known_keys_is_closed(schema: dict[str, Any]) -> None:
    open_ones = [
        at for at, node in walk(schema)
        if not at.endswith("/properties")
        and ("properties" in node or "patternProperties" in node) and node.get("additionalProperties") is not False
    ]  # fmt: skip
    assert not open_ones
