"""How far this machine can shut a tool in: namespaces of its own as root, as an ordinary user, or none.

Tried once with a real run, never guessed from versions or settings: containers, AppArmor and sysctls all have a say.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pgc.hookspecs import Trial
from pgc.verify.running import ELSEWHERE, FOLDERS, NOBODY, PREPARE, READY, Impossible, shown

POWERLESS = ("setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--", "env", "--")
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *POWERLESS[1:])
"""`env` is there because setpriv still has root's powers when it starts a program: even one that nobody may read."""

_SPACES = ("--mount", "--net", "--pid", "--fork", "--kill-child=KILL", "--propagation", "private")
_ROOT = ("unshare", *_SPACES)
_USER = ("unshare", "--user", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child=KILL")
_USER_NOBODY = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")

SAME_USER = "it ran with the rights of the user who called pgc"
OPEN_NETWORK = "the network was not cut off"


@dataclass(frozen=True, slots=True)
class Isolation:
    """What surrounds a tool here: the words before the script, the words before the tool, whether overlays work."""

    spaces: tuple[str, ...]
    drop: tuple[str, ...]
    overlays: bool = False

    @property
    def caveats(self) -> tuple[str, ...]:
        return (*(() if self.spaces else (OPEN_NETWORK,)), *(() if self.drop else (SAME_USER,)))

    def command(self, trial: Trial, root: str, words: list[str], *, drop: bool = True) -> list[str]:
        """Return the whole command line of a run.

        Raises:
            Impossible: the trial asks for something that there is not here.
        """
        if not self.spaces and (trial.serves or trial.interfaces):
            raise Impossible("it needs a network of its own, which this machine does not allow", ELSEWHERE)
        overlays = shown(trial.files) if trial.absolute else ()
        if trial.accounts and "etc" not in overlays:
            overlays = tuple(sorted((*overlays, "etc")))
        if overlays and not self.overlays:
            raise Impossible(
                "it needs files at their places on the host, and this machine cannot show them there", ELSEWHERE
            )
        script = [
            "sh",
            "-c",
            PREPARE,
            "pgc",
            root,
            "own" if self.spaces else "none",
            " ".join(trial.interfaces),
            " ".join(overlays),
        ]
        return [*self.spaces, *script, *(self.drop if drop else POWERLESS if self.drop == AS_NOBODY else ()), *words]


@cache
def best() -> Isolation:
    """Return the strongest isolation that works here, found by trying."""
    root = os.geteuid() == 0
    drop = AS_NOBODY if root and shutil.which("setpriv") else ()
    wishes = [Isolation(_ROOT, drop, overlays) for overlays in (True, False) if root]
    wishes += [Isolation(_USER, _USER_NOBODY, overlays) for overlays in (True, False) if not root]
    return next((wish for wish in wishes if _works(wish)), Isolation((), drop))


def _works(wish: Isolation) -> bool:
    trial = Trial(
        ("cat", "/etc/pgc-was-here" if wish.overlays else "{root}/etc/pgc-was-here"),
        {"etc/pgc-was-here": b"yes"},
        absolute=wish.overlays,
    )
    with tempfile.TemporaryDirectory(prefix="pgc-", dir=FOLDERS) as root:
        os.chmod(root, 0o755)
        file = Path(root, "etc", "pgc-was-here")
        file.parent.mkdir()
        file.write_bytes(b"yes")
        words = [word.replace("{root}", root) for word in trial.argv]
        try:
            done = subprocess.run(
                wish.command(trial, root, words),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=20,
                check=False,
                start_new_session=True,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.stdout == READY.encode() + b"yes"
