"""The command `pgc` and its subcommands, each imported only when it is called."""

from __future__ import annotations

import importlib
import os
from typing import Any

import click
from click.shell_completion import shell_complete

from pgc import __version__
from pgc.cli.entry import USAGE, WELL

COMMANDS = {
    "compile": "Compile manifests into generated/.",
    "diff": "Say by meaning what differs from a Git revision.",
    "validate": "Let the real tools judge the generated files.",
    "explain": "Say where a line, a setting or a diagnostic comes from.",
    "init": "Start a repository: manifest, CI workflow, .gitignore.",
    "schema": "Print the JSON Schema of the manifest.",
    "plugins": "List the installed plugins.",
    "completion": "Print the completion script for bash, zsh or fish.",
}

EXAMPLES = """\b
Examples:
  pgc init                              a manifest to start from
  pgc compile examples/quickstart.yaml  every file that the hosts need
  pgc diff main                         what changed since main, by meaning
  pgc explain max_connections           from what a value was derived
"""


class Lazy(click.Group):
    """A group whose commands live in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"pgc.cli.{cmd_name}_command").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as problem:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if not near or "Did you mean" in problem.message:
                raise
            raise click.UsageError(f"{problem.message} Did you mean {near[0]}?", ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]


@click.group(
    cls=Lazy,
    help=f"{EXAMPLES}\npgc compiles one manifest into everything that a PostgreSQL cluster's hosts need.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="pgc")
def pgc() -> None:
    """The group; its help is above."""


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; click's own exits are remapped."""
    complete = os.environ.get("_PGC_COMPLETE")
    if complete:
        return USAGE if shell_complete(pgc, {}, "pgc", "_PGC_COMPLETE", complete) else WELL
    try:
        with pgc.make_context("pgc", arguments) as context:  # what pgc.main() adds would end in 1
            result = pgc.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as problem:
        problem.show()
        return _usage(problem, arguments)
    return result if isinstance(result, int) else WELL


def _usage(problem: click.ClickException, arguments: list[str]) -> int:
    from pgc.cli.failures import Failure, document, wants_json

    if wants_json(arguments):
        click.echo(document(Failure(problem.format_message(), "see pgc --help", USAGE)), nl=False)
    return USAGE
