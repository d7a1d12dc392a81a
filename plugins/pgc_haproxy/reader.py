"""haproxy.cfg read back: every line is a setting of its section."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.artifact import Setting

SECTIONS = frozenset(
    {
        "global",
        "defaults",
        "frontend",
        "backend",
        "listen",
        "userlist",
        "peers",
        "resolvers",
        "program",
        "cache",
        "ring",
    }
)
NAMED = frozenset({"server", "bind", "option", "timeout", "stats", "http-check", "http-request", "use_backend"})


def read(content: bytes) -> Iterator[Setting]:
    """Yield (section/keyword, arguments, line). `server pg1 …` is the setting `server pg1`; what repeats gets an ordinal.

    Raises:
        ValueError: it is not UTF-8 text.
    """
    section = ""
    seen: dict[str, int] = {}
    for number, line in enumerate(content.decode().splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in SECTIONS:
            section = " ".join(words)
            continue
        taken = 2 if words[0] in NAMED and len(words) > 1 else 1
        name = f"{section}/{' '.join(words[:taken])}"
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            name = f"{name} #{seen[name]}"
        yield Setting(name, " ".join(words[taken:]), number)
