"""Comparing by meaning: what is one change, what is none, and what nobody can tell."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgc.artifact import Entry, Format, Lock, Setting, digest
from pgc.change.changes import Change, Kind, Scope, Snapshot, natural
from pgc.change.compare import compare, compare_all
from pgc.readers import read_ini, read_json, read_lines, read_yaml


def broken(content: bytes) -> Iterable[Setting]:
    raise IndexError("list index out of range")


def careless(content: bytes) -> Iterable[Setting]:
    return [Setting("same", line, number) for number, line in enumerate(content.decode().splitlines(), 1)]


FORMATS = {
    each.name: each
    for each in (
        Format("yaml", read_yaml),
        Format("json", read_json),
        Format("ini", read_ini),
        Format("lines", read_lines),
        Format("prose", prose=True),
        Format("mystery"),
        Format("broken", broken),
        Format("careless", careless),
    )
}


class Tree:
    """A synthetic cluster: files as path → (format, content), the plugin being the format's name."""

    def __init__(
        self, files: Mapping[str, tuple[str, bytes]], summary: Mapping[str, Any] | None = None, **lock: str
    ) -> None:
        self.files, self.reads = files, list[str]()
        entries = {
            path: Entry(path, digest(content), f"p-{form}", form, "patroni.service", "root:root", "0644")
            for path, (form, content) in files.items()
        }
        name, environment = lock.get("name", "orders"), lock.get("environment", "")
        self.snapshot = Snapshot(name, Lock(name, environment, summary or {}, entries), self.read)

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        return self.files[path][1]


def diff(old: Tree, new: Tree) -> tuple[Change, ...]:
    return compare(old.snapshot, new.snapshot, FORMATS)


def one(form: str, old: bytes, new: bytes, path: str = "hosts/pg1/etc/x") -> tuple[Change, ...]:
    return diff(Tree({path: (form, old)}), Tree({path: (form, new)}))


def brief(changes: Iterable[Change]) -> list[tuple[str, str, str, str, str]]:
    return [(each.scope.value, each.kind.value, each.setting, each.old, each.new) for each in changes]


# ── settings ──


def test_a_changed_setting_is_one_change_with_its_place() -> None:
    assert one("yaml", b"a: 1\nttl: 30\n", b"a: 1\n# why\nttl: 25\n") == (
        Change(
            "orders",
            "",
            Scope.SETTING,
            Kind.CHANGED,
            "/etc/x",
            "p-yaml",
            "yaml",
            "patroni.service",
            "ttl",
            "30",
            "25",
            2,
            3,
            ("pg1",),
        ),
    )


def test_settings_that_come_and_go_are_added_and_removed() -> None:
    changes = one("yaml", b"a: 1\nb: 2\n", b"a: 1\nc: 3\n")
    assert brief(changes) == [("setting", "removed", "b", "2", ""), ("setting", "added", "c", "", "3")]
    assert [(each.old_line, each.new_line) for each in changes] == [(2, 0), (0, 2)]


def test_equal_changes_on_many_hosts_are_one_change() -> None:
    hosts = [f"pg{number}" for number in range(1, 13)]
    old = Tree({f"hosts/{host}/etc/x": ("yaml", b"ttl: 30\n") for host in hosts})
    new = Tree({f"hosts/{host}/etc/x": ("yaml", b"ttl: 25\n") for host in hosts})
    (change,) = diff(old, new)
    assert change.hosts == tuple(hosts)  # pg2 before pg10
    assert (len(old.reads), len(new.reads)) == (1, 1)


def test_equal_changes_fold_though_they_stand_on_other_lines() -> None:
    old = Tree({"hosts/a/x": ("yaml", b"ttl: 30\n"), "hosts/b/x": ("yaml", b"n: b\nttl: 30\n")})
    new = Tree({"hosts/a/x": ("yaml", b"ttl: 25\n"), "hosts/b/x": ("yaml", b"n: b\nttl: 25\n")})
    (change,) = diff(old, new)
    assert (change.hosts, change.old_line, change.new_line) == (("a", "b"), 1, 1)


def test_different_values_on_two_hosts_are_two_changes() -> None:
    old = Tree({"hosts/a/x": ("yaml", b"ttl: 30\n"), "hosts/b/x": ("yaml", b"ttl: 30\n")})
    new = Tree({"hosts/a/x": ("yaml", b"ttl: 25\n"), "hosts/b/x": ("yaml", b"ttl: 20\n")})
    assert [(each.hosts, each.new) for each in diff(old, new)] == [(("a",), "25"), (("b",), "20")]


