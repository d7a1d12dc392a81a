"""What does not fit together: versions, slots, roles, ports, the store."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Cluster
from pgc.diagnostics import Finding, Path
from pgc.facts import Endpoint
from pgc.fields import show_size
from pgc_patroni import catalogue, layers, layout
from pgc_patroni.codes import PAT040, PAT041, PAT042, PAT043, PAT044, PAT045, PAT046, PAT047, PAT048, PAT049

AT = Path(("patroni",))
SUPPORTED_SINCE = {17: "4.0", 18: "4.0"}
"""Source: Patroni, docs/releases.rst: PostgreSQL 17 from 4.0.0 on (and the late releases of 3.3), 18 from 4.0.7 on."""
ALSO = {("3.3", 17)}
KIB, MIB, GIB = 1024, 1024**2, 1024**3


def check(cluster: Cluster) -> Iterator[Finding]:
    """Yield every objection."""
    yield from _versions(cluster)
    yield from _slots(cluster)
    yield from _store(cluster)
    yield from _roles(cluster)
    yield from _ports(cluster)
    yield from _sizes(cluster)
    reserved = catalogue.of(cluster.section.version).keys["postgresql"]
    for name in cluster.section.replica_methods:
        if name in reserved or name == "basebackup":
            yield PAT049.at(AT / "replica_methods" / name, name=name)


def _versions(cluster: Cluster) -> Iterator[Finding]:
    version, major = cluster.section.version, layers.major(cluster)
    since = SUPPORTED_SINCE.get(major)
    if since is not None and version < since and (version, major) not in ALSO:
        yield PAT040.at(AT / "version", Path(("postgres", "version")), version=version, major=major, since=since)


def _slots(cluster: Cluster) -> Iterator[Finding]:
    """Source: patroni/dcs/__init__.py, slot_name_from_member_name: a member's slot has its name with `-` as `_`."""
    of_member = {host.name.replace("-", "_"): host.name for host in layout.members(cluster.site)}
    for name, slot in cluster.section.slots.items():
        at = AT / "slots" / name
        if name in of_member:
            yield PAT041.at(at, name=name, host=of_member[name])
        for field in ("database", "plugin"):
            value = getattr(slot, field)
            if slot.type == "logical" and value is None:
                yield PAT042.at(at, name=name, missing=field)
            elif slot.type == "physical" and value is not None:
                yield PAT043.at(at / field, name=name, extra=field)


def _store(cluster: Cluster) -> Iterator[Finding]:
    endpoints = cluster.facts.all(Endpoint, "dcs.client")
    if not endpoints:
        yield PAT044.at(Path(("hosts",)), problem="there is no DCS that Patroni could use")
        return
    for endpoint in endpoints:
        api = endpoint.detail("api") or "etcd3"
        if api != "etcd3":
            yield PAT044.at(
                *(endpoint.origin.paths or (Path(("external",)),)),
                problem=f"the DCS at {endpoint.location} speaks {api}; etcd3 is wanted",
            )
            return


def _roles(cluster: Cluster) -> Iterator[Finding]:
    taken: dict[str, str] = {}
    for purpose in layout.ROLE_NAMES:
        name = layout.role_name(cluster.section, purpose)
        first = taken.setdefault(name, purpose)
        if first != purpose:
            yield PAT045.at(
                AT / "roles" / purpose / "name", AT / "roles" / first / "name", name=name, first=first, second=purpose
            )


def _ports(cluster: Cluster) -> Iterator[Finding]:
    """Hosts are alike, so the first one whose port is taken speaks for all."""
    port = cluster.section.rest.port
    for host in layout.members(cluster.site):
        for endpoint in cluster.facts.on(host.name, Endpoint):
            if endpoint.port == port and endpoint.offers != "pg.role-probe":
                yield PAT046.at(
                    AT / "rest" / "port", *endpoint.origin.paths[:1], host=host.name, other=endpoint.offers, port=port
                )
                return


def _sizes(cluster: Cluster) -> Iterator[Finding]:
    segment, rate = cluster.section.wal_segment_size, cluster.section.basebackup_rate
    if segment is not None and not (MIB <= segment <= GIB and segment & (segment - 1) == 0):
        yield PAT047.at(AT / "wal_segment_size", given=show_size(segment))
    if rate is not None and not 32 * KIB <= rate <= GIB:
        yield PAT048.at(AT / "basebackup_rate", given=show_size(rate))
