"""What PostgreSQL tells the others."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Host, Site
from pgc.diagnostics import Path
from pgc.facts import Endpoint, Fact, Facts, HealthCheck, Package, Service
from pgc.provenance import Origin
from pgc_postgres import access, capacity, parameters
from pgc_postgres.layout import layout, locale, wal_dir
from pgc_postgres.section import PostgresSection

THP_UNIT = "pgc-transparent-huge-pages.service"


def contribute(section: PostgresSection, site: Site, hosts: tuple[Host, ...]) -> Iterator[Fact]:
    """Give everything that needs nobody else."""
    if not hosts:
        return
    yield from _instances(section, site, hosts)
    yield from parameters.contribute(section, site, hosts)
    yield from access.contribute(section, site, hosts)
    yield HealthCheck(
        name="PostgreSQL answers",
        on="every database host",
        command=f"{layout(section).bin_dir}/pg_isready -h {section.socket_dir} -p {section.port}",
        healthy=f"{section.socket_dir}:{section.port} - accepting connections",
    )


def derive(section: PostgresSection, site: Site, hosts: tuple[Host, ...], known: Facts) -> Iterator[Fact]:
    """Give what follows from others' facts."""
    if not hosts:
        return
    yield from capacity.derive(section, site, hosts, known)
    yield from access.derive_hba(section, site, hosts, known)


def _instances(section: PostgresSection, site: Site, hosts: tuple[Host, ...]) -> Iterator[Fact]:
    paths, (provider, name) = layout(section), locale(section)
    for host in hosts:
        details = {
            "version": str(section.version),
            "bin_dir": paths.bin_dir,
            "data_dir": paths.data_dir,
            "socket_dir": paths.socket_dir,
            "log_dir": paths.log_dir,
            "wal_dir": wal_dir(section, host),
            "user": "postgres",
            "layout": section.layout,
            "encoding": section.encoding,
            "locale_provider": provider,
            "locale": name,
            "checksums": "yes" if section.checksums else "no",
        }
        yield Endpoint(
            host=host.name,
            offers="pg.sql",
            address=host.address,
            port=section.port,
            details=tuple(sorted(details.items())),
            origin=Origin((Path(("postgres", "port")), host.path / "address"), "PostgreSQL itself"),
        )
        yield Package(
            host=host.name,
            component="postgresql",
            version=str(section.version),
            origin=site.origin("postgres", "version"),
        )
        if section.tune_kernel:
            yield Service(
                host=host.name,
                unit=THP_UNIT,
                role="kernel",
                description="Transparent huge pages off for databases",
                origin=site.origin("postgres", "tune_kernel"),
            )
