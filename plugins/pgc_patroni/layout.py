"""What follows from the section at once: names, paths, the replication mode. Everything carries its origin."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pgc.cluster import Host, Site
from pgc.diagnostics import Path
from pgc.facts import Certificate, Endpoint, Facts
from pgc.provenance import Origin, Sourced, because
from pgc_patroni.section import HostTags, PatroniSection

ROLE = "database"
FILE = "/etc/patroni/patroni.yml"
SECRETS = "/etc/patroni/secrets.env"
USER = "postgres"
CTL = f"patronictl -c {FILE}"

ROLE_NAMES = {"superuser": "postgres", "replication": "replicator", "rewind": "rewind"}
LEAST_TTL_S = 20
DATA_LOSS = Path(("objectives", "data_loss"))
NO_TAGS = HostTags.model_validate({})


def members(site: Site) -> tuple[Host, ...]:
    """Return the hosts that run PostgreSQL, by name."""
    return site.with_role(ROLE)


def scope(section: PatroniSection, site: Site) -> Sourced:
    """Return the cluster's name in the DCS: environments that share a store must not meet there."""
    if section.scope is not None:
        return site.sourced(section, "patroni", "scope")
    if site.environment:
        return because(
            f"{site.name}-{site.environment}", "the cluster's name and its environment's", Path(("metadata", "name"))
        )
    return because(site.name, "the cluster's name", Path(("metadata", "name")))


def role_name(section: PatroniSection, purpose: str) -> str:
    """Return the name of one of the three roles."""
    name: str | None = getattr(section.roles, purpose).name
    return name or ROLE_NAMES[purpose]


def role(section: PatroniSection, site: Site, purpose: str) -> Sourced:
    """Return the name of one of the three roles, with its origin."""
    return Sourced(role_name(section, purpose), site.origin("patroni", "roles", purpose, "name"))


def reference(section: PatroniSection, site: Site, name: str) -> str:
    """Return the reference to one of the secrets: superuser, replication, rewind, rest."""
    given: str | None = section.rest.secret if name == "rest" else getattr(section.roles, name).secret
    return given or site.secret(name)


def certificate(host: str, known: Facts) -> Certificate | None:
    """Return the certificate that a host holds for itself, or None."""
    return next((each for each in known.on(host, Certificate) if each.name == "host"), None)


# ── replication ──────────────────────────────────────────────────────────────────────────────────────────────────────


def mode(section: PatroniSection, site: Site) -> Sourced:
    """Return "quorum", "on" or "off".

    An amount of loss that asynchronous replication cannot keep, even with the shortest lock, asks for synchronous replication too:
    what the leader wrote during the last ttl may be lost there.
    """
    if section.synchronous.mode is not None:
        return site.sourced(section, "patroni", "synchronous", "mode")
    allowed = site.objectives.data_loss
    synchronous = "on" if section.version == "3.3" else "quorum"
    if allowed == "none":
        return because(synchronous, "nothing that was acknowledged may be lost", DATA_LOSS)
    if allowed < LEAST_TTL_S * site.objectives.wal_rate:
        return because(
            synchronous,
            f"asynchronous replication may lose what is written in {LEAST_TTL_S} s, and that is more than data_loss allows",
            DATA_LOSS,
            Path(("objectives", "wal_rate")),
        )
    return because("off", "data_loss allows asynchronous replication", DATA_LOSS)


def strict(section: PatroniSection, site: Site) -> Sourced:
    """Say whether writes wait when no synchronous standby is left."""
    if section.synchronous.strict is not None:
        return site.sourced(section, "patroni", "synchronous", "strict")
    return because(
        mode(section, site).value != "off" and site.objectives.data_loss == "none",
        "nothing that was acknowledged may be lost",
        DATA_LOSS,
    )


