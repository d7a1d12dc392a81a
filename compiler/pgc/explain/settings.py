"""Explaining a setting by its name, wherever it is one: settled, a parameter, a key of the manifest, a line of a file."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from pgc import parse, pipeline, workspace
from pgc.cluster import Cluster
from pgc.diagnostics import Diagnostic, Path
from pgc.explain.answers import Answer, DoesNotCompile, Explanation, NothingToExplain, Reason, in_words
from pgc.facts import Parameter
from pgc.manifest import Envelope
from pgc.pipeline import Compilation
from pgc.provenance import Origin
from pgc.registry import Registry
from pgc.templating import Templates
from pgc.workspace import Job


def setting(name: str, manifests: Iterable[str], registry: Registry, templates: Templates) -> Answer:
    """Explain a setting in every cluster, by the most telling of the places where it is known.

    Raises:
        NothingToExplain: no cluster has such a setting.
        DoesNotCompile: no manifest that compiles has it, and another does not compile.
    """
    found: list[Explanation] = []
    wrong: list[Diagnostic] = []
    known: set[str] = set()
    for file in manifests:
        for compilation in workspace.compile_file(Job(file, None), registry, templates, in_folder=True):
            if compilation.cluster is None:
                wrong += compilation.diagnostics
                continue
            asked = _Asked(name, compilation, compilation.cluster, registry)
            decided = [*asked.decided()]
            found += [*decided, *asked.in_manifest(unwritten=not decided)] or asked.in_files()
            known |= asked.names()
    if found:
        return Answer(tuple(found), tuple(wrong))
    if wrong:
        raise DoesNotCompile(wrong)
    near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)
    raise NothingToExplain(
        f"no cluster here has a setting {name}",
        f"did you mean {' or '.join(near)}?" if near else "name a setting, or FILE:LINE",
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question to one cluster."""

    name: str
    compilation: Compilation
    cluster: Cluster
    registry: Registry

    @property
    def title(self) -> str:
        name, environment = self.compilation.name, self.compilation.environment
        return f"{name}/{environment}" if environment else name

    def decided(self) -> Iterator[Explanation]:
        """Explain it as a settled value, or as a parameter that plugins agreed on."""
        source = self.cluster.site.source
        for settled, value in self.cluster.settled.items():
            plugin, _, bare = settled.rpartition(".")
            if self.name in (settled, settled.removesuffix("_s"), bare, bare.removesuffix("_s")):
                origin = Origin(value.paths, value.reason, plugin.partition(".")[0])
                text = f"{value.value} {value.unit}".strip()
                yield Explanation(f"{self.title}: {settled}", text, in_words((origin,), "", source))
        for each in self.cluster.facts.all(Parameter, self.parameter()):
            where = f" on {each.host}" if each.host else ""
            reasons = in_words((each.origin,), "", source)
            yield Explanation(f"{self.title}: {each.name}{where}", str(each.value), reasons)

    def parameter(self) -> str:
        """Return the name as a parameter's: the last part, where the others lead into a section."""
        above, _, last = self.name.rpartition(".")
        models = _models(self.compilation, self.cluster, self.registry)
        inside = above.partition(".")[0] in self.registry.by_name and _follow(models, tuple(above.split(".")))[0]
        return last if inside else self.name

    def in_manifest(self, *, unwritten: bool) -> Iterator[Explanation]:
        """Explain it as a path of the manifest; `unwritten`: also as one that is not written there."""
        site, parts = self.cluster.site, tuple(self.name.split("."))
        place = Path(int(part) if part.isdigit() else part for part in parts)
        known, meaning, value = _follow(_models(self.compilation, self.cluster, self.registry), parts)
        if site.source.has(place):
            reason = Reason("manifest", "set in the manifest", (f"{site.source.span(place)} {place}",))
        elif known and unwritten:
            reason = Reason(parts[0] if parts[0] in self.registry.by_name else "manifest", site.origin(*parts).reason, ())
        else:
            return
        yield Explanation(f"{self.title}: {self.name}", _shown(value) if known else "", (reason,), meaning)

    def in_files(self) -> Iterator[Explanation]:
        """Explain it as what a generated file says; equal files and equal answers once."""
        told: set[tuple[str, str, tuple[Reason, ...]]] = set()
        read: set[str] = set()
        files = self.compilation.bundle.files if self.compilation.bundle else {}
        for path, file in files.items():
            reader = self.registry.formats[file.entry.format].reader
            if reader is None or file.entry.sha256 in read:
                continue
            read.add(file.entry.sha256)
            for each in reader(file.content):
                if self.name not in (each.name, _last(each.name)):
                    continue
                _, lines, plugin = pipeline.trace(self.compilation, path)
                origins = lines[each.line - 1] if each.line <= len(lines) else ()
                reasons = in_words(origins or (Origin(),), plugin, self.cluster.site.source)
                if (key := (file.entry.location, each.value, reasons)) not in told:
                    told.add(key)
                    yield Explanation(f"{self.title}: {each.name} in {path}:{each.line}", each.value, reasons)

    def names(self) -> set[str]:
        """Return what could have been asked."""
        settled = {part for name in self.cluster.settled for part in (name, name.removesuffix("_s"))}
        models = _models(self.compilation, self.cluster, self.registry)
        return {*settled, *(fact.name for fact in self.cluster.facts.all(Parameter)), *_paths(models)}


def _last(name: str) -> str:
    return name.rpartition(".")[2].rpartition("/")[2]


def _models(compilation: Compilation, cluster: Cluster, registry: Registry) -> dict[str, BaseModel]:
    """Return the envelope's parts and the plugins' sections as they were read, by their keys."""
    source = cluster.site.source
    manifest, _ = parse.parse(source, compilation.environment or None, registry)
    assert manifest is not None  # the cluster was compiled from it
    envelope = {key: value for key, value in source.data.items() if key in parse.ENVELOPE_KEYS}
    return {"": Envelope.model_validate(envelope), **manifest.sections}


def _follow(models: dict[str, BaseModel], parts: tuple[str, ...]) -> tuple[bool, str, Any]:
    """Follow a path through the models: whether it leads anywhere, what the last field means, the value there."""
    at: Any = models.get(parts[0], models[""])
    meaning = ""
    for part in parts[1:] if parts[0] in models else parts:
        if isinstance(at, BaseModel) and part in type(at).model_fields:
            meaning = type(at).model_fields[part].description or ""
            dumped = at.model_dump(mode="json", include={part}).get(part)
            at = getattr(at, part) if isinstance(getattr(at, part), BaseModel | dict) else dumped
        elif isinstance(at, dict) and part in at:
            at, meaning = at[part], ""
        elif isinstance(at, list) and part.isdigit() and int(part) < len(at):
            at, meaning = at[int(part)], ""
        else:
            return False, "", None
    return True, meaning, at


def _paths(models: dict[str, BaseModel]) -> Iterator[str]:
    for key, model in models.items():
        yield from (f"{key}.{name}" if key else name for name in type(model).model_fields)
        for name in type(model).model_fields:
            below = getattr(model, name)
            if isinstance(below, BaseModel):
                yield from (f"{key}.{name}.{each}".lstrip(".") for each in type(below).model_fields)


def _shown(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_defaults=True)
    if isinstance(value, dict):
        value = {name: each.model_dump(mode="json", exclude_defaults=True) if isinstance(each, BaseModel) else each
                 for name, each in value.items()}  # fmt: skip
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
