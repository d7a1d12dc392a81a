"""What several commands have in common: how their help reads, their options, the output folder made whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from inspect import cleandoc
from pathlib import Path
from typing import Any

import click

from pgc import __version__
from pgc.cli import unchanged

OUT = "generated"


class Command(click.Command):
    """A command whose help shows the examples of its docstring first: who asks for help wants a line to copy."""

    def __init__(self, name: str | None, help: str | None = None, **options: Any) -> None:
        about, mark, examples = cleandoc(help or "").partition("\n\n\b\n")
        super().__init__(name, help=f"\b\n{examples}\n\n{about}" if mark else help, **options)


environment = click.option("--env", "environment", metavar="NAME", help="Only this environment of the manifest.")
out = click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False),
    default=OUT,
    show_default=True,
    help="The folder of the generated trees.",
)
manifests = click.option(
    "--manifests",
    "paths",
    type=click.Path(),
    multiple=True,
    metavar="PATH",
    default=(".",),
    show_default=True,
    help="Where the manifests are.",
)


def output_format(*names: str) -> Callable[[Any], Any]:
    """Make the option --format over these formats; the first is the default."""
    return click.option(
        "--format",
        "output",
        type=click.Choice(names),
        default=names[0],
        show_default=True,
        help="How the answer is written.",
    )


def colour() -> bool:
    """Say whether the answer may be coloured: on a terminal, unless NO_COLOR is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def existing(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths. Raises click.UsageError naming every one that is not there."""
    missing = [path for path in paths if _is_missing(path)]
    if missing:
        from pgc.report.safe import plain

        raise click.UsageError(f"there is no {' and no '.join(plain(click.format_filename(path)) for path in missing)}")
    return paths


def _is_missing(path: str) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # it is there, or may be; reading it will say more
        return False
    return False


def recover(out: str) -> None:
    """Finish or discard a write that was interrupted, and say so on stderr. Raises WriteFailed."""
    from pgc import tree
    from pgc.report import diagnostics_view

    found = tree.recover(Path(out))
    if found:
        from pgc.build import diagnosed

        sys.stderr.write(diagnostics_view.text(map(diagnosed, found)))


def bytecode_folder() -> Path | None:
    """Return the folder for compiled templates; None where there is none.

    It stands beside Python's own bytecode where that may be written, and in the user's cache otherwise; never in a tree.
    """
    name = f"templates-{__version__}-{sys.implementation.cache_tag}"
    beside = Path(__file__).parents[1] / "__pycache__"
    folder = Path(unchanged.folder()) / name
    if os.access(beside, os.W_OK) and not sys.dont_write_bytecode:
        folder = beside / name
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    return folder if unchanged.is_ours(str(folder)) else None
