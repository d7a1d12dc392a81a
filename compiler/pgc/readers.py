"""Readers that plugins share: the bytes of a common dialect become what they say, each setting with its line.

Names are stable where meaning is: a setting keeps its name when lines above it come or go. Items of a list are named by
what they say and not by their place, so that an inserted item is one change and one that moved is a move (see Item).

    read_yaml(b"ttl: 30\\npg_hba:\\n- local all all peer\\n")
        -> Setting("ttl", "30", 1), Item("pg_hba[local all all peer]", "local all all peer", 3, sequence="pg_hba")

A segment of a name that is not a plain word stands in double quotes: `parameters."pg_stat_statements.max"`. A name that
would come up a second time in a file gets an ordinal: `Service.ExecStartPre#2`.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any

from pgc.artifact import Setting

MAX_DEPTH = 100
MAX_SETTINGS = 200_000

IDENTITIES = ("name", "id", "uid", "alert", "record", "job_name", "title", "alias", "host", "path")
"""What names a mapping inside a list, the first that it has: `- alert: PostgresDown` is `rules[alert=PostgresDown]`."""


class NotReadable(ValueError):
    """The bytes are not what their format says: `problem` says why, `line` where (0: unknown).

    compare() takes it for an unknown change, which ranks worst; it is never a harmless one.
    """

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {problem}" if line else problem)
        self.problem, self.line = problem, line


@dataclass(frozen=True, slots=True)
class Item(Setting):
    """An item of the ordered list named `sequence`; items that change places relative to each other have moved."""

    sequence: str = ""


@dataclass(slots=True)
class _Node:
    """A parsed value: a text, a list of nodes, or a list of (key, node)."""

    kind: str  # "scalar", "list", "map"
    value: Any
    line: int
    members: int = field(default=1)


def read_yaml(content: bytes) -> Iterator[Setting]:
    """Read YAML: dotted paths, aliases and merge keys resolved. Raises NotReadable."""
    return _unique(_flatten_all(_yaml_documents(_text(content))))


def read_json(content: bytes) -> Iterator[Setting]:
    """Read JSON: dotted paths. Raises NotReadable."""
    return _unique(_flatten_all([_JsonText(_text(content)).document()]))


def read_ini(content: bytes) -> Iterator[Setting]:
    """Read INI files and systemd units: `section.key`; a backslash at a line's end joins the next. Raises NotReadable.

    A key that repeats, as in units, gets an ordinal; a key without `=` has an empty value; keys before the first
    section have no prefix.
    """
    return _unique(_ini(_text(content)))


def read_env(content: bytes) -> Iterator[Setting]:
    """Read an EnvironmentFile: `NAME=value` with quotes and escapes taken off. Raises NotReadable.

    Source: systemd.exec(5), EnvironmentFile=.
    """
    return _unique(_env(_text(content)))


def read_lines(content: bytes) -> Iterator[Setting]:
    """Read a file whose lines are its settings, in an order that matters (pg_hba.conf). Raises NotReadable.

    Blank lines and lines that begin with `#` say nothing; blanks between words count as one, except inside quotes.
    """
    return _unique(_lines(_text(content)))


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotReadable("not UTF-8 text", content.count(b"\n", 0, error.start) + 1) from None


def _unique(settings: Iterator[Setting]) -> Iterator[Setting]:
    """Give every name once: the second `x` becomes `x#2`, or the next ordinal that is free."""
    seen: dict[str, int] = {}
    for count, setting in enumerate(settings):
        if count >= MAX_SETTINGS:
            raise NotReadable(f"more than {MAX_SETTINGS} settings", setting.line)
        name = setting.name
        if name in seen:
            ordinal = seen[name] + 1
            while f"{name}#{ordinal}" in seen:
                ordinal += 1
            seen[name], name = ordinal, f"{name}#{ordinal}"
            if isinstance(setting, Item):
                setting = Item(name, setting.value, setting.line, setting.sequence)
            else:
                setting = Setting(name, setting.value, setting.line)
        seen[name] = 1
        yield setting


# ── trees: YAML and JSON ─────────────────────────────────────────────────────────────────────────────────────────────

_WORD = re.compile(r"[A-Za-z0-9_*:/@+-]+\Z")
_quote = json.JSONEncoder(ensure_ascii=False).encode


def _segment(key: str) -> str:
    return key if _WORD.match(key) else _quote(key)


def _flatten_all(documents: list[_Node]) -> Iterator[Setting]:
    for index, document in enumerate(documents):
        yield from _flatten(document, "" if index == 0 else f"document#{index + 1}", document.line)


def _flatten(node: _Node, name: str, line: int) -> Iterator[Setting]:
    """Yield the leaves below a node; `line` is where its key stands."""
    if node.kind == "scalar":
        yield Setting(name, node.value, node.line)
    elif not node.value:
        yield Setting(name, "{}" if node.kind == "map" else "[]", line)
    elif node.kind == "map":
        for key, child in node.value:
            below = f"{name}.{_segment(key)}" if name else _segment(key)
            yield from _flatten(child, below, child.line)
    else:
        taken: dict[str, int] = {}
        for index, child in enumerate(node.value):
            yield from _item(child, name, index, taken)


def _item(node: _Node, sequence: str, index: int, taken: dict[str, int]) -> Iterator[Setting]:
    """Yield the leaves of a list's item; one of them is the Item that holds its place."""
    identity = _identity(node)
    label = f"#{index + 1}" if identity is None else identity
    taken[label] = taken.get(label, 0) + 1
    if taken[label] > 1 and node.kind == "map":
        label = f"{label}#{taken[label]}"
    name = f"{sequence}[{label}]"
    if node.kind == "scalar":
        yield Item(name, node.value, node.line, sequence)
    elif node.kind == "map" and len(node.value) == 1 and node.value[0][1].kind == "scalar" and "=" not in label:
        yield Item(name, node.value[0][1].value, node.line, sequence)
    else:
        own = label.partition("=")[0] if identity is not None else ""
        for setting in _flatten(node, name, node.line):
            holds = own and setting.name == f"{name}.{own}"
            yield Item(setting.name, setting.value, setting.line, sequence) if holds else setting


