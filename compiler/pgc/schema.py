"""The manifest's JSON Schema, composed of the envelope's model and the plugins' section models; and the formats' schemas."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from pgc.fields import BYTES, SECONDS, show_duration, show_size
from pgc.manifest import Envelope
from pgc.registry import BrokenPlugin, Registry
from pgc.terms import tidy

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MANIFEST = "manifest.schema.json"
TEMPLATE = "#/$defs/{model}"


def manifest_schema(registry: Registry) -> dict[str, Any]:
    """Return the schema by which editors complete and check a manifest."""
    schema = Envelope.model_json_schema(ref_template=TEMPLATE, schema_generator=_WithDefaults)
    definitions: dict[str, Any] = schema.pop("$defs", {})
    properties: dict[str, Any] = schema["properties"]
    for plugin in registry.plugins:
        section = plugin.section_model.model_json_schema(
            ref_template=f"#/$defs/{plugin.name}.{{model}}", schema_generator=_WithDefaults
        )
        for name, definition in section.pop("$defs", {}).items():
            definitions[f"{plugin.name}.{name}"] = definition
        definitions[plugin.name] = {**section, "description": plugin.description.summary}
        properties[plugin.name] = {
            "$ref": TEMPLATE.format(model=plugin.name),
            "description": plugin.description.summary,
            "examples": _example(section),
        }
    _polish(schema, definitions)
    overrides = {name: _partial(copy.deepcopy(value)) for name, value in properties.items() if name != "environments"}
    definitions |= {f"override.{name}": _partial(copy.deepcopy(value)) for name, value in definitions.items()}
    environments = properties["environments"]
    properties["environments"] = {
        "description": environments["description"],
        "type": ["object", "null"],
        "default": {},
        "additionalProperties": {"type": ["object", "null"], "additionalProperties": False, "properties": overrides},
        "examples": environments["examples"],
    }
    schema.pop("title", None)
    return {
        "$schema": DIALECT,
        "$id": "https://pgc.dev/schemas/manifest.schema.json",
        **schema,
        "title": "pgc cluster manifest",
        "$defs": dict(sorted(definitions.items())),
    }


class _WithDefaults(GenerateJsonSchema):
    """Shows also the defaults that are made anew for each manifest: empty mappings, and parts whose keys have defaults."""

    def get_default_value(self, schema: Any) -> Any:
        if "default_factory" not in schema or schema.get("default_factory_takes_data"):
            return super().get_default_value(schema)
        made = schema["default_factory"]()
        return made.model_dump(mode="json", exclude_defaults=True) if isinstance(made, BaseModel) else made


def _example(section: Mapping[str, Any]) -> list[Any]:
    """Make an example of a section: the keys that it must have, else the first of its own."""
    given = {name: each["examples"][0] for name, each in section["properties"].items() if each.get("examples")}
    wanted = section.get("required") or [name for name in given if name != "raw"][:1]
    return [{name: given[name] for name in wanted if name in given}]


def _polish(schema: dict[str, Any], definitions: dict[str, Any]) -> None:
    """Say in the models' schemas what an editor shows and a validator needs, and pydantic leaves out."""
    for name, definition in definitions.items():
        definition["title"] = name.rpartition(".")[2].removesuffix("Section")
    for each in _objects([schema, definitions]):
        if "patternProperties" in each:
            each.setdefault("additionalProperties", False)
        for field in each.get("properties", {}).values() if isinstance(each.get("properties"), dict) else ():
            _describe(field, definitions)


def _describe(field: dict[str, Any], definitions: Mapping[str, Any]) -> None:
    """Write a field's unit into its description, for that is what an editor shows; and its default as a manifest would."""
    reference = str(field.get("$ref", "")).removeprefix("#/$defs/")
    if reference in definitions:
        field.setdefault("description", definitions[reference].get("description", ""))
    unit = next((each["x-unit"].partition(",")[0] for each in _objects(field) if "x-unit" in each), "")
    if unit:
        units, show = _UNITS[unit]
        field["description"] = f"{field.get('description', '')} Unit: {units}.".strip()
        if isinstance(field.get("default"), int | float):
            field["default"] = show(field["default"])


_UNITS: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "seconds": (", ".join(SECONDS), show_duration),
    "bytes": (", ".join(BYTES), show_size),
    "percent": ("%", lambda share: f"{tidy(share * 100)}%"),
}


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping inside a schema, itself included, but none inside values that are only shown."""
    if isinstance(schema, list):
        for each in schema:
            yield from _objects(each)
    elif isinstance(schema, dict):
        yield schema
        for name, each in schema.items():
            if name not in ("default", "examples", "const", "enum"):
                yield from _objects(each)


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
    for keys in ("properties", "patternProperties"):
        if isinstance(result.get(keys), dict):
            result[keys] = {name: _or_null(value) for name, value in result[keys].items()}
    return result


def _or_null(schema: Any) -> Any:
    shown = {
        key: schema.pop(key)
        for key in ("description", "examples", "title")
        if isinstance(schema, dict) and key in schema
    }
    return {"anyOf": [schema, {"type": "null"}], **shown}
