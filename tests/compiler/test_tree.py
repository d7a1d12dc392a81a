"""The output tree: what is written, what is refused, what is left alone. A real file system, no mocks."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgc.artifact import Bundle, Entry, File, digest
from pgc.diagnostics import Finding, Severity, Span, diagnose
from pgc.tree import CODES, Staged, Tree, WriteFailed, check, commit, hold, recover, stage, write

HAPROXY = "hosts/db1/etc/haproxy/haproxy.cfg"
PATRONI = "hosts/db1/etc/patroni/patroni.yml"


def bundle(files: dict[str, str], name: str = "orders", environment: str = "") -> Bundle:
    """A bundle with these files."""
    made = {}
    for path, text in files.items():
        content = text.encode()
        made[path] = File(Entry(path, digest(content), "haproxy", "text", "", "root:root", "0644"), content)
    return Bundle(name, environment, made, {"hosts": len(files)})


def on_disk(folder: Path) -> dict[str, bytes | str | None]:
    """Everything below a folder: bytes of files, targets of links, None for folders."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = os.readlink(path) if path.is_symlink() else None if path.is_dir() else path.read_bytes()
    return found


def put(out: Path, *bundles: Bundle, force: bool = False) -> Tree:
    """Write, and return what became of the first bundle."""
    return write(out, bundles, force=force).trees[0]


def codes(tree: Tree) -> list[str]:
    return [finding.code.code for finding in tree.findings]


def message(finding: Finding) -> str:
    return diagnose(finding, ()).message


OLD = bundle({HAPROXY: "maxconn 100\n", PATRONI: "ttl: 30\n", "runbooks/failover.md": "# Failover\n"})
NEW = bundle({HAPROXY: "maxconn 200\n", PATRONI: "ttl: 30\n", "docs/inventory.md": "# Hosts\n"})


# ── what is written ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_fresh_tree_holds_every_file_and_the_lock_and_nothing_else(tmp_path: Path) -> None:
    tree = put(tmp_path / "generated", OLD)
    assert tree == Tree("orders", created=(HAPROXY, PATRONI, "pgc.lock", "runbooks/failover.md"))
    files = {name: content for name, content in on_disk(tmp_path / "generated").items() if content is not None}
    assert files == {
        f"orders/{HAPROXY}": b"maxconn 100\n", f"orders/{PATRONI}": b"ttl: 30\n",
        "orders/runbooks/failover.md": b"# Failover\n", "orders/pgc.lock": OLD.lock,
    }  # fmt: skip


