"""A real terminal in front of a process: what a person types, and what a person sees."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.process import environment

_CONTROLS = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r|\x07")


class Terminal:
    """Starts a process in a pseudo-terminal; used as a context."""

    def __init__(self, arguments: Sequence[str], folder: Path, **more: str) -> None:
        self.seen = ""
        env = environment(folder / ".home", TERM="xterm", **more)
        self.pid, self.end = pty.fork()
        if not self.pid:
            try:
                os.chdir(folder)
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                os.execvpe(arguments[0], list(arguments), env)
            finally:
                os._exit(127)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None) -> None:
        os.close(self.end)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def type(self, text: str) -> None:
        """Type text; end a line with a newline."""
        with contextlib.suppress(OSError):  # nobody may be there any more
            os.write(self.end, text.encode())

    def wait_for(self, text: str, seconds: float = 30) -> str:
        """Read until a text is seen, and return all that came since the last call."""
        deadline = time.monotonic() + seconds
        since = len(self.seen)
        while text not in self.seen[since:]:
            if time.monotonic() > deadline or not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{text!r} did not come: {self.seen!r}")
        return self.seen[since:]

    def code(self, seconds: float = 60, *, meanwhile: str = "") -> int:
        """Read to the end and return the exit code; `meanwhile` is typed again and again until then."""
        deadline = time.monotonic() + seconds
        while (ended := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            assert time.monotonic() < deadline, self.seen
            self.type(meanwhile)
            self._read(0.5)
        self.pid = 0
        while self._read(0):
            pass
        return os.waitstatus_to_exitcode(ended[1])

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.end], [], [], seconds)
        try:
            chunk = os.read(self.end, 65536) if ready else b""
        except OSError:  # the other side is closed
            time.sleep(min(seconds, 0.05))
            chunk = b""
        self.seen += _CONTROLS.sub(b"", chunk).decode(errors="replace")
        return bool(chunk)
