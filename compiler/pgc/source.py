"""Text becomes plain values, and every value keeps the place where it was written.

The C parser's events are walked once, building values and positions together. Scalars follow the YAML 1.2 core schema
(`no` is a string, `0700` is the number 700). Aliases share one node, so a merged key points at its anchor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pgc.diagnostics import Code, Finding, Path, Severity, Span

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 40
MAX_NODES = 1_000_000
MAX_ALIAS_GROWTH = 10
MOST_HIDDEN = 1000
"""Invisible characters that are reported; a file with more of them is no text at all."""

SRC001 = Code(
    "SRC001",
    "not-yaml",
    Severity.ERROR,
    what="this is not YAML: {problem}",
    why="nothing after this place can be read",
    help="mend the syntax here; a string with special characters belongs in quotes",
    example="metadata: {name: orders   # the closing brace is missing",
)
SRC002 = Code(
    "SRC002",
    "duplicate-key",
    Severity.ERROR,
    what="the key {key} stands twice in one mapping",
    why="most readers would silently keep only the last one",
    help="remove one of the two",
    example="postgres:\n  version: 16\n  version: 17",
)
SRC003 = Code(
    "SRC003",
    "key-not-a-string",
    Severity.ERROR,
    what="a mapping's key must be a plain string, and this one is {given}",
    why="no setting has such a name",
    help="write the key as a quoted string",
    example="hosts:\n  [a, b]: {address: 10.0.0.1}",
)
SRC004 = Code(
    "SRC004",
    "unknown-tag",
    Severity.ERROR,
    what="the tag {tag} is not understood",
    why="a manifest holds plain values only; a tag would ask the reader to build something else",
    help="remove the tag",
    example="metadata: !!python/object:os.system {name: x}",
)
SRC005 = Code(
    "SRC005",
    "too-many-aliases",
    Severity.ERROR,
    what="the aliases in this file expand to more than {limit} values",
    why="a small file that grows without end would take all memory (an alias bomb)",
    help="write the repeated values out, or repeat fewer of them",
    example="a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]   # and so on, level after level",
)
SRC006 = Code(
    "SRC006",
    "too-deep",
    Severity.ERROR,
    what="the nesting is deeper than {limit} levels",
    why="no manifest needs it, and deep nesting exhausts the reader",
    help="flatten the structure",
    example="a: [[[[[[[[ … ]]]]]]]]",
)
SRC007 = Code(
    "SRC007",
    "too-large",
    Severity.ERROR,
    what="the file has {given} bytes; the limit is {limit}",
    why="a manifest of that size is a mistake more often than a cluster",
    help="split the manifest into one file a cluster",
    example="(a file of more than 16 MiB)",
)
SRC008 = Code(
    "SRC008",
    "not-text",
    Severity.ERROR,
    what="the file is not UTF-8 text: {problem}",
    why="what cannot be decoded cannot be compiled",
    help="save the file as UTF-8",
    example="(a file saved as UTF-16 or Latin-1)",
)
SRC009 = Code(
    "SRC009",
    "hidden-character",
    Severity.ERROR,
    what="the value holds the invisible character {character}",
    why="a reviewer would read something else than what is compiled",
    help="remove it; write visible characters only",
    example='metadata: {name: "orders\\u202E"}',
)
SRC010 = Code(
    "SRC010",
    "not-one-document",
    Severity.ERROR,
    what="the file holds {given}, and one YAML mapping is wanted",
    why="a manifest is one document whose top level is a mapping",
    help="keep one cluster a file; compile the folder to compile them all",
    example="kind: Cluster\n---\nkind: Cluster",
)
SRC011 = Code(
    "SRC011",
    "unreadable-file",
    Severity.ERROR,
    what="{file} cannot be read: {problem}",
    why="its content is part of what is compiled",
    help="give a readable file inside the manifest's folder",
    example="postgres: {sql: [missing.sql]}",
)
SRC012 = Code(
    "SRC012",
    "bad-merge",
    Severity.ERROR,
    what="`<<` takes a mapping or a list of mappings",
    why="anything else has no keys to merge",
    help="give the alias of a mapping",
    example="a: &a [1]\nb: {<<: *a}",
)
CODES = (SRC001, SRC002, SRC003, SRC004, SRC005, SRC006, SRC007, SRC008, SRC009, SRC010, SRC011, SRC012)

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_INT = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z|[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_CONSTANTS = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_CORE_TAGS = {"tag:yaml.org,2002:" + name for name in ("str", "int", "float", "bool", "null", "map", "seq")}


class Unreadable(Exception):
    """A source that cannot be read on; carries every finding of the stage."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        super().__init__()
        self.findings = tuple(findings)


