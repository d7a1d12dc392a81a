"""Patroni itself judges patroni.yml, and PostgreSQL itself the parameters in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from pgc.artifact import Entry
from pgc.hookspecs import Answer, Problem, Trial, Unclear, Validator
from pgc.readers import read_yaml
from pgc_patroni import layout

MAJORS = (15, 16, 17, 18)
PROGRAMS = ("pg_ctl", "initdb", "pg_controldata", "pg_basebackup", "postgres", "pg_isready", "pg_rewind")
"""What Patroni looks for in bin_dir. Source: patroni/validator.py, BinDirectory."""

VARIABLE = re.compile(r"^([A-Z_]+)=", re.MULTILINE)
ABOUT_THE_MACHINE = re.compile(r"^(?:etcd3\.hosts\S* .*is not reachable|postgresql\.data_dir .*)$")
"""What Patroni says about a machine where the cluster does not run: no DCS answers there, and another server may have the directory."""
MISTAKEN = re.compile(r"^\S*synchronous_mode quorum is not a boolean$")
"""What the check of Patroni 4.0 says of a mode that Patroni 4.0 itself runs: its schema was not told (measured with 4.0.7)."""
COMPLAINT = re.compile(r"^[a-z][A-Za-z0-9_.]* .+$")
SAID = re.compile(r"(?:LOG|FATAL|ERROR): +(.*)")
NAMED = re.compile(r'parameter "([^"]+)"')
NUMBERED = re.compile(r"line (\d+)")
STRAY = re.compile(r"^(?:WARNING|INFO|DEBUG|\d{4}-\d\d-\d\d )")


def validators() -> Iterator[Validator]:
    """Give both judges; PostgreSQL's in every version that may be there."""
    yield Validator(
        name="patroni",
        formats=("patroni.yml",),
        tool="patroni",
        version=("--version",),
        trials=_patroni,
        problems=_complaints,
        packages=("patroni",),
        blind="unknown keys, the rule between ttl, loop_wait and retry_timeout, client authentication, whether the DCS answers",
    )
    for major in MAJORS:
        yield Validator(
            name=f"postgres-{major}-parameters",
            formats=("patroni.yml",),
            tool="postgres",
            version=("--version",),
            trials=partial(_parameters, major),
            problems=_refused,
            packages=(f"postgresql-{major}",),
            folders=(f"/usr/lib/postgresql/{major}/bin", f"/usr/pgsql-{major}/bin"),
            blind="what two parameters mean together, and parameters of libraries that it does not load here",
        )


def _bin_dir(content: bytes) -> str:
    found = re.search(rb"^  bin_dir: (\S+)$", content, re.MULTILINE)
    return found[1].decode() if found else ""


def _major(content: bytes) -> int:
    """Return the major version that the paths name, 0 where they do not."""
    found = re.search(r"(?:/|-)(\d\d)/bin$", _bin_dir(content))
    return int(found[1]) if found else 0


def _patroni(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterator[Trial]:
    """Run Patroni's own check in a network where nothing answers, with stand-ins for PostgreSQL's programs."""
    version = f"#!/bin/sh\necho 'postgres (PostgreSQL) {_major(content) or 17}.0'\n".encode()
    folder = _bin_dir(content).lstrip("/")
    files = {"etc/patroni/patroni.yml": content}
    if folder:
        files |= {f"{folder}/{name}": version for name in PROGRAMS}
    variables = VARIABLE.findall(others.get(layout.SECRETS, b"").decode())
    yield Trial(
        ("patroni", "--validate-config", "{root}/etc/patroni/patroni.yml"),
        files,
        env=dict.fromkeys(variables, "validation-only"),
        absolute=True,
        serves=True,
    )


def _complaints(answer: Answer, content: bytes) -> Iterator[Problem]:
    """Patroni names the path of what it refuses; the file's own reader knows its line."""
    lines = [line.strip() for line in answer.output.splitlines() if line.strip() and not STRAY.match(line)]
    complaints = [line for line in lines if COMPLAINT.match(line) and not MISTAKEN.match(line)]
    if answer.exit_code and not complaints and any(map(MISTAKEN.match, lines)):
        return
    if answer.exit_code and not complaints:
        raise Unclear(lines[-1] if lines else f"patroni ended with {answer.exit_code} and said nothing")
    if any(not ABOUT_THE_MACHINE.match(line) for line in complaints):
        places = {setting.name: setting.line for setting in read_yaml(content)}
        for line in complaints:
            if not ABOUT_THE_MACHINE.match(line):
                yield Problem(line, places.get(line.split()[0], 0))


# ── parameters ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _parameters(major: int, entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterator[Trial]:
    """Let PostgreSQL read the parameters of both layers, as Patroni would write them."""
    if _major(content) != major:
        return
    rows = [f"{name} = '{_escaped(value)}'" for name, value in sorted(parameters(content).items())]
    yield Trial(
        ("postgres", "-D", "{root}/data", "-C", "max_connections"),
        {"data/postgresql.conf": ("\n".join(rows) + "\n").encode()},
    )


def parameters(content: bytes) -> dict[str, Any]:
    """Return what a host's PostgreSQL gets: the dynamic parameters and its own over them."""
    import yaml  # type: ignore[import-untyped]

    data = yaml.safe_load(content)
    found: dict[str, Any] = {}
    for layer in (data["bootstrap"]["dcs"].get("postgresql") or {}, data["postgresql"]):
        found |= {**(layer.get("parameters") or {}), **(layer.get("recovery_conf") or {})}
    return found


def _escaped(value: object) -> str:
    """Source: patroni/postgresql/config.py, ConfigWriter.escape."""
    return re.sub(r"(['\\])", r"\1\1", str(value))


def _refused(answer: Answer, content: bytes) -> Iterator[Problem]:
    """PostgreSQL names a parameter or a line of the file that was made here; either leads to a line of patroni.yml."""
    if not answer.exit_code:
        return
    told = [found[1].strip() for line in answer.output.splitlines() if (found := SAID.search(line))]
    problems = [words for words in told if "configuration file" not in words or len(told) == 1]
    if not problems:
        raise Unclear(answer.output.strip()[-200:] or f"postgres ended with {answer.exit_code} and said nothing")
    names = sorted(parameters(content))
    places = {setting.name: setting.line for setting in read_yaml(content)}
    for words in problems:
        named, numbered = NAMED.search(words), NUMBERED.search(words)
        name = named[1] if named else ""
        if numbered and 0 < int(numbered[1]) <= len(names):
            name = names[int(numbered[1]) - 1]
        yield Problem(words, next((places[each] for each in _paths(name) if each in places), 0))


def _paths(name: str) -> Iterator[str]:
    """Yield where a parameter may stand, as the reader of YAML names it, what wins first."""
    shown = name if re.fullmatch(r"[A-Za-z0-9_]+", name) else f'"{name}"'
    for layer in ("postgresql", "bootstrap.dcs.postgresql"):
        yield f"{layer}.parameters.{shown}"
        yield f"{layer}.recovery_conf.{shown}"
