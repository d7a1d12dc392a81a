"""What `pgc explain` prints."""

from __future__ import annotations

from collections.abc import Iterable

from pgc.diagnostics import Code
from pgc.explain import Explanation
from pgc.report.safe import plain


def explanation(found: Explanation) -> str:
    """Write one explanation."""
    lines = [plain(found.subject)]
    if found.text:
        lines.append(f"  {plain(found.text)}")
    for reason in found.reasons:
        lines.append(f"  because  {plain(reason.reason)}")
        lines += [f"  from     {plain(place)}" for place in reason.places]
        if reason.plugin:
            lines.append(f"  by       {plain(reason.plugin)}")
    return "\n".join(lines) + "\n"


def codes(found: Iterable[Code]) -> str:
    """Write the list of all diagnostics, a line each."""
    return "".join(
        f"{each.code}  {each.severity.value:<7}  {each.name}\n" for each in sorted(found, key=lambda each: each.code)
    )
