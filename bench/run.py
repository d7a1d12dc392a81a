"""The benchmark: pgc and its peers as whole processes, side by side. Writes RESULTS.md and results.json.

    python bench/run.py                       everything, about three quarters of an hour on two cores
    python bench/run.py --quick               3 and 30 hosts, three rounds, Ansible at 3: a few minutes
    python bench/run.py --peers none          pgc alone
    python bench/run.py --peers plain,kcl     pgc and some

A complete run writes into bench/; any other into bench/.work/, so that it does not replace complete results.
"""

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import machine
import scenarios
from contenders import CONTENDERS, PGC, Contender, install, plain
from goals import judged
from measure import Series, Trial, side_by_side
from report import markdown
from results import ONE_CLUSTER, SIZES, Results
from scenarios import Place
from workload import Shape

BENCH = Path(__file__).resolve().parent


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 and 30 hosts, three rounds")
    peers = ",".join(dict.fromkeys(contender.peer for contender in CONTENDERS))
    parser.add_argument("--peers", default="all", help=f"all, none, or some of {peers} (default all)")
    parser.add_argument("--pgc", help="the pgc to measure (default: the one beside this Python, or on PATH)")
    parser.add_argument("--rounds", type=int, help="counted rounds (default 5; 3 with --quick)")
    parser.add_argument("--max-hosts", type=int, help="leave out larger numbers of hosts")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS", help="for one process (default 600)")
    parser.add_argument(
        "--work", type=Path, default=BENCH / ".work", help="where trees are written, and deleted at the end"
    )
    parser.add_argument("--venvs", type=Path, default=BENCH / ".venvs", help="where the peers are installed")
    parser.add_argument("--results", type=Path, help="where RESULTS.md and results.json go")
    given = parser.parse_args()
    given.rounds = given.rounds or (3 if given.quick else 5)
    given.max_hosts = given.max_hosts or (30 if given.quick else SIZES[-1].hosts)
    complete = not given.quick and given.peers == "all" and given.rounds >= 5 and given.max_hosts >= SIZES[-1].hosts
    given.results = given.results or (BENCH if complete else given.work)
    return given


def find_pgc(given: str | None) -> Path | None:
    beside = Path(sys.executable).parent
    found = shutil.which(given) if given else shutil.which("pgc", path=beside) or shutil.which("pgc")
    return Path(found).absolute() if found else None


def installed_peers(wanted: str, quick: bool, venvs: Path, results: Results) -> list[Contender]:
    """Install the wanted peers; those that cannot be had are noted as missing, with the reason.

    Args:
        quick: lower their caps to a tenth.
    """
    names = {contender.peer for contender in CONTENDERS}
    asked = names if wanted == "all" else set() if wanted == "none" else set(wanted.split(","))
    if unknown := asked - names:
        sys.exit(f"run.py: no such peer: {', '.join(sorted(unknown))}; there are {', '.join(sorted(names))}")
    present = []
    reasons: dict[str, str | None] = dict.fromkeys(names - asked, "not asked for (--peers)")
    for contender in CONTENDERS:
        if contender.peer not in reasons:
            say(f"installing {contender.peer}")
            reasons[contender.peer] = install(contender.peer, venvs)
        if reason := reasons[contender.peer]:
            results.missing[contender.name] = reason
        else:
            share = 10 if quick else 1
            cold, unchanged = contender.cold_up_to // share, contender.unchanged_up_to // share
            present.append(replace(contender, cold_up_to=cold, unchanged_up_to=unchanged))
            if min(cold, unchanged) < SIZES[-1].hosts // share:
                results.capped[contender.name] = f"{cold} hosts cold, {unchanged} unchanged"
    return present


def room_for(trees: Path, shapes: list[Shape], contenders: int, rounds: int, files: int) -> str | None:
    """Return why the disk is too small for all the trees, which are kept until the end; or None."""
    need = sum(shape.hosts for shape in shapes) * files * contenders * (rounds + 1) * 4.5 * 1024
    free = shutil.disk_usage(trees).free
    return None if need < free else f"needs {need / 2**30:.0f} GiB of disk, {free / 2**30:.0f} GiB are free"


def measure(place: Place, peers: list[Contender], shapes: list[Shape], results: Results) -> None:
    """Run all scenarios; the series go into `results`."""

    def note(scenario: str, hosts: str, trials: list[Trial]) -> None:
        say(f"{scenario} {hosts}")
        for name, series in side_by_side(trials, place.rounds, place.timeout_s, say).items():
            series.reason = plain(series.reason) if series.reason else None
            results.series[scenario, hosts, name] = series

    if place.pgc:
        for scenario, trials in scenarios.help_and_completion(place):
            note(scenario, "", trials)
    for shape in shapes:
        scenarios.write_inputs(place, shape, results)
        note("cold", shape.label, list(scenarios.cold(place, shape, peers, results)))
    for shape in shapes:
        note("unchanged", shape.label, list(scenarios.unchanged(place, shape, peers, results)))
    of_300 = SIZES[2]
    if place.pgc and of_300 in shapes:
        trials, reason = scenarios.diff(place, of_300)
        note("diff", of_300.label, trials)
        if reason:
            results.series["diff", of_300.label, PGC] = Series(reason=plain(reason))


def main() -> None:
    given = arguments()
    given.work.mkdir(parents=True, exist_ok=True)
    trees = Path(tempfile.mkdtemp(prefix="run-", dir=given.work.resolve()))
    memory = Path("/dev/shm")
    temporary = Path(tempfile.mkdtemp(prefix="bench-", dir=memory if memory.is_dir() else given.work))
    creating_us = machine.creation_us(trees / "creation") if given.quick else machine.calm_creation_us(trees, say)
    results = Results(machine.describe(trees, creating_us), given.rounds)
    place = Place(trees, given.venvs.resolve(), temporary, find_pgc(given.pgc), given.rounds, given.timeout)
    if place.pgc is None:
        results.missing[PGC] = "no such command beside this Python or on PATH"
    shapes = [shape for shape in SIZES if shape.hosts <= given.max_hosts]
    if given.max_hosts >= ONE_CLUSTER.hosts:
        shapes.insert(3, ONE_CLUSTER)
    try:
        peers = installed_peers(given.peers, given.quick, place.venvs, results)
        if reason := room_for(trees, shapes, len(peers) + 1, given.rounds, files=20):
            sys.exit(f"run.py: {reason}; give another folder with --work, or --max-hosts")
        measure(place, peers, shapes, results)
        given.results.mkdir(parents=True, exist_ok=True)
        (given.results / "results.json").write_text(
            json.dumps(results.as_json() | {"goals": judged(results)}, indent=1) + "\n"
        )
        (given.results / "RESULTS.md").write_text(markdown(results))
        say(f"written: RESULTS.md and results.json in {given.results}")
    finally:
        shutil.rmtree(trees)
        shutil.rmtree(temporary)


if __name__ == "__main__":
    main()
