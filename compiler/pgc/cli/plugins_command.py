"""pgc plugins"""

from __future__ import annotations

import click

from pgc import registry


@click.command("plugins")
def command() -> None:
    """List the installed plugins, with the distribution that each comes from.

    \b
    Examples:
      pgc plugins
    """
    found = registry.load().plugins
    width = max(len(plugin.name) for plugin in found) if found else 0
    for plugin in found:
        click.echo(f"{plugin.name:<{width}}  {plugin.distribution} {plugin.version}  {plugin.description.summary}")
