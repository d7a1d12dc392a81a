"""Every procedure is there, says how to go back, and names only what exists; its commands are whole."""

from __future__ import annotations

import ipaddress
import re
import subprocess
from collections.abc import Iterable
from types import ModuleType

import pytest

import pgc_runbooks
from pgc import pipeline, source
from pgc import registry as registries
from pgc.facts import Action, Chapter, Fact, HealthCheck, Runbook
from pgc.pipeline import Compilation
from pgc_runbooks.procedures import PROCEDURES
from tests.plugins.docs.conftest import EXAMPLES, compiled, example, pages, tables
from tests.plugins.docs.test_docs import HEAD, cluster
from tests.plugins.keepalived.conftest import plugin

ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
WANTED = {
    "failover", "switchover", "node-loss", "etcd-member", "vip-stuck", "restart", "replication-lag", "disk-full",
    "connection-storm", "rollback",
}  # fmt: skip
SIX = re.sub(r"10\.0\.0\.(\d)", r'"fd00::\1"', cluster(3))
CLUSTERS = {
    **{f"{name} {each.environment}".strip(): each for name in EXAMPLES for each in example(name)},
    "behind an address": compiled(cluster(3, vips=1)),
    "IPv6": compiled(SIX),
    "a lone host": compiled(cluster(1, 1)),
    "many hosts": compiled(cluster(20, 3, 2)),
    "asynchronous": compiled(cluster(3).replace("120s", "120s, data_loss: 2GB")),
}
EACH = [pytest.param(each, id=name.replace(" ", "-")) for name, each in CLUSTERS.items()]


def books(compilation: Compilation) -> tuple[Runbook, ...]:
    assert compilation.cluster is not None
    return compilation.cluster.facts.all(Runbook)


def actions(compilation: Compilation) -> Iterable[tuple[str, Action]]:
    for book in books(compilation):
        for chapter in book.chapters:
            for action in (*chapter.actions, *chapter.undo):
                yield f"{book.slug}: {chapter.title}: {action.do}", action


def commands(compilation: Compilation) -> Iterable[tuple[str, str]]:
    assert compilation.cluster is not None
    yield from ((where, action.command) for where, action in actions(compilation) if action.command)
    yield from ((check.name, check.command) for check in compilation.cluster.facts.all(HealthCheck))


# ── all of them, with a way back ─────────────────────────────────────────────────────────────────────────────────────


def test_the_procedures_that_were_asked_for_are_there_and_listed() -> None:
    texts = pages(CLUSTERS["behind an address"])
    assert {
        path.removeprefix("runbooks/").removesuffix(".md") for path in texts if path.startswith("runbooks/")
    } >= WANTED
    listed = next(iter(tables(texts["runbooks/README.md"])))
    for each in PROCEDURES:
        if f"runbooks/{each.slug}.md" in texts:
            assert [f"[{each.title}]({each.slug}.md)"] == [row[0] for row in listed if f"({each.slug}.md)" in row[0]]


@pytest.mark.parametrize("tree", EACH)
def test_every_chapter_of_every_page_says_how_to_go_back(tree: Compilation) -> None:
    found = {path: text for path, text in pages(tree).items() if path.startswith("runbooks/") and "README" not in path}
    assert len(found) >= 5
    for path, text in found.items():
        parts = re.split(r"^## \d+\. ", text, flags=re.MULTILINE)[1:]
        assert parts, path
        for part in parts:
            assert part.count("**Undo") == 1, (path, part.splitlines()[0])


@pytest.mark.parametrize("tree", EACH)
def test_every_command_says_where_it_is_run_and_what_it_answers(tree: Compilation) -> None:
    for where, action in actions(tree):
        assert not action.command or (action.expect and action.on), where


# ── only what exists ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tree", EACH)
def test_commands_name_only_addresses_that_exist(tree: Compilation) -> None:
    assert tree.cluster is not None
    site = tree.cluster.site
    known = {host.address for host in site.hosts} | {"127.0.0.1", "0.0.0.0"}
    known |= {fact.address for fact in tree.cluster.facts if hasattr(fact, "address")}
    for where, command in commands(tree):
        assert set(ADDRESS.findall(command)) <= known, where
        for text in re.findall(r"\[([0-9a-f:]{3,})\]", command):
            if text.count(":") > 1:
                assert str(ipaddress.ip_address(text)) in known, where


