"""The catalogues of PostgreSQL's parameters, and how values are read and written; no server is asked here."""

import json
import math
import os
import subprocess
import sys

import pytest

from pgc_postgres.catalogue import (
    MAJORS,
    ParameterSpec,
    ValueRefused,
    bare_number_means,
    format_value,
    load,
    nearest,
    parse_value,
)
from pgc_postgres.catalogue.read_catalogue import BUILD_DEPENDENT, borrow, catalogue_file, catalogue_text

CONTEXTS = {"internal", "postmaster", "sighup", "superuser-backend", "backend", "superuser", "user"}


def spec(name: str, major: int = 17) -> ParameterSpec:
    return load(major).parameters[name]


def refusal(name: str, value: object, major: int = 17) -> tuple[str, str, str]:
    with pytest.raises(ValueRefused) as caught:
        parse_value(spec(name, major), value)
    return caught.value.reason, str(caught.value), caught.value.help


# The files


@pytest.mark.parametrize("major", MAJORS)
def test_every_major_says_which_server_it_was_read_from(major: int) -> None:
    catalogue = load(major)
    assert catalogue.major == major
    assert catalogue.server_version.startswith(f"{major}.")
    assert catalogue.extensions["plpgsql"] == "1.0"


@pytest.mark.parametrize("major", MAJORS)
def test_every_parameter_is_well_formed(major: int) -> None:
    for name, parameter in load(major).parameters.items():
        assert parameter.name == name
        assert parameter.context in CONTEXTS
        assert (parameter.vartype in ("integer", "real")) == (parameter.min is not None) == (parameter.max is not None)
        assert (parameter.vartype == "enum") == bool(parameter.enumvals)
        assert parameter.unit in (None, "8kB", "B", "MB", "kB", "min", "ms", "s")
        assert parameter.short_desc and parameter.category
        assert parameter.build == (name in BUILD_DEPENDENT)


@pytest.mark.parametrize("major", MAJORS)
def test_every_default_is_a_value_of_its_parameter_and_comes_back_from_its_own_text(major: int) -> None:
    for parameter in load(major).parameters.values():
        if parameter.boot_val is not None:
            default = parse_value(parameter, parameter.boot_val)
            assert parse_value(parameter, format_value(parameter, default)) == pytest.approx(default), parameter.name


@pytest.mark.parametrize("major", MAJORS)
def test_the_files_are_as_the_script_writes_them_and_small(major: int) -> None:
    text = catalogue_file(major).read_text(encoding="utf-8")
    assert text == catalogue_text(json.loads(text))
    assert len(text) < 125_000


@pytest.mark.parametrize(
    ("name", "contexts"),
    [
        ("shared_buffers", ["postmaster"] * 4),
        ("max_wal_size", ["sighup"] * 4),
        ("work_mem", ["user"] * 4),
        ("log_connections", ["superuser-backend"] * 4),
        ("autovacuum_max_workers", ["postmaster", "postmaster", "postmaster", "sighup"]),
        ("pgaudit.log", ["superuser"] * 4),
    ],
)
def test_contexts_are_those_of_each_major(name: str, contexts: list[str]) -> None:
    assert [spec(name, major).context for major in MAJORS] == contexts


def test_parameters_come_and_go_between_majors() -> None:
    names = ("vacuum_defer_cleanup_age", "reserved_connections", "old_snapshot_threshold", "summarize_wal", "io_method")
    present = {name: [major for major in MAJORS if name in load(major).parameters] for name in names}
    assert present == {
        "vacuum_defer_cleanup_age": [15],
        "reserved_connections": [16, 17, 18],
        "old_snapshot_threshold": [15, 16],
        "summarize_wal": [17, 18],
        "io_method": [18],
    }


def test_a_librarys_parameters_name_the_library_and_the_servers_own_name_none() -> None:
    assert spec("pg_stat_statements.max").library == "pg_stat_statements"
    assert spec("hnsw.ef_search").library == "vector"
    assert spec("plpgsql.variable_conflict").library == "plpgsql"
    assert spec("shared_buffers").library is None


