"""Every PostgreSQL parameter has exactly one layer."""

from __future__ import annotations

from typing import Any

import pytest

from pgc.facts import HbaRule, IdentRule, Parameter, Preload
from pgc_patroni import layers
from pgc_patroni.authentication import hba_line, hba_word, ident_line
from tests.plugins.patroni.conftest import Compiled, dynamic, local, manifest
from tests.plugins.patroni.tiny import facts, server


def of(name: str, value: Any, host: str = "") -> Any:
    return lambda: Parameter(name=name, value=value, host=host)


def test_what_holds_for_all_is_dynamic_and_what_differs_is_local(compiled: Compiled) -> None:
    found = compiled(
        manifest(),
        server(17),
        facts(
            "sizes",
            of("shared_buffers", 262144, "pg1"),
            of("shared_buffers", 524288, "pg2"),
            of("work_mem", 4096),
            of("max_connections", 200),
        ),
    )
    shared = dynamic(found)["postgresql"]["parameters"]
    assert shared["work_mem"] == "4MB"
    assert shared["max_connections"] == 200
    assert "shared_buffers" not in shared
    assert local(found, "pg1")["postgresql"]["parameters"] == {"shared_buffers": "2GB"}
    assert local(found, "pg2")["postgresql"]["parameters"] == {"shared_buffers": "4GB"}
    assert "parameters" not in local(found, "pg3")["postgresql"]


def test_one_hosts_own_value_makes_the_parameter_local_everywhere(compiled: Compiled) -> None:
    found = compiled(manifest(), server(17), facts("sizes", of("work_mem", 4096), of("work_mem", 8192, "pg2")))
    assert "work_mem" not in dynamic(found)["postgresql"]["parameters"]
    assert [local(found, host)["postgresql"]["parameters"]["work_mem"] for host in ("pg1", "pg2", "pg3")] == [
        "4MB",
        "8MB",
        "4MB",
    ]


def test_no_parameter_stands_in_two_layers(compiled: Compiled) -> None:
    found = compiled(
        manifest(),
        server(17),
        facts(
            "sizes", of("work_mem", 4096), of("work_mem", 8192, "pg2"), of("shared_buffers", 1, "pg1"), of("jit", False)
        ),
    )
    for host in ("pg1", "pg2", "pg3"):
        own = local(found, host)["postgresql"].get("parameters") or {}
        assert not own.keys() & dynamic(found)["postgresql"]["parameters"].keys()


def test_a_shared_parameter_of_one_host_is_refused(compiled: Compiled) -> None:
    found = compiled(
        manifest(), server(17), facts("sizes", of("max_connections", 200), of("max_connections", 300, "pg2"))
    )
    assert [(each.code, each.message) for each in found.diagnostics if each.severity == "error"] == [
        ("PAT024", "max_connections is set for pg2 alone")
    ]
    assert compiled(manifest(), server(17), facts("sizes", of("max_connections", 200))).bundle is not None


@pytest.mark.parametrize(
    ("name", "loss", "fires"),
    [
        ("listen_addresses", "none", True),
        ("hba_file", "none", True),
        ("primary_conninfo", "64MB", True),
        ("synchronous_standby_names", "none", True),
        ("synchronous_standby_names", "64MB", False),
        ("unix_socket_directories", "none", False),
    ],
)
def test_a_parameter_that_patroni_sets_by_itself_is_refused(compiled: Compiled, name: str, loss: str, fires: bool) -> None:
    text = manifest(objectives=f"{{failover: 60s, data_loss: {loss}}}")
    found = [each.message for each in compiled(text, server(17), facts("other", of(name, "x"))).diagnostics if each.code == "PAT020"]
    assert found == ([f"{name} is set to x, but Patroni sets it by itself"] if fires else [])


def test_commands_of_recovery_stand_where_patroni_looks_for_them(compiled: Compiled) -> None:
    found = compiled(
        manifest(), server(17), facts("backup", of("restore_command", "/usr/bin/pgbackrest archive-get %f %p"))
    )
    assert dynamic(found)["postgresql"]["recovery_conf"] == {"restore_command": "/usr/bin/pgbackrest archive-get %f %p"}


def test_libraries_are_loaded_in_their_order(compiled: Compiled) -> None:
    found = compiled(
        manifest(),
        server(17),
        facts(
            "libraries",
            lambda: Preload(library="pg_stat_statements", order=40),
            lambda: Preload(library="citus", order=1),
        ),
    )
    assert dynamic(found)["postgresql"]["parameters"]["shared_preload_libraries"] == "citus, pg_stat_statements"


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (524288, "8kB", "4GB"),
        (1, "8kB", "8kB"),
        (4096, "kB", "4MB"),
        (4097, "kB", "4097kB"),
        (128, "MB", "128MB"),
        (30000, "ms", "30s"),
        (1500, "ms", "1500ms"),
        (300, "s", "5min"),
        (86400, "s", "1d"),
        (0, "s", 0),
        (-1, "ms", -1),
        (0.5, "ms", "500us"),
        (True, "", "on"),
        (False, "", "off"),
        (100, "", 100),
        ("replica", "", "replica"),
    ],
)
def test_values_are_written_as_people_write_them(value: Any, unit: str, shown: Any) -> None:
    assert layers.show(value, unit) == shown


# ── client authentication ──


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("app", "app"),
        ("two words", '"two words"'),
        ('say "hi"', '"say ""hi"""'),
        ("a,postgres", '"a,postgres"'),
        ("@file", '"@file"'),
        ("#no", '"#no"'),
        ("+members", "+members"),
        ("+two words", '+"two words"'),
        ("", '""'),
    ],
)
def test_a_name_cannot_become_more_than_a_name(name: str, written: str) -> None:
    assert hba_word(name) == written


def test_rules_and_maps_are_one_line_each() -> None:
    rule = HbaRule(
        connection="hostssl",
        database="app",
        user="app",
        address="10.0.0.0/24",
        method="cert",
        options=(("map", "m"), ("clientcert", "verify-full")),
    )
    assert hba_line(rule).value == "hostssl app app 10.0.0.0/24 cert map=m clientcert=verify-full"
    assert (
        hba_line(HbaRule(connection="local", database="all", user="postgres", method="peer")).value
        == "local all postgres peer"
    )
    assert ident_line(IdentRule(map="m", system="/^(.*)$", role="app")).value == 'm "/^(.*)$" app'


def test_a_superuser_of_another_name_is_mapped_from_the_system_user(compiled: Compiled) -> None:
    found = local(compiled(manifest("{roles: {superuser: {name: admin}}}"), server(17)))["postgresql"]
    assert found["pg_ident"] == ["patroni postgres admin"]
    assert "local all admin peer map=patroni" in found["pg_hba"]
    assert found["authentication"]["superuser"] == {"username": "admin"}
