"""A value is either refused, or it arrives in every file as it was given, and changes nothing around itself.

Each place in the schema where a text may stand gets each hostile text. What compiles is decoded as its consumer decodes it, and compared with
the same manifest that has a harmless text there: the same rows, but for that text.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgc.artifact import Bundle
from pgc.registry import Registry
from pgc.schema import manifest_schema
from pgc.templating import Templates
from tests.conftest import FULL
from tests.hardening.decode import Row, decode
from tests.hardening.hostile import HOSTILE
from tests.hardening.judge import compile_bytes, judge
from tests.hardening.manifests import rich
from tests.hardening.shape import ITEM, KEY, Place, Shape, Steps

CHUNKS = 16
TEXTS_A_PLACE = len(HOSTILE) if FULL else 4
HARMLESS = ("zqxj", "/zqxj", "file:zqxj", "zqxj.sql")
"""Texts that stand nowhere else; the first that fits a place shows what its files look like."""


class Bench:
    """Compiles manifests with one text at one place."""

    def __init__(self, registry: Registry, templates: Templates, folder: Path) -> None:
        self.registry, self.templates, self.folder = registry, templates, folder
        self.shape = Shape(manifest_schema(registry))
        self.base = rich(registry)

    def places(self) -> list[Place]:
        """Return the places where a text may stand, those below `raw` as the rich manifest has them."""
        below_raw = [Place(steps, {"type": "string"}) for steps in _leaves(self.base, ()) if steps[1:2] == ("raw",)]
        return [place for place in self.shape.places if place.takes_text] + below_raw

    def compile(self, manifest: Any) -> Bundle | None:
        """Compile, assert that what is refused is refused well, and return what came out."""
        content = json.dumps(manifest, ensure_ascii=False).encode()
        (compilation,) = compile_bytes(content, self.folder, self.registry, self.templates)
        judge([compilation], content, self.registry.codes, f"{self.folder}/m.yaml")
        return compilation.bundle

    def manifests(self, place: Place, text: str) -> Iterator[Any]:
        """Yield the manifest with the text at the place, and the one where it also takes the place of what is named like the old one."""
        yield self.shape.put(self.base, place.steps, text)
        old = self.shape.get(self.base, place.steps)
        if isinstance(old, str):
            yield _renamed(self.base, old, text)


def _leaves(value: Any, at: Steps) -> Iterator[Steps]:
    """Yield the way to each value that is not a container, and to each first key of what lies below it."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves(below, (*at, key))
        if not any(isinstance(below, dict | list) for below in value.values()):
            yield (*at, KEY)
    elif isinstance(value, list):
        yield from _leaves(value[0], (*at, ITEM)) if value else ()
    else:
        yield at


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {(new if key == old else key): _renamed(below, old, new) for key, below in value.items()}
    if isinstance(value, list):
        return [_renamed(below, old, new) for below in value]
    return new if value == old else value


@pytest.fixture(scope="module")
def bench(registry: Registry, templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(registry, templates, tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_text_is_refused_or_arrives_as_it_was_given(chunk: int, bench: Bench) -> None:
    problems = []
    for place in bench.places()[chunk::CHUNKS]:
        names = sorted(HOSTILE) if FULL else random.Random(str(place)).sample(sorted(HOSTILE), TEXTS_A_PLACE)
        for name in names:
            try:
                problems += [f"{place}: {name}: {problem}" for problem in faults(bench, place, HOSTILE[name])]
            except Exception as problem:
                problems.append(f"{place}: {name}: {type(problem).__name__}: {problem}")
    assert not problems, f"{len(problems)}\n" + "\n".join(problems[:40])


def faults(bench: Bench, place: Place, text: str) -> Iterator[str]:
    """Yield what a text at a place does that it must not."""
    for number, manifest in enumerate(bench.manifests(place, text)):
        bundle = bench.compile(manifest)
        if bundle is None:
            continue
        fitting = (word for word in HARMLESS if re.search(place.node.get("pattern", ""), word))
        plain = next(filter(None, (_harmless(bench, place, number, word) for word in fitting)), None)
        if plain is None:
            yield "accepted, but no harmless text is"
            continue
        word, rows = plain
        yield from differences(rows, _decoded(bundle), word, text)
        return


Decoded = dict[str, tuple[str, Counter[Row]]]


_plain: dict[tuple[str, str, int, str], tuple[str, Decoded] | None] = {}


def _harmless(bench: Bench, place: Place, number: int, word: str) -> tuple[str, Decoded] | None:
    """Compile the manifest with a harmless text, once for all hostile ones."""
    key = str(place), repr(place.node), number, word
    if key not in _plain:
        bundle = bench.compile(list(bench.manifests(place, word))[number])
        _plain[key] = (word, _decoded(bundle)) if bundle is not None else None
    return _plain[key]


def _decoded(bundle: Bundle) -> Decoded:
    found = {}
    for path, file in bundle.files.items():
        try:
            found[path] = (file.entry.format, Counter(_rows(file.entry.format, file.entry.sha256, file.content)))
        except Exception as problem:
            raise ValueError(f"{path} is not well formed: {type(problem).__name__}: {problem}") from problem
    return found


_kept: dict[str, list[Row]] = {}


def _rows(form: str, sha256: str, content: bytes) -> list[Row]:
    """Decode a file once, however many manifests have it."""
    if sha256 not in _kept:
        _kept[sha256] = decode(form, content)
    return _kept[sha256]


_TAME = re.compile(r"[A-Za-z0-9_.-]*")
"""Texts that mean nothing special anywhere but to YAML; what is sorted by them may stand elsewhere, so that only types and shapes count."""


def differences(plain: Decoded, found: Decoded, word: str, text: str) -> Iterator[str]:
    """Yield in what files differ besides the text."""
    gone, new = sorted(plain.keys() - found.keys()), sorted(found.keys() - plain.keys())
    if len(gone) != len(new):
        yield f"other files: {gone} and {new}"
    elif text:
        names = dict(zip(gone, new, strict=True))
        for path, (form, rows) in plain.items():
            expected, other = (
                _expected(rows, word, text, names, form),
                _masked(found[names.get(path, path)][1], text, form),
            )
            if _TAME.fullmatch(text):
                kept = slice(1 if form in ("markdown", "svg") else -1)
                expected, other = (Counter(row[kept] for row in each.elements()) for each in (expected, other))
            if expected != other:
                yield f"{path}: expected {[*(expected - other)][:2]}, found {[*(other - expected)][:2]}"


def _expected(rows: Counter[Row], word: str, text: str, names: dict[str, str], form: str) -> Counter[Row]:
    """Return the rows with the text where the word is, and files that are named after it under their new names."""

    def instead(part: str) -> str:
        for old, new in names.items():
            part = part.replace(old, new).replace(old.rpartition("/")[2], new.rpartition("/")[2])
        return part.replace(word, text)

    return _masked(Counter(tuple(instead(part) for part in row) for row in rows.elements()), text, form)


def _masked(rows: Counter[Row], text: str, form: str) -> Counter[Row]:
    """Take out what may follow from a text in another way: the name of a role's secret, white space where none of it counts."""
    secret = re.compile(rf"role-(?:{re.escape(text)}|[a-z0-9-]+-[0-9a-f]{{10}})")

    def plain(part: str) -> str:
        part = secret.sub("role-*", part)
        return " ".join(part.split()) if form in ("markdown", "svg") else part

    return Counter(tuple(plain(part) for part in row) for row in rows.elements())
