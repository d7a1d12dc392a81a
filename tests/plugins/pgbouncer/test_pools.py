"""How connections are shared out, and that their sum is what PostgreSQL is told."""

from __future__ import annotations

import re

import pytest

from pgc.facts import ConnectionClaim, Endpoint, HbaRule, Parameter, TimeClaim
from pgc.pipeline import Compilation
from tests.plugins.pgbouncer.conftest import HOSTS, compiled, manifest, text_of

INI = "hosts/pg1/etc/pgbouncer/pgbouncer.ini"
MANY = (
    "{version: 17, roles: {app: {}, jobs: {}}, "
    "databases: {a: {access: {app: read-write}}, b: {access: {jobs: read-write}}, c: {}, d: {}}}"
)


def databases(compilation: Compilation) -> dict[str, dict[str, str]]:
    """Return the entries of [databases] as PgBouncer reads them."""
    part = text_of(compilation, INI).partition("[databases]\n")[2].partition("\n[")[0]
    lines = [line for line in part.splitlines() if " = " in line]
    return {
        line.partition(" = ")[0]: dict(re.findall(r"(\w+)=('(?:[^']|'')*'|\S+)", line.partition(" = ")[2]))
        for line in lines
    }


def claimed(compilation: Compilation) -> int:
    assert compilation.cluster is not None
    claims = [claim for claim in compilation.cluster.facts.all(ConnectionClaim) if "PgBouncer" in claim.what]
    return sum(int(str(claim.count)) for claim in claims)


def test_one_database_gets_ten_connections_a_core() -> None:
    found = databases(compiled(manifest()))
    assert found["orders"] == {
        "host": "127.0.0.1",
        "port": "5432",
        "pool_size": "32",
        "reserve_pool_size": "8",
        "max_db_connections": "40",
    }


def test_the_smallest_host_decides() -> None:
    found = databases(compiled(manifest(hosts=HOSTS.replace("zone: b", "zone: b, cores: 2"))))
    assert found["orders"]["max_db_connections"] == "20"


def test_databases_share_and_no_role_takes_all() -> None:
    found = databases(compiled(manifest(postgres=MANY)))
    assert {name: row["max_db_connections"] for name, row in found.items()} == {
        "a": "10",
        "b": "10",
        "c": "10",
        "d": "10",
        "postgres": "4",
    }
    assert (found["a"]["pool_size"], found["a"]["reserve_pool_size"]) == ("4", "1")


def test_what_is_set_by_hand_is_taken_from_the_share_of_the_others() -> None:
    found = databases(compiled(manifest("{pools: {a: {connections: 25}, b: {size: 3, reserve: 1}}}", MANY)))
    assert {name: row["max_db_connections"] for name, row in found.items()} == {
        "a": "25",
        "b": "8",
        "c": "5",
        "d": "5",
        "postgres": "4",
    }
    assert (found["b"]["pool_size"], found["b"]["reserve_pool_size"]) == ("3", "1")


@pytest.mark.parametrize(
    "section",
    [
        "{}",
        "{server_connections: 90}",
        "{pools: {a: {connections: 25}, x: {database: c, mode: session, size: 2}}}",
        "{wildcard: true}",
    ],
)
def test_claim_is_the_sum_of_the_limits(section: str) -> None:
    compilation = compiled(manifest(section, MANY))
    assert claimed(compilation) == sum(int(row["max_db_connections"]) for row in databases(compilation).values())


def test_pools_that_do_not_fit_are_an_error() -> None:
    """Pools × databases ≤ connections less reserves, whoever set max_connections."""
    postgres = "{version: 17, parameters: {max_connections: 40}, roles: {app: {}}, databases: {orders: {access: {app: read-write}}}}"
    found = [
        each for each in compiled(manifest("{server_connections: 30}", postgres)).diagnostics if each.code == "BUD001"
    ]
    assert [each.message.partition(";")[0] for each in found] == [
        "connections to PostgreSQL: 43 are needed, 35 are there"
    ]
    assert not [
        each for each in compiled(manifest("{server_connections: 20}", postgres)).diagnostics if each.code == "BUD001"
    ]


