"""haproxy -c judges haproxy.cfg."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pgc.artifact import Entry
from pgc.hookspecs import Answer, Trial, Validator

PROBLEM = re.compile(r"^\[(?:ALERT|WARNING)\][^:]*: *(.*)$", re.MULTILINE)


def _trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterable[Trial]:
    yield Trial(("haproxy", "-c", "-q", "-f", "{root}/haproxy.cfg"), {"haproxy.cfg": content})


def _problems(answer: Answer) -> Iterable[str]:
    if answer.exit_code:
        yield from PROBLEM.findall(answer.output) or [answer.output.strip()]


VALIDATORS = (
    Validator(
        name="haproxy",
        formats=("haproxy.cfg",),
        tool="haproxy",
        version=("haproxy", "-v"),
        trials=_trials,
        problems=_problems,
        packages=("haproxy",),
        blind="it does not connect to a server, and reads certificates only where the file names them",
    ),
)