def test_a_parameter_that_another_major_told_names_that_major() -> None:
    assert spec("pgaudit.log", 16).borrowed_from == "15,17"
    assert spec("hnsw.ef_search", 15).borrowed_from == "16,17"
    assert spec("pgaudit.log", 17).borrowed_from is None
    core = [one for major in MAJORS for one in load(major).parameters.values() if one.library is None]
    assert not any(one.borrowed_from for one in core)


def test_a_parameter_that_came_in_a_minor_release_names_one_without_it() -> None:
    assert [spec("output_plugin_libraries", major).after for major in MAJORS] == ["15.18", "16.14", "17.10", "18.4"]
    assert spec("work_mem").after is None


def test_lists_know_their_quoting_and_files_their_bars() -> None:
    quoted = {one.name for one in load(17).parameters.values() if one.list_kind == "quoted"}
    assert quoted == {
        "local_preload_libraries", "output_plugin_libraries", "search_path", "session_preload_libraries",
        "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories",
    }  # fmt: skip
    assert spec("listen_addresses").list_kind == "plain"
    assert spec("archive_command").list_kind is None
    barred = {one.name for one in load(17).parameters.values() if not one.in_file and one.context != "internal"}
    assert barred == {"config_file", "transaction_deferrable", "transaction_isolation", "transaction_read_only"}


def test_borrowing_takes_only_what_all_neighbours_define_alike_and_nobody_borrowed() -> None:
    def catalogue(major: int, **parameters: dict[str, str]) -> dict[str, object]:
        return {"major": major, "parameters": parameters}

    told = {"type": "bool", "context": "user", "library": "lib", "desc": "one wording"}
    neighbours = [
        catalogue(15, same=told, differs=told, second_hand=told | {"from": "14"}, core={"type": "bool"}),
        catalogue(17, same=told | {"desc": "another"}, differs=told | {"context": "sighup"}, second_hand=told),
    ]
    borrowed = borrow(catalogue(16, own={"type": "bool"}), neighbours)
    assert borrowed["borrowed"] == {"lib": "15,17"}
    assert borrowed["parameters"] == {"own": {"type": "bool"}, "same": told | {"from": "15,17"}}


# Loading


def test_importing_reads_no_catalogue_and_a_spec_is_built_once() -> None:
    code = "from pgc_postgres.catalogue import load; print(load.cache_info().misses)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "0\n"
    assert load(17) is load(17)
    assert spec("work_mem") is spec("work_mem")


def test_a_major_without_a_catalogue_is_refused() -> None:
    with pytest.raises(ValueError, match="no catalogue of PostgreSQL 14, only of 15, 16, 17, 18"):
        load(14)


def test_a_name_is_found_in_any_case_and_by_its_former_name() -> None:
    assert (found := load(17).find("timezone")) and found.name == "TimeZone"
    assert (found := load(18).find("ssl_ecdh_curve")) and found.name == "ssl_groups"
    assert (found := load(17).find("ssl_ecdh_curve")) and found.name == "ssl_ecdh_curve"
    assert load(17).find("wal_keep_segments") is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("max_connection", "max_connections"), ("wrok_mem", "work_mem"), ("maintenance-work-mem", "maintenance_work_mem"),
     ("Shared_Bufers", "shared_buffers"), ("sort_mem", "work_mem"), ("pgaudit.loglevel", "pgaudit.log_level")],
)  # fmt: skip
def test_a_mistyped_name_finds_the_one_that_was_meant(typed: str, meant: str) -> None:
    assert nearest(typed, load(17))[0] == meant


def test_a_name_like_no_other_finds_nothing() -> None:
    assert nearest("frobnicate", load(17)) == []


# Values that PostgreSQL takes


