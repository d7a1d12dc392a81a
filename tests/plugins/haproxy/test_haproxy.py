"""The balancer's files: what is written, for whom, that HAProxy takes them, and that they are read back."""

from __future__ import annotations

import re

import pytest

from pgc import pipeline
from pgc.facts import Endpoint, HealthCheck, MemoryClaim, Package, Runbook
from pgc.verify import native
from pgc.verify.isolation import best
from pgc.verify.local import LocalRunner
from pgc.verify.verdicts import ACCEPTED, REJECTED
from pgc_haproxy import validators
from pgc_haproxy.reader import read
from tests.plugins.haproxy.conftest import (
    CFG,
    HAPROXY,
    HOSTS,
    PATHS,
    UNIT,
    compiled,
    config,
    database,
    manifest,
    section,
)
from tests.plugins.keepalived.conftest import FILES, certificates, plugin, text_of

VERSIONS = ("2.6", "2.8", "3.0", "3.1", "3.2")
judging = pytest.mark.skipif(
    HAPROXY is None or not best().spaces, reason="haproxy is not installed, or no namespaces here"
)


def actions(slug: str, *others: object) -> list[str]:
    """Return the commands of a procedure."""
    compilation = compiled(manifest(), *others)  # type: ignore[arg-type]
    assert compilation.cluster is not None
    book = next(each for each in compilation.cluster.facts.all(Runbook) if each.slug == slug)
    return [action.command for chapter in book.chapters for action in (*chapter.actions, *chapter.undo)]


# ── who is let in, and how many ──────────────────────────────────────────────────────────────────────────────────────


def test_every_service_may_be_full_and_the_health_check_is_still_answered() -> None:
    text = config(compiled(manifest(objectives="{failover: 120s, connections: 1000}")))
    assert "maxconn 3400" in section(text, "global")
    for name in ("read-write", "read-only", "sync-read"):
        assert "maxconn 1100" in section(text, f"frontend {name}")
    assert not [line for line in section(text, "frontend stats") if line.startswith("maxconn")]


def test_memory_and_descriptors_follow_the_connections() -> None:
    compilation = compiled(manifest("{max_connections: 500}"))
    assert compilation.cluster is not None
    (claim,) = compilation.cluster.facts.on("pg1", MemoryClaim)
    assert claim.claim_bytes == 70 * 1024**2 + 600 * 34 * 1024
    assert [str(path) for path in claim.origin.paths] == ["haproxy.max_connections"]
    assert f"LimitNOFILE={2 * 1600 + 3 * 3 + 1024}" in text_of(compilation, f"hosts/pg1/{UNIT}")


def test_a_server_is_the_pooler_and_takes_no_more_than_it_lets_in() -> None:
    lines = section(config(compiled(manifest(), database(clients="1700"))), "backend leader")
    assert lines[-1] == "server pg3 10.0.0.3:6432 maxconn 1700 check port 8008"


def test_a_client_waits_until_one_leader_is_known() -> None:
    compilation = compiled(manifest("{checks: {interval: 1s, timeout: 500ms}}"))
    assert section(config(compilation), "frontend read-write")[3:6] == [
        "tcp-request inspect-delay 1500ms",
        "tcp-request content accept if { nbsrv(leader) le 1 }",
        "tcp-request content reject if WAIT_END { nbsrv(leader) gt 1 }",
    ]


def test_a_probe_that_knows_no_synchronous_replica_leaves_that_service_out() -> None:
    compilation = compiled(manifest(), database(paths=PATHS[:2]))
    text = config(compilation)
    assert "synchronous" not in text and "sync-read" not in text
    assert compilation.cluster is not None and not compilation.cluster.facts.all(Endpoint, "pg.sync-read")
    assert not [each for each in actions("node-loss", database(paths=PATHS[:2])) if "synchronous" in each]


def test_reads_need_not_fall_back_on_the_leader() -> None:
    assert "use_backend leader" in config(compiled(manifest()))
    assert "use_backend leader" not in config(compiled(manifest("{reads_fall_back: false}")))


