"""A file for psql, split as psql splits it: into SQL statements and its own commands, which begin with a backslash outside of quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?P<escape>  \b[eE]'(?:[^'\\]|\\.|'')*' )
    | (?P<text>    '(?:[^']|'')*' )
    | (?P<name>    "(?:[^"]|"")*" )
    | (?P<dollar>  \$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$ )
    | (?P<command> \\[^\n]* )
    | (?P<end>     ; )
    | (?P<open>    ['"] | /\* )
    | (?P<other>   [A-Za-z0-9_]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Piece:
    """A statement (`sql`), or a command of psql (`command`); `\\gexec` and its like end the statement before them."""

    kind: str
    text: str


def split(text: str) -> Iterator[Piece]:
    """Yield the pieces of a file.

    Raises:
        ValueError: a quote or a comment is not closed, or a statement has no end.
    """
    statement: list[str] = []
    for found in _TOKEN.finditer(text):
        kind, token = str(found.lastgroup), found.group()
        if kind == "tag":
            kind = "dollar"
        if kind == "open":
            raise ValueError(f"{token} is not closed: {text[found.start() : found.start() + 60]!r}")
        if kind == "comment":
            statement.append(" ")
        elif kind == "command":
            if "".join(statement).strip():
                if not token.startswith(("\\gexec", "\\gset")):
                    raise ValueError(f"{token} stands inside a statement")
                yield Piece("sql", "".join(statement).strip())
            yield Piece("command", token.rstrip())
            statement = []
        elif kind == "end":
            yield Piece("sql", "".join(statement).strip())
            statement = []
        else:
            if (
                token == ":"
                and re.match(r":['\"A-Za-z{]", text[found.start() :])
                and not text[: found.start()].endswith(":")
            ):
                raise ValueError(f"a variable of psql: {text[found.start() : found.start() + 60]!r}")
            statement.append(token)
    if "".join(statement).strip():
        raise ValueError(f"a statement without an end: {''.join(statement).strip()[:60]!r}")
