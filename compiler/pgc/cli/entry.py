"""Where the process starts: the path that finds nothing changed, then click, then exit codes.

Importing this module must stay cheap: click, pydantic and the rest are loaded when a command needs them.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

WELL, DIFFERS, USAGE, MANIFEST, FAILED, WORLD, BUG, INTERRUPTED = 0, 1, 2, 3, 4, 5, 70, 130


def main() -> NoReturn:
    """Run pgc and exit with one of the codes that the documentation lists."""
    gc.disable()  # one short run: collecting costs more than it frees
    code = BUG
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = WELL
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the output is what it was before\n")
        code = INTERRUPTED
    except Exception as problem:
        code = _explain(problem)
    sys.stderr.flush()
    os._exit(code) if code in (WELL, DIFFERS) and not _has_threads() else sys.exit(code)


def _run(arguments: list[str]) -> int:
    from pgc.cli import unchanged

    if (text := unchanged.answer(arguments)) is not None:
        sys.stdout.write(text)
        return WELL
    from pgc.cli.commands import run

    return run(arguments)


def _has_threads() -> bool:
    threading = sys.modules.get("threading")
    return threading is not None and threading.active_count() > 1


def _explain(problem: Exception) -> int:
    """Say what the world or a plugin did wrong; anything else is a bug, and shows where."""
    from pgc.cli.failures import Failure, of

    failure = of(problem)
    if isinstance(failure, Failure):
        sys.stderr.write(f"error: {failure.problem}\nhelp: {failure.help}\n")
        return failure.code
    import traceback

    traceback.print_exc()
    sys.stderr.write("help: this is a bug in pgc or a plugin; please report it with the lines above\n")
    return BUG
