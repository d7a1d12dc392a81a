"""A value is either refused, or it arrives in every file as it was given, and changes nothing around itself.

Each place in the schema where a text may stand gets each hostile text. What compiles is decoded as its consumer decodes
it, and compared with the same manifest that has a harmless text there: the same rows, but for that text.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pgc.artifact import Bundle, File
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
RAW_LINES = (("haproxy", "global"), ("haproxy", "defaults"), ("keepalived", "global"), ("keepalived", "instance"))
"""Whole lines are passed below `raw` here, so that words and quotes in them are the user's own."""
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
        own = [place for place in below_raw if place.steps[::2] not in RAW_LINES]
        return [*(place for place in self.shape.places if place.takes_text), *own]

    def compile(self, manifest: Any) -> Bundle | None:
        """Compile, assert that what is refused is refused well, and return what came out."""
        content = json.dumps(manifest, ensure_ascii=False).encode()
        (compilation,) = compile_bytes(content, self.folder, self.registry, self.templates)
        judge([compilation], content, self.registry.codes, f"{self.folder}/m.yaml")
        return compilation.bundle

    def manifest(self, place: Place, text: str, *, named: bool) -> Any:
        """Return the manifest with the text at the place; `named`: and wherever else the name stands that was there."""
        old = self.shape.get(self.base, place.steps)
        return (
            _renamed(self.base, old, text)
            if named and isinstance(old, str)
            else self.shape.put(self.base, place.steps, text)
        )


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


def _stripped(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


@pytest.mark.parametrize(("plugin", "part"), RAW_LINES)
def test_a_raw_line_stays_one_line(plugin: str, part: str, bench: Bench) -> None:
    if plugin not in bench.base:
        pytest.skip(f"{plugin} is not installed")

    def with_line(line: str) -> Bundle | None:
        return bench.compile(bench.shape.put(bench.base, (plugin, "raw", part, ITEM), line))

    plain = with_line("zqxj")
    assert plain is not None
    paths = [path for path, file in plain.files.items() if b"    zqxj" in file.content]
    assert paths
    problems = []
    for name, text in HOSTILE.items():
        made = with_line(text)
        for path, file in made.files.items() if made is not None else ():
            wanted = plain.files[path].content.decode().replace("zqxj", text)
            if path in paths and _stripped(file.content.decode()) != _stripped(wanted):
                problems.append(f"{name}: {path}")
    assert not problems


def faults(bench: Bench, place: Place, text: str) -> Iterator[str]:
    """Yield what a text at a place does that it must not."""
    plain = _harmless(bench, place)
    bundle = bench.compile(bench.manifest(place, text, named=plain.named if plain else False))
    if bundle is not None and plain is None:
        yield "accepted, but no harmless text is"
    elif bundle is not None and plain is not None:
        yield from differences(plain.files, _decoded(bundle), plain.word, text)


@dataclass(frozen=True)
class Decoded:
    """A file with its rows."""

    form: str
    sha256: str
    rows: Counter[Row]


@dataclass(frozen=True)
class Harmless:
    """What comes out with a word that fits; `named` says that what has the old name had to take the new one."""

    word: str
    named: bool
    files: dict[str, Decoded]


_plain: dict[str, Harmless | None] = {}


def _harmless(bench: Bench, place: Place) -> Harmless | None:
    """Compile the manifest with a harmless text, once for all hostile ones."""
    key = f"{place} {place.node}"
    if key not in _plain:
        _plain[key] = None
        words = (word for word in HARMLESS if re.search(place.node.get("pattern", ""), word))
        for word, named in ((word, named) for word in words for named in (False, True)):
            bundle = bench.compile(bench.manifest(place, word, named=named))
            if bundle is not None:
                _plain[key] = Harmless(word, named, _decoded(bundle))
                break
    return _plain[key]


def _decoded(bundle: Bundle) -> dict[str, Decoded]:
    return {path: _decoded_file(path, file) for path, file in bundle.files.items()}


_kept: dict[tuple[str, str], Decoded] = {}


def _decoded_file(path: str, file: File) -> Decoded:
    """Decode a file once, however many manifests have it."""
    key = file.entry.format, file.entry.sha256
    if key not in _kept:
        try:
            _kept[key] = Decoded(*key, Counter(decode(file.entry.format, file.content)))
        except Exception as problem:
            raise ValueError(f"{path} is not well formed: {type(problem).__name__}: {problem}") from problem
    return _kept[key]


_TAME = re.compile(r"[A-Za-z0-9_.-]*")
"""Texts that mean nothing special anywhere but to YAML; what is sorted by them may stand elsewhere, so that only types and shapes count."""


def differences(plain: dict[str, Decoded], found: dict[str, Decoded], word: str, text: str) -> Iterator[str]:
    """Yield in what files differ besides the text."""
    gone, new = sorted(plain.keys() - found.keys()), sorted(found.keys() - plain.keys())
    if len(gone) != len(new):
        yield f"other files: {gone} and {new}"
    elif text:
        names = dict(zip(gone, new, strict=True))
        for path, file in plain.items():
            other = found[names.get(path, path)]
            if file.sha256 == other.sha256:
                continue
            wanted, got = _expected(file, word, text, names), _masked(other, text)
            if _TAME.fullmatch(text):
                kept = slice(1 if file.form in ("markdown", "svg") else -1)
                wanted, got = (Counter(row[kept] for row in rows.elements()) for rows in (wanted, got))
            if wanted != got:
                yield f"{path}: expected {[*(wanted - got)][:2]}, found {[*(got - wanted)][:2]}"


def _expected(file: Decoded, word: str, text: str, names: dict[str, str]) -> Counter[Row]:
    """Return the rows with the text where the word is, and files that are named after it under their new names."""

    def instead(part: str) -> str:
        for old, new in names.items():
            part = part.replace(old, new).replace(old.rpartition("/")[2], new.rpartition("/")[2])
        return part.replace(word, text)

    rows = Counter(tuple(instead(part) for part in row) for row in file.rows.elements())
    return _masked(Decoded(file.form, "", rows), text)


def _masked(file: Decoded, text: str) -> Counter[Row]:
    """Take out what may follow from a text in another way: the name of a role's secret, white space where none counts."""
    secret = re.compile(rf"role-(?:{re.escape(text)}|[a-z0-9-]+-[0-9a-f]{{10}})")

    def plain(part: str) -> str:
        part = secret.sub("role-*", part)
        if file.form in ("pgbouncer.ini", "systemd.unit"):
            part = part.strip()
        return " ".join(part.split()) if file.form in ("markdown", "svg") else part

    return Counter(tuple(plain(part) for part in row) for row in file.rows.elements())
