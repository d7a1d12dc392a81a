"""Pieces of Markdown, written from data: tables, commands. For pages whose length is in their rows, where a template is slow.

Text from the manifest goes through `escaped`; a cell never ends its table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pgc.templating import Block
from pgc.templating import markdown as escaped

__all__ = ["command", "escaped", "table"]


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Block:
    """Write a table. A cell's line breaks become blanks, its bars are escaped; other markup in it is the caller's."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join([_cell(cell) for cell in row])} |" for row in rows]
    return Block("\n".join(lines))


def _cell(value: Any) -> str:
    text = str(value)
    if "|" in text or "\n" in text:
        text = " ".join(text.split("\n")).replace("|", "\\|")
    return text


def command(text: str, indent: str = "") -> Iterator[str]:
    """Yield the lines of a shell command in a fence that its own text cannot end."""
    fence = "````" if "```" in text else "```"
    yield f"{indent}{fence}sh"
    yield f"{indent}{text}"
    yield f"{indent}{fence}"
