"""Killed at any moment: after the next command the output is the old one or the new one, byte for byte."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import FULL
from tests.hardening.scenes import Scene, Tree, first, many, tree, update
from tests.process import pgc_in

SCENES = {"first": first, "update": update, "many": many}
TURNS = ("update", "first", "update", "many", "first")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    return {name: make(tmp_path_factory.mktemp(name) / "scene") for name, make in SCENES.items()}


def after_the_next_command(scene: Scene, folder: Path) -> Tree:
    """Let another command find what the dead left, and return the tree; then compile again, which must give the new one."""
    told = pgc_in(folder)(*scene.command, "--check")
    assert told.code in (0, 1), told.out + told.err
    found = tree(folder / "out")
    done = pgc_in(folder)(*scene.command)
    assert done.code == 0, done.out + done.err
    assert tree(folder / "out") == scene.new
    return found


@pytest.mark.parametrize("seed", range(40 if FULL else 6))
def test_a_killed_compilation_leaves_the_old_tree_or_the_new_one(
    seed: int, scenes: dict[str, Scene], tmp_path: Path
) -> None:
    rng = random.Random(seed)
    scene = scenes[TURNS[seed % len(TURNS)]]
    moment_s, with_workers = rng.uniform(0, scene.duration_s), rng.random() < 0.5
    process = scene.start(tmp_path)
    time.sleep(moment_s)
    (os.killpg if with_workers else os.kill)(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    found = after_the_next_command(scene, tmp_path)
    assert found in (scene.old, scene.new), f"{moment_s:.3f} s: {_mixed(found, scene)}"


def _mixed(found: Tree, scene: Scene) -> Counter[str]:
    """Count the files by the side that they belong to."""
    every = found.keys() | scene.old.keys() | scene.new.keys()
    sides = {path: (found.get(path) == scene.old.get(path), found.get(path) == scene.new.get(path)) for path in every}
    names = {(True, True): "both", (True, False): "old", (False, True): "new", (False, False): "neither"}
    return Counter(names[side] for side in sides.values())


@pytest.mark.parametrize("seed", range(6 if FULL else 2))
def test_a_killed_worker_leaves_the_old_tree_and_says_so(seed: int, scenes: dict[str, Scene], tmp_path: Path) -> None:
    scene = scenes["many"]
    process = scene.start(tmp_path)
    worker = _worker_of(process)
    time.sleep(random.Random(seed).uniform(0, scene.duration_s / 3))
    with contextlib.suppress(ProcessLookupError):  # it was quicker
        os.kill(worker, signal.SIGKILL)
    out, err = (each.decode() for each in process.communicate(timeout=60))
    assert process.returncode in (0, 5), out + err
    assert "Traceback" not in err
    if process.returncode:
        assert "help: " in err + out
        assert tree(tmp_path / "out") == scene.old
    assert after_the_next_command(scene, tmp_path) in (scene.old, scene.new)


def _worker_of(process: subprocess.Popen[bytes]) -> int:
    """Wait for the first worker of a process."""
    while process.poll() is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.002)
    raise AssertionError(f"it ended without a worker: {process.communicate()}")
