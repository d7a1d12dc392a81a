"""keepalived.conf read back: nested blocks become dotted names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgc.artifact import Setting
from pgc.readers import Item, NotReadable

LISTS = frozenset(
    {
        "unicast_peer",
        "virtual_ipaddress",
        "virtual_ipaddress_excluded",
        "track_script",
        "track_interface",
        "virtual_routes",
        "group",
    }
)
MAX_DEPTH = 20
_WORD = re.compile(r'"[^"]*"|[{}]|[#!].*|[^\s{}]+')


def read(content: bytes) -> Iterator[Setting]:
    """Yield a setting for each line inside a block, `vrrp_instance main.priority`; lines of a list are items. Raises NotReadable."""
    blocks: list[str] = []
    seen: dict[str, int] = {}
    number = 0
    for number, line in enumerate(content.decode().splitlines(), 1):
        words: list[str] = []
        for word in _WORD.findall(line):
            if word[0] in "#!":
                break
            if word == "{":
                if not words or len(blocks) >= MAX_DEPTH:
                    raise NotReadable("a block without a name, or too deep", number)
                blocks.append(" ".join(words))
                words = []
            elif word == "}":
                if not blocks:
                    raise NotReadable("a brace closes nothing", number)
                yield from _settings(blocks, words, number, seen)
                blocks.pop()
                words = []
            else:
                words.append(word)
        yield from _settings(blocks, words, number, seen)
    if blocks:
        raise NotReadable(f"the block {blocks[-1]} is not closed", number)


def _settings(blocks: list[str], words: list[str], line: int, seen: dict[str, int]) -> Iterator[Setting]:
    if not words:
        return
    within = ".".join(blocks)
    in_list = bool(blocks) and blocks[-1] in LISTS
    name = f"{within}[{' '.join(words)}]" if in_list else ".".join(filter(None, (within, words[0])))
    seen[name] = seen.get(name, 0) + 1
    if seen[name] > 1:
        name = f"{name}#{seen[name]}"
    yield Item(name, " ".join(words), line, within) if in_list else Setting(name, " ".join(words[1:]).strip('"'), line)
