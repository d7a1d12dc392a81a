"""What is written is what Patroni reads, in every supported version, and every line knows where it comes from."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import pgc_patroni
from pgc import pipeline
from pgc.artifact import Setting
from pgc.provenance import Sourced
from pgc.readers import read_env, read_ini, read_yaml
from pgc_patroni.bodies import Pieces
from tests.plugins.patroni.conftest import HOSTS, Compiled, content, dynamic, local, manifest
from tests.plugins.patroni.tiny import FILES, certificates, server

SCHEMAS = Path(pgc_patroni.__file__).parent / "schemas"
FULL = """
  log_level: DEBUG
  slots: {cdc: {type: logical, database: app, plugin: pgoutput}, keep: {}}
  ignore_slots: [{type: physical, name: backup}]
  replica_methods: {pgbackrest: {command: /usr/bin/pgbackrest --stanza=main restore, keep_data: true, no_params: true}}
  basebackup_rate: 100MB
  wal_segment_size: 64MB
  primary_start_timeout: 20s
  hosts: {pg3: {nofailover: true, clonefrom: true, custom: {rack: "07", shelf: 3}}}
  rest: {port: 8009, allow: [10.0.9.0/24]}
  raw:
    local: {restapi: {request_queue_size: 20}, log: {loggers: {urllib3: WARNING}}, postgresql: {callbacks: {on_start: /bin/true}}}
    dynamic: {max_timelines_history: 5, postgresql: {pg_ctl_timeout: 100}}
