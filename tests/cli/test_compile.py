"""`pgc compile`, as a process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from tests.cli.conftest import snapshot
from tests.conftest import ROOT
from tests.process import MINIMAL, Pgc

SCHEMAS = ROOT / "schemas"
EDITED = "generated/minimal/hosts/pg1/etc/patroni/patroni.yml"
MISSPELT = MINIMAL.replace("failover", "failovr")


def valid(document: object, schema: str) -> None:
    jsonschema.validate(document, json.loads((SCHEMAS / schema).read_text()), jsonschema.Draft202012Validator)


def test_a_manifest_becomes_a_tree_with_a_lock_file(pgc: Pgc, manifest: Path, tmp_path: Path) -> None:
    done = pgc("compile", manifest.name)
    assert done.code == 0
    assert done.out.splitlines()[-3].startswith("minimal: 3 hosts, ")
    assert "created in generated/minimal/" in done.out
    lock = json.loads((tmp_path / "generated/minimal/pgc.lock").read_text())
    valid(lock, "lock.schema.json")
    assert {*lock["files"], "pgc.lock"} == {*snapshot(tmp_path / "generated/minimal")}


def test_compiling_again_says_that_nothing_changed(pgc: Pgc, repository: Path) -> None:
    before = snapshot(repository / "generated")
    for _ in range(2):
        done = pgc("compile", "minimal.yaml")
        assert done.code == 0 and ": unchanged in generated/minimal/" in done.out
    assert snapshot(repository / "generated") == before


def test_the_bounds_are_shown_and_what_nothing_bounds_is_named(pgc: Pgc, repository: Path) -> None:
    done = pgc("compile", "minimal.yaml")
    assert "writes return within 30s after every bounded fault" in done.out
    assert "not bounded by any setting: " in done.out and "DCS quorum lost" in done.out


def test_json_is_one_document_and_nothing_else_is_on_stdout(pgc: Pgc, manifest: Path) -> None:
    done = pgc("compile", manifest.name, "--format", "json")
    valid(done.document, "diagnostics.schema.json")
    (cluster,) = done.document["result"]["clusters"]
    assert done.document["format_version"] == 1 and done.err == ""
    assert cluster["directory"] == "generated/minimal" and "pgc.lock" in cluster["created"]
    assert cluster["bounds_s"]["DCS quorum lost"] is None


@pytest.mark.parametrize("output", ["text", "json", "sarif", "github"])
def test_every_format_tells_the_fault_and_its_line(pgc: Pgc, manifest: Path, output: str) -> None:
    manifest.write_text(MISSPELT)
    done = pgc("compile", manifest.name, "--format", output)
    assert done.code == 3 and done.err == ""
    assert "MAN001" in done.out and "did you mean failover?" in done.out
    line = {"text": "minimal.yaml:5:", "json": '"line": 5', "sarif": '"startLine": 5', "github": "file=minimal.yaml,line=5"}
    assert line[output] in done.out


def test_a_sarif_log_names_every_diagnostic_as_a_rule(pgc: Pgc, manifest: Path) -> None:
    log = pgc("compile", manifest.name, "--format", "sarif").document
    listed = {line.split()[0] for line in pgc("explain", "--codes").out.splitlines()}
    assert log["version"] == "2.1.0"
    assert {rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]} == listed


def test_two_bad_manifests_show_all_their_findings(pgc: Pgc, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MISSPELT.replace("zone: a", "zoen: a"))
    (tmp_path / "b.yaml").write_text("apiVersion: pgc.dev/v1\nkind: [\n")
    done = pgc("compile", "a.yaml", "b.yaml")
    assert done.code == 3
    for wanted in ("a.yaml:5:", "did you mean failover?", "did you mean zone?", "b.yaml:2:8: error SRC001", "3 errors"):
        assert wanted in done.out
    assert done.out.endswith("nothing was written\n") and not (tmp_path / "generated/a").exists()


def test_one_bad_manifest_keeps_the_good_one_from_being_written(pgc: Pgc, manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(MISSPELT.replace("minimal", "bad"))
    assert pgc("compile", manifest.name, "bad.yaml").code == 3
    assert snapshot(tmp_path / "generated") == {}


# ── which files are compiled ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_is_searched_for_manifests_and_other_yaml_is_left_alone(pgc: Pgc, tmp_path: Path) -> None:
    for path, name in (("clusters/a.yaml", "a"), ("clusters/deep/b.yml", "b"), ("clusters/.hidden/c.yaml", "c")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(MINIMAL.replace("minimal", name))
    (tmp_path / "clusters/values.yaml").write_text("replicas: [1, 2\n")
    done = pgc("compile", "clusters", "--format", "json")
    assert done.code == 0
    assert [each["manifest"] for each in done.document["result"]["clusters"]] == ["clusters/a.yaml", "clusters/deep/b.yml"]


def test_a_file_that_is_named_is_compiled_even_beside_a_folder(pgc: Pgc, tmp_path: Path) -> None:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters/a.yaml").write_text(MINIMAL)
    (tmp_path / "values.yaml").write_text("replicas: 2\n")
    done = pgc("compile", "clusters", "values.yaml")
    assert done.code == 3 and "values.yaml:1:1: error MAN001" in done.out


def test_a_manifest_that_is_named_twice_is_one_manifest(pgc: Pgc, manifest: Path) -> None:
    done = pgc("compile", "minimal.yaml", "./minimal.yaml", ".", "--format", "json")
    assert done.code == 0
    assert [each["manifest"] for each in done.document["result"]["clusters"]] == ["minimal.yaml"]


def test_every_missing_path_is_named_at_once(pgc: Pgc, manifest: Path, tmp_path: Path) -> None:
    done = pgc("compile", "nowhere.yaml", manifest.name, "neither/")
    assert done.code == 2 and "there is no nowhere.yaml and no neither/" in done.err and done.out == ""
    assert not (tmp_path / "generated").exists()


def test_a_folder_without_manifests_says_how_to_get_one(pgc: Pgc, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = pgc("compile", "empty")
    assert done.code == 3
    assert done.out.startswith("empty:1:1: error MAN014 no-manifest\n") and "`pgc init` writes one" in done.out


def test_two_manifests_of_one_cluster_are_told_apart_by_name(pgc: Pgc, manifest: Path, tmp_path: Path) -> None:
    shutil.copy(manifest, tmp_path / "copy.yaml")
    done = pgc("compile", "minimal.yaml", "copy.yaml")
    assert done.code == 3 and "error MAN012 cluster-defined-twice" in done.out


# ── environments and the output folder ───────────────────────────────────────────────────────────────────────────────

STAGES = MINIMAL + "environments:\n  production: {}\n  staging:\n    objectives: {failover: 120s}\n"


def test_each_environment_has_a_tree_of_its_own(pgc: Pgc, manifest: Path, tmp_path: Path) -> None:
    manifest.write_text(STAGES)
    assert pgc("compile", manifest.name).code == 0
    assert sorted(each.name for each in (tmp_path / "generated/minimal").iterdir()) == ["production", "staging"]


def test_env_compiles_one_environment_and_out_puts_it_elsewhere(pgc: Pgc, manifest: Path, tmp_path: Path) -> None:
    manifest.write_text(STAGES)
    done = pgc("compile", manifest.name, "--env", "staging", "--out", "build/trees")
    assert done.code == 0 and "in build/trees/minimal/staging/" in done.out
    assert [each.name for each in (tmp_path / "build/trees/minimal").iterdir()] == ["staging"]
    assert not (tmp_path / "generated").exists()


def test_an_unknown_environment_is_answered_with_the_known_ones(pgc: Pgc, manifest: Path) -> None:
    manifest.write_text(STAGES)
    done = pgc("compile", manifest.name, "--env", "stagign")
    assert done.code == 3
    assert "error MAN013 unknown-environment" in done.out and "it has: production, staging" in done.out


# ── --check ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_check_is_silent_about_output_that_is_up_to_date(pgc: Pgc, repository: Path) -> None:
    done = pgc("compile", "minimal.yaml", "--check")
    assert done.code == 0 and ": up to date in generated/minimal/" in done.out


@pytest.mark.parametrize("output", ["text", "json", "sarif", "github"])
def test_check_says_in_every_format_that_output_is_stale_and_writes_nothing(
    pgc: Pgc, repository: Path, output: str
) -> None:
    (repository / "minimal.yaml").write_text(MINIMAL.replace("30s", "45s"))
    before = snapshot(repository / "generated")
    done = pgc("compile", "minimal.yaml", "--check", "--format", output)
    assert done.code == 1 and "OUT019" in done.out and "run pgc compile, and commit what it writes" in done.out
    assert snapshot(repository / "generated") == before
    if output == "text":
        assert "  generated/minimal/cluster/patroni/dynamic.yml: stale\n" in done.out
    if output == "json":
        assert "generated/minimal/cluster/patroni/dynamic.yml: stale" in done.document["result"]["clusters"][0]["stale"]


def test_check_tells_edited_missing_and_superfluous_files_apart(pgc: Pgc, repository: Path) -> None:
    with (repository / EDITED).open("a") as stream:
        stream.write("# an edit\n")
    (repository / "generated/minimal/docs/README.md").unlink()
    (repository / "minimal.yaml").write_text(MINIMAL.replace("pg3", "pg4"))
    done = pgc("compile", "minimal.yaml", "--check", "--format", "json")
    stale = done.document["result"]["clusters"][0]["stale"]
    assert done.code == 1
    assert f"{EDITED}: edited" in stale and "generated/minimal/docs/README.md: missing" in stale
    assert "generated/minimal/hosts/pg3/etc/patroni/patroni.yml: no longer generated" in stale


def test_check_of_a_wrong_manifest_is_about_the_manifest(pgc: Pgc, repository: Path) -> None:
    (repository / "minimal.yaml").write_text(MISSPELT)
    assert pgc("compile", "minimal.yaml", "--check").code == 3


# ── what people wrote ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_edited_file_is_reported_and_not_overwritten(pgc: Pgc, repository: Path) -> None:
    (repository / EDITED).write_text("mine\n")
    (repository / "minimal.yaml").write_text(MINIMAL.replace("30s", "45s"))
    before = snapshot(repository / "generated")
    done = pgc("compile", "minimal.yaml")
    assert done.code == 4
    assert f"{EDITED}:1:1: error OUT002 generated-file-edited\n" in done.out and done.out.endswith("nothing was written\n")
    assert snapshot(repository / "generated") == before


def test_an_edited_file_holds_back_the_other_clusters_of_the_run(pgc: Pgc, repository: Path) -> None:
    (repository / EDITED).write_text("mine\n")
    (repository / "other.yaml").write_text(MINIMAL.replace("minimal", "other"))
    done = pgc("compile", "minimal.yaml", "other.yaml", "--format", "json")
    assert done.code == 4 and not (repository / "generated/other").exists()
    assert [each["created"] for each in done.document["result"]["clusters"]] == [[], []]


def test_force_overwrites_an_edited_file(pgc: Pgc, repository: Path) -> None:
    before = snapshot(repository / "generated")
    (repository / EDITED).write_text("mine\n")
    done = pgc("compile", "minimal.yaml", "--force")
    assert done.code == 0 and "1 changed" in done.out
    assert snapshot(repository / "generated") == before


def test_a_file_that_a_person_put_there_stays(pgc: Pgc, repository: Path) -> None:
    mine = repository / "generated/minimal/hosts/pg3/NOTES.md"
    mine.write_text("call me\n")
    (repository / "minimal.yaml").write_text(MINIMAL.replace("30s", "45s"))
    assert pgc("compile", "minimal.yaml", "--force").code == 0
    assert mine.read_text() == "call me\n"


def test_an_interrupted_write_is_recovered_once_and_said_once(pgc: Pgc, repository: Path) -> None:
    left = repository / "generated/.pgc-write/1-1"
    left.mkdir(parents=True)
    (left / "half").write_text("half\n")
    first, second = pgc("compile", "minimal.yaml"), pgc("compile", "minimal.yaml")
    assert first.code == 0 and "note OUT016 interrupted-write-recovered" in first.out and ": unchanged in" in first.out
    assert second.code == 0 and "OUT016" not in second.out


@pytest.mark.parametrize("command", [["compile", "minimal.yaml", "--check"], ["diff"], ["validate", "minimal"]])
def test_every_command_first_discards_an_interrupted_write(pgc: Pgc, repository: Path, command: list[str]) -> None:
    left = repository / "generated/.pgc-write/1-1"
    left.mkdir(parents=True)
    (left / "half").write_text("half\n")
    done = pgc(*command, env={"PATH": "/nowhere"} if command[0] == "validate" else None)
    assert done.code == 0 and "OUT016" in done.err and not left.parent.exists()