@pytest.mark.parametrize(
    ("name", "value", "canonical", "shown"),
    [
        ("shared_buffers", "16GB", 2097152, "16GB"),
        ("shared_buffers", 16, 16, "128kB"),
        ("shared_buffers", "1.5GB", 196608, "1536MB"),
        ("shared_buffers", " 1 GB ", 131072, "1GB"),
        ("shared_buffers", "131073B", 16, "128kB"),
        ("work_mem", "30.1GB", 30822 * 1024, "30822MB"),
        ("work_mem", "0x100", 256, "256kB"),
        ("work_mem", "0200", 128, "128kB"),
        ("work_mem", "1e3", 1000, "1000kB"),
        ("work_mem", "100.5", 100, "100kB"),
        ("work_mem", 101.5, 102, "102kB"),
        ("checkpoint_timeout", "5min", 300, "5min"),
        ("checkpoint_timeout", "90s", 90, "90s"),
        ("checkpoint_timeout", "0.5h", 1800, "30min"),
        ("log_rotation_age", "30s", 0, "0"),
        ("log_rotation_age", "1d", 1440, "1d"),
        ("statement_timeout", "1500us", 2, "2ms"),
        ("statement_timeout", 0, 0, "0"),
        ("autovacuum_work_mem", -1, -1, "-1"),
        ("max_connections", "100", 100, "100"),
        ("log_file_mode", "0640", 416, "0640"),
        ("log_file_mode", 0o640, 416, "0640"),
        ("vacuum_cost_delay", "500us", 0.5, "500us"),
        ("vacuum_cost_delay", "1.5", 1.5, "1500us"),
        ("random_page_cost", 1, 1.0, "1"),
        ("random_page_cost", "1.1", 1.1, "1.1"),
        ("seq_page_cost", "1.79769e308", 1.79769e308, "1.79769e+308"),
        ("fsync", True, True, "on"),
        ("fsync", "of", False, "off"),
        ("fsync", "YES", True, "on"),
        ("fsync", 0, False, "off"),
        ("wal_level", "Logical", "logical", "logical"),
        ("wal_level", "hot_standby", "replica", "replica"),
        ("synchronous_commit", False, "off", "off"),
        ("wal_compression", True, "pglz", "pglz"),
        ("transaction_isolation", "repeatable read", "repeatable read", "repeatable read"),
        ("archive_command", "cp %p /archive/%f", "cp %p /archive/%f", "cp %p /archive/%f"),
        ("recovery_target_timeline", 3, "3", "3"),
        ("transaction_buffers", 32, 32, "256kB"),
        ("vacuum_buffer_usage_limit", "128kB", 128, "128kB"),
        ("vacuum_buffer_usage_limit", 0, 0, "0"),
    ],
)  # fmt: skip
def test_a_value_is_read_and_shown_as_the_server_does(name: str, value: object, canonical: object, shown: str) -> None:
    read = parse_value(spec(name), value)
    assert read == canonical
    assert type(read) is type(canonical)
    assert format_value(spec(name), read) == shown


def test_a_parameter_that_was_a_boolean_still_takes_one() -> None:
    assert parse_value(spec("log_connections", 17), True) is True
    assert parse_value(spec("log_connections", 18), True) == "on"


@pytest.mark.parametrize(("name", "value"), [("work_mem", 64), ("work_mem", 2147483647), ("max_connections", 262143)])
def test_a_bound_itself_is_in_range(name: str, value: int) -> None:
    assert parse_value(spec(name), value) == value


# Values that PostgreSQL refuses