def rebuild(section: PatroniSection, site: Site) -> Sourced:
    """Say whether a data directory that cannot be rewound is thrown away."""
    if section.rebuild_after_failed_rewind is not None:
        return site.sourced(section, "patroni", "rebuild_after_failed_rewind")
    return because(
        False, "a diverged directory may hold the only copy of what was acknowledged (after a forced failover): people decide"
    )


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def tags_of(section: PatroniSection, host: Host) -> HostTags:
    """Return what the manifest says of a host."""
    return section.hosts.get(host.name, NO_TAGS)


def may_lead(given: HostTags) -> bool:
    """Say whether a host with these tags takes part in an election."""
    return not given.nofailover and given.failover_priority != 0


def may_confirm(given: HostTags) -> bool:
    """Say whether a host with these tags can be a synchronous standby."""
    return not given.nosync and given.sync_priority != 0 and not given.nostream


def preferred_datacenter(section: PatroniSection, site: Site) -> Sourced | None:
    """Return the data centre whose hosts lead rather than others; None where there is only one."""
    counts = Counter(host.datacenter for host in members(site))
    if len(counts) < 2:
        return None
    if section.preferred_datacenter is not None:
        return site.sourced(section, "patroni", "preferred_datacenter")
    name = min(counts, key=lambda each: (-counts[each], each))
    return because(name, "the data centre with most database hosts", Path(("hosts",)))


def tags(section: PatroniSection, site: Site, host: Host, preferred: Sourced | None) -> dict[str, Any]:
    """Return a host's tags as Patroni wants them: a word that says the default is left out.

    Where several data centres have hosts, the preferred one's lead among equally caught-up ones; under quorum commit
    Patroni knows no priority (docs/yaml_configuration.rst, tags).
    """
    given = tags_of(section, host)
    found: dict[str, Any] = {}
    for name in (
        "nofailover",
        "failover_priority",
        "nosync",
        "sync_priority",
        "noloadbalance",
        "clonefrom",
        "replicatefrom",
        "nostream",
    ):
        value = getattr(given, name)
        if value not in (False, None):
            found[name] = Sourced(value, site.origin("patroni", "hosts", host.name, name))
    if (
        preferred is not None
        and mode(section, site).value != "quorum"
        and "nofailover" not in found
        and "failover_priority" not in found
    ):
        found["failover_priority"] = Sourced(2 if host.datacenter == preferred.value else 1, preferred.origin)
    for name, value in sorted(given.custom.items()):
        found[name] = Sourced(value, site.origin("patroni", "hosts", host.name, "custom", name))
    return found


# ── PostgreSQL on the hosts ──────────────────────────────────────────────────────────────────────────────────────────

OLDEST = 15
DEFAULTS = {
    "socket_dir": "/var/run/postgresql",
    "encoding": "UTF8",
    "locale_provider": "libc",
    "locale": "C.UTF-8",
    "checksums": "yes",
}


class Server:
    """PostgreSQL on one host, as whoever installs it describes it; what it leaves out is where Debian's packages have it."""

    def __init__(self, host: Host, known: Facts) -> None:
        endpoint = next(iter(known.on(host.name, Endpoint, "pg.sql")), None)
        self.origin = endpoint.origin if endpoint else Origin((), "where Debian's packages have it")
        self.port = endpoint.port if endpoint else 5432
        self.details = dict(endpoint.details) if endpoint else {}

    @property
    def major(self) -> int:
        """The major version."""
        version = self.details.get("version", "").split(".")[0]
        return int(version) if version.isdigit() else OLDEST

    def detail(self, name: str) -> Sourced:
        """Return one of its details."""
        debian = {
            "bin_dir": f"/usr/lib/postgresql/{self.major}/bin",
            "data_dir": f"/var/lib/postgresql/{self.major}/main",
        }
        return Sourced(self.details.get(name) or DEFAULTS.get(name) or debian.get(name, ""), self.origin)

    @property
    def key(self) -> tuple[Any, ...]:
        """Hosts with the same key have the same paths."""
        return (self.port, *self.details.values())
