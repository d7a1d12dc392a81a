"""The results as a Markdown page: ratios first, then goals, medians, and how it was measured."""

from collections.abc import Callable, Iterator, Sequence

from contenders import CONTENDERS, FLOOR, PGC
from goals import GOALS
from measure import Series
from results import Results

METHOD = """\
- A figure is a whole process: the clock starts before the process and stops when it and its children have been waited
  for. Wall seconds are medians, with the least and the most; CPU is user and system time, children included.
- All contenders of a scenario run in turn, round by round, each round beginning with another one, after a warm-up round
  that is not counted. Installed packages, their bytecode and the page cache are warm for everybody; before each run the
  disk's backlog is written out.
- *Cold*: an empty cache folder, no output folder. *Unchanged*: the same command again on its own output and cache.
- Each peer reads the same manifests and writes as many files a host, with as many lines, as pgc does (all of pgc's
  files, those of a cluster shared out among its hosts). All peers must write the same bytes, a newline at the end of a
  file aside. They fill in short templates; pgc also derives, checks, and records where each value comes from.
- Kapitan and Ansible get the manifests as an inventory of their own, written before the clock starts.
- Peak memory is the larger of two: the resident set of the biggest process (never below the benchmark's own, some
  20 MiB), and the proportional set size of the whole tree of processes, sampled every 10 ms or more in the warm-up round.
- Nothing is deleted between runs, and temporary files are in memory where the machine has a memory filesystem: ext4
  searches past recently freed inodes, so deleting big trees slows down whoever creates files next.
"""


def figure(value: float | None, unit: str = "") -> str:
    """Return a number with three significant digits, never in exponents."""
    if value is None:
        return "–"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f}" + (unit if unit in ("", "×") else f" {unit}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """Return a table whose first columns hold `words`, the others numbers."""
    lines = [head, ["---" if column < words else "---:" for column in range(len(head))], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def hosts_head(results: Results, scenario: str) -> list[str]:
    return ["hosts", *results.shapes(scenario)]


def ratios(results: Results, scenario: str) -> str:
    """Return how many times as long as pgc each takes for one file; where pgc was not measured, as the floor."""
    base = PGC if any(results.of(scenario, hosts, PGC) for hosts in results.shapes(scenario)) else FLOOR
    rows = []
    for contender in results.contenders(scenario):
        cells = []
        for hosts in results.shapes(scenario):
            own, other = results.per_file_s(scenario, hosts, base), results.per_file_s(scenario, hosts, contender)
            cells.append(figure(other / own if own and other else None, "×"))
        rows.append([contender, *cells])
    return f"Time a file, as a multiple of {base}'s:\n\n" + table(hosts_head(results, scenario), rows)


def medians(results: Results, scenario: str, show: Callable[[Series], str]) -> str:
    rows = []
    for contender in results.contenders(scenario):
        measured = [results.of(scenario, hosts, contender) for hosts in results.shapes(scenario)]
        rows.append([contender, *(show(series) if series else "–" for series in measured)])
    return table(hosts_head(results, scenario), rows)


def wall(series: Series) -> str:
    walls = [sample.wall_s for sample in series.samples]
    return f"{figure(series.wall_s)} ({figure(min(walls))}–{figure(max(walls))})"


def peak(series: Series) -> str:
    return f"{series.peak_bytes / 2**20:.0f}"


def goals(results: Results) -> str:
    rows = []
    for goal in GOALS:
        value = goal.value(results)
        verdict = "not measured" if value is None else "met" if goal.met(value) else "**not met**"
        limit = f"{goal.limit:g}" + (goal.unit if goal.unit == "×" else f" {goal.unit}")
        bound = "at least" if goal.at_least else "at most"
        rows.append([goal.text, verdict, figure(value, goal.unit), f"{bound} {limit}"])
    return table(["goal", "verdict", "measured", "limit"], rows, words=2)


def small(results: Results) -> str:
    """Return the scenarios in which pgc has no peer."""
    rows = []
    for scenario, hosts, contender in results.series:
        series = results.of(scenario, hosts, contender)
        if series and scenario in ("help", "completion", "diff"):
            what = scenario + (f", {hosts} hosts" if hosts else "")
            rows.append([what, contender, wall(series), figure(series.cpu_s), peak(series)])
    return table(["what", "process", "wall s (min–max)", "CPU s", "peak MiB"], rows, words=2)


def not_measured(results: Results) -> Iterator[str]:
    for contender, reason in results.missing.items():
        yield f"- {contender}: not measured: {reason}"
    for contender, caps in results.capped.items():
        yield f"- {contender}: not measured beyond {caps}"
    for (scenario, hosts, contender), series in results.series.items():
        if series.reason:
            yield f"- {contender}, {scenario}{', hosts: ' + hosts if hosts else ''}: not measured: {series.reason}"


def workload(results: Results) -> Iterator[str]:
    for hosts, bulk in results.bulk.items():
        reason = results.assumed.get(hosts)
        source = f"assumed: {reason}" if reason else "as pgc was measured to write"
        yield f"- {hosts}: {bulk.files} files a host, {bulk.lines} lines a file ({source})"


def markdown(results: Results) -> str:
    """Return the whole page."""
    about = [f"- **{one.name}** ({one.version}): {one.about}." for one in CONTENDERS]
    lacking = list(not_measured(results)) or ["- Nothing is missing."]
    parts = ["# Benchmark\n", f"Written by `make bench`; rounds counted: {results.rounds}.\n"]
    for scenario in ("cold", "unchanged"):
        if results.contenders(scenario):
            parts += [f"## Ratios, {scenario}\n", ratios(results, scenario)]
    parts += ["## Goals\n", goals(results)]
    for scenario in ("cold", "unchanged"):
        if results.contenders(scenario):
            parts += [f"## Medians, {scenario}\n", "Wall seconds (min–max):\n", medians(results, scenario, wall)]
            parts += ["CPU seconds:\n", medians(results, scenario, lambda series: figure(series.cpu_s))]
            parts += ["Peak MiB:\n", medians(results, scenario, peak)]
    parts += ["## Medians, the rest\n", small(results)]
    parts += ["## Not measured\n", "\n".join(lacking) + "\n"]
    parts += ["## Machine\n", table(["what", "value"], list(results.machine.items()), words=2)]
    parts += ["## Workload\n", "Hosts in clusters of 3, a manifest a cluster, unless said otherwise.\n"]
    parts += ["\n".join(workload(results)) + "\n", "## Contenders\n", "\n".join(about) + "\n"]
    parts += ["## How it was measured\n", METHOD]
    return "\n".join(parts)
