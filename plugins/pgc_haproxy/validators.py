"""haproxy -c judges haproxy.cfg."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pgc.artifact import Entry
from pgc.hookspecs import Answer, Problem, Trial, Unclear, Validator
from pgc.verify.throwaway import BOTH

_TLS_FILE = re.compile(rb"(?<![\w-])(?:crt|ca-file|ca-verify-file|crl-file)\s+/(\S+)")
_NAMED_FILE = re.compile(rb"(?<![\w-])(?:errorfile\s+\d+|lf-file|file|-f)\s+/(\S+)")
_ACCOUNT = re.compile(rb"^\s*(?:user|group|uid|gid)\s+([A-Za-z_][\w-]*)\s*$", re.M)
_ALERT = re.compile(r"^\[ALERT\][^:]*: (?:config : )?(?:parsing )?(?:\[[^\]]*?:(\d+)\] ?:? ?)?(.*)$")
# Sums of what was told before, and host names, which cannot be looked up without a network.
_SUMMARY = re.compile(
    r"Error\(s\) found in configuration file|Fatal errors found|could not resolve address|initialize server\(s\) addr"
)


def trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterator[Trial]:
    files = {entry.location.lstrip("/"): content}
    for found in _TLS_FILE.findall(content):
        files[found.decode()] = BOTH
    for found in _NAMED_FILE.findall(content):
        if (other := others.get("/" + found.decode())) is not None:
            files[found.decode()] = other
    accounts = tuple(sorted({name.decode() for name in _ACCOUNT.findall(content)}))
    yield Trial(("haproxy", "-c", "-f", entry.location.lstrip("/")), files, absolute=True, accounts=accounts)


def problems(answer: Answer, _: bytes) -> Iterator[Problem]:
    found = False
    for line in answer.output.splitlines():
        if match := _ALERT.match(line):
            found = True
            if not _SUMMARY.search(line):
                yield Problem(match[2], int(match[1] or 0))
    if answer.exit_code and not found:
        raise Unclear(answer.output.strip().rpartition("\n")[2] or f"exit code {answer.exit_code}")


VALIDATORS = (
    Validator(
        "haproxy -c",
        ("haproxy.cfg",),
        "haproxy",
        ("-v",),
        trials,
        problems,
        packages=("haproxy",),
        blind="certificates are replaced by a throwaway one; chroot, socket folders, ports in use and file descriptor limits are "
        "not looked at; warnings (a directive ignored in this mode) do not count; host names are not looked up",
    ),
)
