"""Many manifests: compiled side by side, then written as one change.

Workers are forked (nothing is imported twice), take every n-th manifest, and put their files beside the trees; the parent
alone lays them. What comes back is in the order of the manifests, whoever compiled them.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pgc import workspace
from pgc.cluster import Bound
from pgc.diagnostics import Diagnostic, Finding, Severity, Span, diagnose
from pgc.pipeline import Compilation
from pgc.registry import Registry
from pgc.templating import Templates
from pgc.tree import OF_THE_MANIFEST, OF_THE_WORLD, STALE, Staged, Tree, WriteFailed, check, commit, hold, stage
from pgc.workers import side_by_side
from pgc.workspace import MAN014, Job

MANIFESTS_A_WORKER = 24


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one manifest in one environment, without the bundle itself: it goes between processes."""

    file: str
    name: str
    environment: str
    directory: str
    hosts: int
    files: int
    bounds: tuple[Bound, ...]
    failover_s: float
    diagnostics: tuple[Diagnostic, ...]
    stale: tuple[str, ...] = ()
    tree: Tree | None = None


class Ending(enum.StrEnum):
    """How a compilation of many manifests ended, the worst first."""

    WORLD = "world"  # the disk refused, or another pgc is writing
    MANIFEST = "manifest"  # a manifest is wrong
    REFUSED = "refused"  # somebody's work would have been overwritten
    STALE = "stale"  # only compared: the output is not what the manifests say
    WELL = "well"


@dataclass(frozen=True, slots=True)
class Built:
    """All outcomes, in the order of the manifests; `inputs` are the files that were read.

    `diagnostics` concern no single manifest. `checking`: nothing was to be written.
    """

    outcomes: tuple[Outcome, ...]
    diagnostics: tuple[Diagnostic, ...]
    inputs: tuple[str, ...]
    checking: bool = False

    @property
    def ending(self) -> Ending:
        """The worst of what was found."""
        every = (*self.diagnostics, *(each for outcome in self.outcomes for each in outcome.diagnostics))
        found = {_ending(each.code) for each in every if each.severity is Severity.ERROR}
        return next(ending for ending in Ending if ending in found or ending is Ending.WELL)

    @property
    def repeatable(self) -> bool:
        """Whether the same command has nothing to do and nothing else to say while its inputs stay what they are."""
        return not self.checking and self.ending is Ending.WELL and not self.diagnostics


def _ending(code: str) -> Ending:
    if code in OF_THE_WORLD:
        return Ending.WORLD
    if code == STALE.code:
        return Ending.STALE
    return Ending.REFUSED if code.startswith("OUT") and code not in OF_THE_MANIFEST else Ending.MANIFEST


@dataclass(slots=True)
class _Share:
    """What one worker brings back."""

    outcomes: dict[int, list[Outcome]] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    staged: list[Staged] = field(default_factory=list)


