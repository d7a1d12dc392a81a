"""PostgreSQL itself judges the SQL, by running it twice, and the rules of client authentication, by reading them.

Each judge makes an empty server of the right major in a folder of its own, reachable through a socket in that folder only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

from pgc.artifact import Entry
from pgc.hookspecs import Answer, Problem, Trial, Unclear, Validator
from pgc.readers import read_yaml
from pgc.secrets import TOKEN
from pgc_postgres.catalogue import MAJORS
from pgc_postgres.render import FOLDER

HEAD = re.compile(rb"\A-- [^\n]* for PostgreSQL (\d+)\.")
FOLDERS = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin")
BIN_DIR = re.compile(rb"^  bin_dir: \S*?(\d\d)/bin$", re.MULTILINE)

RUN_SQL = r"""#!/bin/sh
# Make a server, run the files in order, the last one twice; what this machine's server cannot create is left out.
set -e
initdb -D data -U postgres -A trust -E UTF8 --locale=C -N >/dev/null 2>&1
printf "listen_addresses = ''\nunix_socket_directories = '%s'\nfsync = off\nlogging_collector = off\n" "$PWD" >> data/postgresql.conf
pg_ctl -D data -l log -w start >/dev/null 2>&1 || { cat log; exit 3; }
trap 'pg_ctl -D data -m immediate stop >/dev/null 2>&1' EXIT
known=$(psql -XAtq -h "$PWD" -U postgres -d postgres -c 'SELECT name FROM pg_available_extensions')
run() {
  awk -v known="$known" '
    BEGIN { count = split(known, list, "\n"); for (i = 1; i <= count; i++) have["\"" list[i] "\""] = 1 }
    /^CREATE EXTENSION IF NOT EXISTS / { name = $6; sub(/;$/, "", name); if (!(name in have)) { print "--"; next } }
    /^ALTER EXTENSION / { if (!($3 in have)) { print "--"; next } }
    { print }' "$1" > input.sql
  psql -Xq -h "$PWD" -U postgres -d postgres -f input.sql >/dev/null 2>errors || { grep -v NOTICE errors; exit 1; }
}
for file in sql/*.sql; do run "$file"; done
run "$1"
"""

READ_HBA = r"""#!/bin/sh
# PostgreSQL parses the rules without starting to listen; line numbers are those of the judged file.
set -e
initdb -D data -U postgres -A trust -E UTF8 --locale=C -N >/dev/null 2>&1
cp pg_hba.conf data/pg_hba.conf
echo "COPY (SELECT line_number, error FROM pg_hba_file_rules WHERE error IS NOT NULL ORDER BY 1) TO '$PWD/found'" > query
postgres --single -D data -c ssl=on postgres <query >log 2>&1 || { cat log; exit 3; }
cat found
"""


def validators() -> Iterator[Validator]:
    """Give both judges for every major."""
    for major in MAJORS:
        folders = tuple(folder.format(major) for folder in FOLDERS)
        yield Validator(
            name=f"postgres-{major}-sql",
            formats=("postgresql.sql",),
            tool="initdb",
            version=("--version",),
            trials=partial(sql_trials, major),
            problems=sql_problems,
            packages=(f"postgresql-{major}",),
            folders=folders,
            blind="extensions that are not installed here, parameters of libraries that are not loaded, and "
            "passwords, which are not known here",
        )
        yield Validator(
            name=f"postgres-{major}-client-authentication",
            formats=("patroni.yml",),
            tool="initdb",
            version=("--version",),
            trials=partial(hba_trials, major),
            problems=hba_problems,
            packages=(f"postgresql-{major}",),
            folders=folders,
            blind="whether the roles and databases exist, and which rule a connection would take",
        )


def sql_trials(major: int, entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterator[Trial]:
    """Run everything that comes before a file, then the file, then the file again."""
    found = HEAD.match(content)
    if found is None or int(found[1]) != major:
        return
    before = [
        name
        for name in sorted(others)
        if name.startswith(f"{FOLDER}/")
        and name.endswith(".sql")
        and name[len(FOLDER) + 1 :][:2] < "30"
        and name < entry.path
    ]
    files = {f"sql/{index:02}.sql": _without_secrets(others[name]) for index, name in enumerate(before)}
    own = f"sql/{len(before):02}.sql"
    files[own] = _without_secrets(content)
    files["run"] = RUN_SQL.encode()
    yield Trial(("{root}/run", own), files, timeout_s=120)


def _without_secrets(content: bytes) -> bytes:
    return TOKEN.sub("'validation-only'", content.decode()).encode()


def sql_problems(answer: Answer, content: bytes) -> Iterator[Problem]:
    """Read psql's complaints; its line numbers are those of the file. Raises Unclear where the server did not run."""
    if not answer.exit_code:
        return
    found = False
    for line in answer.output.splitlines():
        match = re.match(r"psql:[^:]*:(\d+): (?:ERROR|FATAL|error): +(.*)", line)
        if match:
            found = True
            yield Problem(match[2], int(match[1]))
    if not found:
        raise Unclear(_last(answer))


def _last(answer: Answer) -> str:
    return (answer.output.strip().splitlines() or [f"exit code {answer.exit_code}"])[-1]


def hba_trials(major: int, entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterator[Trial]:
    """Let PostgreSQL read the rules, each on the line that it has in the judged file."""
    found = BIN_DIR.search(content)
    if found is None or int(found[1]) != major:
        return
    rows: dict[int, str] = {}
    for setting in read_yaml(content):
        if setting.name.startswith("postgresql.pg_hba["):
            rows[setting.line] = setting.value
    if rows:
        lines = [rows.get(number, "") for number in range(1, max(rows) + 1)]
        yield Trial(
            ("{root}/run",), {"pg_hba.conf": ("\n".join(lines) + "\n").encode(), "run": READ_HBA.encode()}, timeout_s=60
        )


def hba_problems(answer: Answer, content: bytes) -> Iterator[Problem]:
    """Read the complaints. Raises Unclear where the server that was to read the rules did not run."""
    if answer.exit_code:
        raise Unclear(_last(answer))
    for line in answer.output.splitlines():
        number, tab, message = line.partition("\t")
        if tab:
            yield Problem(message, int(number) if number.isdigit() else 0)


VALIDATORS = tuple(validators())
