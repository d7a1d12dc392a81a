"""pgc plugins"""

from __future__ import annotations

import click

from pgc.cli import shared


@click.command("plugins", cls=shared.Command)
def command() -> None:
    """List the installed plugins, with the distribution that each comes from.

    \b
    Examples:
      pgc plugins
    """
    from pgc import registry

    found = registry.load().plugins
    width = max(len(plugin.name) for plugin in found) if found else 0
    for plugin in found:
        click.echo(f"{plugin.name:<{width}}  {plugin.distribution} {plugin.version}  {plugin.description.summary}")
