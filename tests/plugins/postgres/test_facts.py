"""What the plugin makes of others' facts: certificates, pools, balancers, claims, archives."""

from __future__ import annotations

from typing import Any

import pytest

from pgc.facts import (
    Certificate,
    ConnectionClaim,
    Endpoint,
    Fact,
    HbaRule,
    MemoryClaim,
    Package,
    Parameter,
    Preload,
    Runbook,
)
from tests.plugins.postgres.conftest import Compiled, compile_with, manifest, registry_with
from tests.plugins.postgres.stranger import plugin

APP = "version: 17\nroles: {app: {}}\ndatabases: {orders: {access: {app: read-write}}}\n"


def beside(facts: Any, text: str) -> Compiled:
    """Compile with a plugin beside that contributes facts."""
    return compile_with(registry_with(("stranger", plugin(facts))), text)


def certificates(*hosts: str) -> Any:
    def facts(site: Any) -> list[Fact]:
        return [
            Certificate(
                host=host.name,
                name="host",
                certificate_file="/etc/pgc/tls/host.crt",
                key_file="/etc/pgc/tls/host.key",
                authority_file="/etc/pgc/tls/ca.crt",
                names=(host.name,),
                owner="postgres",
            )
            for host in site.hosts
            if host.name in (hosts or (host.name,))
        ]

    return facts


def rules(compiled: Compiled) -> list[HbaRule]:
    assert compiled.whole.cluster is not None, compiled.messages
    return sorted(compiled.whole.cluster.facts.all(HbaRule), key=lambda rule: rule.order)


def test_certificates_on_all_database_hosts_switch_tls_on() -> None:
    compiled = beside(certificates(), manifest(APP + "clients: [10.9.0.0/16]"))
    found = compiled.parameters()
    assert found["ssl", ""] is True and found["ssl_min_protocol_version", ""] == "TLSv1.2"
    assert found["ssl_cert_file", ""] == "/etc/pgc/tls/host.crt" and found["ssl_ca_file", ""] == "/etc/pgc/tls/ca.crt"
    assert [rule.connection for rule in rules(compiled)] == ["local", "hostssl"]


def test_without_certificates_nothing_pretends_to_be_encrypted(alone: Any) -> None:
    compiled = alone(manifest(APP + "clients: [10.9.0.0/16]"))
    assert not any(name.startswith("ssl") for name, _ in compiled.parameters())
    assert [rule.connection for rule in rules(compiled)] == ["local", "host"]


def test_certificate_on_one_host_only_does_not_close_the_others() -> None:
    compiled = beside(certificates("pg1"), manifest(APP + "clients: [10.9.0.0/16]"))
    found = compiled.parameters()
    assert ("ssl", "") not in found and found["ssl", "pg1"] is True
    assert [rule.connection for rule in rules(compiled)] == ["local", "host"]


def test_plaintext_rule_is_refused_where_every_database_host_has_a_certificate() -> None:
    text = manifest(APP + "hba: [{connection: host, users: [app], addresses: [10.9.0.0/16]}]")
    compiled = beside(certificates(), text)
    assert compiled.messages == [
        "PGS055 the rule takes connections without TLS (host), although the database hosts have certificates"
    ]
    assert compiled.whole.diagnostics[0].span.line == 14
    assert beside(certificates("pg1", "pg2"), text).codes == []
    assert beside(certificates(), text.replace("connection: host,", "connection: hostssl,")).codes == []
    assert beside(certificates(), text.replace("connection: host,", "")).codes == []


def test_pool_takes_the_applications_place() -> None:
    def pool(site: Any) -> list[Fact]:
        return [
            *(Endpoint(host=host.name, offers="pg.pooled", address=host.address, port=6432) for host in site.hosts),
            ConnectionClaim(what="pools", slot="client", count=120),
        ]

    def balancer(site: Any) -> list[Fact]:
        return [Endpoint(host="pg1", offers="pg.read-write", address="10.0.0.11", port=5000)]

    text = manifest(APP, objectives="{connections: 5000}")
    pooled = beside(lambda site: pool(site) + balancer(site), text)
    assert (
        pooled.parameters()["max_connections", ""] == 150
    )  # 120 for pools, 5 for administrators, 5 reserved, a tenth to spare, in tens
    assert [rule.address for rule in rules(pooled)] == [""]
    direct = beside(balancer, manifest(APP, objectives="{connections: 300}"))
    assert direct.parameters()["max_connections", ""] == 350
    assert [rule.address for rule in rules(direct)] == ["", "10.0.0.11/32"]


def test_memory_of_others_on_the_host_is_left_to_them(alone: Any) -> None:
    def neighbour(site: Any) -> list[Fact]:
        return [MemoryClaim(host="pg1", what="neighbour", claim_bytes=4 * 1024**3)]

    crowded, free = beside(neighbour, manifest()).parameters(), alone(manifest()).parameters()
    assert (crowded["work_mem", ""], free["work_mem", ""]) == ("4MB", "12MB")
    assert crowded["effective_cache_size", "pg1"] != crowded["effective_cache_size", "pg2"]


def test_walsenders_follow_what_is_claimed() -> None:
    def claims(site: Any) -> list[Fact]:
        return [ConnectionClaim(what="shard moves", slot="walsender", count=20)]

    found = beside(claims, manifest()).parameters()
    assert found["max_wal_senders", ""] == 23 and found["max_replication_slots", ""] == 23


def test_reserved_claims_widen_the_server_and_not_the_room_for_clients() -> None:
    def claims(site: Any) -> list[Fact]:
        return [ConnectionClaim(what="rescue", slot="reserved", count=40)]

    compiled = beside(claims, manifest(objectives="{connections: 100}"))
    assert compiled.parameters()["max_connections", ""] == 170
    from pgc.facts import Budget

    budget = next(each for each in compiled.whole.cluster.facts.all(Budget) if each.pool == "client")  # type: ignore[union-attr]
    assert budget.limit == 170 - 5 - 40


