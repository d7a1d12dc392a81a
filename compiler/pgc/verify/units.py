"""systemd-analyze verify judges unit files, the one format of the core that a program reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pgc.artifact import Entry
from pgc.hookspecs import Answer, Problem, Trial, Unclear, Validator

_EXEC = re.compile(rb"(?m)^Exec\w+\s*=\s*[-@:+!|]*/(\S+)")
_NEEDS = re.compile(rb"(?m)^(?:Requires|Requisite|BindsTo)\s*=\s*(.*)$")
_UNIT_LINE = re.compile(r"^(?:\S*/)?([\w@.\\-]+\.(?:service|timer|socket|path|mount|target|conf)):(?:(\d+):)? (.*)$")
_UNITS = "/etc/systemd/system/"


STUB = b"#!/bin/sh\nexit 0\n"


def trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterator[Trial]:
    name = entry.location.removeprefix(_UNITS)
    unit = name.split(".d/")[0] if ".d/" in name else name
    files = {path.lstrip("/"): body for path, body in others.items() if path.startswith(_UNITS)}
    files[entry.location.lstrip("/")] = content
    files.setdefault((_UNITS + unit).lstrip("/"), b"[Service]\nExecStart=/bin/true\n")
    for body in list(files.values()):
        for found in _EXEC.findall(body):
            files.setdefault(found.decode().replace("%%", "%"), STUB)
        for needed in b" ".join(_NEEDS.findall(body)).split():
            if needed.endswith(b".service"):
                files.setdefault((_UNITS + needed.decode()).lstrip("/"), b"[Service]\nExecStart=/bin/true\n")
    argv = ("systemd-analyze", "--man=no", "verify", _UNITS.lstrip("/") + unit)
    yield Trial(
        argv,
        files,
        absolute=True,
        env={"SYSTEMD_UNIT_PATH": "{root}/etc/systemd/system:", "SYSTEMD_LOG_LEVEL": "warning"},
    )


def problems(answer: Answer, content: bytes) -> Iterator[Problem]:
    lines = content.splitlines()
    for line in answer.output.splitlines():
        if match := _UNIT_LINE.match(line):
            number = int(match[2] or 0)
            yield Problem(f"{match[1]}: {match[3]}", number if number <= len(lines) else 0)
    if answer.exit_code and not any(map(_UNIT_LINE.match, answer.output.splitlines())):
        raise Unclear(answer.output.strip().rpartition("\n")[2] or f"exit code {answer.exit_code}")


VALIDATORS = (
    Validator(
        "systemd-analyze verify",
        ("systemd.unit",),
        "systemd-analyze",
        ("--version",),
        trials,
        problems,
        packages=("systemd",),
        blind="users, programs and required units of other packages are assumed to exist; whether the program starts, and whether "
        "the host's systemd is older and ignores a setting",
    ),
)
