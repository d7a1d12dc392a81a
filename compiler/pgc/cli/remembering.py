"""What `pgc compile` tells the unchanged path: every file on which its answer depended."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

import pgc
from pgc.artifact import LOCK_NAME
from pgc.build import Built
from pgc.cli import unchanged
from pgc.registry import Registry


def remember(
    arguments: list[str], paths: Sequence[str], out: str, built: Built, plugins: Registry, text: str, began_ns: int
) -> None:
    """Record inputs and outputs of a compilation that ended well."""
    folders = [*_searched(paths), *(path for path in sys.path if path)]
    inputs = [*built.inputs, *_sources(plugins)]
    unchanged.remember(arguments, folders, inputs, _written(out, built), text, began_ns)


def _searched(paths: Sequence[str]) -> Iterator[str]:
    """Yield the folders in which a new manifest would be found."""
    for path in paths:
        if os.path.isdir(path):
            for folder, folders, names in os.walk(path):
                folders[:] = [] if LOCK_NAME in names else [name for name in folders if not name.startswith(".")]
                yield folder


def _sources(plugins: Registry) -> Iterator[str]:
    """Yield every source file of pgc and of the plugins: a change of the tool is a change."""
    roots = {
        os.path.dirname(pgc.__file__),
        *(str(plugin.folder) for plugin in plugins.plugins if _is_package(plugin.module)),
    }
    yield from (plugin.module.__file__ or "" for plugin in plugins.plugins if not _is_package(plugin.module))
    for root in sorted(roots):
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name != "__pycache__"]
            yield from (os.path.join(folder, name) for name in names)


def _is_package(module: object) -> bool:
    return hasattr(module, "__path__")


def _written(out: str, built: Built) -> Iterator[str]:
    for outcome in built.outcomes:
        tree = outcome.tree
        if tree is not None:
            for path in (*tree.created, *tree.changed, *tree.unchanged):
                yield f"{out}/{outcome.directory}/{path}"
