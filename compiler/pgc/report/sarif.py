"""Diagnostics as SARIF 2.1.0 (OASIS standard), as GitHub code scanning reads it."""

from __future__ import annotations

import hashlib
import json
import os
import string
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pgc
from pgc.diagnostics import Code, Diagnostic, Span
from pgc.report.diagnostics_view import in_order
from pgc.report.places import within
from pgc.report.safe import plain

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"


def sarif(diagnostics: Iterable[Diagnostic], codes: Iterable[Code], root: Path) -> str:
    """Write a SARIF log of one run. Every code is a rule, whether it fired or not.

    `root` is the repository's folder.
    """
    found = in_order(diagnostics)
    rules = {code.code: _rule(code) for code in sorted(codes, key=lambda each: each.code)}
    for each in found:
        rules.setdefault(each.code, _bare_rule(each))
    index = {code: position for position, code in enumerate(rules)}
    driver = {
        "name": "pgc", "version": pgc.__version__, "semanticVersion": pgc.__version__, "rules": list(rules.values()),
    }
    seen: Counter[str] = Counter()
    run = {
        "tool": {"driver": driver}, "columnKind": "unicodeCodePoints",
        "results": [_result(each, index[each.code], root, seen) for each in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(code: Code) -> dict[str, Any]:
    what, why, way_out = (_described(text) for text in (code.what, code.why, code.help))
    fence = "`" * (1 + max((len(run) for run in _runs(code.example, "`")), default=2))
    markdown = "\n\n".join(
        (
            f"**What:** {_md(what)}", f"**Why:** {_md(why)}", f"**Remedy:** {_md(way_out)}", "**Example:**",
            f"{fence}yaml\n{code.example}\n{fence}\n",
        )
    )
    return {
        "id": code.code, "name": _pascal(code.name),
        "shortDescription": {"text": code.name.replace("-", " ")},
        "fullDescription": {"text": f"{what}. {why}."},
        "help": {"text": f"{what}\n{why}\nhelp: {way_out}\nexample:\n{code.example}\n", "markdown": markdown},
        "defaultConfiguration": {"level": code.severity.value},
    }


def _bare_rule(each: Diagnostic) -> dict[str, Any]:
    return {
        "id": each.code, "name": _pascal(each.name), "shortDescription": {"text": each.name.replace("-", " ")},
        "help": {"text": plain(each.hint)}, "defaultConfiguration": {"level": each.severity.value},
    }


def _result(each: Diagnostic, rule: int, root: Path, seen: Counter[str]) -> dict[str, Any]:
    said = "\n".join((plain(each.message), plain(each.consequence), f"help: {plain(each.hint)}"))
    uri = artifact(each.span.file, root)["uri"]
    # Lines are left out, so that a finding stays the same finding when the manifest grows above it.
    identity = "\0".join((each.code, str(uri), *each.paths, each.message))
    seen[identity] += 1
    fingerprint = hashlib.sha256(f"{identity}\0{seen[identity]}".encode("utf-8", "surrogatepass")).hexdigest()
    result: dict[str, Any] = {
        "ruleId": each.code, "ruleIndex": rule, "level": each.severity.value,
        "message": {"text": said.replace("](", "] (")},  # or a value would become a link
        "locations": [_location(each.span, root)],
        "partialFingerprints": {"pgc/v1": fingerprint},
    }
    others = [span for span in each.spans[1:] if span != each.span]
    if others:
        result["relatedLocations"] = [
            {"id": number, **_location(span, root), "message": {"text": "see also"}}
            for number, span in enumerate(others, 1)
        ]
    return result


def _location(span: Span, root: Path) -> dict[str, Any]:
    region = {"startLine": span.line, "startColumn": span.column}
    if (span.end_line, span.end_column) > (span.line, span.column):
        region |= {"endLine": span.end_line, "endColumn": span.end_column}
    return {"physicalLocation": {"artifactLocation": artifact(span.file, root), "region": region}}


def artifact(file: str, root: Path) -> Mapping[str, str]:
    """Name a file: relative to the repository where it is inside, else by its absolute URI."""
    inside = within(file, root)
    if inside is None:
        return {"uri": "file://" + _uri(os.path.abspath(file))}
    return {"uri": _uri(inside), "uriBaseId": ROOT}


def _uri(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"), safe="/")


def _described(template: str) -> str:
    """Write a message's template with its fields named: "ttl is <given>"."""
    parts = string.Formatter().parse(template)
    return "".join(literal + (f"<{name}>" if name is not None else "") for literal, name, _, _ in parts)


def _md(text: str) -> str:
    return "".join(f"\\{each}" if each in "\\`*_{}[]<>()#+!|~" else each for each in text)


def _runs(text: str, character: str) -> list[str]:
    return ["".join(run) for run in "".join(each if each == character else " " for each in text).split()]


def _pascal(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))
