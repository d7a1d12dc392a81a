"""The manifest in prose: every section and key, from the same models as its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pgc.markdown import table

Schema = Mapping[str, Any]
OBJECT_DEPTH = 4


def reference(schema: Schema) -> str:
    """Write a Markdown page on the manifest, given its JSON Schema."""
    lines = ["# The manifest, key by key", ""]
    lines += [
        "Made by `pgc schema --reference` from the installed plugins. A dot leads into a mapping; `NAME` is a name of yours.",
        "",
    ]
    properties = schema["properties"]
    envelope = [name for name in properties if f"{name}" not in _plugins(schema)]
    lines += ["## The envelope", ""]
    lines += _rows(
        schema, {name: properties[name] for name in envelope if name != "environments"}, set(schema.get("required", ()))
    )
    lines += ["", "`environments`: " + properties["environments"]["description"], ""]
    for name in sorted(_plugins(schema)):
        section = _resolved(schema, properties[name])
        lines += [f"## {name}", "", section.get("description", ""), ""]
        lines += _rows(schema, section.get("properties", {}), set(section.get("required", ())), f"{name}.")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _plugins(schema: Schema) -> set[str]:
    return {name for name, value in schema["properties"].items() if value.get("$ref") == f"#/$defs/{name}"}


def _resolved(schema: Schema, value: Schema) -> Schema:
    reference = value.get("$ref")
    if not isinstance(reference, str):
        return value
    found = schema["$defs"][reference.removeprefix("#/$defs/")]
    return {**found, **{key: each for key, each in value.items() if key != "$ref"}}


def _rows(schema: Schema, properties: Schema, required: set[str], prefix: str = "") -> list[str]:
    rows = list(_keys(schema, properties, required, prefix, 0))
    return table(("key", "type", "default", "what it is", "example"), rows).split("\n")


def _keys(schema: Schema, properties: Schema, required: set[str], prefix: str, depth: int) -> Iterator[tuple[str, ...]]:
    for name, given in properties.items():
        value = _resolved(schema, given)
        key = f"{prefix}{name}"
        default = (
            "**required**"
            if name in required
            else _shown(value["default"])
            if value.get("default") is not None
            else "derived or none"
        )
        examples = value.get("examples") or [""]
        yield f"`{key}`", _type(schema, value), default, value.get("description", ""), _shown(examples[0])
        if depth < OBJECT_DEPTH:
            yield from _below(schema, value, key, depth)


def _below(schema: Schema, value: Schema, key: str, depth: int) -> Iterator[tuple[str, ...]]:
    for each in (value, *value.get("anyOf", ())):
        part = _resolved(schema, each)
        if "properties" in part:
            yield from _keys(schema, part["properties"], set(part.get("required", ())), f"{key}.", depth + 1)
        named = [(inner, ".NAME") for inner in part.get("patternProperties", {}).values()]
        for inner, step in (*named, (part.get("additionalProperties"), ".NAME"), (part.get("items"), "[]")):
            if isinstance(inner, Mapping):
                below = _resolved(schema, inner)
                if "properties" in below:
                    yield from _keys(
                        schema, below["properties"], set(below.get("required", ())), f"{key}{step}.", depth + 1
                    )


def _type(schema: Schema, value: Schema) -> str:
    if "enum" in value:
        return " or ".join(map(_shown, value["enum"]))
    if "const" in value:
        return _shown(value["const"])
    if "anyOf" in value:
        kinds = dict.fromkeys(_type(schema, _resolved(schema, each)) for each in value["anyOf"])
        return " or ".join(kind for kind in kinds if kind != "null")
    unit = value.get("x-unit", "")
    if unit:
        return str(unit)
    kind = value.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema, _resolved(schema, value.get('items', {})))}"
    return {"object": "mapping", "string": "text", "integer": "whole number", "boolean": "true or false"}.get(
        kind, str(kind)
    )


def _shown(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`" if value != "" else ""
