"""Read what a Patroni release knows from the release itself, and write it as one JSON file a minor version.

    python read_catalogue.py 3.3.11 4.0.11 4.1.5            # wheels from PyPI, each unpacked into a temporary folder
    python read_catalogue.py --wheel ./patroni-4.1.5-py3-none-any.whl
    python read_catalogue.py --servers /usr/lib/postgresql/15/bin ~/postgresql-16/bin    # writes postgresql.json

From a wheel, without importing it into this process:

* `keys`: the tree of keys that its configuration may have: the validator's schema (patroni/validator.py), the names of environment
  variables (config.py), the dynamic settings that global_config.py asks for, and whatever else its code takes from the configuration by a
  constant name (found in the syntax tree). A leaf is null; a key below which anything may stand is {"*": null}.
* `parameters`, `recovery_parameters`: the PostgreSQL parameters that it knows (available_parameters/*.yml), with the versions, unit and
  bounds that it demands: a parameter that neither this list nor the server's `--describe-config` has is dropped with a warning.
* `owned`: ConfigHandler.CMDLINE_OPTIONS, the parameters that come from the dynamic configuration alone, with their default and minimum.
* `metrics`: what /metrics exports.

From a server: the parameters of `postgres --describe-config`, which is what Patroni reads as `available_gucs`.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
Tree = dict[str, Any]

WALK = r"""
import json, re, sys
sys.path.insert(0, sys.argv[1])
from patroni import validator
from patroni.postgresql.config import ConfigHandler
from patroni.postgresql.validator import parameters, recovery_parameters
from patroni.version import __version__

def names(key):
    if isinstance(key, (validator.Or, validator.AtMostOne)):
        return [str(each) for each in key.args]
    return [key.name if isinstance(key, validator.Optional) else key]

def tree(node):
    if isinstance(node, validator.Schema):
        return tree(node.validator)
    if isinstance(node, validator.Case):
        return tree(node._schema)
    if isinstance(node, dict):
        found = {}
        for key, value in node.items():
            below = value._schema if isinstance(value, validator.Case) else None
            for name in names(key):
                if name:
                    found[name] = tree(below.get(name)) if below is not None else tree(value)
        return found
    return {"*": None} if node is dict else None

def rules(known):
    result = {}
    for name, each in known.items():
        rows = []
        for rule in each:
            row = {"type": type(rule).__name__.lower(), "from": rule.version_from, "till": rule.version_till}
            for field in ("min_val", "max_val", "unit"):
                row[field.partition("_")[0]] = getattr(rule, field, None)
            row["values"] = list(getattr(rule, "possible_values", ())) or None
            rows.append({key: value for key, value in row.items() if value is not None})
        result[name] = [row for row in rows if row.get("till", 999999) > 150000]
    return {name: rows for name, rows in result.items() if rows}

owned = {}
for name, (default, check, _) in ConfigHandler.CMDLINE_OPTIONS.items():
    row = {"default": default, "min": getattr(check, "min", None), "unit": getattr(check, "base_unit", None)}
    row["never"] = check.__name__ == "_false_validator" if hasattr(check, "__name__") else None
    owned[name] = {key: value for key, value in row.items() if value}
keys = tree(validator.schema)
for unused in ("consul", "etcd", "exhibitor", "raft", "zookeeper", "kubernetes"):
    keys.pop(unused, None)
print(json.dumps({"version": __version__, "keys": keys, "owned": owned, "parameters": rules(parameters),
                  "recovery_parameters": rules(recovery_parameters)}))
"""

ANYTHING: Tree = {"*": None}
OPEN_ENDED: dict[tuple[str, ...], Tree] = {
    ("tags",): ANYTHING,
    ("postgresql", "parameters"): ANYTHING,
    ("postgresql", "recovery_conf"): ANYTHING,
    ("postgresql", "callbacks"): dict.fromkeys(("on_reload", "on_restart", "on_role_change", "on_start", "on_stop")),
    ("postgresql", "basebackup"): ANYTHING,
    ("log", "loggers"): ANYTHING,
    ("log", "static_fields"): ANYTHING,
    ("restapi", "http_extra_headers"): ANYTHING,
    ("restapi", "https_extra_headers"): ANYTHING,
    ("slots",): {"*": dict.fromkeys(("type", "database", "plugin", "cluster_type"))},
    ("ignore_slots",): dict.fromkeys(("name", "type", "database", "plugin")),
}
"""What stands below a key cannot be told from code; these are the manual's words.

