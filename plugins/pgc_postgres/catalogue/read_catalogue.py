"""Read the parameters of a PostgreSQL server from the server itself, and write them as one JSON file a major.

    python read_catalogue.py --bindir /usr/lib/postgresql/17/bin
    python read_catalogue.py --bindir ~/postgresql-16/bin --borrow 15,17

A throwaway cluster is made in a temporary directory and started on a Unix socket only. PostgreSQL refuses to run as
root, so root hands the server programs (not this script) to the user that `--run-as` names, `nobody` unless told; that
user must be able to reach the bindir. Nothing but the output file is left behind.

What is read, and how:

* `pg_settings` of the bare server, then once more for each library in `pkglibdir` that can define a parameter (its
  file names `DefineCustom…Variable`), alone in `shared_preload_libraries`: what is new belongs to that library.
* what `pg_settings` does not tell is asked for: enum spellings that the server takes without listing them, lists and
  their quoting, names that stand for another, parameters that no configuration file may set.
* `--borrow 15,17` fills in the libraries that this server lacks from the committed catalogues of those majors, where
  all of them read the library themselves and define a parameter alike; such a parameter names them in `from`, and
  the header in `borrowed`.
* `--older BINDIR …` marks the parameters that those releases, earlier ones of the same major, lack (`after`).

The file holds one parameter a line, sorted, without null fields, so that a new minor release shows as a small diff.
"""

import argparse
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
Parameter = dict[str, Any]

PRELOAD_FIRST = {"pg_stat_kcache": ["pg_stat_statements"], "pgauditlogtofile": ["pgaudit"]}
"""Libraries that refuse to load alone, and what they want before them."""

ENUM_WORDS = (
    "true", "false", "yes", "no", "1", "0", "on", "off", "debug", "info", "archive", "hot_standby", "none",
)  # fmt: skip
"""Spellings that guc.c marks hidden in some enum of majors 15 to 18; each enum is asked about each of them."""

CUSTOMIZED = "Customized Options"
"""The category of nearly every library's parameters: the file leaves it out."""

NOT_BY_ALTER_SYSTEM = frozenset({"allow_alter_system", "data_directory"})
"""Parameters that ALTER SYSTEM refuses and postgresql.conf may set (GUC_DISALLOW_IN_AUTO_FILE)."""

FORMER_NAMES = ("force_parallel_mode", "logical_replication_mode", "sort_mem", "ssl_ecdh_curve", "vacuum_mem")
"""Names that once were parameters, and that a server may still take for another (map_old_guc_names in guc.c)."""

BUILD_DEPENDENT = frozenset({
    "default_toast_compression", "dynamic_shared_memory_type", "effective_io_concurrency", "extension_destdir",
    "io_method", "krb_server_keyfile", "maintenance_io_concurrency", "server_version", "server_version_num",
    "ssl_ciphers", "ssl_ecdh_curve", "ssl_groups", "ssl_library", "unix_socket_directories", "wal_compression",
    "wal_sync_method",
})  # fmt: skip
"""Parameters that follow from how the server was built, not from its major: their default, their bounds, their enum
values, or (extension_destdir, which only Debian's patch knows) that they exist. The file marks them `build`."""

SETTINGS = """
SELECT coalesce(json_agg(json_build_object(
  'name', name, 'type', vartype, 'context', context, 'unit', unit, 'min', min_val, 'max', max_val, 'values', enumvals,
  'boot', boot_val, 'category', category, 'flags', pg_settings_get_flags(name), 'desc', short_desc)), '[]')
FROM pg_settings"""

TRY_FUNCTION = """
CREATE FUNCTION try(name text, sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE shown text;
BEGIN
  EXECUTE sql;
  SELECT s.setting INTO shown FROM pg_settings s WHERE s.name = try.name;
  RAISE EXCEPTION USING MESSAGE = '=' || coalesce(shown, '');  -- undoes the SET
EXCEPTION WHEN OTHERS THEN RETURN sqlerrm;
END $$"""


