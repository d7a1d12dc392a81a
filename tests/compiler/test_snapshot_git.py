"""Snapshots from the disk and from real Git repositories, with everything that a repository may hold against us."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from pgc.artifact import Entry, Format, digest, dump_lock
from pgc.change.changes import Kind, Scope
from pgc.change.compare import compare_all
from pgc.change.snapshot import Unavailable, at_revision, edited, on_disk
from pgc.readers import read_yaml

FORMATS = {"yaml": Format("yaml", read_yaml)}


@pytest.fixture(autouse=True)
def own_git_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of this machine's user, none of the variables that a hook around the tests may have set."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "gitconfig").write_text("[user]\nname = t\nemail = t@example.org\n[init]\ndefaultBranch = main\n")


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def write(folder: Path, name: str, files: Mapping[str, bytes], environment: str = "") -> None:
    """Write a cluster's tree with its lock file."""
    entries = [
        Entry(path, digest(data), "patroni", "yaml", "patroni.service", "root:root", "0644")
        for path, data in files.items()
    ]
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pgc.lock").write_bytes(dump_lock(name, environment, {}, entries))


def lock_with(row: str) -> bytes:
    """Write a lock file by hand, with one row of files."""
    head = '"lock_version": 1, "cluster": "x", "environment": "", "summary": {}'
    return f'{{{head}, "files": {{{row}}}}}'.encode()


def commit(folder: Path, message: str = "state") -> str:
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    write(folder / "generated/orders", "orders", {"hosts/pg1/etc/patroni.yml": b"ttl: 30\n"})
    write(folder / "generated/billing/staging", "billing", {"hosts/pg1/etc/patroni.yml": b"ttl: 20\n"}, "staging")
    commit(folder)
    return folder


def problem(folder: Path, revision: str = "HEAD") -> str:
    with pytest.raises(Unavailable) as caught:
        at_revision(folder, revision).close()
    return str(caught.value)


# ── what is found ──


def test_a_revision_and_the_disk_have_the_same_clusters(repository: Path) -> None:
    out = repository / "generated"
    with at_revision(out) as before:
        after = on_disk(out)
        assert list(before.snapshots) == list(after.snapshots) == ["billing/staging", "orders"]
        assert before.snapshots["orders"].lock == after.snapshots["orders"].lock
        path = "hosts/pg1/etc/patroni.yml"
        assert before.snapshots["orders"].read(path) == after.snapshots["orders"].read(path) == b"ttl: 30\n"
        assert compare_all(before.snapshots, after.snapshots, FORMATS) == ()
        assert before.label == f"HEAD ({git(repository, 'rev-parse', '--short=12', 'HEAD')})"
        assert after.label == "the working tree"


def test_a_change_in_the_working_tree_is_seen_against_the_commit(repository: Path) -> None:
    out = repository / "generated"
    write(out / "orders", "orders", {"hosts/pg1/etc/patroni.yml": b"ttl: 25\n"})
    with at_revision(out) as before:
        (change,) = compare_all(before.snapshots, on_disk(out).snapshots, FORMATS)
    assert (change.setting, change.old, change.new, change.hosts) == ("ttl", "30", "25", ("pg1",))


def test_any_name_of_a_commit_will_do(repository: Path) -> None:
    out = repository / "generated"
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "--annotate", "v1", "--message", "v1")
    write(out / "orders", "orders", {"hosts/pg1/etc/patroni.yml": b"ttl: 25\n"})
    commit(repository)
    for revision in (first, first[:10], "v1", "HEAD~1", "main^"):
        with at_revision(out, revision) as tree:
            assert tree.commit == first
            assert tree.snapshots["orders"].read("hosts/pg1/etc/patroni.yml") == b"ttl: 30\n"


def test_a_folder_that_was_not_there_yet_has_no_clusters(repository: Path) -> None:
    with at_revision(repository / "elsewhere/deep") as before:
        assert before.snapshots == {}
    assert on_disk(repository / "elsewhere/deep").snapshots == {}
    with at_revision(repository / "elsewhere") as before:
        (first, second) = compare_all(before.snapshots, on_disk(repository / "generated").snapshots, FORMATS)
    assert {first.scope, second.scope} == {Scope.CLUSTER} and {first.kind, second.kind} == {Kind.ADDED}


def test_the_repository_itself_may_be_the_output_folder(repository: Path) -> None:
    with at_revision(repository) as tree:
        assert (
            list(tree.snapshots)
            == list(on_disk(repository).snapshots)
            == ["generated/billing/staging", "generated/orders"]
        )


def test_a_cluster_may_lie_in_the_output_folder_itself(repository: Path) -> None:
    with at_revision(repository / "generated/orders") as tree:
        assert list(tree.snapshots) == list(on_disk(repository / "generated/orders").snapshots) == [""]
        assert tree.snapshots[""].read("hosts/pg1/etc/patroni.yml") == b"ttl: 30\n"