def _identity(node: _Node) -> str | None:
    """Return what names a list's item: its text, its identifying key and value, or its only key; None if nothing."""
    if node.kind == "scalar":
        return str(node.value)
    if node.kind == "map":
        scalars = {key: child.value for key, child in node.value if child.kind == "scalar"}
        for key in IDENTITIES:
            if key in scalars:
                return f"{key}={scalars[key]}"
        if len(node.value) == 1:
            return _segment(node.value[0][0])
    return None


# YAML 1.1 readers, which most products have, take these for something else than text.
_LOOKS_TYPED = re.compile(
    r"(?:|~|null|true|false|yes|no|on|off|y|n|[-+.]?[0-9].*|[-+]?\.(?:inf|nan))\Z", re.IGNORECASE | re.DOTALL
)
_CONSTANTS = {"": "null", "~": "null", "Null": "null", "NULL": "null", "True": "true", "TRUE": "true",
              "False": "false", "FALSE": "false"}  # fmt: skip


def _yaml_documents(text: str) -> list[_Node]:
    import yaml  # type: ignore[import-untyped,unused-ignore]

    events = _YamlEvents(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), _line_breaks(text))
    try:
        return events.documents()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(events.line(mark), text.count("\n") + 1) if mark else 0
        raise NotReadable(f"not YAML: {error.problem or error.context}", line) from None
    except yaml.YAMLError as error:
        raise NotReadable(f"not YAML: {str(error).splitlines()[0]}") from None


def _line_breaks(text: str) -> list[int]:
    """Return the line of each line as YAML 1.1 counts, which breaks at more characters; nothing where all is the same."""
    if not re.search("\r(?!\n)|[\x85\u2028\u2029]", text):
        return []
    lines = [1]
    for found in re.finditer("\r\n|[\r\n\x85\u2028\u2029]", text):
        lines.append(lines[-1] + found.group().endswith("\n"))
    return lines


