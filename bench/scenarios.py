"""What is run: cold and unchanged compiles of every contender, and what only pgc does."""

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import contenders
from contenders import BARE, PGC, Contender
from measure import Job, Trial, failure, run
from results import Results
from templates import write_templates
from workload import Bulk, Shape, measure_bulk, write_manifests

ASSUMED = Bulk(files=10, lines=30)


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is, and how long one process may take."""

    trees: Path
    venvs: Path
    temporary: Path
    pgc: Path | None
    rounds: int
    timeout_s: float

    def shape(self, shape: Shape) -> Path:
        return self.trees / shape.label.replace(" ", "-")

    def job(
        self,
        folder: Path,
        command: tuple[str, ...],
        env: Mapping[str, str] | None = None,
        log: str = "log",
        cwd: Path | None = None,
    ) -> Job:
        """Return a process whose home and cache are in `folder`, and that has only PATH of the caller's environment."""
        for name in ("home", "cache"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        own = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "cache")}
        own |= {"LC_ALL": "C.UTF-8", "TMPDIR": str(self.temporary), "GIT_CONFIG_GLOBAL": os.devnull}
        return Job(command, cwd or folder, own | dict(env or {}), folder / log, folder / "out")

    def compile(self, shape: Shape, contender: Contender | None, number: int, log: str = "log") -> Job:
        """Return the compile of one round, a peer's or (None) pgc's."""
        name = re.sub(r"\W+", "-", contender.name if contender else PGC)
        source, templates = self.shape(shape) / "in", self.shape(shape) / "templates"
        folder = self.shape(shape) / name / str(number)
        if contender is None:
            return self.job(folder, (str(self.pgc), "compile", str(source), "--out", str(folder / "out")), log=log)
        project = contenders.prepare(contender, self.venvs, source, self.shape(shape) / contender.peer, templates)
        return self.job(folder, contenders.command(contender, self.venvs, project, folder / "out", templates), log=log)


def write_inputs(place: Place, shape: Shape, results: Results) -> None:
    """Write the manifests, see how much pgc makes of them, and write the peers' templates to match."""
    write_manifests(place.shape(shape) / "in", shape)
    reason: str | None = "there is no pgc"
    bulk = ASSUMED
    if place.pgc:
        job = place.compile(shape, None, -1)
        reason = failure(run(job, place.timeout_s), job, place.timeout_s)
        bulk = ASSUMED if reason else measure_bulk(job.output, shape.hosts)
    results.bulk[shape.label] = bulk
    if reason:
        results.assumed[shape.label] = contenders.plain(reason)
    write_templates(place.shape(shape) / "templates", bulk, shape.hosts_each)


def contents(tree: Path) -> tuple[int, str]:
    """Return the number of files in a tree and a digest of what is in them, wherever they lie."""
    files = [path for path in tree.rglob("*") if path.is_file()]
    digests = sorted(hashlib.sha256(path.read_bytes().rstrip(b"\n")).digest() for path in files)
    return len(files), hashlib.sha256(b"".join(digests)).hexdigest()


def judge(results: Results, shape: Shape, contender: str, first: dict[str, str]) -> Callable[[Job], str | None]:
    """Return the check of a cold compile: pgc gives every host files, the peers all write what the first of them wrote.

    Args:
        first: the digest of what the first peer wrote, empty until then.
    """

    def problem(job: Job) -> str | None:
        files, digest = contents(job.output)
        results.files[shape.label, contender] = files
        if contender == PGC:
            hosts = len(list(job.output.glob("*/hosts/*")))
            return None if hosts == shape.hosts else f"wrote {hosts} hosts instead of {shape.hosts}"
        return None if first.setdefault("digest", digest) == digest else "wrote other bytes than the first peer"

    return problem


def cold(place: Place, shape: Shape, peers: list[Contender], results: Results) -> Iterator[Trial]:
    first: dict[str, str] = {}
    if place.pgc:
        yield Trial(PGC, partial(place.compile, shape, None), judge(results, shape, PGC, first))
    for peer in peers:
        if shape.hosts <= peer.cold_up_to:
            yield Trial(peer.name, partial(place.compile, shape, peer), judge(results, shape, peer.name, first))


def unchanged(place: Place, shape: Shape, peers: list[Contender], results: Results) -> Iterator[Trial]:
    """Compile again where the last cold round compiled."""
    if results.of("cold", shape.label, PGC):
        yield Trial(PGC, always(place.compile(shape, None, place.rounds, "unchanged.log")))
    for peer in peers:
        if shape.hosts <= peer.unchanged_up_to and results.of("cold", shape.label, peer.name):
            yield Trial(peer.name, always(place.compile(shape, peer, place.rounds, "unchanged.log")))


def always(job: Job) -> Callable[[int], Job]:
    return lambda number: job


def said(word: str) -> Callable[[Job], str | None]:
    return lambda job: None if word in job.log.read_text(errors="replace") else f"did not print {word!r}"


def bare(place: Place) -> Trial:
    """Return what any program in Python costs at least."""
    return Trial(BARE, always(place.job(place.trees / "bare", (sys.executable, "-c", "pass"))))


def help_and_completion(place: Place) -> Iterator[tuple[str, list[Trial]]]:
    folder, pgc = place.trees / "cli", str(place.pgc)
    typed = {"_PGC_COMPLETE": "bash_complete", "COMP_WORDS": "pgc com", "COMP_CWORD": "1"}
    for scenario, job in (
        ("help", place.job(folder, (pgc, "--help"))),
        ("completion", place.job(folder, (pgc,), typed)),
    ):
        yield scenario, [Trial(PGC, always(job), said("compile")), bare(place)]


def diff(place: Place, shape: Shape) -> tuple[list[Trial], str | None]:
    """Commit a compiled tree, change the failover objective of every cluster, compile again; return the diff's trial.

    Or, without a trial, why the trees could not be made.
    """
    if shutil.which("git") is None:
        return [], "git is not installed"
    repository, steps = place.trees / "diff", place.trees / "diff-steps"
    git = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0")
    compile_all = (str(place.pgc), "compile", "clusters")
    commit = [
        (*git, "init", "--quiet"),
        compile_all,
        (*git, "add", "."),
        (*git, "commit", "--quiet", "--message", "base"),
    ]
    for failover_s, commands in ((30, commit), (60, [compile_all])):
        write_manifests(repository / "clusters", shape, failover_s)
        for command in commands:
            job = place.job(steps, command, cwd=repository)
            if reason := failure(run(job, place.timeout_s), job, place.timeout_s):
                return [], f"{' '.join((Path(command[0]).name, *command[1:]))}: {reason}"
    job = place.job(steps, (str(place.pgc), "diff", "HEAD"), cwd=repository)
    return [Trial(PGC, always(job), said("c0001"))], None
