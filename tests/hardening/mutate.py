"""Damage to manifests that compile: to their data, as an editor's slip would do it, and to their text, as a merge gone wrong would."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from tests.hardening.generate import NUMBERS, OTHERS, TEXTS

Spot = tuple[Any, Any]
"""A container and the key or index of one of its values."""

SNIPPETS = (
    *("a: &a [x, x]\nb: *a\n", "<<: *host\n", "<<: {a: 1}\n", "<<: [1]\n", "x: *nowhere\n", "? [a, b]\n: 1\n"),
    *(
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "\t",
        "  ",
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "'",
        '"',
        "|\n",
        ">-\n",
        "~",
        "\n\n",
    ),
    *("!!binary ", "!!python/name:os.system ", "!x ", "&a ", "*a", "# ", "\u202e", "\x00", "\x85", "\ufeff", "\r"),
    *("environments: {staging: {objectives: {failover: 5s}}}\n", "environments: {a: {hosts: null}, b: null}\n"),
    *("environments: [a]\n", "environments: {'../x': {}}\n", "environments: {a: {environments: {b: {}}}}\n"),
    *("a: " + "[" * 60 + "]" * 60 + "\n", "a: " + "{a: " * 45 + "1" + "}" * 45 + "\n"),
)


def mutate_data(data: Any, rng: random.Random) -> Any:
    """Return a copy with one to three slips in it."""
    changed = copy.deepcopy(data)
    for _ in range(rng.randint(1, 3)):
        spots = list(_spots(changed))
        if spots:
            _slip(spots, rng)
    return changed


def _slip(spots: list[Spot], rng: random.Random) -> None:
    (inside, key), (other, other_key) = rng.choice(spots), rng.choice(spots)
    if key not in (inside if isinstance(inside, dict) else range(len(inside))):
        return
    value = inside[key]
    kind = rng.randrange(8)
    if kind == 0:
        del inside[key]
    elif kind == 1 and isinstance(inside, dict):
        inside[rng.choice((f"{key}s", str(key)[1:], str(key).upper(), *TEXTS))] = inside.pop(key)
    elif kind == 2:
        inside[key], other[other_key] = copy.deepcopy(other[other_key]), copy.deepcopy(value)
    elif kind == 3:
        inside[key] = rng.choice((json.dumps(value), [value], {"a": value}, {json.dumps(value): None}, len(str(value))))
    elif kind == 4 and isinstance(value, str):
        inside[key] = rng.choice(
            (value.rstrip("smhdkKMGTB%"), value.upper(), f"{value} ", f"-{value}", value.replace("G", "g"), value * 20)
        )
    elif kind == 5 and isinstance(inside, list):
        inside.append(copy.deepcopy(value))
    else:
        inside[key] = rng.choice((*TEXTS, *NUMBERS, *OTHERS))


def _spots(data: Any) -> Iterator[Spot]:
    for key, value in list(data.items() if isinstance(data, dict) else enumerate(data)):
        yield data, key
        if isinstance(value, dict | list):
            yield from _spots(value)


def mutate_text(text: str, rng: random.Random) -> str:
    """Return the text with one to four places cut, doubled, moved, or filled with something."""
    for _ in range(rng.randint(1, 4)):
        lines = text.splitlines(keepends=True) or [""]
        at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        place = rng.randint(0, len(text))
        kind = rng.randrange(7)
        if kind == 0:
            del lines[at : at + rng.randint(1, 3)]
        elif kind == 1:
            lines.insert(other, lines[at])
        elif kind == 2:
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 3:
            lines[at] = " " * rng.randint(0, 6) + lines[at].lstrip()
        elif kind == 4:
            lines.insert(at, rng.choice(SNIPPETS))
        elif kind == 5:
            lines = [text[:place], rng.choice((*SNIPPETS, *TEXTS)), text[place:]]
        else:
            lines = [text[:place], text[place + rng.randint(1, 8) :]]
        text = "".join(lines)
    return text
