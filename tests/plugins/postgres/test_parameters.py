"""Every derived parameter is one that PostgreSQL takes, in every version and for every kind of host."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess

import pytest

from pgc_postgres.catalogue import load, parse_value
from tests.plugins.postgres.conftest import HEAD, MAJORS, Compiled, bin_dir, compile_with, manifest, registry_of

DISKS = ("nvme", "ssd", "hdd", "network")
WORKLOADS = ("oltp", "mixed", "analytics")


def clusters(major: int) -> list[Compiled]:
    result = []
    for memory, disk, workload in itertools.product(("2GB", "8GB", "512GB"), DISKS, WORKLOADS):
        text = (
            f"{HEAD}objectives: {{failover: 30s, data_size: {'10GB' if memory == '2GB' else '200GB'}, wal_rate: 8MB, connections: 60}}\n"
            f"hosts:\n  a: {{address: 10.0.0.1, memory: {memory}, cores: 16, disks: {{data: {{size: 1TB, kind: {disk}}}}}}}\n"
            f"  b: {{address: 10.0.0.2, memory: 1TB, cores: 64, disks: {{data: {{size: 2TB}}, wal: {{size: 500GB, mount: /wal}}}}}}\n"
            f"postgres: {{version: {major}, workload: {workload}}}\n"
        )
        result.append(compile_with(registry_of("postgres"), text))
    return result


@pytest.mark.parametrize("major", MAJORS)
def test_every_derived_parameter_is_in_the_catalogue_and_valid(major: int) -> None:
    catalogue = load(major)
    for compiled in clusters(major):
        for (name, _), value in compiled.parameters().items():
            assert name in catalogue.parameters, name
            parse_value(catalogue.parameters[name], value)


@pytest.mark.parametrize("major", MAJORS)
def test_every_derived_parameter_has_a_reason(major: int) -> None:
    from pgc.facts import Parameter

    cluster = clusters(major)[0].whole.cluster
    assert cluster is not None
    for fact in cluster.facts.all(Parameter):
        assert len(fact.origin.reason) > 5, fact.name


@pytest.mark.xdist_group("postgres-server")
@pytest.mark.parametrize("major", MAJORS)
def test_real_servers_accept_the_derived_parameters(major: int) -> None:
    programs = bin_dir(major)
    if programs is None:
        pytest.skip(f"no PostgreSQL {major} on this machine")
    home = f"/tmp/pgc-parameters-{os.getpid()}-{major}"
    user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    shutil.rmtree(home, ignore_errors=True)
    os.mkdir(home, 0o755)
    try:
        for compiled in clusters(major)[::5]:
            rows = []
            for (name, host), value in compiled.parameters().items():
                if host in ("", "a"):
                    text = ("on" if value else "off") if isinstance(value, bool) else str(value)
                    rows.append(f"{name} = '{text}'")
            (file := os.path.join(home, "postgresql.conf"))
            with open(file, "w") as conf:
                conf.write("\n".join(rows) + "\n")
            said = subprocess.run(
                [programs / "postgres", "-D", home, "-C", "max_connections"],
                capture_output=True,
                text=True,
                check=False,
                cwd=home,
                **user,
            )  # type: ignore[call-overload]
            assert said.returncode == 0 and "FATAL" not in said.stderr and "WARNING" not in said.stderr, said.stderr
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_value_set_by_hand_replaces_the_derived_one_and_keeps_its_place(alone) -> None:  # type: ignore[no-untyped-def]
    compiled = alone(manifest("version: 17\nparameters: {work_mem: 4096kB, jit: on, random_page_cost: 2}"))
    found = compiled.parameters()
    assert found["work_mem", ""] == "4MB" and found["jit", ""] is True and found["random_page_cost", ""] == 2
    from pgc.facts import Parameter

    cluster = compiled.whole.cluster
    fact = next(each for each in cluster.facts.all(Parameter) if each.name == "work_mem")
    assert str(fact.origin.paths[0]) == "postgres.parameters.work_mem"


def test_equal_input_in_another_order_gives_equal_bytes(alone) -> None:  # type: ignore[no-untyped-def]
    one = manifest(
        "version: 17\nroles: {a: {}, b: {member_of: [a]}}\ndatabases: {x: {access: {a: read-only, b: read-write}}, y: {}}"
    )
    other = manifest(
        "databases: {y: {}, x: {access: {b: read-write, a: read-only}}}\nroles: {b: {member_of: [a]}, a: {}}\nversion: 17"
    )
    first, second = alone(one).whole.bundle, alone(other).whole.bundle
    assert {path: file.content for path, file in first.files.items()} == {
        path: file.content for path, file in second.files.items()
    }


def test_everybody_agrees_with_patroni(with_patroni) -> None:  # type: ignore[no-untyped-def]
    compiled = with_patroni(manifest("version: 17\nroles: {app: {}}\ndatabases: {orders: {access: {app: read-write}}}"))
    assert [each for each in compiled.messages if not each.startswith("ETC")] == []
