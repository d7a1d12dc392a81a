"""The goals, each computed from the results: nothing here is written by hand but the limits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contenders import CONTENDERS, FLOOR, PGC
from results import Results

Value = Callable[[Results], float | None]


@dataclass(frozen=True, slots=True)
class Goal:
    text: str
    value: Value
    limit: float
    unit: str
    at_least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


def wall_s(scenario: str, hosts: str) -> Value:
    return lambda results: results.wall_s(scenario, hosts, PGC)


def ratio(over: float | None, under: float | None) -> float | None:
    return over / under if over is not None and under else None


def times_floor(hosts: str) -> Value:
    return lambda results: ratio(results.wall_s("cold", hosts, PGC), results.wall_s("cold", hosts, FLOOR))


def faster_than(peer: str, hosts: str, times: float) -> Goal:
    """Return the goal that a peer takes so many times longer than pgc for one file."""

    def value(results: Results) -> float | None:
        return ratio(results.per_file_s("cold", hosts, peer), results.per_file_s("cold", hosts, PGC))

    return Goal(f"Time a file of {peer} over pgc's, {hosts} hosts", value, times, "×", at_least=True)


def times_compiled(hosts: str) -> Value:
    """Return how many times longer than the fastest compiled peer pgc takes for one file."""

    def value(results: Results) -> float | None:
        names = [contender.name for contender in CONTENDERS if contender.compiled]
        measured = [time for name in names if (time := results.per_file_s("cold", hosts, name)) is not None]
        return ratio(results.per_file_s("cold", hosts, PGC), min(measured, default=None))

    return value


def slope_ratio(results: Results) -> float | None:
    """Return what one more host costs between 300 and 3000, over what it costs between 30 and 300: 1 is linear."""
    few, some, many = (results.wall_s("cold", hosts, PGC) for hosts in ("30", "300", "3000"))
    if few is None or some is None or many is None:
        return None
    return ratio((many - some) / 2700, max(0.0, some - few) / 270)


def peak_mib(results: Results) -> float | None:
    series = results.of("cold", "3000", PGC)
    return series.peak_bytes / 2**20 if series else None


GOALS = (
    Goal("Cold, 3 hosts, against plain Python", times_floor("3"), 2, "×"),
    Goal("Cold, 3 hosts", wall_s("cold", "3"), 0.4, "s"),
    Goal("Cold, 300 hosts", wall_s("cold", "300"), 0.7, "s"),
    Goal("Cold, 3000 hosts", wall_s("cold", "3000"), 3, "s"),
    Goal("Linear: one more host, from 300 to 3000 against from 30 to 300", slope_ratio, 1.25, "×"),
    Goal("Peak memory, 3000 hosts", peak_mib, 1024, "MiB"),
    faster_than("Kapitan kadet", "3000", 10),
    faster_than("Kapitan kadet (text)", "3000", 10),
    faster_than("Kapitan jinja2", "300", 10),
    Goal("Time a file over that of the fastest compiled peer, 3000 hosts", times_compiled("3000"), 1.5, "×"),
    faster_than("Ansible template", "30", 100),
    Goal("Unchanged, 3 hosts", wall_s("unchanged", "3"), 0.15, "s"),
    Goal("Unchanged, 300 hosts", wall_s("unchanged", "300"), 0.15, "s"),
    Goal("Unchanged, 3000 hosts", wall_s("unchanged", "3000"), 0.25, "s"),
    Goal("`pgc --help`", wall_s("help", ""), 0.15, "s"),
    Goal("Shell completion", wall_s("completion", ""), 0.15, "s"),
    Goal("`pgc diff` of two trees of 300 hosts", wall_s("diff", "300"), 1, "s"),
)


def judged(results: Results) -> list[dict[str, Any]]:
    """Return every goal with what was measured; `met` is None where nothing was."""
    values = [(goal, goal.value(results)) for goal in GOALS]
    return [
        {
            "goal": goal.text,
            "limit": goal.limit,
            "unit": goal.unit,
            "value": value,
            "met": None if value is None else goal.met(value),
        }
        for goal, value in values
    ]
