"""pgbouncer.ini, the peers, userlist.txt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from pgc.artifact import Artifact, Body
from pgc.bodies import Ini, Plain
from pgc.cluster import Cluster, Host
from pgc.facts import Certificate, Endpoint
from pgc.provenance import Origin, Sourced, because
from pgc.secrets import token
from pgc_pgbouncer import lookup, service, settings
from pgc_pgbouncer.facts import FOLDER, LOOPBACK
from pgc_pgbouncer.pools import EVERY, LOOKUPS, Plan, hosts, plan, since

UNIT = "pgbouncer.service"
LAST_PEER = 16383


def render(cluster: Cluster) -> Iterator[Artifact]:
    """Give every database host its files; what is equal on many hosts is made once."""
    section, site = cluster.section, cluster.site
    chosen = hosts(section, site)
    if not chosen:
        return
    plan_ = plan(section, site, cluster.facts)
    owner = f"root:{section.system_user}"
    passwords, running, account = _userlist(cluster), service.service(cluster, plan_), service.account(cluster)
    peers = peer_ids(host.name for host in chosen) if since(section, "1.19") and len(chosen) > 1 else {}
    everybody = _peers(cluster, chosen, peers)
    bodies: dict[Any, Body] = {}
    for host in chosen:
        certificate = next(iter(cluster.facts.on(host.name, Certificate)), None)
        server = _server(cluster, host, certificate)
        key = (
            server.value,
            certificate and (certificate.certificate_file, certificate.key_file, certificate.authority_file),
        )
        if key not in bodies:
            bodies[key] = _config(cluster, plan_, server, certificate, bool(peers))
        yield Artifact(
            f"{FOLDER}/pgbouncer.ini",
            "pgbouncer.ini",
            bodies[key],
            host=host.name,
            consumer=UNIT,
            owner=owner,
            mode="0640",
        )
        if peers:
            number = because(
                peers[host.name], "made from the host's name, so it stays when others come and go", host.path
            )
            own = Plain((f"; {_version(cluster)}", Sourced(f"peer_id = {number.value}", number.origin)))
            yield Artifact(
                f"{FOLDER}/peer.ini", "pgbouncer.ini", own, host=host.name, consumer=UNIT, owner=owner, mode="0640"
            )
            yield Artifact(
                f"{FOLDER}/peers.ini",
                "pgbouncer.ini",
                everybody,
                host=host.name,
                consumer=UNIT,
                owner=owner,
                mode="0640",
            )
        yield Artifact(
            f"{FOLDER}/userlist.txt",
            "pgbouncer.userlist",
            passwords,
            host=host.name,
            consumer=UNIT,
            owner=owner,
            mode="0640",
        )
        yield Artifact(f"etc/systemd/system/{UNIT}", "systemd.unit", running, host=host.name, consumer="systemd")
        yield Artifact(
            "etc/sysusers.d/pgbouncer.conf",
            "systemd.sysusers",
            account,
            host=host.name,
            consumer="systemd-sysusers.service",
        )


def peer_ids(names: Iterable[str]) -> dict[str, int]:
    """Return a number from 1 to 16383 for each host, made from its name; where two meet, the later name takes the next free one.

    Source: PgBouncer, doc/config.md: peer_id.
    """
    taken: dict[int, str] = {}
    for name in sorted(names):
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % LAST_PEER + 1
        while number in taken:
            number = number % LAST_PEER + 1
        taken[number] = name
    return {name: number for number, name in taken.items()}


# ── pgbouncer.ini ────────────────────────────────────────────────────────────────────────────────────────────────────


def _server(cluster: Cluster, host: Host, certificate: Certificate | None) -> Sourced:
    """Return the name of PostgreSQL on the same host: with certificates the one that is in them, because it is verified."""
    if certificate is None:
        return because(LOOPBACK, "PostgreSQL on the same host")
    name = host.name if host.address not in certificate.names and host.name in certificate.names else host.address
    return because(name, "PostgreSQL on the same host, by a name that its certificate has", host.path / "address")


def _config(cluster: Cluster, plan_: Plan, server: Sourced, certificate: Certificate | None, peered: bool) -> Body:
    rows = settings.settings(cluster, plan_)
    if certificate is not None:
        rows |= settings.tls(certificate)
    rows |= {str(key): settings.raw(cluster, key) for key in cluster.section.raw}
    head = [
        f"PgBouncer of the cluster {cluster.name}. Made by pgc from the manifest; change it there.",
        _version(cluster),
    ]
    if peered:
        head.append(
            "peer.ini holds what differs from host to host, peers.ini the others: cancel requests may reach any of them."
        )
    users = tuple(_users(cluster, plan_))
    served = (("databases", tuple(_databases(cluster, plan_, server))), *((("users", users),) if users else ()))
    return _Included(
        (Ini(served, tuple(head)), "peers.ini" if peered else ""),
        (Ini((("pgbouncer", tuple(rows.items())),)), "peer.ini" if peered else ""),
    )


class _Included:
    """An INI file whose parts are followed by `%include` lines.

    A second [pgbouncer] section would set everything in the first one back to its default (measured with 1.24.1), so
    peer.ini has no section and is included inside of ours, and peers.ini, which has its own, before it.
    Source: PgBouncer, doc/config.md, "Include directive"; libusual, usual/cfparser.c, load_handler: a section starts with its defaults.
    """

    __slots__ = ("_parts",)

    def __init__(self, *parts: tuple[Ini, str]) -> None:
        self._parts = parts

    def text(self) -> str:
        return self.traced()[0]

    def traced(self) -> tuple[str, tuple[tuple[Origin, ...], ...]]:
        texts: list[str] = []
        origins: list[tuple[Origin, ...]] = []
        for ini, name in self._parts:
            text, lines = ini.traced()
            after = f"%include /{FOLDER}/{name}\n\n" if name else "\n"
            texts += (text, after)
            origins += (*lines, *((),) * after.count("\n"))
        return "".join(texts).removesuffix("\n"), tuple(origins[:-1])


def _databases(cluster: Cluster, plan_: Plan, server: Sourced) -> Iterator[tuple[str, Sourced]]:
    section = cluster.section
    port = next((endpoint.port for endpoint in cluster.facts.all(Endpoint, "pg.sql")), 5432)
    reserve = "reserve_pool_size" if since(section, "1.24") else "reserve_pool"
    lookups = lookup.databases(section, plan_)
    for pool in plan_.pools:
        limit = pool.limit + (LOOKUPS if pool.database in lookups else 0)
        words = [f"host={server.value}", f"port={port}"]
        if pool.database not in (pool.name, EVERY):
            words.append(f"dbname={_word(pool.database)}")
        words += [f"pool_size={pool.size}", f"{reserve}={pool.reserve}", f"max_db_connections={limit}"]
        if pool.min_size:
            words.append(f"min_pool_size={pool.min_size}")
        if pool.mode != section.mode:
            words.append(f"pool_mode={pool.mode}")
        reason = f"{pool.size} and {pool.reserve} for each role, {limit} for all: {pool.reason}"
        yield pool.name, Sourced(" ".join(words), cluster.site.origin(*pool.path, reason=reason))
    if since(section, "1.19") and all(pool.name != section.auth.database for pool in plan_.pools):
        words = [
            f"host={server.value}",
            f"port={port}",
            f"pool_size={LOOKUPS}",
            f"{reserve}=0",
            f"max_db_connections={LOOKUPS}",
        ]
        yield (
            section.auth.database,
            Sourced(
                " ".join(words),
                cluster.site.origin("pgbouncer", "auth", "database", reason="passwords are looked up here"),
            ),
        )


def _word(value: str) -> str:
    """Quote a value of a connection string. Source: PgBouncer, src/loader.c, cstr_get_value: single quotes, doubled inside."""
    return "'" + value.replace("'", "''") + "'"


def _users(cluster: Cluster, plan_: Plan) -> Iterator[tuple[str, Sourced]]:
    caps = {name: (limit, path) for name, limit, path in plan_.caps}
    for name in sorted({*caps, *cluster.section.users}):
        spec, words, paths = cluster.section.users.get(name), [], []
        if spec is not None:
            words += [f"pool_mode={spec.mode}"] * (spec.mode is not None) + [f"pool_size={spec.size}"] * (
                spec.size is not None
            )
            paths.append(cluster.site.origin("pgbouncer", "users", name).paths)
        if name in caps:
            words.append(f"max_user_connections={caps[name][0]}")
            paths.append((caps[name][1],))
        if words:
            found = tuple(dict.fromkeys(path for group in paths for path in group))
            yield (
                name,
                Sourced(
                    " ".join(words),
                    Origin(found, "the role's own limit: its clients wait here instead of being refused there"),
                ),
            )


# ── the other files ──────────────────────────────────────────────────────────────────────────────────────────────────


def _peers(cluster: Cluster, chosen: tuple[Host, ...], peers: dict[str, int]) -> Body:
    """All poolers know each other: a cancel request comes on a connection of its own, which the balancer may send to another one."""
    rows = [
        (
            str(peers[host.name]),
            because(
                f"host={host.address} port={cluster.section.port}", f"the pooler on {host.name}", host.path / "address"
            ),
        )
        for host in chosen
        if host.name in peers
    ]
    return Ini(
        (("peers", tuple(rows)),),
        (f"Poolers of the cluster {cluster.name}. Made by pgc from the manifest; change it there.", _version(cluster)),
    )


def _version(cluster: Cluster) -> str:
    """Say for which version a file is written: another one may refuse it (see validators.py)."""
    return f"For PgBouncer {cluster.section.version}."


def _userlist(cluster: Cluster) -> Body:
    origin = cluster.site.origin(
        "pgbouncer",
        "auth",
        "password",
        reason="PgBouncer needs the password itself: a SCRAM secret cannot log in as auth_user",
    )
    return Plain((Sourced(f'"{cluster.section.auth.user}" "{token(lookup.SECRET)}"', origin),))