def test_an_unchanged_bundle_touches_no_file(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    before = {path: path.lstat() for path in tmp_path.rglob("*")}
    tree = put(tmp_path, OLD)
    assert (tree.created, tree.changed, tree.removed, len(tree.unchanged)) == ((), (), (), 4)
    after = {path: path.lstat() for path in tmp_path.rglob("*")}
    assert {path: (s.st_ino, s.st_mtime_ns) for path, s in before.items()} == {
        path: (s.st_ino, s.st_mtime_ns) for path, s in after.items()
    }


def test_an_update_writes_only_what_changed_and_removes_what_is_gone_with_its_folder(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    inode = (tmp_path / "orders" / PATRONI).stat().st_ino
    tree = put(tmp_path, NEW)
    assert tree.created == ("docs/inventory.md",)
    assert tree.changed == (HAPROXY, "pgc.lock")
    assert tree.removed == ("runbooks/failover.md",)
    assert tree.unchanged == (PATRONI,)
    assert (tmp_path / "orders" / PATRONI).stat().st_ino == inode
    put(tmp_path / "elsewhere", NEW)
    assert on_disk(tmp_path / "orders") == on_disk(tmp_path / "elsewhere" / "orders")


def test_environments_have_trees_of_their_own(tmp_path: Path) -> None:
    staging, production = bundle({"a": "1"}, "orders", "staging"), bundle({"a": "2"}, "orders", "production")
    assert len(write(tmp_path, [staging, production], force=False).trees) == 2
    assert (tmp_path / "orders/staging/a").read_text() == "1"
    assert (tmp_path / "orders/production/a").read_text() == "2"


def test_a_generated_file_that_was_deleted_by_hand_is_written_again(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    (tmp_path / "orders" / HAPROXY).unlink()
    assert put(tmp_path, OLD).created == (HAPROXY,)
    assert check(tmp_path, OLD) == []


def test_a_tree_whose_lock_was_deleted_is_adopted_where_it_is_the_same(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    (tmp_path / "orders/pgc.lock").unlink()
    assert put(tmp_path, OLD).created == ("pgc.lock",)


def test_a_file_becomes_a_folder_and_a_folder_becomes_a_file(tmp_path: Path) -> None:
    one, other = bundle({"etc/a": "file", "etc/b/c/d": "deep"}), bundle({"etc/a/x/y": "deep", "etc/b": "file"})
    put(tmp_path, one)
    for target in (other, one):
        assert codes(put(tmp_path, target)) == []
        assert check(tmp_path, target) == []


def test_an_empty_bundle_leaves_only_its_lock(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    put(tmp_path, bundle({}))
    assert list(on_disk(tmp_path)) == ["orders", "orders/pgc.lock"]


# ── files of people ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_that_a_person_put_there_survives_every_write(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    for name in ("orders/NOTES.md", "orders/runbooks/mine.md", "README.md"):
        (tmp_path / name).write_text("mine")
    assert codes(put(tmp_path, NEW)) == []
    assert codes(put(tmp_path, OLD, force=True)) == []
    for name in ("orders/NOTES.md", "orders/runbooks/mine.md", "README.md"):
        assert (tmp_path / name).read_text() == "mine"


def test_a_foreign_file_in_the_way_stops_its_tree_and_no_other(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    mine = tmp_path / "orders/docs/inventory.md"
    mine.parent.mkdir()
    mine.write_text("mine")
    before = on_disk(tmp_path)
    written = write(tmp_path, [NEW, bundle({"a": "1"}, "billing")], force=False)
    assert [(tree.directory, tree.refused, codes(tree)) for tree in written.trees] == [
        ("orders", True, ["OUT001"]), ("billing", False, []),
    ]  # fmt: skip
    assert written.trees[0].findings[0].places == (Span(str(mine), 1, 1, 1, 1),)
    assert {name: content for name, content in on_disk(tmp_path).items() if "billing" not in name} == before
    assert "docs/inventory.md" in put(tmp_path, NEW, force=True).changed
    assert mine.read_text() == "# Hosts\n"


def test_a_foreign_file_with_the_wanted_content_is_adopted(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    (tmp_path / "orders/docs").mkdir()
    (tmp_path / "orders/docs/inventory.md").write_text("# Hosts\n")
    assert "docs/inventory.md" in put(tmp_path, NEW).unchanged


@pytest.mark.parametrize("wanted", [OLD, NEW], ids=["unchanged", "changed"])
def test_an_edited_file_is_reported_and_overwritten_only_with_force(tmp_path: Path, wanted: Bundle) -> None:
    put(tmp_path, OLD)
    edited = tmp_path / "orders" / HAPROXY
    edited.write_text("maxconn 300\n")
    before = on_disk(tmp_path)
    tree = put(tmp_path, wanted)
    assert codes(tree) == ["OUT002"]
    assert message(tree.findings[0]) == f"{edited} was edited by hand since pgc wrote it"
    assert on_disk(tmp_path) == before
    assert HAPROXY in put(tmp_path, wanted, force=True).changed
    assert check(tmp_path, wanted) == []


def test_an_edit_that_is_what_the_new_bundle_wants_is_accepted(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    (tmp_path / "orders" / HAPROXY).write_text("maxconn 200\n")
    assert HAPROXY in put(tmp_path, NEW).unchanged


def test_an_edited_file_that_is_no_longer_generated_is_kept_unless_forced(tmp_path: Path) -> None:
    for force in (False, True):
        out = tmp_path / str(force)
        put(out, OLD)
        edited = out / "orders/runbooks/failover.md"
        edited.write_text("# Mine\n")
        tree = put(out, NEW, force=force)
        assert codes(tree) == ([] if force else ["OUT003"])
        assert not tree.refused
        assert edited.exists() is not force
        assert (out / "orders" / HAPROXY).read_text() == "maxconn 200\n"


# ── the lock file ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("damage", "line", "problem"),
    [
        (OLD.lock.replace(b' "files"', b'<<<<<<< HEAD\n "files"'), 8, "a merge conflict is in it"),
        (OLD.lock.replace(b'"lock_version": 1', b'"lock_version": 99'), 1, "not a lock file of version 1"),
        (OLD.lock[:90], 5, ""),
        (b"\xff\xfe", 1, ""),
        (b"[" * 200_000, 1, ""),
        (OLD.lock.replace(b"runbooks/failover.md", b"../../escaped.md"), 1, "'../../escaped.md' is no path below the cluster's tree"),
        (b"", 1, ""),
    ],
    ids=["merge conflict", "newer", "cut", "binary", "deep", "escaping", "empty"],
)
def test_a_damaged_lock_file_stops_its_tree_and_shows_the_line(
    tmp_path: Path, damage: bytes, line: int, problem: str
) -> None:
    out = tmp_path / "out"
    put(out, OLD)
    (tmp_path / "escaped.md").write_text("# Failover\n")
    lock = out / "orders/pgc.lock"
    lock.write_bytes(damage)
    tree = put(out, NEW)
    assert codes(tree) == ["OUT004"]
    place = tree.findings[0].places[0]
    assert isinstance(place, Span)
    assert (place.file, place.line if problem else line) == (str(lock), line)
    assert problem in message(tree.findings[0])
    assert lock.read_bytes() == damage
    assert check(out, NEW) == ["orders/pgc.lock: damaged-lock-file"]
    put(out, NEW, force=True)
    assert check(out, NEW) == []
    assert (tmp_path / "escaped.md").exists()


def test_the_lock_file_of_another_cluster_stops_the_tree(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    (tmp_path / "orders").rename(tmp_path / "billing")
    tree = put(tmp_path, bundle({HAPROXY: "maxconn 1\n"}, "billing"))
    assert codes(tree) == ["OUT005"]
    assert message(tree.findings[0]) == "this folder belongs to orders, and billing was to be written here"
    assert put(tmp_path, bundle({HAPROXY: "maxconn 1\n"}, "billing"), force=True).changed == (HAPROXY, "pgc.lock")


# ── what stands in the way ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "place", ["orders", "orders/hosts", "orders/hosts/db1/etc/haproxy", f"orders/{HAPROXY}", "orders/pgc.lock"]
)
def test_nothing_is_written_through_a_symbolic_link(tmp_path: Path, place: str, force: bool) -> None:
    out, victim = tmp_path / "out", tmp_path / "victim"
    put(out, OLD)
    link = out / place
    link.rename(victim)
    link.symlink_to(victim)
    before = on_disk(tmp_path)
    tree = put(out, NEW, force=force)
    assert set(codes(tree)) == {"OUT007"}
    assert on_disk(tmp_path) == before
    assert any("a symbolic link is in the way" in line for line in check(out, NEW))


def test_a_link_at_the_cluster_folder_of_an_environment_is_seen(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/orders").symlink_to(tmp_path / "victim")
    assert codes(put(tmp_path / "out", bundle({"a": "1"}, "orders", "production"))) == ["OUT007"]
    assert on_disk(tmp_path / "victim") == {}


def test_a_removed_file_behind_a_link_is_left_alone(tmp_path: Path) -> None:
    out, victim = tmp_path / "out", tmp_path / "victim"
    put(out, OLD)
    (out / "orders/runbooks").rename(victim)
    (out / "orders/runbooks").symlink_to(victim)
    assert codes(put(out, NEW)) == []
    assert (victim / "failover.md").read_text() == "# Failover\n"


def test_a_link_instead_of_the_state_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.pgc-write").symlink_to(tmp_path / "victim")
    with pytest.raises(WriteFailed) as raised:
        put(tmp_path / "out", OLD)
    assert raised.value.finding.code.code == "OUT007"
    assert on_disk(tmp_path / "victim") == {}


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_or_a_pipe_in_the_place_of_a_file_is_reported(tmp_path: Path, force: bool) -> None:
    put(tmp_path, OLD)
    (tmp_path / "orders" / HAPROXY).unlink()
    (tmp_path / "orders" / HAPROXY).mkdir()
    os.mkfifo(tmp_path / "orders/docs")
    tree = put(tmp_path, NEW, force=force)
    assert [message(finding) for finding in tree.findings] == [
        f"{tmp_path}/orders/docs is in the way: it is a special file, where a folder is needed",
        f"{tmp_path}/orders/{HAPROXY} is in the way: it is a folder, where a file is needed",
    ]
    assert check(tmp_path, NEW) == [
        "orders/docs/inventory.md: a special file is in the way", f"orders/{HAPROXY}: a folder is in the way",
        "orders/pgc.lock: stale", "orders/runbooks/failover.md: no longer generated",
    ]  # fmt: skip


def test_a_file_in_the_place_of_the_tree_is_reported(tmp_path: Path) -> None:
    (tmp_path / "orders").write_text("mine")
    assert codes(put(tmp_path, OLD, force=True)) == ["OUT006"]
    assert check(tmp_path, OLD) == ["orders/pgc.lock: a file is in the way"]


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/etc/passwd", "is absolute"),
        ("../escaped", "has the part '..'"),
        ("etc/../../escaped", "has the part '..'"),
        ("etc//passwd", "has the part ''"),
        ("etc/", "has the part ''"),
        ("", "has the part ''"),
        ("./a", "has the part '.'"),
        ("a\0b", "holds a NUL character"),
        ("a" * 256, "has a part of more than 255 bytes"),
        ("é" * 128, "has a part of more than 255 bytes"),
        ("a/\ud800", "is not text (a lone surrogate)"),
        ("a/.GIT/hooks/pre-commit", "has the part '.GIT', which Git or pgc keeps for itself"),
        (".pgc-write/journal", "has the part '.pgc-write', which Git or pgc keeps for itself"),
    ],
)
def test_a_path_that_leaves_its_tree_is_refused(tmp_path: Path, path: str, problem: str) -> None:
    tree = put(tmp_path / "out", bundle({path: "x", "fine": "y"}), force=True)
    assert codes(tree) == ["OUT008"]
    assert dict(tree.findings[0].values)["problem"] == problem
    assert on_disk(tmp_path) == {"out": None}
    assert len(check(tmp_path / "out", bundle({path: "x"}))) == 1


@pytest.mark.parametrize(
    "path", ["a" * 255, "é" * 127, "etc/systemd/dev-disk\\x2d1.mount", "..a/b..", ".hidden", "a b/ü"]
)
def test_an_unusual_path_within_its_tree_is_written(tmp_path: Path, path: str) -> None:
    assert codes(put(tmp_path, bundle({path: "x"}))) == []
    assert (tmp_path / "orders" / path).read_text() == "x"


@pytest.mark.parametrize("name", ["..", "../orders", "/orders", ".git", ".pgc-write", "orders/.."])
def test_a_cluster_whose_name_leaves_the_output_folder_is_refused(tmp_path: Path, name: str) -> None:
    assert codes(put(tmp_path / "out", bundle({"a": "x"}, name))) == ["OUT008"]
    assert on_disk(tmp_path) == {"out": None}


@pytest.mark.parametrize(
    "paths",
    [
        ("a/Readme", "a/README"), ("Etc/a", "etc/b"), ("a", "a/b"), ("PGC.lock", "x"), ("pgc.lock", "x"),
        ("e\u0301", "é"), ("ß", "SS"),
    ],
)
def test_paths_that_some_machine_takes_for_one_are_refused(tmp_path: Path, paths: tuple[str, str]) -> None:
    tree = put(tmp_path / "out", bundle(dict.fromkeys(paths, "x")), force=True)
    assert codes(tree) == ["OUT009"]
    assert on_disk(tmp_path) == {"out": None}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("orders", ""), ("orders", "production")),
        (("orders", "production"), ("orders", "")),
        (("orders", ""), ("Orders", "")),
    ],
)
def test_of_two_trees_in_one_place_only_the_first_is_written(
    tmp_path: Path, first: tuple[str, str], second: tuple[str, str]
) -> None:
    written = write(tmp_path, [bundle({"a": "1"}, *first), bundle({"b": "2"}, *second)], force=False)
    assert [codes(tree) for tree in written.trees] == [[], ["OUT010"]]
    assert check(tmp_path, bundle({"a": "1"}, *first)) == []
    assert not list(tmp_path.rglob("b"))


# ── reading only ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_check_names_every_difference_in_order_and_changes_nothing(tmp_path: Path) -> None:
    assert check(tmp_path / "none", OLD)[0] == f"orders/{HAPROXY}: missing"
    assert not (tmp_path / "none").exists()
    put(tmp_path, OLD)
    (tmp_path / "orders" / PATRONI).write_text("ttl: 20\n")
    (tmp_path / "orders/docs").mkdir()
    (tmp_path / "orders/docs/inventory.md").write_text("mine")
    before = on_disk(tmp_path)
    assert check(tmp_path, NEW) == [
        "orders/docs/inventory.md: not written by pgc", f"orders/{HAPROXY}: stale", f"orders/{PATRONI}: edited",
        "orders/pgc.lock: stale", "orders/runbooks/failover.md: no longer generated",
    ]  # fmt: skip
    assert check(tmp_path, OLD) == [f"orders/{PATRONI}: edited"]
    assert on_disk(tmp_path) == before


# ── the world refuses ────────────────────────────────────────────────────────────────────────────────────────────────

ON_A_TINY_DISK = """
import os, subprocess, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_tree import OLD, NEW, bundle, on_disk
from pgc.tree import WriteFailed, check, write
out = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(out)], check=True)
write(out, [OLD], force=False)
before = on_disk(out)
for case in ({"big": "x" * 300_000}, {f"hosts/{n}/a": "x" for n in range(100)}):
    for name in ("orders", "billing"):
        try:
            write(out, [bundle(case, name)], force=False)
        except WriteFailed as failed:
            print(failed.finding.code.code)
        assert on_disk(out) == before, sorted(on_disk(out))
subprocess.run(["mount", "-o", "remount,ro", str(out)], check=True)
try:
    write(out, [NEW], force=False)
except WriteFailed as failed:
    print(failed.finding.code.code)
assert on_disk(out) == before and check(out, OLD) == []
"""


def test_a_full_or_read_only_disk_leaves_the_old_tree(tmp_path: Path) -> None:
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("needs root and a mount namespace of its own to mount a tiny tmpfs")
    command = ["unshare", "-m", sys.executable, "-c", ON_A_TINY_DISK, str(tmp_path), str(Path(__file__).parent)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    assert ran.stdout.split() == ["OUT011"] * 4 + ["OUT013"]


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that other users may enter, too (pytest's own may not be)."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o777)
        yield Path(name)


def as_nobody(out: Path, wanted: Bundle) -> WriteFailed | None:
    """Write in a child process without privileges."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            if not os.geteuid():
                os.setgid(65534)
                os.setuid(65534)
            answer: WriteFailed | None = None
            write(out, [wanted], force=False)
        except WriteFailed as failed:
            answer = failed
        finally:
            os.write(writing, pickle.dumps(answer))
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pickle.loads(pipe.read())
    os.waitpid(child, 0)
    assert answer is None or isinstance(answer, WriteFailed)
    return answer


def test_a_folder_without_permission_leaves_the_old_tree(public_folder: Path) -> None:
    out = public_folder / "out"
    put(out, OLD)
    for path in (out, *out.rglob("*")):
        path.chmod(0o777)
    locked = out / "orders/runbooks"
    for where in (locked, out):
        before = on_disk(out)
        where.chmod(0o555)
        failed = as_nobody(out, NEW)
        assert failed is not None
        assert failed.finding.code.code == "OUT012"
        assert "may not be read or written: Permission denied" in str(failed)
        assert on_disk(out) == before
        where.chmod(0o777)
    assert as_nobody(out, NEW) is None
    assert check(out, NEW) == []


# ── the codes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_code_is_complete_and_unique() -> None:
    assert [code.code for code in CODES] == [f"OUT{number:03}" for number in range(1, len(CODES) + 1)]
    assert len({code.name for code in CODES}) == len(CODES)
    assert all(code.what and code.why and code.help and code.example for code in CODES)
    assert {code.severity for code in CODES} == set(Severity)


# ── workers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_forked_workers_stage_and_the_parent_commits_all_at_once(tmp_path: Path) -> None:
    clusters = [bundle({f"hosts/h{n}/a": str(n)}, f"c{number}") for number in range(8) for n in (number,)]
    with hold(tmp_path) as recovered:
        assert recovered == ()
        pipes = []
        for first in range(2):
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                os.write(writing, pickle.dumps(stage(tmp_path, clusters[first::2], force=False)))
                os._exit(0)
            os.close(writing)
            pipes.append((child, reading))
        parts: list[Staged] = []
        for child, reading in pipes:
            with os.fdopen(reading, "rb") as pipe:
                parts.append(pickle.loads(pipe.read()))
            os.waitpid(child, 0)
        assert not list(tmp_path.glob("c*"))
        written = commit(tmp_path, parts)
    assert len(written.trees) == 8
    assert [check(tmp_path, each) for each in clusters] == [[]] * 8
    assert not (tmp_path / ".pgc-write").exists()


def test_what_was_staged_and_not_committed_leaves_nothing(tmp_path: Path) -> None:
    with hold(tmp_path):
        stage(tmp_path, [OLD], force=False)
    assert on_disk(tmp_path) == {}
    assert recover(tmp_path) == ()
