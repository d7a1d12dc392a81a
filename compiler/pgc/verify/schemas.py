"""Validation without the product: what a writer wrote its reader reads, and structured files obey their JSON Schemas.

While compiling, the data is checked before it is written out (shape.py); `pgc validate` checks the bytes.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from pgc.artifact import Reader
from pgc.diagnostics import Code, Finding, Path, Severity, Span
from pgc.provenance import Origin
from pgc.verify.shape import Check, compile_schema

VAL005 = Code(
    "VAL005",
    "not-readable",
    Severity.ERROR,
    what="{path} cannot be read back as {format}: {problem}",
    why="pgc diff could not say what changes in it, and to the product it may mean something else",
    help="look at the value that stands there; if it is right, report the plugin that writes the file",
    example="(a plugin that writes a value with a line break into an INI file)",
)
VAL006 = Code(
    "VAL006",
    "against-the-schema",
    Severity.ERROR,
    what="{path}: {where} {problem}",
    why="the product would refuse the file, or ignore that part of it",
    help="change the value; the schema {schema} says what may stand there",
    example="raw: {postgresql: 17}   # in the section of a product that wants a mapping there",
)
CODES = (VAL005, VAL006)


def check_readable(path: str, format_name: str, content: bytes, reader: Reader) -> Iterator[Finding]:
    """Let the format's reader read what its writer wrote: it must read, name nothing twice, stay inside the file."""
    last = content.count(b"\n") + 1
    seen: dict[str, int] = {}
    try:
        for setting in reader(content):
            if setting.name in seen:
                problem = f"{setting.name} stands there twice (first in line {seen[setting.name]})"
                yield VAL005.at(_line(path, setting.line), path=path, format=format_name, problem=problem)
            seen.setdefault(setting.name, setting.line)
            if not 1 <= setting.line <= last:
                problem = f"{setting.name} is said to stand in line {setting.line} of {last}"
                yield VAL005.at(_line(path, 1), path=path, format=format_name, problem=problem)
    except (ValueError, LookupError, TypeError) as error:
        line = int(getattr(error, "line", None) or getattr(error, "lineno", None) or 1)
        problem = f"{type(error).__name__}: {error}"
        yield VAL005.at(_line(path, min(line, last)), path=path, format=format_name, problem=problem)


def check_body(path: str, data: Any, schema_name: str, check: Check) -> Iterator[Finding]:
    """Check a structured body's data, told at the manifest paths of the values; `check` is from `compiled`."""
    for fault in check(data, (), None):
        where = _shown(fault.where)
        yield VAL006.at(*_places(fault.origin, path), path=path, where=where, problem=fault.problem, schema=schema_name)


def check_document(path: str, content: bytes, schema_name: str, schema: Mapping[str, Any]) -> Iterator[Finding]:
    """Check a YAML or JSON file's bytes with jsonschema, told at their lines. For `pgc validate` and the tests."""
    import jsonschema  # type: ignore[import-untyped]

    from pgc import source

    try:
        document = source.read(content, path)
    except source.Unreadable as unreadable:
        yield from unreadable.findings
        return
    validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)(schema)
    for error in sorted(
        validator.iter_errors(document.data), key=lambda each: [str(part) for part in each.absolute_path]
    ):
        place = Path(error.absolute_path)
        yield VAL006.at(
            document.span(place), path=path, where=_shown(tuple(place)), problem=error.message, schema=schema_name
        )


@functools.cache
def read_schema(package: str, name: str) -> Mapping[str, Any]:
    """Return a schema from the `schemas/` beside a plugin's module.

    Raises:
        FileNotFoundError: there is none of this name.
    """
    file = FilePath(sys.modules[package].__file__ or ".").parent / "schemas" / name
    if not file.is_file():
        raise FileNotFoundError(f"{package} names the schema {name}, and there is no such file")
    schema: Mapping[str, Any] = json.loads(file.read_bytes())
    return schema


@functools.cache
def compiled(package: str, name: str) -> Check:
    """Return the check of a schema. Raises FileNotFoundError, or ValueError where shape.py does not know a keyword."""
    return compile_schema(read_schema(package, name))


def _places(origin: Origin | None, path: str) -> tuple[Path | Span, ...]:
    return origin.paths if origin is not None and origin.paths else (_line(path, 1),)


def _line(path: str, line: int) -> Span:
    return Span(path, line, 1, line, 1)


def _shown(where: tuple[str | int, ...]) -> str:
    return str(Path(where)) if where else "the whole file"
