"""pgc diff"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pgc.cli import shared
from pgc.cli.entry import DIFFERS, WELL


@click.command("diff", cls=shared.Command)
@click.argument("base", default="HEAD")
@shared.out
@shared.output_format("text", "markdown", "json")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when anything differs.")
@shared.manifests
@click.option("--no-why", is_flag=True, help="Leave out which manifest line each change comes from.")
def command(base: str, out: str, output: str, exit_code: bool, paths: tuple[str, ...], no_why: bool) -> int:
    """Compare the generated tree at a Git revision (HEAD, if none is named) with the one on disk, by meaning.

    \b
    Examples:
      pgc diff                                 what is not committed yet
      pgc diff origin/main --format markdown   for a pull request
      pgc diff v1.4 --exit-code
    """
    from pgc import registry
    from pgc.change import compare, snapshot
    from pgc.change import why as reasons
    from pgc.report import changes_json, changes_markdown, changes_view

    plugins = registry.load()
    named = shared.existing(paths)
    shared.recover(out)
    after = snapshot.on_disk(Path(out))
    with snapshot.at_revision(Path(out), base) as before:
        if not (before.snapshots or after.snapshots):
            raise click.UsageError(f"no generated tree in {out}, neither on disk nor at {base}; run pgc compile first")
        changes = compare.compare_all(before.snapshots, after.snapshots, plugins.formats)
    sys.stderr.write(changes_view.warnings(out, after.snapshots))
    templates = plugins.templates(shared.bytecode_folder())
    why = None if no_why else reasons.manifest_lines(after.snapshots, named, plugins, templates)
    if output == "json":
        click.echo(changes_json.as_json(changes, base=before.label, why=why), nl=False)
    elif output == "markdown":
        click.echo(changes_markdown.markdown(changes, why=why).encode(), nl=False)
    else:
        click.echo(changes_view.text(changes, why=why, colour=shared.colour()), nl=False)
    return DIFFERS if exit_code and changes else WELL
