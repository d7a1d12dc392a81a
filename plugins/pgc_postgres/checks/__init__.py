"""What a specialist would object to; one module an area."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Cluster, Host
from pgc.diagnostics import Finding
from pgc_postgres.checks import authentication, memory, objects, parameters, together
from pgc_postgres.settled import Settled

CODES = (*parameters.CODES, *together.CODES, *memory.CODES, *objects.CODES, *authentication.CODES)


def check(cluster: Cluster, hosts: tuple[Host, ...]) -> Iterator[Finding]:
    """Yield every objection."""
    settled = Settled(cluster)
    yield from parameters.check(cluster, settled)
    yield from together.check(cluster, settled)
    yield from memory.check(cluster, settled, hosts)
    yield from objects.check(cluster, settled)
    yield from authentication.check(cluster, hosts)