@pytest.mark.parametrize(
    ("name", "value", "reason", "fault", "help"),
    [
        ("work_mem", "10mb", "unit", "work_mem is '10mb', and mb is no unit of it",
         "write MB instead of mb: units are case-sensitive"),
        ("work_mem", "10 MiB", "unit", "work_mem is '10 MiB', and MiB is no unit of it", "write MB instead of MiB"),
        ("work_mem", "10s", "unit", "work_mem is '10s', and s is no unit of it", "its units are B, kB, MB, GB, TB"),
        ("checkpoint_timeout", "5 minutes", "unit",
         "checkpoint_timeout is '5 minutes', and minutes is no unit of it", "write min instead of minutes"),
        ("checkpoint_timeout", "5m", "unit", "checkpoint_timeout is '5m', and m is no unit of it",
         "write min instead of m"),
        ("statement_timeout", "1min 5s", "unit", "statement_timeout is '1min 5s', and min 5s is no unit of it",
         "its units are us, ms, s, min, h, d"),
        ("max_connections", "10x", "unit", "max_connections is '10x', but takes a number without a unit",
         "leave the unit away"),
        ("work_mem", 63, "range", "work_mem is 63, not between 64kB and 2147483647kB (about 2TB)",
         "a bare number counts kB: 63 means 63kB"),
        ("shared_buffers", 15, "range", "shared_buffers is 15, not between 128kB and 8589934584kB (about 8TB)",
         "a bare number counts 8kB: 15 means 15 × 8kB = 120kB"),
        ("work_mem", "2TB", "range", "work_mem is 2TB, not between 64kB and 2147483647kB (about 2TB)", ""),
        ("max_connections", 0, "range", "max_connections is 0, not between 1 and 262143", ""),
        ("random_page_cost", -0.1, "range", "random_page_cost is -0.1, not 0 or more", ""),
        ("log_file_mode", 640, "range", "log_file_mode is 640, not between 0000 and 0777",
         "a file mode is octal: write it in quotes with a leading 0, such as '0640'"),
        ("transaction_buffers", 17, "range", "transaction_buffers is 17, not a multiple of 16 blocks (128kB)",
         "a bare number counts 8kB: 17 means 17 × 8kB = 136kB"),
        ("vacuum_buffer_usage_limit", "127kB", "range",
         "vacuum_buffer_usage_limit is 127kB, not 0, or 128kB or more", ""),
        ("work_mem", True, "type",
         "work_mem takes a whole number, or one with a unit (B, kB, MB, GB, TB), not 'on'", ""),
        ("work_mem", "", "type", "work_mem takes a whole number, or one with a unit (B, kB, MB, GB, TB), not ''", ""),
        ("random_page_cost", "nan", "type", "random_page_cost takes a number, not 'nan'", ""),
        ("max_connections", None, "type", "max_connections takes a whole number, not null", ""),
        ("max_connections", [100], "type", "max_connections takes a whole number, not list", ""),
        ("fsync", "o", "type", "fsync takes on or off, not 'o'", ""),
        ("fsync", 2, "type", "fsync takes on or off, not '2'", ""),
        ("archive_command", True, "type", "archive_command takes text, not on", "put it in quotes: 'on'"),
        ("recovery_target_lsn", 1.5, "type", "recovery_target_lsn takes text, not 1.5", "put it in quotes: '1.5'"),
        ("archive_command", "a\0b", "type", "archive_command holds a NUL character, which no parameter can", ""),
        ("wal_level", "full", "enum", "wal_level is 'full', which is none of its values",
         "it takes minimal, replica, logical"),
        ("ssl_max_protocol_version", "1.2", "enum", "ssl_max_protocol_version is '1.2', which is none of its values",
         "it takes '', TLSv1, TLSv1.1, TLSv1.2, TLSv1.3"),
    ],
)  # fmt: skip
def test_a_refusal_states_the_fault_and_the_way_out(
    name: str, value: object, reason: str, fault: str, help: str
) -> None:
    assert refusal(name, value) == (reason, fault, help)


def test_a_number_of_many_thousand_digits_is_refused_like_any_other() -> None:
    assert refusal("work_mem", "9" * 10_000)[0] == "type"
    assert refusal("work_mem", math.inf)[0] == "type"


# Bare numbers


@pytest.mark.parametrize(
    ("name", "n", "meaning"),
    [("shared_buffers", 16, "16 × 8kB = 128kB"), ("shared_buffers", 1, "1 × 8kB = 8kB"), ("work_mem", 64, "64kB"),
     ("work_mem", 65536, "65536kB = 64MB"), ("checkpoint_timeout", 300, "300s = 5min"),
     ("statement_timeout", 30, "30ms"),
     ("vacuum_cost_delay", 1.5, "1.5ms = 1500us"), ("autovacuum_work_mem", -1, "-1"), ("max_connections", 100, "100")],
)  # fmt: skip
def test_a_bare_number_says_what_it_comes_to(name: str, n: float, meaning: str) -> None:
    assert bare_number_means(spec(name), n) == meaning
