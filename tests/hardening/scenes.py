"""Compilations to be disturbed: what is there before, what a run that nobody disturbs makes, and how long it takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.cli.conftest import snapshot
from tests.process import MINIMAL, PROGRAM, environment, pgc_in

MANY = 26  # manifests; enough for two workers
OURS = {"NOTES.md": "of a person", "minimal/hosts/pg1/notes.txt": "of a person", "c7/runbooks/mine.md": "of a person"}
"""Files in the output folder that people put there."""

Tree = dict[str, bytes]


@dataclass(frozen=True)
class Scene:
    """A folder to copy, the command to disturb, the trees before and after it, and its duration in seconds."""

    folder: Path
    command: tuple[str, ...]
    old: Tree
    new: Tree
    duration_s: float

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        """Copy the scene and start the command, in a session of its own."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return subprocess.Popen(
            [str(PROGRAM), *self.command],
            cwd=folder,
            env=environment(folder / ".home"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )


def first(folder: Path) -> Scene:
    """The first compilation of a manifest; only a person's file is in the output folder."""
    _manifests(folder, ["minimal"], "30s")
    return _scene(folder, ("minimal.yaml",), ())


def update(folder: Path) -> Scene:
    """A manifest that was changed: files change, appear and go."""
    _manifests(folder, ["minimal"], "30s")
    return _scene(folder, ("minimal.yaml",), ("minimal",))


def many(folder: Path) -> Scene:
    """A folder of manifests, compiled by several workers; most clusters are new, some changed."""
    _manifests(folder, [f"c{number}" for number in range(MANY)], "30s")
    return _scene(folder, (".",), tuple(f"c{number}" for number in range(0, MANY, 5)))


def _manifests(folder: Path, names: list[str], failover: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        text = MINIMAL.replace("minimal", name).replace("failover: 30s", f"failover: {failover}")
        (folder / f"{name}.yaml").write_text(text)


def _scene(folder: Path, paths: tuple[str, ...], before: tuple[str, ...]) -> Scene:
    command = ("compile", *paths, "--out", "out")
    if before:
        _compile(folder, ("compile", *(f"{name}.yaml" for name in before), "--out", "out"))
        for name in before:
            file = folder / f"{name}.yaml"
            file.write_text(file.read_text().replace("30s", "120s").replace("pg3:", "pg4:"))
    for name, text in OURS.items():
        (folder / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "out" / name).write_text(text)
    old = tree(folder / "out")
    whole = folder.with_name(f"{folder.name}-whole")
    shutil.copytree(folder, whole)
    began = time.monotonic()
    _compile(whole, command)
    return Scene(folder, command, old, tree(whole / "out"), time.monotonic() - began)


def _compile(folder: Path, command: tuple[str, ...]) -> None:
    done = pgc_in(folder)(*command)
    assert done.code == 0, done.out + done.err
    shutil.rmtree(folder / ".home")


def tree(out: Path) -> Tree:
    """Return what pgc wrote, once it is clear that people's files are as they were and nothing of pgc's own is left."""
    left = [name for _, folders, files in os.walk(out) for name in (*folders, *files) if name.startswith(".pgc-")]
    assert left == []
    found = snapshot(out)
    assert {name: found.pop(name).decode() for name in OURS} == OURS
    return found