SUCCESSFUL, CANT_CHANGE_RUNTIME_PARAM = "00000", "55P02"


class ServerError(Exception):
    """A server program failed; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Server:
    """A throwaway cluster: its programs, its directory (data, socket, log), and the user that its programs run as."""

    bindir: Path
    home: Path
    run_as: pwd.struct_passwd | None

    def run(self, program: str, *arguments: str, script: str = "", quiet: bool = False) -> str:
        """Run one of the server's programs with `script` as its input, and return what it printed.

        `quiet` sends the output to /dev/null: a server started by pg_ctl keeps its pipes open for ever.

        Raises:
            ServerError: it failed, or cannot be run.
        """
        who: dict[str, Any] = {}
        if self.run_as:
            who = {"user": self.run_as.pw_uid, "group": self.run_as.pw_gid, "extra_groups": []}
        pipe = subprocess.DEVNULL if quiet else subprocess.PIPE
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
        environment |= {"LC_ALL": "C", "TZ": "UTC", "HOME": str(self.home)}
        try:
            done = subprocess.run(
                [self.bindir / program, *arguments], input=script, stdout=pipe, stderr=pipe, text=True, cwd=self.home,
                env=environment, timeout=120, check=False, **who,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServerError(f"{self.bindir / program} cannot be run: {error}") from error
        if done.returncode:
            raise ServerError((done.stderr or done.stdout or f"{program} exited {done.returncode}").strip())
        return done.stdout or ""

    def psql(self, script: str, *options: str) -> str:
        """Run a psql script as the superuser, and return its unaligned output."""
        return self.run("psql", "-Xq", *options, "-h", str(self.home), "-U", "postgres", script=script)

    def query(self, statement: str) -> str:
        """Run a statement, and return its rows without a header.

        Raises:
            ServerError: the statement failed.
        """
        return self.psql(statement, "-At", "-v", "ON_ERROR_STOP=1").rstrip("\n")

    @contextmanager
    def started(self, preload: Iterable[str] = ()) -> Iterator[None]:
        """Run the server with these libraries preloaded.

        Raises:
            ServerError: it did not start; the message is its log.
        """
        options = f"-k {self.home} -c listen_addresses= -c fsync=off -c shared_preload_libraries={','.join(preload)}"
        log = self.home / "log"
        log.unlink(missing_ok=True)
        try:
            self.run("pg_ctl", "-D", "data", "-l", "log", "-w", "-o", options, "start", quiet=True)
        except ServerError as error:
            raise ServerError(log.read_text(errors="replace") if log.exists() else str(error)) from error
        try:
            yield
        finally:
            self.run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop", quiet=True)

    def try_all(self, tries: list[tuple[str, str]]) -> list[str]:
        """Run (parameter, SQL) pairs, each undone; return `=` and the parameter's setting, or the error's message."""
        if not tries:
            return []
        asked = sql_text(json.dumps([{"name": name, "sql": sql} for name, sql in tries]))
        rows = f"json_to_recordset({asked}) AS asked(name text, sql text)"
        return json.loads(self.query(f"SELECT json_agg(try(name, sql)) FROM {rows}"))  # type: ignore[no-any-return]

    def states(self, statements: list[str]) -> list[str]:
        """Run statements one by one in one session, errors or not, and return the SQLSTATE of each."""
        return self.psql("".join(f"{statement};\n\\echo :SQLSTATE\n" for statement in statements), "-At").split()

    def set_all(self, pairs: list[tuple[str, str]]) -> list[str | None]:
        """Return what the running server reads each (parameter, value) as in a session, None where it refuses it."""
        said = self.try_all([(name, f"SET {sql_name(name)} TO {sql_text(value)}") for name, value in pairs])
        return [text[1:] if text.startswith("=") else None for text in said]

    def configure_all(self, pairs: list[tuple[str, str]]) -> list[str | None]:
        """Return what the running server would read each (core parameter, value) as in its file, None as above."""
        sets = [f"ALTER SYSTEM SET {sql_name(name)} TO {sql_text(value)}" for name, value in pairs]
        taken = [state == SUCCESSFUL for state in self.states([*sets, "ALTER SYSTEM RESET ALL"])[:-1]]

        def reading(name: str, value: str) -> str:
            return self.run("postgres", "-D", "data", "-C", name, "-c", f"{name}={value}").rstrip("\n")

        return [reading(*pair) if good else None for pair, good in zip(pairs, taken, strict=True)]


def sql_name(name: str) -> str:
    """Return a parameter's name as SQL wants it after SET: pg_partman_bgw.analyze holds a reserved word."""
    return ".".join(f'"{part}"' for part in name.split("."))