"""


@functools.cache
def schema(name: str) -> jsonschema.Draft202012Validator:
    loaded = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(loaded)
    return jsonschema.Draft202012Validator(loaded)


def unwrapped(value: Any) -> Any:
    """Return nested values without their origins, tuples as lists: what a reader of the file gets."""
    if isinstance(value, Sourced):
        return unwrapped(value.value)
    if isinstance(value, dict):
        return {key: unwrapped(each) for key, each in value.items()}
    return [unwrapped(each) for each in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("version", ["3.3", "4.0", "4.1"])
@pytest.mark.parametrize("major", [15, 16, 17, 18])
@pytest.mark.parametrize("loss", ["none", "64MB"])
def test_every_version_obeys_the_schema(compiled: Compiled, version: str, major: int, loss: str) -> None:
    text = manifest(f'{{version: "{version}"}}', f"{{failover: 60s, data_loss: {loss}}}")
    found = compiled(text, server(major, locale_provider="builtin" if major >= 17 else "libc"))
    schema("patroni.dynamic").validate(dynamic(found))
    for host in ("pg1", "pg2", "pg3"):
        schema("patroni.yml").validate(local(found, host))
        assert local(found, host)["bootstrap"]["dcs"] == dynamic(found)
    synchronous = {"none": {"3.3": True}.get(version, "quorum"), "64MB": False}[loss]
    assert dynamic(found)["synchronous_mode"] == synchronous
    assert ("member_slots_ttl" in dynamic(found)) is (version != "3.3")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_was_written_is_read_back_as_it_was(compiled: Compiled, scheme: str) -> None:
    found = compiled(
        manifest(FULL, scheme=scheme), server(17, wal_dir="/srv/wal"), *([certificates()] if scheme == "https" else [])
    )
    assert found.artifacts is not None and found.bundle is not None
    for path, (artifact, _) in found.artifacts.items():
        if artifact.format in ("patroni.yml", "patroni.dynamic"):
            body: Any = artifact.body
            assert yaml.safe_load(found.bundle.files[path].content) == unwrapped(body.data), path
            schema(artifact.format).validate(unwrapped(body.data))


@pytest.mark.parametrize("text", ["{}", FULL])
def test_every_line_has_its_origins(compiled: Compiled, text: str) -> None:
    found = compiled(manifest(text), server(17))
    assert found.artifacts is not None
    for path, (artifact, _) in found.artifacts.items():
        written, lines, _ = pipeline.trace(found, path)
        assert written == artifact.body.text(), path
        assert len(lines) == written.count("\n"), path
    _, lines, _ = pipeline.trace(found, "hosts/pg1/etc/patroni/patroni.yml")
    body = found.artifacts["hosts/pg1/etc/patroni/patroni.yml"][0].body
    assert isinstance(body, Pieces)
    at = next(index for index, line in enumerate(body.text().split("\n")) if line.strip().startswith("ttl:"))
    assert "30 s" in lines[at][0].reason or "default" in lines[at][0].reason


def test_raw_settings_reach_their_layer_and_say_so(compiled: Compiled) -> None:
    found = compiled(manifest(FULL), server(17))
    assert local(found)["restapi"]["request_queue_size"] == 20
    assert local(found)["log"] == {"level": "DEBUG", "loggers": {"urllib3": "WARNING"}}
    assert local(found)["postgresql"]["callbacks"] == {"on_start": "/bin/true"}
    assert dynamic(found)["max_timelines_history"] == 5
    assert dynamic(found)["postgresql"]["pg_ctl_timeout"] == 100
    text, lines, _ = pipeline.trace(found, "cluster/patroni/dynamic.yml")
    at = next(index for index, line in enumerate(text.split("\n")) if "max_timelines_history" in line)
    assert [str(path) for path in lines[at][0].paths] == ["patroni.raw.dynamic.max_timelines_history"]


def test_no_password_stands_in_any_file(compiled: Compiled) -> None:
    found = compiled(manifest(FULL), server(17))
    assert found.bundle is not None
    for path, file in found.bundle.files.items():
        if not path.endswith("secrets.env"):
            assert b"password" not in file.content.lower(), path
    secrets = {setting.name: setting.value for setting in read_env(content(found, "hosts/pg1/etc/patroni/secrets.env"))}
    assert secrets == {
        "PATRONI_RESTAPI_USERNAME": "patroni",
        "PATRONI_RESTAPI_PASSWORD": "@pgc-secret:rest@",
        "PATRONI_SUPERUSER_PASSWORD": "@pgc-secret:superuser@",
        "PATRONI_REPLICATION_PASSWORD": "@pgc-secret:replication@",
        "PATRONI_REWIND_PASSWORD": "@pgc-secret:rewind@",
    }
    assert found.bundle.files["hosts/pg1/etc/patroni/secrets.env"].entry.mode == "0640"


def test_equal_files_are_one_body(compiled: Compiled) -> None:
    found = compiled(manifest(), server(17))
    assert found.artifacts is not None
    for name in (
        "etc/patroni/secrets.env",
        "etc/systemd/system/patroni.service",
        "etc/udev/rules.d/61-patroni-watchdog.rules",
    ):
        assert len({id(found.artifacts[f"hosts/{host}/{name}"][0].body) for host in ("pg1", "pg2", "pg3")}) == 1


def test_an_environment_has_a_scope_of_its_own(compiled: Compiled) -> None:
    text = manifest() + "environments: {staging: {}, production: {patroni: {scope: live}}}\n"
    assert local(compiled(text, environment="staging"))["scope"] == "orders-staging"
    assert local(compiled(text, environment="production"))["scope"] == "live"


# ── certificates ──


def test_certificates_encrypt_and_verify_every_link(compiled: Compiled) -> None:
    found = local(compiled(manifest(scheme="https"), server(17), certificates()))
    certificate, key, authority = FILES
    assert {name: found["restapi"][name] for name in ("certfile", "keyfile", "cafile", "verify_client")} == {
        "certfile": certificate, "keyfile": key, "cafile": authority, "verify_client": "optional"}  # fmt: skip
    assert found["ctl"] == {"insecure": False, "cacert": authority, "certfile": certificate, "keyfile": key}
    assert {name: found["etcd3"][name] for name in ("protocol", "cacert", "cert", "key")} == {
        "protocol": "https", "cacert": authority, "cert": certificate, "key": key}  # fmt: skip
    for role in ("replication", "rewind"):
        login = found["postgresql"]["authentication"][role]
        assert login["sslmode"] == "verify-full"
        assert (login["sslrootcert"], login["sslcert"], login["sslkey"]) == (authority, certificate, key)
    remote = [
        line for line in found["postgresql"]["pg_hba"] if not line.startswith("local") and not line.endswith("reject")
    ]
    assert remote
    assert all(line.startswith("hostssl ") and line.endswith("clientcert=verify-ca") for line in remote)


def test_without_certificates_nothing_pretends_to_be_encrypted(compiled: Compiled) -> None:
    found = local(compiled(manifest(), server(17)))
    assert "certfile" not in found["restapi"]
    assert "protocol" not in found["etcd3"]
    assert found["postgresql"]["authentication"]["replication"] == {"username": "replicator"}


# ── the unit, the watchdog, the first start ──


def test_the_unit_stops_patroni_alone_and_spares_the_postmaster(compiled: Compiled) -> None:
    found = compiled(manifest(), server(17))
    settings: list[Setting] = list(read_ini(content(found, "hosts/pg1/etc/systemd/system/patroni.service")))
    unit = {setting.name: setting.value for setting in settings}
    assert unit["Service.KillMode"] == "process"
    assert unit["Service.OOMScoreAdjust"] == "-900"
    assert unit["Service.EnvironmentFile"] == "/etc/patroni/secrets.env"
    assert {setting.value for setting in settings if setting.name.startswith("Service.Environment") and "=" in setting.value} >= {
        "PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj", "PG_OOM_ADJUST_VALUE=0"}  # fmt: skip
    assert "time-sync.target" in unit["Unit.After"]


def test_a_host_with_much_memory_may_take_longer_to_stop(compiled: Compiled) -> None:
    hosts = HOSTS.replace("memory: 8GB, zone: a", "memory: 256GB, zone: a")
    found = compiled(manifest(hosts=hosts), server(17))
    unit = {
        setting.name: setting.value
        for setting in read_ini(content(found, "hosts/pg2/etc/systemd/system/patroni.service"))
    }
    assert int(unit["Service.TimeoutStopSec"]) > 64 * 1024 // 50


@pytest.mark.parametrize(
    ("text", "files"), [("{}", 2), ("{watchdog: {module: none}}", 1), ("{watchdog: {mode: off}}", 0)]
)
def test_the_watchdog_brings_its_device_and_nothing_else(compiled: Compiled, text: str, files: int) -> None:
    found = compiled(manifest(text), server(17))
    assert found.bundle is not None
    assert sum("watchdog" in path and path.startswith("hosts/pg1/") for path in found.bundle.files) == files
    assert ("modprobe" in content(found, "hosts/pg1/etc/systemd/system/patroni.service").decode()) is (files == 2)
    assert local(found)["watchdog"]["mode"] == ("off" if files == 0 else "automatic")


@pytest.mark.parametrize(
    ("major", "details", "options"),
    [
        (
            15,
            {"locale_provider": "libc"},
            ["data-checksums", {"encoding": "UTF8"}, {"locale-provider": "libc"}, {"locale": "C.UTF-8"}],
        ),
        (17, {"locale_provider": "builtin"}, [{"builtin-locale": "C.UTF-8"}, {"locale": "C.UTF-8"}]),
        (16, {"locale_provider": "icu", "locale": "und"}, [{"locale-provider": "icu"}, {"icu-locale": "und"}]),
        (18, {"checksums": "no"}, ["no-data-checksums"]),
        (17, {"wal_dir": "/srv/wal"}, [{"waldir": "/srv/wal"}]),
    ],
)
def test_the_first_data_directory_is_made_as_described(
    compiled: Compiled, major: int, details: dict[str, str], options: list[Any]
) -> None:
    found = local(compiled(manifest(), server(major, **details)))["bootstrap"]["initdb"]
    assert all(option in found for option in options), found
    assert {"auth-host": "scram-sha-256"} in found and {"auth-local": "peer"} in found


@pytest.mark.parametrize("objectives", ["{failover: 60s, data_loss: none}", "{failover: 60s, data_loss: 64MB}"])
def test_a_diverged_directory_is_kept_because_it_may_hold_acknowledged_data(compiled: Compiled, objectives: str) -> None:
    key = "remove_data_directory_on_diverged_timelines"
    assert local(compiled(manifest(objectives=objectives), server(17)))["postgresql"][key] is False


def test_hosts_of_another_data_centre_come_second(compiled: Compiled) -> None:
    hosts = "".join(f"\n  pg{number}: {{address: 10.0.0.1{number}, zone: {zone}, datacenter: {center}}}" for number, zone, center in (
        (1, "a", "x"), (2, "b", "x"), (3, "c", "y"))) + "\n"  # fmt: skip
    found = compiled(manifest(objectives="{failover: 60s, data_loss: 64MB}", hosts=hosts), server(17))
    assert [local(found, host)["tags"] for host in ("pg1", "pg2", "pg3")] == [
        {"failover_priority": 2},
        {"failover_priority": 2},
        {"failover_priority": 1},
    ]
    under_quorum = local(compiled(manifest(hosts=hosts), server(17)), "pg3")
    assert "tags" not in under_quorum  # Patroni knows no priority there


def test_the_readers_name_every_setting_once(compiled: Compiled) -> None:
    found = compiled(manifest(FULL), server(17))
    for path in ("hosts/pg1/etc/patroni/patroni.yml", "cluster/patroni/dynamic.yml"):
        names = [setting.name for setting in read_yaml(content(found, path))]
        assert len(names) == len(set(names))
    names = [setting.name for setting in read_yaml(content(found, "hosts/pg1/etc/patroni/patroni.yml"))]
    assert "postgresql.pg_hba[local all postgres peer]" in names