def build(
    paths: Sequence[str],
    environment: str | None,
    out: str,
    registry: Registry,
    templates: Templates,
    *,
    force: bool = False,
    checking: bool = False,
    workers: int | None = None,
) -> Built:
    """Compile every manifest that the paths name, and write the trees unless anything failed; `checking` only compares.

    A disk that refuses, or another pgc that is writing, is one of the diagnostics; the trees are then the old ones.

    Raises:
        OSError: a manifest cannot be read.
        BrokenPlugin: a plugin breaks the contract.
    """
    _ = registry.codes, registry.formats  # a plugin that breaks the contract does so before anything is written
    files: dict[str, str] = {}
    for file in workspace.manifests(paths):
        files.setdefault(os.path.abspath(file), file)
    jobs = [Job(file, environment) for file in files.values()]
    named = frozenset(path for path in paths if not os.path.isdir(path))
    if checking:
        return _gather(_compile(jobs, 0, 1, named, registry, templates, out, "check"), jobs, paths, checking=True)
    count = workers or min(os.cpu_count() or 1, 1 + len(jobs) // MANIFESTS_A_WORKER)
    try:
        with hold(Path(out)) as recovered:
            shares = _all_shares(jobs, count, named, registry, templates, out, "force" if force else "write")
            built = _gather(_together(shares), jobs, paths)
            staged = [each for share in shares for each in share.staged]
            refused = _refused(built, staged)
            if refused.ending is not Ending.WELL:
                return refused
            written = commit(Path(out), staged)
    except WriteFailed as problem:
        return Built((), (diagnosed(problem.finding),), ())
    return _with_trees(built, written.trees, (*recovered, *written.findings))


def _refused(built: Built, staged: Sequence[Staged]) -> Built:
    """Add what speaks against writing the trees that were staged: one that is refused holds back all."""
    found = (diagnosed(finding) for part in staged for tree, _ in part.trees for finding in tree.findings)
    return replace(built, diagnostics=(*built.diagnostics, *found))


def _with_trees(built: Built, trees: Sequence[Tree], findings: Sequence[Finding]) -> Built:
    """Say of each outcome what became of its tree; `findings` concern the output folder as a whole."""
    known = {tree.directory: tree for tree in trees}
    told = (*findings, *(finding for tree in trees for finding in tree.findings))
    outcomes = tuple(replace(outcome, tree=known.get(outcome.directory)) for outcome in built.outcomes)
    return replace(built, outcomes=outcomes, diagnostics=tuple(map(diagnosed, told)))


def _compile(
    jobs: Sequence[Job],
    first: int,
    step: int,
    named: frozenset[str],
    registry: Registry,
    templates: Templates,
    out: str,
    mode: str,
) -> _Share:
    """Compile every `step`-th job from the `first` on, and stage or compare what came of it."""
    share = _Share()
    for index in range(first, len(jobs), step):
        job = jobs[index]
        share.inputs.append(job.file)
        outcomes = []
        for compilation in workspace.compile_file(job, registry, templates, in_folder=job.file not in named):
            share.inputs += _read_files(job.file, compilation)
            stale: tuple[str, ...] = ()
            if compilation.bundle is not None and mode == "check":
                stale = tuple(f"{out}/{line}" for line in check(Path(out), compilation.bundle))
            elif compilation.bundle is not None:
                share.staged.append(stage(Path(out), [compilation.bundle], force=mode == "force"))
            outcomes.append(_outcome(job.file, compilation, stale))
        share.outcomes[index] = outcomes
    return share


def _outcome(file: str, compilation: Compilation, stale: tuple[str, ...]) -> Outcome:
    bundle, cluster = compilation.bundle, compilation.cluster
    return Outcome(
        file,
        compilation.name,
        compilation.environment,
        bundle.directory if bundle else "",
        len(cluster.site.hosts) if cluster else 0,
        len(bundle.files) if bundle else 0,
        cluster.bounds if cluster else (),
        cluster.site.objectives.failover if cluster else 0,
        compilation.diagnostics,
        stale,
    )


def _read_files(manifest: str, compilation: Compilation) -> list[str]:
    files = compilation.cluster.site.source.files if compilation.cluster else {}
    return [os.path.join(os.path.dirname(manifest), name) for name in files]


# ── workers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _all_shares(
    jobs: Sequence[Job],
    count: int,
    named: frozenset[str],
    registry: Registry,
    templates: Templates,
    out: str,
    mode: str,
) -> list[_Share]:
    """Have every n-th job done by each worker, and bring everything together in order."""
    if jobs and count > 1:
        _ = [plugin.section_model for plugin in registry.plugins]  # loaded once, before the fork
    return side_by_side(lambda number: _compile(jobs, number, count, named, registry, templates, out, mode), count)


def _together(shares: Sequence[_Share]) -> _Share:
    result = _Share()
    for share in shares:
        result.outcomes |= share.outcomes
        result.inputs += share.inputs
    return result


def _gather(share: _Share, jobs: Sequence[Job], paths: Sequence[str], *, checking: bool = False) -> Built:
    outcomes = tuple(outcome for index in sorted(share.outcomes) for outcome in share.outcomes[index])
    outcomes = tuple(replace(each, diagnostics=(*each.diagnostics, *_staleness(each))) for each in outcomes)
    problems = list(workspace.judge_names([(outcome.file, outcome.name, outcome.directory) for outcome in outcomes]))
    if not outcomes:
        at = Span(paths[0] if paths else ".", 1, 1, 1, 1)
        problems.append(diagnose(MAN014.at(at, given=", ".join(paths)), (at,)))
    return Built(outcomes, tuple(problems), tuple(sorted(set(share.inputs))), checking)


def _staleness(outcome: Outcome) -> Iterator[Diagnostic]:
    """Yield one diagnostic for a tree that differs, at its manifest: that is what a pull request shows."""
    if outcome.stale:
        path, at = outcome.stale[0].partition(": ")[0], Span(outcome.file, 1, 1, 1, 1)
        differing, total = len(outcome.stale), outcome.files + 1  # the lock file is one more
        finding = STALE.at(at, cluster=outcome.directory, differing=differing, files=total, path=path)
        yield diagnosed(finding)


def diagnosed(finding: Finding) -> Diagnostic:
    """Write out a finding whose places are files, not manifest paths."""
    return diagnose(finding, tuple(place for place in finding.places if isinstance(place, Span)))
