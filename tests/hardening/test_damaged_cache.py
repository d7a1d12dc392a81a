"""A cache may save work, and never change a byte, however damaged it is."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import snapshot
from tests.conftest import FULL, ROOT
from tests.process import environment, pgc_in

FLIPPED = """
import random, sys
from pgc.cli import unchanged
seed, count, *arguments = sys.argv[1:]
rng, record = random.Random(seed), unchanged._file(arguments)
whole = open(record, "rb").read()
told = unchanged.answer(arguments)
assert told, "the record is not used at all"
for number in range(int(count)):
    damaged = bytearray(whole)
    for _ in range(rng.randint(1, 3)):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    with open(record, "wb") as stream:
        stream.write(damaged)
    answer = unchanged.answer(arguments)
    assert answer is None or answer == told, f"flip {number} of seed {seed}: {answer[:200]!r}"
"""

DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "empty": lambda content, rng: b"",
    "half": lambda content, rng: content[: len(content) // 2],
    "noise": lambda content, rng: rng.randbytes(len(content)),
    "another thing": lambda content, rng: b"\xe9\x05\x00\x00\x00",
    "zeros": lambda content, rng: bytes(len(content)),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_cache_changes_no_byte(name: str, tmp_path: Path) -> None:
    cache, pgc = tmp_path / "cache", pgc_in(tmp_path)
    own = {"XDG_CACHE_HOME": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    rng = random.Random(name)
    for folder in ("plain", "out", "out", "again"):
        for file in sorted(cache.rglob("*") if folder != "plain" else ()):
            if file.is_file():
                file.write_bytes(DAMAGE[name](file.read_bytes(), rng))
        done = pgc("compile", ROOT / "examples", "--out", folder, env=own)
        assert done.code == 0, done.out + done.err
        assert any("templates" in str(file) for file in cache.rglob("*"))
        assert any("unchanged" in str(file) for file in cache.rglob("*"))
    assert snapshot(tmp_path / "out") == snapshot(tmp_path / "plain") == snapshot(tmp_path / "again")


def test_a_record_with_flipped_bits_is_no_record(tmp_path: Path) -> None:
    arguments = ["compile", str(ROOT / "examples" / "minimal.yaml"), "--out", "out"]
    for _ in range(2):
        assert pgc_in(tmp_path)(*arguments).code == 0
    command = [sys.executable, "-c", FLIPPED, "1", "3000" if FULL else "300", *arguments]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path / ".home"), check=False, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr[-1000:]
