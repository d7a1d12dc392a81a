"""Every way in which pgc ends has the code that STYLE and the README promise; none but `differs` ends in 1."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import snapshot
from tests.conftest import ROOT
from tests.process import MINIMAL, PROGRAM, Pgc, environment
from tests.strangers import install

WELL, DIFFERS, USAGE, MANIFEST, FAILED, WORLD, BUG, INTERRUPTED = 0, 1, 2, 3, 4, 5, 70, 130


def looser(folder: Path) -> None:
    (folder / "minimal.yaml").write_text(MINIMAL.replace("30s", "60s"))


def misspelt(folder: Path) -> None:
    (folder / "minimal.yaml").write_text(MINIMAL.replace("failover", "failovr"))


def edited(folder: Path) -> None:
    (folder / "generated/minimal/docs/README.md").write_text("mine\n")


def foreign(folder: Path) -> None:
    edited(folder)
    (folder / "generated/minimal/pgc.lock").unlink()


def in_the_way(folder: Path) -> None:
    (folder / "blocked").write_text("a file\n")


def unreadable(folder: Path) -> None:
    (folder / "minimal.yaml").unlink()
    (folder / "minimal.yaml").symlink_to("/proc/self/mem")


def nothing(folder: Path) -> None:
    return


ENDINGS: list[tuple[int, str, Callable[[Path], None]]] = [
    (WELL, "compile minimal.yaml", nothing),
    (WELL, "compile minimal.yaml --check", nothing),
    (WELL, "diff", nothing),
    (WELL, "diff --exit-code", nothing),
    (WELL, "--help", nothing),
    (WELL, "--version", nothing),
    (DIFFERS, "compile minimal.yaml --check", looser),
    (DIFFERS, "compile minimal.yaml --check", edited),
    (DIFFERS, "compile minimal.yaml --check --out elsewhere", nothing),
    (USAGE, "", nothing),
    (USAGE, "compil minimal.yaml", nothing),
    (USAGE, "compile", nothing),
    (USAGE, "compile minimal.yaml --bogus", nothing),
    (USAGE, "compile minimal.yaml --format xml", nothing),
    (USAGE, "compile nowhere.yaml", nothing),
    (USAGE, "compile minimal.yaml --out blocked", in_the_way),
    (USAGE, "diff v9", nothing),
    (USAGE, "diff --out generatd", nothing),
    (USAGE, "diff --manifests nowhere", nothing),
    (USAGE, "explain PAT999", nothing),
    (USAGE, "explain no_such_setting", nothing),
    (USAGE, "explain minimal.yaml:1", nothing),
    (USAGE, "validate minimla", nothing),
    (USAGE, "init --version 9", nothing),
    (USAGE, "completion tcsh", nothing),
    (MANIFEST, "compile minimal.yaml", misspelt),
    (MANIFEST, "compile minimal.yaml --check", misspelt),
    (MANIFEST, "compile minimal.yaml --env nowhere", nothing),
    (MANIFEST, "compile generated", nothing),
    (MANIFEST, "explain ttl", misspelt),
    (MANIFEST, "init --failover 1s", nothing),
    (FAILED, "compile minimal.yaml", edited),
    (FAILED, "compile minimal.yaml", foreign),
    (WORLD, "compile minimal.yaml --out /proc/generated", nothing),
    (WORLD, "compile minimal.yaml", unreadable),
    (WORLD, "schema --all /proc/schemas", nothing),
]


@pytest.mark.parametrize(("code", "line", "before"), ENDINGS, ids=lambda each: getattr(each, "__name__", str(each)))
def test_it_ends_in(pgc: Pgc, repository: Path, code: int, line: str, before: Callable[[Path], None]) -> None:
    before(repository)
    done = pgc(*line.split())
    assert done.code == code, done
    assert done.out + done.err


def test_the_codes_are_those_of_the_readme() -> None:
    from pgc.cli import entry

    told = re.search(r"^Exit codes: (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert told is not None
    assert sorted(int(code) for code in re.findall(r"(?:^|; )(\d+) ", told[1])) == sorted(
        value for name, value in vars(entry).items() if name.isupper() and isinstance(value, int)
    )


# ── the world ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("line", ["compile minimal.yaml", "compile bad.yaml", "explain --codes", "schema", "--help"])
def test_a_full_disk_behind_stdout_is_the_worlds_fault(pgc: Pgc, repository: Path, line: str) -> None:
    (repository / "bad.yaml").write_text("apiVersion: pgc.dev/v1\n")
    with open("/dev/full", "w") as full:
        assert pgc(*line.split(), stdout=full).code == WORLD


@pytest.mark.parametrize("line", ["explain --codes", "schema"])
def test_a_reader_that_has_seen_enough_is_no_fault(repository: Path, line: str) -> None:
    program = subprocess.Popen(
        [str(PROGRAM), *line.split()], cwd=repository, env=environment(repository / ".home"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert program.stdout and program.stderr
    program.stdout.close()
    assert (program.wait(60), program.stderr.read()) == (WELL, b"")


def test_closed_streams_are_no_fault(repository: Path) -> None:
    env = environment(repository / ".home")
    for line in ("compile minimal.yaml", "--version", "explain MAN001", "init sub --name other"):
        done = subprocess.run(f"{PROGRAM} {line} <&- >&- 2>&-", shell=True, cwd=repository, env=env, check=False)
        assert done.returncode == WELL, line


def test_a_disk_that_is_full_leaves_the_tree_as_it_was(repository: Path) -> None:
    looser(repository)
    before = snapshot(repository / "generated")
    done = subprocess.run(
        [str(PROGRAM), "compile", "minimal.yaml"],
        cwd=repository,
        env=environment(repository / ".home", PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: _no_file_larger_than(2048),
    )
    assert done.returncode == WORLD and "OUT014" in done.stdout + done.stderr, done
    assert snapshot(repository / "generated") == before


def _no_file_larger_than(size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_another_pgc_that_is_writing_is_waited_for_and_then_named(pgc: Pgc, repository: Path) -> None:
    import fcntl

    (repository / "generated/.pgc-write").mkdir()
    with (repository / "generated/.pgc-write/lock").open("w") as stream:
        stream.write("process 1 on elsewhere")
        stream.flush()
        fcntl.flock(stream, fcntl.LOCK_EX)
        done = pgc("compile", "minimal.yaml")
    assert done.code == WORLD and "error OUT015 output-folder-busy" in done.out and "process 1 on elsewhere" in done.out


# ── bugs and interruptions ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("failing", ["1 / 0", "raise SystemExit(1)", "raise KeyError('x')"])
def test_a_bug_shows_its_traceback_and_ends_in_70(pgc: Pgc, repository: Path, failing: str) -> None:
    site = install(repository / "site", "odd", f"@hookimpl\ndef pgc_check(cluster):\n    {failing}\n    return ()")
    done = pgc("compile", "minimal.yaml", env={"PYTHONPATH": str(site)})
    assert done.code == BUG and "Traceback" in done.err and "please report it" in done.err


def test_a_bug_is_a_document_where_json_is_asked_for(pgc: Pgc, repository: Path) -> None:
    site = install(repository / "site", "odd", "@hookimpl\ndef pgc_check(cluster):\n    1 / 0")
    done = pgc("compile", "minimal.yaml", "--format", "json", env={"PYTHONPATH": str(site)})
    assert done.document["failure"]["exit_code"] == BUG and "ZeroDivisionError" in done.document["failure"]["problem"]


@pytest.mark.parametrize("to_all", [False, True], ids=["the process", "the terminal's whole group"])
def test_an_interrupted_compilation_ends_in_130_and_leaves_the_old_tree(tmp_path: Path, to_all: bool) -> None:
    for number in range(60):
        (tmp_path / f"c{number}.yaml").write_text(MINIMAL.replace("minimal", f"c{number}"))
    program = subprocess.Popen(
        [str(PROGRAM), "compile", "."],
        cwd=tmp_path,
        env=environment(tmp_path / ".home"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "generated/.pgc-write/lock").exists():
        assert time.monotonic() < deadline and program.poll() is None
        time.sleep(0.005)
    time.sleep(0.1)
    (os.killpg if to_all else os.kill)(program.pid, signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert program.returncode == INTERRUPTED, (out, err)
    assert b"interrupted; " in err and b"Traceback" not in err and out == b""
    assert [name for name in snapshot(tmp_path / "generated") if not name.startswith(".pgc-write/")] == []


def test_an_exit_code_survives_python_without_a_home_and_a_folder_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os, sys; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r}); os.execv({str(PROGRAM)!r}, ['pgc', 'compile', 'x'])"
    done = subprocess.run([sys.executable, "-c", code], env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False)
    assert done.returncode in (USAGE, WORLD) and b"Traceback" not in done.stderr, done
