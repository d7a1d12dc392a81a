"""What `pgc validate` says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TextIO

from pgc.diagnostics import Code
from pgc.report import diagnostics_formats, diagnostics_view
from pgc.validation import Validated
from pgc.verify.native import Judged


def show(done: Sequence[Validated], output: str, codes: Mapping[str, Code], *, colour: bool = False) -> str:
    """Write the answer in one of the formats text, json, sarif, github."""
    diagnostics = [each for tree in done for each in tree.diagnostics]
    if output == "text":
        return diagnostics_view.text(diagnostics, colour=colour) + "".join(
            line + "\n" for tree in done for line in _summary(tree)
        )
    result = {"trees": [_tree(tree) for tree in done]}
    return diagnostics_formats.show(diagnostics, output, codes=codes.values(), result=result)


def progress(stream: TextIO) -> Callable[[Judged], None]:
    """Return a function that shows on a terminal what is being judged; elsewhere it is silent."""
    if not stream.isatty():
        return lambda _: None

    def tell(judged: Judged) -> None:
        stream.write(f"\r\x1b[K{judged.verdict.validator}: {judged.paths[0][:80]} {judged.verdict.result}")
        stream.flush()

    return tell


def _counts(tree: Validated) -> Counter[str]:
    return Counter(each.verdict.result for each in tree.judged)


def _summary(tree: Validated) -> Iterator[str]:
    counts = ", ".join(f"{count} {result}" for result, count in sorted(_counts(tree).items())) or "no verdicts"
    yield f"{tree.directory}: {tree.files} files; {counts} (validation.json)"
    if tree.without:
        yield f"  no product judges these formats: {', '.join(tree.without)}"


def _tree(tree: Validated) -> dict[str, object]:
    return {
        "directory": tree.directory,
        "files": tree.files,
        "results": dict(sorted(_counts(tree).items())),
        "formats_without_validator": list(tree.without),
    }
