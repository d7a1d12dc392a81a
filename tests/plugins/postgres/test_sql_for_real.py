"""The generated SQL runs on real servers, twice, with names that want to break out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pgc.artifact import Entry, Format
from pgc.hookspecs import Answer, Problem
from pgc.secrets import resolve
from pgc.templating import sql_text
from pgc_postgres import validators
from pgc_postgres.access import slug
from pgc_postgres.sql_readers import read_sql
from pgc_postgres.statements import encode_secret
from tests.plugins.postgres.conftest import HOSTS, Compiled, Server, compile_with, manifest, registry_of

HOSTILE = [
    'a"b',
    "o'hara",
    "back\\slash",
    "do$$llar",
    "$pgc$",
    "semi; DROP ROLE postgres; --",
    "{{ 7 * 7 }}",
    ":var",
    "%I %s",
    "UPPER case",
    "ünïcödé",
    "x" * 63,
    "é" * 31,
    "-- comment",
    "a /* comment",
    "a=b c=d",
    "postgresql://x/y",
]
DATABASES = ['a"b', "o'hara", "back\\slash", "$pgc$", "%I %s", "UPPER case", "é" * 31, "a=b c=d"]


def hostile_manifest(major: int) -> str:
    """Return a manifest in which every name is hostile."""
    roles: dict[str, Any] = {
        name: {"settings": {"search_path": '"$user", "My Schema", app', "application_name": name}} for name in HOSTILE
    }
    roles |= {"readers": {"login": False}, "member": {"member_of": ["readers", HOSTILE[0]]}}
    databases = {
        name: {
            "owner": name,
            "schemas": {name: {}, "second": {"owner": "readers"}},
            "extensions": {"pg_trgm": {"schema": name}},
            "access": {"member": "read-write", "readers": "read-only"},
            "settings": {"work_mem": "8MB"},
            "connection_limit": 20,
        }
        for name in DATABASES
    }
    return f"{manifest(f'version: {major}', HOSTS)}  roles: {json.dumps(roles)}\n  databases: {json.dumps(databases)}\n"


def files(compiled: Compiled) -> dict[str, str]:
    assert compiled.whole.bundle is not None, compiled.messages
    found = compiled.whole.bundle.files
    return {
        path.rpartition("/")[2]: file.content.decode()
        for path, file in found.items()
        if path.startswith("cluster/postgresql/")
    }


def state(server: Server) -> str:
    """Return everything that the SQL decides, but for the salts of passwords."""
    parts = [
        "SELECT rolname, rolsuper, rolcanlogin, rolconnlimit, rolconfig FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1",
        "SELECT roleid::regrole, member::regrole FROM pg_auth_members ORDER BY roleid::regrole::text, member::regrole::text",
        "SELECT datname, datacl, datconnlimit, pg_get_userbyid(datdba) FROM pg_database ORDER BY 1",
    ]
    found = [server.query(part) for part in parts]
    for name in DATABASES:
        found.append(server.query("SELECT nspname, nspacl FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1", name))
        found.append(
            server.query(
                "SELECT defaclrole::regrole, defaclnamespace, defaclobjtype, defaclacl FROM pg_default_acl ORDER BY 1::text, 2, 3",
                name,
            )
        )
        found.append(server.query("SELECT extname, extnamespace::regnamespace FROM pg_extension ORDER BY 1", name))
    return "\n".join(found)


@pytest.mark.xdist_group("postgres-server")
def test_hostile_names_survive_and_a_second_run_changes_nothing(server: Server) -> None:
    made = files(compile_with(registry_of("postgres"), hostile_manifest(server.major)))
    names = [
        *(name for name in sorted(made) if name < "15"),
        "20-databases.sql",
        *(f"30-{slug(name)}.sql" for name in DATABASES),
    ]
    states = []
    for _ in range(2):
        for name in names:
            done = server.psql("-q", "-d", "postgres", "-f", server.lay(name, made[name]))
            assert "ERROR" not in done.stderr and "WARNING" not in done.stderr, done.stderr
        states.append(state(server))
    assert states[0] == states[1]
    roles = set(server.query("SELECT rolname FROM pg_roles").splitlines())
    assert set(HOSTILE) <= roles
    assert set(DATABASES) <= set(server.query("SELECT datname FROM pg_database").splitlines())


@pytest.mark.xdist_group("postgres-server")
def test_password_arrives_and_leaves_no_trace_in_the_log(server: Server) -> None:
    secret = "s'e\\cr\"et $$ %I 🙂 \u2028 hunter2"
    compiled = compile_with(
        registry_of("postgres"), manifest(f"version: {server.major}\nroles: {{app: {{}}, 'o''hara': {{}}}}")
    )
    made = files(compiled)
    server.psql("-q", "-d", "postgres", "-f", server.lay("roles.sql", made["10-roles.sql"]))
    written = Format("postgresql.sql", encode_secret=encode_secret)
    passwords = resolve(made["15-passwords.sql"].encode(), written, lambda name: secret).decode()
    assert "@pgc-secret" not in passwords
    done = server.psql("-d", "postgres", "-f", server.lay("passwords.sql", passwords))
    assert "hunter2" not in done.stdout + done.stderr
    for role in ("app", "o'hara"):
        assert (
            server.query(f"SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = {sql_text(role)}")
            == "t"
        )
    assert "hunter2" not in (server.home / "log").read_text()
    hba = server.home / "data" / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text("local all app scram-sha-256\nlocal all all trust\n")
    try:
        server.query("SELECT pg_reload_conf()")
        login = server.run(
            server.programs / "psql",
            "-XAtq",
            "-h",
            server.home,
            "-U",
            "app",
            "-d",
            "postgres",
            "-c",
            "SELECT current_user",
            PGPASSWORD=secret,
        )
        assert login.stdout.strip() == "app"
    finally:
        hba.write_text(before)
        server.query("SELECT pg_reload_conf()")


@pytest.mark.xdist_group("postgres-server")
def test_unresolved_password_is_refused_and_rolled_back(server: Server) -> None:
    made = files(compile_with(registry_of("postgres"), manifest(f"version: {server.major}\nroles: {{fresh: {{}}}}")))
    server.psql("-q", "-d", "postgres", "-f", server.lay("roles.sql", made["10-roles.sql"]))
    done = server.psql("-d", "postgres", "-f", server.lay("passwords.sql", made["15-passwords.sql"]), check=False)
    assert done.returncode == 3 and "@pgc-secret:role-fresh@" in done.stderr
    assert server.query("SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'fresh'") == "t"


@pytest.mark.xdist_group("postgres-server")
def test_access_is_what_the_words_say(server: Server) -> None:
    text = """
        version: MAJOR
        roles: {rw: {passwordless: true}, ro: {passwordless: true}, nobody_else: {passwordless: true}, own: {login: false}}
        databases:
          shop:
            owner: own
            schemas: {app: {}}
            access: {rw: read-write, ro: read-only}
    """.replace("MAJOR", str(server.major))
    made = files(compile_with(registry_of("postgres"), manifest(text)))
    for name in ("10-roles.sql", "20-databases.sql", "30-shop.sql"):
        server.psql("-q", "-d", "postgres", "-f", server.lay(name, made[name]))
    server.query("SET ROLE own; CREATE TABLE app.later (id int); CREATE SEQUENCE app.counter", "shop")

    def may(role: str, statement: str) -> bool:
        done = server.run(
            server.programs / "psql", "-Xq", "-h", server.home, "-U", role, "-d", "shop", "-c", statement, check=False
        )
        return done.returncode == 0

    assert may("rw", "INSERT INTO app.later VALUES (1); SELECT nextval('app.counter')")
    assert may("ro", "SELECT * FROM app.later")
    assert not may("ro", "INSERT INTO app.later VALUES (1)")
    assert not may("rw", "CREATE TABLE app.other (id int)")
    assert not may("rw", "CREATE TABLE public.other (id int)")
    assert not may("nobody_else", "SELECT 1")


@pytest.mark.xdist_group("postgres-server")
def test_function_of_another_plugin_is_made_and_granted(server: Server) -> None:
    from tests.plugins.postgres import stranger

    registry = stranger.registry()
    made = files(compile_with(registry, manifest(f"version: {server.major}\ndatabases: {{lookup: {{}}}}")))
    for name in ("10-roles.sql", "20-databases.sql", "30-lookup.sql", "30-lookup.sql"):
        server.psql("-q", "-d", "postgres", "-f", server.lay(name, made[name]))
    done = server.run(
        server.programs / "psql",
        "-XAtq",
        "-h",
        server.home,
        "-U",
        "pooler",
        "-d",
        "lookup",
        "-c",
        "SELECT pool.answer(41)",
    )
    assert done.stdout.strip() == "42"


@pytest.mark.xdist_group("postgres-server")
def test_validator_accepts_what_is_generated_and_names_the_line_of_a_fault(server: Server) -> None:
    compiled = compile_with(registry_of("postgres"), hostile_manifest(server.major))
    assert compiled.whole.bundle is not None
    bundle = {path: file for path, file in compiled.whole.bundle.files.items() if path.startswith("cluster/")}
    others = {path: file.content for path, file in bundle.items()}
    for path in (
        "cluster/postgresql/10-roles.sql",
        "cluster/postgresql/15-passwords.sql",
        f"cluster/postgresql/30-{slug(DATABASES[0])}.sql",
    ):
        assert judged(server, bundle[path].entry, bundle[path].content, others) == []
    broken = bundle["cluster/postgresql/20-databases.sql"].content.replace(b"ALTER DATABASE", b"ALTR DATABASE", 1)
    line = broken[: broken.index(b"ALTR")].count(b"\n") + 1
    found = judged(server, bundle["cluster/postgresql/20-databases.sql"].entry, broken, others)
    assert [each.line for each in found] == [line] and "syntax error" in found[0].message


def judged(server: Server, entry: Entry, content: bytes, others: dict[str, bytes]) -> list[Problem]:
    import shutil
    import tempfile
    from pathlib import Path

    problems: list[Problem] = []
    for trial in validators.sql_trials(server.major, entry, content, others):
        root = Path(tempfile.mkdtemp(dir=server.home))
        try:
            for name, data in trial.files.items():
                target = root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
                target.chmod(0o755)
            root.chmod(0o777)
            done = server.run("/bin/sh", "-c", f"cd {root} && ./run {trial.argv[1]} 2>&1", check=False)
            problems += validators.sql_problems(Answer(done.returncode, done.stdout + done.stderr), content)
        finally:
            shutil.rmtree(root, ignore_errors=True)
    return problems


def test_reader_finds_every_statement_of_every_file() -> None:
    for name, text in files(compile_with(registry_of("postgres"), hostile_manifest(17))).items():
        settings = list(read_sql(text.encode()))
        assert len({each.name for each in settings}) == len(settings), name
        lines = text.split("\n")
        for each in settings:
            assert lines[each.line - 1].strip().startswith(each.value.split(" ")[0]), (name, each)
