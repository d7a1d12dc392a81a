"""pgc explain"""

from __future__ import annotations

import re
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from pgc.cli import shared
from pgc.cli.entry import MANIFEST, WELL


def _completed(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    return [CompletionItem(incomplete, type="file")]


@click.command("explain", cls=shared.Command)
@click.argument("subject", required=False, shell_complete=_completed)
@shared.manifests
@click.option("--codes", is_flag=True, help="List every diagnostic.")
def command(subject: str | None, paths: tuple[str, ...], codes: bool) -> int:
    """Say where something comes from: FILE:LINE of a generated file, a SETTING, or a diagnostic's CODE.

    \b
    Examples:
      pgc explain generated/orders/hosts/pg1/etc/sysctl.d/60-postgresql.conf:3
      pgc explain max_connections
      pgc explain MAN004
    """
    from pgc import explain, registry, workspace
    from pgc.report import diagnostics_view, explain_view

    plugins = registry.load()
    if codes or subject is None:
        click.echo(explain_view.codes(plugins.codes.values()), nl=False)
        return WELL
    if explain.names_a_code(subject, plugins):
        click.echo(explain.code(subject, plugins), nl=False)
        return WELL
    templates = plugins.templates(shared.bytecode_folder())
    manifests = list(workspace.manifests(shared.existing(paths)))
    try:
        if re.fullmatch(r".+:\d+", subject):
            answer = explain.line(subject, manifests, plugins, templates)
        else:
            answer = explain.setting(subject, manifests, plugins, templates)
    except explain.DoesNotCompile as problem:
        sys.stderr.write(diagnostics_view.text(problem.diagnostics))
        return MANIFEST
    click.echo(explain_view.answer(answer), nl=False)
    sys.stderr.write(diagnostics_view.text(answer.diagnostics))
    return WELL