class _YamlEvents:
    """Builds nodes from the parser's events; one instance a file."""

    def __init__(self, events: Iterator[Any], lines: list[int]) -> None:
        self.next = events.__next__
        self.lines = lines
        self.anchors: dict[str, _Node] = {}

    def line(self, mark: Any) -> int:
        if self.lines:
            return self.lines[min(mark.line, len(self.lines) - 1)]
        return int(mark.line) + 1

    def documents(self) -> list[_Node]:
        found: list[_Node] = []
        self.next()  # stream start
        while type(self.next()).__name__ == "DocumentStartEvent":
            self.anchors.clear()
            found.append(self.node(self.next(), 0))
            self.next()  # document end
        return found

    def node(self, event: Any, depth: int) -> _Node:
        kind = type(event).__name__
        line = self.line(event.start_mark)
        if depth > MAX_DEPTH:
            raise NotReadable(f"nested deeper than {MAX_DEPTH} levels", line)
        if kind == "AliasEvent":
            if event.anchor not in self.anchors:
                raise NotReadable(f"no anchor &{event.anchor} above", line)
            return self.anchors[event.anchor]
        if kind == "ScalarEvent":
            node = _Node("scalar", _yaml_value(event), line)
        elif kind == "SequenceStartEvent":
            node = self.sequence(line, depth)
        else:
            node = self.mapping(line, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def sequence(self, line: int, depth: int) -> _Node:
        node = _Node("list", [], line)
        while type(event := self.next()).__name__ != "SequenceEndEvent":
            self.count(node, self.node(event, depth + 1))
        return node

    def mapping(self, line: int, depth: int) -> _Node:
        node = _Node("map", [], line)
        merged: list[_Node] = []
        while type(event := self.next()).__name__ != "MappingEndEvent":
            if type(event).__name__ != "ScalarEvent":
                raise NotReadable("a key that is not a plain value", self.line(event.start_mark))
            key, style = event.value, event.style
            child = self.node(self.next(), depth + 1)
            if key == "<<" and not style and child.kind != "scalar":
                merged += child.value if child.kind == "list" else [child]
            else:
                self.count(node, child, key)
        own = {key for key, _ in node.value}
        for below in merged:
            for key, child in below.value if below.kind == "map" else ():
                if key not in own:
                    own.add(key)
                    self.count(node, child, key)
        return node

    def count(self, node: _Node, child: _Node, key: str | None = None) -> None:
        node.value.append(child if key is None else (key, child))
        node.members += child.members
        if node.members > MAX_SETTINGS:
            raise NotReadable(f"more than {MAX_SETTINGS} values", child.line)


def _yaml_value(event: Any) -> str:
    """Write a scalar so that text and what only looks like it differ: `yes` and `"yes"`."""
    text = str(event.value)
    if event.tag and event.tag != "!":
        return f"{event.tag} {text}".rstrip()
    if event.style:
        return _quote(text) if _LOOKS_TYPED.match(text) else text
    return _CONSTANTS.get(text, text)


_BLANK = re.compile(r"[ \t\r\n]*")
_ATOM = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


class _JsonText:
    """A JSON parser that knows lines; one instance a file. Strings are scanned by the standard library's C code."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def document(self) -> _Node:
        node = self.value(0)
        if self.peek():
            raise NotReadable("something stands behind the end", self.line())
        return node

    def line(self) -> int:
        return bisect_right(self.starts, self.at)

    def peek(self) -> str:
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]
        return self.text[self.at : self.at + 1]

    def value(self, depth: int) -> _Node:
        first, line = self.peek(), self.line()
        if depth > MAX_DEPTH:
            raise NotReadable(f"nested deeper than {MAX_DEPTH} levels", line)
        if first == '"':
            text = self.string()
            return _Node("scalar", _quote(text) if _LOOKS_TYPED.match(text) else text, line)
        if first in ("{", "["):
            return self.members(first, line, depth)
        found = _ATOM.match(self.text, self.at)
        if not found:
            raise NotReadable("a JSON value is missing", line)
        self.at = found.end()
        return _Node("scalar", found.group(), line)

    def members(self, opening: str, line: int, depth: int) -> _Node:
        node = _Node("map" if opening == "{" else "list", [], line)
        closing = "}" if opening == "{" else "]"
        self.at += 1
        if self.peek() == closing:
            self.at += 1
            return node
        while True:
            if opening == "{":
                self.want('"')
                key = self.string()
                self.want(":")
                self.at += 1
                node.value.append((key, self.value(depth + 1)))
            else:
                node.value.append(self.value(depth + 1))
            if self.peek() == closing:
                self.at += 1
                return node
            self.want(",")
            self.at += 1

    def want(self, character: str) -> None:
        if self.peek() != character:
            raise NotReadable(f"`{character}` is missing", self.line())

    def string(self) -> str:
        try:
            text, self.at = scanstring(self.text, self.at + 1, True)
        except ValueError:
            raise NotReadable("a damaged string", self.line()) from None
        return str(text)


# ── lines: INI, environment files, plain lines ───────────────────────────────────────────────────────────────────────


def _joined(text: str, comments: str) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of what is neither blank nor a comment; a backslash at the end joins the next line."""
    start, parts = 0, ""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if line[:1] in comments:  # the empty line too: "" is in every string
            if parts and not line:
                yield start, parts.strip()
                parts = ""
            continue
        start = start if parts else number
        if line.endswith("\\"):
            parts += line[:-1].rstrip() + " "
            continue
        yield start, parts + line
        parts = ""
    if parts:
        yield start, parts.strip()


def _ini(text: str) -> Iterator[Setting]:
    prefix = ""
    for number, line in _joined(text, "#;"):
        if line.startswith("["):
            if not line.endswith("]"):
                raise NotReadable("a section's name is not closed", number)
            prefix = _segment(line[1:-1].strip()) + "."
            continue
        key, _, value = line.partition("=")
        if not key.strip():
            raise NotReadable("a value without a name", number)
        yield Setting(prefix + _segment(key.strip()), value.strip(), number)


_ENV_NAME = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*\Z")
_ENV_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\Z', re.DOTALL)
_ENV_SINGLE = re.compile(r"'([^']*)'\Z")


def _env(text: str) -> Iterator[Setting]:
    for number, line in _joined(text, "#;"):
        name, equals, value = line.partition("=")
        found = _ENV_NAME.match(name)
        if not (equals and found):
            raise NotReadable("not NAME=value", number)
        yield Setting(found.group(1), _env_value(value.strip(), number), number)


def _env_value(value: str, line: int) -> str:
    if value.startswith('"'):
        found = _ENV_DOUBLE.match(value)
        if not found:
            raise NotReadable("a quote is not closed", line)
        return re.sub(r'\\(["\\$`])', r"\1", found.group(1))
    if value.startswith("'"):
        found = _ENV_SINGLE.match(value)
        if not found:
            raise NotReadable("a quote is not closed", line)
        return found.group(1)
    return value


_SPACES = re.compile(r'("[^"]*")|\s+')


def _lines(text: str) -> Iterator[Setting]:
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if line and not line.startswith("#"):
            name = _SPACES.sub(lambda found: str(found.group(1) or " "), line)
            yield Item(name, name, number, "lines")
