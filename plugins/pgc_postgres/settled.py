"""The parameters as they were settled, read the way PostgreSQL reads them."""

from __future__ import annotations

from typing import Any

from pgc.cluster import Cluster, Host
from pgc.facts import MemoryClaim, Parameter
from pgc.provenance import Origin
from pgc.terms import Term
from pgc_postgres.by_hand import unit_bytes
from pgc_postgres.catalogue import ParameterSpec, ValueRefused, load, parse_value
from pgc_postgres.sizing import Demand, Machine, Memory


class Settled:
    """Parameters by name and host, in canonical form; what a cluster does not set has PostgreSQL's default."""

    def __init__(self, cluster: Cluster) -> None:
        self.catalogue = load(cluster.section.version)
        self.facts: dict[str, dict[str, Parameter]] = {}
        self._read: dict[tuple[str, Any], Any] = {}
        for fact in cluster.facts.all(Parameter):
            self.facts.setdefault(fact.name, {})[fact.host] = fact

    def fact(self, name: str, host: str = "") -> Parameter | None:
        """Return the fact that decides a parameter on a host, or None."""
        found = self.facts.get(name)
        return (found.get(host) or found.get("")) if found else None

    def origin(self, name: str, host: str = "") -> Origin:
        """Return where a parameter's value comes from."""
        fact = self.fact(name, host)
        return fact.origin if fact else Origin((), "PostgreSQL's default")

    def value(self, name: str, host: str = "") -> Any:
        """Return a parameter in base units, or PostgreSQL's default; None where this version has no such parameter."""
        spec = self.catalogue.parameters.get(name)
        if spec is None:
            return None
        fact = self.fact(name, host)
        given = fact.value if fact else spec.boot_val
        key = name, given
        if key not in self._read:
            self._read[key] = _canonical(spec, given)
        return self._read[key]

    def number(self, name: str, host: str = "") -> int:
        """Return a parameter as a plain number, bytes where it counts memory; 0 where this version has none."""
        value = self.value(name, host)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return 0
        spec: ParameterSpec = self.catalogue.parameters[name]
        return int(value * unit_bytes(spec)) if value > 0 else int(value)

    def demand(self, workload: str) -> Demand:
        """Return what the settled parameters ask of each host."""
        number = self.number
        return Demand(
            connections=number("max_connections"),
            walsenders=number("max_wal_senders"),
            worker_processes=number("max_worker_processes"),
            parallel_workers=max(
                [number("max_parallel_workers", host) for host in self.facts.get("max_parallel_workers", {"": None})]
            ),
            autovacuum_workers=number("autovacuum_max_workers"),
            locks=number("max_locks_per_transaction"),
            workload=workload,
            major=self.catalogue.major,
            logical=self.value("wal_level") == "logical",
        )

    def memory(self, host: Host) -> Memory:
        """Return the memory parameters of a host in bytes."""
        maintenance = self.number("maintenance_work_mem", host.name)
        vacuum = self.number("autovacuum_work_mem", host.name)
        return Memory(
            self.number("shared_buffers", host.name),
            self.number("work_mem", host.name),
            maintenance,
            vacuum if vacuum > 0 else maintenance,
        )


def _canonical(spec: ParameterSpec, given: Any) -> Any:
    try:
        return parse_value(spec, given) if given is not None else None
    except ValueRefused:
        return parse_value(spec, spec.boot_val) if spec.boot_val is not None else None


def machine(cluster: Cluster, host: Host) -> Machine:
    """Return a host with what others claim on it, once everything is settled."""
    others = 0
    for claim in cluster.facts.on(host.name, MemoryClaim):
        if claim.origin.plugin != cluster.plugin and not isinstance(claim.claim_bytes, Term):
            others += int(claim.claim_bytes)
    return Machine(host.memory_bytes, host.cores, others)
