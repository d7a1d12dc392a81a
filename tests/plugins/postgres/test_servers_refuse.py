"""What the checks say a server would refuse, real servers do refuse; what they let pass, servers start with."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgc.artifact import Entry
from pgc.hookspecs import Answer
from pgc_postgres import validators
from tests.plugins.postgres.conftest import Server

REFUSED = [
    (15, "-c max_connections=30 -c superuser_reserved_connections=30"),
    (16, "-c max_connections=30 -c superuser_reserved_connections=20 -c reserved_connections=10"),
    (15, "-c min_wal_size=31MB"),
    (15, "-c max_wal_size=31MB -c min_wal_size=32MB"),
    (15, "-c huge_pages=on -c shared_buffers=512MB"),
]
STARTS = [
    (15, "-c max_connections=30 -c superuser_reserved_connections=29"),
    (15, "-c min_wal_size=32MB -c max_wal_size=32MB"),
    (15, "-c autovacuum_max_workers=20"),
    (15, "-c max_parallel_workers=64 -c max_worker_processes=8"),
    (15, "-c huge_pages=try"),
]


@pytest.mark.xdist_group("postgres-server")
def test_servers_agree_on_what_cannot_stand_together(server: Server) -> None:
    control = (server.programs / "pg_ctl", "-D", "twin", "-w", "-t", "20", "-l", "twin.log")
    server.run(server.programs / "initdb", "-D", "twin", "-U", "postgres", "-A", "trust", "-N")
    common = f"-c listen_addresses= -c port=5499 -k {server.home} "
    huge = int(Path("/proc/sys/vm/nr_hugepages").read_text())
    for least, options in REFUSED:
        if server.major >= least and not ("huge_pages" in options and huge):
            done = server.run(*control, "-o", common + options, "start", check=False)
            if done.returncode == 0:
                server.run(*control, "-m", "immediate", "stop")
            assert done.returncode != 0, options
    for least, options in STARTS:
        if server.major >= least:
            server.run(*control, "-o", common + options, "start")
            server.run(*control, "-m", "immediate", "stop")


@pytest.mark.xdist_group("postgres-server")
def test_a_role_may_start_with_just_those_parameters_that_the_check_lets_pass(server: Server) -> None:
    from pgc_postgres.catalogue import load
    from pgc_postgres.checks.objects import BY_SESSION

    server.query("CREATE ROLE probe")
    known = {
        name: spec
        for name, spec in load(server.major).parameters.items()
        if "." not in name and spec.boot_val is not None and spec.in_file and not spec.build and not spec.library
    }
    # the present value is a valid one, so a refusal is about the parameter itself
    script = "".join(f'ALTER ROLE probe SET "{name}" FROM CURRENT;\n\\echo {name} :SQLSTATE\n' for name in known)
    said = server.psql("-q", "-d", "postgres", "-f", server.lay("probe.sql", script)).stdout
    states = dict(line.split() for line in said.splitlines())
    cannot_change = "55P02"
    assert len(states) == len(known) > 250
    assert [
        name for name, spec in known.items() if (states[name] == cannot_change) == (spec.context in BY_SESSION)
    ] == []


HBA_FILE = """\
postgresql:
  bin_dir: /usr/lib/postgresql/{major}/bin
  pg_hba:
    - local all postgres peer
    - hostssl all app 10.0.0.0/8 scram-sha-256 clientcert=verify-full
    - host all app 10.0.0.0/8 {method}
"""


@pytest.mark.xdist_group("postgres-server")
@pytest.mark.parametrize(
    ("method", "complaint"),
    [
        ("scram-sha-256", ""),
        ("peer", "peer authentication is only supported on local sockets"),
        ("sram", "invalid authentication method"),
    ],
)
def test_validator_names_the_line_of_a_faulty_rule(server: Server, method: str, complaint: str) -> None:
    content = HBA_FILE.format(major=server.major, method=method).encode()
    entry = Entry("hosts/pg1/etc/patroni/patroni.yml", "", "patroni", "patroni.yml", "", "", "")
    trials = list(validators.hba_trials(server.major, entry, content, {}))
    assert len(trials) == 1 and not list(validators.hba_trials(server.major + 1, entry, content, {}))
    folder = server.home / f"hba-{method}"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    for name, data in trials[0].files.items():
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o755)
    done = server.run("/bin/sh", "-c", f"cd {folder} && ./run 2>&1", check=False)
    found = list(validators.hba_problems(Answer(done.returncode, done.stdout), content))
    assert [each.line for each in found] == ([6] if complaint else []), (found, done.stdout)
    assert all(complaint in each.message for each in found)
