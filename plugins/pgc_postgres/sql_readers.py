"""Readers: SQL files statement by statement, `key = value` files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgc.artifact import Setting
from pgc.readers import NotReadable

_TOKEN = re.compile(
    r"""--[^\n]*|/\*|(?<![A-Za-z0-9_$])[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<tag>\$(?:[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)?\$)|;|\\[A-Za-z_!?]+[^\n]*|\n""",
    re.DOTALL | re.VERBOSE,
)
_COMMENT = re.compile(r"/\*|\*/")


def read_sql(content: bytes) -> Iterator[Setting]:
    """Yield the statements of an SQL script for psql, each under the comment that stands before it, with its line.

    Strings, quoted names, dollar quotes, comments and psql's own commands are told apart as psql does. Raises NotReadable.
    """
    text = content.decode()
    seen: dict[str, int] = {}
    for label, statement, line in _statements(text):
        shown = " ".join(statement.split())
        name = f"{label}: {_head(shown)}" if label else _head(shown)
        seen[name] = seen.get(name, 0) + 1
        yield Setting(name if seen[name] == 1 else f"{name}#{seen[name]}", shown, line)


def _head(statement: str) -> str:
    """Return what names a statement: its first words, without the values that a change would change."""
    return statement[:80]


def _statements(text: str) -> Iterator[tuple[str, str, int]]:
    label, start, at, size = "", 0, 0, len(text)
    while at < size:
        found = _TOKEN.search(text, at)
        if found is None:
            break
        token, at = found.group(), found.end()
        blank = not text[start : found.start()].strip()
        if found["tag"]:
            close = text.find(found["tag"], at)
            if close < 0:
                raise NotReadable("a dollar quote is not closed", text.count("\n", 0, found.start()) + 1)
            at = close + len(found["tag"])
        elif token == "/*":
            at = _behind_comment(text, at)
            start = at if blank else start
        elif token.startswith("--"):
            if blank:
                label, start = token[2:].strip(), at
        elif token == "\n":
            start = at if blank else start
        elif token == ";" or token.startswith("\\"):
            end = at
            if not text[start : found.start()].strip() and token == ";":
                start = at
                continue
            first = start + len(text[start:end]) - len(text[start:end].lstrip())
            yield label, text[start:end].strip().removesuffix(";").strip(), text.count("\n", 0, first) + 1
            start = at
    rest = text[start:].strip()
    if rest:
        if rest[0] in "'\"":
            raise NotReadable("a quote is not closed", text.count("\n", 0, start) + 1)
        yield label, rest, text.count("\n", 0, start + len(text[start:]) - len(text[start:].lstrip())) + 1


def _behind_comment(text: str, at: int) -> int:
    """Return the place behind a comment that may hold others. Raises NotReadable."""
    depth = 1
    while depth:
        found = _COMMENT.search(text, at)
        if found is None:
            raise NotReadable("a comment is not closed", text.count("\n", 0, at) + 1)
        depth += 1 if found.group() == "/*" else -1
        at = found.end()
    return at


def read_pairs(content: bytes) -> Iterator[Setting]:
    """Yield the pairs of a `key = value` file (sysctl.d, createcluster.conf). Raises NotReadable."""
    seen: dict[str, int] = {}
    for number, raw in enumerate(content.decode().split("\n"), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            raise NotReadable("not key = value", number)
        name = key.strip()
        seen[name] = seen.get(name, 0) + 1
        yield Setting(name if seen[name] == 1 else f"{name}#{seen[name]}", value.strip(), number)
