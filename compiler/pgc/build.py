"""Many manifests: compiled side by side, then written as one change.

Workers are forked (nothing is imported twice), take every n-th manifest, and put their files beside the trees; the parent
alone lays them. What comes back is in the order of the manifests, whoever compiled them.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pgc import workspace
from pgc.cluster import Bound
from pgc.diagnostics import Diagnostic, Finding, Severity, Span, diagnose
from pgc.pipeline import Compilation
from pgc.registry import Registry
from pgc.templating import Templates
from pgc.tree import Staged, Tree, check, commit, hold, stage
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

    @property
    def failed(self) -> bool:
        return any(each.severity is Severity.ERROR for each in self.diagnostics)


@dataclass(frozen=True, slots=True)
class Built:
    """All outcomes, in the order of the manifests; `inputs` are the files that were read."""

    outcomes: tuple[Outcome, ...]
    diagnostics: tuple[Diagnostic, ...]
    inputs: tuple[str, ...]


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

    Raises:
        pgc.tree.WriteFailed: the disk refuses, or another pgc is writing; the trees are the old ones.
        OSError: a manifest cannot be read.
        BrokenPlugin: a plugin breaks the contract.
    """
    files = list(dict.fromkeys(workspace.manifests(paths)))
    jobs = [Job(file, environment) for file in files]
    inside = any(os.path.isdir(path) for path in paths)
    count = workers or min(os.cpu_count() or 1, 1 + len(jobs) // MANIFESTS_A_WORKER)
    if checking:
        return _gather(_compile(jobs, 0, 1, inside, registry, templates, out, "check"), jobs, paths)
    with hold(Path(out)) as recovered:
        shares = _side_by_side(jobs, count, inside, registry, templates, out, "force" if force else "write")
        built = _gather(_together(shares), jobs, paths)
        if any(outcome.failed for outcome in built.outcomes) or built.diagnostics:
            return built
        written = commit(Path(out), [staged for share in shares for staged in share.staged])
    trees = {tree.directory: tree for tree in written.trees}
    outcomes = tuple(
        replace(
            outcome,
            tree=trees.get(outcome.directory),
            diagnostics=(*outcome.diagnostics, *_told(trees.get(outcome.directory))),
        )
        for outcome in built.outcomes
    )
    return replace(
        built, outcomes=outcomes, diagnostics=tuple(_diagnosed(finding) for finding in (*recovered, *written.findings))
    )


def _compile(
    jobs: Sequence[Job],
    first: int,
    step: int,
    inside: bool,
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
        for compilation in workspace.compile_file(job, registry, templates, in_folder=inside):
            share.inputs += _read_files(job.file, compilation)
            stale: tuple[str, ...] = ()
            if compilation.bundle is not None and mode == "check":
                stale = tuple(check(Path(out), compilation.bundle))
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


def _side_by_side(
    jobs: Sequence[Job],
    count: int,
    inside: bool,
    registry: Registry,
    templates: Templates,
    out: str,
    mode: str,
) -> list[_Share]:
    """Fork count − 1 workers, do the last part here, and bring everything together in order."""
    if jobs:
        _ = [plugin.section_model for plugin in registry.plugins] if count > 1 else []
    children = [_fork(jobs, number, count, inside, registry, templates, out, mode) for number in range(1, count)]
    shares = [_compile(jobs, 0, count, inside, registry, templates, out, mode)]
    for pid, pipe in children:
        with os.fdopen(pipe, "rb") as stream:
            answer = stream.read()
        _, status = os.waitpid(pid, 0)
        if not answer:
            raise RuntimeError(f"a worker ended without an answer (status {status})")
        result = pickle.loads(answer)
        if isinstance(result, Exception):
            raise result
        shares.append(result)
    return shares


def _fork(
    jobs: Sequence[Job],
    number: int,
    count: int,
    inside: bool,
    registry: Registry,
    templates: Templates,
    out: str,
    mode: str,
) -> tuple[int, int]:
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid:
        os.close(theirs)
        return pid, ours
    code = 1
    try:
        try:
            result: object = _compile(jobs, number, count, inside, registry, templates, out, mode)
        except Exception as problem:
            result = problem
        with os.fdopen(theirs, "wb") as stream:
            stream.write(pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL))
        code = 0
    finally:
        os._exit(code)


def _together(shares: Sequence[_Share]) -> _Share:
    result = _Share()
    for share in shares:
        result.outcomes |= share.outcomes
        result.inputs += share.inputs
    return result


def _gather(share: _Share, jobs: Sequence[Job], paths: Sequence[str]) -> Built:
    outcomes = tuple(outcome for index in sorted(share.outcomes) for outcome in share.outcomes[index])
    problems = list(workspace.judge_names([(outcome.file, outcome.name, outcome.directory) for outcome in outcomes]))
    if not outcomes:
        at = Span(paths[0] if paths else ".", 1, 1, 1, 1)
        problems.append(diagnose(MAN014.at(at, given=", ".join(paths)), (at,)))
    return Built(outcomes, tuple(problems), tuple(sorted(set(share.inputs))))


def _told(tree: Tree | None) -> tuple[Diagnostic, ...]:
    return tuple(_diagnosed(finding) for finding in tree.findings) if tree else ()


def _diagnosed(finding: Finding) -> Diagnostic:
    return diagnose(finding, tuple(place for place in finding.places if isinstance(place, Span)))