def test_archive_command_of_another_replaces_the_one_that_does_nothing(alone: Any) -> None:
    def archive(site: Any) -> list[Fact]:
        return [Parameter(name="archive_command", value="archive %p")]

    assert alone(manifest()).parameters()["archive_command", ""] == "/bin/true"
    compiled = beside(archive, manifest())
    assert compiled.parameters()["archive_command", ""] == "archive %p" and compiled.codes == []


def test_extension_brings_its_library_and_its_package(alone: Any) -> None:
    compiled = alone(manifest("version: 17\ndatabases: {orders: {extensions: {pg_cron: {}, vector: {}, pg_trgm: {}}}}"))
    facts = compiled.whole.cluster.facts
    assert [each.library for each in sorted(facts.all(Preload), key=lambda each: each.order)] == [
        "pg_stat_statements",
        "pg_cron",
    ]
    assert {each.component for each in facts.all(Package)} == {"postgresql", "pg_cron", "pgvector"}


def test_member_of_an_owner_may_connect_and_a_stranger_may_not(alone: Any) -> None:
    text = """
        version: 17
        clients: [10.9.0.0/16]
        roles: {deploy: {member_of: [migrators]}, migrators: {login: false, member_of: [orders_owner]}, other: {}}
        databases: {orders: {}}
    """
    compiled = alone(manifest(text))
    assert [(rule.database, rule.user) for rule in rules(compiled) if rule.address] == [("orders", "deploy")]


def test_rules_by_hand_stand_in_the_order_of_the_manifest(alone: Any) -> None:
    text = manifest(
        APP + "hba:\n  - {users: [app], addresses: [10.3.0.0/16]}\n  - {users: [app], addresses: [10.1.0.0/16]}\n"
        "  - {users: [app], addresses: [10.2.0.0/16], first: true}"
    )
    assert [rule.address for rule in rules(alone(text))] == ["", "10.2.0.0/16", "10.3.0.0/16", "10.1.0.0/16"]


@pytest.mark.parametrize("slug", ["disk-full", "connection-storm", "replication-lag", "restart", "rollback"])
def test_every_procedure_has_commands_and_an_undo(alone: Any, slug: str) -> None:
    book = next(each for each in alone(manifest()).whole.cluster.facts.all(Runbook) if each.slug == slug)
    for chapter in book.chapters:
        assert chapter.undo and any(action.command for action in chapter.actions)
        assert all(action.expect for action in chapter.actions if action.command)


def test_claims_on_disks_follow_the_disks_that_there_are(alone: Any) -> None:
    from pgc.facts import DiskClaim

    hosts = "hosts:\n  a: {address: 10.0.0.1, disks: {data: {size: 200GB}, wal: {size: 50GB, mount: /wal}}}\n  b: {address: 10.0.0.2}\n"
    facts = alone(manifest("version: 17", hosts)).whole.cluster.facts
    assert {(each.host, each.disk) for each in facts.all(DiskClaim)} == {("a", "data"), ("a", "wal")}
    endpoint = next(each for each in facts.all(Endpoint, "pg.sql") if each.host == "a")
    assert endpoint.detail("wal_dir") == "/wal/17/wal"


def test_disk_that_cannot_hold_the_wal_is_refused(alone: Any) -> None:
    hosts = "hosts:\n  a: {address: 10.0.0.1, memory: 8GB, disks: {data: {size: 30GB}}}\n"
    compiled = alone(manifest("version: 17", hosts, "{data_size: 29GB}"))
    assert compiled.codes == ["BUD001"] and compiled.said[0].span.line == 7


def test_kernel_files_are_left_out_where_somebody_else_tunes_it(alone: Any) -> None:
    bundle = alone(manifest("version: 17\ntune_kernel: false\nlayout: redhat")).whole.bundle
    assert not any(path.startswith("hosts/") for path in bundle.files)


def test_equal_hosts_share_one_body(alone: Any) -> None:
    artifacts = alone(manifest()).whole.artifacts
    bodies = {
        id(artifact.body)
        for path, (artifact, _) in artifacts.items()
        if path.endswith("60-postgresql.conf") and "sysctl" in path
    }
    assert len(bodies) == 1


def test_message_says_the_largest_value_that_fits_and_that_one_fits(alone: Any) -> None:
    """Other plugins claim memory and connections too, so the whole messages are asserted with this plugin alone."""
    hosts = "hosts:\n  a: {address: 10.0.0.1, memory: 8GB}\n"
    compiled = alone(manifest("version: 17\nparameters: {work_mem: 256MB}", hosts))
    message = next(each for each in compiled.whole.diagnostics if each.code == "PGS020")
    assert message.message == "work_mem is set to 256MB; with everything else that runs on a, 20MB would fit"
    assert message.consequence.startswith("at the worst a needs 64530MB of its 8GB: ")
    assert alone(manifest("version: 17\nparameters: {work_mem: 20MB}", hosts)).codes == []
    assert "PGS020" in alone(manifest("version: 17\nparameters: {work_mem: 27MB}", hosts)).codes


def test_limits_beyond_the_server_are_added_up_in_the_message(alone: Any) -> None:
    text = manifest(
        "version: 17\nroles: {a: {connection_limit: 100}, b: {connection_limit: 80}}", objectives="{connections: 100}"
    )
    assert alone(text).messages == [
        "PGS037 the roles may hold 180 connections (100 for a + 80 for b), but the server has room for 125"
    ]
