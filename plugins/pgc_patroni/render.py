"""patroni.yml for each host, the dynamic configuration, and what systemd and the kernel need besides."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.artifact import Artifact
from pgc.cluster import Cluster
from pgc.facts import Service
from pgc_patroni import dynamic, layers, layout, services
from pgc_patroni.bodies import Keys, Piece, Pieces
from pgc_patroni.hostfile import Writer, head

CONSUMER = "patroni.service"


def render(cluster: Cluster) -> Iterator[Artifact]:
    """Give every database host its files, and the cluster its dynamic configuration."""
    members = layout.members(cluster.site)
    if not members:
        return
    found = layers.split(cluster)
    configuration = Keys(dynamic.configuration(cluster, found.dynamic))
    yield Artifact(
        "cluster/patroni/dynamic.yml",
        "patroni.dynamic",
        Pieces((Piece(configuration, head=head(cluster, "The dynamic configuration")),)),
        consumer=CONSUMER,
    )
    writer = Writer(cluster, configuration)
    service, secrets, watchdog = (
        services.unit_file(cluster, _after(cluster)),
        services.secrets(cluster),
        tuple(services.watchdog(cluster)),
    )
    for host in members:
        yield Artifact(
            "etc/patroni/patroni.yml",
            "patroni.yml",
            writer.file(host, found.local[host.name]),
            host.name,
            CONSUMER,
            "root:postgres",
            "0640",
        )
        yield Artifact("etc/patroni/secrets.env", "systemd.env", secrets, host.name, CONSUMER, "root:postgres", "0640")
        yield Artifact("etc/systemd/system/patroni.service", "systemd.unit", service, host.name, "systemd")
        for path, format_name, body in watchdog:
            yield Artifact(path, format_name, body, host.name, "kernel")


def _after(cluster: Cluster) -> tuple[str, ...]:
    return tuple(sorted({service.unit for service in cluster.facts.all(Service, "dcs")}))
