"""PgBouncer judges pgbouncer.ini: it has no check mode, so it is started and must be serving after two seconds.

Bad input ends it at once, good input keeps it running (FACTS.md, 7; tried with 1.18.0 and 1.24.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pgc.artifact import Entry
from pgc.hookspecs import Answer, Problem, Trial, Unclear, Validator
from pgc.verify.throwaway import CERTIFICATE, KEY

_FILE = re.compile(
    rb"^\s*(?:%include\s+|(auth_file|auth_hba_file|auth_ident_file|\w+_tls_(?:ca|cert|key)_file)\s*=\s*)/(\S+)", re.M
)
_LINE = re.compile(r"^\S+ \S+ \S+ \[\d+\] (ERROR|FATAL|WARNING) (.*?)(?: \(([^():]*):(\d+)\))?$")
_UNKNOWN = re.compile(r"unknown parameter: \w+/(\w+)")
_FOLLOWS = re.compile(r"cannot load config file|error processing include file|fill_defaults fail")
_IS = re.compile(r"^PgBouncer (\d+)\.(\d+)", re.M)
_WANTED = re.compile(rb"^; For PgBouncer (\d+)\.(\d+)\.", re.M)
START = 'pgbouncer --version; exec timeout 2 pgbouncer "$1"'
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
    yield Trial(("sh", "-c", START, "sh", start), files, absolute=True, serves=True)


def _staged(content: bytes) -> bytes:
    """Empty what touches the machine, in place, so that line numbers stay; a database may be called `user`."""
    before, section, settings = content.partition(b"[pgbouncer]\n")
    settings = re.sub(rb"(?m)^(\s*(?:" + _OF_THE_MACHINE + rb")\s*=).*$", rb"\1", settings)
    return before + section + re.sub(rb"(?m)^(\s*syslog\s*=)$", rb"\1 0", settings)


def _problems(answer: Answer, content: bytes) -> Iterator[Problem]:
    """What another version refuses is no fault of the file: that answer judges nothing."""
    found = list(_told(answer.output, content))
    here, wanted = _IS.search(answer.output), _WANTED.search(content)
    if found and here and wanted and (here[1], here[2]) != (wanted[1].decode(), wanted[2].decode()):
        raise Unclear(
            f"PgBouncer {here[1]}.{here[2]} is here, and the file is for {wanted[1].decode()}.{wanted[2].decode()}: {found[0].message}"
        )
    if not found and answer.exit_code != SERVING:
        raise Unclear(answer.output.strip().rpartition("\n")[2] or f"exit code {answer.exit_code}")
    yield from found


def _told(output: str, content: bytes) -> Iterator[Problem]:
    lines = content.decode(errors="replace").splitlines()
    for line in output.splitlines():
        match = _LINE.match(line)
        if match and match[1] != "WARNING" and not _FOLLOWS.match(match[2]):
            unknown = _UNKNOWN.match(match[2])
            at = next(
                (number for number, text in enumerate(lines, 1) if unknown and re.match(rf"\s*{unknown[1]}\s*=", text)),
                0,
            )
            yield Problem(match[2], int(match[4] or at))


VALIDATORS = (
    Validator(
        name="pgbouncer (started)",
        formats=("pgbouncer.ini",),
        tool="pgbouncer",
        version=("--version",),
        trials=_trials,
        problems=_problems,
        packages=("pgbouncer",),
        blind="log, pid and socket places, system user and certificates are replaced; "
        "users that auth_file lacks pass; only the first bad value is told; "
        "nothing connects to a server",
    ),
)
