"""Where things are on a host, by family of packages.

Source: Debian, postgresql-common (pg_createcluster(1)); PGDG RPM packages (/usr/pgsql-N, /var/lib/pgsql/N/data).
"""

from __future__ import annotations

from dataclasses import dataclass

from pgc.cluster import Host
from pgc_postgres.section import PostgresSection


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one cluster's hosts."""

    bin_dir: str
    data_dir: str
    log_dir: str
    socket_dir: str


def layout(section: PostgresSection) -> Layout:
    """Return the paths that the section names or that follow from its family."""
    if section.layout == "debian":
        bin_dir, data_dir = f"/usr/lib/postgresql/{section.version}/bin", f"/var/lib/postgresql/{section.version}/main"
        log_dir = "/var/log/postgresql"
    else:
        bin_dir, data_dir = f"/usr/pgsql-{section.version}/bin", f"/var/lib/pgsql/{section.version}/data"
        log_dir = f"{section.data_dir or data_dir}/log"
    return Layout(
        section.bin_dir or bin_dir, section.data_dir or data_dir, section.log_dir or log_dir, section.socket_dir
    )


def wal_dir(section: PostgresSection, host: Host) -> str:
    """Return where a host keeps its WAL apart from the data, or the empty string."""
    disk = host.disks.get("wal")
    return f"{disk.mount.rstrip('/')}/{section.version}/wal" if disk and disk.mount else ""


def locale(section: PostgresSection) -> tuple[str, str]:
    """Return the provider and the locale of initdb.

    C.UTF-8 sorts by code point: an upgrade of libc or ICU cannot change its order and so corrupt indexes.
    Source: PostgreSQL 17, 23.1 locale providers: builtin, C.UTF-8; PostgreSQL wiki, Locale data changes.
    """
    provider = section.locale.provider or ("builtin" if section.version >= 17 else "libc")
    return provider, section.locale.name or ("und" if provider == "icu" else "C.UTF-8")
