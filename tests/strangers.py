"""Plugins that are not in this repository: written to a folder with their distribution's record, as `pip install --target` does."""

from __future__ import annotations

import textwrap
from pathlib import Path

HEAD = """\
from pgc.artifact import Artifact, Format
from pgc.bodies import Plain
from pgc.diagnostics import Code, Severity, path
from pgc.facts import Endpoint
from pgc.fields import Section
from pgc.hookspecs import Answer, Description, Problem, Trial, Validator, hookimpl


class {title}Section(Section):
    '''Something of a stranger's.'''

"""
DESCRIBE = """

@hookimpl
def pgc_describe():
    return Description("{name}", "Something of a stranger's.", "pgc_{name}:{title}Section")
"""


def install(folder: Path, name: str, code: str = "", *, describe: str = DESCRIBE, head: str = HEAD) -> Path:
    """Install a plugin into a folder that is then put on PYTHONPATH; `code` follows its section and its description."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = {"name": name, "title": name.title()}
    text = "".join(part.format(**fields) for part in (head, describe))
    (folder / f"pgc_{name}.py").write_text(text + textwrap.dedent(code))
    record = folder / f"pgc_{name}-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pgc-{name}\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text(f"[pgc]\n{name} = pgc_{name}\n")
    return folder
