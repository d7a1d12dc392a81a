"""The real etcd: it takes the rendered environment, three members of it elect a leader, and the runbook brings a lost one back."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgc.facts import HealthCheck
from pgc.verify import native
from pgc.verify.isolation import best
from pgc.verify.local import LocalRunner
from pgc.verify.verdicts import ACCEPTED, REJECTED
from pgc_etcd import validators
from tests.plugins.etcd.conftest import HOSTS, Members, certificates, chapters, free_port, manifest, version
from tests.plugins.keepalived.conftest import certificates as planned
from tests.plugins.keepalived.conftest import compiled, registry_with, text_of

HERE = version()
LOOPBACK = ("127.0.0.11", "127.0.0.12", "127.0.0.13")
started = pytest.mark.skipif(not HERE, reason="etcd and etcdctl are not installed")
judging = pytest.mark.skipif(
    not HERE or not best().spaces, reason="etcd is not installed, or this machine allows no namespaces"
)


def judge(section: str, tls: bool = False, hosts: str = HOSTS) -> native.Judged:
    compilation = compiled(manifest(section, hosts), registry_with(planned()) if tls else None)
    assert compilation.bundle is not None, [each.message for each in compilation.diagnostics]
    files = [file for path, file in compilation.bundle.files.items() if path.startswith("hosts/pg1/etc/etcd/")]
    (judged,) = native.validate(files, validators.VALIDATORS, LocalRunner())
    return judged


@judging
@pytest.mark.parametrize("number", ["3.4", "3.5", "3.6"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_etcd_takes_its_environment(number: str, tls: bool) -> None:
    if number != HERE:
        pytest.skip(f"the etcd that is installed is {HERE}")
    judged = judge(f'{{version: "{number}"}}', tls)
    assert judged.verdict.result == ACCEPTED, judged


@judging
@pytest.mark.parametrize(
    ("raw", "words"),
    [("ETCD_NO_SUCH_SETTING: x", "ETCD_NO_SUCH_SETTING"), ("ETCD_MAX_TXN_OPS: many", "ETCD_MAX_TXN_OPS")],
)
def test_etcd_names_the_line_that_it_refuses(raw: str, words: str) -> None:
    judged = judge(f'{{version: "{HERE}", raw: {{{raw}}}}}')
    assert judged.verdict.result == REJECTED
    assert any(words in each.message and each.line for each in judged.verdict.problems), judged


@pytest.fixture(params=["http", "https"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Members]:
    """Three members that run, on three addresses of this machine."""
    if request.param == "https" and shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, which makes the certificates of this test")
    keys = tmp_path / "keys"
    keys.mkdir()
    ports = [free_port((*LOOPBACK, "127.0.0.1")) for _ in range(3)]
    hosts = "hosts:\n" + "".join(
        f"  pg{number}: {{address: {address}, zone: z{number}}}\n" for number, address in enumerate(LOOPBACK, 1)
    )
    section = f'{{version: "{HERE}", client_port: {ports[0]}, peer_port: {ports[1]}, metrics_port: {ports[2]}}}'
    using = registry_with(certificates(keys, LOOPBACK)) if request.param == "https" else None
    found = Members(compiled(manifest(section, hosts), using), tmp_path)
    try:
        for host in found.hosts:
            found.start(host)
        yield found
    finally:
        found.stop_all()


def ask(cluster: Members, question: str) -> str:
    """Ask all members, by the command that the page of procedures shows for looking."""
    assert cluster.compilation.cluster is not None
    check = next(each for each in cluster.compilation.cluster.facts.all(HealthCheck) if each.name == "DCS members")
    return cluster.until(check.command.replace("endpoint health", question), "pg1")


def identity(cluster: Members, host: str) -> str:
    rows = json.loads(ask(cluster, "member list --write-out=json"))["members"]
    return f"{next(row['ID'] for row in rows if row.get('name') == host):x}"


def leaders(cluster: Members) -> list[bool]:
    rows = json.loads(ask(cluster, "endpoint status --write-out=json"))
    return [row["Status"]["leader"] == row["Status"]["header"]["member_id"] for row in rows]


@started
@pytest.mark.xdist_group("etcd")
def test_three_members_elect_a_leader_and_one_is_rebuilt_by_the_book(cluster: Members) -> None:
    assert ask(cluster, "endpoint health").count("is healthy") == 3
    assert sorted(leaders(cluster)) == [False, False, True]
    ask(cluster, "put leader pg1")

    cluster.stop("pg2", signal.SIGKILL)
    (data,) = (cluster.folder / "pg2/data/member/wal").glob("0*.wal")
    data.write_bytes(b"damaged")
    lost = identity(cluster, "pg2")
    procedure = chapters(cluster.compilation, "etcd-member")
    cluster.follow(procedure["Rebuild the member on pg2"], "pg2", lost)

    assert ask(cluster, "endpoint health").count("is healthy") == 3
    assert identity(cluster, "pg2") != lost
    assert (
        not (cluster.folder / "pg2/data/member.lost").exists() and not (cluster.folder / "pg2/run/rejoin.env").exists()
    )
    cluster.stop("pg1")  # the rebuilt member counts: it and pg3 are the majority
    rest = procedure["Rebuild the member on pg1"].actions[2].command.split(" member")[0]
    assert "pg1" in cluster.until(f"{rest} get leader", "pg2")


@started
@pytest.mark.xdist_group("etcd")
def test_a_lost_majority_is_founded_anew_from_the_member_that_knows_most(cluster: Members) -> None:
    ask(cluster, "endpoint health")
    ask(cluster, "put leader pg1")
    for host in ("pg2", "pg3"):
        cluster.stop(host, signal.SIGKILL)
        shutil.rmtree(cluster.folder / host / "data/member")

    procedure = chapters(cluster.compilation, "etcd-member")
    last = next(chapter for title, chapter in procedure.items() if title.startswith("Only when"))
    cluster.follow(last, "pg1", without=("endpoint status",))
    asking = "endpoint health"  # of all, while pg3 is still lost
    for host, without in (("pg2", ("member remove", "member.lost", asking)), ("pg3", ("member remove", "member.lost"))):
        cluster.follow(procedure[f"Rebuild the member on {host}"], host, without=without)
    assert ask(cluster, "endpoint health").count("is healthy") == 3
    assert "pg1" in ask(cluster, "get leader")


@started
@pytest.mark.xdist_group("etcd")
def test_the_weekly_maintenance_copies_and_shrinks_a_member(cluster: Members) -> None:
    ask(cluster, "endpoint health")
    unit = text_of(cluster.compilation, "hosts/pg2/etc/systemd/system/etcd-maintenance.service")
    for _ in range(2):
        for line in unit.splitlines():
            if line.startswith("Exec"):
                command = line.partition("=")[2]
                if command.startswith("-"):
                    command = f"{command[1:]} || true"
                cluster.until(command, "pg2")
    kept = cluster.folder / "pg2/snapshots"
    assert sorted(path.name for path in kept.iterdir()) == ["latest.db", "previous.db"]
    assert ask(cluster, "endpoint health").count("is healthy") == 3


@started
@pytest.mark.xdist_group("etcd")
def test_a_member_that_reached_its_quota_gets_room_by_the_book(cluster: Members) -> None:
    ask(cluster, "endpoint health")
    ask(cluster, "put a 1")
    ask(cluster, "put a 2")
    chapter = chapters(cluster.compilation, "disk-full")["When the DCS has reached its quota"]
    cluster.follow(chapter, "pg1")
    assert (
        "1" not in ask(cluster, "get a --print-value-only").split()
        and ask(cluster, "endpoint health").count("is healthy") == 3
    )
