"""The products' own validators over a tree: which runs are needed, what is known already, what the answers mean.

No run starts here: a Runner does that (local.py, container.py). Equal inputs run once, however many hosts share them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pgc.artifact import File
from pgc.diagnostics import visible
from pgc.hookspecs import Answer, Problem, Trial, Unclear, Validator
from pgc.verify import schemas, verdicts
from pgc.verify.running import Impossible, Runner, Tool, last_words
from pgc.verify.verdicts import ACCEPTED, NOT_VALIDATED, REJECTED, Judged, Verdict, on_one_line

__all__ = ["CODES", "Job", "Judged", "digest_of", "judge", "plan", "validate"]

JOBS = 4
CODES = (*verdicts.CODES, *schemas.CODES)


@dataclass(frozen=True, slots=True)
class Job:
    """The runs that one validator wants for one content, and the files of the tree that have it."""

    validator: Validator
    content: bytes
    sha256: str
    inputs: str
    trials: tuple[Trial, ...]
    paths: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.sha256, self.inputs, self.validator.name


def validate(
    files: Iterable[File],
    validators: Iterable[Validator],
    runner: Runner,
    known: Iterable[Verdict] = (),
    jobs: int = JOBS,
    tell: Callable[[Judged], None] = lambda _: None,
    versions: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Judged, ...]:
    """Have every file of a tree judged by every validator of its format; `tell` is called as verdicts come.

    A known verdict is kept when it comes from the same version of the tool, or when the tool is not here to be asked.
    `versions` are what the cluster runs, by the tool's name: another version's opinion is no verdict.
    """
    from concurrent.futures import ThreadPoolExecutor

    old = {verdict.key: verdict for verdict in known if verdict.result != NOT_VALIDATED}
    work = plan(files, validators)
    tools: dict[str, Tool | Impossible] = {}
    for job in work:
        if job.validator.name not in tools:
            tools[job.validator.name] = _find(runner, job.validator, versions)

    def one(job: Job) -> Judged:
        tool, before = tools[job.validator.name], old.get(job.key)
        holds = before is not None and (
            _is_version(before.version, versions.get(job.validator.tool, ""))
            if isinstance(tool, Impossible)
            else before.version == tool.version
        )
        judged = Judged(before if before is not None and holds else _run(job, tool, runner), tuple(job.paths))
        tell(judged)
        return judged

    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        return tuple(pool.map(one, work))


def plan(files: Iterable[File], validators: Iterable[Validator]) -> tuple[Job, ...]:
    """Return the jobs for a tree, in an order that depends on names and bytes alone; equal inputs share one."""
    by_format: dict[str, list[Validator]] = {}
    for validator in sorted(validators, key=lambda each: each.name):
        for name in validator.formats:
            by_format.setdefault(name, []).append(validator)
    everything = sorted(files, key=lambda file: file.entry.path)
    hosts: dict[str, dict[str, bytes]] = {}
    for file in everything:
        hosts.setdefault(file.entry.host, {})[file.entry.location] = file.content
    jobs: dict[tuple[str, str, str], Job] = {}
    for file in everything:
        for validator in by_format.get(file.entry.format, ()):
            others = hosts[file.entry.host]
            trials = tuple(validator.trials(file.entry, file.content, others))
            if trials:
                job = Job(validator, file.content, hashlib.sha256(file.content).hexdigest(), digest_of(trials), trials)
                jobs.setdefault(job.key, job).paths.append(file.entry.path)
    return tuple(jobs[key] for key in sorted(jobs, key=lambda key: (jobs[key].paths[0], key)))


def digest_of(trials: Iterable[Trial]) -> str:
    """Return the SHA-256 of all that decides an answer besides the tool: command lines, environment, wishes, bytes."""
    parts = [
        [
            trial.argv,
            sorted(trial.env.items()),
            trial.absolute,
            trial.accounts,
            trial.interfaces,
            trial.serves,
            [(path, hashlib.sha256(content).hexdigest()) for path, content in sorted(trial.files.items())],
        ]
        for trial in trials
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def judge(validator: Validator, content: bytes, answers: Iterable[Answer]) -> tuple[Problem, ...]:
    """Return what the tool refused, in the order of lines, each thing once; nothing when it accepted the file.

    Raises:
        Impossible: the tool crashed and named no problem, or its answer judges nothing.
    """
    found: dict[Problem, None] = {}
    for answer in answers:
        try:
            problems = [on_one_line(problem) for problem in validator.problems(answer, content)]
        except Unclear as unclear:
            raise Impossible(f"{validator.tool} gave no judgement: {unclear}", BY_HAND) from None
        if not problems and (answer.exit_code < 0 or answer.exit_code > 128):
            reason = f"{validator.tool} crashed (exit code {answer.exit_code}): {last_words(answer.output)}"
            raise Impossible(reason, BY_HAND)
        found |= dict.fromkeys(problems)
    return tuple(sorted(found, key=lambda problem: problem.line))


BY_HAND = "run the tool on the file by hand, or try another version of it (`pgc validate --docker`)"


def _find(runner: Runner, validator: Validator, versions: Mapping[str, str]) -> Tool | Impossible:
    try:
        tool = runner.find(validator)
    except Impossible as problem:
        return problem
    wanted = versions.get(validator.tool, "")
    if not _is_version(tool.version, wanted):
        reason = f"{tool.version} is here, and the cluster runs {validator.tool} {wanted}"
        return Impossible(
            reason, f"install {validator.tool} {wanted}, or run `pgc validate --docker` with an image that has it"
        )
    return tool


def _is_version(said: str, wanted: str) -> bool:
    """Say whether what a tool says of itself ("systemd 252.1") is the wanted version ("252", or any), part by part."""
    found = re.search(r"\d+(?:\.\d+)*", said)
    parts = wanted.split(".")
    return not wanted or (found is not None and found[0].split(".")[: len(parts)] == parts)


def _run(job: Job, tool: Tool | Impossible, runner: Runner) -> Verdict:
    seen = (job.sha256, job.inputs, job.validator.name)
    try:
        if isinstance(tool, Impossible):
            raise tool
        problems = judge(job.validator, job.content, [runner.run(job.validator, tool, trial) for trial in job.trials])
    except Impossible as problem:
        version = "" if isinstance(tool, Impossible) else tool.version
        return Verdict(*seen, NOT_VALIDATED, version, visible(problem.reason, 400), problem.way_out)
    return Verdict(*seen, REJECTED if problems else ACCEPTED, tool.version, caveats=tool.caveats, problems=problems)
