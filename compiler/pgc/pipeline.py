"""The stages from a manifest to a bundle, one short function each.

    read → parse → contribute → derive → settle → check → render → Bundle

Every stage reports all that it finds; an error ends the compilation behind the stage that found it. Nothing here touches the disk or a
clock: the same source and the same registry give the same bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pgc import budgets, parse, source, writer
from pgc.artifact import Artifact, Bundle, Lines
from pgc.cluster import Cluster, Settlement, Site
from pgc.diagnostics import Code, Diagnostic, Finding, Path, Severity, Span, diagnose
from pgc.facts import Certificate, Choice, Conflict, Endpoint, Fact, Facts, Pool, Rule, Undeclared
from pgc.fields import show_duration
from pgc.parse import Manifest
from pgc.provenance import Origin
from pgc.registry import BrokenPlugin, Plugin, Registry
from pgc.settle import Relax, Release, Settled, settle
from pgc.source import Source
from pgc.templating import Templates
from pgc.terms import Constraint, Term

FCT001 = Code(
    "FCT001",
    "facts-conflict",
    Severity.ERROR,
    what="{first} and {second} disagree about {about}: {problem}",
    why="both cannot hold in one cluster",
    help="change one of the two settings named here, or leave one to be derived",
    example="postgres:\n  parameters: {wal_level: minimal}   # and replication needs replica",
)
FCT002 = Code(
    "FCT002",
    "port-taken-twice",
    Severity.ERROR,
    what="{first} and {second} both listen on port {port} of {host}",
    why="the one that starts later does not start",
    help="give one of the two another port",
    example="postgres: {port: 2379}   # the DCS listens there",
)
FCT003 = Code(
    "FCT003",
    "links-in-the-clear",
    Severity.NOTE,
    what="no plugin gives the hosts certificates, so every link between them is plain text, and the store asks no one who he is",
    why="whoever reaches these ports can read passwords' exchanges and change the cluster's configuration",
    help="install a plugin that plans certificates, and until then keep the hosts' ports in a network of their own",
    example="(any manifest, while no installed plugin contributes Certificate facts)",
)
SET001 = Code(
    "SET001",
    "objective-out-of-reach",
    Severity.ERROR,
    what="no setting satisfies all of this: {rules}",
    why="{consequence}",
    help="{ways_out}",
    example="objectives: {failover: 5s}",
)
SET002 = Code(
    "SET002",
    "undecided",
    Severity.ERROR,
    what="the search for settings ended without an answer after {steps} steps",
    why="nothing is compiled that was not decided",
    help="set one of these by hand: {names}",
    example="(many objectives at their limits at once)",
)
CODES = (FCT001, FCT002, FCT003, SET001, SET002, *writer.CODES, *budgets.CODES)


@dataclass(frozen=True, slots=True)
class Compilation:
    """What came of one manifest in one environment: a bundle unless there are errors, and everything that was found."""

    name: str
    environment: str
    bundle: Bundle | None
    diagnostics: tuple[Diagnostic, ...]
    cluster: Cluster | None = None
    artifacts: Mapping[str, tuple[Artifact, str]] | None = None


class _Stop(Exception):
    """An error was found: the stages that follow would build on it."""


def compile_source(
    whole: Source,
    environment: str | None,
    registry: Registry,
    templates: Templates,
    read_file: Callable[[str], str],
) -> Compilation:
    """Compile a manifest for one environment. `read_file` reads a file that the manifest names, below the manifest's folder."""
    merged = source.environment(whole, environment)
    run = _Run(registry, templates, merged)
    try:
        return run.compile(environment, read_file)
    except _Stop:
        metadata = merged.data.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        return Compilation(str(name or "?"), environment or "", None, run.diagnostics())


