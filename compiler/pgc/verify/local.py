"""Running a tool on this machine: an empty folder, a clean environment, no network, bounded time and output."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from pgc.hookspecs import Answer, Trial, Validator
from pgc.verify.isolation import Isolation, best
from pgc.verify.running import (
    FOLDERS,
    NOBODY,
    OUTPUT_LIMIT,
    Impossible,
    Tool,
    answer,
    environment,
    filled,
    last_words,
    staged,
    with_accounts,
)

VERSION_TIMEOUT_S = 30
_NOT_ON_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")


class LocalRunner:
    """Runs tools that are installed here. `path` replaces PATH and the folders that Debian keeps out of it."""

    def __init__(self, path: str | None = None, isolation: Isolation | None = None) -> None:
        self.path = path if path is not None else search_path()
        self.isolation = isolation or best()
        self._found: dict[str, Tool | Impossible] = {}
        self._lock = threading.Lock()

    def find(self, validator: Validator) -> Tool:
        with self._lock:
            if validator.name not in self._found:
                self._found[validator.name] = self._look(validator)
            found = self._found[validator.name]
        if isinstance(found, Impossible):
            raise found
        return found

    def run(self, validator: Validator, tool: Tool, trial: Trial) -> Answer:
        path = os.pathsep.join((os.path.dirname(tool.handle), self.path))
        return self._run(trial, path, drop=_AS_ROOT not in tool.caveats)

    def _look(self, validator: Validator) -> Tool | Impossible:
        """Find the tool, and who can run it: one that lies in root's own folders cannot be run by nobody."""
        folders = os.pathsep.join(validator.folders) or self.path
        program = shutil.which(validator.tool, path=folders)
        if program is None:
            return Impossible(f"{validator.tool} is not on this machine{_in(validator)}", _way_out(validator))
        trial = Trial((program, *validator.version), {}, VERSION_TIMEOUT_S)
        caveats = self.isolation.caveats
        try:
            try:
                said = self._run(trial, self.path, drop=True)
            except Impossible:
                if not self.isolation.drop or os.geteuid() != 0:
                    raise
                caveats = (*caveats, _AS_ROOT)
                said = self._run(trial, self.path, drop=False)
        except Impossible as problem:
            return problem
        return Tool(version_in(said.output), program, caveats)

    def _run(self, trial: Trial, path: str, *, drop: bool) -> Answer:
        with _folder(NOBODY if drop else 0) as root:
            _lay(trial, root)
            command = self.isolation.command(trial, root, filled(trial.argv, root), drop=drop)
            code, output = bounded(command, root, environment(trial, root, path), trial.timeout_s)
            return answer(code, output, root, trial)


_AS_ROOT = "it ran as root without root's powers, because no other user may read the tool's folder"


def search_path() -> str:
    """Return PATH with the folders behind it where servers live."""
    servers = sorted(
        glob.glob("/usr/lib/postgresql/*/bin"), key=lambda name: int(re.sub(r"\D", "", name) or 0), reverse=True
    )
    # A virtual environment that pgc runs from need not be activated for the tools in it to be found.
    own = os.path.join(sys.prefix, "bin")
    return os.pathsep.join(dict.fromkeys([*filter(os.path.isabs, os.get_exec_path()), own, *_NOT_ON_PATH, *servers]))


def version_in(output: str) -> str:
    """Return what a tool says of its version: its first line with a digit in it, without the time of the build."""
    lines = [line.strip() for line in output.splitlines() if re.search(r"\d", line)]
    return lines[0][:80] if lines else last_words(output)[:80]


def bounded(command: list[str], root: str, env: dict[str, str], timeout_s: float) -> tuple[int, bytes]:
    """Run a command and return its exit code and output; at the end nothing that it started is alive.

    Raises:
        Impossible: it could not be started, took too long, or said too much.
    """
    try:
        child = subprocess.Popen(
            command,
            cwd=root,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as problem:
        raise Impossible(
            f"{command[0]} could not be started: {problem.strerror}", "install it, or use --docker"
        ) from None
    assert child.stdout is not None
    said, end = bytearray(), time.monotonic() + timeout_s
    with child.stdout as pipe, selectors.DefaultSelector() as ready:
        os.set_blocking(pipe.fileno(), False)
        ready.register(pipe, selectors.EVENT_READ)
        try:
            while True:
                over = child.poll() is not None
                if ready.select(0 if over else max(0.0, min(0.05, end - time.monotonic()))):
                    part = pipe.read(65536)
                    said += part or b""
                    if len(said) > OUTPUT_LIMIT:
                        raise Impossible(
                            f"it said more than {OUTPUT_LIMIT // 1024} KiB and was ended",
                            "run the tool by hand to see why",
                        )
                    if not part:
                        ready.unregister(pipe)
                        child.wait(max(0.01, end - time.monotonic()))
                        break
                elif over:
                    break
                if time.monotonic() > end:
                    raise subprocess.TimeoutExpired(command, timeout_s)
        except subprocess.TimeoutExpired:
            raise Impossible(
                f"it took more than {timeout_s:g} s and was ended", "try again on a less busy machine"
            ) from None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    return child.returncode, bytes(said)


@contextlib.contextmanager
def _folder(owner: int) -> Iterator[str]:
    """Give an empty folder that the tool may write in; what cannot be removed is left to the machine's own cleaning."""
    root = tempfile.mkdtemp(prefix="pgc-", dir=FOLDERS)
    try:
        os.chmod(root, 0o755)
        if os.geteuid() == 0:
            os.chown(root, owner, owner)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _lay(trial: Trial, root: str) -> None:
    """Lay the files down, owned by the caller, so that the tool cannot change them when it runs as nobody."""
    accounts = (
        with_accounts(trial.accounts, Path("/etc/passwd").read_bytes(), Path("/etc/group").read_bytes())
        if trial.accounts
        else {}
    )
    for path, content, mode in (*((name, each, 0o644) for name, each in accounts.items()), *staged(trial)):
        file = Path(root, path)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(mode)
        except OSError as problem:
            raise Impossible(
                f"the file {path!r} cannot be laid down: {problem.strerror}", "rename the file in the manifest"
            ) from None


def _in(validator: Validator) -> str:
    return f" (looked in {', '.join(validator.folders)})" if validator.folders else ""


def _way_out(validator: Validator) -> str:
    packages = " ".join(validator.packages)
    return (
        f"install it (`apt-get install {packages}`), or run `pgc validate --docker`"
        if packages
        else "run `pgc validate --docker`"
    )
