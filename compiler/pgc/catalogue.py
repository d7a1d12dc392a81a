"""Every diagnostic of the core, gathered from the rooms that report them."""

from __future__ import annotations

from pgc import parse, pipeline, source, tree, workspace
from pgc.diagnostics import Code
from pgc.verify import native

CORE_CODES: tuple[Code, ...] = (
    *source.CODES,
    *parse.CODES,
    *workspace.CODES,
    *pipeline.CODES,
    *tree.CODES,
    *native.CODES,
)
