"""`pgc explain`, as a process: lines of every kind of file, settings, diagnostics."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.process import MINIMAL, Pgc

TREE = "generated/minimal"


def line_of(repository: Path, path: str, text: str) -> str:
    """Return FILE:LINE of the first line of a generated file that holds a text."""
    lines = (repository / TREE / path).read_text().splitlines()
    return f"{TREE}/{path}:{next(number for number, line in enumerate(lines, 1) if text in line)}"


PATRONI, HAPROXY = "hosts/pg1/etc/patroni/patroni.yml", "hosts/pg2/etc/haproxy/haproxy.cfg"


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        (PATRONI, "ttl:", ["minimal.yaml:5:24 objectives.failover", "by       patroni"]),
        (PATRONI, "max_connections:", ["minimal.yaml:5:13 objectives", "by       postgres"]),
        (HAPROXY, "10.10.0.13", ["minimal.yaml:10:18 hosts.pg3.address", "in       a file of haproxy, read by haproxy"]),
        ("hosts/pg1/etc/systemd/system/patroni.service", "ExecStart=", ["because  ", "by       patroni"]),
        ("hosts/pg1/etc/etcd/etcd.env", "ETCD_NAME=", ["minimal.yaml:8", "by       etcd"]),
        ("cluster/postgresql/10-roles.sql", "CREATE ROLE", ["because  ", "by       "]),
        ("runbooks/failover.md", "30s", ["because  ", "by       runbooks"]),
        ("docs/README.md", "pg1", ["because  ", "by       docs"]),
    ],
)
def test_a_line_names_its_reason_its_plugin_and_its_manifest_line(
    pgc: Pgc, repository: Path, path: str, text: str, told: list[str]
) -> None:
    place = line_of(repository, path, text)
    done = pgc("explain", place)
    assert done.code == 0 and done.err == "" and done.out.startswith(f"{place}\n")
    for each in told:
        assert re.search(each, done.out), done.out


def test_a_line_that_is_always_so_is_told_from_one_that_is_computed(pgc: Pgc, repository: Path) -> None:
    fixed = pgc("explain", line_of(repository, "hosts/pg1/etc/haproxy/haproxy.cfg", "defaults")).out
    computed = pgc("explain", line_of(repository, "runbooks/failover.md", "30s")).out
    assert "always written so" in fixed and "always written so" not in computed


def test_a_line_of_a_file_that_is_not_up_to_date_is_explained_with_caution(pgc: Pgc, repository: Path) -> None:
    (repository / "minimal.yaml").write_text(MINIMAL.replace("30s", "45s"))
    done = pgc("explain", line_of(repository, "hosts/pg1/etc/patroni/patroni.yml", "ttl:"))
    assert done.code == 0 and "caution  the file on disk is not what the manifest makes now" in done.out


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        (f"{TREE}/hosts/pg1/etc/patroni/patroni.yml:99999", r"has \d+ lines"),
        (f"{TREE}/pgc.lock:3", "comes from no manifest line"),
        ("minimal.yaml:3", "lies in no tree that pgc made"),
        ("nowhere.cfg:1", "lies in no tree that pgc made"),
    ],
)
def test_what_is_no_line_of_a_generated_file_says_what_could_be_asked(
    pgc: Pgc, repository: Path, place: str, problem: str
) -> None:
    done = pgc("explain", place)
    assert (done.code, done.out) == (2, "") and re.search(problem, done.err) and "\nhelp: name " in done.err


def test_a_line_whose_manifest_is_wrong_shows_what_is_wrong(pgc: Pgc, repository: Path) -> None:
    (repository / "minimal.yaml").write_text(MINIMAL.replace("failover", "failovr"))
    done = pgc("explain", f"{TREE}/hosts/pg1/etc/patroni/patroni.yml:3")
    assert done.code == 3 and done.err.startswith("minimal.yaml:5:14: error MAN001 unknown-key\n")


def test_a_line_whose_manifest_is_elsewhere_says_how_to_name_it(pgc: Pgc, repository: Path) -> None:
    (repository / "minimal.yaml").rename(repository / ".minimal.yaml")
    done = pgc("explain", f"{TREE}/hosts/pg1/etc/patroni/patroni.yml:3")
    assert done.code == 2 and "say where the manifests are: --manifests PATH" in done.err
    assert pgc("explain", f"{TREE}/hosts/pg1/etc/patroni/patroni.yml:3", "--manifests", ".minimal.yaml").code == 0


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["ttl", "ttl_s", "patroni.ttl", "patroni.ttl_s"])
def test_a_settled_value_is_found_by_each_of_its_names(pgc: Pgc, manifest: Path, name: str) -> None:
    done = pgc("explain", name)
    assert done.code == 0 and done.out.startswith("minimal: patroni.ttl_s\n  2")
    assert "from     minimal.yaml:5:24 objectives.failover\n  by       patroni\n" in done.out


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("max_connections", ["minimal: max_connections\n", "by       postgres"]),
        ("postgres.parameters.max_connections", ["minimal: max_connections\n"]),
        ("objectives.failover", ["  30s\n", "means    The longest time", "minimal.yaml:5:24 objectives.failover"]),
        ("objectives.connections", ["  200\n", "default of the set 2026.11 (settable as objectives.connections)"]),
        ("hosts.pg2.address", ["  10.10.0.12\n", "minimal.yaml:9:18 hosts.pg2.address"]),
        ("hosts.pg2.memory", ["  8GB\n", "means    Main memory.", "default of the set"]),
        ("haproxy.timeouts.connect", ["default of the set 2026.11", "by       haproxy"]),
        ("ETCD_ELECTION_TIMEOUT", ["in hosts/pg1/etc/etcd/etcd.env:", "by       etcd"]),
    ],
)
def test_a_setting_is_explained_wherever_it_is_one(pgc: Pgc, manifest: Path, name: str, told: list[str]) -> None:
    done = pgc("explain", name)
    assert done.code == 0
    for each in told:
        assert each in done.out, done.out


def test_a_setting_is_explained_for_every_environment(pgc: Pgc, manifest: Path) -> None:
    manifest.write_text(MINIMAL + "environments: {production: {}, staging: {objectives: {failover: 120s}}}\n")
    out = pgc("explain", "ttl").out
    assert "minimal/production: patroni.ttl_s" in out and "minimal/staging: patroni.ttl_s" in out


def test_an_unknown_setting_is_answered_with_its_neighbours(pgc: Pgc, manifest: Path) -> None:
    done = pgc("explain", "max_conections")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: no cluster here has a setting max_conections\nhelp: did you mean max_connections")


def test_a_manifest_that_does_not_compile_is_told_beside_the_answer_of_the_others(pgc: Pgc, manifest: Path) -> None:
    (manifest.parent / "bad.yaml").write_text(MINIMAL.replace("failover", "failovr"))
    done = pgc("explain", "ttl")
    assert done.code == 0 and "minimal: patroni.ttl_s" in done.out and "bad.yaml:5:14: error MAN001" in done.err
    manifest.unlink()
    assert pgc("explain", "ttl").code == 3


# ── diagnostics ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_diagnostic_documents_itself_by_code_and_by_name(pgc: Pgc) -> None:
    listed = [line.split() for line in pgc("explain", "--codes").out.splitlines()]
    assert len(listed) > 100 and pgc("explain").out == pgc("explain", "--codes").out
    for code, severity, name in (each for each in listed if each[0] in ("MAN001", "SET002", "PAT004")):  # all of them below
        by_code, by_name, lower = (pgc("explain", each) for each in (code, name, code.lower()))
        assert by_code.code == 0 and by_code.out == by_name.out == lower.out
        assert by_code.out.startswith(f"{code} {name} ({severity})\n\nwhat     ")


def test_every_page_of_the_catalogue_has_what_why_remedy_and_example(registry) -> None:  # type: ignore[no-untyped-def]
    from pgc import explain

    for code in registry.codes:
        page = explain.code(code, registry)
        parts = [re.search(rf"^{part} +(\S.*)$", page, re.MULTILINE) for part in ("what", "why", "remedy")]
        assert all(parts) and re.search(r"\nexample\n\n    \S", page), page
        assert not re.search(r"(?<!\{)\{\w+\}", page.partition("\nexample\n")[0]), page  # a placeholder is shown as a word


@pytest.mark.parametrize(
    ("asked", "meant"), [("MAN999", "MAN"), ("pta004", "PAT004"), ("ttl-below-flor", "ttl-below-floor")]
)
def test_an_unknown_diagnostic_is_answered_with_its_neighbour(pgc: Pgc, asked: str, meant: str) -> None:
    done = pgc("explain", asked)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: there is no diagnostic {asked}\nhelp: did you mean {meant}")
