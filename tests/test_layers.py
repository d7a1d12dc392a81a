"""Who may know whom: the contracts of .importlinter, the core without any product's name, plugins without each other."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

CORE, PLUGINS = ROOT / "compiler/pgc", ROOT / "plugins"
NAMES = sorted(folder.name for folder in PLUGINS.glob("pgc_*") if (folder / "__init__.py").exists())
# Products that pgc has plugins for now or will have, and their neighbours. PostgreSQL itself is what pgc is about.
PRODUCTS = (
    "alertmanager", "barman", "citus", "consul", "etcd", "grafana", "haproxy", "keepalived", "loki", "patroni", "pgbackrest",
    "pgbouncer", "pgvector", "prometheus", "repmgr", "ruvector", "supavisor", "timescale", "traefik", "vrrp", "wal-g", "walg",
    "zookeeper",
)  # fmt: skip
STARTER = CORE / "starter"
"""What `pgc init` writes into a user's repository, as data: where an answer stands in a manifest names the plugin's section."""


def sources(*folders: Path) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            yield file, ast.parse(file.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("import_module", "find_spec"):
            yield from (each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str))


def test_the_contracts_between_rooms_hold() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    if not linter.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run([str(linter), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_plugin_is_under_the_contracts_and_in_the_distribution() -> None:
    contracts, project = (ROOT / ".importlinter").read_text(), (ROOT / "pyproject.toml").read_text()
    for name in NAMES:
        assert len(re.findall(rf"^    {name}$", contracts, re.MULTILINE)) == 3, name
        assert f'{name.removeprefix("pgc_")} = "{name}"' in project and f'"plugins/{name}"' in project, name


def test_no_products_name_stands_in_the_core() -> None:
    found = []
    for file in sorted(each for each in CORE.rglob("*") if each.is_file() and STARTER not in each.parents):
        if "__pycache__" in file.parts:
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            found += [f"{file.relative_to(ROOT)}:{number}: {name}" for name in PRODUCTS if name in line.lower()]
    assert not found, "\n".join(found)


def test_the_core_imports_no_plugin() -> None:
    for file, tree in sources(CORE):
        assert not [name for name in imported(tree) if name.startswith("pgc_")], file


@pytest.mark.parametrize("plugin", NAMES)
def test_a_plugin_imports_nothing_of_ours_but_the_core_and_itself(plugin: str) -> None:
    for file, tree in sources(PLUGINS / plugin):
        others = {name.partition(".")[0] for name in imported(tree)} - {plugin, "pgc"}
        assert not [name for name in others if name.startswith("pgc_") or name == "tests"], file


def test_the_core_reaches_no_host() -> None:
    """The network is for rooms that are not built yet; processes are for Git and for the products' own validators."""
    for file, tree in sources(CORE):
        room = file.relative_to(CORE).parts[0]
        heads = {name.partition(".")[0] for name in imported(tree)}
        assert not heads & {"socket", "http", "asyncio", "ssl", "paramiko"}, file
        if room != "verify":
            assert not heads & {"docker", "requests", "urllib3"}, file
        if room not in ("verify", "change"):
            assert "subprocess" not in heads, file


def test_nothing_is_called_after_its_lack_of_a_purpose() -> None:
    vague = re.compile(r"(?:^|_)(?:utils?|helpers?|managers?|misc|stuff)(?:_|$)", re.IGNORECASE)
    for file, tree in sources(CORE, PLUGINS):
        assert not vague.search(file.stem), file
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.name)
                assert not vague.search(words), f"{file}:{node.lineno}: {node.name}"


def test_modules_fit_in_the_head() -> None:
    """STYLE: about 250 lines a module; three times that is a room that wants walls."""
    long = {file.name: count for file, _ in sources(CORE) if (count := file.read_text().count("\n")) > 450}
    assert not long


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not on this machine")
def test_our_shell_scripts_please_shellcheck() -> None:
    scripts = [file for file in (*ROOT.glob(".ci/*"), *ROOT.glob("examples/*.sh")) if file.read_bytes().startswith(b"#!")]
    done = subprocess.run(["shellcheck", *map(str, scripts)], capture_output=True, text=True, check=False)
    assert scripts and done.returncode == 0, done.stdout


def test_every_target_of_the_makefile_is_described_and_real() -> None:
    text = (ROOT / "Makefile").read_text()
    declared = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())  # type: ignore[index]
    described = set(re.findall(r"^([a-z-]+): .*## ", text, re.MULTILINE))
    assert declared == described
    done = subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and {line.split()[1] for line in done.stdout.splitlines()} == described
