"""The part of JSON Schema that our schemas use, checked while compiling without the slow jsonschema.

It looks at the data before it is written out, so what is wrong still knows its origin and is told at a manifest line.
A schema with a keyword that is not known here is refused, never half checked; the tests hold it against jsonschema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pgc.provenance import Origin, Sourced

Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a schema does not allow: where in the document, what, and whose value it is."""

    where: Where
    problem: str
    origin: Origin | None = None


Check = Callable[[Any, Where, Origin | None], Iterator[Fault]]

_ASIDE = {"$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples", "deprecated"}
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list | tuple),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
}


def compile_schema(schema: Mapping[str, Any]) -> Check:
    """Turn a schema into a check of data whose values may be Sourced.

    Raises:
        ValueError: it uses a keyword that is not known here.
    """
    return _Compiler(schema).check(schema)


class _Compiler:
    """Builds closures; a reference is resolved once and may refer to itself."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root, self.known = root, dict[str, list[Check]]()

    def check(self, schema: Any) -> Check:
        if schema is True:
            return lambda value, where, origin: iter(())
        if schema is False:
            return lambda value, where, origin: iter((Fault(where, "is not allowed here", origin),))
        if unknown := set(schema) - _ASIDE - set(_KEYWORDS) - {"additionalProperties", "patternProperties", "$ref"}:
            raise ValueError(f"the keyword {sorted(unknown)[0]!r} of JSON Schema is not known to pgc's own checker")
        checks = [_KEYWORDS[name](argument, self) for name, argument in schema.items() if name in _KEYWORDS]
        if schema.keys() & {"additionalProperties", "patternProperties"}:
            checks.append(self.other_keys(schema))
        if "$ref" in schema:
            checks.append(self.reference(schema["$ref"]))

        def run(value: Any, where: Where, origin: Origin | None) -> Iterator[Fault]:
            if isinstance(value, Sourced):
                value, origin = value.value, value.origin
            for check in checks:
                yield from check(value, where, origin)

        return run

    def reference(self, name: str) -> Check:
        if not name.startswith("#/$defs/"):
            raise ValueError(f"the reference {name!r} leads out of the schema")
        if name not in self.known:
            self.known[name] = box = []
            box.append(self.check(self.root["$defs"][name.removeprefix("#/$defs/")]))
        box = self.known[name]
        return lambda value, where, origin: box[0](value, where, origin)

    def other_keys(self, schema: Mapping[str, Any]) -> Check:
        named = frozenset(schema.get("properties", ()))
        patterns = [(re.compile(name), self.check(each)) for name, each in schema.get("patternProperties", {}).items()]
        rest = schema.get("additionalProperties", True)
        else_check = self.check(rest)

        def run(value: Any, where: Where, origin: Origin | None) -> Iterator[Fault]:
            if not isinstance(value, Mapping):
                return
            for key, item in value.items():
                matching = [check for pattern, check in patterns if isinstance(key, str) and pattern.search(key)]
                if not matching and key not in named:
                    if rest is False:
                        own = item.origin if isinstance(item, Sourced) else origin
                        yield Fault((*where, key), "is not a key that is known here", own)
                        continue
                    matching = [else_check]
                for check in matching:
                    yield from check(item, (*where, key), origin)

        return run


def _simple(
    applies: Callable[[Any], bool], holds: Callable[[Any, Any], bool], says: str
) -> Callable[[Any, _Compiler], Check]:
    """Make a keyword of a predicate over the value and the keyword's argument."""

    def make(argument: Any, _: _Compiler) -> Check:
        def run(value: Any, where: Where, origin: Origin | None) -> Iterator[Fault]:
            if applies(value) and not holds(value, argument):
                yield Fault(where, says.format(argument=argument, value=json.dumps(value, default=str)), origin)

        return run

    return make


def _anything(_: Any) -> bool:
    return True


def _equal(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _of_type(value: Any, wanted: str | list[str]) -> bool:
    return any(_TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))


def _distinct(value: Any, wanted: bool) -> bool:
    texts = [json.dumps(item, sort_keys=True, default=str) for item in value]
    return not wanted or len(set(texts)) == len(texts)


def _required(names: Any, _: _Compiler) -> Check:
    def run(value: Any, where: Where, origin: Origin | None) -> Iterator[Fault]:
        if isinstance(value, Mapping):
            yield from (Fault(where, f"lacks the key {name}", origin) for name in names if name not in value)

    return run


def _properties(schemas: Mapping[str, Any], compiler: _Compiler) -> Check:
    checks = {name: compiler.check(schema) for name, schema in schemas.items()}

    def run(value: Any, where: Where, origin: Origin | None) -> Iterator[Fault]:
        if isinstance(value, Mapping):
            for name, check in checks.items():
                if name in value:
                    yield from check(value[name], (*where, name), origin)

    return run


def _items(schema: Any, compiler: _Compiler) -> Check:
    check = compiler.check(schema)

    def run(value: Any, where: Where, origin: Origin | None) -> Iterator[Fault]:
        if isinstance(value, list | tuple):
            for index, item in enumerate(value):
                yield from check(item, (*where, index), origin)

    return run


def _all_of(schemas: list[Any], compiler: _Compiler) -> Check:
    checks = [compiler.check(schema) for schema in schemas]

    def run(value: Any, where: Where, origin: Origin | None) -> Iterator[Fault]:
        for check in checks:
            yield from check(value, where, origin)

    return run


def _any_of(schemas: list[Any], compiler: _Compiler) -> Check:
    """At least one must hold; of those that do not, the one that got furthest is told."""
    checks = [compiler.check(schema) for schema in schemas]

    def run(value: Any, where: Where, origin: Origin | None) -> Iterator[Fault]:
        tries = [list(check(value, where, origin)) for check in checks]
        if all(tries):
            yield from max(tries, key=lambda faults: (len(faults[0].where), -len(faults)))

    return run


_NUMBER, _STRING, _ARRAY, _OBJECT = _TYPES["number"], _TYPES["string"], _TYPES["array"], _TYPES["object"]
_KEYWORDS: dict[str, Callable[[Any, _Compiler], Check]] = {
    "type": _simple(_anything, _of_type, "is {value}, which is not of the type {argument}"),
    "enum": _simple(
        _anything, lambda value, among: any(_equal(value, each) for each in among), "is {value}, not one of {argument}"
    ),
    "const": _simple(_anything, _equal, "is {value}, not {argument}"),
    "pattern": _simple(
        _STRING, lambda value, form: re.search(form, value) is not None, "is {value}, which does not match {argument}"
    ),
    "minLength": _simple(
        _STRING, lambda value, least: len(value) >= least, "is {value}, shorter than {argument} characters"
    ),
    "maxLength": _simple(
        _STRING, lambda value, most: len(value) <= most, "is {value}, longer than {argument} characters"
    ),
    "minimum": _simple(_NUMBER, lambda value, least: bool(value >= least), "is {value}, less than {argument}"),
    "maximum": _simple(_NUMBER, lambda value, most: bool(value <= most), "is {value}, more than {argument}"),
    "minItems": _simple(_ARRAY, lambda value, least: len(value) >= least, "has fewer than {argument} items"),
    "maxItems": _simple(_ARRAY, lambda value, most: len(value) <= most, "has more than {argument} items"),
    "uniqueItems": _simple(_ARRAY, _distinct, "has an item twice"),
    "minProperties": _simple(_OBJECT, lambda value, least: len(value) >= least, "has fewer than {argument} keys"),
    "required": _required,
    "properties": _properties,
    "items": _items,
    "allOf": _all_of,
    "anyOf": _any_of,
}
