"""`pgc validate`, as a process: with no tool at all, and with those of this machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from tests.conftest import ROOT
from tests.process import MINIMAL, Done, Pgc

NO_TOOLS = {"PATH": "/nowhere"}
VERDICTS = "generated/minimal/validation.json"
UNITS = "systemd-analyze verify"


def verdicts(repository: Path) -> list[dict[str, str]]:
    document = json.loads((repository / VERDICTS).read_text())
    schema = json.loads((ROOT / "schemas/validation.schema.json").read_text())
    jsonschema.validate(document, schema, jsonschema.Draft202012Validator)
    return document["verdicts"]


def of_units(repository: Path) -> list[dict[str, str]]:
    return [each for each in verdicts(repository) if each["validator"] == UNITS]


def test_a_missing_tool_is_reported_as_not_validated(pgc: Pgc, repository: Path) -> None:
    done = pgc("validate", env=NO_TOOLS)
    assert done.code == 0
    assert f"{UNITS} did not judge " in done.out and "systemd-analyze is not on this machine" in done.out
    assert "warning VAL002 not-validated" in done.out and "not-validated (validation.json)" in done.out
    assert {each["result"] for each in of_units(repository)} == {"not-validated"}


def test_what_no_validator_saw_is_never_called_accepted(pgc: Pgc, repository: Path) -> None:
    done = pgc("validate", "--format", "json", env=NO_TOOLS)
    (tree,) = done.document["result"]["trees"]
    accepted = [each for each in verdicts(repository) if each["result"] == "accepted"]
    assert tree["results"].get("accepted", 0) == len(accepted)
    assert all(each["version"] for each in accepted)  # only a tool that was asked has one


def test_required_validators_that_are_missing_fail_the_check(pgc: Pgc, repository: Path) -> None:
    done = pgc("validate", "--require-validators", env=NO_TOOLS)
    assert done.code == 4 and "error VAL003 validator-required" in done.out


@pytest.mark.parametrize("output", ["json", "sarif", "github"])
def test_every_format_tells_what_was_not_validated(pgc: Pgc, repository: Path, output: str) -> None:
    done = pgc("validate", "--format", output, env=NO_TOOLS)
    assert done.code == 0 and "VAL002" in done.out and done.err == ""
    if output == "json":
        assert done.document["format_version"] == 1


def test_verdicts_are_the_same_bytes_wherever_the_same_files_are(pgc: Pgc, repository: Path) -> None:
    pgc("validate", env=NO_TOOLS)
    first = (repository / VERDICTS).read_bytes()
    shutil.copytree(repository / "generated", repository / "elsewhere")
    (repository / "elsewhere/minimal/validation.json").unlink()
    pgc("validate", "--out", "elsewhere", env=NO_TOOLS)
    assert (repository / "elsewhere/minimal/validation.json").read_bytes() == first


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
def test_verdicts_are_kept_and_not_asked_for_again(pgc: Pgc, repository: Path) -> None:
    judged = pgc("validate")
    before = (repository / VERDICTS).read_bytes()
    if {each["result"] for each in of_units(repository)} != {"accepted"}:
        pytest.skip(f"systemd-analyze gave no verdict here: {judged.out}")
    again = pgc("validate", env=NO_TOOLS)  # the tool is gone, its verdicts on the same bytes are not
    assert f"{UNITS} did not judge" not in again.out
    assert [each for each in verdicts(repository) if each["validator"] == UNITS] == [
        each for each in json.loads(before)["verdicts"] if each["validator"] == UNITS
    ]
    assert pgc("validate").code == 0 and (repository / VERDICTS).read_bytes() == before


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
def test_bytes_that_changed_are_judged_anew(pgc: Pgc, repository: Path) -> None:
    pgc("validate")
    if {each["result"] for each in of_units(repository)} != {"accepted"}:
        pytest.skip("systemd-analyze gives no verdict on this machine")
    unit = repository / "generated/minimal/hosts/pg1/etc/systemd/system/patroni.service"
    unit.write_text(unit.read_text().replace("ExecStart=", "ExecStrat="))
    done = pgc("validate")
    assert done.code == 4 and "patroni.service" in done.out and "error VAL001 rejected-by-its-product" in done.out


def test_one_cluster_or_environment_can_be_named(pgc: Pgc, repository: Path) -> None:
    (repository / "two.yaml").write_text(MINIMAL.replace("minimal", "two") + "environments: {a: {}, b: {}}\n")
    assert pgc("compile", "two.yaml").code == 0

    def trees(*names: str) -> list[str]:
        done = pgc("validate", "--format", "json", *names, env=NO_TOOLS)
        return [tree["directory"] for tree in done.document["result"]["trees"]]

    assert trees() == ["minimal", "two/a", "two/b"]
    assert trees("two/b") == ["two/b"] and trees("two", "minimal") == ["minimal", "two/a", "two/b"]


def test_a_name_that_no_tree_has_is_wrong_usage_even_beside_one_that_is_there(pgc: Pgc, repository: Path) -> None:
    done = pgc("validate", "minimal", "minimla", env=NO_TOOLS)
    assert done.code == 2 and "no generated tree minimla in generated" in done.err


def test_validating_before_compiling_is_wrong_usage(pgc: Pgc, tmp_path: Path) -> None:
    done = pgc("validate")
    assert done.code == 2 and "run pgc compile first" in done.err


def broken(done: Done) -> bool:
    return done.code == 5 and "\nhelp: restore the tree with git checkout, or compile again\n" in done.err


def test_a_damaged_lock_file_is_told(pgc: Pgc, repository: Path) -> None:
    (repository / "generated/minimal/pgc.lock").write_text("<<<<<<< HEAD\n")
    assert broken(pgc("validate", env=NO_TOOLS))


def test_a_file_that_the_lock_names_and_nobody_has_is_told(pgc: Pgc, repository: Path) -> None:
    (repository / "generated/minimal/docs/README.md").unlink()
    done = pgc("validate", env=NO_TOOLS)
    assert broken(done) and "docs/README.md, which the lock file names: No such file" in done.err


def test_damaged_verdicts_are_told_and_written_anew(pgc: Pgc, repository: Path) -> None:
    (repository / VERDICTS).write_text("<<<<<<< HEAD\n")
    done = pgc("validate", env=NO_TOOLS)
    assert done.code == 0 and "warning VAL004 verdicts-damaged" in done.out and verdicts(repository)


def test_verdicts_are_no_part_of_what_check_compares(pgc: Pgc, repository: Path) -> None:
    pgc("validate", env=NO_TOOLS)
    assert pgc("compile", "minimal.yaml", "--check").code == 0
