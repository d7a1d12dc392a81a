"""What `make demo` shows, and that it shows it on a machine where nobody is at home."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.conftest import ROOT
from tests.process import PROGRAM, environment


def test_the_demo_runs_without_a_home_without_colours_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    env = {"HOME": str(tmp_path / "nobody"), "TMPDIR": str(tmp_path / "tmp"), "TERM": "xterm"}
    path = environment(tmp_path / ".home")["PATH"]
    done = subprocess.run(
        ["sh", str(ROOT / "examples/demo.sh")],
        cwd="/",
        env=env | {"PATH": f"{PROGRAM.parent}:{path}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    shown = re.findall(r"^\$ (\w+(?: [a-z]+)?)", done.stdout, re.MULTILINE)
    assert shown == ["pgc compile", "sed", "pgc diff", "pgc explain", "pgc compile"]
    assert "objectives.failover]" in done.stdout and "did you mean failover?" in done.stdout
    assert "\x1b" not in done.stdout and not list((tmp_path / "tmp").iterdir())


def test_the_readme_begins_with_the_two_commands() -> None:
    lines = [line.strip() for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("    make ")]
    assert [line.split("#")[0].strip() for line in lines] == ["make demo", "make test"]
    first = (ROOT / "README.md").read_text().splitlines()[2]
    assert first.startswith("    make demo")
