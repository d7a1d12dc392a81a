"""Write the JSON Schemas of patroni.yml and of the dynamic configuration: our demands on what pgc writes, in Patroni's tree of keys.

    python plugins/pgc_patroni/schemas/write_schemas.py

A key that some release of the catalogue knows is allowed, because `raw` may pass it; what it may hold is said for the keys that pgc writes.
The tests hold the committed files against this script.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VERSIONS = ("3.3", "4.0", "4.1")
Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
WORD: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]*$"}
FILE: Schema = {"type": "string", "pattern": "^/"}
SWITCH: Schema = {"type": "boolean"}
LOCATION: Schema = {"type": "string", "pattern": "^[^ ]+:[0-9]{1,5}$"}
SCALAR: Schema = {"type": ["string", "integer", "number", "boolean", "null"]}
LINES: Schema = {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[^\\x00-\\x1f\\x7f]+$"}}
OPTIONS: Schema = {"type": "array", "items": {"anyOf": [TEXT, {"type": "object", "minProperties": 1}]}}


def seconds(least: int) -> Schema:
    """A whole number of seconds."""
    return {"type": "integer", "minimum": least}


PARAMETERS: Schema = {
    "type": "object",
    "patternProperties": {"^[A-Za-z_][A-Za-z0-9_.$]*$": SCALAR},
    "additionalProperties": False,
}
LOGIN: Schema = {
    "username": TEXT,
    "sslmode": {"enum": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]},
    "sslrootcert": FILE,
    "sslcert": FILE,
    "sslkey": FILE,
}
SLOT: Schema = {"type": {"enum": ["physical", "logical"]}, "database": TEXT, "plugin": WORD}

DYNAMIC: Schema = {
    "ttl": seconds(20),
    "loop_wait": seconds(1),
    "retry_timeout": seconds(3),
    "primary_start_timeout": seconds(0),
    "primary_stop_timeout": seconds(0),
    "maximum_lag_on_failover": {"type": "integer", "minimum": 0},
    "maximum_lag_on_syncnode": {"type": "integer", "minimum": -1},
    "synchronous_mode": {"enum": [True, False, "quorum"]},
    "synchronous_mode_strict": SWITCH,
    "synchronous_node_count": {"type": "integer", "minimum": 1},
    "failsafe_mode": SWITCH,
    "check_timeline": SWITCH,
    "member_slots_ttl": {"type": ["string", "integer"]},
    "postgresql": {"use_pg_rewind": SWITCH, "use_slots": SWITCH, "parameters": PARAMETERS, "recovery_conf": PARAMETERS},
    "ignore_slots": {
        "type": "array",
        "items": {"type": "object", "properties": {"name": WORD, **SLOT}, "additionalProperties": False},
    },
}
REQUIRED_DYNAMIC = [
    "ttl",
    "loop_wait",
    "retry_timeout",
    "primary_start_timeout",
    "maximum_lag_on_failover",
    "synchronous_mode",
    "failsafe_mode",
    "postgresql",
]

LOCAL: Schema = {
    "scope": WORD,
    "namespace": {"type": "string", "pattern": "^/[^/]+/$"},
    "name": WORD,
    "log": {"level": {"enum": ["DEBUG", "INFO", "WARNING", "ERROR"]}},
    "ctl": {"insecure": {"const": False}, "cacert": FILE, "certfile": FILE, "keyfile": FILE},
    "restapi": {
        "listen": LOCATION,
        "connect_address": LOCATION,
        "certfile": FILE,
        "keyfile": FILE,
        "cafile": FILE,
        "verify_client": {"enum": ["optional", "required"]},
        "allowlist": {"type": "array", "items": TEXT},
        "allowlist_include_members": SWITCH,
    },
    "etcd3": {
        "hosts": {"type": "array", "minItems": 1, "items": LOCATION},
        "protocol": {"enum": ["http", "https"]},
        "cacert": FILE,
        "cert": FILE,
        "key": FILE,
    },
    "postgresql": {
        "listen": LOCATION,
        "connect_address": LOCATION,
        "bin_dir": FILE,
        "data_dir": FILE,
        "pgpass": FILE,
        "use_unix_socket": SWITCH,
        "use_unix_socket_repl": SWITCH,
        "authentication": {"superuser": LOGIN, "replication": LOGIN, "rewind": LOGIN},
        "remove_data_directory_on_rewind_failure": SWITCH,
        "remove_data_directory_on_diverged_timelines": SWITCH,
        "create_replica_methods": {"type": "array", "minItems": 1, "items": WORD},
        "basebackup": OPTIONS,
        "pg_hba": LINES,
        "pg_ident": LINES,
        "parameters": PARAMETERS,
        "recovery_conf": PARAMETERS,
    },
    "watchdog": {
        "mode": {"enum": ["off", "automatic", "required"]},
        "device": FILE,
        "safety_margin": {"type": "integer", "minimum": -1},
    },
    "tags": {
        "type": "object",
        "properties": {
            "nofailover": SWITCH,
            "failover_priority": {"type": "integer", "minimum": 0},
            "nosync": SWITCH,
            "sync_priority": {"type": "integer", "minimum": 0},
            "noloadbalance": SWITCH,
            "clonefrom": SWITCH,
            "replicatefrom": WORD,
            "nostream": SWITCH,
        },
        "additionalProperties": SCALAR,
    },
}
REQUIRED_LOCAL = ["scope", "namespace", "name", "restapi", "etcd3", "bootstrap", "postgresql", "watchdog"]
REQUIRED_BELOW = {
    "restapi": ["listen", "connect_address", "allowlist"],
    "etcd3": ["hosts"],
    "postgresql": [
        "listen",
        "connect_address",
        "bin_dir",
        "data_dir",
        "authentication",
        "pg_hba",
        "create_replica_methods",
    ],
    "authentication": ["superuser", "replication", "rewind"],
}
METHOD: Schema = {
    "type": "object",
    "properties": {
        "command": {"type": "string", "pattern": "^/"},
        "keep_data": SWITCH,
        "no_leader": SWITCH,
        "no_params": SWITCH,
    },
    "required": ["command"],
    "additionalProperties": SCALAR,
}


def build(ours: Schema, known: Schema) -> Schema:
    """Return the schema of a mapping: our demands where we have some, anything for the other keys that Patroni knows."""
    properties: Schema = {}
    for key in sorted({*ours, *known}):
        own, below = ours.get(key), known.get(key)
        if isinstance(own, dict) and not _is_schema(own):
            properties[key] = build(own, below if isinstance(below, dict) else {})
            if key in REQUIRED_BELOW and not (key == "postgresql" and "use_slots" in own):
                properties[key]["required"] = REQUIRED_BELOW[key]
        elif own is not None:
            properties[key] = own
        elif isinstance(below, dict) and "*" not in below:
            properties[key] = build({}, below) if below else {}
        else:
            properties[key] = {}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _is_schema(node: Schema) -> bool:
    kind = node.get("type")
    return bool({"enum", "const", "anyOf", "pattern"} & node.keys()) or (isinstance(kind, str | list))


def merged(trees: list[Schema]) -> Schema:
    """Return a tree with the keys of all."""
    result: Schema = {}
    for tree in trees:
        for key, below in tree.items():
            before = result.get(key)
            result[key] = (
                merged([before, below])
                if isinstance(before, dict) and isinstance(below, dict)
                else (below if before is None else before)
            )
    return result


def schemas() -> dict[str, Schema]:
    """Return both schemas, by file name."""
    keys = merged(
        [
            json.loads((HERE.parent / "catalogue" / f"patroni-{version}.json").read_text())["keys"]
            for version in VERSIONS
        ]
    )
    known = keys.pop("bootstrap")["dcs"]
    for stray in ("slots", "ignore_slots"):
        keys.pop(stray, None)
    dynamic = build(DYNAMIC, known)
    slots = {"type": "object", "properties": SLOT, "required": ["type"], "additionalProperties": SCALAR}
    dynamic["properties"]["slots"] = {
        "type": "object",
        "patternProperties": {"^[a-z0-9_]{1,63}$": slots},
        "additionalProperties": False,
    }
    dynamic["required"] = REQUIRED_DYNAMIC
    local = build(LOCAL, keys)
    local["properties"]["bootstrap"] = {
        "type": "object",
        "properties": {"dcs": {"$ref": "#/$defs/dynamic"}, "initdb": OPTIONS},
        "required": ["dcs", "initdb"],
        "additionalProperties": False,
    }
    local["properties"]["postgresql"]["additionalProperties"] = METHOD
    local["required"] = REQUIRED_LOCAL
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {
        "patroni.yml.schema.json": {
            **head,
            "title": "patroni.yml as pgc writes it",
            **local,
            "$defs": {"dynamic": dynamic},
        },
        "patroni.dynamic.schema.json": {**head, "title": "Patroni's dynamic configuration as pgc writes it", **dynamic},
    }


def text(schema: Schema) -> str:
    """Write a schema out."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, schema in schemas().items():
        (HERE / name).write_text(text(schema))
