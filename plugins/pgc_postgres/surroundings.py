"""What a server meets around it: disks, the archive, certificates."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Host, Site
from pgc.facts import Budget, Certificate, DiskClaim, Fact, Facts, Parameter
from pgc.fields import show_size
from pgc.provenance import Origin
from pgc_postgres import sizing
from pgc_postgres.parameters import Row, shown, wal_sizes
from pgc_postgres.section import PostgresSection
from pgc_postgres.storage import USABLE, wal_disk


def disk_rows(hosts: tuple[Host, ...]) -> Iterator[Row]:
    disks = [host for host in hosts if "data" in host.disks]
    if disks:
        least = min(disks, key=lambda host: (host.disks["data"].size, host.name))
        limit = max(5 * sizing.GIB, least.disks["data"].size // 5 // sizing.GIB * sizing.GIB)
        yield Row(
            "temp_file_limit",
            shown(limit),
            "one runaway query must not fill the disk: a fifth of it",
            (least.path / "disks" / "data" / "size",),
        )


def disk_facts(section: PostgresSection, site: Site, hosts: tuple[Host, ...]) -> Iterator[Fact]:
    sizes, objectives = wal_sizes(section, site, hosts), site.objectives
    for host in hosts:
        found = wal_disk(host)
        if "data" in host.disks:
            yield DiskClaim(
                host=host.name,
                disk="data",
                what="data",
                claim_bytes=objectives.data_size,
                origin=site.origin("objectives", "data_size"),
            )
        if found is not None:
            disk = found[0]
            origin = site.origin("objectives", "wal_rate")
            yield DiskClaim(
                host=host.name,
                disk=disk,
                what="WAL between checkpoints (max_wal_size)",
                claim_bytes=sizes.max_size,
                origin=origin,
            )
            yield DiskClaim(
                host=host.name,
                disk=disk,
                what="WAL held for replicas (max_slot_wal_keep_size)",
                claim_bytes=sizes.slot_cap,
                origin=origin,
            )
            yield DiskClaim(
                host=host.name, disk=disk, what="WAL waiting for the archive", claim_bytes=sizes.outage, origin=origin
            )
        for name, each in sorted(host.disks.items()):
            if name in ("data", "wal"):
                where = host.path / "disks" / name / "size"
                yield Budget(
                    of="DiskClaim",
                    pool=f"{host.name}/{name}",
                    limit=int(each.size * USABLE),
                    what=f"disk {name} of {host.name} ({show_size(each.size)} less a tenth)",
                    origin=Origin(
                        (where,),
                        "nine tenths are used: a full disk stops PostgreSQL, and file systems slow down before",
                    ),
                )


def archive_rows(known: Facts) -> Iterator[Row]:
    if not known.all(Parameter, "archive_command") and not known.all(Parameter, "archive_library"):
        yield Row(
            "archive_command", "/bin/true", "nothing archives yet; a command can be put here later without a restart"
        )


def tls_rows(hosts: tuple[Host, ...], known: Facts) -> Iterator[Row]:
    held = {
        host.name: certificate for host in hosts if (certificate := next(iter(known.on(host.name, Certificate)), None))
    }
    if not held:
        return
    everywhere = len(held) == len(hosts)
    if everywhere:
        yield Row("ssl", True, "every database host has a certificate")
        yield Row("ssl_min_protocol_version", "TLSv1.2", "older protocols are broken")
    for name in ("certificate_file", "key_file", "authority_file"):
        parameter = {"certificate_file": "ssl_cert_file", "key_file": "ssl_key_file", "authority_file": "ssl_ca_file"}[
            name
        ]
        values = {host: getattr(certificate, name) for host, certificate in held.items()}
        if everywhere and len(set(values.values())) == 1:
            yield Row(parameter, next(iter(values.values())), "from the hosts' certificate")
            continue
        for host, value in values.items():
            yield Row(parameter, value, "from the host's certificate", host=host)
    if not everywhere:
        for host in held:
            yield Row("ssl", True, "the host has a certificate", host=host)