@dataclass(slots=True)
class Node:
    """One value with its place; `children` maps a key or an index to the child, `keys` a key to where it was written."""

    value: Any
    span: Span
    children: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str, Span] = field(default_factory=dict)
    size: int = 1


@dataclass(frozen=True, slots=True)
class Source:
    """A manifest as plain values, each with its span. Never changed after it was built."""

    file: str
    root: Node
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        return self.root.value  # type: ignore[no-any-return]

    def has(self, path: Path) -> bool:
        """Say whether the manifest itself has a value at `path`."""
        node = self.root
        for part in path:
            if part not in node.children:
                return False
            node = node.children[part]
        return True

    def span(self, path: Path, *, of_key: bool = False) -> Span:
        """Return where `path` was written, or its deepest written ancestor; `of_key` gives the key instead of the value."""
        node, span = self.root, self.root.span
        for index, part in enumerate(path):
            child = node.children.get(part)
            if child is None:
                return node.keys.get(str(path[index - 1]), span) if index == 0 else span
            if of_key and index == len(path) - 1 and isinstance(part, str):
                return node.keys.get(part, child.span)
            node, span = child, child.span
        return span


def read(text: bytes, file: str) -> Source:
    """Turn a manifest's bytes into a Source.

    Raises:
        Unreadable: with every finding of this stage; a syntax error ends the reading, all others are collected.
    """
    import yaml

    whole = Span(file, 1, 1, 1, 1)
    if len(text) > MAX_BYTES:
        raise Unreadable([SRC007.at(whole, given=len(text), limit=MAX_BYTES)])
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise Unreadable([SRC008.at(Span(file, line, 1, line, 1), problem=error.reason)]) from None
    if hidden := list(_hidden_characters(decoded, file)):
        raise Unreadable(hidden)
    walker = _Walker(file, decoded)
    try:
        root = walker.document(yaml.parse(decoded, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        span = Span(file, mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 1) if mark else whole
        raise Unreadable([*walker.findings, SRC001.at(_inside(span, decoded), problem=error.problem or "")]) from None
    except yaml.YAMLError as error:
        raise Unreadable([SRC001.at(whole, problem=str(error).splitlines()[0])]) from None
    if walker.findings:
        raise Unreadable(walker.findings)
    return Source(file, root)


def merge(base: Node, over: Node) -> Node:
    """Lay `over` on `base`: mappings merge key by key, anything else replaces; null removes. Both keep their spans."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    merged = Node({}, over.span, dict(base.children), {**base.keys, **over.keys})
    for key, child in over.children.items():
        below = merged.children.get(key)
        if child.value is None and below is not None:
            del merged.children[key]
        else:
            merged.children[key] = merge(below, child) if below is not None else child
    merged.value = {key: child.value for key, child in merged.children.items()}
    return merged


def environment(source: Source, name: str | None) -> Source:
    """Return the source as the environment `name` sees it: its overrides (if any) merged in, `environments` itself left out."""
    rest = {key: child for key, child in source.root.children.items() if key != "environments"}
    node = Node({key: child.value for key, child in rest.items()}, source.root.span, rest, source.root.keys)
    over = source.root.children["environments"].children[name] if name is not None else None
    if over is not None and over.value is not None:
        node = merge(node, over)
    return Source(source.file, node, source.files)


def _inside(span: Span, text: str) -> Span:
    """Pull a position that points behind the last line back to the text's end."""
    lines = text.splitlines() or [""]
    if span.line <= len(lines):
        return span
    return Span(span.file, len(lines), len(lines[-1]) + 1, len(lines), len(lines[-1]) + 1)


def _hidden_characters(text: str, file: str) -> Iterator[Finding]:
    line, counted = 1, 0
    for found in islice(_HIDDEN.finditer(text.replace("\r\n", " \n")), MOST_HIDDEN):
        at = found.start()
        line, counted = line + text.count("\n", counted, at), at
        column = at - (text.rfind("\n", 0, at) + 1) + 1
        yield _hidden(found.group(), Span(file, line, column, line, column + 1))


def _hidden(character: str, at: Span) -> Finding:
    return SRC009.at(at, character=f"U+{ord(character):04X}")


class _Walker:
    """Builds nodes from parser events; one instance a file."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self.anchors: dict[str, Node] = {}
        self.written = 0
        self.total = 0

    def document(self, events: Iterable[Any]) -> Node:
        stream = iter(events)
        next(stream)  # stream start
        first = next(stream)
        if type(first).__name__ != "DocumentStartEvent":
            raise Unreadable([SRC010.at(Span(self.file, 1, 1, 1, 1), given="nothing")])
        self.next: Callable[[], Any] = stream.__next__
        root = self.node(self.next(), 0)
        self.next()  # document end
        after = self.next()
        if type(after).__name__ != "StreamEndEvent":
            self.findings.append(SRC010.at(self.at(after), given="more than one document"))
        elif not isinstance(root.value, dict):
            self.findings.append(SRC010.at(root.span, given="no mapping"))
        return root

    def at(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        return Span(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def node(self, event: Any, depth: int) -> Node:
        kind = type(event).__name__
        if depth > MAX_DEPTH:
            raise Unreadable([*self.findings, SRC006.at(self.at(event), limit=MAX_DEPTH)])
        if kind == "AliasEvent":
            found = self.anchors.get(event.anchor)
            if found is None:
                raise Unreadable(
                    [*self.findings, SRC001.at(self.at(event), problem=f"no anchor &{event.anchor} above")]
                )
            self.count(found.size, event)
            return found
        self.written += 1
        self.count(1, event)
        if event.tag and event.tag != "!" and event.tag not in _CORE_TAGS:
            self.findings.append(SRC004.at(self.at(event), tag=event.tag))
        if kind == "ScalarEvent":
            node = Node(_scalar(event), self.at(event))
            if event.style == '"' and (hidden := _HIDDEN.search(event.value)):
                self.findings.append(_hidden(hidden.group(), node.span))
        elif kind == "SequenceStartEvent":
            node = self.sequence(event, depth)
        else:
            node = self.mapping(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def count(self, size: int, event: Any) -> None:
        self.total += size
        limit = min(MAX_NODES, max(10_000, self.written * MAX_ALIAS_GROWTH))
        if self.total > limit:
            raise Unreadable([*self.findings, SRC005.at(self.at(event), limit=limit)])

    def sequence(self, start: Any, depth: int) -> Node:
        node = Node([], self.at(start))
        while type(event := self.next()).__name__ != "SequenceEndEvent":
            child = self.node(event, depth + 1)
            node.children[len(node.value)] = child
            node.value.append(child.value)
            node.size += child.size
        return node

    def mapping(self, start: Any, depth: int) -> Node:
        node = Node({}, self.at(start))
        merges: list[Node] = []
        while type(event := self.next()).__name__ != "MappingEndEvent":
            key = self.node(event, depth + 1)
            child = self.node(self.next(), depth + 1)
            node.size += child.size + 1
            if key.value == "<<":
                merges += self.merged(child)
            elif not isinstance(key.value, str):
                self.findings.append(SRC003.at(key.span, given=_kind(key.value)))
            elif key.value in node.children:
                self.findings.append(SRC002.at(key.span, node.keys[key.value], key=key.value))
            else:
                node.children[key.value], node.keys[key.value] = child, key.span
        for below in merges:
            for name, child in below.children.items():
                if name not in node.children:
                    node.children[name], node.keys[str(name)] = child, below.keys[str(name)]
        node.value = {name: child.value for name, child in node.children.items()}
        return node

    def merged(self, child: Node) -> list[Node]:
        parts = list(child.children.values()) if isinstance(child.value, list) else [child]
        if any(not isinstance(part.value, dict) for part in parts):
            self.findings.append(SRC012.at(child.span))
            return []
        return parts


def _scalar(event: Any) -> Any:
    text = event.value
    if event.style or (event.tag and event.tag.endswith(":str")):
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[:1] in "+-.0123456789":
        if len(text) < 400 and _INT.match(text):
            return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10)) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.match(text):
            return float(
                text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").lower().replace(".nan", "nan")
            )
    return text


def _kind(value: Any) -> str:
    return {dict: "a mapping", list: "a list", bool: "true or false", type(None): "empty"}.get(type(value), "a number")
