"""Any manifest at all compiles, or is refused with diagnostics that a person can use: no traceback, no hang, no position in the void."""

from __future__ import annotations

import json
import random
import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml

from pgc.registry import Registry
from pgc.schema import manifest_schema
from pgc.templating import Templates
from tests.conftest import FULL
from tests.hardening.generate import Generator
from tests.hardening.judge import SECONDS, compile_bytes, judge
from tests.hardening.manifests import as_data, cases, examples, rich
from tests.hardening.mutate import mutate_data, mutate_text
from tests.hardening.shape import ITEM, Shape

CASES = 10_240 if FULL else 320
CHUNK = CASES // 16
"""Cases that one test runs: small enough to be shared out among processes."""


@pytest.fixture(scope="module")
def shape(registry: Registry) -> Shape:
    return Shape(manifest_schema(registry))


def case(seed: int, shape: Shape, registry: Registry) -> bytes:
    """Return the manifest of a seed: made of the schema, grafted, or damaged."""
    rng = random.Random(seed)
    generator = Generator(shape, rng, rng.choice((0.0, 0.02, 0.15)))
    text = rng.choice(rng.choice((cases(), examples(), ("",))))
    base = as_data(text) if text else rich(registry)
    kind = rng.randrange(8)
    if kind == 0:
        made = _text(generator.manifest(), rng)
    elif kind <= 3:
        made = _text(generator.graft(base, rng.randint(1, 4)), rng)
    elif kind <= 5:
        made = _text(mutate_data(base, rng), rng)
    else:
        made = mutate_text(text or _text(base, rng), rng)
    return made.encode("utf-8", "surrogatepass")


def _text(data: Any, rng: random.Random) -> str:
    text: str = yaml.dump(
        data,
        Dumper=yaml.CSafeDumper,
        allow_unicode=rng.random() < 0.5,
        sort_keys=False,
        default_flow_style=rng.choice((None, True, False)),
        width=200,
    )
    return text


@pytest.mark.parametrize("first", range(0, CASES, CHUNK))
def test_every_manifest_compiles_or_says_what_is_wrong(
    first: int, shape: Shape, registry: Registry, templates: Templates, tmp_path: Path
) -> None:
    failed = []
    for seed in range(first, first + CHUNK):
        content = case(seed, shape, registry)
        try:
            judge(compile_bytes(content, tmp_path, registry, templates), content, registry.codes, f"{tmp_path}/m.yaml")
        except Exception as problem:
            failed.append(f"seed {seed}: {type(problem).__name__}: {problem}\n{_where(problem)}")
    assert not failed, (
        f"{len(failed)} of {CHUNK} manifests; see one with python -m tests.hardening.test_fuzz SEED\n"
        + "\n".join(failed[:20])
    )


def test_every_example_in_the_schema_is_accepted_where_it_stands(
    shape: Shape, registry: Registry, templates: Templates, tmp_path: Path
) -> None:
    refused = []
    for place in (
        each for each in shape.places if each.steps[-1] != ITEM
    ):  # an item has its type's example, not its own
        for example in place.node.get("examples", ()):
            content = json.dumps(shape.put(rich(registry), place.steps, example)).encode()
            (answer,) = compile_bytes(content, tmp_path, registry, templates)
            faults = [each for each in answer.diagnostics if each.code.startswith("MAN") and each.severity == "error"]
            refused += [f"{place}: {example!r}: {each.code} {each.message}" for each in faults]
    assert not refused, "\n".join(refused)


MINIMAL = examples()[0]
LARGE = {
    "NULs": "\0" * 1_000_000,
    "direction marks": "a: " + "\u202e" * 1_000_000,
    "escaped direction marks": "a: [" + '"\\u202e", ' * 20_000 + "]",
    "unknown keys": MINIMAL + "".join(f"key{number}: 1\n" for number in range(20_000)),
    "one key again and again": MINIMAL + "kind: Cluster\n" * 20_000,
    "keys that are numbers": MINIMAL + "".join(f"{number}: 1\n" for number in range(20_000)),
    "hosts at one address": MINIMAL + "".join(f"  x{number}: {{address: 10.10.0.11}}\n" for number in range(5_000)),
    "deep flow": "a: " + "[" * 1_000_000,
    "deep blocks": "".join(" " * depth + "a:\n" for depth in range(2_000)),
    "a long key": "a" * 4_000_000 + ": 1\n",
    "a long number": MINIMAL + "haproxy: {max_connections: " + "9" * 4_000_000 + "}\n",
    "a long quantity": MINIMAL + "etcd: {quota: " + "9" * 4_000_000 + "GB}\n",
    "tags": "a: [" + "!x 1, " * 20_000 + "]",
    "merges": "x: &x {a: 1}\ny: {<<: [" + "*x, " * 20_000 + "]}\n",
    "aliases": "a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\nb: [" + "*a, " * 100_000 + "]\n",
    "environments": MINIMAL + "environments:\n" + "".join(f"  e{number}: {{kidn: x}}\n" for number in range(500)),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_manifest_is_answered_in_bounded_time(
    name: str, registry: Registry, templates: Templates, tmp_path: Path
) -> None:
    content = LARGE[name].encode()
    answer = compile_bytes(content, tmp_path, registry, templates, seconds=5 * SECONDS)
    judge(answer, content, registry.codes, f"{tmp_path}/m.yaml")


def _where(problem: BaseException) -> str:
    """Name the innermost line of pgc or a plugin that the exception came from."""
    frames = traceback.extract_tb(problem.__traceback__)
    ours = [frame for frame in frames if "/tests/" not in frame.filename and "site-packages" not in frame.filename]
    return f"    {ours[-1].filename}:{ours[-1].lineno}: {ours[-1].line}" if ours else ""


if __name__ == "__main__":
    import sys

    from pgc import registry as registries

    loaded = registries.load()
    sys.stdout.buffer.write(case(int(sys.argv[1]), Shape(manifest_schema(loaded)), loaded))
