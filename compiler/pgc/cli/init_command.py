"""pgc init"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pgc.cli import shared
from pgc.cli.entry import MANIFEST, WELL

PROPOSED = {
    "name": ("Name of the cluster", "orders"),
    "version": ("PostgreSQL version", "17"),
    "host": ("Addresses of the hosts, separated by blanks", "10.0.0.11 10.0.0.12 10.0.0.13"),
    "failover": ("Longest time that writes may stop after a fault", "30s"),
    "data-loss": ("What may be lost when a host dies (none, or an amount of WAL such as 16MB)", "none"),
}


@click.command("init", cls=shared.Command)
@click.argument("folder", default=".", type=click.Path(file_okay=False))
@click.option("--name", help="The cluster's name.")
@click.option("--version", type=click.Choice(["15", "16", "17", "18"]), help="PostgreSQL's major version.")
@click.option("--host", multiple=True, metavar="ADDRESS", help="A host's address; repeat it for each host.")
@click.option("--failover", metavar="DURATION", help="The longest that writes may stop after one fault, such as 30s.")
@click.option("--data-loss", metavar="SIZE", help="What may be lost when a host dies: none, or such as 16MB.")
@click.option("--vip", metavar="ADDRESS/LENGTH", help="A virtual address in front of the cluster.")
@click.option(
    "--ci", type=click.Choice(["github", "none"]), default="github", show_default=True, help="The CI workflow to write."
)
def command(
    folder: str,
    name: str | None,
    version: str | None,
    host: tuple[str, ...],
    failover: str | None,
    data_loss: str | None,
    vip: str | None,
    ci: str,
) -> int:
    """Start a repository: a manifest that editors understand, a CI workflow, .gitignore.

    Asks for what no flag says; where there is nobody to ask, says what it took instead.

    \b
    Examples:
      pgc init
      pgc init --name orders --version 17 --host 10.0.0.11 --host 10.0.0.12 --host 10.0.0.13 --failover 30s
    """
    from pgc import init, registry, schema
    from pgc.report import init_view
    from pgc.workspace import compile_text

    answers = init.Answers(
        name or _ask("name"),
        version or _ask("version"),
        host or tuple(_ask("host").split()),
        failover or _ask("failover"),
        data_loss or _ask("data-loss"),
        vip or "",
        ci,
    )
    plugins = registry.load()
    text, file = init.manifest(answers), init.manifest_file(answers)
    tried = compile_text(text, file, plugins, plugins.templates(shared.bytecode_folder()))
    if tried.bundle is None:
        click.echo(init_view.refused(tried.diagnostics, text), err=True, nl=False)
        return MANIFEST
    for path, written in init.write(Path(folder), init.files(answers, schema.text(schema.manifest_schema(plugins)))):
        click.echo(init_view.wrote(path, written))
    click.echo(init_view.next_steps(folder, answers), nl=False)
    return WELL


def _ask(flag: str) -> str:
    question, proposal = PROPOSED[flag]
    if sys.stdin.isatty():
        return str(click.prompt(question, default=proposal))
    click.echo(f"nobody to ask: took --{flag} {proposal}", err=True)
    return proposal
