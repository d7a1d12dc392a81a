"""What a specialist would object to; one module an area."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Cluster, Host
from pgc.diagnostics import Finding

CODES = ()


def check(cluster: Cluster, hosts: tuple[Host, ...]) -> Iterator[Finding]:
    return iter(())
