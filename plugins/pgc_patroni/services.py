"""The unit that runs Patroni, its passwords, and the watchdog's device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pgc.artifact import Body
from pgc.bodies import Env, Plain, unit
from pgc.cluster import Cluster
from pgc.facts import Secret
from pgc.fields import show_size
from pgc.provenance import Sourced, because
from pgc.secrets import token
from pgc_patroni import layers, layout

WRITE_RATE = 50 * 1024**2  # bytes a second at which a shutdown checkpoint is written, slow on purpose
LEAST_STOP_S = 120
SHARED_BUFFERS_SHARE = 4  # a quarter of memory is dirty at worst

VARIABLES = {
    "superuser": "PATRONI_SUPERUSER_PASSWORD",
    "replication": "PATRONI_REPLICATION_PASSWORD",
    "rewind": "PATRONI_REWIND_PASSWORD",
    "rest": "PATRONI_RESTAPI_PASSWORD",
}
"""Source: Patroni, docs/ENVIRONMENT.rst. patronictl takes its own credentials from the REST API's."""


def secrets(cluster: Cluster) -> Env:
    """Return the passwords' file; it holds tokens until it is laid on a host."""
    values: dict[str, Any] = {"PATRONI_RESTAPI_USERNAME": cluster.sourced("rest", "user")}
    for secret in cluster.facts.all(Secret):
        if secret.name in VARIABLES:
            values[VARIABLES[secret.name]] = Sourced(token(secret.name), secret.origin)
    return Env(
        values,
        (
            f"Passwords of Patroni in the cluster {cluster.name}. Made by pgc; the values come from the references in the manifest.",
        ),
    )


def stop_s(cluster: Cluster) -> Sourced:
    """Return how many seconds systemd waits for a stop: at least as long as the shutdown checkpoint of the largest host takes."""
    largest = max(layout.members(cluster.site), key=lambda host: host.memory_bytes)
    seconds = 30 + largest.memory_bytes // SHARED_BUFFERS_SHARE // WRITE_RATE
    return because(
        max(LEAST_STOP_S, int(seconds)),
        f"a shutdown checkpoint of a quarter of {show_size(largest.memory_bytes)} at 50 MB/s",
        largest.path / "memory",
    )


def unit_file(cluster: Cluster, after: tuple[str, ...]) -> Body:
    """Return patroni.service. Sources: Patroni, extras/startup-scripts/patroni.service; PostgreSQL, Linux memory overcommit."""
    section, site = cluster.section, cluster.site
    major = str(layers.major(cluster))
    load = section.watchdog.mode != "off" and section.watchdog.module != "none"
    server = layout.Server(layout.members(site)[0], cluster.facts)
    data_dir = server.detail("data_dir")
    home = Sourced(
        f"/var/lib/{data_dir.value.split('/')[3]}" if data_dir.value.startswith("/var/lib/") else "/", data_dir.origin
    )
    return unit(
        (
            "Unit",
            (
                ("Description", f"Patroni and PostgreSQL of the cluster {cluster.name}"),
                ("Documentation", "https://patroni.readthedocs.io/"),
                ("RequiresMountsFor", data_dir),
                (
                    "After",
                    because(
                        " ".join(("network-online.target", "time-sync.target", *after)),
                        "the DCS is waited for where it runs on the same host",
                    ),
                ),
                ("Wants", "network-online.target"),
                *(
                    (
                        (
                            "Conflicts",
                            because(
                                f"postgresql@{major}-main.service",
                                "Debian's own service must not start the same data directory",
                            ),
                        ),
                    )
                    if server.detail("layout").value != "redhat"
                    else ()
                ),
                ("StartLimitIntervalSec", because("0", "it never gives up starting")),
            ),
        ),
        (
            "Service",
            (
                ("Type", because("simple", "systemd's notification needs Patroni 4.1")),
                ("User", layout.USER),
                ("Group", layout.USER),
                ("WorkingDirectory", home),
                ("EnvironmentFile", layout.SECRETS),
                (
                    "Environment",
                    because(
                        "PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj",
                        "sessions may be killed when memory is short, the postmaster may not",
                    ),
                ),
                ("Environment", "PG_OOM_ADJUST_VALUE=0"),
                (
                    "Environment",
                    because("MALLOC_ARENA_MAX=1", "keeps Patroni's virtual memory small where overcommit is strict"),
                ),
                ("Environment", because("PG_MALLOC_ARENA_MAX=", "not for PostgreSQL")),
                *(
                    (
                        (
                            "ExecStartPre",
                            because(
                                f"-+/sbin/modprobe {section.watchdog.module}",
                                "some distributions keep it from being loaded at boot",
                            ),
                        ),
                    )
                    if load
                    else ()
                ),
                ("ExecStart", f"/usr/bin/patroni {layout.FILE}"),
                ("ExecReload", "/bin/kill -s HUP $MAINPID"),
                (
                    "KillMode",
                    because("process", "PostgreSQL is stopped by Patroni, and keeps running when Patroni crashes"),
                ),
                ("TimeoutStartSec", "60"),
                ("TimeoutStopSec", stop_s(cluster)),
                ("Restart", "on-failure"),
                ("RestartSec", "5"),
                ("OOMScoreAdjust", because("-900", "the postmaster inherits it")),
                ("LimitNOFILE", because("65536", "files and connections of PostgreSQL")),
                ("LimitMEMLOCK", because("infinity", "huge pages")),
                ("TasksMax", because("infinity", "each connection is a process")),
                ("RuntimeDirectory", "patroni"),
                ("RuntimeDirectoryMode", "0700"),
                (
                    "RuntimeDirectoryPreserve",
                    because("yes", "PostgreSQL reads the passwords for replication there while Patroni restarts"),
                ),
                ("NoNewPrivileges", "yes"),
                ("ProtectSystem", because("full", "tablespaces may be anywhere but there")),
                ("ProtectHome", "yes"),
                ("ProtectKernelTunables", "yes"),
                ("ProtectControlGroups", "yes"),
                ("UMask", "0077"),
            ),
        ),
        ("Install", (("WantedBy", "multi-user.target"),)),
        head=(
            f"Patroni of the cluster {layout.scope(section, site)}. Made by pgc from the manifest; change it there.",
        ),
    )


def watchdog(cluster: Cluster) -> Iterator[tuple[str, str, Body]]:
    """Give the files that load the watchdog and let Patroni open it."""
    given = cluster.section.watchdog
    if given.mode == "off":
        return
    head = (f"# Watchdog for Patroni of the cluster {cluster.name}. Made by pgc from the manifest; change it there.",)
    if given.module != "none":
        yield (
            "etc/modules-load.d/patroni-watchdog.conf",
            "systemd.modules",
            Plain((*head, cluster.sourced("watchdog", "module"))),
        )
    name = given.device.rpartition("/")[2]
    rule = f'KERNEL=="{name}", OWNER="{layout.USER}", GROUP="{layout.USER}", MODE="0660"'
    yield (
        "etc/udev/rules.d/61-patroni-watchdog.rules",
        "patroni.udev",
        Plain((*head, Sourced(rule, cluster.sourced("watchdog", "device").origin))),
    )
