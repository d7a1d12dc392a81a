"""What a specialist would object to; one module an area."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Cluster, Host
from pgc.diagnostics import Finding
from pgc_postgres.checks import authentication, extensions, memory, objects, order, parameters, together
from pgc_postgres.settled import Settled

CODES = (
    *parameters.CODES,
    *together.CODES,
    *memory.CODES,
    *objects.CODES,
    *extensions.CODES,
    *order.CODES,
    *authentication.CODES,
)


def check(cluster: Cluster, hosts: tuple[Host, ...]) -> Iterator[Finding]:
    """Yield every objection."""
    settled = Settled(cluster)
    yield from parameters.check(cluster, settled)
    yield from together.check(cluster, settled)
    yield from memory.check(cluster, settled, hosts)
    yield from objects.check(cluster, settled)
    yield from extensions.check(cluster)
    yield from order.check(cluster)
    yield from authentication.check(cluster, hosts)
