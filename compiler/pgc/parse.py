"""Source → Manifest: the envelope and each plugin's section validated by their models, all findings of the stage at once."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ValidationError

from pgc.cluster import Host, Site
from pgc.diagnostics import Code, Finding, Path, Severity
from pgc.fields import InputFile, show_size
from pgc.manifest import Envelope, HostSpec
from pgc.registry import Plugin, Registry
from pgc.source import SRC011, Source

MAN001 = Code(
    "MAN001",
    "unknown-key",
    Severity.ERROR,
    what="{key} is not a key that {where} knows",
    why="a misspelt key would be ignored, and the default would run instead",
    help="{hint}",
    example="postgres:\n  versoin: 17",
)
MAN002 = Code(
    "MAN002",
    "missing-key",
    Severity.ERROR,
    what="{key} is missing in {where}",
    why="it has no default: nothing can be derived without it",
    help="add it, for example `{key}: {example}`",
    example="hosts:\n  pg1: {zone: a}   # no address",
)
MAN003 = Code(
    "MAN003",
    "wrong-type",
    Severity.ERROR,
    what="{given} does not fit {where}: {problem}",
    why="the value would mean something else than was written, or nothing",
    help="write {wanted}",
    example="objectives: {connections: many}",
)
MAN004 = Code(
    "MAN004",
    "unit-missing",
    Severity.ERROR,
    what="{given} has no unit; {where} is {wanted}",
    why="the same number would mean milliseconds to one program and 8 kB pages to another",
    help="write the unit, such as {example}",
    example="hosts:\n  pg1: {address: 10.0.0.1, memory: 16}",
)
MAN005 = Code(
    "MAN005",
    "unknown-unit",
    Severity.ERROR,
    what="{given} is not {wanted} (units: {units})",
    why="a unit that is guessed is wrong by a factor of a thousand",
    help="write it as, for example, {example}",
    example="hosts:\n  pg1: {address: 10.0.0.1, memory: 16gb}",
)
MAN006 = Code(
    "MAN006",
    "bad-name",
    Severity.ERROR,
    what="{given} is not {wanted}",
    why="the value goes into files, commands and SQL, where other characters would change the meaning",
    help="choose something like {example}",
    example="metadata: {name: 'orders; rm -rf /'}",
)
MAN007 = Code(
    "MAN007",
    "literal-secret",
    Severity.ERROR,
    what="a secret is written here as a literal",
    why="everybody who can read the repository, and its history, would know it",
    help="keep it elsewhere and refer to it: file:PATH, env:NAME, vault:PATH#KEY or sops:FILE#KEY; then change the secret, it is known now",
    example="postgres:\n  roles:\n    app: {password: hunter2}",
    secret=True,
)
MAN008 = Code(
    "MAN008",
    "unknown-role",
    Severity.ERROR,
    what="{given} is no role that a host can have",
    why="no plugin would put anything on this host for it",
    help="{hint}",
    example="hosts:\n  pg1: {address: 10.0.0.1, roles: [databse]}",
)
MAN009 = Code(
    "MAN009",
    "shared-address",
    Severity.ERROR,
    what="the hosts {first} and {second} have the same address {address}",
    why="one of them would get the other's traffic",
    help="give each host an address of its own",
    example="hosts:\n  pg1: {address: 10.0.0.1}\n  pg2: {address: 10.0.0.1}",
)
MAN010 = Code(
    "MAN010",
    "bad-value",
    Severity.ERROR,
    what="{problem}",
    why="the section cannot be compiled with it",
    help="change the value; the schema (`pgc schema`) says what each key of the section means",
    example="window: {from: '04:00', to: '02:00'}   # in the section of a plugin that wants them in order",
)
MAN011 = Code(
    "MAN011",
    "passed-as-is",
    Severity.NOTE,
    what="raw passes {keys} to the product as it is",
    why="pgc does not know what it means: it is not checked, and the impact of changing it is unknown",
    help="use a setting that pgc knows where there is one",
    example="postgres:\n  raw: {a_parameter_of_a_newer_release: on}",
)
MAN016 = Code(
    "MAN016",
    "memory-assumed",
    Severity.NOTE,
    what="{hosts} state no memory: {assumed} each are assumed",
    why="the server's memory is derived from it; on a smaller machine it would not start, on a larger one most lies idle",
    help="state what there is, for example `memory: 32GB`",
    example="hosts:\n  pg1: {address: 10.0.0.1}",
)
CODES = (MAN016, MAN001, MAN002, MAN003, MAN004, MAN005, MAN006, MAN007, MAN008, MAN009, MAN010, MAN011)

ENVELOPE_KEYS = frozenset(Envelope.model_fields)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A parsed manifest: the envelope as plugins see it, and each plugin's own section."""

    site: Site
    sections: Mapping[str, BaseModel]