class _Run:
    """One compilation on its way through the stages; collects findings."""

    def __init__(self, registry: Registry, templates: Templates, merged: Source) -> None:
        self.registry, self.templates, self.source = registry, templates, merged
        self.findings: list[Finding] = []

    def compile(self, environment: str | None, read_file: Callable[[str], str]) -> Compilation:
        manifest = self.parse(environment, read_file)
        known = self.derive(manifest, self.contribute(manifest))
        cluster = self.settle(manifest, known)
        self.check(cluster, manifest)
        artifacts, bundle = self.render(cluster, manifest)
        return Compilation(
            cluster.name,
            environment or "",
            bundle,
            self.diagnostics(),
            cluster,
            artifacts,
        )

    # ── the stages ──

    def parse(self, environment: str | None, read_file: Callable[[str], str]) -> Manifest:
        manifest, found = parse.parse(self.source, environment, self.registry)
        self.report(found)
        assert manifest is not None  # a manifest that is missing has errors
        files, found = parse.read_named(manifest, read_file)
        self.report(found)
        return (
            replace(manifest, site=replace(manifest.site, source=replace(self.source, files=files)))
            if files
            else manifest
        )

    def contribute(self, manifest: Manifest) -> Pool:
        pool = Pool()
        pool.add(_outside(manifest.site))
        for plugin in self.registry.plugins:
            section = manifest.sections[plugin.name]
            pool.add(_signed(plugin, plugin.call("pgc_contribute", section=section, site=manifest.site)))
        return pool

    def derive(self, manifest: Manifest, pool: Pool) -> Facts:
        for stratum in self.registry.strata:
            known = self.join(pool)
            for plugin in stratum:
                readable = known.only(plugin.description.reads)
                section = manifest.sections[plugin.name]
                try:
                    given = plugin.call("pgc_derive", section=section, site=manifest.site, facts=readable)
                    derived = _signed(plugin, given)
                except Undeclared as asked:
                    raise BrokenPlugin(f"plugin {plugin.name} reads {asked}, which its reads do not name") from None
                _judge_writes(plugin, derived)
                pool.add(derived)
        return self.join(pool)

    def join(self, pool: Pool) -> Facts:
        joined, conflicts = pool.join()
        self.report(_conflict(conflict) for conflict in conflicts)
        return joined

    def settle(self, manifest: Manifest, known: Facts) -> Cluster:
        site = manifest.site
        choices = tuple(choice.open for choice in known.all(Choice))
        rules = (*(rule.constraint for rule in known.all(Rule)), *budgets.objectives(site, known))
        try:
            settled = settle(choices, rules)
        except LookupError as problem:
            raise BrokenPlugin(str(problem)) from None
        self.report(_out_of_reach(settled))
        values = {name: chosen.value for name, chosen in settled.values.items()}
        settlements = {
            name: Settlement(chosen.value, chosen.open.unit, chosen.reason, tuple(map(Path, chosen.paths)))
            for name, chosen in settled.values.items()
        }
        final = _settled_facts(known, values)
        bounds = budgets.bounds(final, known)
        return Cluster("", site, None, final, settlements, bounds, self.templates)

    def check(self, cluster: Cluster, manifest: Manifest) -> None:
        proved = budgets.PROVED_HERE.union(*(plugin.description.objectives for plugin in self.registry.plugins))
        found = [*budgets.judge(cluster.facts), *budgets.unproved(cluster.site, proved), *_shared_ports(cluster.facts)]
        if cluster.facts.all(Endpoint) and not cluster.facts.all(Certificate):
            found.append(FCT003.at(Path(("hosts",))))
        for plugin in self.registry.plugins:
            found += plugin.call("pgc_check", cluster=_seen_by(plugin, cluster, manifest))
        self.report(found)

    def render(self, cluster: Cluster, manifest: Manifest) -> tuple[dict[str, tuple[Artifact, str]], Bundle]:
        written = writer.Writer(self.registry.formats)
        views = {plugin.name: _seen_by(plugin, cluster, manifest) for plugin in self.registry.plugins}
        for plugin in self.registry.plugins:
            written.write(plugin, plugin.call("pgc_render", cluster=views[plugin.name]))
        entries = tuple(file.entry for _, file in sorted(written.files.items()))
        for plugin in self.registry.plugins:
            written.write(plugin, plugin.call("pgc_index", cluster=views[plugin.name], entries=entries))
        self.report(written.findings)
        site = cluster.site
        return written.artifacts, Bundle(
            site.name, site.environment, dict(sorted(written.files.items())), budgets.summary(cluster)
        )

    # ── findings ──

    def report(self, found: Iterable[Finding]) -> None:
        found = tuple(found)
        self.findings += found
        if any(finding.code.severity is Severity.ERROR for finding in found):
            raise _Stop

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(
            sorted(
                (resolve(finding, self.source) for finding in self.findings),
                key=lambda each: (each.span, each.code, each.message),
            )
        )


def resolve(finding: Finding, where: Source) -> Diagnostic:
    """Turn a finding's paths into lines."""
    of_key = finding.code in (parse.MAN001,)
    spans = tuple(place if isinstance(place, Span) else where.span(place, of_key=of_key) for place in finding.places)
    return diagnose(finding, spans)


# ── helpers of single stages ─────────────────────────────────────────────────────────────────────────────────────────


def _outside(site: Site) -> Iterable[Fact]:
    for name, each in sorted(site.external.items()):
        for index, endpoint in enumerate(each.endpoints):
            yield Endpoint(
                host="",
                offers=each.offers,
                address=endpoint.address,
                port=endpoint.port,
                scheme=each.scheme,
                details=(*sorted(each.details.items()), ("external", name), ("index", str(index))),
                origin=Origin((Path(("external", name, "endpoints", index)),), "exists already", "pgc"),
            )


def _signed(plugin: Plugin, given: Iterable[Fact]) -> list[Fact]:
    """Write the author into facts that were just made and that nobody else holds yet: cheaper than a copy of each."""
    made = list(given)
    signed: dict[int, Origin] = {}
    for fact in made:
        origin = fact.origin
        if not origin.plugin:
            author = signed.get(id(origin))
            if author is None:
                author = signed[id(origin)] = replace(origin, plugin=plugin.name)
            object.__setattr__(fact, "origin", author)
    return made


