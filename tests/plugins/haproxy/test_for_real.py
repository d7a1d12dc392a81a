"""The real HAProxy in front of servers that change their roles."""

from __future__ import annotations

import base64
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pgc.facts import HealthCheck, Runbook, ScrapeTarget
from pgc.terms import Number
from pgc_haproxy.facts import detection
from tests.plugins.etcd.conftest import certificates
from tests.plugins.haproxy.conftest import (  # fmt: skip
    HAPROXY,
    PASSWORD,
    Balancer,
    Node,
    compiled,
    connect,
    database,
    eventually,
    free_ports,
    manifest,
    until,
    who,
)

ADDRESSES = ("127.0.0.21", "127.0.0.22")
BUSY_S = 0.7
"""What a busy machine may add to a bound, in seconds: the test's own looks, the threads of its servers."""

pytestmark = [
    pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed"),
    pytest.mark.xdist_group("haproxy"),
]


@dataclass
class Scene:
    """A balancer, two servers, and where to knock."""

    balancer: Balancer
    first: Node
    second: Node
    write: int
    read: int
    sync: int
    stats: str
    trust: ssl.SSLContext | None

    @property
    def bound_s(self) -> float:
        """The time that pgc reckons with until a new leader is in service."""
        cluster = self.balancer.compilation.cluster
        assert cluster is not None
        values: dict[str, Number] = {name: each.value for name, each in cluster.settled.items()}
        seconds = float(detection(Checks()).evaluate(values))  # type: ignore[arg-type]
        stage = next(part.seconds for each in cluster.bounds if each.fault == "host lost" for part in each.stretches)
        assert stage == seconds
        return seconds

    def get(self, path: str, login: str = "") -> tuple[int, str]:
        request = urllib.request.Request(self.stats + path)
        if login:
            request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=5, context=self.trust) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as problem:
            return problem.code, ""


class Checks:
    """The part of the section that the term needs: `rise` is the default."""

    class checks:
        rise = 2


