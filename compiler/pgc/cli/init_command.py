"""pgc init"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pgc.cli.entry import MANIFEST


@click.command("init")
@click.argument("folder", default=".", type=click.Path(file_okay=False))
@click.option("--name", help="The cluster's name.")
@click.option("--version", type=click.Choice(["15", "16", "17", "18"]), help="PostgreSQL's major version.")
@click.option(
    "--host", "addresses", multiple=True, metavar="ADDRESS", help="A host's address; repeat it for each host."
)
@click.option(
    "--failover", metavar="DURATION", help="The longest time that writes may stop after one fault, such as 30s."
)
@click.option("--vip", metavar="ADDRESS/LENGTH", help="A virtual address in front of the cluster.")
@click.option(
    "--ci", type=click.Choice(["github", "none"]), default="github", show_default=True, help="The CI workflow to write."
)
def command(
    folder: str,
    name: str | None,
    version: str | None,
    addresses: tuple[str, ...],
    failover: str | None,
    vip: str | None,
    ci: str,
) -> int:
    """Start a repository: a manifest that editors understand, a CI workflow, .gitignore. Asks for what no flag says.

    \b
    Examples:
      pgc init
      pgc init --name orders --version 17 --host 10.0.0.11 --host 10.0.0.12 --host 10.0.0.13 --failover 30s
    """
    from pgc import init, registry, schema, source, workspace
    from pgc.pipeline import compile_source
    from pgc.report import diagnostics_view

    asking = sys.stdin.isatty()
    answers = init.Answers(
        name or _ask("Name of the cluster", "orders", asking),
        version or _ask("PostgreSQL version", "17", asking),
        addresses
        or tuple(_ask("Addresses of the hosts, separated by blanks", "10.0.0.11 10.0.0.12 10.0.0.13", asking).split()),
        failover or _ask("Longest time that writes may stop after a fault", "30s", asking),
        vip or "",
        ci,
    )
    plugins = registry.load()
    text = init.manifest(answers)
    whole = source.read(text.encode(), f"clusters/{answers.name}.yaml")
    tried = compile_source(whole, workspace.parse.environments(whole)[0], plugins, plugins.templates(), lambda _: "")
    if tried.bundle is None:
        click.echo(
            diagnostics_view.text(tried.diagnostics, lines=lambda _: tuple(text.splitlines())), err=True, nl=False
        )
        click.echo("nothing was written: the answers make no cluster", err=True)
        return MANIFEST
    for path, written in init.write(Path(folder), init.files(answers, schema.manifest_schema(plugins))):
        click.echo(f"{'wrote' if written else 'kept '} {path}")
    click.echo(f"\nnext:\n  pgc compile clusters\n  git add . && git commit -m 'cluster {answers.name}'")
    return 0


def _ask(question: str, proposal: str, asking: bool) -> str:
    return str(click.prompt(question, default=proposal)) if asking else proposal
