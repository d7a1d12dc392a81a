"""What `pgc explain` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pgc.diagnostics import Code
from pgc.explain import Answer, Explanation
from pgc.report.safe import plain


def answer(found: Answer) -> str:
    """Write all explanations of one subject."""
    return "".join(f"{line}\n" for each in found.explanations for line in _explanation(each))


def _explanation(found: Explanation) -> Iterator[str]:
    yield plain(found.subject)
    if found.text:
        yield f"  {plain(found.text)}"
    if found.meaning:
        yield f"  means    {plain(found.meaning)}"
    for reason in found.reasons:
        yield f"  because  {plain(reason.reason)}"
        yield from (f"  from     {plain(place)}" for place in reason.places)
        if reason.plugin:
            yield f"  by       {plain(reason.plugin)}"
    if found.file:
        yield f"  in       {plain(found.file)}"
    if found.caution:
        yield f"  caution  {plain(found.caution)}"


def codes(found: Iterable[Code]) -> str:
    """Write the list of all diagnostics, a line each."""
    return "".join(
        f"{each.code}  {each.severity.value:<7}  {each.name}\n" for each in sorted(found, key=lambda each: each.code)
    )
