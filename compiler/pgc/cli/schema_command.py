"""pgc schema"""

from __future__ import annotations

import json

import click

from pgc import registry, schema


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of the manifest, as the installed plugins make it.

    \b
    Examples:
      pgc schema > manifest.schema.json
    """
    click.echo(json.dumps(schema.manifest_schema(registry.load()), indent=2, ensure_ascii=False))
