"""YAML and JSON become nodes that know their lines. What is made of them is the business of `pgc.readers`."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any

MAX_DEPTH = 100
MAX_SETTINGS = 200_000

_quote = json.JSONEncoder(ensure_ascii=False).encode


class NotReadable(ValueError):
    """The bytes are not what their format says: `problem` says why, `line` where (0: unknown).

    compare() takes it for an unknown change, which ranks worst; it is never a harmless one.
    """

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {problem}" if line else problem)
        self.problem, self.line = problem, line


@dataclass(slots=True)
class Node:
    """A parsed value: a text, a list of nodes, or a list of (key, node)."""

    kind: str  # "scalar", "list", "map"
    value: Any
    line: int
    members: int = field(default=1)


# YAML 1.1 readers, which most products have, take these for something else than text.
_LOOKS_TYPED = re.compile(
    r"(?:|~|null|true|false|yes|no|on|off|y|n|[-+.]?[0-9].*|[-+]?\.(?:inf|nan))\Z", re.IGNORECASE | re.DOTALL
)
_CONSTANTS = {"": "null", "~": "null", "Null": "null", "NULL": "null", "True": "true", "TRUE": "true",
              "False": "false", "FALSE": "false"}  # fmt: skip


def yaml_documents(text: str) -> list[Node]:
    """Parse YAML, aliases and merge keys resolved. Raises NotReadable."""
    import yaml  # type: ignore[import-untyped,unused-ignore]

    events = _YamlEvents(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), text)
    try:
        return events.documents()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = events.line(mark) if mark else 0
        raise NotReadable(f"not YAML: {error.problem or error.context}", line) from None
    except yaml.YAMLError as error:
        raise NotReadable(f"not YAML: {str(error).splitlines()[0]}") from None


def _line_breaks(text: str) -> list[int]:
    """Return the line of each line as YAML 1.1 counts, which breaks at more characters; nothing where all agree."""
    if not re.search("\r(?!\n)|[\x85\u2028\u2029]", text):
        return []
    lines = [1]
    for found in re.finditer("\r\n|[\r\n\x85\u2028\u2029]", text):
        lines.append(lines[-1] + found.group().endswith("\n"))
    return lines


class _YamlEvents:
    """Builds nodes from the parser's events; one instance a file."""

    def __init__(self, events: Iterator[Any], text: str) -> None:
        self.next = events.__next__
        self.lines, self.last = _line_breaks(text), text.count("\n") + 1
        self.anchors: dict[str, Node] = {}

    def line(self, mark: Any) -> int:
        """Return a mark's line; the end of the text may be marked one line behind it."""
        if self.lines:
            return self.lines[min(int(mark.line), len(self.lines) - 1)]
        return min(int(mark.line) + 1, self.last)

    def documents(self) -> list[Node]:
        found: list[Node] = []
        self.next()  # stream start
        while type(self.next()).__name__ == "DocumentStartEvent":
            self.anchors.clear()
            found.append(self.node(self.next(), 0))
            self.next()  # document end
        return found

    def node(self, event: Any, depth: int) -> Node:
        kind = type(event).__name__
        line = self.line(event.start_mark)
        if depth > MAX_DEPTH:
            raise NotReadable(f"nested deeper than {MAX_DEPTH} levels", line)
        if kind == "AliasEvent":
            if event.anchor not in self.anchors:
                raise NotReadable(f"no anchor &{event.anchor} above", line)
            return self.anchors[event.anchor]
        if kind == "ScalarEvent":
            node = Node("scalar", _yaml_value(event), line)
        elif kind == "SequenceStartEvent":
            node = self.sequence(line, depth)
        else:
            node = self.mapping(line, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def sequence(self, line: int, depth: int) -> Node:
        node = Node("list", [], line)
        while type(event := self.next()).__name__ != "SequenceEndEvent":
            self.count(node, self.node(event, depth + 1))
        return node

    def mapping(self, line: int, depth: int) -> Node:
        node = Node("map", [], line)
        merged: list[Node] = []
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

    def count(self, node: Node, child: Node, key: str | None = None) -> None:
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


def json_document(text: str) -> Node:
    """Parse JSON. Raises NotReadable."""
    return _JsonText(text).document()


_BLANK = re.compile(r"[ \t\r\n]*")
_ATOM = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


class _JsonText:
    """A JSON parser that knows lines; one instance a file. Strings are scanned by the standard library's C code."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def document(self) -> Node:
        node = self.value(0)
        if self.peek():
            raise NotReadable("something stands behind the end", self.line())
        return node

    def line(self) -> int:
        return bisect_right(self.starts, self.at)

    def peek(self) -> str:
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]
        return self.text[self.at : self.at + 1]

    def value(self, depth: int) -> Node:
        first, line = self.peek(), self.line()
        if depth > MAX_DEPTH:
            raise NotReadable(f"nested deeper than {MAX_DEPTH} levels", line)
        if first == '"':
            text = self.string()
            return Node("scalar", _quote(text) if _LOOKS_TYPED.match(text) else text, line)
        if first in ("{", "["):
            return self.members(first, line, depth)
        found = _ATOM.match(self.text, self.at)
        if not found:
            raise NotReadable("a JSON value is missing", line)
        self.at = found.end()
        return Node("scalar", found.group(), line)

    def members(self, opening: str, line: int, depth: int) -> Node:
        node = Node("map" if opening == "{" else "list", [], line)
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
