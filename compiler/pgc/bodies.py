"""Structured formats, dumped from data by emitters that know the origin of each line: YAML, JSON, INI, environment files.

Values may be wrapped in Sourced anywhere in the data. Text formats are templates: see templating.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pgc.artifact import Lines, Unrepresentable
from pgc.provenance import Origin, Sourced, bare

Line = tuple[str, tuple[Origin, ...]]

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+=@%-]*(?:[ :][A-Za-z0-9_./+=@%-]+)*\Z")
_NOT_A_STRING = re.compile(r"(?:null|true|false|yes|no|on|off|y|n|\.inf|\.nan)\Z", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


class _Emitted:
    """Shared by all bodies: text and trace come from one list of lines."""

    __slots__ = ()

    def lines(self) -> Iterable[Line]:
        raise NotImplementedError

    def text(self) -> str:
        return "\n".join([line for line, _ in self.lines()]) + "\n"

    def traced(self) -> tuple[str, Lines]:
        lines = list(self.lines())
        return "\n".join([line for line, _ in lines]) + "\n", tuple([origins for _, origins in lines])


@dataclass(frozen=True, slots=True, eq=False)
class Yaml(_Emitted):
    """Block-style YAML of mappings, lists and scalars, in the order of the data. `head` are comment lines without the `#`."""

    data: Mapping[str, Any]
    head: tuple[str, ...] = ()

    def lines(self) -> Iterable[Line]:
        lines = list(_comments(self.head))
        _yaml(self.data, "", (), lines)
        return lines


@dataclass(frozen=True, slots=True, eq=False)
class Json(_Emitted):
    """JSON with two blanks of indentation, in the order of the data."""

    data: Any

    def lines(self) -> Iterator[Line]:
        yield from _json(self.data, "", "", "", ())


@dataclass(frozen=True, slots=True, eq=False)
class Ini(_Emitted):
    """Sections of `key = value` lines. A key may repeat (systemd). A newline in a value is refused.

    `sections` is a sequence of (name, rows); a row is (key, value). `equals` is " = " for INI files, "=" for systemd units.
    """

    sections: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]
    head: tuple[str, ...] = ()
    equals: str = " = "
    comment: str = ";"

    def lines(self) -> Iterator[Line]:
        yield from _comments(self.head, self.comment)
        for index, (name, rows) in enumerate(self.sections):
            if index or self.head:
                yield "", ()
            yield f"[{_one_line(name, None)}]", ()
            for key, value in rows:
                yield from self._row(key, value)

    def _row(self, key: str, value: Any) -> Iterator[Line]:
        value, origins = _open(value, ())
        yield f"{_one_line(key, None)}{self.equals}{_one_line(value, origins)}".rstrip(), origins


def unit(*sections: tuple[str, Iterable[tuple[str, Any]]], head: tuple[str, ...] = ()) -> Ini:
    """Make a systemd unit file; `%` in a value is the caller's to escape."""
    return Ini(tuple((name, tuple(rows)) for name, rows in sections), head, "=", "#")


@dataclass(frozen=True, slots=True, eq=False)
class Env(_Emitted):
    """A systemd EnvironmentFile: `NAME="value"`, with the value's quotes, backslashes, `$` and backticks escaped."""

    values: Mapping[str, Any]
    head: tuple[str, ...] = ()

    def lines(self) -> Iterator[Line]:
        yield from _comments(self.head)
        for name, value in self.values.items():
            value, origins = _open(value, ())
            if not _VARIABLE.match(name):
                raise Unrepresentable("a character that no variable's name has", name, origins[0] if origins else None)
            yield f"{name}={encode_env(_one_line(value, origins))}", origins


def encode_env(value: str) -> str:
    """Quote a value for an EnvironmentFile. Source: systemd.exec(5), EnvironmentFile=: C-style escapes in double quotes."""
    return '"' + re.sub(r'(["\\$`])', r"\\\1", _one_line(value, None)) + '"'


