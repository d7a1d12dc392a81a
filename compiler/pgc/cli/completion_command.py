"""pgc completion"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from pgc.cli import shared


@click.command("completion", cls=shared.Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      pgc completion bash > ~/.local/share/bash-completion/completions/pgc
      pgc completion zsh > "${fpath[1]}/_pgc"
      pgc completion fish > ~/.config/fish/completions/pgc.fish
    """
    from pgc.cli.commands import pgc

    maker = get_completion_class(shell)
    assert maker is not None
    script = maker(pgc, {}, "pgc", "_PGC_COMPLETE")
    # click's script for fish cuts descriptions at their first comma.
    template = script.source_template.replace('string split ","', 'string split --max 1 ","')
    click.echo(template % script.source_vars())
