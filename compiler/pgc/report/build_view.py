"""What `pgc compile` says: the diagnostics, then a line or two for each cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pgc.artifact import LOCK_NAME
from pgc.build import Built, Ending, Outcome
from pgc.diagnostics import Code, Diagnostic
from pgc.fields import show_duration
from pgc.report import diagnostics_view
from pgc.tree import Tree

MANY = 12


def show(built: Built, output: str, out: str, codes: Mapping[str, Code], *, colour: bool = False) -> str:
    """Write the answer of one compilation in one of the formats text, json, sarif, github."""
    diagnostics = every_diagnostic(built)
    if output == "text":
        return diagnostics_view.text(diagnostics, colour=colour) + "".join(line + "\n" for line in _summary(built, out))
    from pgc.report import diagnostics_formats

    return diagnostics_formats.show(
        diagnostics, output, codes=codes.values(), result={"clusters": _clusters(built, out)}
    )


def again(built: Built, output: str, out: str, codes: Mapping[str, Code], *, colour: bool = False) -> str:
    """Write what the same command answers while nothing has changed."""

    def settled(tree: Tree | None) -> Tree | None:
        if tree is None:
            return None
        return replace(
            tree,
            created=(),
            changed=(),
            removed=(),
            unchanged=tuple(sorted((*tree.created, *tree.changed, *tree.unchanged))),
        )

    outcomes = tuple(replace(outcome, tree=settled(outcome.tree)) for outcome in built.outcomes)
    return show(replace(built, outcomes=outcomes), output, out, codes, colour=colour)


def every_diagnostic(built: Built) -> tuple[Diagnostic, ...]:
    """Return all diagnostics in the order of their places."""
    found = {each: None for outcome in built.outcomes for each in outcome.diagnostics} | dict.fromkeys(
        built.diagnostics
    )
    return tuple(sorted(found, key=lambda each: (each.span, each.code, each.message)))


def _summary(built: Built, out: str) -> Iterator[str]:
    done = [outcome for outcome in built.outcomes if outcome.directory]
    if built.ending not in (Ending.WELL, Ending.STALE):
        yield from () if built.checking else ("nothing was written",)
        return
    if len(done) > MANY:
        hosts, files = sum(outcome.hosts for outcome in done), sum(outcome.files for outcome in done)
        yield f"{len(done)} clusters, {hosts} hosts, {files} files: {_changes(done)} in {out}/"
        return
    for outcome in done:
        yield f"{_title(outcome)}: {outcome.hosts} hosts, {outcome.files} files: {_changes([outcome])} in {out}/{outcome.directory}/"
        yield from _stale(outcome)
        yield from _bounds(outcome)


def _title(outcome: Outcome) -> str:
    return f"{outcome.name}/{outcome.environment}" if outcome.environment else outcome.name


def _changes(outcomes: list[Outcome]) -> str:
    if any(outcome.tree is None for outcome in outcomes):
        stale = sum(len(outcome.stale) for outcome in outcomes)
        return f"{stale} stale" if stale else "up to date"
    counts = {
        word: sum(path != LOCK_NAME for outcome in outcomes for path in getattr(outcome.tree, word))
        for word in ("created", "changed", "removed")
    }
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "unchanged"


def _stale(outcome: Outcome) -> Iterator[str]:
    for line in outcome.stale[:MANY]:
        yield f"  {line}"
    if len(outcome.stale) > MANY:
        yield f"  and {len(outcome.stale) - MANY} more"


def _bounds(outcome: Outcome) -> Iterator[str]:
    bounded = [bound for bound in outcome.bounds if bound.seconds is not None]
    if bounded:
        worst = max(bounded, key=lambda bound: bound.seconds or 0)
        yield (
            f"  writes return within {show_duration(worst.seconds or 0)} after every bounded fault, {worst.fault} being the worst"
            f" (objective {show_duration(outcome.failover_s)}); see docs/failover.md"
        )
    loose = [bound.fault for bound in outcome.bounds if bound.seconds is None]
    if loose:
        yield f"  not bounded by any setting: {', '.join(loose)}"


def _clusters(built: Built, out: str) -> list[dict[str, object]]:
    return [
        {
            "name": outcome.name,
            "environment": outcome.environment,
            "manifest": outcome.file,
            "directory": f"{out}/{outcome.directory}" if outcome.directory else None,
            "hosts": outcome.hosts,
            "files": outcome.files,
            "stale": list(outcome.stale),
            **{
                word: list(getattr(outcome.tree, word)) if outcome.tree else []
                for word in ("created", "changed", "removed")
            },
            "bounds_s": {bound.fault: bound.seconds for bound in outcome.bounds},
        }
        for outcome in built.outcomes
    ]
