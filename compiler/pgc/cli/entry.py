"""Where the process starts: the path that finds nothing changed, then click, then exit codes.

Importing this module must stay cheap: click, pydantic and the rest are loaded when a command needs them.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import NoReturn, TextIO

WELL, DIFFERS, USAGE, MANIFEST, FAILED, WORLD, BUG, INTERRUPTED = 0, 1, 2, 3, 4, 5, 70, 130


def main() -> NoReturn:
    """Run pgc and exit with one of the codes that the documentation lists."""
    gc.disable()  # one short run: collecting costs more than it frees
    _interrupt_once()
    _open_streams()
    arguments = sys.argv[1:]
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        code = WELL  # the reader has seen enough
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was being written will be whole when pgc runs again\n")
        code = INTERRUPTED
    except (Exception, SystemExit) as problem:
        code = _explain(problem, arguments)
    _leave(code)


def _interrupt_once() -> None:
    """Let only the first Ctrl-C interrupt: who presses twice means the same, and what is tidied up then is short."""

    def interrupt(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else somebody wants it ignored
        signal.signal(signal.SIGINT, interrupt)


def _run(arguments: list[str]) -> int:
    from pgc.cli import unchanged

    if (text := unchanged.answer(arguments)) is not None:
        sys.stdout.write(text)
        return WELL
    from pgc.cli.commands import run

    return run(arguments)


def _open_streams() -> None:
    """Give every closed stream an end, and write what the terminal's encoding lacks as an escape."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115 - open until the process ends
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _explain(problem: BaseException, arguments: list[str]) -> int:
    """Say what the world or a plugin did wrong; anything else is a bug, and shows where."""
    try:
        from pgc.cli.failures import of, tell

        return tell(of(problem), problem, arguments)
    except Exception:  # the disk may be full for these words too; the exit code still tells
        return BUG if not isinstance(problem, OSError) else WORLD


def _leave(code: int) -> NoReturn:
    """End the process with this code, whatever becomes of what is not yet written: Python would make it 120."""
    for stream in (sys.stdout, sys.stderr):
        _let_go(stream)
    if _has_threads():
        sys.exit(code)
    os._exit(code)


def _let_go(stream: TextIO) -> None:
    try:
        stream.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _has_threads() -> bool:
    threading = sys.modules.get("threading")
    return threading is not None and threading.active_count() > 1