def test_max_connections_grows_with_the_pools() -> None:
    compilation = compiled(
        manifest(
            "{server_connections: 300}",
            objectives="{failover: 60s, connections: 1000}",
            hosts=HOSTS.replace("zone", "memory: 64GB, zone"),
        )
    )
    assert compilation.cluster is not None
    wanted = next(each for each in compilation.cluster.facts.all(Parameter, "max_connections"))
    assert int(wanted.value) >= 304  # type: ignore[arg-type]


def test_role_with_a_limit_waits_instead_of_being_refused() -> None:
    postgres = "{version: 17, roles: {app: {connection_limit: 7}}, databases: {orders: {access: {app: read-write}}}}"
    assert "[users]\napp = max_user_connections=7\n" in text_of(compiled(manifest(postgres=postgres)), INI)


def test_session_mode_has_a_connection_for_every_client() -> None:
    found = databases(compiled(manifest("{mode: session}", objectives="{failover: 60s, connections: 120}")))
    assert found["orders"]["max_db_connections"] == "120"


def test_two_pools_may_lead_to_one_database() -> None:
    section = "{pools: {orders-session: {database: orders, mode: session, connections: 5}}}"
    found = databases(compiled(manifest(section)))
    assert found["orders-session"]["dbname"] == "'orders'" and found["orders-session"]["pool_mode"] == "session"


def test_name_that_cannot_be_listed_is_quoted_where_it_can_be() -> None:
    postgres = """{version: 17, databases: {"it's my=db ; x": {}}}"""
    found = databases(compiled(manifest("""{pools: {mine: {database: "it's my=db ; x"}}}""", postgres)))
    assert found["mine"]["dbname"] == "'it''s my=db ; x'"


def test_lookups_need_one_database_from_119_on_and_every_one_before() -> None:
    def where(version: str) -> set[str]:
        compilation = compiled(manifest(f'{{version: "{version}"}}', MANY))
        assert compilation.bundle is not None
        return {
            path.rpartition("/")[2]
            for path, file in compilation.bundle.files.items()
            if b"FUNCTION pgbouncer.get_auth" in file.content
        }

    assert where("1.19") == {"30-postgres.sql"}
    assert where("1.18") == {"30-a.sql", "30-b.sql", "30-c.sql", "30-d.sql"}


def test_rules_are_for_the_loopback_and_for_the_databases_only() -> None:
    compilation = compiled(manifest(postgres=MANY))
    assert compilation.cluster is not None
    rules = {
        (rule.database, rule.user, rule.address, rule.method)
        for rule in compilation.cluster.facts.all(HbaRule)
        if rule.purpose == "pool"
    }
    assert rules == {
        *((name, "all", "127.0.0.1/32", "scram-sha-256") for name in "abcd"),
        ("postgres", "pool_auth", "127.0.0.1/32", "scram-sha-256"),
    }


def test_balancer_may_send_as_many_clients_as_fit() -> None:
    compilation = compiled(manifest(objectives="{failover: 60s, connections: 1000}"))
    assert compilation.cluster is not None
    assert {each.detail("max_clients") for each in compilation.cluster.facts.all(Endpoint, "pg.pooled")} == {"1200"}
    assert "maxconn 1200" in text_of(compilation, "hosts/pg1/etc/haproxy/haproxy.cfg")


@pytest.mark.parametrize(("failover", "retry"), [("30s", 1), ("10min", 15)])
def test_gentle_objective_keeps_the_vendors_pause(failover: str, retry: int) -> None:
    compilation = compiled(manifest(objectives=f"{{failover: {failover}}}"))
    assert compilation.cluster is not None
    assert compilation.cluster.settled["pgbouncer.server_login_retry_s"].value == retry
    stages = {each.fault for each in compilation.cluster.facts.all(TimeClaim) if each.stage == 40}
    assert stages == {"host lost", "host and DCS leader lost", "network cut", "postgres crashed", "switchover"}


def test_pause_by_hand_that_breaks_the_objective_is_refused() -> None:
    found = compiled(manifest("{server_login_retry: 15s}", objectives="{failover: 30s}")).diagnostics
    assert any(each.code == "SET001" and "pgbouncer.server_login_retry" in each.paths for each in found)


def test_nothing_is_there_when_it_is_switched_off() -> None:
    compilation = compiled(manifest("{enabled: false}"))
    assert compilation.bundle is not None and not [path for path in compilation.bundle.files if "pgbouncer" in path]
    assert "server pg1 10.0.0.1:5432" in text_of(compilation, "hosts/pg1/etc/haproxy/haproxy.cfg")
