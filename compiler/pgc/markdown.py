"""Pieces of Markdown, written from data: tables, commands. For pages whose length is in their rows, where a template is slow.

Text from the manifest goes through `escaped`; a cell never ends its table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pgc.templating import Block
from pgc.templating import markdown as escaped

__all__ = ["code", "command", "escaped", "table"]

_BAR = re.compile(r"(?<!\\)((?:\\\\)*)\|")
_TICKS = re.compile("`+")


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Block:
    """Write a table. A cell's line breaks become blanks, its bars are escaped unless they are; other markup is the caller's."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join([_cell(cell) for cell in row])} |" for row in rows]
    return Block("\n".join(lines))


def _cell(value: Any) -> str:
    text = str(value)
    if "|" in text or "\n" in text:
        text = _BAR.sub(r"\1\\|", " ".join(text.split("\n")))
    return text


def code(text: str) -> str:
    """Write a text as code that its own backticks cannot end."""
    fence = "`" * (1 + max(map(len, _TICKS.findall(text)), default=0))
    blank = " " if text[:1] in "` " or text[-1:] in "` " else ""
    return f"{fence}{blank}{text}{blank}{fence}"


def command(text: str, indent: str = "") -> Iterator[str]:
    """Yield the lines of a shell command in a fence that its own text cannot end."""
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(text)), default=0))
    yield f"{indent}{fence}sh"
    yield f"{indent}{text}"
    yield f"{indent}{fence}"