def test_a_lock_file_on_a_host_is_a_file_and_no_cluster(repository: Path) -> None:
    out = repository / "generated"
    write(out / "orders", "orders", {"hosts/pg1/srv/pgc.lock": b"x\n", "docs/pgc.lock": b"not a lock\n", "docs/x": b""})
    commit(repository)
    with at_revision(out) as tree:
        assert list(tree.snapshots) == list(on_disk(out).snapshots) == ["billing/staging", "orders"]


def test_hostile_names_are_only_names(repository: Path) -> None:
    out = repository / "generated" / ":(top) $(touch pwned) ;|\n\t'\"*?[a] -rf ünïcode"
    write(out / "--help", "--help", {"hosts/pg 1/etc/\n$(id)\t.yml": b"ttl: 30\n"})
    commit(repository)
    with at_revision(out) as tree:
        assert list(tree.snapshots) == list(on_disk(out).snapshots) == ["--help"]
        assert tree.snapshots["--help"].read("hosts/pg 1/etc/\n$(id)\t.yml") == b"ttl: 30\n"
    assert not list(repository.rglob("pwned"))


def test_relative_folders_are_relative_to_the_working_folder(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "generated/orders")
    with at_revision(Path("..")) as tree:
        assert list(tree.snapshots) == ["billing/staging", "orders"]


def test_a_linked_way_to_the_repository_leads_to_it(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository)
    with at_revision(tmp_path / "link" / "generated") as tree:
        assert list(tree.snapshots) == ["billing/staging", "orders"]


def test_a_worktree_beside_the_repository_works(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "--quiet", str(tmp_path / "beside"))
    with at_revision(tmp_path / "beside" / "generated") as tree:
        assert list(tree.snapshots) == ["billing/staging", "orders"]


# ── Git's own variables ──


def test_a_hook_with_a_relative_git_dir_works(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    with at_revision(Path("generated")) as tree:
        assert tree.snapshots["orders"].read("hosts/pg1/etc/patroni.yml") == b"ttl: 30\n"


def test_git_dir_and_work_tree_are_respected(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), "bare.git")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "bare.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "empty"))
    with at_revision(tmp_path / "empty" / "generated") as tree:
        assert list(tree.snapshots) == ["billing/staging", "orders"]
    assert problem(repository / "generated") == (
        f"{repository}/generated lies outside the repository {tmp_path}/empty\n"
        "  help: give an output folder inside the repository, or unset GIT_DIR and GIT_WORK_TREE"
    )