def test_an_inserted_item_of_a_list_is_one_change() -> None:
    changes = one("lines", b"a\nb\nc\n", b"a\nx\nb\nc\n")
    assert brief(changes) == [("setting", "added", "x", "", "x")]


def test_an_item_that_moved_is_one_move() -> None:
    changes = one("lines", b"a\nb\nc\nd\n", b"d\na\nb\nc\n")
    assert brief(changes) == [("setting", "moved", "d", "4", "1")]
    assert (changes[0].old_line, changes[0].new_line) == (4, 1)


def test_a_move_is_seen_beside_items_that_come_and_go() -> None:
    changes = one("yaml", b"pg_hba: [gone, a, b, c]\n", b"pg_hba: [c, a, new, b]\n")
    assert sorted(brief(changes)) == [
        ("setting", "added", "pg_hba[new]", "", "new"),
        ("setting", "moved", "pg_hba[c]", "4", "1"),
        ("setting", "removed", "pg_hba[gone]", "gone", ""),
    ]


def test_the_order_of_keys_is_layout_and_no_change_of_meaning() -> None:
    changes = one("yaml", b"a: 1\nb: 2\n", b"b: 2\na: 1\n# note\n")
    assert brief(changes) == [("layout", "changed", "", "", "")]
    assert changes[0].lines == (2, 1)


def test_a_reader_that_repeats_a_name_loses_nothing() -> None:
    changes = one("careless", b"x\ny\n", b"x\nz\n")
    assert brief(changes) == [("setting", "changed", "same#2", "y", "z")]


# ── what nobody can tell ──


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("mystery", "the format mystery has no reader"),
        ("unheard", "no installed plugin knows the format unheard"),
        ("broken", "not readable as broken: IndexError: list index out of range"),
        ("json", "not readable as json: line 1: a JSON value is missing"),
    ],
)
def test_what_cannot_be_read_is_unknown_and_its_lines_are_counted(form: str, reason: str) -> None:
    (change,) = one(form, b"a\nb\nc\n", b"a\nx\ny\nc\n")
    assert (change.scope, change.kind, change.unknown, change.lines) == (Scope.FILE, Kind.CHANGED, reason, (2, 1))


def test_a_file_that_is_not_what_its_lock_says_is_unknown() -> None:
    old, new = Tree({"x": ("yaml", b"a: 1\n")}), Tree({"x": ("yaml", b"a: 2\n")})
    new.files = {"x": ("yaml", b"a: 3\n")}
    (change,) = diff(old, new)
    assert change.unknown == "the new file is not what its lock file says: edited by hand, or an outdated lock file"
    assert change.lines == (1, 1)


def test_a_file_that_is_missing_is_unknown() -> None:
    old, new = Tree({"x": ("yaml", b"a: 1\n")}), Tree({"x": ("yaml", b"a: 2\n")})

    def missing(path: str) -> bytes:
        raise FileNotFoundError(2, "No such file or directory", path)

    (change,) = compare(old.snapshot, replace(new.snapshot, read=missing), FORMATS)
    assert change.unknown == "the lock file names it, but it cannot be read: No such file or directory"


def test_many_changed_lines_are_counted_without_aligning_them() -> None:
    old = b"".join(b"old %d\n" % number for number in range(3000))
    new = b"".join(b"new %d\n" % number for number in range(3001))
    (change,) = one("mystery", old, new)
    assert change.lines == (3001, 3000)


# ── files, hosts, clusters, the summary ──


def test_a_file_that_comes_to_a_host_is_one_change_and_is_not_read() -> None:
    old = Tree({"hosts/a/x": ("yaml", b"a: 1\n")})
    new = Tree({"hosts/a/x": ("yaml", b"a: 1\n"), "hosts/a/y": ("yaml", b"a: 1\nb: 2\n")})
    (change,) = diff(old, new)
    assert (change.scope, change.kind, change.location, change.hosts) == (Scope.FILE, Kind.ADDED, "/y", ("a",))
    assert change.path == "hosts/a/y"
    assert not old.reads and not new.reads


