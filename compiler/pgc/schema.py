"""The manifest's JSON Schema, composed of the envelope's model and the plugins' section models; and the formats' schemas."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from pgc.manifest import Envelope
from pgc.registry import BrokenPlugin, Registry

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MANIFEST = "manifest.schema.json"
TEMPLATE = "#/$defs/{model}"


def manifest_schema(registry: Registry) -> dict[str, Any]:
    """Return the schema by which editors complete and check a manifest."""
    schema = Envelope.model_json_schema(ref_template=TEMPLATE)
    definitions: dict[str, Any] = schema.pop("$defs", {})
    properties: dict[str, Any] = schema["properties"]
    for plugin in registry.plugins:
        section = plugin.section_model.model_json_schema(ref_template=f"#/$defs/{plugin.name}.{{model}}")
        for name, definition in section.pop("$defs", {}).items():
            definitions[f"{plugin.name}.{name}"] = definition
        definitions[plugin.name] = {**section, "description": plugin.description.summary}
        properties[plugin.name] = {
            "$ref": TEMPLATE.format(model=plugin.name),
            "description": plugin.description.summary,
        }
    overrides = {name: _partial(copy.deepcopy(value)) for name, value in properties.items() if name != "environments"}
    definitions |= {f"override.{name}": _partial(copy.deepcopy(value)) for name, value in definitions.items()}
    properties["environments"] = {
        "description": properties["environments"]["description"],
        "type": ["object", "null"],
        "additionalProperties": {"type": ["object", "null"], "additionalProperties": False, "properties": overrides},
        "examples": [{"staging": {"objectives": {"failover": "60s"}}}],
    }
    _describe_references(schema, definitions)
    return {
        "$schema": DIALECT,
        "$id": "https://pgc.dev/schemas/manifest.schema.json",
        **schema,
        "title": "pgc cluster manifest",
        "$defs": dict(sorted(definitions.items())),
    }


def text(schema: Mapping[str, Any]) -> str:
    """Write a schema as it is committed."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def every_schema(registry: Registry) -> Mapping[str, str]:
    """Return the texts of the manifest's schema and of the schema of each structured format, by file name.

    Raises:
        BrokenPlugin: two plugins give different schemas one name.
    """
    found = {MANIFEST: text(manifest_schema(registry))}
    for plugin in registry.plugins:
        for name in sorted({each.schema for each in plugin.description.formats if each.schema}):
            content = (plugin.folder / "schemas" / name).read_text(encoding="utf-8")
            if found.setdefault(name, content) != content:
                raise BrokenPlugin(f"plugin {plugin.name}: there is another schema of the name {name}")
    return found


def _partial(schema: Any) -> Any:
    """Make every key optional, and let null remove it: what an environment overrides is a part of the whole."""
    if isinstance(schema, list):
        return [_partial(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {
        key: _partial(value) for key, value in schema.items() if key not in ("required", "minProperties", "default")
    }
    reference = result.get("$ref")
    if isinstance(reference, str):
        result["$ref"] = reference.replace("#/$defs/", "#/$defs/override.")
    if isinstance(result.get("properties"), dict):
        result["properties"] = {name: _or_null(value) for name, value in result["properties"].items()}
    return result


def _or_null(schema: Any) -> Any:
    shown = {
        key: schema.pop(key)
        for key in ("description", "examples", "title")
        if isinstance(schema, dict) and key in schema
    }
    return {"anyOf": [schema, {"type": "null"}], **shown}


def _describe_references(schema: dict[str, Any], definitions: dict[str, Any]) -> None:
    """Give every definition a title that people understand: the last part of its name."""
    for name, definition in definitions.items():
        if isinstance(definition, dict):
            definition["title"] = name.rpartition(".")[2].removesuffix("Section")
    schema.pop("title", None)