def environments(source: Source) -> tuple[str | None, ...]:
    """Return the environments that the manifest has, sorted; a manifest without any has the one that has no name."""
    found = source.data.get("environments")
    return tuple(sorted(found)) if isinstance(found, dict) and found else (None,)


def parse(source: Source, environment: str | None, registry: Registry) -> tuple[Manifest | None, list[Finding]]:
    """Validate a source (already merged for its environment) and return the manifest, or None, with all findings."""
    findings: list[Finding] = []
    data = source.data
    for key in data:
        if key not in ENVELOPE_KEYS and key not in registry.by_name:
            findings.append(
                MAN001.at(
                    Path((key,)),
                    key=key,
                    where="the manifest",
                    hint=_did_you_mean(key, (*ENVELOPE_KEYS, *registry.by_name)),
                )
            )
    envelope = _validated(Envelope, {key: data[key] for key in data if key in ENVELOPE_KEYS}, Path(), findings)
    sections = {plugin.name: _section(plugin, data, findings) for plugin in registry.plugins}
    if envelope is None or any(section is None for section in sections.values()):
        return None, findings
    hosts = tuple(_host(name, spec, registry) for name, spec in sorted(envelope.hosts.items()))
    findings += _judge_hosts(hosts, registry)
    findings += _assumed(hosts, source)
    site = Site(
        envelope.metadata.name,
        environment or "",
        envelope.metadata,
        envelope.defaults,
        envelope.objectives,
        hosts,
        envelope.external,
        source,
    )
    for name, section in sections.items():
        if section is not None and (raw := getattr(section, "raw", None)):
            findings.append(MAN011.at(Path((name, "raw")), keys=", ".join(map(str, raw))))
    return Manifest(site, sections), findings  # type: ignore[arg-type]


def named_files(sections: Mapping[str, BaseModel]) -> Iterator[tuple[Path, InputFile]]:
    """Yield the files that the sections name, with the paths that name them."""
    for name, section in sections.items():
        if _may_name_files(type(section)):
            yield from _named(section, Path((name,)))


@cache
def _may_name_files(model: type[BaseModel]) -> bool:
    """Say whether a model, or one inside it, has a field for a file."""
    return any(
        any(getattr(each, "func", None) is InputFile for each in field.metadata)
        or _mentions(field.annotation)
        or any(_may_name_files(inner) for inner in _models(field.annotation))
        for field in model.model_fields.values()
    )


def _mentions(annotation: Any) -> bool:
    own = any(getattr(each, "func", None) is InputFile for each in getattr(annotation, "__metadata__", ()))
    return own or any(_mentions(each) for each in getattr(annotation, "__args__", ()))


