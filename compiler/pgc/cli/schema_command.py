"""pgc schema"""

from __future__ import annotations

from pathlib import Path

import click

from pgc.cli import shared
from pgc.cli.entry import WELL


@click.command("schema", cls=shared.Command)
@click.option(
    "--all",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Write it to a folder instead, with the schema of each structured format that the plugins generate.",
)
@click.option("--reference", is_flag=True, help="Print the manifest's keys as a page for people instead.")
def command(folder: str | None, reference: bool) -> int:
    """Print the JSON Schema of the manifest, as the installed plugins make it.

    \b
    Examples:
      pgc schema > schemas/manifest.schema.json
      pgc schema --all schemas
      pgc schema --reference > docs/manifest.md
    """
    from pgc import registry, schema

    plugins = registry.load()
    if reference:
        from pgc.reference import reference as page

        click.echo(page(schema.manifest_schema(plugins)).encode(), nl=False)
        return WELL
    if folder is None:
        click.echo(schema.text(schema.manifest_schema(plugins)).encode(), nl=False)
        return WELL
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, text in sorted(schema.every_schema(plugins).items()):
        (Path(folder) / name).write_text(text, encoding="utf-8")
        click.echo(f"wrote {folder}/{name}")
    return WELL