Source: docs/dynamic_configuration.rst, docs/yaml_configuration.rst.
"""

ASKING = ("get", "get_int", "check_mode")
OF_POSTGRESQL = ("self._config", "self.config", "self._postgresql.config", "config")
"""By which names the code speaks of the dynamic configuration, and of PostgreSQL's part of all configuration."""

LOCAL_ONLY = ("connect_address", "proxy_address", "listen", "config_dir", "data_dir", "pgpass", "authentication")
"""Keys of `postgresql` that the dynamic configuration may not have (Config._safe_copy_dynamic_configuration)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", help="releases to fetch from PyPI")
    parser.add_argument("--wheel", action="append", default=[], type=Path)
    parser.add_argument("--servers", nargs="*", default=[], type=Path, help="folders with PostgreSQL's programs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheels = [*given.wheel, *(_fetch(version, Path(folder)) for version in given.versions)]
        for wheel in wheels:
            _write(_read(wheel, Path(folder) / wheel.stem))
    if given.servers:
        _write_servers(given.servers)


def _fetch(version: str, folder: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--only-binary",
        ":all:",
        f"patroni=={version}",
        "-d",
        str(folder),
    ]
    subprocess.run(command, check=True)
    return next(folder.glob(f"patroni-{version}-*.whl"))


def _read(wheel: Path, folder: Path) -> Tree:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    run = subprocess.run(
        [sys.executable, "-c", WALK, str(folder)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    found: Tree = json.loads(run.stdout)
    code = {path: ast.parse(path.read_text()) for path in sorted(folder.glob("patroni/**/*.py"))}
    dynamic = found["keys"]["bootstrap"]["dcs"]
    for name in _asked_globally(code):
        dynamic.setdefault(name, None)
    dynamic["standby_cluster"] = dict.fromkeys(_default_keys(code, "standby_cluster"))
    for section, names in _environment(code):
        found["keys"].setdefault(section, {})
        for name in names:
            found["keys"][section].setdefault(name, None)
    for name in ("namespace", "thread_pool_size"):
        found["keys"].setdefault(name, None)
    postgresql = found["keys"]["postgresql"]
    for name in _asked_of(code, "patroni/postgresql/", OF_POSTGRESQL):
        postgresql.setdefault(name, None)
    postgresql.setdefault("basebackup", None)  # the one method of create_replica_methods that Patroni brings along
    postgresql["authentication"] = {
        role: dict.fromkeys(_allowed_authentication(code)) for role in ("superuser", "replication", "rewind")
    }
    found["keys"]["etcd3"] |= dict.fromkeys(("use_proxies", "verify", "cacert", "cert", "key", "host", "hosts"))
    dynamic["postgresql"] = {
        **{key: value for key, value in postgresql.items() if key not in LOCAL_ONLY},
        **(dynamic.get("postgresql") or {}),
    }
    for top in (found["keys"], dynamic):
        for where, tree in OPEN_ENDED.items():
            _lay(top, where, tree)
    found["keys"]["bootstrap"]["initdb"] = None
    found["metrics"] = sorted(
        {
            line.split()[2]
            for path, tree in code.items()
            if path.name == "api.py"
            for line in _texts(tree)
            if line.startswith("# TYPE ")
        }
    )
    found["authority"] = f"patroni {found['version']} from PyPI"
    return found


def _lay(tree: Tree, where: tuple[str, ...], below: Tree) -> None:
    for key in where[:-1]:
        if not isinstance(tree.get(key), dict):
            return
        tree = tree[key]
    if where[-1] in tree:
        tree[where[-1]] = below


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _asked_globally(code: dict[Path, ast.Module]) -> Iterator[str]:
    """Yield the dynamic settings that GlobalConfig is asked for."""
    for path, tree in code.items():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            first, owner = node.args[0], ast.unparse(node.func.value)
            known = owner == "global_config" or (path.name == "global_config.py" and owner in ("self", "self.__config"))
            if known and node.func.attr in ASKING and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def _asked_of(code: dict[Path, ast.Module], under: str, owners: tuple[str, ...]) -> Iterator[str]:
    """Yield the constant names that are taken from PostgreSQL's part of the configuration."""
    for path, tree in code.items():
        if under not in path.as_posix() or "/mpp/" in path.as_posix():
            continue
        yield from _looped(tree, owners)
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "get"
                and node.args
            ):
                first, owner = node.args[0], ast.unparse(node.func.value)
                if (
                    isinstance(first, ast.Constant)
                    and isinstance(first.value, str)
                    and owner in owners
                    and _is_about_postgresql(path, owner)
                ):
                    yield first.value


