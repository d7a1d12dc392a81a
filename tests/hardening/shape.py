"""The manifest's JSON Schema as a map of places: where a value may stand, what kind of value, and how to put one there.

A place is a tuple of steps from the top: a key, or one of the three marks below. The schema is our own (`pgc schema`), so only the
keywords that it has are understood; an unknown one is an error, not a hole.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

ANY, ITEM, KEY = "*", "[]", "*key"
"""A value of a mapping with free keys, an item of a list, and such a free key itself."""

Steps = tuple[str, ...]
Node = Mapping[str, Any]
OPEN: Node = {}
"""The schema of anything, which is what stands below `raw`."""

UNDERSTOOD = frozenset(
    {
        *(
            "$schema",
            "$id",
            "$defs",
            "$ref",
            "anyOf",
            "const",
            "enum",
            "type",
            "title",
            "description",
            "examples",
            "default",
        ),
        *("properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties"),
        *("items", "minItems", "maxItems", "minimum", "maximum", "minLength", "maxLength", "pattern", "format"),
        *("x-unit", "x-secret"),
    }
)
STANDINS = (
    "word",
    "pg1",
    "30s",
    "16MB",
    "99.9%",
    "10.0.0.11",
    "10.0.0.0/24",
    "/var/lib/x",
    "file:secrets/x",
    "17",
    "x.sql",
)
"""Texts of which one fits any pattern that has no example of its own."""


@dataclass(frozen=True)
class Place:
    """Somewhere in the manifest, with the schema of what may stand there."""

    steps: Steps
    node: Node

    def __str__(self) -> str:
        return ".".join(self.steps)

    @property
    def takes_text(self) -> bool:
        """Whether some text that is not one of a fixed list may stand here."""
        kinds = self.node.get("type")
        return ("string" in kinds if isinstance(kinds, list) else kinds == "string") and not {"enum", "const"} & {
            *self.node
        }


@dataclass(frozen=True)
class Shape:
    """The whole schema."""

    schema: Node

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Every place that the schema knows, alternatives one by one, environments left out (they repeat the rest)."""
        found = {(str(place), repr(place.node)): place for place in self._below((), self.schema)}
        return tuple(place for place in found.values() if place.steps and place.steps[0] != "environments")

    def resolved(self, node: Node) -> Node:
        """Follow a reference."""
        assert not {*node} - UNDERSTOOD, (
            f"the schema has keywords that the tests do not know: {sorted({*node} - UNDERSTOOD)}"
        )
        reference = node.get("$ref")
        if reference is None:
            return node
        return {
            **self.schema["$defs"][reference.removeprefix("#/$defs/")],
            **{key: node[key] for key in ("examples",) if key in node},
        }

    def alternatives(self, node: Node) -> list[Node]:
        """Return the branches of `anyOf`, references followed; each inherits the examples of the whole."""
        node = self.resolved(node)
        if "anyOf" not in node:
            return [node]
        examples = {"examples": node["examples"]} if "examples" in node else {}
        return [{**branch, **examples} for each in node["anyOf"] for branch in self.alternatives(each)]

    def children(self, node: Node) -> dict[str, Node]:
        """Return what may stand directly below one alternative."""
        found: dict[str, Node] = dict(node.get("properties", {}))
        free = [*node.get("patternProperties", {}).items()]
        if free:
            found[KEY] = {"type": "string", "pattern": free[0][0]}
            found[ANY] = free[0][1]
        elif isinstance(node.get("additionalProperties"), dict):
            found[KEY] = {"type": "string", **node.get("propertyNames", {})}
            found[ANY] = node["additionalProperties"]
        if "items" in node:
            found[ITEM] = node["items"]
        return found

    def smallest(self, node: Node) -> Any:
        """Return the smallest instance: an example where there is one, otherwise what is required."""
        node = self.alternatives(node)[0]
        if "const" in node or "enum" in node:
            return node.get("const", (node.get("enum") or [None])[0])
        if node.get("type") == "object":
            return {name: self.smallest(node["properties"][name]) for name in node.get("required", ())}
        if node.get("type") == "array":
            return [self.smallest(node["items"]) for _ in range(node.get("minItems", 0))]
        fitting = [each for each in node.get("examples", ()) if not isinstance(each, dict | list)]
        return fitting[0] if fitting else standin(node)

    def get(self, data: Any, steps: Steps) -> Any:
        """Return what `put` would replace, or nothing."""
        inside: Any = data
        for step in steps:
            fits = isinstance(inside, list if step == ITEM else dict)
            if not fits or not inside:
                return None
            first = next(iter(inside))
            inside = first if step in (ITEM, KEY) else inside[first] if step == ANY else inside.get(step)
        return inside

    def put(self, data: Any, steps: Steps, value: Any) -> Any:
        """Return a copy of `data` with the value at a place; what is missing on the way is made as small as it can be."""
        return self._put(copy.deepcopy(data), self.schema, steps, value)

    def _put(self, data: Any, node: Node, steps: Steps, value: Any) -> Any:
        if not steps:
            return value
        step, rest = steps[0], steps[1:]
        if node == OPEN or node.get("additionalProperties") is True:
            branch, children = node, {step: OPEN, ANY: OPEN, KEY: {"type": "string"}}
        else:
            branch = next(each for each in self.alternatives(node) if step in self.children(each))
            children = self.children(branch)
        wanted = list if step == ITEM else dict
        if not isinstance(data, wanted):
            data = self.smallest(branch)
        if step == ITEM:
            data[:1] = [self._put(data[0] if data else None, children[ITEM], rest, value)]
        elif step == KEY:
            first = next(iter(data), None)
            below = data.pop(first) if first is not None else self.smallest(children[ANY])
            return {value: below, **data}
        else:
            key = (next(iter(data), None) or self.smallest(children[KEY])) if step == ANY else step
            data[key] = self._put(data.get(key), children[step], rest, value)
        return data

    def _below(self, steps: Steps, node: Node) -> Iterator[Place]:
        for branch in self.alternatives(node):
            yield Place(steps, branch)
            for step, child in self.children(branch).items():
                yield from self._below((*steps, step), child)


def standin(node: Node) -> Any:
    """Return a plain value that fits a schema without examples."""
    kind = node.get("type")
    if kind == "string":
        pattern = node.get("pattern", "")
        return next((text for text in STANDINS if re.search(pattern, text)), "word")
    return {"integer": node.get("minimum", 1), "number": node.get("minimum", 1), "boolean": True}.get(str(kind))
