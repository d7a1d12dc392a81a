"""Nobody's text becomes a command to the place where it is shown: terminals, workflow logs, Markdown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TextIO

from pgc.diagnostics import visible

ONE_LINE = 120
LONG = 2_000


def plain(text: str, limit: int = LONG) -> str:
    """Make text safe for one line of a terminal or a workflow log.

    Control and direction characters are escaped; so is what GitHub's runner would take for a command: `::` where a line
    may begin with it, `##[` anywhere. Source: actions/runner, ActionCommand.TryParseV2 and TryParse.
    """
    shown = _defused(visible(text, limit))
    rest = shown.lstrip()
    return f"\\u003a{rest[1:]}" if rest.startswith("::") else shown


def piece(text: str, limit: int = 10_000) -> str:
    """Make text safe that does not begin a line; a tab becomes one blank."""
    return _defused(visible(text.replace("\t", " "), limit))


def _defused(text: str) -> str:
    return text.replace("##[", "#\\u0023[")


def fits(text: str, limit: int) -> str:
    """Make text safe and cut it to `limit` characters, keeping both ends."""
    shown = plain(text)
    if len(shown) <= limit:
        return shown
    head = (limit - 1) * 2 // 3
    return f"{shown[:head]}…{shown[-(limit - 1 - head):]}"


def narrowed(old: str, new: str, limit: int) -> tuple[str, str]:
    """Show two long texts side by side: what they share at both ends is cut first, so that the difference is seen."""
    if max(len(plain(old)), len(plain(new))) <= limit:
        return plain(old), plain(new)
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    keep = limit // 4
    start, end = max(0, start - keep), max(0, end - keep)
    mark, tail = "…" if start else "", "…" if end else ""
    return tuple(fits(f"{mark}{text[start : len(text) - end]}{tail}", limit) for text in (old, new))  # type: ignore[return-value]


_NOT_MARKDOWN = re.compile(r"[^A-Za-z0-9 ×→…–,=%+/-]")


def code(text: str, limit: int = 200) -> str:
    """Show text as code inside Markdown, also in a table: what could mean something becomes a character reference.

    `<code>` keeps GitHub and GitLab from turning @names and #numbers into links: they look at the rendered text.
    """
    shown = _NOT_MARKDOWN.sub(lambda found: f"&#{ord(found.group())};", fits(text, limit))
    return f"<code>{shown}</code>" if shown else "<code> </code>"


def command_data(text: str) -> str:
    """Escape the message of a workflow command. Source: actions/toolkit, command.ts: escapeData."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def command_property(text: str) -> str:
    """Escape a property of a workflow command. Source: actions/toolkit, command.ts: escapeProperty."""
    return command_data(text).replace(":", "%3A").replace(",", "%2C")


def width(text: str) -> int:
    """Count the columns that text takes on a terminal."""
    wide = sum(unicodedata.east_asian_width(each) in ("W", "F") for each in text)
    return len(text) + wide - sum(bool(unicodedata.combining(each)) for each in text)


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Say whether to colour: only on a terminal that is not dumb, never with NO_COLOR (no-color.org)."""
    return not environment.get("NO_COLOR") and environment.get("TERM") != "dumb" and stream.isatty()


_STYLES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "bold": "1", "dim": "2"}


class Paint:
    """Puts colours around text, or does not."""

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def __call__(self, text: str, *styles: str) -> str:
        if not (self.colour and styles and text):
            return text
        return f"\x1b[{';'.join(_STYLES[style] for style in styles)}m{text}\x1b[0m"


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun: 1 setting, 2 settings."""
    return f"{number} {one if number == 1 else many or one + 's'}"
