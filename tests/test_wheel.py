"""The wheel, built from a clean clone and installed where nothing of the repository is, works with all that it needs."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.process import MINIMAL, Done, environment

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
SOURCES = ("compiler/", "plugins/")


def run(*command: str | Path, cwd: Path) -> Done:
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=environment(cwd / ".home"), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=300,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def well(*command: str | Path, cwd: Path) -> str:
    done = run(*command, cwd=cwd)
    assert done.code == 0, f"{' '.join(map(str, command))}\n{done.out}{done.err}"
    return done.out


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of what is committed; what is not committed is not in it."""
    if find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed, which builds the wheel: pip install '.[test]'")
    folder = tmp_path_factory.mktemp("clone")
    done = run("git", "-c", "safe.directory=*", "clone", "--quiet", "--no-hardlinks", ROOT, "pgc", cwd=folder)
    if done.code:
        pytest.skip(f"there is nothing to clone here: {done.err.strip()}")
    return folder / "pgc"


@pytest.fixture(scope="module")
def wheel(clone: Path) -> Path:
    well(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", "dist", ".", cwd=clone)
    (built,) = (clone / "dist").glob("pgc-*.whl")
    return built


@pytest.fixture(scope="module")
def pgc(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of an environment that has the wheel, and the dependencies of this one, but not its editable pgc."""
    folder = tmp_path_factory.mktemp("elsewhere")
    well(sys.executable, "-m", "venv", "--without-pip", "venv", cwd=folder)
    python = folder / "venv/bin/python"
    well(*PIP, "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    site = Path(well(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    others = [path for path in sys.path if path.endswith("-packages")]  # whose own .pth files are not followed
    (site / "dependencies.pth").write_text("".join(f"{path}\n" for path in others))
    where = well(python, "-c", "import pgc, pgc_patroni; print(pgc.__file__, pgc_patroni.__file__)", cwd=folder)
    assert where.count(str(site)) == 2, where
    return folder / "venv/bin/pgc"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "minimal.yaml").write_text(MINIMAL)
    return tmp_path


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(clone: Path, wheel: Path) -> None:
    tracked = well("git", "ls-files", *SOURCES, cwd=clone).splitlines()
    wanted = {path.split("/", 1)[1] for path in tracked}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.startswith("pgc-")}
    assert held == wanted
    assert {Path(name).suffix for name in held} >= {".py", ".json", ".j2", ".yml"}
    assert any("/catalogue/" in name and name.endswith(".json") for name in held)
    assert {"pgc/starter/github-workflow.yml", "pgc/starter/places.json"} <= held


def test_it_names_its_license_its_plugins_and_its_program(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        texts = {name.split("/", 1)[1]: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" in name}
    assert "Apache License" in texts["licenses/LICENSE"] and "License-Expression: Apache-2.0" in texts["METADATA"]
    assert "pgc = pgc.cli.entry:main" in texts["entry_points.txt"]
    assert all(f"{name} = pgc_{name}" in texts["entry_points.txt"] for name in ("patroni", "postgres", "haproxy", "etcd"))


def test_it_compiles_explains_and_compares_far_from_the_repository(pgc: Path, place: Path) -> None:
    assert "created in generated/minimal/" in well(pgc, "compile", "minimal.yaml", cwd=place)
    assert "up to date" in well(pgc, "compile", "minimal.yaml", "--check", cwd=place)
    for path in json.loads((place / "generated/minimal/pgc.lock").read_text())["files"]:
        if path.endswith(("pg1/etc/haproxy/haproxy.cfg", "10-roles.sql", "docs/README.md", "pg1/etc/patroni/patroni.yml")):
            assert "because  " in well(pgc, "explain", f"generated/minimal/{path}:1", cwd=place)
    assert "minimal: max_connections" in well(pgc, "explain", "max_connections", cwd=place)
    assert well(pgc, "explain", "MAN001", cwd=place).startswith("MAN001 unknown-key")


def test_it_writes_the_same_bytes_as_the_repository(pgc: Path, clone: Path) -> None:
    well(pgc, "compile", "examples", "--out", "again", cwd=clone)
    here = Path(sys.executable).parent / "python"
    script = "import sys; sys.path[:0] = ['compiler', 'plugins']; from pgc.cli.entry import main; main()"
    well(here, "-c", script, "compile", "examples", "--out", "source", cwd=clone)
    trees = [
        {str(file.relative_to(clone / name)): file.read_bytes() for file in (clone / name).rglob("*") if file.is_file()}
        for name in ("again", "source")
    ]
    assert trees[0] == trees[1] and trees[0]


def test_its_schema_and_those_of_its_formats_are_the_committed_ones(pgc: Path, clone: Path, place: Path) -> None:
    made = well(pgc, "schema", "--all", "schemas", cwd=place).splitlines()
    for name in (line.rpartition("/")[2] for line in made):
        assert (place / "schemas" / name).read_text() == (clone / "schemas" / name).read_text(), name


def test_it_starts_a_repository(pgc: Path, place: Path) -> None:
    well(pgc, "init", "new", "--name", "orders", cwd=place)
    assert "created" in well(pgc, "compile", "clusters", cwd=place / "new")
    assert "pgc==" in (place / "new/.github/workflows/pgc.yml").read_text()


def test_an_editable_installation_leaves_no_second_copy_behind() -> None:
    import pgc as ours

    if ROOT not in Path(ours.__file__).parents:
        pytest.skip("pgc is not installed in editable mode here")
    assert not (Path(sysconfig.get_path("purelib")) / "pgc").exists()