@pytest.mark.parametrize("tree", EACH)
def test_a_place_is_a_host_or_said_in_words(tree: Compilation) -> None:
    assert tree.cluster is not None
    hosts = {host.name for host in tree.cluster.site.hosts}
    for where, action in actions(tree):
        for place in re.split(r", | and ", action.on):
            assert not place or place in hosts or " " in place or re.fullmatch(r"\d+ more", place), (where, place)
        named = set(re.findall(r"\bpg\d+\b", f"{action.do} {action.command} {action.on} {action.expect}"))
        assert named <= hosts, where


# ── whole commands ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tree", [EACH[0], *EACH[3:5]])
def test_a_shell_can_read_every_command(tree: Compilation) -> None:
    """One shell reads them all; where it does not, one by one, to name the culprit."""
    found = dict.fromkeys(command for _, command in commands(tree))
    whole = "\n".join(f"(\n{command}\n)" for command in found)
    if subprocess.run(["sh", "-n"], input=whole, text=True, capture_output=True, check=False).returncode:
        for command in found:
            done = subprocess.run(["sh", "-n"], input=command, text=True, capture_output=True, check=False)
            assert done.returncode == 0, (command, done.stderr)
        raise AssertionError("together they are no script")


@pytest.mark.parametrize("tree", EACH)
def test_a_command_is_in_a_fence_that_it_does_not_end(tree: Compilation) -> None:
    shown = "\n".join(text for path, text in pages(tree).items() if path.startswith("runbooks/"))
    for where, action in actions(tree):
        if action.command:
            assert re.search(r"^ +`{3,}sh\n +" + re.escape(action.command) + r"\n +`{3,}$", shown, re.MULTILINE), where


@pytest.mark.parametrize("tree", EACH)
def test_bounds_on_a_page_are_those_of_the_lock_file(tree: Compilation) -> None:
    from pgc.fields import show_duration

    assert tree.bundle is not None
    limits = tree.bundle.summary["bounds_s"]
    for path, text in pages(tree).items():
        if path.startswith("runbooks/"):
            for rows in tables(text):
                if rows[0] == ["fault", "at most", "made of"]:
                    for fault, most, terms in rows[2:]:
                        seconds = limits[fault]
                        assert most == ("not bounded" if seconds is None else show_duration(seconds)), (path, fault)
                        assert terms, (path, fault)


# ── plugins ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def with_book(book: Runbook) -> Compilation:
    def give(_: object) -> Iterable[Fact]:
        return [book]

    rows: list[tuple[str, ModuleType, str, str]] = [
        ("runbooks", pgc_runbooks, "pgc", "0"),
        ("daring", plugin("daring", give), "test", "0"),
    ]
    used = registries.build(rows)
    head = HEAD.replace("postgres: {version: 17}\n", "metadata: {name: orders}\n")
    text = f"{head}hosts: {{pg1: {{address: 10.0.0.1, memory: 16GB}}}}\n"
    return pipeline.compile_source(source.read(text.encode(), "m.yaml"), None, used, used.templates(), lambda name: "")


def test_a_chapter_without_a_way_back_is_refused() -> None:
    jump = Chapter("Jump", 1, (Action("Jump"),))
    found = with_book(Runbook(slug="leap", title="Leap", chapters=(jump,))).diagnostics
    assert [(each.code, each.message) for each in found if each.severity == "error"] == [
        ("RUN001", "the chapter «Jump» of the procedure leap says neither how to undo it nor why that cannot be")
    ]


def test_a_procedure_that_cannot_be_undone_says_why() -> None:
    jump = Chapter("Jump", 1, (Action("Jump"),))
    found = with_book(Runbook(slug="leap", title="Leap", chapters=(jump,), undo_none="Nobody flies."))
    assert not [each for each in found.diagnostics if each.severity == "error"]
    assert "**Undo:** none. Nobody flies.\n" in pages(found)["runbooks/leap.md"]


def test_a_procedure_without_a_chapter_has_no_page() -> None:
    assert "runbooks/vip-stuck.md" not in pages(with_book(Runbook(slug="vip-stuck", title="VIP does not move")))


def test_more_than_nine_steps_keep_their_commands_in_their_list() -> None:
    steps = tuple(Action(f"Step {number}", "pg1", f"echo {number}", str(number)) for number in range(1, 12))
    page = pages(with_book(Runbook(slug="leap", title="Leap", chapters=(Chapter("Jump", 1, steps, steps[:1]),))))[
        "runbooks/leap.md"
    ]
    assert "9. Step 9 — on **pg1**\n\n   ```sh\n   echo 9\n   ```\n" in page
    assert "10. Step 10 — on **pg1**\n\n    ```sh\n    echo 10\n    ```\n" in page
