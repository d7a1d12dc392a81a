"""A host's own patroni.yml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pgc.cluster import Cluster, Host
from pgc.facts import Certificate, Endpoint, HbaRule, IdentRule
from pgc.provenance import Origin, Sourced, because
from pgc_patroni import authentication, dynamic, initdb, layers, layout
from pgc_patroni.bodies import Below, Keys, Piece, Pieces, piece

PGPASS = "/run/patroni/pgpass"
LOOPBACK = "127.0.0.1"
ELSEWHERE = frozenset(("scope", "namespace", "name", "restapi", "postgresql", "watchdog", "tags", "bootstrap"))
"""Keys at the top of the file that are not written by `_top`."""


def head(cluster: Cluster, what: str) -> tuple[str, ...]:
    """Return what stands at the top of a file."""
    return (
        f"{what} of the Patroni cluster {layout.scope(cluster.section, cluster.site)}. Made by pgc from the manifest; change it there.",
    )


class Writer:
    """Writes the hosts' files; pieces that are equal on many hosts are made once."""

    def __init__(self, cluster: Cluster, configuration: Keys) -> None:
        self.cluster = cluster
        self.section, self.site = cluster.section, cluster.site
        self.preferred = layout.preferred_datacenter(self.section, self.site)
        self.raw: Mapping[str, Any] = self.section.raw.get("local") or {}
        self.configuration = Piece(configuration, 2)
        self.bootstraps: dict[tuple[Any, ...], Piece] = {}
        self.hba = [
            authentication.hba_line(rule) for rule in sorted(cluster.facts.all(HbaRule), key=lambda rule: rule.order)
        ]
        self.ident = [
            authentication.ident_line(rule)
            for rule in sorted(cluster.facts.all(IdentRule), key=lambda rule: (rule.map, rule.order))
        ]
        self.shared: dict[tuple[Any, ...], tuple[Piece, Piece]] = {}
        watchdog = self.section.watchdog
        margin = -1 if watchdog.safety_margin == "half" else int(watchdog.safety_margin)
        words: dict[str, Any] = {"mode": cluster.sourced("watchdog", "mode")}
        if watchdog.mode != "off":
            words["device"] = cluster.sourced("watchdog", "device")
            words["safety_margin"] = Sourced(margin, self.site.origin("patroni", "watchdog", "safety_margin"))
        self.tail = piece(self.with_raw({"watchdog": words}, ("watchdog",)))

    def file(self, host: Host, own: layers.Layer) -> Pieces:
        held, server = layout.certificate(host.name, self.cluster.facts), layout.Server(host, self.cluster.facts)
        top, middle = self._common(held, server)
        address = Sourced(
            f"{host.location}:{server.port}",
            Origin((host.path / "address", *server.origin.paths[:1]), "the host's address and PostgreSQL's port"),
        )
        reached = {
            "listen": because(
                f"{host.location},{LOOPBACK}:{server.port}", "the host's own address, and itself", host.path / "address"
            ),
            "connect_address": address,
        }
        given = layout.tags(self.section, self.site, host, self.preferred)
        tags = piece({"tags": given} if given else {})
        return Pieces(
            (
                self._identity(host, held),
                top,
                Below("bootstrap"),
                Below("dcs", 1),
                self.configuration,
                self._bootstrap(server),
                Below("postgresql"),
                piece(reached, 1),
                middle,
                piece(own.data(), 1),
                self.tail,
                tags,
            )
        )

    def with_raw(self, data: Mapping[str, Any], keys: Iterable[str], *at: str) -> dict[str, Any]:
        """Return data with what the manifest passes as it is for these keys laid over it; `at` is the place of both in the file."""
        raw = self.raw
        for key in at:
            raw = raw.get(key) or {}
        return dynamic.overlaid(data, {key: raw[key] for key in keys if key in raw}, self.cluster, "local", *at)

    def _bootstrap(self, server: layout.Server) -> Piece:
        if server.key not in self.bootstraps:
            self.bootstraps[server.key] = piece({"initdb": initdb.options(self.cluster, server)}, 1)
        return self.bootstraps[server.key]

    def _identity(self, host: Host, held: Certificate | None) -> Piece:
        """Return what no two hosts share."""
        location = because(
            f"{host.location}:{self.section.rest.port}",
            "the host's address and the API's port",
            host.path / "address",
            *self.site.origin("patroni", "rest", "port").paths,
        )
        rest: dict[str, Any] = {"listen": location, "connect_address": location}
        if held is not None:
            rest |= {
                "certfile": Sourced(held.certificate_file, held.origin),
                "keyfile": Sourced(held.key_file, held.origin),
                "cafile": Sourced(held.authority_file, held.origin),
                "verify_client": because(
                    "optional", "calls that change something need a client certificate; health checks need none"
                ),
            }
        rest["allowlist"] = [
            Sourced(LOOPBACK, Origin((), "the host itself")),
            *(
                Sourced(each, self.site.origin("patroni", "rest", "allow", index))
                for index, each in enumerate(self.section.rest.allow)
            ),
        ]
        rest["allowlist_include_members"] = because(True, "patronictl on a member changes others")
        data: dict[str, Any] = {
            "scope": layout.scope(self.section, self.site),
            "namespace": Sourced(f"/{self.section.namespace}/", self.site.origin("patroni", "namespace")),
            "name": because(host.name, "the host's name", host.path),
            "restapi": rest,
        }
        return piece(self.with_raw(data, ("restapi",)), head=head(self.cluster, f"Host {host.name}"))

    def _common(self, held: Certificate | None, server: layout.Server) -> tuple[Piece, Piece]:
        """Return what hosts with the same files and paths share: the top of the file, and the middle of its PostgreSQL section."""
        files = (held.certificate_file, held.key_file, held.authority_file) if held is not None else ()
        found = self.shared.get(key := (files, server.key))
        if found is None:
            found = self.shared[key] = piece(self._top(held)), piece(self._postgresql(held, server), 1)
        return found

    def _top(self, held: Certificate | None) -> dict[str, Any]:
        control: dict[str, Any] = {"insecure": because(False, "patronictl verifies certificates")}
        if held is not None:
            control |= {
                "cacert": Sourced(held.authority_file, held.origin),
                "certfile": Sourced(held.certificate_file, held.origin),
                "keyfile": Sourced(held.key_file, held.origin),
            }
        data: dict[str, Any] = {
            "log": {"level": self.cluster.sourced("log_level")},
            "ctl": control,
            "etcd3": store(self.cluster, held),
        }
        return self.with_raw(data, [key for key in self.raw if key not in ELSEWHERE])

    def _postgresql(self, held: Certificate | None, server: layout.Server) -> dict[str, Any]:
        section, site = self.section, self.site
        rebuild = layout.rebuild(section, site)
        data: dict[str, Any] = {
            "bin_dir": server.detail("bin_dir"),
            "data_dir": server.detail("data_dir"),
            "pgpass": because(PGPASS, "in memory, gone with the host"),
            "use_unix_socket": because(True, "the superuser logs in as the system user, and never over the network"),
            "use_unix_socket_repl": because(True, "local checks of the timeline stay on the host"),
            "authentication": {purpose: self._login(purpose, held) for purpose in layout.ROLE_NAMES},
            "remove_data_directory_on_rewind_failure": rebuild,
            "remove_data_directory_on_diverged_timelines": rebuild,
            "create_replica_methods": [
                *(Sourced(name, site.origin("patroni", "replica_methods", name)) for name in section.replica_methods),
                because("basebackup", "works without a backup repository"),
            ],
        }
        for name, method in section.replica_methods.items():
            words = {
                "command": method.command,
                "keep_data": method.keep_data,
                "no_leader": method.no_leader,
                "no_params": method.no_params,
            }
            data[name] = {
                key: Sourced(value, site.origin("patroni", "replica_methods", name, key))
                for key, value in words.items()
                if value
            }
        data["basebackup"] = [
            {"checkpoint": because("fast", "a new standby does not wait for the next timed checkpoint")}
        ]
        if section.basebackup_rate is not None:
            data["basebackup"].append(
                {"max-rate": Sourced(f"{section.basebackup_rate // 1024}k", site.origin("patroni", "basebackup_rate"))}
            )
        waldir = server.detail("wal_dir")
        if waldir.value:
            data["basebackup"].append({"waldir": waldir})
        data["pg_hba"] = self.hba
        if self.ident:
            data["pg_ident"] = self.ident
        return self.with_raw(data, self.raw.get("postgresql") or {}, "postgresql")

    def _login(self, purpose: str, held: Certificate | None) -> dict[str, Any]:
        """Return how Patroni logs in; passwords come from the environment."""
        words: dict[str, Any] = {"username": layout.role(self.section, self.site, purpose)}
        if held is not None and purpose != "superuser":
            words |= {
                "sslmode": Sourced("verify-full", held.origin),
                "sslrootcert": Sourced(held.authority_file, held.origin),
                "sslcert": Sourced(held.certificate_file, held.origin),
                "sslkey": Sourced(held.key_file, held.origin),
            }
        return words


def store(cluster: Cluster, held: Certificate | None) -> dict[str, Any]:
    """Return how the DCS is reached. An external store may name certificate files of its own in its details."""
    endpoints = cluster.facts.all(Endpoint, "dcs.client")
    data: dict[str, Any] = {"hosts": [Sourced(each.location, each.origin) for each in endpoints]}
    first = endpoints[0] if endpoints else None
    if first is None or first.scheme != "https":
        return data
    data["protocol"] = Sourced("https", first.origin)
    files = (
        {"cacert": held.authority_file, "cert": held.certificate_file, "key": held.key_file} if held is not None else {}
    )
    for name in ("cacert", "cert", "key"):
        value = first.detail(name) or files.get(name, "")
        if value:
            data[name] = Sourced(value, first.origin if first.detail(name) or held is None else held.origin)
    return data
