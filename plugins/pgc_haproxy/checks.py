"""What a specialist would object to in a balancer."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Cluster
from pgc.diagnostics import Code, Finding, Path, Severity
from pgc.facts import Endpoint
from pgc.fields import show_duration
from pgc_haproxy.facts import balancers, certificate, max_connections

HAP001 = Code(
    "HAP001",
    "balancer-below-objective",
    Severity.ERROR,
    what="the balancer takes {given} connections, and {wanted} are expected",
    why="a balancer must bear all clients when it is the only one left; the others would wait in the kernel's queue",
    help="raise haproxy.max_connections to {wanted} or more, or leave it to be derived",
    example="objectives: {connections: 1000}\nhaproxy: {max_connections: 500}",
)
HAP002 = Code(
    "HAP002",
    "pooler-below-balancer",
    Severity.ERROR,
    what="the balancer takes {given} connections, but what stands behind it on {host} takes only {limit}",
    why="clients that the balancer let in would be refused by the pooler",
    help="raise the pooler's limit to {given}, or lower haproxy.max_connections",
    example="haproxy: {max_connections: 2000}\npgbouncer: {max_client_connections: 1000}",
)
HAP003 = Code(
    "HAP003",
    "client-timeout-below-failover",
    Severity.ERROR,
    what="the balancer cuts a silent {key} off after {given}, but a failover may last {objective}",
    why="clients that wait for the new leader would be cut off before it is there",
    help="raise haproxy.timeouts.{key} above the failover objective",
    example="objectives: {failover: 60s}\nhaproxy: {timeouts: {client: 30s}}",
)
HAP004 = Code(
    "HAP004",
    "single-balancer",
    Severity.WARNING,
    what="{host} is the only balancer",
    why="when it is lost no client reaches the cluster, however well the databases are",
    help="give a second host the role balancer, or name what stands in front of the cluster under external:",
    example="hosts:\n  pg1: {address: 10.0.0.1, roles: [database, dcs, balancer]}\n  pg2: {address: 10.0.0.2, roles: [database, dcs]}",
)
HAP005 = Code(
    "HAP005",
    "fast-interval-above-interval",
    Severity.ERROR,
    what="the fast check interval {fast} is longer than the interval {interval}",
    why="a server that changes its state would be checked less often than one that does not",
    help="set checks.fast_interval to at most {interval}",
    example="haproxy: {checks: {interval: 1s, fast_interval: 2s}}",
)
HAP006 = Code(
    "HAP006",
    "raw-part-unknown",
    Severity.ERROR,
    what="raw.{part} {problem}",
    why="the lines would appear nowhere",
    help="use raw: {{global: […], defaults: […]}}, each a list of lines",
    example="haproxy: {raw: {globl: [tune.bufsize 32768]}}",
)
HAP007 = Code(
    "HAP007",
    "probe-without-certificate",
    Severity.ERROR,
    what="the leader's probe on {probed} speaks TLS, and the balancer {host} holds no certificate to ask it with",
    why="it would find every server down, and let no client in",
    help="give {host} a certificate too, where the others got theirs",
    example="(a plugin that gives certificates to the database hosts only)",
)
CODES = (HAP001, HAP002, HAP003, HAP004, HAP005, HAP006, HAP007)

RAW_PARTS = ("global", "defaults")


def check(cluster: Cluster) -> Iterator[Finding]:
    """Yield every objection."""
    hosts = balancers(cluster.site)
    if not hosts:
        return
    yield from _capacity(cluster)
    yield from _timeouts(cluster)
    if len(hosts) == 1 and len(cluster.site.hosts) > 1:
        yield HAP004.at(hosts[0].path, host=hosts[0].name)
    checks = cluster.section.checks
    if checks.interval is not None and checks.fast_interval is not None and checks.fast_interval > checks.interval:
        at = Path(("haproxy", "checks"))
        yield HAP005.at(
            at / "fast_interval",
            at / "interval",
            fast=show_duration(checks.fast_interval),
            interval=show_duration(checks.interval),
        )
    yield from _certificates(cluster)
    for part, lines in cluster.section.raw.items():
        at = Path(("haproxy", "raw", part))
        if part not in RAW_PARTS:
            yield HAP006.at(at, part=part, problem="is no part of haproxy.cfg that pgc passes lines to")
        elif not (isinstance(lines, list) and all(isinstance(line, str) for line in lines)):
            yield HAP006.at(at, part=part, problem="is not a list of lines")


def _certificates(cluster: Cluster) -> Iterator[Finding]:
    probed = next((each for each in cluster.facts.all(Endpoint, "pg.role-probe") if each.scheme == "https"), None)
    if probed is None:
        return
    for host in balancers(cluster.site):
        if certificate(host.name, cluster.facts) is None:
            yield HAP007.at(host.path, probed=probed.host or probed.address, host=host.name)


def _capacity(cluster: Cluster) -> Iterator[Finding]:
    given, wanted = max_connections(cluster.section, cluster.site), cluster.site.objectives.connections
    at = Path(("haproxy", "max_connections"))
    if given < wanted:
        yield HAP001.at(at, Path(("objectives", "connections")), given=given, wanted=wanted)
    for pooled in cluster.facts.all(Endpoint, "pg.pooled"):
        limit = int(pooled.detail("max_clients") or given)
        if limit < given:
            yield HAP002.at(*(pooled.origin.paths or (at,)), given=given, limit=limit, host=pooled.host)
            return


def _timeouts(cluster: Cluster) -> Iterator[Finding]:
    objective = cluster.site.objectives.failover
    for key in ("client", "server"):
        given = getattr(cluster.section.timeouts, key)
        if given <= objective:
            yield HAP003.at(
                Path(("haproxy", "timeouts", key)),
                Path(("objectives", "failover")),
                given=show_duration(given),
                objective=show_duration(objective),
                key=key,
            )
