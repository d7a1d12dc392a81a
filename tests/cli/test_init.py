"""`pgc init`, as a process, with flags and at a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.cli.conftest import snapshot
from tests.cli.terminal import Terminal
from tests.process import PROGRAM, Pgc, git

FLAGS = ["--version", "16", "--failover", "45s", "--data-loss", "none"]
HOSTS = ["--host", "10.1.0.1", "--host", "10.1.0.2", "--host", "10.1.0.3"]


def written(folder: Path) -> dict[str, bytes]:
    return {path: content for path, content in snapshot(folder).items() if not path.startswith(".home")}


def test_flags_are_enough(pgc: Pgc, tmp_path: Path) -> None:
    done = pgc("init", "--name", "orders", *FLAGS, *HOSTS)
    assert done.code == 0 and done.err == ""
    assert {*written(tmp_path)} == {
        "clusters/orders.yaml", "schemas/manifest.schema.json", ".gitignore", ".github/workflows/pgc.yml",
    }  # fmt: skip
    assert done.out.endswith("\nnext:\n  pgc compile clusters\n  git add . && git commit -m 'cluster orders'\n")
    manifest = yaml.safe_load((tmp_path / "clusters/orders.yaml").read_text())
    assert manifest["objectives"] == {"failover": "45s", "data_loss": "none"}
    assert manifest["postgres"] == {"version": 16}
    assert {host["zone"] for host in manifest["hosts"].values()} == {"a", "b", "c"}


def test_the_manifest_compiles_obeys_the_schema_beside_it_and_names_it_to_editors(pgc: Pgc, tmp_path: Path) -> None:
    assert pgc("init", "--name", "orders", *FLAGS, *HOSTS, "--vip", "10.1.0.100/24").code == 0
    assert pgc("compile", "clusters").code == 0 and pgc("compile", "clusters", "--check").code == 0
    text = (tmp_path / "clusters/orders.yaml").read_text()
    first, _, schema = text.partition("\n")[0].partition("$schema=")
    assert first == "# yaml-language-server: "
    document = json.loads((tmp_path / "clusters" / schema).read_text())
    jsonschema.validate(yaml.safe_load(text), document, jsonschema.Draft202012Validator)
    assert "10.1.0.100/24" in text


def test_the_output_is_what_git_is_told_to_keep(pgc: Pgc, tmp_path: Path) -> None:
    pgc("init", "--name", "orders", *FLAGS, *HOSTS)
    git(tmp_path, "init", "-q", ".")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/superuser").write_text("hunter2\n")
    git(tmp_path, "add", ".")
    assert "secrets/superuser" not in git(tmp_path, "ls-files")


def test_the_workflow_runs_the_commands_that_there_are(pgc: Pgc, tmp_path: Path) -> None:
    pgc("init", "--name", "orders", *FLAGS, *HOSTS)
    workflow = yaml.safe_load((tmp_path / ".github/workflows/pgc.yml").read_text())
    steps = [step["run"] for step in workflow["jobs"]["plan"]["steps"] if "run" in step]
    version = pgc("--version").out.split()[-1]
    assert steps[0] == f'python -m pip install "pgc=={version}"'
    assert any(step == "pgc compile clusters --check --format github" for step in steps)
    assert workflow["permissions"] == {}


def test_nothing_is_overwritten_and_a_gitignore_gets_what_it_lacks(pgc: Pgc, tmp_path: Path) -> None:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters/orders.yaml").write_text("mine\n")
    (tmp_path / ".gitignore").write_text("*.swp\nsecrets/")
    done = pgc("init", "--name", "orders", *FLAGS, *HOSTS)
    assert done.code == 0 and "kept  clusters/orders.yaml\n" in done.out
    assert (tmp_path / "clusters/orders.yaml").read_text() == "mine\n"
    assert (tmp_path / ".gitignore").read_text() == "*.swp\nsecrets/\n.pgc-*\n"
    before = written(tmp_path)
    again = pgc("init", "--name", "orders", *FLAGS, *HOSTS)
    assert "wrote" not in again.out and written(tmp_path) == before


def test_no_workflow_is_written_where_none_is_wanted(pgc: Pgc, tmp_path: Path) -> None:
    assert pgc("init", "--name", "orders", *FLAGS, *HOSTS, "--ci", "none").code == 0
    assert not (tmp_path / ".github").exists()


def test_another_folder_is_made_and_named_among_the_next_steps(pgc: Pgc, tmp_path: Path) -> None:
    done = pgc("init", "my repo", "--name", "orders", *FLAGS, *HOSTS)
    assert done.code == 0 and "\nnext:\n  cd 'my repo'\n" in done.out
    assert (tmp_path / "my repo/clusters/orders.yaml").is_file()


def test_where_nobody_can_be_asked_it_says_what_it_took(pgc: Pgc, tmp_path: Path) -> None:
    done = pgc("init", "--name", "orders")
    assert done.code == 0
    assert "nobody to ask: took --version 17\n" in done.err and "nobody to ask: took --failover 30s\n" in done.err


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--name", "Orders; rm -rf /"], "MAN006 bad-name"),
        (["--name", "../../etc/orders"], "MAN006 bad-name"),
        (["--failover", "fast"], "MAN005 unknown-unit"),
        (["--failover", "30"], "MAN004 unit-missing"),
        (["--failover", "1s"], "SET001 objective-out-of-reach"),
        (["--failover", "30s\nhosts: {}"], "MAN005 unknown-unit"),
        (["--data-loss", "some"], "error MAN00"),
        (["--host", "10.1.0.1"], "MAN009 shared-address"),
        (["--host", "pg4.example.org"], "MAN006 bad-name"),
        (["--vip", "10.1.0.1/24"], "KAL002 vip-is-a-hosts-address"),
    ],
)
def test_bad_answers_are_refused_with_diagnostics_and_nothing_is_written(
    pgc: Pgc, tmp_path: Path, flags: list[str], told: str
) -> None:
    done = pgc("init", "--name", "orders", *FLAGS, *HOSTS, *flags)
    assert done.code == 3 and done.out == ""
    assert told in done.err and done.err.endswith("nothing was written: the answers make no cluster\n")
    assert written(tmp_path) == {}


def test_a_version_that_is_not_supported_is_wrong_usage(pgc: Pgc, tmp_path: Path) -> None:
    done = pgc("init", "--name", "orders", "--version", "14")
    assert done.code == 2 and "'14' is not one of '15', '16', '17', '18'" in done.err and written(tmp_path) == {}


def test_a_folder_that_cannot_be_written_is_the_worlds_fault(pgc: Pgc, tmp_path: Path) -> None:
    (tmp_path / "clusters").write_text("a file\n")
    done = pgc("init", "--name", "orders", *FLAGS, *HOSTS)
    assert done.code == 5 and "clusters" in done.err and "\nhelp: " in done.err


# ── at a terminal ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_at_a_terminal_it_asks_for_what_no_flag_says(tmp_path: Path) -> None:
    with Terminal([str(PROGRAM), "init", "--version", "17"], tmp_path) as terminal:
        terminal.wait_for("Name of the cluster [orders]: ")
        terminal.type("billing\n")
        terminal.wait_for("Addresses of the hosts, separated by blanks [10.0.0.11 10.0.0.12 10.0.0.13]: ")
        terminal.type("10.3.0.1 10.3.0.2 10.3.0.3\n")
        terminal.wait_for("Longest time that writes may stop after a fault [30s]: ")
        terminal.type("60s\n")
        terminal.wait_for("What may be lost when a host dies")
        terminal.type("\n")
        assert terminal.code() == 0
        assert "PostgreSQL version" not in terminal.seen and "wrote clusters/billing.yaml" in terminal.seen
    manifest = yaml.safe_load((tmp_path / "clusters/billing.yaml").read_text())
    assert manifest["objectives"] == {"failover": "60s", "data_loss": "none"}
    assert [host["address"] for host in manifest["hosts"].values()] == ["10.3.0.1", "10.3.0.2", "10.3.0.3"]


def test_control_c_at_a_question_ends_it_with_130(tmp_path: Path) -> None:
    with Terminal([str(PROGRAM), "init"], tmp_path) as terminal:
        terminal.wait_for("Name of the cluster [orders]: ")
        assert terminal.code(meanwhile="\x03") == 130  # one that comes before the read begins waits for its end
    assert written(tmp_path) == {}
