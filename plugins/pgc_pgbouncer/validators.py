"""PgBouncer judges pgbouncer.ini: it has no check mode, so it is started and must be serving after two seconds.

Bad input ends it at once, good input keeps it running (FACTS.md, 7; tried with 1.18.0 and 1.24.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pgc.artifact import Entry
from pgc.hookspecs import Answer, Problem, Trial, Unclear, Validator
from pgc.verify.throwaway import CERTIFICATE, KEY

_FILE = re.compile(rb"^\s*(?:%include\s+|(auth_file|auth_hba_file|auth_ident_file|\w+_tls_(?:ca|cert|key)_file)\s*=\s*)/(\S+)", re.M)
_LINE = re.compile(r"^\S+ \S+ \S+ \[\d+\] (ERROR|FATAL|WARNING) (.*?)(?: \(([^():]*):(\d+)\))?$")
_UNKNOWN = re.compile(r"unknown parameter: \w+/(\w+)")
_OF_THE_MACHINE = rb"logfile|pidfile|unix_socket_dir|user|syslog"
SERVING = 124
STARTER = b"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = 26432\nunix_socket_dir =\nauth_type = any\n%include "


def _trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterator[Trial]:
    """A file that is included by the main one is tried on its own, behind an empty main part."""
    location = entry.location.lstrip("/")
    files = {location: _staged(content)}
    for key, found in _FILE.findall(content):
        staged = KEY if b"_key_" in key else CERTIFICATE if b"_tls_" in key else others.get("/" + found.decode(), b"")
        files[found.decode()] = staged
    start = location
    if not location.endswith("/pgbouncer.ini"):
        start = "start.ini"
        files[start] = STARTER + location.encode() + b"\n"
    yield Trial(("timeout", "2", "pgbouncer", start), files, absolute=True, serves=True)


def _staged(content: bytes) -> bytes:
    """Empty what touches the machine, in place, so that line numbers stay; a database may be called `user`."""
    before, section, settings = content.partition(b"[pgbouncer]\n")
    settings = re.sub(rb"(?m)^(\s*(?:" + _OF_THE_MACHINE + rb")\s*=).*$", rb"\1", settings)
    return before + section + re.sub(rb"(?m)^(\s*syslog\s*=)$", rb"\1 0", settings)


def _problems(answer: Answer, content: bytes) -> Iterator[Problem]:
    found = False
    lines = content.decode(errors="replace").splitlines()
    for line in answer.output.splitlines():
        match = _LINE.match(line)
        if match and match[1] != "WARNING" and match[2] != "cannot load config file":
            found = True
            unknown = _UNKNOWN.match(match[2])
            at = next((number for number, text in enumerate(lines, 1) if unknown and re.match(rf"\s*{unknown[1]}\s*=", text)), 0)
            yield Problem(match[2], int(match[4] or at))
    if not found and answer.exit_code != SERVING:
        raise Unclear(answer.output.strip().rpartition("\n")[2] or f"exit code {answer.exit_code}")


VALIDATORS = (
    Validator(
        name="pgbouncer (started)", formats=("pgbouncer.ini",), tool="pgbouncer", version=("--version",), trials=_trials, problems=_problems,
        packages=("pgbouncer",),
        blind="log, pid and socket places, system user and certificates are replaced; users that auth_file lacks pass; only the first bad value is told; "
        "nothing connects to a server"),
)
