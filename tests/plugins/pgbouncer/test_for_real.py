"""PgBouncer and PostgreSQL as they are installed: the generated SQL, the generated files, and clients that log in through them."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pgc.artifact import Format
from pgc.facts import HbaRule
from pgc.secrets import resolve
from pgc.templating import sql_text
from pgc.verify.local import search_path
from pgc_pgbouncer.reader import encode_password
from tests.plugins.pgbouncer.conftest import compiled, manifest, text_of

POOLER = shutil.which("pgbouncer", path=search_path())
PROGRAMS = next(
    (
        folder
        for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        if (folder / "initdb").exists()
    ),
    None,
)
pytestmark = [
    pytest.mark.skipif(POOLER is None or PROGRAMS is None, reason="pgbouncer or PostgreSQL is not installed"),
    pytest.mark.xdist_group("pgbouncer-server"),
]
PASSWORDS = {"pool-auth": 'look "up" 1', "role-app": "app's secret", "role-expired": "old", "superuser": "super"}


def as_whom() -> list[str]:
    """PostgreSQL and PgBouncer refuse to run as root."""
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []


def free_port() -> int:
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Running:
    """A PostgreSQL with the cluster's roles and function, and the cluster's PgBouncer before it."""

    home: Path
    server: int
    pooler: int

    def run(self, *words: object, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{PROGRAMS}:{search_path()}", "HOME": str(self.home), "LC_ALL": "C.UTF-8", **more}
        done = subprocess.run(
            [*as_whom(), *map(str, words)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.home,
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done

    def query(self, statement: str, database: str = "postgres") -> str:
        """Ask PostgreSQL itself, as its superuser."""
        return self.run(
            "psql",
            "-XAtq",
            "-h",
            self.home,
            "-p",
            self.server,
            "-U",
            "postgres",
            "-d",
            database,
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
        ).stdout.strip()

    def login(self, user: str, password: str, database: str = "orders") -> subprocess.CompletedProcess[str]:
        """Log in through PgBouncer."""
        words = (
            "psql",
            "-XAtq",
            "-h",
            "127.0.0.1",
            "-p",
            self.pooler,
            "-U",
            user,
            "-d",
            database,
            "-c",
            "SELECT session_user",
        )
        return self.run(*words, check=False, PGPASSWORD=password, PGCONNECT_TIMEOUT="10")


def version() -> str:
    said = subprocess.run([POOLER or "pgbouncer", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"PgBouncer (\d+\.\d+)", said)
    return found[1] if found else "1.24"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("pooled")
    for folder in (home, *home.parents):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
    found = Running(home, free_port(), free_port())
    try:
        start_server(found)
        start_pooler(found)
        yield found
    finally:
        for name in ("pgbouncer.pid", "data/postmaster.pid"):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int((home / name).read_text().split()[0]), 2)


def whole(found: Running) -> str:
    databases = "{orders: {access: {app: read-write, expired: read-only}}}"
    postgres = f"{{version: 17, port: {found.server}, roles: {{app: {{}}, expired: {{}}}}, databases: {databases}}}"
    return manifest(f'{{version: "{version()}", port: {found.pooler}, auth: {{user: pool_auth}}}}', postgres)


def start_server(found: Running) -> None:
    """Start PostgreSQL with the generated rules for the pool, and run the generated SQL on it."""
    compilation = compiled(whole(found))
    assert compilation.cluster is not None and compilation.bundle is not None
    found.run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
    rules = [rule for rule in compilation.cluster.facts.all(HbaRule) if rule.purpose == "pool"]
    lines = [f"{rule.connection} {rule.database} {rule.user} {rule.address} {rule.method}" for rule in rules]
    (found.home / "data/pg_hba.conf").write_text("local all postgres trust\n" + "\n".join(lines) + "\n")
    found.run(
        "pg_ctl",
        "-D",
        "data",
        "-l",
        "log",
        "-w",
        "-o",
        f"-p {found.server} -k {found.home} -c fsync=off -c shared_preload_libraries=pg_stat_statements",
        "start",
    )
    sql = {
        path.rpartition("/")[2]: file.content
        for path, file in compilation.bundle.files.items()
        if path.startswith("cluster/postgresql/")
    }
    for name in sorted(sql):
        content = resolve(
            sql[name],
            Format("sql", encode_secret=lambda value: sql_text(value)),
            lambda secret: PASSWORDS.get(secret, "other"),
        )
        (found.home / name).write_bytes(content)
        found.run("psql", "-Xq", "-h", found.home, "-p", found.server, "-U", "postgres", "-d", "postgres", "-f", name)
    found.query("ALTER ROLE expired VALID UNTIL '2020-01-01'")


def start_pooler(found: Running) -> None:
    """Start PgBouncer with the generated files; only places differ."""
    compilation = compiled(whole(found))
    for name in ("pgbouncer.ini", "peer.ini", "peers.ini", "userlist.txt"):
        path = f"hosts/pg1/etc/pgbouncer/{name}"
        if compilation.bundle is None or path not in compilation.bundle.files:
            continue
        content = (
            text_of(compilation, path)
            .replace("/etc/pgbouncer", str(found.home))
            .replace("/run/pgbouncer", str(found.home))
        )
        if name == "userlist.txt":
            content = resolve(
                content.encode(), Format("list", encode_secret=encode_password), PASSWORDS.__getitem__
            ).decode()
        (found.home / name).write_text(content)
    ini = found.home / "pgbouncer.ini"
    ini.write_text(
        ini.read_text().replace(
            "[pgbouncer]\n", f"[pgbouncer]\npidfile = {found.home}/pgbouncer.pid\nlogfile = {found.home}/pooler.log\n"
        )
    )
    found.run(POOLER, "-q", "-d", ini)
    for _ in range(50):
        if found.login("app", PASSWORDS["role-app"]).returncode == 0:
            return
        time.sleep(0.1)


def test_application_logs_in_with_the_password_that_only_postgres_knows(running: Running) -> None:
    done = running.login("app", PASSWORDS["role-app"])
    assert done.stdout.strip() == "app", done.stderr + (running.home / "pooler.log").read_text()[-2000:]


def test_wrong_password_is_refused(running: Running) -> None:
    assert running.login("app", "guess").returncode != 0


def test_superuser_cannot_come_through_the_pool(running: Running) -> None:
    assert running.query("SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = 'postgres'") == "t"
    assert running.login("postgres", PASSWORDS["superuser"]).returncode != 0


def test_expired_password_is_refused(running: Running) -> None:
    assert running.login("expired", PASSWORDS["role-expired"]).returncode != 0


def test_lookup_tells_nobody_else(running: Running) -> None:
    database = "postgres" if int(version().split(".")[1]) >= 19 else "orders"
    found = running.query(
        "SELECT has_function_privilege('app', 'pgbouncer.get_auth(text)', 'EXECUTE'), "
        "has_function_privilege('pool_auth', 'pgbouncer.get_auth(text)', 'EXECUTE')",
        database,
    )
    assert found == "f|t"
    assert running.query("SELECT count(*) FROM pgbouncer.get_auth('postgres')", database) == "0"
    assert (
        running.query("SELECT prosecdef, proconfig FROM pg_proc WHERE proname = 'get_auth'", database)
        == 't|{"search_path=pg_catalog, pg_temp"}'
    )


def test_settings_are_in_force(running: Running) -> None:
    """A section that is included a second time would set all of them back (measured with 1.24.1)."""
    said = running.run(
        "psql",
        "-XAtq",
        "-h",
        running.home,
        "-p",
        running.pooler,
        "-U",
        "pgbouncer",
        "-d",
        "pgbouncer",
        "-c",
        "SHOW CONFIG",
    ).stdout
    values = {line.split("|")[0]: line.split("|")[1] for line in said.splitlines()}
    assert (values["max_client_conn"], values["auth_type"], values["pool_mode"]) == (
        "250",
        "scram-sha-256",
        "transaction",
    )
    ini = dict(re.findall(r"^(\w+) = (.*)$", (running.home / "pgbouncer.ini").read_text(), re.MULTILINE))
    del ini["unix_socket_mode"]  # shown as a decimal number
    assert {
        name: value for name, value in ini.items() if name in values and values[name] not in (value, value + ".0")
    } == {}
