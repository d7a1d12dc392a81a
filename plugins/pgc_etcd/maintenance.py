"""Once a week each member is copied and defragmented, one after the other.

Compaction frees pages inside the database's file and never makes the file smaller; only defragmenting does, and while it lasts the
member answers nobody. So no two members do it in the same ten minutes, and none while another is unwell.
Source: etcd, op-guide/maintenance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pgc.artifact import Artifact
from pgc.bodies import Ini, unit
from pgc.cluster import Cluster, Host
from pgc.provenance import because
from pgc_etcd.client import Client

SERVICE, TIMER = "etcd-maintenance.service", "etcd-maintenance.timer"
FOLDER = "/var/lib/etcd-snapshots"
SNAPSHOT = f"{FOLDER}/latest.db"
FIRST_MINUTE, MINUTES_APART = 3 * 60, 10


def render(cluster: Cluster, members: tuple[Host, ...]) -> Iterator[Artifact]:
    """Give each member the unit and its timer."""
    client = Client(cluster.section, members, cluster.facts)
    for index, host in enumerate(members):
        for name, body in ((SERVICE, _service(cluster, client, host)), (TIMER, _timer(cluster, index))):
            yield Artifact(f"etc/systemd/system/{name}", "systemd.unit", body, host=host.name, consumer="systemd")


def _head(cluster: Cluster) -> tuple[str, ...]:
    return (f"etcd of the cluster {cluster.name}. Made by pgc from the manifest; change it there.",)


def _service(cluster: Cluster, client: Client, host: Host) -> Ini:
    own = f"/usr/bin/{client.call((host,), host)} --command-timeout=60s"
    commands: list[tuple[str, Any]] = [
        (
            "ExecStartPre",
            because(f"/usr/bin/{client.every(host)} endpoint health", "not while another member is unwell"),
        ),
        ("ExecStartPre", because(f"-/bin/mv -f {SNAPSHOT} {FOLDER}/previous.db", "two copies are kept")),
        ("ExecStart", f"{own} snapshot save {SNAPSHOT}"),
        ("ExecStart", f"{own} defrag"),
    ]
    return unit(
        (
            "Unit",
            (
                ("Description", f"Copy and defragment this etcd member of the cluster {cluster.name}"),
                ("Documentation", "https://etcd.io/docs/"),
                ("After", "etcd.service"),
            ),
        ),
        (
            "Service",
            (
                ("Type", "oneshot"),
                ("User", "etcd"),
                *commands,
                ("StateDirectory", FOLDER.removeprefix("/var/lib/")),
                ("StateDirectoryMode", "0700"),
                ("UMask", "0077"),
                ("Nice", "10"),
                ("NoNewPrivileges", "yes"),
                ("PrivateTmp", "yes"),
                ("ProtectHome", "yes"),
                ("ProtectSystem", "strict"),
            ),
        ),
        head=_head(cluster),
    )


def _timer(cluster: Cluster, index: int) -> Ini:
    hour, minute = divmod(FIRST_MINUTE + MINUTES_APART * index, 60)
    return unit(
        ("Unit", (("Description", f"Weekly copy and defragmentation of this etcd member of {cluster.name}"),)),
        (
            "Timer",
            (
                ("OnCalendar", because(f"Sun *-*-* {hour % 24:02}:{minute:02}:00", "one member after the other")),
                ("AccuracySec", "1s"),
                ("Persistent", because("no", "hosts that start together do not catch up together")),
            ),
        ),
        ("Install", (("WantedBy", "timers.target"),)),
        head=_head(cluster),
    )
