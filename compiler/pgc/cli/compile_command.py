"""pgc compile"""

from __future__ import annotations

import sys
import time

import click

from pgc.cli import shared
from pgc.cli.entry import DIFFERS, FAILED, MANIFEST, WELL, WORLD


@click.command("compile", cls=shared.Command)
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@shared.environment
@shared.out
@shared.output_format("text", "json", "sarif", "github")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when the committed output is stale.")
@click.option("--force", is_flag=True, help="Overwrite generated files that a person edited.")
def command(paths: tuple[str, ...], environment: str | None, out: str, output: str, check: bool, force: bool) -> int:
    """Compile manifests (files, or folders of them) into every file that the hosts need.

    \b
    Examples:
      pgc compile examples/quickstart.yaml
      pgc compile clusters/ --env production
      pgc compile clusters/ --check          in CI: does what is committed follow from the manifests?
    """
    from pgc import build, registry
    from pgc.cli import remembering
    from pgc.report import build_view

    began_ns = time.time_ns()
    plugins = registry.load()
    templates = plugins.templates(shared.bytecode_folder())
    named = shared.existing(paths)
    if check:
        shared.recover(out)
    built = build.build(named, environment, out, plugins, templates, force=force, checking=check)
    text = build_view.show(built, output, out, plugins.codes, colour=shared.colour())
    click.echo(text, nl=False)
    if built.repeatable:
        again = build_view.again(built, output, out, plugins.codes, colour=shared.colour())
        remembering.remember(sys.argv[1:], paths, out, built, plugins, again, began_ns)
    return CODES[built.ending.value]


CODES = {"well": WELL, "stale": DIFFERS, "manifest": MANIFEST, "refused": FAILED, "world": WORLD}
"""How a compilation ended (pgc.build.Ending), as an exit code."""
