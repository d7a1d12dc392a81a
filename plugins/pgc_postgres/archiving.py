"""How long WAL may wait before it is archived: left open, so that the recovery point decides it."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Site
from pgc.diagnostics import Path
from pgc.facts import Choice, Fact, Parameter, Rule
from pgc.provenance import Origin
from pgc.terms import Const, Constraint, Open, total, var
from pgc_postgres.by_hand import given, number
from pgc_postgres.section import PostgresSection

ARCHIVE_TIMEOUT = "postgres.archive_timeout_s"
CANDIDATES_S = (300, 180, 120, 60, 30)
PUSH_S = 30
"""Seconds that a finished segment of 16 MB may take until it is safe in the archive; a slower link is watched by an alert."""

RECOVERY_POINT = ("objectives", "recovery_point")


def contribute(section: PostgresSection, site: Site) -> Iterator[Fact]:
    """Give archive_timeout as an open value, and the rule that the recovery point puts on it.

    A restore loses what was not archived: at most archive_timeout and the time of one push. Source: PostgreSQL, archive_timeout.
    """
    value = Open(ARCHIVE_TIMEOUT, CANDIDATES_S, 70, "s", "a quiet cluster archives at least every five minutes")
    origin = Origin((Path(RECOVERY_POINT),), "the WAL that is not archived yet is what a restore loses")
    by_hand = number(section, "archive_timeout")
    if by_hand is not None:
        key = given(section)["archive_timeout"][0]
        value = value.fix(by_hand, "postgres", "parameters", key)
        origin = Origin((Path(("postgres", "parameters", key)),), "set in the manifest")
    yield Choice(open=value, origin=origin)
    yield Parameter(name="archive_timeout", value=var(ARCHIVE_TIMEOUT), origin=origin)
    wanted = site.objectives.recovery_point
    if wanted is not None:
        yield Rule(
            constraint=Constraint(
                "recovery point: archive_timeout and the time of a push",
                total(var(ARCHIVE_TIMEOUT), PUSH_S),
                Const(wanted),
                why="a restore would lose more history than the objective allows",
                paths=(RECOVERY_POINT,),
                hard=False,
                unit="s",
            ),
            origin=origin,
        )
