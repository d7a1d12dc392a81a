"""keepalived -t judges keepalived.conf. Tried with 2.2.7 and 2.3.3: exit code 5 and the line, also for faults that it only warns of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pgc.artifact import Entry
from pgc.hookspecs import Answer, Problem, Trial, Validator

STUB = b"#!/bin/sh\nexit 0\n"

_INTERFACE = re.compile(rb"(?:^|\s)(?:interface|dev)\s+([\w.-]+)")
_TRACKED = re.compile(rb"^\s*track_interface\s*\{([^}]*)\}", re.M)
_SCRIPT = re.compile(rb'^\s*(?:script|notify(?:_\w+)?)\s+"?/([^\s"]+)', re.M)
_SCRIPT_USER = re.compile(rb"^\s*(?:script_user|user)\s+([A-Za-z_][\w-]*)(?:\s+([A-Za-z_][\w-]*))?", re.M)
_COMPLAINT = re.compile(r"^\((?:[^:()]*: )?Line (\d+)\) (.*)$")
_NOT_ABOUT_BYTES = re.compile(
    r"due to insecure|SECURITY VIOLATION|Non-existent interface specified|^Opening file|^Configuration|^\(.*\) Unsafe permissions"
)
"""Owners and modes are not in the bytes that are laid down, and what follows from the exit code is told by its own line."""


def _trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterator[Trial]:
    location = entry.location.lstrip("/")
    files = {location: content}
    for found in _SCRIPT.findall(content):
        files[found.decode()] = others.get("/" + found.decode(), STUB)
    tracked = {
        name.decode()
        for name in b" ".join(_TRACKED.findall(content)).split()
        if name.isalnum() and not name.isdigit() and name != b"weight"
    }
    interfaces = {name.decode() for name in _INTERFACE.findall(content)} | tracked
    accounts = {name.decode() for pair in _SCRIPT_USER.findall(content) for name in pair if name}
    yield Trial(
        ("keepalived", "-t", "-f", location),
        files,
        absolute=True,
        accounts=tuple(sorted(accounts)),
        interfaces=tuple(sorted(interfaces - {"lo"})),
    )


def _problems(answer: Answer, _: bytes) -> Iterator[Problem]:
    for line in answer.output.splitlines():
        if line.strip() and not _NOT_ABOUT_BYTES.search(line):
            match = _COMPLAINT.match(line)
            yield Problem(match[2], int(match[1])) if match else Problem(line)


VALIDATORS = (
    Validator(
        name="keepalived -t",
        formats=("keepalived.conf",),
        tool="keepalived",
        version=("--version",),
        trials=_trials,
        problems=_problems,
        packages=("keepalived",),
        blind="owners and modes of scripts (script security), whether interfaces exist on the host, "
        "router ids used twice in a subnet, whether peers agree; "
        "some versions crash on an unterminated quote",
    ),
)
