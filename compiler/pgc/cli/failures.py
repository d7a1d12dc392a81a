"""Exceptions of the world, in words: which exit code they end in, and the way out."""

from __future__ import annotations

from dataclasses import dataclass

from pgc.cli.entry import MANIFEST, WORLD


@dataclass(frozen=True, slots=True)
class Failure:
    """How a run ended that could not do its work."""

    problem: str
    help: str
    code: int = WORLD


def of(problem: Exception) -> Failure | None:
    """Return what to tell the user, or None where the exception is a bug."""
    from pgc.registry import BrokenPlugin

    if isinstance(problem, BrokenPlugin):
        return Failure(str(problem), "mend or uninstall the plugin; `pgc plugins` lists what is installed")
    if isinstance(problem, OSError):
        where = f"{problem.filename}: " if problem.filename else ""
        return Failure(
            f"{where}{problem.strerror or problem}",
            _WAYS_OUT.get(problem.errno or 0, "check the path and its permissions, then run again"),
        )
    if isinstance(problem, RecursionError | MemoryError):
        return Failure(f"out of resources: {type(problem).__name__}", "split the manifest into smaller ones", MANIFEST)
    told = getattr(problem, "way_out", None)
    return Failure(str(problem), str(told)) if told else None


_WAYS_OUT = {
    2: "give a path that exists",
    13: "give this user the permission, or write elsewhere with --out",
    28: "the disk is full: free some space and run again; the output is what it was before",
    30: "the file system is read-only: write elsewhere with --out",
}
