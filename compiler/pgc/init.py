"""Starting a repository: a manifest, a CI workflow, .gitignore. Nothing that is there already is overwritten."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pgc import __version__
from pgc.bodies import Yaml

SCHEMA_FILE = "schemas/manifest.schema.json"
IGNORED = (".pgc-*", "secrets/")


@dataclass(frozen=True, slots=True)
class Answers:
    """What the user wants: a name, a PostgreSQL version, an address for each host, a failover time, perhaps a virtual address."""

    name: str
    version: str
    addresses: tuple[str, ...]
    failover: str
    vip: str = ""
    ci: str = "github"


def files(answers: Answers, schema: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every file that a new repository gets."""
    yield f"clusters/{answers.name}.yaml", manifest(answers)
    yield SCHEMA_FILE, json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
    yield ".gitignore", "".join(f"{line}\n" for line in IGNORED)
    if answers.ci == "github":
        yield ".github/workflows/pgc.yml", github_workflow()


def manifest(answers: Answers) -> str:
    """Write the manifest, hosts spread over the zones a, b, c."""
    data: dict[str, object] = {
        "apiVersion": "pgc.dev/v1",
        "kind": "Cluster",
        "metadata": {"name": answers.name},
        "defaults": "2026.11",
        "objectives": {"failover": answers.failover, "data_loss": "none"},
        "postgres": {"version": int(answers.version)},
        "hosts": {
            f"pg{number}": {"address": address, "zone": "abc"[(number - 1) % 3]}
            for number, address in enumerate(answers.addresses, 1)
        },
    }
    if answers.vip:
        data["keepalived"] = {"vips": {"main": {"address": answers.vip}}}
    text = Yaml(
        data, ("What this cluster must achieve; every setting that is not here is derived (pgc explain SETTING).",)
    ).text()
    return f"# yaml-language-server: $schema=../{SCHEMA_FILE}\n{text}"


def github_workflow() -> str:
    """Write the workflow that checks a pull request: is the output what the manifests say, and what changes by meaning."""
    return (Path(__file__).parent / "starter" / "github-workflow.yml").read_text().replace("@VERSION@", __version__)


def write(folder: Path, wanted: Iterator[tuple[str, str]]) -> Iterator[tuple[str, bool]]:
    """Write files that are not there; yield each path and whether it was written. A .gitignore gets the lines that it lacks."""
    for name, text in wanted:
        target = folder / name
        if name == ".gitignore" and target.exists():
            have = target.read_text()
            missing = [line for line in text.splitlines() if line not in have.splitlines()]
            if missing:
                target.write_text(have.rstrip("\n") + "\n" + "".join(f"{line}\n" for line in missing))
            yield name, bool(missing)
        elif target.exists():
            yield name, False
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            yield name, True
