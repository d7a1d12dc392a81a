"""Starting a repository: a manifest, a CI workflow, .gitignore. Nothing that is there already is overwritten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgc import __version__
from pgc.bodies import Yaml
from pgc.manifest import API_VERSION, DEFAULTS_SETS

SCHEMA_FILE = "schemas/manifest.schema.json"
IGNORED = (".pgc-*", "secrets/")
STARTER = Path(__file__).parent / "starter"


@dataclass(frozen=True, slots=True)
class Answers:
    """What the user wants: a name, a PostgreSQL version, an address for each host, objectives, perhaps a virtual address."""

    name: str
    version: str
    addresses: tuple[str, ...]
    failover: str
    data_loss: str = "none"
    vip: str = ""
    ci: str = "github"


def files(answers: Answers, schema: str) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every file that a new repository gets."""
    yield manifest_file(answers), manifest(answers)
    yield SCHEMA_FILE, schema
    yield ".gitignore", "".join(f"{line}\n" for line in IGNORED)
    if answers.ci == "github":
        yield ".github/workflows/pgc.yml", github_workflow()


def manifest_file(answers: Answers) -> str:
    """Return where the manifest goes."""
    return f"clusters/{answers.name}.yaml"


def manifest(answers: Answers) -> str:
    """Write the manifest, hosts spread over the zones a, b, c."""
    data: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "Cluster",
        "metadata": {"name": answers.name},
        "defaults": DEFAULTS_SETS[-1],
    }
    given = {"version": _number(answers.version), "failover": answers.failover, "data_loss": answers.data_loss}
    for answer, place in _places(answers).items():
        _put(data, place, given.get(answer, answers.vip))
    data["hosts"] = {
        f"pg{number}": {"address": address, "zone": "abc"[(number - 1) % 3]}
        for number, address in enumerate(answers.addresses, 1)
    }
    text = Yaml(
        data, ("What this cluster must achieve; every setting that is not here is derived (pgc explain SETTING).",)
    ).text()
    return f"# yaml-language-server: $schema=../{SCHEMA_FILE}\n{text}"


def _places(answers: Answers) -> dict[str, list[str]]:
    """Return where each answer stands in the manifest: sections belong to plugins, so this is data."""
    places: dict[str, list[str]] = json.loads((STARTER / "places.json").read_text(encoding="utf-8"))
    return {answer: place for answer, place in places.items() if getattr(answers, answer)}


def _put(data: dict[str, Any], place: list[str], value: object) -> None:
    for key in place[:-1]:
        data = data.setdefault(key, {})
    data[place[-1]] = value


def _number(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def github_workflow() -> str:
    """Write the workflow that checks a pull request: is the output what the manifests say, and what changes by meaning."""
    text = (STARTER / "github-workflow.yml").read_text(encoding="utf-8")
    return text.replace("@VERSION@", __version__)


def write(folder: Path, wanted: Iterator[tuple[str, str]]) -> Iterator[tuple[str, bool]]:
    """Write files that are not there; yield each path and whether it was written.

    A .gitignore gets the lines that it lacks. Nothing is written through a link.
    """
    for name, text in wanted:
        target = folder / name
        below = [each for each in (target, *target.parents) if folder in each.parents]
        if any(each.is_symlink() for each in below):
            yield name, False
        elif name == ".gitignore" and target.exists():
            have = target.read_text(encoding="utf-8")
            missing = [line for line in text.splitlines() if line not in have.splitlines()]
            if missing:
                lines = have + ("\n" if have and not have.endswith("\n") else "")
                target.write_text(lines + "".join(f"{line}\n" for line in missing), encoding="utf-8")
            yield name, bool(missing)
        elif target.exists():
            yield name, False
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            yield name, True