def test_mode_owner_and_consumer_are_changes_though_no_byte_differs() -> None:
    old, new = Tree({"x": ("yaml", b"a: 1\n")}), Tree({"x": ("yaml", b"a: 1\n")})
    entry = replace(new.snapshot.lock.entries["x"], mode="0600", owner="postgres:postgres", consumer="etcd.service")
    changed = replace(new.snapshot, lock=replace(new.snapshot.lock, entries={"x": entry}))
    assert brief(compare(old.snapshot, changed, FORMATS)) == [
        ("attribute", "changed", "consumer", "patroni.service", "etcd.service"),
        ("attribute", "changed", "mode", "0644", "0600"),
        ("attribute", "changed", "owner", "root:root", "postgres:postgres"),
    ]


def test_prose_is_a_page_and_is_not_read() -> None:
    old = Tree({"runbooks/a.md": ("prose", b"old"), "runbooks/b.md": ("prose", b"old")})
    new = Tree({"runbooks/a.md": ("prose", b"new"), "runbooks/c.md": ("prose", b"new")})
    assert [(each.scope.value, each.kind.value, each.location) for each in diff(old, new)] == [
        ("page", "changed", "runbooks/a.md"),
        ("page", "removed", "runbooks/b.md"),
        ("page", "added", "runbooks/c.md"),
    ]
    assert not old.reads and not new.reads


def test_whole_hosts_are_said_once() -> None:
    files = {f"hosts/{host}/{name}": ("yaml", b"a: 1\n") for host in ("a", "b", "c") for name in ("x", "y")}
    left = {path: file for path, file in files.items() if path.startswith("hosts/a/")}
    assert diff(Tree(files), Tree(left)) == (Change("orders", "", Scope.HOST, Kind.REMOVED, hosts=("b", "c"), count=2),)
    assert diff(Tree(left), Tree(files)) == (Change("orders", "", Scope.HOST, Kind.ADDED, hosts=("b", "c"), count=2),)


def test_whole_clusters_are_said_once() -> None:
    files = {"hosts/pg10/x": ("yaml", b"a: 1\n"), "hosts/pg2/x": ("yaml", b"a: 1\n"), "docs/a.md": ("prose", b"")}
    tree = Tree(files, name="orders", environment="staging").snapshot
    whole = Change("orders", "staging", Scope.CLUSTER, Kind.ADDED, hosts=("pg2", "pg10"), count=3)
    assert compare_all({}, {"orders/staging": tree}, FORMATS) == (whole,)
    assert compare_all({"orders/staging": tree}, {}, FORMATS) == (replace(whole, kind=Kind.REMOVED),)


def test_the_summary_is_compared_by_meaning() -> None:
    old = {
        "defaults": "2026.11",
        "bounds_s": {"host-lost": 28.5, "network": 40},
        "versions": {"postgres": "16"},
        "settled": {"lock.ttl_s": {"value": 30, "unit": "s", "because": "first", "paths": ["objectives.failover"]}},
        "hosts": {"a": {"roles": ["etcd", "postgres"], "zone": "z1"}, "b": {"roles": ["etcd"], "zone": "z2"}},
        "own": {"deep": {"x": [1, 2]}},
    }
    new = {
        "defaults": "2027.05",
        "bounds_s": {"host-lost": 26, "network": None},
        "versions": {"postgres": "17", "etcd": "3.5"},
        "settled": {"lock.ttl_s": {"value": 25, "unit": "s", "because": "second", "paths": []}},
        "hosts": {"a": {"roles": ["postgres"], "zone": "z1"}, "c": {"roles": ["etcd"], "zone": "z2"}},
        "own": {"deep": {"x": [1, 3]}},
    }
    before = Tree({"hosts/a/x": ("yaml", b""), "hosts/b/x": ("yaml", b"")}, old)
    after = Tree({"hosts/a/x": ("yaml", b""), "hosts/c/x": ("yaml", b"")}, new)
    assert brief(diff(before, after)) == [
        ("host", "added", "", "", ""),
        ("host", "removed", "", "", ""),
        ("summary", "changed", "defaults", "2026.11", "2027.05"),
        ("summary", "changed", "failover bound host-lost", "28.5 s", "26 s"),
        ("summary", "changed", "failover bound network", "40 s", "unbounded"),
        ("summary", "changed", "host a roles", "etcd, postgres", "postgres"),
        ("summary", "changed", "own.deep.x", "[1, 2]", "[1, 3]"),
        ("summary", "changed", "settled lock.ttl_s", "30 s", "25 s"),
        ("summary", "added", "version of etcd", "", "3.5"),
        ("summary", "changed", "version of postgres", "16", "17"),
    ]