def _looped(tree: ast.AST, owners: tuple[str, ...]) -> Iterator[str]:
    """Yield the names of `for name in ("a", "b"): … config.get(name)`."""
    for loop in ast.walk(tree):
        if isinstance(loop, ast.For) and isinstance(loop.target, ast.Name) and isinstance(loop.iter, ast.Tuple):
            asked = (
                node for node in ast.walk(loop) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            )
            if any(
                call.func.attr == "get"
                and ast.unparse(call.func.value) in owners
                and ast.unparse(call.args[0]) == loop.target.id
                for call in asked
                if isinstance(call.func, ast.Attribute) and call.args
            ):
                yield from (
                    each.value
                    for each in loop.iter.elts
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                )


def _is_about_postgresql(path: Path, owner: str) -> bool:
    """In bootstrap.py and citus.py a bare `config` is another part of the configuration."""
    return owner != "config" or path.name in ("config.py", "__init__.py")


def _default_keys(code: dict[Path, ast.Module], name: str) -> Iterator[str]:
    """Yield the keys below a name in Config.__DEFAULT_CONFIG."""
    for path, tree in code.items():
        if path.as_posix().endswith("patroni/config.py"):
            for node in ast.walk(tree):
                if isinstance(node, ast.Dict):
                    for key, value in zip(node.keys, node.values, strict=True):
                        if isinstance(key, ast.Constant) and key.value == name and isinstance(value, ast.Dict):
                            yield from (each.value for each in value.keys if isinstance(each, ast.Constant))  # type: ignore[misc]


def _environment(code: dict[Path, ast.Module]) -> Iterator[tuple[str, list[str]]]:
    """Yield the sections that environment variables may set, with their keys."""
    for path, tree in code.items():
        if path.as_posix().endswith("patroni/config.py"):
            for node in ast.walk(tree):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id == "_set_section_values"
                ):
                    section, names = (ast.literal_eval(argument) for argument in node.args)
                    if section != "raft":
                        yield section, names


def _allowed_authentication(code: dict[Path, ast.Module]) -> tuple[str, ...]:
    for path, tree in code.items():
        if path.as_posix().endswith("patroni/config.py"):
            for node in tree.body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_AUTH_ALLOWED_PARAMETERS":
                    return tuple(ast.literal_eval(node.value))
    raise SystemExit("this release has no _AUTH_ALLOWED_PARAMETERS")


def _write(found: Tree) -> None:
    minor = ".".join(found["version"].split(".")[:2])
    lines = ["{", f'"authority": {json.dumps(found["authority"])},', f'"version": {json.dumps(found["version"])},']
    for name in ("keys", "owned", "parameters", "recovery_parameters"):
        rows = [f"{json.dumps(key)}: {json.dumps(value, sort_keys=True)}" for key, value in sorted(found[name].items())]
        lines += [f'"{name}": {{', ",\n".join(rows), "},"]
    lines += [f'"metrics": {json.dumps(found["metrics"])}', "}"]
    (HERE / f"patroni-{minor}.json").write_text("\n".join(lines) + "\n")


def _write_servers(folders: list[Path]) -> None:
    """Merge what these servers describe into postgresql.json; other majors stay as they are."""
    target = HERE / "postgresql.json"
    known: dict[str, list[str]] = json.loads(target.read_text()) if target.exists() else {}
    for folder in folders:
        postgres = str(folder / "postgres")
        major = (
            subprocess.run([postgres, "--version"], check=True, capture_output=True, text=True)
            .stdout.split()[2]
            .split(".")[0]
        )
        described = subprocess.run([postgres, "--describe-config"], check=True, capture_output=True, text=True).stdout
        known[major] = sorted({line.split("\t")[0] for line in described.splitlines() if line.strip()}, key=str.lower)
    rows = [f"{json.dumps(major)}: {json.dumps(names)}" for major, names in sorted(known.items())]
    target.write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main()
