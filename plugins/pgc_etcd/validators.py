"""etcd has no check mode: it is started in a network of its own, and must be serving."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from pgc.artifact import Entry
from pgc.hookspecs import Answer, Problem, Trial, Unclear, Validator
from pgc.readers import read_env
from pgc.verify.throwaway import CERTIFICATE, KEY

_OLD = re.compile(r"^\S+ \S+ [EC] \| [\w/.-]+: (.*)$|(unrecognized environment variable \w+)")


def _fault(line: str) -> str:
    """Return the fault that a log line tells, or nothing; etcd before 3.5 logs text, from 3.5 on JSON."""
    if not line.startswith("{"):
        match = _OLD.search(line)
        return (match[1] or match[2]) if match else ""
    try:
        row = json.loads(line)
    except ValueError:
        return ""
    if row.get("msg") == "unrecognized environment variable":
        return f"unrecognized environment variable {row.get('environment-variable', '').split('=')[0]}"
    if row.get("level") not in ("error", "fatal", "panic") and row.get("msg") != "failed to verify flags":
        return ""
    return str(row.get("error") or row.get("msg"))


def trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterator[Trial]:
    env = {setting.name: setting.value for setting in read_env(content) if setting.name.startswith("ETCD_")}
    files = {}
    for name, value in env.items():
        if name.endswith("_FILE") and value.startswith("/"):
            files[value.lstrip("/")] = KEY if "_KEY_" in name else CERTIFICATE
    env = {name: value for name, value in env.items() if name not in ("ETCD_DATA_DIR", "ETCD_WAL_DIR")}
    yield Trial(
        ("timeout", "3", "etcd", "--data-dir", "{root}/data"), files, env=env, absolute=bool(files), serves=True
    )


def problems(answer: Answer, content: bytes) -> Iterator[Problem]:
    lines = {setting.name: setting.line for setting in read_env(content)}
    found = dict.fromkeys(filter(None, map(_fault, answer.output.splitlines())))
    if answer.exit_code == 124:  # it was serving: without a network, errors about peers are as they should be
        found = dict.fromkeys(text for text in found if text.startswith("unrecognized"))
    elif not found:
        raise Unclear(answer.output.strip().rpartition("\n")[2] or f"exit code {answer.exit_code}")
    for text in found:
        flag = re.search(r"--([a-z][a-z-]+)|(ETCD_\w+)", text)
        name = flag and (flag[2] or "ETCD_" + flag[1].upper().replace("-", "_"))
        yield Problem(re.sub(r" See 'etcd --help'\.$", "", text), lines.get(name or "", 0))


VALIDATORS = (
    Validator(
        "etcd (started)",
        ("etcd.env",),
        "etcd",
        ("--version",),
        trials,
        problems,
        packages=("etcd-server",),
        blind="the data directory and certificates are replaced; peers are not reached, so quorum, agreement of the members and "
        "round-trip times are not seen; only the first fault is told",
    ),
)
