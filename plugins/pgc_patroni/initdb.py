"""How the first data directory is made. Nothing of this can be changed later."""

from __future__ import annotations

from typing import Any

from pgc.cluster import Cluster
from pgc.provenance import Sourced, because
from pgc_patroni import layout


def options(cluster: Cluster, server: layout.Server) -> list[Any]:
    """Return initdb's options. Sources: PostgreSQL, initdb; the builtin provider came with 17, checksums by default with 18."""
    checksums, provider, locale, waldir = (
        server.detail(name) for name in ("checksums", "locale_provider", "locale", "wal_dir")
    )
    options: list[Any] = []
    if checksums.value == "yes":
        options.append(Sourced("data-checksums", checksums.origin))
    elif server.major >= 18:
        options.append(Sourced("no-data-checksums", checksums.origin))
    options += [{"encoding": server.detail("encoding")}, {"locale-provider": provider}]
    if provider.value == "libc":
        options.append({"locale": locale})
    else:
        options += [
            {f"{provider.value}-locale": locale},
            {"locale": because("C.UTF-8", "character classes, which the provider leaves to the system")},
        ]
    if waldir.value:
        options.append({"waldir": waldir})
    if cluster.section.wal_segment_size is not None:
        options.append(
            {
                "wal-segsize": Sourced(
                    str(cluster.section.wal_segment_size // 1024**2), cluster.sourced("wal_segment_size").origin
                )
            }
        )
    return [
        *options,
        {"auth-local": because("peer", "no moment with trust")},
        {"auth-host": because("scram-sha-256", "no moment with trust")},
    ]
