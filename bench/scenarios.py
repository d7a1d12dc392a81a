"""What is run: cold and unchanged compiles of every contender, and what only pgc does."""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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

    def job(self, folder: Path, command: tuple[str, ...], log: str = "log", cwd: Path | None = None, **env: str) -> Job:
        """Return a process whose home and cache are in `folder`, with nothing else of the caller's environment but PATH."""
        for name in ("home", "cache"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        own = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "cache")}
        own |= {"LC_ALL": "C.UTF-8", "TMPDIR": str(self.temporary), "GIT_CONFIG_GLOBAL": os.devnull}
        return Job(command, cwd or folder, own | env, folder / log, folder / "out")

    def compile(self, shape: Shape, contender: Contender | None, number: int, log: str = "log") -> Job:
        """Return the compile of one round; None is pgc."""
        name = re.sub(r"\W+", "-", contender.name if contender else PGC)
        source, templates = self.shape(shape) / "in", self.shape(shape) / "templates"
        folder = self.shape(shape) / name / str(number)
        if contender is None:
            command = (str(self.pgc), "compile", str(source), "--out", str(folder / "out"))
        else:
            project = contenders.prepare(contender, self.venvs, source, self.shape(shape) / contender.peer, templates)
            command = contenders.command(contender, self.venvs, project, folder / "out", templates)
        return self.job(folder, command, log)


def bulk_of_pgc(place: Place, shape: Shape) -> tuple[Bulk, str]:
    """Return how much pgc writes for a host of this shape, and `pgc`; or what is assumed, and why."""
    if place.pgc is None:
        return ASSUMED, "there is no pgc"
    job = place.job(place.shape(shape) / "probe", (str(place.pgc), "compile", str(place.shape(shape) / "in"), "--out", "out"))
    if reason := failure(run(job, place.timeout_s), job, place.timeout_s):
        return ASSUMED, "pgc compile: " + contenders.plain(reason)
    return measure_bulk(job.output, shape.hosts), PGC


def write_inputs(place: Place, shape: Shape, bulk: Bulk) -> None:
    write_templates(place.shape(shape) / "templates", bulk, shape.hosts_each)


def contents(tree: Path) -> tuple[int, str]:
    """Return the number of files in a tree and a digest of what is in them, wherever they lie."""
    files = [path for path in tree.rglob("*") if path.is_file()]
    digests = sorted(hashlib.sha256(path.read_bytes().rstrip(b"\n")).digest() for path in files)
    return len(files), hashlib.sha256(b"".join(digests)).hexdigest()


def judge(results: Results, shape: Shape, contender: str, first: dict[str, str]) -> Callable[[Job], str | None]:
    """Return the check of a cold compile: pgc gives every host files; the peers all write what the `first` of them wrote."""

    def problem(job: Job) -> str | None:
        files, digest = contents(job.output)
        results.files[shape.label, contender] = files
        if contender == PGC:
            hosts = sum(1 for _ in job.output.glob("*/hosts/*"))
            return None if hosts == shape.hosts else f"wrote {hosts} hosts instead of {shape.hosts}"
        return None if first.setdefault("digest", digest) == digest else "wrote other bytes than the first peer"

    return problem


def cold(place: Place, shape: Shape, peers: list[Contender], results: Results) -> Iterator[Trial]:
    first: dict[str, str] = {}
    if place.pgc:
        yield Trial(PGC, lambda number: place.compile(shape, None, number), judge(results, shape, PGC, first))
    for peer in peers:
        if shape.hosts <= peer.cold_up_to:
            yield Trial(
                peer.name, lambda number, peer=peer: place.compile(shape, peer, number), judge(results, shape, peer.name, first)
            )


def unchanged(place: Place, shape: Shape, peers: list[Contender], results: Results) -> Iterator[Trial]:
    """Compile again where the last cold round compiled."""
    if results.of("cold", shape.label, PGC):
        yield Trial(PGC, lambda number: place.compile(shape, None, place.rounds, "unchanged.log"))
    for peer in peers:
        if shape.hosts <= peer.unchanged_up_to and results.of("cold", shape.label, peer.name):
            yield Trial(peer.name, lambda number, peer=peer: place.compile(shape, peer, place.rounds, "unchanged.log"))


def said(word: str) -> Callable[[Job], str | None]:
    return lambda job: None if word in job.log.read_text(errors="replace") else f"did not print {word!r}"


def bare(place: Place) -> Trial:
    """Return what any program in Python costs at least."""
    return Trial(BARE, lambda number: place.job(place.trees / "bare", (sys.executable, "-c", "pass")))


def help_and_completion(place: Place) -> Iterator[tuple[str, list[Trial]]]:
    typed = {"_PGC_COMPLETE": "bash_complete", "COMP_WORDS": "pgc com", "COMP_CWORD": "1"}
    for scenario, options, env in (("help", ("--help",), {}), ("completion", (), typed)):
        own = Trial(
            PGC,
            lambda number, options=options, env=env: place.job(place.trees / "cli", (str(place.pgc), *options), **env),
            said("compile"),
        )
        yield scenario, [own, bare(place)]


def diff(place: Place, shape: Shape) -> tuple[list[Trial], str | None]:
    """Commit a compiled tree, change the failover objective of every cluster, compile again; return the diff's trial.

    Or, without a trial, why the trees could not be made.
    """
    repository = place.trees / "diff"
    steps = place.trees / "diff-steps"
    git = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0")
    compile_all = (str(place.pgc), "compile", "clusters", "--out", "generated")
    repository.mkdir(parents=True)
    for failover_s, commands in (
        (30, [(*git, "init", "--quiet"), compile_all, (*git, "add", "."), (*git, "commit", "--quiet", "--message", "base")]),
        (60, [compile_all]),
    ):
        write_manifests(repository / "clusters", shape, failover_s)
        for command in commands:
            job = place.job(steps, command, cwd=repository)
            try:
                reason = failure(run(job, place.timeout_s), job, place.timeout_s)
            except FileNotFoundError:
                reason = "not installed"
            if reason:
                return [], f"{Path(command[0]).name}: {reason}"
    trial = Trial(PGC, lambda number: place.job(steps, (str(place.pgc), "diff", "HEAD"), "diff.log", cwd=repository), said("c0001"))
    return [trial], None
