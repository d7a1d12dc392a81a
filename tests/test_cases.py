"""Every diagnostic has a manifest that makes it fire, one that leaves it silent, and one on the boundary.

The cases are data: tests/cases/<plugin>/<CODE>.yaml, a mapping of `fires`, `silent` and `boundary` to lists of {name, manifest}.
A case that fires may give the message and the line; a case on the boundary says whether it fires. What no manifest alone can
cause (a full disk, a missing tool) says in `elsewhere` which test shows it, and that test must exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pgc.registry import Registry
from tests.conftest import ROOT, Compile

CASES = Path(__file__).parent / "cases"


def _load(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(file.read_text())
    return loaded


def _cases() -> Iterator[Any]:
    for file in sorted(CASES.glob("*/*.yaml")):
        content = _load(file)
        for kind in ("fires", "silent", "boundary"):
            for case in content.get(kind) or ():
                yield pytest.param(file.stem, kind, case, id=f"{file.stem}-{kind}-{case['name']}".replace(" ", "-"))


@pytest.mark.parametrize(("code", "kind", "case"), _cases())
def test_case(code: str, kind: str, case: dict[str, Any], compile_text: Compile) -> None:
    compilation = compile_text(case["manifest"], case.get("environment"))
    found = [each for each in compilation.diagnostics if each.code == code]
    expected = case["fires"] if kind == "boundary" else kind == "fires"
    every = [f"{each.span} {each.code} {each.message}" for each in compilation.diagnostics]
    assert bool(found) is expected, every
    if not expected:
        unreadable = [
            line
            for line, each in zip(every, compilation.diagnostics, strict=True)
            if each.code.startswith(("SRC", "MAN")) and each.severity == "error"
        ]
        assert kind == "boundary" or code.startswith(("SRC", "MAN")) or not unreadable, (
            f"the silent case did not reach the rule: {unreadable}"
        )
    if "message" in case and expected:
        assert case["message"] in [each.message for each in found]
    if "line" in case and expected:
        assert case["line"] in [each.span.line for each in found]
    lines = case["manifest"].count("\n") + 1
    for each in compilation.diagnostics:
        assert all(1 <= span.line <= lines and span.column >= 1 for span in each.spans), each


def test_every_diagnostic_has_its_cases(registry: Registry) -> None:
    files = {file.stem: _load(file) for file in CASES.glob("*/*.yaml")}
    problems = []
    for code in registry.codes:
        content = files.get(code)
        if content is None:
            problems.append(f"{code}: no tests/cases/*/{code}.yaml")
        elif "elsewhere" in content:
            problems += [f"{code}: {test} does not exist" for test in content["elsewhere"] if not _exists(test)]
        else:
            problems += [
                f"{code}: no case under {kind}" for kind in ("fires", "silent", "boundary") if not content.get(kind)
            ]
    problems += [f"{code}: no such diagnostic" for code in files if code not in registry.codes]
    assert not problems, "\n".join(problems)


def _exists(test: str) -> bool:
    file, _, name = test.partition("::")
    path = ROOT / file
    return path.is_file() and re.search(rf"^def {re.escape(name)}\b", path.read_text(), re.MULTILINE) is not None


def test_every_diagnostic_says_what_why_and_how_out(registry: Registry) -> None:
    for code in registry.codes.values():
        assert re.fullmatch(r"[A-Z]{3}\d{3}", code.code)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code.name), code.name
        for text in (code.what, code.why, code.help, code.example):
            assert len(text.strip()) > 5, code.code