def test_an_external_balancer_leaves_nothing_to_do() -> None:
    outside = "external: {lb: {offers: pg.read-write, endpoints: [{address: 10.0.9.1, port: 5432}]}}\n"
    compilation = compiled(manifest(more=outside))
    assert compilation.bundle is not None and not [path for path in compilation.bundle.files if "haproxy" in path]
    assert compilation.cluster is not None and not compilation.cluster.facts.all(Runbook)


# ── how soon ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "interval", "fast"), [("{interval: 1s}", "1s", "1s"), ("{fast_interval: 2s}", "2s", "2s")]
)
def test_the_fast_interval_is_never_the_longer_one(given: str, interval: str, fast: str) -> None:
    text = config(compiled(manifest(f"{{checks: {given}}}")))
    line = next(each for each in section(text, "defaults") if each.startswith("default-server"))
    assert f"inter {interval} downinter {interval} fastinter {fast} " in line


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ipv6_hosts_are_reached_and_listened_to() -> None:
    text = config(compiled(manifest(hosts=re.sub(r"10\.0\.0\.(\d)", r'"fd00::\1"', HOSTS))))
    assert section(text, "frontend read-write")[0] == "bind :::5000 v4v6 tcp-ut 30s"
    assert "bind :::7000 v4v6" in section(text, "frontend stats")
    assert "server pg2 [fd00::2]:6432 maxconn 220 check port 8008" in section(text, "backend leader")


def test_an_ipv6_virtual_address_is_listened_to_on_hosts_of_ipv4() -> None:
    vip = plugin("vips", lambda site: [Endpoint(host="", offers="vip", address="fd00::100", port=0)])
    assert section(config(compiled(manifest(), vip)), "frontend read-write")[0] == "bind :::5000 v4v6 tcp-ut 30s"


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_certificates_protect_checks_and_statistics() -> None:
    compilation = compiled(manifest(), certificates(), database(scheme="https"))
    text = config(compilation)
    assert section(text, "backend leader")[-1].endswith(
        f" check port 8008 check-ssl verify required ca-file {FILES[2]} crt /run/haproxy/host.pem verifyhost pg3"
    )
    assert "bind :7000 ssl crt /run/haproxy/host.pem" in section(text, "frontend stats")
    assert "ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets" in section(text, "global")
    assert compilation.cluster is not None
    check = next(iter(compilation.cluster.facts.all(HealthCheck)))
    assert check.command == f"curl -fsS --cacert {FILES[2]} https://10.0.0.1:7000/alive"


def test_certificate_and_key_become_one_file_before_each_start_and_reload() -> None:
    """HAProxy looks for the key in the certificate's file or beside it under a name of its own. Source: its manual, `crt`."""
    unit = text_of(compiled(manifest(), certificates(), database(scheme="https")), f"hosts/pg1/{UNIT}").splitlines()
    joined = f"/bin/sh -c 'umask 077 && cat {FILES[0]} {FILES[1]} > /run/haproxy/host.pem'"
    check = "/usr/sbin/haproxy -c -q -f /etc/haproxy/haproxy.cfg"
    assert [line.partition("=")[2] for line in unit if line.startswith("ExecStartPre=")] == [joined, check]
    assert [line.partition("=")[2] for line in unit if line.startswith("ExecReload=")][:2] == [joined, check]


def test_a_balancer_that_cannot_ask_a_probe_over_tls_is_refused() -> None:
    found = compiled(manifest(), database(scheme="https")).diagnostics
    assert {each.message for each in found if each.code == "HAP007"} == {
        f"the leader's probe on pg1 speaks TLS, and the balancer pg{number} holds no certificate to ask it with" for number in (1, 2, 3)
    }  # fmt: skip


