"""Who reaches whom, by which right."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from pgc.facts import ConnectionClaim, Endpoint, Grant, HbaRule, Role, ScrapeTarget, Secret, Service
from tests.plugins.patroni.conftest import Compiled, local, manifest
from tests.plugins.patroni.tiny import certificates, server


def known(compiled: Compiled, text: str, *others: Any) -> Any:
    found = compiled(text, *others)
    assert found.cluster is not None, [each.message for each in found.diagnostics]
    return found.cluster.facts


def test_replication_and_rewind_come_from_members_alone(compiled: Compiled) -> None:
    rules = [
        rule
        for rule in known(compiled, manifest()).all(HbaRule)
        if rule.connection != "local" and rule.method != "reject"
    ]
    assert {rule.address for rule in rules} == {"10.0.0.11/32", "10.0.0.12/32", "10.0.0.13/32"}
    assert {(rule.database, rule.user, rule.method) for rule in rules} == {
        ("replication", "replicator", "scram-sha-256"), ("postgres", "rewind", "scram-sha-256")}  # fmt: skip


def test_nothing_is_open_to_the_world_and_nothing_is_trusted(compiled: Compiled) -> None:
    for rule in known(compiled, manifest()).all(HbaRule):
        assert rule.method in ("peer", "scram-sha-256", "reject")
        assert rule.address not in ("0.0.0.0/0", "::/0")


def test_the_superuser_never_comes_over_the_network(compiled: Compiled) -> None:
    lines = local(compiled(manifest(), server(17)))["postgresql"]["pg_hba"]
    assert "local all postgres peer" in lines
    assert "host all postgres all reject" in lines
    assert lines.index("host all postgres all reject") == len(lines) - 1


def test_many_members_become_exactly_their_networks(compiled: Compiled) -> None:
    hosts = "\n" + "".join(
        f"  pg{number}: {{address: 10.1.{number // 200}.{number % 200 + 1}, zone: {'abc'[number % 3]}}}\n"
        for number in range(300)
    )
    rules = [
        rule
        for rule in known(compiled, manifest(hosts=hosts)).all(HbaRule)
        if rule.database == "replication" and rule.address
    ]
    covered = [address for rule in rules for address in ip_network(rule.address)]
    assert len(covered) == 300
    assert len(set(covered)) == 300
    assert len(rules) < 60


def test_the_rewind_role_may_read_files_and_nothing_else(compiled: Compiled) -> None:
    facts = known(compiled, manifest())
    role = next(role for role in facts.all(Role) if role.purpose == "rewind")
    assert (role.superuser, role.replication, role.createdb, role.createrole) == (False, False, False, False)
    assert {grant.target.partition("(")[0] for grant in facts.all(Grant) if grant.to == "rewind"} == {
        "pg_catalog.pg_ls_dir", "pg_catalog.pg_stat_file", "pg_catalog.pg_read_binary_file"}  # fmt: skip


def test_the_synchronous_probe_follows_the_mode(compiled: Compiled) -> None:
    for text, objectives, path in (
        ("{}", "{failover: 60s, data_loss: none}", "/quorum"),
        ('{version: "3.3"}', "{failover: 60s, data_loss: none}", "/sync"),
        ("{}", "{failover: 60s, data_loss: 64MB}", ""),
    ):
        endpoints = known(compiled, manifest(text, objectives)).all(Endpoint, "pg.role-probe")
        assert len(endpoints) == 3
        assert {endpoint.detail("sync") for endpoint in endpoints} == {path}
        assert {endpoint.detail("primary") for endpoint in endpoints} == {"/primary"}


def test_a_certificate_makes_the_api_https(compiled: Compiled) -> None:
    facts = known(compiled, manifest(scheme="https"), certificates())
    assert {endpoint.scheme for endpoint in facts.all(Endpoint, "pg.role-probe")} == {"https"}
    assert {target.scheme for target in facts.all(ScrapeTarget)} == {"https"}
    plain = known(compiled, manifest())
    assert {endpoint.scheme for endpoint in plain.all(Endpoint, "pg.role-probe")} == {"http"}


def test_the_metrics_are_those_of_the_release(compiled: Compiled) -> None:
    old, new = (
        known(compiled, manifest(f'{{version: "{version}"}}')).all(ScrapeTarget)[0].exports
        for version in ("3.3", "4.0")
    )
    assert "patroni_master" in old
    assert "patroni_master" not in new
    assert "patroni_primary" in new


def test_secrets_are_references(compiled: Compiled) -> None:
    facts = known(compiled, manifest("{roles: {rewind: {secret: 'vault:db#rewind'}}}"))
    assert {secret.name: secret.reference for secret in facts.all(Secret)} == {
        "superuser": "file:secrets/orders/superuser",
        "replication": "file:secrets/orders/replication",
        "rewind": "vault:db#rewind",
        "rest": "file:secrets/orders/rest",
    }


def test_hosts_without_the_role_get_nothing(compiled: Compiled) -> None:
    hosts = "".join(f"\n  pg{number}: {{address: 10.0.0.1{number}, zone: {'abc'[number - 1]}}}" for number in (1, 2, 3))
    found = compiled(manifest(hosts=hosts + "\n  w1: {address: 10.0.0.20, roles: []}\n"), server(17))
    assert found.bundle is not None and found.cluster is not None
    assert not [path for path in found.bundle.files if path.startswith("hosts/w1/")]
    assert {service.host for service in found.cluster.facts.all(Service, "ha")} == {"pg1", "pg2", "pg3"}


def test_walsenders_are_claimed_for_standbys_copies_and_slots(compiled: Compiled) -> None:
    facts = known(compiled, manifest("{slots: {cdc: {type: logical, database: app, plugin: pgoutput}}}"))
    assert sum(claim.count for claim in facts.all(ConnectionClaim, "walsender")) == 2 + 2 + 1