def sql_text(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def throwaway_server(bindir: Path, run_as: str = "nobody") -> Iterator[Server]:
    """Make an empty cluster that is deleted afterwards; `run_as` counts only for root.

    Raises:
        ServerError: no such programs or user, or initdb failed.
    """
    try:
        user = pwd.getpwnam(run_as) if os.geteuid() == 0 else None
    except KeyError as error:
        raise ServerError(f"there is no user {run_as} to run the server as") from error
    home = Path(tempfile.mkdtemp(prefix="pgc-"))
    try:
        if user:
            os.chown(home, user.pw_uid, user.pw_gid)
        server = Server(bindir.absolute(), home, user)
        server.run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        with server.started():
            server.query(TRY_FUNCTION)
        yield server
    finally:
        shutil.rmtree(home, ignore_errors=True)


def read_catalogue(server: Server) -> dict[str, Any]:
    """Return everything the catalogue file holds, read from this server.

    A library that does not load is left out, named in `unread` and, with the reason, on standard error.

    Raises:
        ServerError: the bare server does not start.
    """
    with server.started():
        version, number = server.query("SHOW server_version"), int(server.query("SHOW server_version_num"))
        extensions = json.loads(
            server.query("SELECT json_object_agg(name, default_version ORDER BY name) FROM pg_available_extensions")
        )
        renamed = read_renamed(server)
        found = read_parameters(server, known=set())
    unread = []
    for library in defining_libraries(server):
        before = PRELOAD_FIRST.get(library, [])
        known = set(found)
        for needed in before:
            known |= {name for name, parameter in found.items() if parameter.get("library") == needed}
        try:
            with server.started([*before, library]):
                own = read_parameters(server, known)
        except ServerError as error:
            print(f"read_catalogue: {library} is left out, it does not load: {error}", file=sys.stderr)
            unread.append(library)
            continue
        found |= {name: parameter | {"library": library} for name, parameter in own.items()}
    return {
        "major": number // 10000,
        "server_version": version,
        "borrowed": {},
        "unread": unread,
        "renamed": renamed,
        "extensions": extensions,
        "parameters": found,
    }


def defining_libraries(server: Server) -> list[str]:
    """Return the libraries in pkglibdir whose file names the functions that define parameters.

    A library that PRELOAD_FIRST puts after another comes last, so that the other's parameters are known by then.
    """
    pkglibdir = Path(server.run("pg_config", "--pkglibdir").strip())
    names = [file.stem for file in pkglibdir.glob("*.so") if b"DefineCustom" in file.read_bytes()]
    return sorted(names, key=lambda name: (name in PRELOAD_FIRST, name))


def read_parameters(server: Server, known: set[str]) -> dict[str, Parameter]:
    """Return the running server's parameters that are not known yet, without their null fields."""
    rows = {row["name"]: row for row in json.loads(server.query(SETTINGS)) if row["name"] not in known}
    aliases = read_aliases(server, rows.values())
    lists = read_lists(server, rows.values())
    barred = read_barred(server, rows.values())
    parameters = {}
    for name, row in rows.items():
        parameter = {key: row[key] for key in ("type", "context", "unit")}
        for bound in ("min", "max"):
            number = {"integer": int, "real": float}.get(row["type"])
            parameter[bound] = number(row[bound]) if number else None
        parameter |= {"values": row["values"], "aliases": aliases.get(name), "list": lists.get(name)}
        parameter |= {"in_file": False if name in barred else None, "flags": sorted(row["flags"] or []) or None}
        parameter["build"] = True if name in BUILD_DEPENDENT else None
        category = None if row["category"] == CUSTOMIZED else row["category"]
        parameter |= {"boot": row["boot"], "category": category, "desc": row["desc"]}
        parameters[name] = {key: value for key, value in parameter.items() if value is not None}
    return parameters


def read_aliases(server: Server, rows: Iterable[Parameter]) -> dict[str, dict[str, str]]:
    """Return, for each enum, the spellings that the server takes without listing them or shows as another.

    wal_level takes `archive`, unlisted, and shows `replica`; wal_compression lists `on`, and shows `pglz`.
    """
    asked = [
        (row, word)
        for row in rows
        if row["type"] == "enum" and row["context"] != "internal"
        for word in sorted({*row["values"], *ENUM_WORDS})
    ]
    # An extension's parameter is a mere placeholder to `postgres -C`, which loads no library.
    in_session = [(row["name"], word) for row, word in asked if row["context"] in ("user", "superuser")]
    by_file = [
        (row["name"], word)
        for row, word in asked
        if row["context"] not in ("user", "superuser") and "." not in row["name"]
    ]
    shown = dict(zip(in_session, server.set_all(in_session), strict=True))
    shown |= dict(zip(by_file, server.configure_all(by_file), strict=True))
    aliases: dict[str, dict[str, str]] = {}
    for row, word in asked:
        meant = shown.get((row["name"], word))
        if meant is not None and (word not in row["values"] or meant != word):
            aliases.setdefault(row["name"], {})[word] = meant
    return aliases


def read_lists(server: Server, rows: Iterable[Parameter]) -> dict[str, str]:
    """Return which parameters are comma-separated lists: `quoted` where items are SQL identifiers, else `plain`."""
    names = [row["name"] for row in rows if row["type"] == "string" and row["context"] != "internal"]
    said = server.try_all([(name, f"SET {sql_name(name)} TO 'a b', 'c'") for name in names])
    lists = [name for name, text in zip(names, said, strict=True) if "takes only one argument" not in text]
    kinds = dict.fromkeys(lists, "plain")
    for name in lists:
        with suppress(ServerError):  # a value that its check refuses tells nothing: no quoted list is among those
            server.query(f"ALTER SYSTEM SET {sql_name(name)} TO 'a b', 'c'")
            sets = f"SELECT setting FROM pg_file_settings WHERE name = '{name}' AND sourcefile LIKE '%auto.conf'"
            kinds[name] = "quoted" if server.query(sets).startswith('"') else "plain"
    server.query("ALTER SYSTEM RESET ALL")
    return kinds


def read_barred(server: Server, rows: Iterable[Parameter]) -> set[str]:
    """Return the parameters that no configuration file may set, of those that can be set at all.

    They are those that ALTER SYSTEM refuses, but for NOT_BY_ALTER_SYSTEM.
    """
    names = [row["name"] for row in rows if row["context"] != "internal" and row["name"] not in NOT_BY_ALTER_SYSTEM]
    states = server.states([f"ALTER SYSTEM RESET {sql_name(name)}" for name in names])
    return {name for name, state in zip(names, states, strict=True) if state == CANT_CHANGE_RUNTIME_PARAM}


def read_renamed(server: Server) -> dict[str, str]:
    """Return the former names that the server still takes, and the parameter that each stands for."""
    renamed = {}
    for name in FORMER_NAMES:
        with suppress(ServerError):
            now = server.psql(f"SHOW {name}", "-A", "-v", "ON_ERROR_STOP=1")
            if (current := now.splitlines()[0]) != name:
                renamed[name] = current
    return renamed


def mark_newcomers(catalogue: dict[str, Any], server: Server) -> dict[str, Any]:
    """Return the catalogue with `after` on the core parameters that this server, an older minor release, lacks.

    The field names the release that lacks it: read the older ones in ascending order, and the newest is kept.

    Raises:
        ServerError: the server does not start, or is of another major.
    """
    with server.started():
        version = server.query("SHOW server_version").split()[0]
        known = set(server.query("SELECT name FROM pg_settings").split())
    if int(version.split(".")[0]) != catalogue["major"]:
        raise ServerError(f"{server.bindir} is {version}, which is no older release of {catalogue['major']}")
    parameters = {
        name: parameter
        if "library" in parameter or "build" in parameter or name in known
        else parameter | {"after": version}
        for name, parameter in catalogue["parameters"].items()
    }
    return catalogue | {"parameters": parameters}


def borrow(catalogue: dict[str, Any], neighbours: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the catalogue with the parameters of the libraries that it lacks and that all neighbours define alike.

    Alike means every field but the prose; what a neighbour itself borrowed does not count.
    """

    def facts(parameter: Parameter) -> Parameter:
        return {key: value for key, value in parameter.items() if key not in ("desc", "category")}

    own = {parameter.get("library") for parameter in catalogue["parameters"].values()}
    first, *others = neighbours
    source = ",".join(str(neighbour["major"]) for neighbour in neighbours)
    borrowed = {
        name: parameter | {"from": source}
        for name, parameter in first["parameters"].items()
        if parameter.get("library") not in own
        and "from" not in parameter
        and all(facts(parameter) == facts(other["parameters"].get(name, {})) for other in others)
    }
    libraries = {parameter["library"]: source for parameter in borrowed.values()}
    return catalogue | {"borrowed": libraries, "parameters": catalogue["parameters"] | borrowed}


def catalogue_text(catalogue: dict[str, Any]) -> str:
    """Return the catalogue as JSON, one extension and one parameter a line, sorted by name."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def block(values: dict[str, Any]) -> str:
        return "{\n" + ",\n".join(f"{line(name)}:{line(values[name])}" for name in sorted(values)) + "\n}"

    parts = [f'"{key}": {line(catalogue[key])}' for key in ("major", "server_version", "borrowed", "unread", "renamed")]
    parts += [f'"{key}": {block(catalogue[key])}' for key in ("extensions", "parameters")]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def catalogue_file(major: int) -> Path:
    """Return where the catalogue of a major lies."""
    return HERE / f"postgresql-{major}.json"


def main(arguments: list[str] | None = None) -> int:
    """Read the server that the arguments name, and write its catalogue."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--bindir", type=Path, required=True, help="where initdb, pg_ctl, postgres and psql are")
    parser.add_argument("--output", type=Path, help="default: postgresql-MAJOR.json beside this script")
    parser.add_argument("--run-as", default="nobody", help="the user that runs the server, when root starts this")
    parser.add_argument("--borrow", default="", help="majors to fill missing libraries from, such as 15,17")
    parser.add_argument("--older", type=Path, nargs="*", default=[], help="bindirs of earlier releases of this major")
    given = parser.parse_args(arguments)
    try:
        neighbours = [json.loads(catalogue_file(int(major)).read_text()) for major in given.borrow.split(",") if major]
        with throwaway_server(given.bindir, given.run_as) as server:
            catalogue = read_catalogue(server)
        for bindir in given.older:
            with throwaway_server(bindir, given.run_as) as server:
                catalogue = mark_newcomers(catalogue, server)
    except (ServerError, OSError, ValueError) as error:
        print(f"read_catalogue: {error}", file=sys.stderr)
        return 5
    if neighbours:
        catalogue = borrow(catalogue, neighbours)
    output = given.output or catalogue_file(catalogue["major"])
    output.write_text(catalogue_text(catalogue), encoding="utf-8")
    print(f"{output.name}: {len(catalogue['parameters'])} parameters of {catalogue['server_version']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
