"""Killed at any step, then recovered: every tree of the call is the old one or the new one, byte for byte.

The writer is a forked child that sends itself SIGKILL before its n-th step; n runs over all steps.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pgc.artifact import Bundle, Entry, File, digest
from pgc.diagnostics import Finding
from pgc.tree import WriteFailed, check, commit, hold, recover, stage, write

Disk = dict[str, bytes | str | None]
Watch = Callable[[str], None]


def bundle(name: str, environment: str, files: dict[str, str]) -> Bundle:
    """A bundle with these files."""
    made = {}
    for path, text in files.items():
        content = text.encode()
        made[path] = File(Entry(path, digest(content), "haproxy", "text", "", "root:root", "0644"), content)
    return Bundle(name, environment, made, {})


OLD = (
    bundle("orders", "staging", {"a": "1", "b/c/d": "2", "b/e": "3", "gone/x/y": "4", "file": "5", "same": "6"}),
    bundle("billing", "", {"hosts/h1/etc/a": "1", "hosts/h2/etc/a": "1"}),
)
NEW = (
    bundle("orders", "staging", {"a": "one", "b/c/d": "two", "b/e": "3", "file/in/dir": "5", "same": "6", "gone": "7"}),
    bundle("billing", "", {"hosts/h1/etc/a": "2", "hosts/h3/etc/a": "1", "docs/new.md": "3"}),
    bundle("fresh", "production", {"hosts/h1/etc/a": "1", "docs/new.md": "3"}),
)
PEOPLE = {"README.md": "1", "billing/NOTES.md": "2", "billing/hosts/h2/etc/mine": "3", "orders/other/file": "4"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: thousands of trees are written, and each journal is forced to disk."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


def on_disk(folder: Path) -> Disk:
    """Everything below a folder: bytes of files, targets of links, None for folders."""
    found: Disk = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = os.readlink(path) if path.is_symlink() else None if path.is_dir() else path.read_bytes()
    return found


def killer(last: int) -> Watch:
    """Die before step number `last`, as by a kill -9."""
    left = [last]

    def watch(step: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return watch


def killed(act: Callable[[], object]) -> bool:
    """Run in a child process; say whether it was killed (or else came to its end)."""
    child = os.fork()
    if not child:
        try:
            act()
        except BaseException:
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def people(out: Path) -> None:
    for name, text in PEOPLE.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)


def before_update(out: Path) -> None:
    out.mkdir()
    write(out, OLD, force=False)
    people(out)


def before_fresh(out: Path) -> None:
    out.mkdir()


def write_by_workers(out: Path, bundles: tuple[Bundle, ...], watch: Watch) -> None:
    with hold(out, watch=watch):
        commit(out, [stage(out, [each], force=False, watch=watch) for each in bundles], watch=watch)


def write_at_once(out: Path, bundles: tuple[Bundle, ...], watch: Watch) -> None:
    write(out, bundles, force=False, watch=watch)


CASES = pytest.mark.parametrize(
    ("prepare", "bundles"),
    [
        (before_fresh, NEW),
        (before_fresh, NEW[1:2]),
        (before_update, NEW),
        (before_update, NEW[:1]),
        (before_update, NEW[2:]),
    ],
    ids=["fresh", "one fresh", "update", "one updated", "one added"],
)


@pytest.mark.parametrize("writer", [write_at_once, write_by_workers])
@CASES
def test_killed_at_every_step_the_tree_is_old_or_new(
    disk: Path, prepare: Callable[[Path], None], bundles: tuple[Bundle, ...],
    writer: Callable[[Path, tuple[Bundle, ...], Watch], None],
) -> None:  # fmt: skip
    source, target = disk / "old", disk / "new"
    for folder in (source, target):
        prepare(folder)
    write(target, bundles, force=False)
    old, new = on_disk(source), on_disk(target)
    outcomes = []
    for last in range(1000):
        out = disk / f"{last}"
        shutil.copytree(source, out)
        alive = not killed(lambda out=out, last=last: writer(out, bundles, killer(last)))  # type: ignore[misc]
        recover(out)
        found = on_disk(out)
        assert found in (old, new), f"half written when killed before step {last}"
        outcomes.append(found == new)
        assert recover(out) == ()
        assert not any(write(out, bundles, force=False).findings)
        assert on_disk(out) == new
        if alive:
            break
    assert outcomes[0] is False
    assert outcomes[-1] is True
    assert outcomes == sorted(outcomes), "once the new tree is decided it stays decided"
    assert len(outcomes) > 8


def test_killed_while_recovering_the_next_recovery_ends_in_the_same_place(disk: Path) -> None:
    source, target = disk / "old", disk / "new"
    for folder in (source, target):
        before_update(folder)
    write(target, NEW, force=False)
    old, new = on_disk(source), on_disk(target)
    number, first = 0, 0
    while True:
        torn = disk / f"torn{first}"
        shutil.copytree(source, torn)
        if not killed(lambda torn=torn, first=first: write_at_once(torn, NEW, killer(first))):  # type: ignore[misc]
            break
        first += 7
        seen = set()
        for second in range(1000):
            out = disk / f"{number}"
            number += 1
            shutil.copytree(torn, out)
            again = killed(lambda out=out, second=second: recover(out, watch=killer(second)))  # type: ignore[misc]
            recover(out)
            found = on_disk(out)
            seen.add("old" if found == old else "new" if found == new else "torn")
            shutil.rmtree(out)
            if not again:
                break
        assert seen in ({"old"}, {"new"})
    assert number > 60


def test_a_refusal_at_every_step_leaves_the_old_tree(disk: Path) -> None:
    """What the operating system refuses in the middle of the renames is undone at once."""
    source = disk / "old"
    before_update(source)
    old = on_disk(source)
    for last in range(1000):
        out = disk / f"{last}"
        shutil.copytree(source, out)
        left = [last]

        def refuse(step: str, left: list[int] = left) -> None:
            left[0] -= step != "done"
            if left[0] == -1:
                raise OSError(errno.ENOSPC, "No space left on device")

        try:
            write(out, NEW, force=False, watch=refuse)
        except WriteFailed as failed:
            assert failed.finding.code.code == "OUT011"
            assert on_disk(out) == old
        if left[0] >= 0:
            break
    assert last > 40
    assert [check(out, each) for each in NEW] == [[], [], []]


def test_the_notes_say_how_an_interrupted_write_ended(disk: Path) -> None:
    said = set()
    for last in range(1000):
        out = disk / f"{last}"
        before_update(out)
        alive = not killed(lambda out=out, last=last: write_at_once(out, NEW, killer(last)))  # type: ignore[misc]
        said |= {(finding.code.code, dict(finding.values).get("outcome")) for finding in recover(out)}
        if alive:
            break
    assert said == {("OUT016", "discarded"), ("OUT016", "finished")}


def torn(out: Path, before: str) -> None:
    """Leave a write behind that was killed right before the first step of this name."""

    def watch(step: str) -> None:
        if step == before:
            os.kill(os.getpid(), signal.SIGKILL)

    before_update(out)
    assert killed(lambda: write_at_once(out, NEW, watch))


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code.code for finding in findings]


def test_a_file_edited_between_kill_and_recovery_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    torn(out, "take")
    (out / "orders/staging/a").write_text("mine")
    (out / "billing/docs").mkdir()
    (out / "billing/docs/new.md").write_text("mine, too")
    assert codes(recover(out)) == ["OUT016", "OUT018", "OUT018"]
    assert (out / "orders/staging/a").read_text() == "mine"
    assert (out / "billing/docs/new.md").read_text() == "mine, too"
    assert codes(write(out, NEW, force=False).trees[0].findings) == ["OUT002"]


def test_a_staged_file_that_a_power_cut_lost_undoes_the_write(tmp_path: Path) -> None:
    out = tmp_path / "out"
    before_update(tmp_path / "untouched")
    torn(out, "lay")
    next(iter(sorted((out / ".pgc-write").glob("*/f*")))).write_bytes(b"")
    (note,) = recover(out)
    assert "undone" in str(dict(note.values)["outcome"])
    assert on_disk(out) == on_disk(tmp_path / "untouched")


@pytest.mark.parametrize(
    "steps",
    [
        [["lay", "../escaped", "1-0/f1", ""]],
        [["take", "/etc/passwd", "1-0/a1", ""]],
        [["take", "orders/staging/a", "../../stolen", ""]],
        [["burn", "orders/staging/a", "", ""]],
        [["drop"]],
        "nonsense",
    ],
)
def test_a_journal_that_leaves_the_output_folder_is_refused(tmp_path: Path, steps: object) -> None:
    out = tmp_path / "out"
    before_update(out)
    (out / ".pgc-write").mkdir()
    (out / ".pgc-write/journal").write_text(json.dumps({"journal_version": 1, "steps": steps}))
    before = on_disk(tmp_path)
    with pytest.raises(WriteFailed) as raised:
        recover(out)
    assert raised.value.finding.code.code == "OUT017"
    after = on_disk(tmp_path)
    assert {name for name in after.keys() ^ before.keys() if not name.endswith("lock")} == set()


def test_a_journal_never_moves_files_through_a_link(tmp_path: Path) -> None:
    out, victim = tmp_path / "out", tmp_path / "victim"
    before_update(out)
    victim.mkdir()
    (victim / "key").write_text("secret")
    (out / "link").symlink_to(victim)
    (out / ".pgc-write/1-0").mkdir(parents=True)
    (out / ".pgc-write/1-0/f2").write_text("lost")
    (out / ".pgc-write/2-0").symlink_to(victim)
    for steps in (
        [["take", "link/key", "1-0/a1", digest(b"secret")]],
        [["lay", "link/new", "1-0/f2", digest(b"lost")]],
        [["lay", "link/key", "1-0/f1", ""], ["lay", "x", "1-0/f2", digest(b"other")]],
        [["lay", "stolen", "2-0/f1", ""]],
        [["drop", "link", "", ""]],
    ):
        (out / ".pgc-write/1-0").mkdir(parents=True, exist_ok=True)
        (out / ".pgc-write/1-0/f2").write_text("lost")
        (out / ".pgc-write/journal").write_text(json.dumps({"journal_version": 1, "steps": steps}))
        try:
            recover(out)
        except WriteFailed as failed:
            assert failed.finding.code.code in ("OUT014", "OUT017")
        assert on_disk(victim) == {"key": b"secret"}
        assert not (out / "stolen").exists()


# ── two at once ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_second_writer_waits_and_then_names_the_first(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with hold(tmp_path):
            stage(tmp_path, OLD, force=False)
            os.write(writing, b"held")
            time.sleep(60)
        os._exit(0)
    assert os.read(reading, 4) == b"held"
    staged = on_disk(tmp_path)
    for act in (lambda: write(tmp_path, NEW, force=False, wait_s=0.1), lambda: recover(tmp_path, wait_s=0.1)):
        with pytest.raises(WriteFailed, match=f"another pgc writes to {tmp_path}: process {child} on "):
            act()
        assert on_disk(tmp_path) == staged, "what a living process staged is not touched"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert codes(write(tmp_path, NEW, force=False).findings) == ["OUT016"]
    assert [check(tmp_path, each) for each in NEW] == [[], [], []]


def test_the_lock_outlives_a_killed_parent_while_a_worker_stages(tmp_path: Path) -> None:
    reading, writing = os.pipe()

    def parent() -> None:
        with hold(tmp_path):
            worker = os.fork()
            if not worker:
                os.write(writing, f"{os.getpid()}\n".encode())
                time.sleep(60)
            time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGKILL)

    assert killed(parent)
    worker = int(os.read(reading, 20))
    with pytest.raises(WriteFailed, match="another pgc"):
        recover(tmp_path, wait_s=0.1)
    os.kill(worker, signal.SIGKILL)
    recover(tmp_path, wait_s=5)
    assert on_disk(tmp_path) == {}


def test_a_worker_that_leaves_neither_unlocks_nor_discards_what_was_staged(tmp_path: Path) -> None:
    with hold(tmp_path):
        part = stage(tmp_path, OLD, force=False)
        worker = os.fork()
        if worker:
            assert os.waitpid(worker, 0)[1] == 0
            commit(tmp_path, [part])
    if not worker:  # it has gone through the end of `hold`, as with an exception that nobody caught
        os._exit(0)
    assert [check(tmp_path, each) for each in OLD] == [[], []]


def test_many_writers_at_once_take_turns(tmp_path: Path) -> None:
    children = []
    for number in range(12):
        child = os.fork()
        if not child:
            try:
                for _ in range(5):
                    write(tmp_path, OLD if number % 2 else NEW, force=False, wait_s=60)
            except BaseException:
                os._exit(3)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 12
    assert not (tmp_path / ".pgc-write").exists()
    both = [[check(tmp_path, each) for each in bundles[:2]] for bundles in (OLD, NEW)]
    assert [[], []] in both


def test_what_the_system_says_of_a_failed_write_is_told_in_its_words(tmp_path: Path) -> None:
    """Whatever is neither a full disk nor a missing permission: a network folder that went away, a broken disk."""
    out = tmp_path / "out"
    before_update(out)
    old = on_disk(out)

    def refuse(step: str) -> None:
        raise OSError(errno.EIO, "Input/output error", str(out / "orders"))

    with pytest.raises(WriteFailed) as failed:
        write(out, NEW, force=False, watch=refuse)
    assert failed.value.finding.code.code == "OUT014"
    assert str(failed.value) == f"{out}/orders cannot be read or written: Input/output error"
    assert on_disk(out) == old
