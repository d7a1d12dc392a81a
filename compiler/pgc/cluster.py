"""What plugins see: the Site while facts are given, the Cluster once everything is joined and settled. Both are frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pgc.diagnostics import Path
from pgc.facts import Facts
from pgc.manifest import Disk, External, Metadata, Objectives
from pgc.provenance import Origin, Sourced
from pgc.source import Source
from pgc.templating import Templated, Templates
from pgc.terms import Number


@dataclass(frozen=True, slots=True)
class Host:
    """A machine, with its roles worked out."""

    name: str
    address: str
    roles: frozenset[str]
    zone: str
    datacenter: str
    memory_bytes: int
    cores: int
    disks: Mapping[str, Disk]
    interface: str
    labels: Mapping[str, str]
    roles_given: bool

    @property
    def path(self) -> Path:
        """Where the manifest describes it."""
        return Path(("hosts", self.name))

    @property
    def location(self) -> str:
        """The address as it stands in a URL or an `address:port`: an IPv6 address in brackets."""
        return f"[{self.address}]" if ":" in self.address else self.address


@dataclass(frozen=True, slots=True)
class Site:
    """The envelope as plugins see it, and the manifest itself as far as it answers the question "who asked for this?"."""

    name: str
    environment: str
    metadata: Metadata
    defaults: str
    objectives: Objectives
    hosts: tuple[Host, ...]
    external: Mapping[str, External]
    source: Source

    def secret(self, name: str) -> str:
        """Return where a secret is looked for by default: a file of this cluster's, and of this environment's, own."""
        return "/".join(("file:secrets", self.name, *filter(None, (self.environment,)), name))

    def with_role(self, role: str) -> tuple[Host, ...]:
        """Return the hosts that have a role, by name."""
        return tuple(host for host in self.hosts if role in host.roles)

    def host(self, name: str) -> Host:
        """Return a host by name. Raises KeyError."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)

    def outside(self, offers: str) -> External | None:
        """Return the external thing that offers a capability, or None."""
        return next((each for each in self.external.values() if each.offers == offers), None)

    def given(self, *parts: str | int) -> bool:
        """Say whether the manifest itself has a value there."""
        return self.source.has(Path(parts))

    def origin(self, *parts: str | int, reason: str = "") -> Origin:
        """Say where the value at a manifest path comes from: the manifest, or the default with its reason."""
        where = Path(parts)
        if self.source.has(where):
            return Origin((where,), reason or "set in the manifest")
        return Origin((), reason or f"default of the set {self.defaults} (settable as {where})")

    def sourced(self, section: Any, *parts: str | int) -> Sourced:
        """Return a value of a section with its origin: `site.sourced(section, "my_plugin", "timeouts", "connect")`.

        The first part is the section's name, the others attribute names, mapping keys or indexes.
        """
        value = section
        for part in parts[1:]:
            value = getattr(value, part) if isinstance(part, str) and hasattr(value, part) else value[part]
        return Sourced(value, self.origin(*parts))


@dataclass(frozen=True, slots=True)
class Settlement:
    """A settled value: which candidate was taken and why not a better one."""

    value: Number
    unit: str
    reason: str
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """One claim inside a bound: its formula, its seconds, and whether it counts (the greatest of its stage, in the longest lane)."""

    lane: str
    stage: int
    what: str
    formula: str
    seconds: Number
    counts: bool
    why: str
    plugin: str


@dataclass(frozen=True, slots=True)
class Bound:
    """The longest that writes stop after one kind of fault; `seconds` is None where nothing bounds it, and `unbounded` says why."""

    fault: str
    seconds: Number | None
    stretches: tuple[Stretch, ...]
    unbounded: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Everything about the cluster, seen by one plugin: its own section, the envelope, all facts, all settled values."""

    plugin: str
    site: Site
    section: Any
    facts: Facts
    settled: Mapping[str, Settlement]
    bounds: tuple[Bound, ...]
    templates: Templates = field(repr=False)

    @property
    def name(self) -> str:
        return self.site.name

    def value(self, name: str) -> Sourced:
        """Return a settled value with the reason for it. Raises KeyError."""
        settled = self.settled[name]
        return Sourced(settled.value, Origin(settled.paths, settled.reason))

    def template(self, name: str, /, **values: Any) -> Templated:
        """Make a body of one of the plugin's own templates."""
        return Templated(self.templates, f"{self.plugin}/{name}", values)

    def sourced(self, *parts: str | int) -> Sourced:
        """Return a value of the plugin's own section with its origin: `cluster.sourced("timeouts", "connect")`."""
        return self.site.sourced(self.section, self.plugin, *parts)
