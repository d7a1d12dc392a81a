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
from collections.abc import Iterator
from dataclasses import dataclass

from pgc.artifact import Setting
from pgc.documents import MAX_SETTINGS, Node, NotReadable, json_document, yaml_documents

__all__ = ["Item", "NotReadable", "read_env", "read_ini", "read_json", "read_lines", "read_yaml"]

IDENTITIES = ("name", "id", "uid", "alert", "record", "job_name", "title", "alias", "host", "path")
"""What names a mapping inside a list, the first that it has: `- alert: PostgresDown` is `rules[alert=PostgresDown]`."""


@dataclass(frozen=True, slots=True)
class Item(Setting):
    """An item of the ordered list named `sequence`; items that change places relative to each other have moved."""

    sequence: str = ""


def read_yaml(content: bytes) -> Iterator[Setting]:
    """Read YAML: dotted paths, aliases and merge keys resolved. Raises NotReadable."""
    return _unique(_flatten_all(yaml_documents(_text(content))))


def read_json(content: bytes) -> Iterator[Setting]:
    """Read JSON: dotted paths. Raises NotReadable."""
    return _unique(_flatten_all([json_document(_text(content))]))


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


def _flatten_all(documents: list[Node]) -> Iterator[Setting]:
    for index, document in enumerate(documents):
        yield from _flatten(document, "" if index == 0 else f"document#{index + 1}", document.line)


def _flatten(node: Node, name: str, line: int) -> Iterator[Setting]:
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


def _item(node: Node, sequence: str, index: int, taken: dict[str, int]) -> Iterator[Setting]:
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


def _identity(node: Node) -> str | None:
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
