"""The results as a Markdown page: ratios first, then goals, medians, and how it was measured."""

from collections.abc import Callable, Iterator, Sequence

from contenders import CONTENDERS, FLOOR, PGC
from goals import GOALS
from measure import Series
from results import Results

METHOD = """\
- A figure is a whole process: the clock starts before it is started and stops when it and its children have been waited for.
  Seconds are wall-clock medians; CPU is user and system time with all children.
- All contenders of a scenario run in turn, round by round, each round beginning with another one, after a warm-up round that
  is not counted. Installed packages, their bytecode and the page cache are warm for everybody; before each run the disk's
  backlog is written out.
- *Cold*: an empty cache folder, no output folder. *Unchanged*: the same command again on its own output and cache.
- Each peer reads the same manifests and writes as many files a host, with as many lines, as pgc does (all of pgc's files, those
  of a cluster shared out among its hosts). Their files are compared: all peers must write the same bytes (a newline at the end
  of a file aside). They render one short template each; pgc also derives, checks, and records where each value comes from.
- Kapitan and Ansible get the manifests as an inventory of their own, written before the clock starts.
- Peak memory is the larger of the biggest process's resident set (which the benchmark's own size bounds from below) and the
  proportional set size of the whole tree of processes, sampled every 10 ms in the warm-up round.
- Nothing is deleted between runs, and temporary files are in memory where the machine has a memory filesystem: ext4 searches
  past recently freed inodes, so deleting big trees would slow down whoever runs next.
"""


def figure(value: float | None, unit: str = "") -> str:
    """Return a number with three significant digits, never in exponents."""
    if value is None:
        return "–"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f}" + (unit if unit in ("", "×") else f" {unit}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def hosts_head(results: Results, scenario: str) -> list[str]:
    return ["hosts", *results.shapes(scenario)]


def ratios(results: Results, scenario: str) -> str:
    """Return how many times as long as pgc (without pgc: as the floor) each takes for one file."""
    base = PGC if PGC in results.contenders(scenario) and PGC not in results.missing else FLOOR
    rows = []
    for contender in results.contenders(scenario):
        cells = []
        for hosts in results.shapes(scenario):
            own, other = results.per_file_s(scenario, hosts, base), results.per_file_s(scenario, hosts, contender)
            cells.append(figure(other / own if own and other else None, "×"))
        rows.append([contender, *cells])
    return f"Time a file, as a multiple of {base}'s:\n\n" + table(hosts_head(results, scenario), rows)


def medians(results: Results, scenario: str, show: Callable[[Series], str]) -> str:
    rows = [
        [
            contender,
            *(show(series) if (series := results.of(scenario, hosts, contender)) else "–" for hosts in results.shapes(scenario)),
        ]
        for contender in results.contenders(scenario)
    ]
    return table(hosts_head(results, scenario), rows)


def wall(series: Series) -> str:
    walls = [sample.wall_s for sample in series.samples]
    return f"{figure(series.wall_s)} ({figure(min(walls))}–{figure(max(walls))})"


def goals(results: Results) -> str:
    rows = []
    for goal in GOALS:
        value = goal.value(results)
        verdict = "not measured" if value is None else "met" if goal.met(value) else "**not met**"
        limit = ("at least " if goal.at_least else "at most ") + f"{goal.limit:g}" + (goal.unit if goal.unit == "×" else f" {goal.unit}")
        rows.append([goal.text, limit, figure(value, goal.unit), verdict])
    return table(["goal", "limit", "measured", "verdict"], rows)


def small(results: Results) -> str:
    """Return the scenarios in which pgc has no peer."""
    rows = [
        [scenario + (f", {hosts} hosts" if hosts else ""), contender, wall(series), figure(series.cpu_s), f"{series.peak_bytes / 2**20:.0f}"]
        for (scenario, hosts, contender), series in results.series.items()
        if scenario in ("help", "completion", "diff") and results.of(scenario, hosts, contender)
    ]
    return table(["what", "process", "wall s (min–max)", "CPU s", "peak MiB"], rows)


def not_measured(results: Results) -> Iterator[str]:
    for contender, reason in results.missing.items():
        yield f"- {contender}: not measured: {reason}"
    for (scenario, hosts, contender), series in results.series.items():
        if series.reason:
            yield f"- {contender}, {scenario}{', ' + hosts + ' hosts' if hosts else ''}: not measured: {series.reason}"


def workload(results: Results) -> Iterator[str]:
    source = "as pgc was measured to write" if results.bulk_from == PGC else f"assumed: {results.bulk_from}"
    for label, bulk in results.bulk.items():
        yield f"- {label}: {bulk.files} files a host, {bulk.lines} lines a file ({source})"


def markdown(results: Results) -> str:
    """Return the whole page."""
    about = [f"- **{one.name}** ({one.version}): {one.about}." for one in CONTENDERS]
    lacking = list(not_measured(results)) or ["- Nothing is missing."]
    parts = ["# Benchmark\n", f"Written by `make bench`; medians of {results.rounds} runs.\n"]
    for scenario in ("cold", "unchanged"):
        if results.contenders(scenario):
            parts += [f"## Ratios, {scenario}\n", ratios(results, scenario)]
    parts += ["## Goals\n", goals(results)]
    for scenario in ("cold", "unchanged"):
        if results.contenders(scenario):
            parts += [f"## Medians, {scenario}\n", "Wall seconds (min–max):\n", medians(results, scenario, wall)]
            parts += ["CPU seconds:\n", medians(results, scenario, lambda series: figure(series.cpu_s))]
            parts += ["Peak MiB:\n", medians(results, scenario, lambda series: f"{series.peak_bytes / 2**20:.0f}")]
    parts += ["## Medians, the rest\n", small(results)]
    parts += ["## Not measured\n", "\n".join(lacking) + "\n"]
    parts += ["## Machine\n", table(["what", "value"], [list(item) for item in results.machine.items()])]
    parts += ["## Workload\n", "Hosts in clusters of 3, a manifest a cluster, unless said otherwise.\n"]
    parts += ["\n".join(workload(results)) + "\n", "## Contenders\n", "\n".join(about) + "\n", "## How it was measured\n", METHOD]
    return "\n".join(parts)
