"""pgc explain"""

from __future__ import annotations

import re

import click

from pgc.cli import shared


@click.command("explain")
@click.argument("subject", required=False)
@click.option(
    "--manifests",
    "paths",
    multiple=True,
    metavar="PATH",
    default=(".",),
    show_default=True,
    help="Where the manifests are.",
)
@click.option("--codes", is_flag=True, help="List every diagnostic.")
def command(subject: str | None, paths: tuple[str, ...], codes: bool) -> None:
    """Say where something comes from: FILE:LINE of a generated file, a SETTING, or a diagnostic's CODE.

    \b
    Examples:
      pgc explain generated/quickstart/hosts/pg1/etc/haproxy/haproxy.cfg:12
      pgc explain max_connections
      pgc explain PAT004
    """
    from pgc import explain, registry, workspace
    from pgc.report import explain_view

    plugins = registry.load()
    if codes or subject is None:
        click.echo(explain_view.codes(plugins.codes.values()), nl=False)
        return
    if re.fullmatch(r"[A-Z]{3}\d{3}", subject.upper()) or re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", subject):
        click.echo(explain.code(subject, plugins), nl=False)
        return
    templates = plugins.templates(shared.bytecode_folder())
    manifests = list(workspace.manifests(paths))
    if re.fullmatch(r".+:\d+", subject):
        click.echo(explain_view.explanation(explain.line(subject, manifests, plugins, templates)), nl=False)
        return
    for found in explain.setting(subject, manifests, plugins, templates):
        click.echo(explain_view.explanation(found), nl=False)