def test_tracing_and_a_foreign_language_change_nothing(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TRACE", "1")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "0")
    with at_revision(repository / "generated") as tree:
        assert tree.snapshots["orders"].read("hosts/pg1/etc/patroni.yml") == b"ttl: 30\n"


def test_a_replaced_object_is_not_what_was_committed(repository: Path) -> None:
    (repository / "other").write_bytes(b"ttl: 99\n")
    real = git(repository, "rev-parse", "HEAD:generated/orders/hosts/pg1/etc/patroni.yml")
    git(repository, "replace", real, git(repository, "hash-object", "-w", "other"))
    with at_revision(repository / "generated") as tree:
        assert tree.snapshots["orders"].read("hosts/pg1/etc/patroni.yml") == b"ttl: 30\n"


# ── what cannot be had ──


def test_outside_a_repository_the_way_out_is_named(tmp_path: Path) -> None:
    assert problem(tmp_path / "generated") == (
        f"{tmp_path}/generated is in no Git repository\n  help: run `git init` and commit the output"
    )


@pytest.mark.parametrize("revision", ["nowhere", "HEAD~9", "HEAD:generated", "main..main", "0" * 40, "x y", "é\n"])
def test_an_unknown_revision_is_said(repository: Path, revision: str) -> None:
    assert problem(repository, revision) == (
        f"the revision {revision} is not known\n"
        "  help: name a branch, a tag or a commit of this repository; `git fetch` gets new ones"
    )


@pytest.mark.parametrize("revision", ["", "--all", "-h", "a\0b"])
def test_what_is_no_name_never_reaches_git(repository: Path, revision: str) -> None:
    assert problem(repository, revision) == (
        f"the revision {revision} is not known\n  help: name a branch, a tag or a commit, such as origin/main"
    )


def test_a_repository_without_commits_is_said(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "fresh")
    assert problem(tmp_path / "fresh") == (
        "the revision HEAD is not known: the repository has no commit yet\n  help: commit once, then compare with that"
    )


def test_a_shallow_clone_is_named_as_the_likely_reason(repository: Path, tmp_path: Path) -> None:
    commit(repository, "second")
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{repository}", "shallow")
    with at_revision(tmp_path / "shallow/generated") as tree:
        assert list(tree.snapshots) == ["billing/staging", "orders"]
    assert problem(tmp_path / "shallow/generated", "HEAD~1") == (
        "the revision HEAD~1 is not known, and the repository is a shallow clone: "
        "it may be older than what was fetched\n"
        "  help: fetch the history: `git fetch --unshallow`, or `fetch-depth: 0` for actions/checkout"
    )


def test_without_git_the_way_out_is_named(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert problem(repository) == "the program git is not there\n  help: install git: pgc reads committed files with it"


def test_a_bare_repository_has_no_working_tree(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), "bare.git")
    assert problem(tmp_path / "bare.git") == (
        f"the repository around {tmp_path}/bare.git has no working tree\n  help: run pgc in a clone with its files"
    )


def test_a_repository_of_another_user_is_said(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert problem(repository) == (
        f"git does not trust the repository around {repository}: it belongs to another user\n"
        "  help: if you do: `git config --global --add safe.directory` with the repository's folder"
    )


def test_an_object_that_is_gone_is_said(repository: Path) -> None:
    oid = git(repository, "rev-parse", "HEAD:generated/orders/hosts/pg1/etc/patroni.yml")
    (repository / ".git/objects" / oid[:2] / oid[2:]).unlink()
    with at_revision(repository / "generated") as tree, pytest.raises(Unavailable) as caught:
        tree.snapshots["orders"].read("hosts/pg1/etc/patroni.yml")
    assert str(caught.value) == (
        "git has no content for orders/hosts/pg1/etc/patroni.yml\n"
        "  help: fetch it (in a partial clone: `git fetch --refetch`), or check the repository with `git fsck`"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"<<<<<<< HEAD\n",
        b'{"lock_version": 1, "cluster": 5, "environment": "", "summary": {}, "files": {}}',
        lock_with('"../../etc/passwd": ["","","","","",""]'),
        lock_with('"/etc/passwd": ["","","","","",""]'),
        lock_with('"hosts/a": ["","","","","",""]'),
        lock_with('"a": ["","","","","",1]'),
        lock_with('"a": [""]'),
    ],
)
def test_a_damaged_lock_file_is_said_and_never_followed(repository: Path, content: bytes) -> None:
    lock = repository / "generated/orders/pgc.lock"
    lock.write_bytes(content)
    with pytest.raises(Unavailable) as caught:
        on_disk(repository / "generated")
    assert caught.value.problem.startswith(f"{lock} is damaged: ")
    assert caught.value.help == "compile again (after a merge conflict: resolve the manifest, then compile)"
    commit(repository)
    assert problem(repository / "generated").startswith(f"{lock} at HEAD is damaged: ")


# ── the disk ──


def test_a_link_out_of_the_tree_is_not_followed(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password: hunter2\n")
    tree = repository / "generated/orders"
    write(
        tree,
        "orders",
        {"hosts/pg1/etc/a.yml": b"a: 1\n", "hosts/pg2/etc/a.yml": b"a: 1\n", "hosts/pg3/a.yml": b"a: 1\n"},
    )
    (tree / "hosts/pg1/etc/a.yml").unlink()
    (tree / "hosts/pg1/etc/a.yml").symlink_to(tmp_path / "secret")
    (tree / "hosts/pg3/a.yml").unlink()
    os.mkfifo(tree / "hosts/pg3/a.yml")
    (tree / "hosts/pg2/etc/a.yml").unlink()
    (tree / "hosts/pg2/etc").rmdir()
    (tmp_path / "a.yml").write_text("password: hunter2\n")
    (tree / "hosts/pg2/etc").symlink_to(tmp_path)
    snapshot = on_disk(repository / "generated").snapshots["orders"]
    with pytest.raises(OSError, match="symbolic links"):
        snapshot.read("hosts/pg1/etc/a.yml")
    with pytest.raises(LookupError, match="it lies outside the cluster's tree"):
        snapshot.read("hosts/pg2/etc/a.yml")
    with pytest.raises(LookupError, match="it is no regular file"):
        snapshot.read("hosts/pg3/a.yml")
    commit_links = commit(repository)
    with (
        at_revision(repository / "generated", commit_links) as before,
        pytest.raises(LookupError, match="not in the commit"),
    ):
        before.snapshots["orders"].read("hosts/pg1/etc/a.yml")


def test_edited_names_the_files_that_are_not_what_the_lock_says(repository: Path) -> None:
    tree = repository / "generated/orders"
    write(tree, "orders", {"a": b"1", "b": b"2", "c": b"3"})
    (tree / "a").write_bytes(b"by hand")
    (tree / "b").unlink()
    assert edited(on_disk(repository / "generated").snapshots["orders"]) == ("a", "b")


def test_the_process_ends_with_the_tree(repository: Path) -> None:
    with at_revision(repository / "generated") as tree:
        tree.snapshots["orders"].read("hosts/pg1/etc/patroni.yml")
    tree.close()  # a second time is no fault
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if children.exists():
        names = [Path(f"/proc/{child}/comm").read_text().strip() for child in children.read_text().split()]
        assert "git" not in names
