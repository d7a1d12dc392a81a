"""pgc as a process: started the way a user starts it, with nothing of this machine's user in its environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

PROGRAM = Path(sys.executable).parent / "pgc"

MINIMAL = """\
apiVersion: pgc.dev/v1
kind: Cluster
metadata: {name: minimal}
defaults: "2026.11"
objectives: {failover: 30s, data_loss: none}
postgres: {version: 17}
hosts:
  pg1: {address: 10.10.0.11, zone: a}
  pg2: {address: 10.10.0.12, zone: b}
  pg3: {address: 10.10.0.13, zone: c}
"""


@dataclass(frozen=True)
class Done:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document that stdout is."""
        return json.loads(self.out)


class Pgc(Protocol):
    """Runs pgc with arguments and returns how it ended."""

    def __call__(self, *arguments: str | Path, **more: Any) -> Done: ...


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment with an empty home, a known language, and the programs of this machine."""
    home.mkdir(exist_ok=True)
    own = {"HOME": str(home), "PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TERM": "dumb"}
    identity = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    for who in ("AUTHOR", "COMMITTER"):
        identity |= {f"GIT_{who}_NAME": "tester", f"GIT_{who}_EMAIL": "tester@example.org"}
    return own | identity | more


def pgc_in(folder: Path) -> Pgc:
    """Return a function that runs pgc in a folder."""

    def pgc(*arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path = folder, **more: Any) -> Done:
        done = subprocess.run(
            [str(PROGRAM), *map(str, arguments)],
            cwd=cwd,
            env=environment(folder / ".home", **(env or {})),
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
            check=False,
            timeout=120,
        )
        out, err = ((stream or b"").decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
        result = Done(done.returncode, out, err)
        assert result.code == 70 or "Traceback" not in result.err, result.err
        return result

    return pgc


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it prints."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment(folder / ".home"), check=True, capture_output=True
    )
    return done.stdout.decode()
