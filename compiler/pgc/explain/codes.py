"""Documenting a diagnostic: what, why, remedy, example."""

from __future__ import annotations

import difflib
import re

from pgc.diagnostics import Code
from pgc.explain.answers import NothingToExplain
from pgc.registry import Registry


def names_a_code(subject: str, registry: Registry) -> bool:
    """Say whether somebody who asks for this means a diagnostic: it has the form of one, or is the name of one."""
    form = re.fullmatch(r"[A-Za-z]{3}\d{3}|[a-z0-9]+(-[a-z0-9]+)+", subject)
    return form is not None or any(subject == each.name for each in registry.codes.values())


def code(name: str, registry: Registry) -> str:
    """Document a diagnostic, given by its code or its name.

    Raises:
        NothingToExplain: no plugin has such a diagnostic.
    """
    wanted = name.lower()
    found = next((each for each in registry.codes.values() if wanted in (each.code.lower(), each.name)), None)
    if found is None:
        raise NothingToExplain(f"there is no diagnostic {name}", _near(name, registry))
    return document(found)


def _near(name: str, registry: Registry) -> str:
    known = {each.lower(): each for code in registry.codes.values() for each in (code.code, code.name)}
    near = difflib.get_close_matches(name.lower(), known, n=1)
    return f"did you mean {known[near[0]]}?" if near else "`pgc explain --codes` lists them all"


def document(found: Code) -> str:
    """Write a diagnostic's documentation: what, why, example, remedy."""
    example = "\n".join(f"    {line}" for line in found.example.splitlines())
    return (
        f"{found.code} {found.name} ({found.severity.value})\n\n"
        f"what     {_words(found.what)}\nwhy      {_words(found.why)}\nremedy   {_words(found.help)}\n\nexample\n\n{example}\n"
    )


def _words(template: str) -> str:
    """Show a message's placeholders as words: {given} becomes ‹given›."""
    return re.sub(r"(?<!\{)\{(\w+)\}(?!\})", r"‹\1›", template).replace("{{", "{").replace("}}", "}")