def _named(value: Any, at: Path) -> Iterator[tuple[Path, InputFile]]:
    if isinstance(value, InputFile):
        yield at, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _named(getattr(value, name), at / name)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _named(item, at / str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _named(item, at / index)


def read_named(manifest: Manifest, read: Callable[[str], str]) -> tuple[dict[str, str], list[Finding]]:
    """Read the files that the manifest names; `read` takes a path below the manifest's folder. Raises nothing: returns findings."""
    files: dict[str, str] = {}
    findings = []
    for at, name in named_files(manifest.sections):
        try:
            files[str(PurePosixPath(name))] = read(name)
        except (OSError, ValueError) as problem:
            findings.append(SRC011.at(at, file=name, problem=getattr(problem, "strerror", None) or str(problem)))
    return files, findings


# ── models ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _section(plugin: Plugin, data: Mapping[str, Any], findings: list[Finding]) -> BaseModel | None:
    given = data.get(plugin.name)
    values = {} if given is None else given
    later = plugin.description.defaults or {}
    pinned = data.get("defaults")
    for dated in sorted(later):
        if isinstance(pinned, str) and dated <= pinned and isinstance(values, dict):
            values = _with_defaults(values, later[dated])
    section: BaseModel | None = _validated(plugin.section_model, values, Path((plugin.name,)), findings)
    return section


def _with_defaults(values: Mapping[str, Any], defaults: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Lay defaults under the given values, without changing them."""
    result = dict(values)
    for keys, value in defaults.items():
        at: dict[str, Any] | None = result
        for key in keys[:-1]:
            below = at.get(key, {}) if at is not None else None
            at, before = (dict(below), at) if isinstance(below, dict) else (None, at)
            if at is not None and before is not None:
                before[key] = at
        if at is not None:
            at.setdefault(keys[-1], value)
    return result


def _validated(model: type[BaseModel], values: Any, at: Path, findings: list[Finding]) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as problem:
        findings += [_explain(error, model, at) for error in problem.errors(include_url=False)]
        return None


def _explain(error: Any, model: type[BaseModel], at: Path) -> Finding:
    """Turn one of pydantic's errors into a finding of ours."""
    place = Path((*at, *_written(error["loc"])))
    kind, context, given = error["type"], error.get("ctx", {}), error.get("input")
    key = str(place[-1]) if place else "the manifest"
    inside = ".".join(map(str, place[:-1])) or "the manifest"
    wanted, example = str(context.get("what", "")), str(context.get("example", ""))
    if kind == "extra_forbidden":
        return MAN001.at(place, key=key, where=inside, hint=_did_you_mean(key, _known(model, error["loc"])))
    if kind == "missing":
        return MAN002.at(Path(place[:-1]), key=key, where=inside, example=_example(model, error["loc"]))
    if kind == "unit_missing":
        return MAN004.at(
            place, given=context["given"], where=key, wanted=wanted, example=_with_unit(context["given"], example)
        )
    if kind == "unit_unknown":
        return MAN005.at(place, given=context["given"], wanted=wanted, units=context["units"], example=example)
    if kind in ("bad_name", "wrong_type") and wanted == "a reference to a secret":
        return MAN007.at(place)
    if kind == "bad_name":
        return MAN006.at(place, given=context["given"], wanted=wanted, example=example)
    if kind in ("value_error", "assertion_error"):
        return MAN010.at(place, problem=str(error["msg"]).removeprefix("Value error, "))
    return MAN003.at(
        place,
        given=_shown(given),
        where=key,
        problem=_lower(error["msg"]),
        wanted=example or _example(model, error["loc"]),
    )


def _written(loc: tuple[Any, ...]) -> Iterator[str | int]:
    """Leave out what pydantic adds to a location: the names of union branches, and `[key]` for a mapping's key."""
    for part in loc:
        if isinstance(part, int) or not (
            part == "[key]" or "[" in part or part in _BRANCHES or part.startswith("literal")
        ):
            yield part


_BRANCHES = frozenset(
    {"str", "int", "float", "bool", "none", "function-before", "function-plain", "constrained-int", "constrained-str"}
)


def _fields(model: type[BaseModel], loc: tuple[Any, ...]) -> type[BaseModel]:
    """Follow a location down to the model that holds its last part."""
    for part in loc[:-1]:
        field = model.model_fields.get(str(part))
        below = _models(field.annotation) if field else _models(model)
        if below:
            model = below[0]
    return model


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in getattr(annotation, "__args__", ()) for model in _models(argument)]


def _known(model: type[BaseModel], loc: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(_fields(model, loc).model_fields)


def _example(model: type[BaseModel], loc: tuple[Any, ...]) -> str:
    parts = tuple(_written(loc))
    field = _fields(model, parts).model_fields.get(str(parts[-1])) if parts else None
    examples = getattr(field, "examples", None)
    return json.dumps(examples[0], ensure_ascii=False) if examples else "a value of the type that the schema names"


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    names = sorted(set(known))
    near = difflib.get_close_matches(str(word)[:80], names, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(names)}"


def _with_unit(given: str, example: str) -> str:
    return given + example.lstrip("0123456789.")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else json.dumps(value, ensure_ascii=False, default=str)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


# ── hosts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _host(name: str, spec: HostSpec, registry: Registry) -> Host:
    implied = (role.name for role in registry.roles.values() if role.implied)
    roles = frozenset(implied if spec.roles is None else spec.roles)
    return Host(
        name,
        spec.address,
        roles,
        spec.zone,
        spec.datacenter,
        spec.memory,
        spec.cores,
        {purpose: disk for purpose, disk in spec.disks.items()},  # noqa: C416 -- plain names for the plugins
        spec.interface,
        spec.labels,
        spec.roles is not None,
    )


def _assumed(hosts: tuple[Host, ...], source: Source) -> Iterator[Finding]:
    """Say once which hosts do not say how large they are."""
    silent = [host for host in hosts if not source.has(host.path / "memory")]
    if silent:
        names = ", ".join(host.name for host in silent[:3]) + (f" and {len(silent) - 3} more" if len(silent) > 3 else "")
        yield MAN016.at(silent[0].path, hosts=names, assumed=show_size(silent[0].memory_bytes))


def _judge_hosts(hosts: tuple[Host, ...], registry: Registry) -> Iterator[Finding]:
    owners: dict[str, Host] = {}
    for host in hosts:
        first = owners.setdefault(host.address, host)
        if first is not host:
            yield MAN009.at(
                host.path / "address", first.path / "address", first=first.name, second=host.name, address=host.address
            )
        for role in sorted(host.roles - set(registry.roles)):
            yield MAN008.at(host.path / "roles", given=role, hint=_did_you_mean(role, registry.roles))