@dataclass(frozen=True, slots=True, eq=False)
class Plain(_Emitted):
    """Lines of a format so simple that it needs neither dumper nor template: each row is text or a Sourced text."""

    rows: tuple[Any, ...]

    def text(self) -> str:
        rows = [row if type(row) is str else str(bare(row)) for row in self.rows]
        text = "\n".join(rows)
        if text.count("\n") != len(rows) - 1 or _CONTROL.search(text.replace("\n", "")):
            return super(Plain, self).text()  # finds the row that breaks its line, and refuses it
        return text + "\n"

    def lines(self) -> Iterator[Line]:
        for row in self.rows:
            value, origins = _open(row, ())
            yield _one_line(value, origins), origins


# ── emitters ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _comments(head: tuple[str, ...], mark: str = "#") -> Iterator[Line]:
    for line in head:
        yield f"{mark} {_one_line(line, None)}".rstrip(), ()


def _open(value: Any, origins: tuple[Origin, ...]) -> tuple[Any, tuple[Origin, ...]]:
    """Unwrap a value; an origin of its own replaces the ones inherited from above."""
    if isinstance(value, Sourced):
        return value.value, (value.origin,)
    return value, origins


def _one_line(value: Any, origins: tuple[Origin, ...] | None) -> str:
    if value is True or value is False:
        return "on" if value else "off"
    text = str(value)
    if _CONTROL.search(text):
        raise Unrepresentable("a control character or line break", text, origins[0] if origins else None)
    return text


def _yaml(data: Any, indent: str, origins: tuple[Origin, ...], lines: list[Line], lead: str = "") -> None:
    """Append the lines of a mapping or a list that is not empty; `lead` stands before the first line instead of the indent."""
    pairs = data.items() if isinstance(data, Mapping) else [(None, value) for value in data]
    before = lead or indent
    for key, value in pairs:
        value, own = (value.value, (value.origin,)) if type(value) is Sourced else (value, origins)
        nested = isinstance(value, _COLLECTIONS) and len(value) > 0
        if key is None:
            if nested:
                _yaml(value, indent + "  ", own, lines, f"{before}- ")
            else:
                lines.append((f"{before}- {yaml_scalar(value)}", own))
        elif nested:
            lines.append((f"{before}{yaml_scalar(key)}:", own))
            _yaml(value, indent + "  ", own, lines)
        else:
            lines.append((f"{before}{yaml_scalar(key)}: {yaml_scalar(value)}", own))
        before = indent


_COLLECTIONS = (dict, list, tuple, Mapping)


@lru_cache(maxsize=16384)
def _string(value: str) -> str:
    return value if _PLAIN.match(value) and not _NOT_A_STRING.match(value) else _text(value)


def yaml_scalar(value: Any) -> str:
    """Write one scalar (or an empty collection) so that any YAML 1.1 or 1.2 reader gets the same value back."""
    if type(value) is str:
        return _string(value)
    if value is True or value is False:
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    raise TypeError(f"{type(value).__name__} has no YAML form")


_encode = json.JSONEncoder(ensure_ascii=False).encode
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def _text(value: str) -> str:
    """Write a string in double quotes as JSON does; YAML reads the same, once what it calls unprintable is escaped too."""
    encoded = _encode(value)
    return (
        encoded
        if encoded.isascii() and "\x7f" not in encoded
        else _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", encoded)
    )


def _json(data: Any, indent: str, head: str, tail: str, origins: tuple[Origin, ...]) -> Iterator[Line]:
    data, origins = _open(data, origins)
    if isinstance(data, Mapping | list | tuple) and data:
        opening, closing = ("{", "}") if isinstance(data, Mapping) else ("[", "]")
        items = (
            [(f"{_text(str(key))}: ", value) for key, value in data.items()]
            if isinstance(data, Mapping)
            else [("", value) for value in data]
        )
        yield f"{indent}{head}{opening}", origins
        for index, (name, value) in enumerate(items):
            yield from _json(value, indent + "  ", name, "," if index < len(items) - 1 else "", origins)
        yield f"{indent}{closing}{tail}", origins
        return
    yield f"{indent}{head}{json.dumps(data if not isinstance(data, tuple) else [], ensure_ascii=False)}{tail}", origins