def test_a_reason_that_changed_is_no_change_of_a_value() -> None:
    def tree(reason: str) -> Tree:
        return Tree({}, {"settled": {"ttl": {"value": 30, "unit": "s", "because": reason, "paths": []}}})

    assert diff(tree("first"), tree("second")) == ()


def test_a_cluster_that_changed_its_name_in_place_says_so() -> None:
    assert brief(diff(Tree({}, name="orders"), Tree({}, name="billing"))) == [
        ("summary", "changed", "name", "orders", "billing")
    ]


# ── properties ──

_contents = st.sampled_from([b"a: 1\n", b"a: 2\nb: [x, y]\n", b"b: [y, x]\n", b"{", b"", b"\xff", b"[1]\n"])
_files = st.dictionaries(
    st.sampled_from([f"hosts/{host}/{name}" for host in "abc" for name in "xy"] + ["docs/x", "cluster/y"]),
    st.tuples(st.sampled_from(sorted(FORMATS)), _contents),
)


@given(_files)
def test_nothing_differs_from_itself(files: dict[str, tuple[str, bytes]]) -> None:
    old, new = Tree(files, {"bounds_s": {"x": 1}}), Tree(dict(reversed(files.items())), {"bounds_s": {"x": 1}})
    assert diff(old, new) == ()
    assert not old.reads and not new.reads


@given(_files, _files)
def test_every_difference_is_said_in_a_fixed_order(old: dict[str, Any], new: dict[str, Any]) -> None:
    changes = diff(Tree(old), Tree(new))
    assert bool(changes) == (old != new)
    assert changes == diff(Tree(dict(reversed(old.items()))), Tree(dict(reversed(new.items()))))
    assert len(set(changes)) == len(changes)


@given(st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1), st.randoms())
def test_moving_the_moved_items_explains_the_new_order(items: list[str], random: Any) -> None:
    shuffled = random.sample(items, len(items))
    changes = one("lines", "\n".join(items).encode(), "\n".join(shuffled).encode())
    moved = {each.setting for each in changes if each.kind is Kind.MOVED}
    assert [each for each in items if each not in moved] == [each for each in shuffled if each not in moved]
    assert bool(moved) == (items != shuffled)


def test_hosts_are_in_the_order_in_which_people_count() -> None:
    assert sorted(["pg10", "pg2", "pg01", "pg1", "a", "pg" + "9" * 5000], key=natural)[:5] == [
        "a",
        "pg01",
        "pg1",
        "pg2",
        "pg10",
    ]


def test_two_trees_of_300_hosts_are_compared_in_well_under_a_second() -> None:
    def tree(ttl: int) -> Tree:
        files: dict[str, tuple[str, bytes]] = {}
        for number in range(300):
            own = "".join(f"  setting_{index}: {index}\n" for index in range(50))
            patroni = f"name: pg{number}\nttl: {ttl}\nparameters:\n{own}".encode()
            hba = (
                "".join(f"host all user{index} 10.0.{index}.0/24 scram-sha-256\n" for index in range(40)) + f"# {ttl}\n"
            )
            files[f"hosts/pg{number}/etc/patroni/patroni.yml"] = "yaml", patroni
            files[f"hosts/pg{number}/etc/pg_hba.conf"] = "lines", hba.encode()
            for extra in range(10):
                files[f"hosts/pg{number}/etc/extra{extra}.conf"] = "ini", b"[a]\nb = %d\n" % (ttl if extra < 3 else 0)
        return Tree(files)

    old, new = tree(30), tree(25)
    start = time.process_time()
    changes = diff(old, new)
    took_s = time.process_time() - start
    assert [(each.setting, len(each.hosts)) for each in changes if each.scope is Scope.SETTING] == [
        ("a.b", 300),
        ("a.b", 300),
        ("a.b", 300),
        ("ttl", 300),
    ]
    assert len(new.reads) == 300 + 1 + 1  # each host's own patroni.yml, and one of each file that all have alike
    assert took_s < 1.0, f"{took_s:.2f} s"
