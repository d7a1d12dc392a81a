"""What the manifest passes as it is, judged by the keys that the release itself knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pgc.cluster import Cluster
from pgc.diagnostics import Finding, Path
from pgc_patroni import catalogue
from pgc_patroni.codes import PAT030, PAT031, PAT032, PAT033, PAT034

RAW = Path(("patroni", "raw"))
SECRET_KEYS = frozenset(("password", "keyfile_password", "sslpassword", "key_password", "token"))

OWNED: dict[str, dict[str, str]] = {
    "dynamic": {
        "ttl": "patroni.ttl",
        "loop_wait": "patroni.loop_wait",
        "retry_timeout": "patroni.retry_timeout",
        "primary_start_timeout": "patroni.primary_start_timeout",
        "master_start_timeout": "patroni.primary_start_timeout",
        "primary_stop_timeout": "patroni.primary_stop_timeout",
        "master_stop_timeout": "patroni.primary_stop_timeout",
        "maximum_lag_on_failover": "patroni.maximum_lag_on_failover",
        "maximum_lag_on_syncnode": "patroni.synchronous.maximum_lag",
        "synchronous_mode": "patroni.synchronous.mode",
        "synchronous_mode_strict": "patroni.synchronous.strict",
        "synchronous_node_count": "patroni.synchronous.nodes",
        "failsafe_mode": "patroni.failsafe",
        "member_slots_ttl": "patroni.member_slots_ttl",
        "slots": "patroni.slots",
        "permanent_slots": "patroni.slots",
        "permanent_replication_slots": "patroni.slots",
        "ignore_slots": "patroni.ignore_slots",
        "pause": "it with patronictl pause: it is a state, not a setting",
        "postgresql.parameters": "postgres.parameters",
        "postgresql.pg_hba": "postgres.hba",
        "postgresql.pg_ident": "postgres.ident",
        "postgresql.recovery_conf": "postgres.parameters",
        "postgresql.use_slots": "nothing: slots keep the WAL that members need",
        "postgresql.use_pg_rewind": "nothing: a former leader must rejoin",
    },
    "local": {
        "scope": "patroni.scope",
        "namespace": "patroni.namespace",
        "name": "the host's name under hosts:",
        "restapi.listen": "hosts.<name>.address and patroni.rest.port",
        "restapi.connect_address": "hosts.<name>.address and patroni.rest.port",
        "restapi.allowlist": "patroni.rest.allow",
        "etcd3.hosts": "the role dcs, or external:",
        "etcd3.host": "the role dcs, or external:",
        "bootstrap": "it below raw.dynamic",
        "log.level": "patroni.log_level",
        "tags": "patroni.hosts",
        "watchdog.mode": "patroni.watchdog.mode",
        "watchdog.device": "patroni.watchdog.device",
        "watchdog.safety_margin": "patroni.watchdog.safety_margin",
        "postgresql.listen": "hosts.<name>.address and postgres.port",
        "postgresql.connect_address": "hosts.<name>.address and postgres.port",
        "postgresql.data_dir": "postgres.data_dir",
        "postgresql.bin_dir": "postgres.bin_dir",
        "postgresql.parameters": "postgres.parameters",
        "postgresql.pg_hba": "postgres.hba",
        "postgresql.pg_ident": "postgres.ident",
        "postgresql.recovery_conf": "postgres.parameters",
        "postgresql.authentication.superuser.username": "patroni.roles.superuser.name",
        "postgresql.authentication.replication.username": "patroni.roles.replication.name",
        "postgresql.authentication.rewind.username": "patroni.roles.rewind.name",
        "postgresql.create_replica_methods": "patroni.replica_methods",
        "postgresql.basebackup": "patroni.basebackup_rate",
        "postgresql.remove_data_directory_on_rewind_failure": "patroni.rebuild_after_failed_rewind",
        "postgresql.remove_data_directory_on_diverged_timelines": "patroni.rebuild_after_failed_rewind",
    },
}
"""Keys that the manifest has a setting of its own for, and which."""


def check(cluster: Cluster) -> Iterator[Finding]:
    """Yield every objection to what is passed as it is."""
    release = catalogue.of(cluster.section.version)
    trees = {"local": release.keys, "dynamic": release.keys["bootstrap"]["dcs"]}
    for layer, given in cluster.section.raw.items():
        if layer not in trees or not isinstance(given, Mapping):
            yield PAT033.at(RAW / layer, key=layer)
            continue
        yield from _walk(given, trees[layer], layer, RAW / layer, (), release.version)


def _walk(
    given: Mapping[str, Any], tree: Mapping[str, Any], layer: str, at: Path, above: tuple[str, ...], version: str
) -> Iterator[Finding]:
    for key, value in given.items():
        name, place = ".".join((*above, str(key))), at / key
        if key in SECRET_KEYS:
            yield PAT032.at(place, key=name)
        elif name in OWNED[layer]:
            yield PAT031.at(place, key=name, instead=OWNED[layer][name])
        elif key not in tree and "*" not in tree:
            close = get_close_matches(str(key), tree, 1)
            yield PAT030.at(
                place, key=name, layer=layer, version=version, hint=f"; did you mean {close[0]}?" if close else ""
            )
        elif not isinstance(value, Mapping) and isinstance(tree.get(key), Mapping) and "*" not in tree[key]:
            known = ", ".join(sorted(tree[key])[:5])
            yield PAT034.at(place, key=name, given="nothing" if value is None else f"`{value}`", known=f"{known}, …")
        elif isinstance(value, Mapping):
            yield from _walk(
                value, tree.get(key, tree.get("*")) or {"*": None}, layer, place, (*above, str(key)), version
            )
