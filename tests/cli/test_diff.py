"""`pgc diff`, as a process, in a real repository."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.conftest import ROOT
from tests.process import MINIMAL, Pgc, git

EDITED = "generated/minimal/hosts/pg1/etc/patroni/patroni.yml"


@pytest.fixture
def changed(pgc: Pgc, repository: Path) -> Path:
    """A looser objective, compiled and not committed."""
    (repository / "minimal.yaml").write_text(MINIMAL.replace("30s", "60s"))
    assert pgc("compile", "minimal.yaml").code == 0
    return repository


def test_nothing_changed_is_said_so(pgc: Pgc, repository: Path) -> None:
    done = pgc("diff", "--exit-code")
    assert (done.code, done.out, done.err) == (0, "Nothing changed.\n", "")


def test_a_change_is_shown_by_meaning_once_for_equal_hosts_with_its_manifest_line(pgc: Pgc, changed: Path) -> None:
    done = pgc("diff")
    assert done.code == 0 and done.err == ""
    assert done.out.count("bootstrap.dcs.ttl: ") == 1 and "\n  pg1, pg2, pg3\n" in done.out
    told = [line for line in done.out.splitlines() if "wal_sender_timeout" in line]
    assert told and all(line.endswith("[minimal.yaml:5 objectives.failover]") for line in told)
    assert "The effect of these changes on running processes is not judged" in done.out


def test_a_value_that_no_line_decides_any_more_gives_its_reason(pgc: Pgc, changed: Path) -> None:
    (told,) = [line for line in pgc("diff").out.splitlines() if "settled patroni.ttl_s: " in line]
    assert told.endswith("→ 30 s  [30 s, Patroni's default]")


def test_exit_code_is_for_scripts(pgc: Pgc, changed: Path) -> None:
    assert [pgc("diff", *more).code for more in ([], ["--exit-code"])] == [0, 1]


def test_json_is_one_document_with_base_and_reasons(pgc: Pgc, changed: Path) -> None:
    done = pgc("diff", "--format", "json")
    schema = json.loads((ROOT / "schemas/diff.schema.json").read_text())
    jsonschema.validate(done.document, schema, jsonschema.Draft202012Validator)
    assert done.document["format_version"] == 1 and done.document["base"].startswith("HEAD (")
    assert "minimal.yaml:5 objectives.failover" in {each["why"] for each in done.document["changes"]}


def test_markdown_is_a_comment_for_a_pull_request(pgc: Pgc, changed: Path) -> None:
    done = pgc("diff", "--format", "markdown")
    assert done.out.startswith("<!-- pgc diff -->\n### pgc diff\n") and "| | what | before | after | line | from |" in done.out


def test_no_why_leaves_the_manifests_alone(pgc: Pgc, changed: Path) -> None:
    (changed / "minimal.yaml").write_text("apiVersion: pgc.dev/v1\nnot: [a manifest\n")
    assert "bootstrap.dcs.ttl" in pgc("diff", "--no-why").out
    assert "[minimal.yaml:5" not in pgc("diff").out  # a manifest that does not compile explains nothing, and hinders nothing


def test_output_that_its_manifest_no_longer_makes_is_given_no_line(pgc: Pgc, changed: Path) -> None:
    (changed / "minimal.yaml").write_text(MINIMAL.replace("30s", "90s"))
    done = pgc("diff")
    assert "wal_sender_timeout" in done.out
    assert not [line for line in done.out.splitlines() if "wal_sender_timeout" in line and "minimal.yaml" in line]


def test_a_tag_is_a_base(pgc: Pgc, changed: Path) -> None:
    git(changed, "commit", "-qam", "looser")
    assert pgc("diff").out == "Nothing changed.\n"
    assert "bootstrap.dcs.ttl" in pgc("diff", "v1").out


def test_a_host_and_a_cluster_that_are_new_point_at_their_manifest(pgc: Pgc, repository: Path) -> None:
    (repository / "minimal.yaml").write_text(MINIMAL.replace("pg3", "pg4"))
    (repository / "other.yaml").write_text(MINIMAL.replace("minimal", "other"))
    assert pgc("compile", "minimal.yaml", "other.yaml").code == 0
    out = pgc("diff").out
    assert "[minimal.yaml:10 hosts.pg4]" in out and "- pg3: the whole host" in out
    assert "+ the whole cluster" in out and "[other.yaml:3 metadata.name]" in out


def test_an_edited_file_is_warned_of_on_stderr(pgc: Pgc, repository: Path) -> None:
    (repository / EDITED).write_text("mine\n")
    done = pgc("diff", "--format", "json")
    assert f"warning: {EDITED} is not what pgc wrote" in done.err and done.document["changes"] == []


# ── what cannot be compared ──────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_revision_is_wrong_usage(pgc: Pgc, repository: Path) -> None:
    done = pgc("diff", "v9")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: the revision v9 is not known\nhelp: name a branch, a tag or a commit")


def test_outside_of_a_repository_the_world_is_at_fault(pgc: Pgc, manifest: Path) -> None:
    assert pgc("compile", manifest.name).code == 0
    done = pgc("diff")
    assert done.code == 5 and "generated is in no Git repository\nhelp: run `git init`" in done.err


def test_a_repository_without_a_commit_says_so(pgc: Pgc, manifest: Path, tmp_path: Path) -> None:
    assert pgc("compile", manifest.name).code == 0
    git(tmp_path, "init", "-q", ".")
    done = pgc("diff")
    assert done.code == 5 and "the repository has no commit yet" in done.err


def test_without_git_the_world_is_at_fault(pgc: Pgc, repository: Path) -> None:
    done = pgc("diff", env={"PATH": "/nowhere"})
    assert done.code == 5 and "the program git is not there\nhelp: install git" in done.err


def test_a_folder_with_no_tree_at_all_is_not_called_unchanged(pgc: Pgc, repository: Path) -> None:
    done = pgc("diff", "--out", "generatd")
    assert done.code == 2 and "no generated tree in generatd, neither on disk nor at HEAD" in done.err


def test_a_lock_file_with_a_merge_conflict_says_how_to_go_on(pgc: Pgc, repository: Path) -> None:
    (repository / "generated/minimal/pgc.lock").write_text("<<<<<<< HEAD\n")
    done = pgc("diff")
    assert done.code == 5 and "generated/minimal/pgc.lock is damaged" in done.err and "\nhelp: compile again" in done.err


def test_a_failure_is_a_document_too_where_json_is_asked_for(pgc: Pgc, repository: Path) -> None:
    done = pgc("diff", "v9", "--format", "json")
    schema = json.loads((ROOT / "schemas/failure.schema.json").read_text())
    jsonschema.validate(done.document, schema, jsonschema.Draft202012Validator)
    assert done.document["failure"]["exit_code"] == done.code == 2
