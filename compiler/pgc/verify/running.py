"""How a tool is run, whoever runs it: what a runner gives, where files may be laid, the script before the tool."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from pgc.hookspecs import Answer, Trial, Validator

OUTPUT_LIMIT = 256 * 1024
READY = "pgc: the tool starts\n"
NOBODY = 65534
FOLDERS = "/tmp"
"""Where runs have their folders: TMPDIR may lie where nobody can look, or below what an overlay covers."""
SHOWN_AT_ROOT = ("etc", "opt", "run", "srv", "usr", "var")

PREPARE = r"""
set -e
umask 022
ulimit -c 0
root=$1 network=$2 interfaces=$3 overlays=$4
shift 4
if [ "$network" = own ]; then
    ip link set lo up 2>/dev/null || [ -z "$interfaces" ]
    for version in 4 6; do
        { echo 1 > "/proc/sys/net/ipv$version/ip_nonlocal_bind"; } 2>/dev/null || :
    done
    for each in $interfaces; do
        ip link add "$each" type dummy 2>/dev/null || ip link add "$each" type bridge
        ip link set "$each" up
    done
fi
for each in $overlays; do
    mount -t overlay overlay -o "ro,lowerdir=$root/$each:/$each" "/$each"
done
printf 'pgc: the tool starts\n'
[ $$ = 1 ] || exec "$@"
# Not in place of this shell: signals do not end the first process of a namespace. The shell's own words are hushed,
# which takes a child of its own: for one in the foreground, dash speaks where the child would.
exec 3>&2 2>/dev/null
"$@" 2>&3 3>&- &
wait $!
"""
"""Runs as root of its own namespaces, with words that were checked before; then it becomes the tool, as nobody."""

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\Z")


class Impossible(Exception):
    """Why there is no answer, as a sentence, and the way out."""

    def __init__(self, reason: str, way_out: str) -> None:
        super().__init__(reason)
        self.reason, self.way_out = reason, way_out


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that was found. `handle` is the runner's own affair; `caveats` are limits of all its runs."""

    version: str
    handle: str = ""
    caveats: tuple[str, ...] = ()


class Runner(Protocol):
    """Runs trials. Safe to use from several threads."""

    def find(self, validator: Validator) -> Tool:
        """Find a validator's tool and ask its version. Raises Impossible."""

    def run(self, validator: Validator, tool: Tool, trial: Trial) -> Answer:
        """Run a trial. Raises Impossible: there is no answer to judge."""


def staged(trial: Trial) -> Iterator[tuple[str, bytes, int]]:
    """Yield what to lay down: path below the folder, bytes, mode.

    Raises:
        Impossible: a path leaves the folder, or a name cannot be an account or an interface.
    """
    for path, content in sorted(trial.files.items()):
        if path != posixpath.normpath(path) or path.startswith(("/", "../")) or path in ("", ".", "..") or "\0" in path:
            raise Impossible(f"the path {path!r} leads out of the folder of the run", "rename the file in the manifest")
        if any(len(part.encode(errors="surrogateescape")) > 255 for part in path.split("/")):
            raise Impossible(f"the name of the file {path!r} is too long", "rename the file in the manifest")
        yield path, content, 0o755 if content.startswith(b"#!") else 0o644
    for name in (*trial.accounts, *trial.interfaces):
        if not _WORD.match(name):
            raise Impossible(
                f"{name!r} cannot be the name of an account or an interface", "change the name in the manifest"
            )


def with_accounts(accounts: tuple[str, ...], passwd: bytes, group: bytes) -> dict[str, bytes]:
    """Return an etc/passwd and an etc/group in which all accounts exist, the new ones with numbers of their own."""
    files = {"etc/passwd": passwd, "etc/group": group}
    for path, tail in (("etc/passwd", ":/nonexistent:/usr/sbin/nologin"), ("etc/group", "")):
        known = {line.split(b":", 1)[0].decode(errors="replace") for line in files[path].splitlines()}
        for number, name in enumerate(accounts, 61000):
            if name not in known:
                row = f"{name}:x:{number}:{number}:{tail}" if tail else f"{name}:x:{number}:"
                files[path] = files[path].rstrip(b"\n") + f"\n{row}\n".encode()
    return files


def filled(words: tuple[str, ...], root: str) -> list[str]:
    """Put the folder into the words of a command line."""
    return [word.replace("{root}", root) for word in words]


def environment(trial: Trial, root: str, path: str) -> dict[str, str]:
    """Return the whole environment of a run: nothing of the caller's but what finding programs needs."""
    fixed = {"PATH": path, "HOME": root, "TMPDIR": root, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    return fixed | {name: value.replace("{root}", root) for name, value in trial.env.items()}


def answer(code: int, output: bytes, root: str, trial: Trial) -> Answer:
    """Make an answer of what came out of a run.

    Raises:
        Impossible: the tool never started, or could not be executed.
    """
    text = output.decode(errors="replace")
    before, ready, said = text.partition(READY)
    if not ready:
        raise Impossible(f"the run could not be prepared: {last_words(before)}", ELSEWHERE)
    said = said.replace(root + "/", "").replace(root, ".")
    if code in (126, 127):
        raise Impossible(
            f"{trial.argv[0]} could not be executed: {last_words(said)}", "install the tool whole, or use --docker"
        )
    return Answer(code, said)


def last_words(output: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


ELSEWHERE = "run `pgc validate --docker`, or run it as root on a Linux machine that allows namespaces"


def shown(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the top-level folders that must be laid over the machine's own for absolute paths to hold."""
    return tuple(sorted({path.split("/", 1)[0] for path in files if "/" in path} & set(SHOWN_AT_ROOT)))
