"""pgc validate"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pgc.cli import shared
from pgc.cli.entry import FAILED, WELL


@click.command("validate", cls=shared.Command)
@click.argument("names", nargs=-1, metavar="[CLUSTER[/ENVIRONMENT]]...")
@shared.out
@shared.output_format("text", "json", "sarif", "github")
@click.option("--docker", is_flag=True, help="Run the tools in a container; the image is built on first use.")
@click.option("--image", metavar="NAME", default="", help="The image for --docker, instead of pgc's own.")
@click.option("--require-validators", "require", is_flag=True, help="A tool that is missing is an error.")
def command(names: tuple[str, ...], out: str, output: str, docker: bool, image: str, require: bool) -> int:
    """Let the products themselves judge the generated files, each with its own checker.

    Verdicts are kept by SHA-256 in validation.json beside the lock file; what was judged before is not judged again.

    \b
    Examples:
      pgc validate
      pgc validate orders/production --docker --require-validators
    """
    from pgc import registry, validation
    from pgc.cli.runners import runner_for
    from pgc.report import validation_view

    plugins = registry.load()
    shared.recover(out)
    found = list(validation.trees(Path(out), names))
    absent = [name for name in names if not any(validation.trees(Path(out), (name,)))]
    if absent or not found:
        raise click.UsageError(f"no generated tree {' and no '.join(absent) or 'at all'} in {out}; run pgc compile first")
    runner = runner_for(plugins.validators, docker=docker or bool(image), image=image)
    tell = validation_view.progress(sys.stderr)
    done = [validation.validate(tree, Path(out), plugins, runner, tell, require=require) for tree in found]
    click.echo(validation_view.show(done, output, plugins.codes, colour=shared.colour()), nl=False)
    return FAILED if any(each.severity == "error" for tree in done for each in tree.diagnostics) else WELL
