"""What the tests of the postgres plugin share: manifests, the plugin alone or with Patroni's, and real servers."""

from __future__ import annotations

import importlib
import os
import pwd
import shutil
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from pgc import pipeline, source
from pgc import registry as registries
from pgc.diagnostics import Diagnostic
from pgc.pipeline import Compilation
from pgc.registry import Registry

HEAD = """\
apiVersion: pgc.dev/v1
kind: Cluster
metadata: {name: orders}
defaults: "2026.11"
"""
HOSTS = """\
hosts:
  pg1: {address: 10.0.0.11, memory: 8GB, zone: a}
  pg2: {address: 10.0.0.12, memory: 8GB, zone: b}
  pg3: {address: 10.0.0.13, memory: 8GB, zone: c}
"""
MAJORS = (15, 16, 17, 18)


def manifest(postgres: str = "version: 17", hosts: str = HOSTS, objectives: str = "{failover: 60s}") -> str:
    """Return a whole manifest around a postgres section."""
    return f"{HEAD}objectives: {objectives}\n{hosts}postgres:\n{textwrap.indent(textwrap.dedent(postgres).strip(), '  ')}\n"


@cache
def registry_of(*names: str) -> Registry:
    """Return a registry of some of pgc's plugins."""
    return registries.build([(name, importlib.import_module(f"pgc_{name}"), "pgc", "0") for name in names])


def registry_with(*modules: tuple[str, ModuleType]) -> Registry:
    """Return a registry of the postgres plugin and others that a test made."""
    rows = [(name, module, "test", "0") for name, module in modules]
    return registries.build([("postgres", importlib.import_module("pgc_postgres"), "pgc", "0"), *rows])


@dataclass(frozen=True)
class Compiled:
    """A compilation, with shorthands."""

    whole: Compilation

    @property
    def codes(self) -> list[str]:
        return [each.code for each in self.said]

    @property
    def messages(self) -> list[str]:
        return [f"{each.code} {each.message}" for each in self.said]

    @property
    def said(self) -> list[Diagnostic]:
        """Return what is said of the manifest; that nobody plans certificates is said of every one."""
        return [each for each in self.whole.diagnostics if each.code != "FCT003"]

    def text(self, path: str) -> str:
        """Return a file of the bundle."""
        assert self.whole.bundle is not None, self.messages
        return self.whole.bundle.files[path].content.decode()

    def parameters(self) -> dict[tuple[str, str], object]:
        """Return the settled parameters by (name, host)."""
        from pgc.facts import Parameter

        assert self.whole.cluster is not None, self.messages
        return {(each.name, each.host): each.value for each in self.whole.cluster.facts.all(Parameter)}


def compile_with(registry: Registry, text: str) -> Compiled:
    """Compile a manifest's text."""
    whole = source.read(text.encode(), "m.yaml")
    return Compiled(pipeline.compile_source(whole, None, registry, registry.templates(), lambda name: ""))


@pytest.fixture(scope="session")
def alone() -> Callable[[str], Compiled]:
    """Compile with the postgres plugin alone."""
    return lambda text: compile_with(registry_of("postgres"), text)


@pytest.fixture(scope="session")
def with_patroni() -> Callable[[str], Compiled]:
    """Compile with the postgres, patroni and etcd plugins."""
    return lambda text: compile_with(registry_of("postgres", "patroni", "etcd"), text)


# ── real servers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def bin_dir(major: int) -> Path | None:
    """Return the programs of a major on this machine, or None."""
    for folder in (f"/usr/lib/postgresql/{major}/bin", f"/usr/pgsql-{major}/bin"):
        if Path(folder, "initdb").exists():
            return Path(folder)
    return None


@dataclass(frozen=True)
class Server:
    """A running server of one major, reached through a socket in its own folder."""

    major: int
    programs: Path
    home: Path

    def run(self, *command: str | Path, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs as the server's user."""
        user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        env = {"PATH": f"{self.programs}:/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self.home), **more}
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.home,
            env=env,
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
            **user,  # type: ignore[call-overload]
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def psql(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run psql as the superuser."""
        return self.run(self.programs / "psql", "-X", "-h", self.home, "-U", "postgres", *arguments, check=check)

    def query(self, statement: str, database: str = "postgres") -> str:
        """Return what a statement answers, unaligned."""
        quoted = database.replace("\\", "\\\\").replace("'", "\\'")
        return self.psql("-Atq", "-d", f"dbname='{quoted}'", "-c", statement).stdout.strip()

    def lay(self, name: str, text: str) -> Path:
        """Write a file that the server's user may read."""
        file = self.home / name
        file.write_text(text)
        file.chmod(0o644)
        return file


def started(major: int, tmp: Path) -> Iterator[Server]:
    programs = bin_dir(major)
    if programs is None:
        pytest.skip(f"no PostgreSQL {major} under /usr/lib/postgresql, or /usr/pgsql-{major}")
    home = Path("/tmp") / f"pgc-test-{os.getpid()}-{major}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o755)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
    server = Server(major, programs, home)
    server.run(programs / "initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
    options = f"-c listen_addresses= -k {home} -c fsync=off -c log_statement=all -c log_min_duration_statement=0"
    server.run(programs / "pg_ctl", "-D", "data", "-l", "log", "-w", "-o", options, "start")
    try:
        yield server
    finally:
        server.run(programs / "pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop", check=False)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module", params=MAJORS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server of each major."""
    yield from started(request.param, tmp_path_factory.mktemp("server"))
