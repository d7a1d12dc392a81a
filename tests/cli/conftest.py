"""Running pgc as a user does: a process of its own, an empty home, a folder of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.process import MINIMAL, Pgc, git, pgc_in


@pytest.fixture
def pgc(tmp_path: Path) -> Pgc:
    """Run `pgc` in `tmp_path`."""
    return pgc_in(tmp_path)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A manifest that compiles, of three hosts."""
    file = tmp_path / "minimal.yaml"
    file.write_text(MINIMAL)
    return file


@pytest.fixture(scope="session")
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a manifest and its output, committed and tagged v1. To be copied, not changed."""
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "minimal.yaml").write_text(MINIMAL)
    done = pgc_in(folder)("compile", "minimal.yaml")
    assert done.code == 0, done.err + done.out
    (folder / ".gitignore").write_text(".pgc-*\n.home/\n")
    git(folder, "init", "-q", ".")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one cluster")
    git(folder, "tag", "v1")
    return folder


@pytest.fixture
def repository(compiled_once: Path, tmp_path: Path) -> Path:
    """The same, to be changed; `pgc` runs in it."""
    shutil.copytree(compiled_once, tmp_path, dirs_exist_ok=True, symlinks=True)
    return tmp_path


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