def _judge_writes(plugin: Plugin, derived: Iterable[Fact]) -> None:
    allowed = plugin.description.writes
    for fact in derived:
        if not any(type(fact) is kind and capability in ("", fact.capability) for kind, capability in allowed):
            raise BrokenPlugin(
                f"plugin {plugin.name} derives {type(fact).__name__} {fact.capability!r}, which its writes do not name"
            )


def _conflict(conflict: Conflict) -> Finding:
    first, second = conflict.first, conflict.second
    places = tuple(dict.fromkeys(path for fact in (first, second) for path in fact.origin.paths)) or (Path(),)
    about = f"{type(first).__name__} {' '.join(str(part) for part in first.key if part)}"
    return FCT001.at(*places, first=_author(first), second=_author(second), about=about, problem=conflict.problem)


def _shared_ports(known: Facts) -> Iterable[Finding]:
    """Yield one finding for each pair of endpoints that share a port, however many hosts they share it on."""
    takers: dict[tuple[str, int], Endpoint] = {}
    told = set()
    for endpoint in known.all(Endpoint):
        if not endpoint.port or not endpoint.host:
            continue
        first = takers.setdefault((endpoint.host, endpoint.port), endpoint)
        if first is not endpoint and (first.offers, endpoint.offers) not in told:
            told.add((first.offers, endpoint.offers))
            places = tuple(dict.fromkeys((*endpoint.origin.paths, *first.origin.paths))) or (
                Path(("hosts", endpoint.host)),
            )
            yield FCT002.at(
                *places, first=_listener(first), second=_listener(endpoint), port=endpoint.port, host=endpoint.host
            )


def _listener(endpoint: Endpoint) -> str:
    return f"{endpoint.offers} ({endpoint.origin.plugin})"


def _author(fact: Fact) -> str:
    return f"{fact.origin.plugin} ({fact.origin.reason})" if fact.origin.reason else fact.origin.plugin


def _out_of_reach(settled: Settled) -> Iterable[Finding]:
    for conflict in settled.conflicts:
        paths = [Path(path) for constraint in conflict.constraints for path in constraint.paths]
        paths += [Path(fixed.fixed_by) for fixed in conflict.fixed]
        rules = [_rule(constraint) for constraint in conflict.constraints]
        fixed = [f"{fixed.name} is set to {fixed.candidates[0]} {fixed.unit}".rstrip() for fixed in conflict.fixed]
        reasons = dict.fromkeys(constraint.why for constraint in conflict.constraints)
        ways = [_way_out(way) for way in conflict.ways_out]
        yield SET001.at(
            *(dict.fromkeys(paths) or (Path(),)),
            rules="; ".join((*rules, *fixed)),
            consequence="; ".join(reasons),
            ways_out="; or ".join(ways) or "nothing that the manifest can change would do",
        )
    for component in settled.undecided:
        names = ", ".join(each.name for each in component.opens)
        yield SET002.at(Path(("objectives",)), steps=component.steps, names=names)


def _way_out(way: Relax | Release) -> str:
    """Say what the manifest would have to change: a number that holds when it is written there."""
    if isinstance(way, Relax) and way.exact and way.reachable is not None and way.paths[:1] == (budgets.FAILOVER,):
        return f"raise {budgets.FAILOVER} to {show_duration(way.reachable)} or more ({way.text})"
    return way.text


def _rule(constraint: Constraint) -> str:
    """Say a constraint in a few words: a product's rule with its formula, an objective with its limit."""
    if constraint.hard:
        return f"{constraint.name} ({constraint.left} ≤ {constraint.right})"
    return f"{constraint.name} within {constraint.right} s"


def _settled_facts(known: Facts, values: Mapping[str, Any]) -> Facts:
    """Replace every term inside a fact by its number."""
    changed: dict[type[Fact], dict[tuple[Any, ...], Fact]] = {}
    for kind in known.kinds():
        if kind.settles:
            changed[kind] = {fact.key: _settled_fact(fact, values) for fact in known.all(kind)}
    return known.changed(changed)


def _settled_fact(fact: Fact, values: Mapping[str, Any]) -> Fact:
    terms = {name: value for name in fact.settles if isinstance(value := getattr(fact, name), Term)}
    if not terms:
        return fact
    reason = fact.origin.reason or ", ".join(map(str, terms.values()))
    numbers = {name: value.evaluate(values) for name, value in terms.items()}
    return replace(fact, **numbers, origin=replace(fact.origin, reason=reason))


def _seen_by(plugin: Plugin, cluster: Cluster, manifest: Manifest) -> Cluster:
    return replace(cluster, plugin=plugin.name, section=manifest.sections[plugin.name])


def trace(compilation: Compilation, path: str) -> tuple[str, Lines, str]:
    """Write one file of a compilation out again, with the origins of its lines. Raises KeyError for a path it does not have."""
    assert compilation.artifacts is not None
    artifact, plugin = compilation.artifacts[path]
    text, lines = artifact.body.traced()
    return text, lines, plugin
