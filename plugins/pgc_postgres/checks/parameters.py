"""Parameters set by hand: known in this version, valid, and nobody else's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pgc.cluster import Cluster
from pgc.diagnostics import Code, Finding, Path, Severity
from pgc.facts import Preload
from pgc.fields import show_size
from pgc_postgres.by_hand import OWNED
from pgc_postgres.catalogue import (
    MAJORS,
    Catalogue,
    ParameterSpec,
    ValueRefused,
    bare_number_means,
    format_value,
    load,
    nearest,
    parse_value,
)
from pgc_postgres.settled import Settled

PGS001 = Code(
    "PGS001",
    "unknown-parameter",
    Severity.ERROR,
    what="{name} is no parameter of PostgreSQL {major}{elsewhere}",
    why="the HA layer would drop it with a line in its log, and the cluster would run without it",
    help="{hint}",
    example="postgres:\n  version: 17\n  parameters: {shared_bufers: 4GB}",
)
PGS002 = Code(
    "PGS002",
    "parameter-refused",
    Severity.ERROR,
    what="{fault}",
    why="PostgreSQL would refuse the value and run without it, or not start",
    help="{hint}",
    example="postgres:\n  parameters: {wal_level: full}",
)
PGS003 = Code(
    "PGS003",
    "parameter-without-unit",
    Severity.ERROR,
    what="{name} is {given} without a unit, which PostgreSQL reads as {meaning}",
    why="a bare number counts kilobytes here, pages of 8 kB there and milliseconds elsewhere: off by a "
    "factor of a thousand it still starts",
    help="write the unit: {example}",
    example="postgres:\n  parameters: {shared_buffers: 16}",
)
PGS004 = Code(
    "PGS004",
    "parameter-owned",
    Severity.ERROR,
    what="{name} is not set here: {instead}",
    why="two places would decide one setting, and one of them would silently lose",
    help="remove it from postgres.parameters",
    example="postgres:\n  parameters: {listen_addresses: '*'}",
)
PGS005 = Code(
    "PGS005",
    "parameter-not-settable",
    Severity.ERROR,
    what="{name} {problem}",
    why="no configuration file can set it: the line would have no effect, or keep PostgreSQL from starting",
    help="remove it",
    example="postgres:\n  parameters: {server_version: '17'}",
)
PGS006 = Code(
    "PGS006",
    "library-not-loaded",
    Severity.WARNING,
    what="{name} belongs to the library {library}, which is not loaded",
    why="PostgreSQL keeps the setting as a placeholder that nobody reads",
    help="add {library} to postgres.preload, or remove the parameter",
    example="postgres:\n  parameters: {auto_explain.log_min_duration: 1s}",
)
PGS007 = Code(
    "PGS007",
    "parameter-set-too-low",
    Severity.ERROR,
    what="{name} is set to {given}, but {plugin} needs {needed}: {reason}",
    why="with the value set by hand a part of the cluster would not work",
    help="set {needed} or more, or remove it: then it is derived",
    example="postgres:\n  parameters: {max_wal_senders: 2}",
)
PGS008 = Code(
    "PGS008",
    "unsafe-parameter",
    Severity.ERROR,
    what="{name} is {given}",
    why="{consequence}",
    help="remove it, or set {safe}",
    example="postgres:\n  parameters: {fsync: false}",
)
PGS009 = Code(
    "PGS009",
    "parameter-set-twice",
    Severity.ERROR,
    what="{second} is another name of {first}, which is set too",
    why="only one of the two values would hold, and a reader cannot tell which",
    help="keep {name}, remove the other",
    example="postgres:\n  parameters: {work_mem: 8MB, sort_mem: 16MB}",
)
PGS019 = Code(
    "PGS019",
    "raw-misused",
    Severity.ERROR,
    what="postgres.raw.{name} {problem}",
    why="raw passes single values that pgc does not know; this would reach PostgreSQL unchecked, or not at all",
    help="{remedy}",
    example="postgres:\n  raw: {work_mem: 1GB}",
)
CODES = (PGS001, PGS002, PGS003, PGS004, PGS005, PGS006, PGS007, PGS008, PGS009, PGS019)

PARAMETERS = Path(("postgres", "parameters"))
LOADED_ON_DEMAND = frozenset(
    {
        "plpgsql",
        "plperl",
        "plperlu",
        "pltcl",
        "pltclu",
        "plpython3",
        "dblink",
        "postgres_fdw",
        "pg_trgm",
        "vector",
        "unaccent",
    }
)

UNSAFE: dict[str, tuple[frozenset[object], str, str]] = {
    "fsync": (
        frozenset({False}),
        "on",
        "after a crash of the host the data directory is corrupt and must be restored from a backup",
    ),
    "full_page_writes": (
        frozenset({False}),
        "on",
        "a page that was half written at a crash is lost, and its checksum only says so",
    ),
    "zero_damaged_pages": (
        frozenset({True}),
        "off",
        "damaged pages are overwritten with zeros: what they held is gone for good",
    ),
    "ignore_checksum_failure": (
        frozenset({True}),
        "off",
        "damaged pages are used as if they were whole, and the damage spreads",
    ),
    "ignore_system_indexes": (frozenset({True}), "off", "every lookup in the catalogues reads whole tables"),
    "ignore_invalid_pages": (frozenset({True}), "off", "recovery goes on over references to pages that do not exist"),
    "autovacuum": (
        frozenset({False}),
        "on",
        "tables bloat, and before the transaction ids run out the database refuses every write",
    ),
    "track_counts": (frozenset({False}), "on", "autovacuum does not know what to clean, and so cleans nothing"),
    "log_file_mode": (
        frozenset({0o644, 0o664, 0o666}),
        "'0600'",
        "every account on the host can read the statements in the log",
    ),
    "allow_system_table_mods": (frozenset({True}), "off", "one wrong statement on a catalogue destroys the database"),
}
"""Parameter → values that are refused, the safe one, and what they would do."""


def check(cluster: Cluster, settled: Settled) -> Iterator[Finding]:
    """Yield what is wrong with the parameters of the manifest."""
    catalogue = load(cluster.section.version)
    loaded = {fact.library for fact in cluster.facts.all(Preload)}
    first: dict[str, str] = {}
    for name, value in cluster.section.parameters.items():
        spec = catalogue.find(name)
        if spec is not None and first.setdefault(spec.name, name) != name:
            yield PGS009.at(
                PARAMETERS / name, PARAMETERS / first[spec.name], first=first[spec.name], second=name, name=spec.name
            )
        yield from _one(cluster, settled, catalogue, loaded, name, value)
    yield from _raw(cluster, catalogue)


def _raw(cluster: Cluster, catalogue: Catalogue) -> Iterator[Finding]:
    for name, value in cluster.section.raw.items():
        at = Path(("postgres", "raw", name))
        if catalogue.find(name) is not None:
            yield PGS019.at(
                at,
                name=name,
                problem="is a parameter that pgc knows",
                remedy="put it under postgres.parameters, where it is checked",
            )
        elif not isinstance(value, bool | int | float | str):
            yield PGS019.at(at, name=name, problem="is no single value", remedy="write a number, a text, true or false")
        elif not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*", name):
            yield PGS019.at(
                at,
                name=name,
                problem="is no name of a parameter",
                remedy="use letters, digits and `_`, with the library's name and a dot before it",
            )


def _one(
    cluster: Cluster, settled: Settled, catalogue: Catalogue, loaded: set[str], name: str, value: Any
) -> Iterator[Finding]:
    at = PARAMETERS / name
    spec = catalogue.find(name)
    if name.lower() in OWNED or (spec is not None and spec.name in OWNED):
        shown = spec.name if spec is not None else name
        yield PGS004.at(at, name=shown, instead=OWNED[shown if shown in OWNED else name.lower()])
    elif spec is None:
        yield PGS001.at(
            at, name=name, major=catalogue.major, elsewhere=_elsewhere(name, catalogue), hint=_hint(name, catalogue)
        )
    elif spec.context == "internal":
        yield PGS005.at(at, name=spec.name, problem="only shows how PostgreSQL was built or initialised")
    elif not spec.in_file:
        yield PGS005.at(at, name=spec.name, problem="can only be set in a session")
    else:
        found = list(_value(at, spec, value))
        yield from found
        if not found:
            yield from _accepted(cluster, settled, spec, value, at, loaded)


def _value(at: Path, spec: ParameterSpec, value: Any) -> Iterator[Finding]:
    try:
        canonical = parse_value(spec, value)
    except ValueRefused as refused:
        yield PGS002.at(at, fault=str(refused), hint=refused.help or "write a value that it takes")
        return
    if isinstance(canonical, str) and any(ord(character) < 32 or ord(character) == 127 for character in canonical):
        yield PGS002.at(at, fault=f"{spec.name} holds a control character", hint="write it on one line, without it")
        return
    if (
        spec.unit
        and isinstance(canonical, int | float)
        and not isinstance(canonical, bool)
        and canonical > 0
        and _bare(value)
    ):
        yield PGS003.at(
            at,
            name=spec.name,
            given=value,
            meaning=bare_number_means(spec, canonical),
            example=format_value(spec, canonical),
        )


def _bare(value: Any) -> bool:
    """Say whether a value is a number without any unit."""
    if isinstance(value, str):
        return value.strip()[-1:].isdigit() or value.strip().endswith(".")
    return isinstance(value, int | float)


def _accepted(
    cluster: Cluster, settled: Settled, spec: ParameterSpec, value: Any, at: Path, loaded: set[str]
) -> Iterator[Finding]:
    canonical = parse_value(spec, value)
    if spec.library and spec.library not in loaded | LOADED_ON_DEMAND:
        yield PGS006.at(at, name=spec.name, library=spec.library)
    refused, safe, consequence = UNSAFE.get(spec.name, (frozenset(), "", ""))
    if canonical in refused:
        yield PGS008.at(at, name=spec.name, given=format_value(spec, canonical), safe=safe, consequence=consequence)
    if (
        spec.name == "synchronous_commit"
        and canonical in ("off", "local")
        and _keeps_a_second_copy(cluster)
    ):
        yield PGS008.at(
            at,
            Path(("objectives", "data_loss")),
            name=spec.name,
            given=canonical,
            safe="on",
            consequence=f"commits are acknowledged before another node has them: data_loss {_loss(cluster)} is not kept",
        )
    fact = settled.fact(spec.name)
    by_hand = fact is not None and any(path[:2] == PARAMETERS for path in fact.origin.paths)
    if fact is not None and not by_hand and fact.value != canonical:
        yield PGS007.at(
            at,
            name=spec.name,
            given=format_value(spec, canonical),
            plugin=fact.origin.plugin,
            needed=fact.value,
            reason=fact.origin.reason or "required",
        )


# ── the way out of an unknown name ───────────────────────────────────────────────────────────────────────────────────


def _elsewhere(name: str, catalogue: Catalogue) -> str:
    majors = [str(major) for major in MAJORS if major != catalogue.major and load(major).find(name) is not None]
    return f"; it exists in {' and '.join(majors)}" if majors else ""


def _hint(name: str, catalogue: Catalogue) -> str:
    near = nearest(name, catalogue)
    if _elsewhere(name, catalogue):
        return "remove it, or change postgres.version" + (f"; the nearest here is {near[0]}" if near else "")
    if near:
        return f"did you mean {' or '.join(near)}?"
    if "." in name:
        library = name.partition(".")[0]
        return (
            "if a library that pgc does not know defines it, put it under postgres.raw "
            f"and the library {library} under postgres.preload"
        )
    return "remove it; what pgc does not know can be passed under postgres.raw"


def _keeps_a_second_copy(cluster: Cluster) -> bool:
    """Say whether the objective is only kept while commits wait for another node: nothing, or less WAL than the shortest ttl lets pass."""
    wanted = cluster.site.objectives
    return isinstance(wanted.data_loss, str) or wanted.data_loss < 20 * wanted.wal_rate


def _loss(cluster: Cluster) -> str:
    loss = cluster.site.objectives.data_loss
    return loss if isinstance(loss, str) else show_size(loss)