# ── by hand ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_raw_lines_stand_at_the_end_of_their_part_and_know_why() -> None:
    raw = '{raw: {global: ["tune.bufsize 32768"], defaults: ["option log-health-checks", "timeout tarpit 5s"]}}'
    compilation = compiled(manifest(raw))
    text, origins, _ = pipeline.trace(compilation, f"hosts/pg1/{CFG}")
    lines = [line.strip() for line in text.splitlines()]
    assert section(text, "global")[-1] == "tune.bufsize 32768"
    assert section(text, "defaults")[-2:] == ["option log-health-checks", "timeout tarpit 5s"]
    found = origins[lines.index("timeout tarpit 5s")]
    assert [str(path) for each in found for path in each.paths] == ["haproxy.raw.defaults[1]"]


def test_a_raw_line_is_one_line() -> None:
    found = compiled(manifest('{raw: {global: ["a\\n    user root"]}}'))
    assert found.bundle is None and [each.code for each in found.diagnostics if each.severity == "error"] == ["ART001"]


def test_procedures_say_what_they_need() -> None:
    compilation = compiled(manifest())
    assert compilation.cluster is not None
    assert "socat" in {each.component for each in compilation.cluster.facts.on("pg1", Package)}
    for book in compilation.cluster.facts.all(Runbook):
        assert all(chapter.undo for chapter in book.chapters), book.slug


# ── reading back ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tls", [False, True])
def test_every_line_is_read_back_as_it_was_written(tls: bool) -> None:
    others = (certificates(), database(scheme="https")) if tls else ()
    text = config(compiled(manifest(), *others))
    lines, here, written = text.splitlines(), "", []
    for number, line in enumerate(lines, 1):
        if line and not line.startswith((" ", "#")):
            here = line
        elif line.strip() and not line.strip().startswith("#"):
            written.append((number, here, line.split()))
    found = list(read(text.encode()))
    assert len({each.name for each in found}) == len(found)
    said = []
    for each in found:
        title, _, keyword = each.name.partition("/")
        said.append((each.line, title, [*re.sub(r" #\d+$", "", keyword).split(), *each.value.split()]))
    assert said == written


# ── the product's own judgement ──────────────────────────────────────────────────────────────────────────────────────


def judged(text: str, *others: object) -> native.Judged:
    compilation = compiled(text, *others)  # type: ignore[arg-type]
    assert compilation.bundle is not None, [each.message for each in compilation.diagnostics]
    files = [file for path, file in compilation.bundle.files.items() if path == f"hosts/pg1/{CFG}"]
    (answer,) = native.validate(files, validators.VALIDATORS, LocalRunner())
    return answer


@judging
@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("{}", ()),
        ("{}", (database(paths=PATHS[:2]),)),
        ("{}", (certificates(), database(scheme="https"))),
        ("{reads_fall_back: false, checks: {interval: 500ms, fast_interval: 100ms, rise: 1, fall: 3}}", ()),
        ('{raw: {global: ["tune.bufsize 32768"], defaults: ["option log-health-checks"]}}', ()),
    ],
    ids=["plain", "asynchronous", "tls", "timers", "raw"],
)
@pytest.mark.parametrize("hosts", [HOSTS, re.sub(r"10\.0\.0\.(\d)", r'"fd00::\1"', HOSTS)], ids=["IPv4", "IPv6"])
def test_haproxy_takes_the_file(text: str, others: tuple[object, ...], hosts: str) -> None:
    answer = judged(manifest(text, hosts), *others)
    assert answer.verdict.result == ACCEPTED, answer


@judging
def test_haproxy_names_the_line_that_it_refuses() -> None:
    answer = judged(manifest('{raw: {defaults: ["no-such-keyword 1"]}}'))
    assert answer.verdict.result == REJECTED
    lines = config(compiled(manifest('{raw: {defaults: ["no-such-keyword 1"]}}'))).splitlines()
    assert any("no-such-keyword" in lines[each.line - 1] for each in answer.verdict.problems)


def test_all_versions_get_the_same_file() -> None:
    """Each keyword stands in the manuals of 2.6, 2.8, 3.0, 3.1 and 3.2, `tcp-ut` on bind and server lines among them."""
    assert len({config(compiled(manifest(f'{{version: "{version}"}}'))) for version in VERSIONS}) == 1
