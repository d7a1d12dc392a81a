"""The same manifests give the same bytes: whatever the environment, the order of keys and plugins, the number of workers, the cache."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pgc import build, pipeline, source
from pgc import registry as registries
from pgc.artifact import Bundle
from pgc.registry import Registry
from pgc.templating import Templates
from tests.cli.conftest import snapshot
from tests.conftest import FULL, ROOT
from tests.hardening.manifests import rich
from tests.process import PROGRAM, Pgc, environment, pgc_in


@pytest.fixture(scope="module")
def manifests(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of manifests: the rich one and the examples, with their environments."""
    folder = tmp_path_factory.mktemp("manifests")
    (folder / "rich.yaml").write_text(json.dumps(rich(registry), ensure_ascii=False))
    for example in (ROOT / "examples").glob("*.yaml"):
        shutil.copy(example, folder)
    return folder


@pytest.fixture(scope="module")
def expected(manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a plain run makes of them."""
    folder = tmp_path_factory.mktemp("plain")
    return compiled(pgc_in(folder), manifests, folder / "out")


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Return the paths of the files that are not equal in two trees."""
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


def compiled(pgc: Pgc, manifests: Path, out: Path, **more: Any) -> dict[str, bytes]:
    """Compile the folder and return the tree."""
    done = pgc("compile", manifests, "--out", out, **more)
    assert done.code == 0, done.out + done.err
    return snapshot(Path(out))


@pytest.fixture
def pgc(tmp_path: Path) -> Pgc:
    return pgc_in(tmp_path)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def _locales() -> list[str]:
    """Return the locales that differ most, as far as this machine has them."""
    wanted = {"C", "C.UTF-8", "C.utf8", "tr_TR.utf8", "tr_TR.UTF-8", "de_DE.iso88591", "ja_JP.eucjp"}
    listed = subprocess.run("locale -a", shell=True, check=False, capture_output=True, encoding="utf-8")
    return sorted({"C", "C.UTF-8"} | (wanted & {*listed.stdout.split()}))


ENVIRONMENTS: dict[str, dict[str, str]] = {
    **{f"hash seed {seed}": {"PYTHONHASHSEED": seed} for seed in ("0", "1", "4711", "random")},
    **{f"locale {name}": {"LC_ALL": name, "LANG": name} for name in _locales()},
    "no UTF-8": {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"},
    "far east": {"TZ": "Pacific/Kiritimati"},
    "half an hour": {"TZ": "America/St_Johns"},
    "another user": {"USER": "nobody", "LOGNAME": "nobody", "HOSTNAME": "elsewhere", "PGHOST": "x", "PGC_OUT": "x"},
    "narrow terminal": {"COLUMNS": "20", "LINES": "5", "NO_COLOR": "1", "FORCE_COLOR": "1", "TERM": "xterm"},
    "optimised": {"PYTHONOPTIMIZE": "2"},
    "debugging": {"PYTHONDEVMODE": "1", "PYTHONWARNINGS": "ignore"},
    "empty home": {"HOME": ""},
    "home that is no folder": {"HOME": "/dev/null", "PYTHONDONTWRITEBYTECODE": "1"},
    "cache that cannot be made": {"XDG_CACHE_HOME": "/proc/nowhere", "PYTHONDONTWRITEBYTECODE": "1"},
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_environment_changes_no_byte(
    name: str, pgc: Pgc, out: Path, manifests: Path, expected: dict[str, bytes]
) -> None:
    assert differing(compiled(pgc, manifests, out, env=ENVIRONMENTS[name]), expected) == []


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_the_umask_changes_no_byte(mask: int, pgc: Pgc, out: Path, manifests: Path, expected: dict[str, bytes]) -> None:
    assert differing(compiled(pgc, manifests, out, preexec_fn=lambda: os.umask(mask)), expected) == []


def test_the_working_folder_changes_no_byte(
    pgc: Pgc, tmp_path: Path, manifests: Path, expected: dict[str, bytes]
) -> None:
    deep = tmp_path / "a folder" / "caf\u00e9"
    deep.mkdir(parents=True)
    for number, (where, paths) in enumerate(
        (
            (manifests.parent, manifests.name),
            (manifests, "."),
            (deep, os.path.relpath(manifests, deep)),
            (Path("/"), str(manifests)),
        )
    ):
        assert differing(compiled(pgc, Path(paths), tmp_path / f"out{number}", cwd=where), expected) == []


def test_without_a_network_the_bytes_are_the_same(
    pgc: Pgc, manifests: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    cut_off = ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*cut_off, "true"], check=False, capture_output=True).returncode:
        pytest.skip("a network of its own is not permitted here")
    command = [*cut_off, str(PROGRAM), "compile", str(manifests), "--out", "out"]
    subprocess.run(command, cwd=tmp_path, env=environment(tmp_path / ".home"), check=True, capture_output=True)
    assert differing(snapshot(tmp_path / "out"), expected) == []


@pytest.mark.parametrize("files", [16, 8])
def test_few_open_files_are_enough(
    files: int, pgc: Pgc, out: Path, manifests: Path, expected: dict[str, bytes]
) -> None:
    limit = (files, files)
    found = compiled(pgc, manifests, out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit))
    assert differing(found, expected) == []


# ── order ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def compiled_here(data: Any, registry: Registry, templates: Templates) -> Bundle:
    whole = source.read(json.dumps(data, ensure_ascii=False).encode(), "m.yaml")
    compilation = pipeline.compile_source(whole, None, registry, templates, lambda _: "")
    assert compilation.bundle is not None, compilation.diagnostics
    return compilation.bundle


def shuffled(value: Any, rng: random.Random) -> Any:
    """Return the value with the keys of every mapping in another order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key], rng) for key in rng.sample(sorted(value), len(value))}
    return [shuffled(below, rng) for below in value] if isinstance(value, list) else value


def different(one: Bundle, other: Bundle) -> list[str]:
    paths = sorted(one.files.keys() | other.files.keys())
    found = [path for path in paths if one.files.get(path) != other.files.get(path)]
    return found + ["pgc.lock"] * (one.lock != other.lock)


@pytest.mark.parametrize("seed", range(40 if FULL else 4))
def test_the_order_of_keys_changes_no_byte(seed: int, registry: Registry, templates: Templates) -> None:
    data = rich(registry)
    one = compiled_here(data, registry, templates)
    other = compiled_here(shuffled(data, random.Random(seed)), registry, templates)
    assert different(one, other) == []


@pytest.mark.parametrize("seed", range(10 if FULL else 2))
def test_the_order_of_plugins_changes_no_byte(seed: int, registry: Registry, templates: Templates) -> None:
    rows = [(each.name, each.module, each.distribution, each.version) for each in registry.plugins]
    random.Random(seed).shuffle(rows)
    other = registries.build(rows)
    data = rich(registry)
    assert different(compiled_here(data, registry, templates), compiled_here(data, other, other.templates())) == []


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_the_number_of_workers_changes_no_byte(
    workers: int, manifests: Path, expected: dict[str, bytes], registry: Registry, templates: Templates, tmp_path: Path
) -> None:
    built = build.build([str(manifests)], None, str(tmp_path / "out"), registry, templates, workers=workers)
    assert built.ending is build.Ending.WELL, built.diagnostics
    assert differing(snapshot(tmp_path / "out"), expected) == []


def test_compiling_again_touches_nothing(
    pgc: Pgc, out: Path, manifests: Path, tmp_path: Path, expected: dict[str, bytes]
) -> None:
    def states() -> dict[str, tuple[int, int, int]]:
        every = {str(path): path.stat() for path in out.rglob("*")}
        return {path: (state.st_ino, state.st_mtime_ns, state.st_size) for path, state in every.items()}

    compiled(pgc, manifests, out)
    before = states()
    for more in ({}, {"env": {"XDG_CACHE_HOME": "/proc/nowhere"}}, {"env": {"PYTHONHASHSEED": "7"}}):
        assert differing(compiled(pgc, manifests, out, **more), expected) == []
        assert states() == before
