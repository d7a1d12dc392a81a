"""What Patroni releases and PostgreSQL servers know, as data files that read_catalogue.py wrote from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Release:
    """One minor version of Patroni. See read_catalogue.py for what the fields hold."""

    version: str
    keys: dict[str, Any]
    owned: dict[str, dict[str, Any]]
    parameters: dict[str, list[dict[str, Any]]]
    recovery_parameters: dict[str, list[dict[str, Any]]]
    metrics: tuple[str, ...]

    @cached_property
    def dynamic_only(self) -> frozenset[str]:
        """Parameters that count in the dynamic configuration alone."""
        return frozenset(name for name, row in self.owned.items() if not row.get("never") and name != "hot_standby")

    @cached_property
    def never(self) -> frozenset[str]:
        """Parameters that Patroni sets by itself, whatever a configuration says."""
        return frozenset({name for name, row in self.owned.items() if row.get("never")} | {"hot_standby"})

    def unit(self, name: str, major: int) -> str:
        """Return the unit in which PostgreSQL counts a parameter, or the empty string."""
        return str((self.rule(name, major) or (self.recovery_parameters.get(name) or ({},))[-1]).get("unit", ""))

    def rule(self, name: str, major: int) -> dict[str, Any] | None:
        """Return what Patroni demands of a parameter in a major version, or None where it does not know it."""
        for row in self.parameters.get(name, ()):
            if row["from"] < (major + 1) * 10000 and row.get("till", 10**6) > major * 10000:
                return row
        return None

    def knows(self, name: str, major: int) -> bool:
        """Say whether Patroni passes a parameter on. Source: patroni/postgresql/validator.py, transform_postgresql_parameter_value."""
        return (
            "." in name
            or name in self.owned
            or name in self.recovery_parameters
            or name in described(major)
            or self.rule(name, major) is not None
        )


@lru_cache(maxsize=8)
def of(version: str) -> Release:
    """Return a minor version's catalogue. Raises FileNotFoundError for one that was not read."""
    data = json.loads((HERE / f"patroni-{version}.json").read_text())
    return Release(
        data["version"],
        data["keys"],
        data["owned"],
        data["parameters"],
        data["recovery_parameters"],
        tuple(data["metrics"]),
    )


@lru_cache(maxsize=8)
def described(major: int) -> frozenset[str]:
    """Return the parameters that a server's `--describe-config` lists.

    A major that was not read has those that both its neighbours have: what came or went in between, Patroni's own list knows.
    """
    read: dict[str, list[str]] = json.loads((HERE / "postgresql.json").read_text())
    if str(major) in read:
        return frozenset(read[str(major)])
    below = [each for each in map(int, read) if each < major]
    above = [each for each in map(int, read) if each > major]
    if not below or not above:
        return frozenset(read[max(read, key=int)]) if below else frozenset()
    return frozenset(read[str(max(below))]) & frozenset(read[str(min(above))])