@pytest.fixture(params=["http", "https"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    tls = request.param == "https"
    if tls and shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, which makes the certificates of this test")
    probe, port, write, read, sync, stats = free_ports(6)
    hosts = "hosts:\n" + "".join(
        f"  pg{number}: {{address: {address}}}\n" for number, address in enumerate(ADDRESSES, 1)
    )
    text = manifest(
        f"{{ports: {{read_write: {write}, read_only: {read}, sync_read: {sync}, stats: {stats}}}, "
        "checks: {interval: 500ms, fast_interval: 200ms, timeout: 500ms}}",
        hosts,
    )
    others, serving, asking = [database(probe, port, scheme=request.param)], None, None
    if tls:
        others.append(certificates(tmp_path, ADDRESSES, ("pg1", "pg2")))
        serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.crt"))
        serving.load_cert_chain(tmp_path / "host.crt", tmp_path / "host.key")
        serving.verify_mode = ssl.CERT_REQUIRED  # as Patroni with verify_client: required
        asking = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    nodes = [Node(f"pg{number}", address, probe, port, serving) for number, address in enumerate(ADDRESSES, 1)]
    nodes[0].roles, nodes[1].roles = {"primary"}, {"replica", "sync"}
    balancer = Balancer(compiled(text, *others), tmp_path)
    try:
        yield Scene(balancer, *nodes, write, read, sync, f"{request.param}://127.0.0.1:{stats}", asking)
    finally:
        balancer.close()
        for node in nodes:
            node.close()


def test_writes_go_to_the_leader_and_follow_it_within_the_bound(scene: Scene) -> None:
    until(scene.write, "pg1", 10)
    time.sleep(1)
    name, session = connect(scene.write)
    assert name == "pg1"
    scene.first.roles, began = {"replica"}, time.monotonic()
    session.settimeout(10)
    assert session.recv(1) == b"", "the session to the former leader is cut"
    # Two bad answers: the first an interval away, the second a fast interval behind it, each within the check's time.
    assert time.monotonic() - began <= 0.5 + 0.2 + 2 * 0.5 + BUSY_S
    eventually(lambda: who(scene.write) == "")
    scene.second.roles = {"primary"}
    assert until(scene.write, "pg2", 10) <= scene.bound_s + BUSY_S
    assert {who(scene.write) for _ in range(20)} == {"pg2"}


def test_reads_go_to_a_replica_and_to_the_leader_while_there_is_none(scene: Scene) -> None:
    until(scene.write, "pg1", 10)
    until(scene.read, "pg2", 10)
    until(scene.sync, "pg2", 10)
    scene.second.roles = {"replica"}
    until(scene.sync, "pg1", 10)
    assert who(scene.read) == "pg2"
    scene.second.roles = set()
    until(scene.read, "pg1", 10)


def test_no_client_reaches_a_replica_as_leader_right_after_a_start_or_reload(scene: Scene) -> None:
    """Until its first check a server counts as up, so without care a reload sends writes to every server for an interval."""
    seen = set()
    for turn in range(3):
        if turn:
            scene.balancer.reload()
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            seen.add(who(scene.write))
    assert seen - {""} == {"pg1"}


def test_statistics_need_the_password_and_health_and_metrics_answer(scene: Scene) -> None:
    until(scene.write, "pg1", 10)
    assert scene.get("/alive")[0] == 200
    assert scene.get("/")[0] == 401
    assert scene.get("/", "stats:wrong")[0] == 401
    status, page = scene.get("/", f"stats:{PASSWORD}")
    assert status == 200 and "synchronous-replicas" in page and "HAProxy version" not in page
    status, metrics = scene.get("/metrics")
    cluster = scene.balancer.compilation.cluster
    assert status == 200 and cluster is not None
    target = next(iter(cluster.facts.all(ScrapeTarget)))
    missing = [name for name in target.exports if f"\n{name}" not in metrics]
    assert not missing


def test_health_is_asked_as_the_page_of_procedures_says(scene: Scene) -> None:
    until(scene.write, "pg1", 10)
    cluster = scene.balancer.compilation.cluster
    assert cluster is not None
    check = next(iter(cluster.facts.all(HealthCheck)))
    assert check.healthy in scene.balancer.command(check.command)


@pytest.mark.skipif(shutil.which("socat") is None, reason="socat is not installed, which the procedures use")
def test_commands_of_the_procedures_do_what_they_say(scene: Scene) -> None:
    until(scene.write, "pg1", 10)
    eventually(lambda: who(scene.read) == "pg2")
    cluster = scene.balancer.compilation.cluster
    assert cluster is not None
    commands = {
        (book.slug, action.do): action.command
        for book in cluster.facts.all(Runbook)
        for chapter in book.chapters
        for action in (*chapter.actions, *chapter.undo)
    }
    run = scene.balancer.command
    states = dict(
        line.split() for line in run(commands["failover", "See which server takes writes"]).splitlines() if line
    )
    assert states == {"pg1": "2", "pg2": "0"}
    assert "Uptime_sec" in run(commands["restart", "See that it serves"])
    away = "Take the lost server out of rotation while it is being replaced (each balancer)"
    assert not run(commands["node-loss", away].replace("HOST", "pg2")).strip()
    eventually(lambda: who(scene.read) == "pg1")
    assert not run(commands["node-loss", "Put it back"].replace("HOST", "pg2")).strip()
    until(scene.read, "pg2", 10)
    assert "Maxconn: 760" in run(commands["connection-storm", "How many, and how many may"])
    name, session = connect(scene.write)
    assert name == "pg1" and "src=127.0.0.1:" in run(commands["connection-storm", "From where"])
    session.close()
    slow = "Slow new connections down until the cause is found"
    assert not run(commands["connection-storm", slow]).strip()
    assert "SessRateLimit: 50" in run("echo 'show info' | socat - /run/haproxy/admin.sock")
    assert not run(commands["connection-storm", "Lift the limit"]).strip()


def test_a_full_service_leaves_the_health_check_alone(scene: Scene) -> None:
    until(scene.write, "pg1", 10)
    sessions = []
    try:
        for _ in range(240):
            try:
                sessions.append(connect(scene.write, 0.2)[1])
            except OSError:
                break
        assert len(sessions) >= 220
        assert scene.get("/alive")[0] == 200
    finally:
        for session in sessions:
            session.close()


def test_the_version_here_is_one_that_is_rendered_for() -> None:
    said = subprocess.run([str(HAPROXY), "-v"], capture_output=True, text=True, check=True).stdout
    if not any(f"version {version}." in said for version in ("2.6", "2.8", "3.0", "3.1", "3.2")):
        pytest.skip(f"no version that pgc renders for: {said.splitlines()[0]}")
