"""What each command loads: heavy libraries only where they are needed, and next to nothing where nothing has changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process import MINIMAL, PROGRAM, environment, git, pgc_in

HEAVY = {
    *("docker", "requests", "urllib3", "jsonschema", "referencing", "rpds", "rich", "ruamel", "hypothesis", "pytest"),
    *(
        "psycopg",
        "patroni",
        "multiprocessing",
        "asyncio",
        "concurrent",
        "http",
        "ssl",
        "sqlite3",
        "tkinter",
        "unittest",
    ),
    *("numpy", "pkg_resources", "setuptools", "markdown_it", "pygments", "pglast"),
}
"""Never on the way of a command that people wait for."""

COMPILING = {"click", "pydantic", "pydantic_core", "yaml", "jinja2", "markupsafe", "pluggy"}
"""What compiling needs, and nothing else does."""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a cluster that was compiled, committed, and then changed."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / "minimal.yaml").write_text(MINIMAL)
    assert pgc_in(folder)("compile", "minimal.yaml").code == 0
    git(folder, "init", "-q", ".")
    git(folder, "add", "generated")
    git(folder, "commit", "-qm", "one cluster")
    return folder


def loaded(folder: Path, line: str, code: int = 0) -> set[str]:
    """Run the installed program with Python's own log of imports, and return the top-level modules that it loaded."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(PROGRAM), *line.split()],
        cwd=folder,
        env=environment(folder / ".home"),
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == code, done.stdout + done.stderr
    rows = [row for row in done.stderr.splitlines() if row.startswith("import time:")]
    names = {row.rpartition("|")[2].strip() for row in rows}
    assert "pgc.cli.entry" in names
    return {name.partition(".")[0] for name in names} | {name for name in names if name.startswith("pgc")}


@pytest.mark.parametrize(
    "line",
    [
        "compile minimal.yaml --out cold",
        "compile minimal.yaml --check",
        "compile . --out folder",
        "compile minimal.yaml --out json --format json",
        "compile minimal.yaml --out sarif --format sarif",
        "diff",
        "diff --format json",
        "explain max_connections",
        "explain MAN001",
        "plugins",
        "--help",
        "compile --help",
        "completion bash",
        "--version",
    ],
)
def test_no_command_that_people_wait_for_loads_anything_heavy(line: str, repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    assert loaded(tmp_path, line) & HEAVY == set()


@pytest.mark.parametrize("line", ["--help", "--version", "compile --help", "completion zsh"])
def test_help_loads_no_compiler(line: str, repository: Path) -> None:
    assert loaded(repository, line) & (COMPILING - {"click"}) == set()


@pytest.mark.parametrize("what", ["minimal.yaml", "."])
def test_where_nothing_has_changed_only_the_standard_library_is_loaded(
    what: str, repository: Path, tmp_path: Path
) -> None:
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    line = f"compile {what} --out again"
    assert COMPILING & loaded(tmp_path, line) == COMPILING
    loaded(tmp_path, line)  # files that are a moment old are compared by content, and remembered
    names = loaded(tmp_path, line)
    assert names & (COMPILING | HEAVY) == set()
    assert {name for name in names if name.startswith("pgc")} == {
        "pgc",
        "pgc.cli",
        "pgc.cli.entry",
        "pgc.cli.unchanged",
    }
