"""`pgc validate`, as a process.

Which products this machine has is not known here, so a stranger's plugin brings a format whose tool is `bash -n`, under a name that
nothing else has: it is there while it lies in a folder of PATH, and gone without it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from tests.conftest import ROOT
from tests.process import MINIMAL, Done, pgc_in
from tests.strangers import install

VERDICTS = "generated/minimal/validation.json"
SCRIPT = "generated/minimal/hosts/pg2/etc/greeting.sh"
PLUGIN = """
@hookimpl
def pgc_describe():
    return Description(
        "greeting", "A script on every host.", "pgc_greeting:GreetingSection", formats=(Format("greeting.script"),))


@hookimpl
def pgc_render(cluster):
    for host in cluster.site.hosts:
        yield Artifact("etc/greeting.sh", "greeting.script", Plain((f"echo {host.name}",)), host=host.name)


def trials(entry, content, others):
    yield Trial(("judge-of-scripts", "-n", "greeting.sh"), {"greeting.sh": content})


def problems(answer, content):
    if answer.exit_code:
        yield Problem(answer.output.splitlines()[0], 1)


@hookimpl
def pgc_validators():
    yield Validator("script -n", ("greeting.script",), "judge-of-scripts", ("--version",), trials, problems)
"""
Validate = Callable[..., Done]


@pytest.fixture
def validate(tmp_path: Path) -> Validate:
    """Run a command where the stranger's plugin is installed and its tool is not, unless it is asked for."""
    (tmp_path / "minimal.yaml").write_text(MINIMAL)
    install(tmp_path / "site", "greeting", PLUGIN)
    (tmp_path / "bin").mkdir()
    shutil.copy(shutil.which("bash") or "/bin/bash", tmp_path / "bin/judge-of-scripts")
    run = pgc_in(tmp_path)

    def validate(*arguments: str, tool: bool = False, command: str = "validate") -> Done:
        path = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin"} if tool else {}
        return run(command, *arguments, env={"PYTHONPATH": str(tmp_path / "site"), **path})

    assert validate("minimal.yaml", command="compile").code == 0
    return validate


def verdicts(folder: Path) -> list[dict[str, str]]:
    """Return what is kept about the stranger's files."""
    document = json.loads((folder / VERDICTS).read_text())
    schema = json.loads((ROOT / "schemas/validation.schema.json").read_text())
    jsonschema.validate(document, schema, jsonschema.Draft202012Validator)
    return [each for each in document["verdicts"] if each["validator"] == "script -n"]


def test_a_missing_tool_is_reported_as_not_validated(validate: Validate, tmp_path: Path) -> None:
    done = validate()
    assert done.code == 0
    assert "script -n did not judge 3 files" in done.out and "judge-of-scripts is not on this machine" in done.out
    assert "warning VAL002 not-validated" in done.out and "not-validated (validation.json)" in done.out
    assert [each["result"] for each in verdicts(tmp_path)] == ["not-validated"] * 3
    assert not any(each["version"] for each in verdicts(tmp_path))


def test_required_validators_that_are_missing_fail_the_check(validate: Validate) -> None:
    done = validate("--require-validators")
    assert done.code == 4 and "error VAL003 validator-required" in done.out


@pytest.mark.parametrize("output", ["json", "sarif", "github"])
def test_every_format_tells_what_was_not_validated(validate: Validate, output: str) -> None:
    done = validate("--format", output)
    assert done.code == 0 and "VAL002" in done.out and "judge-of-scripts" in done.out and done.err == ""
    if output == "json":
        assert done.document["format_version"] == 1


def test_a_tool_that_is_there_accepts_with_its_version(validate: Validate, tmp_path: Path) -> None:
    done = validate(tool=True)
    assert "script -n did not judge" not in done.out
    assert {each["result"] for each in verdicts(tmp_path)} == {"accepted"}
    assert all(each["version"].startswith("GNU bash") for each in verdicts(tmp_path))


def test_verdicts_are_kept_and_hold_when_the_tool_is_gone(validate: Validate, tmp_path: Path) -> None:
    validate(tool=True)
    before = verdicts(tmp_path)
    done = validate()
    assert verdicts(tmp_path) == before and "script -n did not judge" not in done.out


def test_bytes_that_changed_are_judged_anew(validate: Validate, tmp_path: Path) -> None:
    validate(tool=True)
    (tmp_path / SCRIPT).write_text("echo 'unfinished\n")
    done = validate(tool=True)
    assert done.code == 4 and f"{SCRIPT}:1:1: error VAL001 rejected-by-its-product\n  script -n (GNU bash" in done.out
    assert sorted(each["result"] for each in verdicts(tmp_path)) == ["accepted", "accepted", "rejected"]
    assert validate().code == 4  # the refusal is kept as well


def test_the_same_files_get_the_same_bytes_of_verdicts_wherever_they_are(validate: Validate, tmp_path: Path) -> None:
    validate()
    first = (tmp_path / VERDICTS).read_bytes()
    shutil.copytree(tmp_path / "generated", tmp_path / "elsewhere")
    (tmp_path / "elsewhere/minimal/validation.json").unlink()
    validate("--out", "elsewhere")
    assert (tmp_path / "elsewhere/minimal/validation.json").read_bytes() == first


def test_one_cluster_or_environment_can_be_named(validate: Validate, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(MINIMAL.replace("minimal", "two") + "environments: {a: {}, b: {}}\n")
    assert validate("two.yaml", command="compile").code == 0

    def trees(*names: str) -> list[str]:
        return [tree["directory"] for tree in validate("--format", "json", *names).document["result"]["trees"]]

    assert trees("two/b") == ["two/b"] and trees("two", "minimal") == ["minimal", "two/a", "two/b"]


def test_a_name_that_no_tree_has_is_wrong_usage_even_beside_one_that_is_there(validate: Validate) -> None:
    done = validate("minimal", "minimla")
    assert done.code == 2 and "no generated tree minimla in generated" in done.err


def test_validating_before_compiling_is_wrong_usage(validate: Validate) -> None:
    done = validate("--out", "generatd")
    assert done.code == 2 and "run pgc compile first" in done.err


def incomplete(done: Done) -> bool:
    return done.code == 5 and "\nhelp: restore the tree with git checkout, or compile again\n" in done.err


def test_a_damaged_lock_file_is_told(validate: Validate, tmp_path: Path) -> None:
    (tmp_path / "generated/minimal/pgc.lock").write_text("<<<<<<< HEAD\n")
    assert incomplete(validate())


def test_a_file_that_the_lock_names_and_nobody_has_is_told(validate: Validate, tmp_path: Path) -> None:
    (tmp_path / SCRIPT).unlink()
    done = validate()
    assert incomplete(done) and "etc/greeting.sh, which the lock file names: No such file" in done.err


def test_damaged_verdicts_are_told_and_written_anew(validate: Validate, tmp_path: Path) -> None:
    (tmp_path / VERDICTS).write_text("<<<<<<< HEAD\n")
    done = validate()
    assert done.code == 0 and "warning VAL004 verdicts-damaged" in done.out and verdicts(tmp_path)


def test_verdicts_are_no_part_of_what_check_compares(validate: Validate) -> None:
    validate()
    assert validate("minimal.yaml", "--check", command="compile").code == 0
