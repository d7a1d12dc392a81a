"""The parameters that the manifest sets by hand: which they are, how they are read, and which belong to somebody else."""

from __future__ import annotations

from typing import Any

from pgc.terms import Number
from pgc_postgres.catalogue import Catalogue, ParameterSpec, ValueRefused, format_value, load, parse_value
from pgc_postgres.section import PostgresSection


def given(section: PostgresSection) -> dict[str, tuple[str, Any]]:
    """Return the parameters of the manifest that this version knows: name → (the key as it is written, its value).

    PostgreSQL takes a name in any case, and a few by a former name.
    """
    catalogue = load(section.version)
    found: dict[str, tuple[str, Any]] = {}
    for key, value in section.parameters.items():
        spec = catalogue.find(key)
        if spec is not None:
            found.setdefault(spec.name, (key, value))
    return found


def read_by_hand(catalogue: Catalogue, name: str, value: Any) -> tuple[ParameterSpec, Any] | None:
    """Return a parameter of the manifest as a fact carries it, or None where PostgreSQL would refuse it."""
    spec = catalogue.find(name)
    if spec is None or spec.context == "internal" or not spec.in_file:
        return None
    try:
        canonical = parse_value(spec, value)
    except ValueRefused:
        return None
    if isinstance(canonical, bool | str) or (
        spec.unit is None and spec.name not in ("log_file_mode", "unix_socket_permissions")
    ):
        return spec, canonical
    return spec, format_value(spec, canonical)


def number_of(section: PostgresSection, name: str, derived: Number) -> int:
    """Return a count that the manifest may set by hand."""
    return int(number(section, name, derived) or 0)


def number(section: PostgresSection, name: str, default: Number | None = None) -> Number | None:
    """Return a numeric parameter of the manifest in bytes (or as a plain number), or the default where it sets none or a wrong one."""
    found = given(section).get(name) if section.parameters else None
    if found is None:
        return default
    spec = load(section.version).parameters[name]
    try:
        value = parse_value(spec, found[1])
    except ValueRefused:
        return default
    if not isinstance(value, int | float):
        return default
    return value * unit_bytes(spec) if value > 0 else value


def unit_bytes(spec: ParameterSpec) -> int:
    """Return how many bytes a base unit has; 1 where the parameter counts something else."""
    return {"B": 1, "kB": 1024, "8kB": 8192, "16kB": 16384, "32kB": 32768, "MB": 1024**2}.get(spec.unit or "", 1)


OWNED: dict[str, str] = {
    "listen_addresses": "the HA layer sets it from the host's address",
    "port": "set postgres.port",
    "cluster_name": "the HA layer sets it from metadata.name",
    "hot_standby": "the HA layer needs replicas that answer",
    "data_directory": "set postgres.data_dir",
    "config_file": "the HA layer writes the configuration",
    "hba_file": "use postgres.hba; the HA layer writes the file",
    "ident_file": "use postgres.ident; the HA layer writes the file",
    "external_pid_file": "the HA layer finds the server by its data directory",
    "unix_socket_directories": "set postgres.socket_dir",
    "log_directory": "set postgres.log_dir",
    "primary_conninfo": "the HA layer points it at the leader of the moment",
    "primary_slot_name": "the HA layer names the slots",
    "synchronous_standby_names": "the HA layer chooses the synchronous replicas of the moment",
    "synchronized_standby_slots": "the HA layer names the slots",
    "recovery_target": "a restore sets it",
    "recovery_target_action": "a restore sets it",
    "recovery_target_inclusive": "a restore sets it",
    "recovery_target_lsn": "a restore sets it",
    "recovery_target_name": "a restore sets it",
    "recovery_target_time": "a restore sets it",
    "recovery_target_timeline": "the HA layer follows the latest timeline",
    "recovery_target_xid": "a restore sets it",
    "promote_trigger_file": "the HA layer promotes",
    "max_standby_streaming_delay": "it takes part in the failover time: the HA layer settles it from the objective",
    "shared_preload_libraries": "use postgres.preload; extensions bring their own libraries",
    "ssl": "it follows from the hosts' certificates",
    "ssl_cert_file": "it follows from the hosts' certificates",
    "ssl_key_file": "it follows from the hosts' certificates",
    "ssl_ca_file": "it follows from the hosts' certificates",
    "password_encryption": "other methods store what can be used to log in",
}
"""Parameters that another setting or another layer decides, and what to do instead."""
