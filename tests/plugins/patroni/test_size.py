"""A large cluster costs in proportion to its hosts."""

from __future__ import annotations

from tests.plugins.patroni.conftest import Compiled, content, manifest
from tests.plugins.patroni.tiny import server


def hosts(count: int) -> str:
    lines = (f"  pg{n}: {{address: 10.1.{n // 200}.{n % 200 + 1}, zone: {'abc'[n % 3]}}}\n" for n in range(count))
    return "\n" + "".join(lines)


def test_a_hosts_file_does_not_grow_with_the_number_of_hosts(compiled: Compiled) -> None:
    """Client authentication names every member; more than a few are written as the networks that hold exactly them."""
    sizes = {}
    for count in (20, 300):
        found = compiled(manifest(objectives="{failover: 120s, data_loss: none}", hosts=hosts(count)), server(17))
        sizes[count] = len(content(found, "hosts/pg1/etc/patroni/patroni.yml"))
    assert sizes[300] - sizes[20] < 5000
