"""The catalogues are what the releases know, and the schemas follow from them."""

from __future__ import annotations

import importlib.metadata
import runpy
from pathlib import Path
from typing import Any

import pytest

import pgc_patroni
from pgc_patroni import catalogue
from pgc_patroni.checks import parameters, raw
from tests.plugins.patroni.conftest import real

FOLDER = Path(pgc_patroni.__file__).parent
VERSIONS = ("3.3", "4.0", "4.1")


def test_the_committed_schemas_are_what_the_script_writes() -> None:
    script = runpy.run_path(str(FOLDER / "schemas" / "write_schemas.py"))
    for name, schema in script["schemas"]().items():
        assert (FOLDER / "schemas" / name).read_text() == script["text"](schema), (
            f"run plugins/pgc_patroni/schemas/write_schemas.py for {name}"
        )


@pytest.mark.parametrize("version", VERSIONS)
def test_the_keys_that_the_manual_names_are_known(version: str) -> None:
    """Source: docs/dynamic_configuration.rst and docs/yaml_configuration.rst."""
    keys = catalogue.of(version).keys
    dynamic = keys["bootstrap"]["dcs"]
    assert {
        "ttl",
        "failsafe_mode",
        "check_timeline",
        "slots",
        "ignore_slots",
        "standby_cluster",
        "max_timelines_history",
        "synchronous_node_count",
    } <= set(dynamic)
    assert {
        "use_unix_socket", "use_unix_socket_repl", "pgpass", "callbacks", "recovery_conf", "custom_conf", "pre_promote", "before_stop",
        "remove_data_directory_on_rewind_failure", "remove_data_directory_on_diverged_timelines", "create_replica_methods", "basebackup",
    } <= set(keys["postgresql"])  # fmt: skip
    assert not {"listen", "data_dir", "authentication"} & set(dynamic["postgresql"])
    assert "loggers" in keys["log"] and "sslmode" in keys["postgresql"]["authentication"]["rewind"]


def test_what_changed_between_releases_is_seen() -> None:
    old, middle, new = map(catalogue.of, VERSIONS)
    assert "member_slots_ttl" not in old.keys["bootstrap"]["dcs"]
    assert "member_slots_ttl" in middle.keys["bootstrap"]["dcs"]
    assert "server_tokens" not in middle.keys["restapi"] and "server_tokens" in new.keys["restapi"]
    assert "patroni_master" in old.metrics and "patroni_master" not in middle.metrics
    assert "patroni_postgres_state" in new.metrics


@pytest.mark.parametrize("version", VERSIONS)
def test_parameters_that_patroni_owns(version: str) -> None:
    release = catalogue.of(version)
    assert release.never == {"listen_addresses", "port", "cluster_name", "hot_standby"}
    assert {
        "max_connections",
        "wal_level",
        "max_wal_senders",
        "wal_keep_size",
        "track_commit_timestamp",
        "wal_log_hints",
    } <= release.dynamic_only
    assert release.owned["max_connections"]["min"] == 25
    assert release.never <= set(parameters.MANAGED)


@pytest.mark.parametrize(
    ("version", "name", "major", "known"),
    [
        ("4.0", "io_method", 18, True),
        ("4.0", "io_method", 17, False),
        ("3.3", "io_method", 18, True),  # Patroni does not know it, PostgreSQL describes it
        ("4.0", "summarize_wal", 17, True),
        ("4.0", "summarize_wal", 16, False),
        ("4.0", "shared_bufers", 17, False),
        ("4.0", "pg_stat_statements.max", 17, True),
        ("4.0", "restore_command", 15, True),
        ("4.1", "autovacuum_max_workers", 15, True),
    ],
)
def test_patroni_passes_on_what_it_or_the_server_knows(version: str, name: str, major: int, known: bool) -> None:
    assert catalogue.of(version).knows(name, major) is known


@pytest.mark.parametrize(
    ("name", "major", "unit"),
    [("shared_buffers", 17, "8kB"), ("work_mem", 15, "kB"), ("checkpoint_timeout", 18, "s"), ("jit", 17, "")],
)
def test_units_are_postgresqls(name: str, major: int, unit: str) -> None:
    assert catalogue.of("4.0").unit(name, major) == unit


def test_the_installed_patroni_agrees_with_its_catalogue() -> None:
    """Reads the release that is installed here with the same script, and compares what matters."""
    validator = real("patroni.validator")
    config = real("patroni.postgresql.config")
    minor = ".".join(importlib.metadata.version("patroni").split(".")[:2])
    if minor not in VERSIONS:
        pytest.skip(f"no catalogue of Patroni {minor}")
    release = catalogue.of(minor)
    options: dict[str, Any] = dict(config.ConfigHandler.CMDLINE_OPTIONS.items())
    assert set(release.owned) == set(options)
    for name, (_, check, _) in options.items():
        assert release.owned[name].get("min") == (getattr(check, "min", None) or None), name
    known = {
        getattr(key, "name", key) for key in validator.schema.validator if isinstance(getattr(key, "name", key), str)
    }
    assert known - {"consul", "etcd", "exhibitor", "kubernetes", "raft", "zookeeper"} <= set(release.keys)


@pytest.mark.parametrize("layer", ["local", "dynamic"])
def test_every_key_that_the_manifest_has_a_setting_for_is_a_key_of_patroni(layer: str) -> None:
    for name in raw.OWNED[layer]:
        found = False
        for version in VERSIONS:
            tree: Any = (
                catalogue.of(version).keys if layer == "local" else catalogue.of(version).keys["bootstrap"]["dcs"]
            )
            for part in name.split("."):
                if not isinstance(tree, dict) or part not in tree:
                    break
                tree = tree[part]
            else:
                found = True
        assert found or name.startswith("postgresql.use_slots"), name
