"""What a specialist would object to in a Patroni cluster. Rules are functions that yield findings; the core turns paths into lines."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Cluster
from pgc.diagnostics import Finding
from pgc_patroni import layout
from pgc_patroni.checks import parameters, raw, replication, timing, versions

ROOMS = (timing, replication, parameters, raw, versions)


def check(cluster: Cluster) -> Iterator[Finding]:
    """Yield every objection."""
    if layout.members(cluster.site):
        for room in ROOMS:
            yield from room.check(cluster)
