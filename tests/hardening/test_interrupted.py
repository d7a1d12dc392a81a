"""Interrupted, out of space, unheard: the right exit code, a way out, and no tree that is half written."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import snapshot
from tests.conftest import FULL, ROOT
from tests.hardening.scenes import Scene, first, many, tree, update
from tests.process import PROGRAM, environment, pgc_in

FULL_DISK = """
set -e
mount -t tmpfs -o size={size}k,nr_inodes={inodes} tmpfs out
cp -a before/. out/
code=0; "{program}" compile minimal.yaml --out out >told 2>&1 || code=$?
cp -a out/. after/
exit $code
"""


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    makers = {"update": update, "many": many, "first": first}
    return {name: make(tmp_path_factory.mktemp(name) / "scene") for name, make in makers.items()}


@pytest.mark.parametrize("seed", range(12 if FULL else 3))
def test_an_interrupted_compilation_ends_in_130(seed: int, scenes: dict[str, Scene], tmp_path: Path) -> None:
    rng = random.Random(seed)
    scene = [*scenes.values()][seed % len(scenes)]
    process = scene.start(tmp_path)
    time.sleep(rng.uniform(scene.duration_s / 4, scene.duration_s))
    (os.killpg if rng.random() < 0.5 else os.kill)(process.pid, signal.SIGINT)
    out, err = (each.decode() for each in process.communicate(timeout=60))
    assert process.returncode in (130, 0), out + err
    assert "Traceback" not in err
    if process.returncode == 130:
        assert "interrupted" in err
    checked = pgc_in(tmp_path)(*scene.command, "--check")
    assert checked.code in (0, 1), checked.out + checked.err
    assert tree(tmp_path / "out") in (scene.old, scene.new)


# ── a full disk ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _own_mounts() -> bool:
    command = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt"]
    return sys.platform == "linux" and not subprocess.run(command, check=False, capture_output=True).returncode


@pytest.mark.skipif(not _own_mounts(), reason="mounting a small file system needs root and a mount namespace")
@pytest.mark.parametrize(("room_k", "spare_inodes"), [(0, 999), (4, 999), (32, 999), (128, 999), (4096, 1), (4096, 20)])
def test_a_full_disk_leaves_the_old_tree(
    room_k: int, spare_inodes: int, scenes: dict[str, Scene], tmp_path: Path
) -> None:
    scene = scenes["update"]
    manifest = (scene.folder / "minimal.yaml").read_text()
    (tmp_path / "minimal.yaml").write_text(
        manifest.replace("zone: c}", "zone: c}\n  pg5: {address: 10.10.0.15, zone: b}")
    )
    for name in ("out", "after"):
        (tmp_path / name).mkdir()
    subprocess.run(["cp", "-a", str(scene.folder / "out"), str(tmp_path / "before")], check=True)
    every = [*(tmp_path / "before").rglob("*")]
    used_k = sum(-(-path.stat().st_size // 4096) * 4 for path in every if path.is_file())
    script = FULL_DISK.format(size=used_k + room_k, inodes=len(every) + 1 + spare_inodes, program=PROGRAM)
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        cwd=tmp_path,
        env=environment(tmp_path / ".home"),
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    told = (tmp_path / "told").read_text()
    assert (done.returncode, "Traceback" in told, "disk-full" in told, "help: " in told) == (5, False, True, True), (
        done.stderr + told
    )
    assert snapshot(tmp_path / "after") == snapshot(tmp_path / "before")


# ── a reader that leaves ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "line",
    [
        "compile {examples} --out out",
        "compile {examples} --out out --format json",
        "explain --codes",
        "schema",
        "--help",
    ],
)
def test_a_reader_that_takes_one_line_is_no_fault(line: str, tmp_path: Path) -> None:
    command = f"{PROGRAM} {line.format(examples=ROOT / 'examples')} | head -1"
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        cwd=tmp_path,
        env=environment(tmp_path / ".home"),
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
