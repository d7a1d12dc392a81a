"""What was measured, by scenario, number of hosts and contender."""

from dataclasses import asdict, dataclass, field
from typing import Any

from measure import Series
from workload import Bulk, Shape

SIZES = (Shape(1), Shape(10), Shape(100), Shape(1000))
ONE_CLUSTER = Shape(1, hosts_each=300)


@dataclass(slots=True)
class Results:
    """All series of one run of the benchmark; `hosts` is a shape's label, and empty where no hosts are involved."""

    machine: dict[str, str]
    rounds: int
    bulk: dict[str, Bulk] = field(default_factory=dict)  # by hosts
    assumed: dict[str, str] = field(default_factory=dict)  # by hosts: why the bulk was not measured of pgc
    series: dict[tuple[str, str, str], Series] = field(default_factory=dict)  # (scenario, hosts, contender)
    files: dict[tuple[str, str], int] = field(default_factory=dict)  # (hosts, contender): files that it wrote
    missing: dict[str, str] = field(default_factory=dict)  # contender: why it was not measured at all
    capped: dict[str, str] = field(default_factory=dict)  # contender: up to how many hosts it was measured

    def of(self, scenario: str, hosts: str, contender: str) -> Series | None:
        """Return a complete series, or None."""
        series = self.series.get((scenario, hosts, contender))
        return series if series and series.samples and not series.reason else None

    def wall_s(self, scenario: str, hosts: str, contender: str) -> float | None:
        series = self.of(scenario, hosts, contender)
        return series.wall_s if series else None

    def per_file_s(self, scenario: str, hosts: str, contender: str) -> float | None:
        wall_s, files = self.wall_s(scenario, hosts, contender), self.files.get((hosts, contender))
        return wall_s / files if wall_s is not None and files else None

    def shapes(self, scenario: str) -> list[str]:
        """Return the labels measured in a scenario, in order of size."""
        return list(dict.fromkeys(hosts for name, hosts, _ in self.series if name == scenario))

    def contenders(self, scenario: str) -> list[str]:
        return list(dict.fromkeys(contender for name, _, contender in self.series if name == scenario))

    def as_json(self) -> dict[str, Any]:
        series = [
            dict(zip(("scenario", "hosts", "contender"), key, strict=True))
            | {"files": self.files.get((key[1], key[2]))}
            | asdict(series)
            for key, series in self.series.items()
        ]
        return {
            "format_version": 1,
            "machine": self.machine,
            "rounds": self.rounds,
            "bulk": {hosts: asdict(bulk) for hosts, bulk in self.bulk.items()},
            "bulk_assumed": self.assumed,
            "not_measured": self.missing,
            "capped": self.capped,
            "series": series,
        }
