"""Reading committed files with the `git` program: one listing, then one process that hands out contents.

Nothing goes through a shell, and no name that a repository holds is ever an argument. The user's own GIT_* variables
hold: with GIT_DIR set, as in a hook, Git decides from the working folder as it always does.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class Unavailable(Exception):
    """A state of the output that cannot be had: `problem` says why, `help` how to go on."""

    def __init__(self, problem: str, help: str) -> None:
        super().__init__(f"{problem}\n  help: {help}")
        self.problem, self.help = problem, help


class UnknownRevision(Unavailable):
    """A name that this repository has no commit for."""


@dataclass(frozen=True, slots=True)
class Git:
    """A repository with a working tree: `top` is its first folder, `cwd` the folder in which git is started."""

    top: str
    cwd: str

    @classmethod
    def around(cls, folder: Path) -> Git:
        """Find the repository that holds a folder, which need not exist. Raises Unavailable."""
        cwd = os.getcwd() if "GIT_DIR" in os.environ else _existing(folder)
        answer = _run(cwd, "rev-parse", "--show-toplevel")
        if answer.returncode:
            raise _no_repository(folder, _said(answer))
        top = os.fsdecode(answer.stdout).removesuffix("\n")
        if _relative(folder, top) is None:
            raise Unavailable(
                f"{folder} lies outside the repository {top}",
                "give an output folder inside the repository, or unset GIT_DIR and GIT_WORK_TREE",
            )
        return cls(top, cwd)

    def commit(self, revision: str) -> str:
        """Return the commit that a revision names. Raises Unavailable."""
        problem = f"the revision {revision} is not known"
        if not revision or revision.startswith("-") or "\0" in revision:
            raise UnknownRevision(problem, "name a branch, a tag or a commit, such as origin/main")
        answer = _run(self.cwd, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        if answer.returncode == 0:
            return answer.stdout.decode().strip()
        if _run(self.cwd, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
            raise Unavailable(
                f"{problem}, and the repository is a shallow clone: it may be older than what was fetched",
                "fetch the history: `git fetch --unshallow`, or `fetch-depth: 0` for actions/checkout",
            )
        if _run(self.cwd, "rev-parse", "--verify", "--quiet", "HEAD").returncode:
            raise Unavailable(f"{problem}: the repository has no commit yet", "commit once, then compare with that")
        raise UnknownRevision(
            problem, "name a branch, a tag or a commit of this repository; `git fetch` gets new ones"
        )

    def tree(self, commit: str, folder: Path) -> GitTree:
        """List the files below a folder at a commit. Raises Unavailable."""
        prefix = _relative(folder, self.top) or ""
        asked: list[str | bytes] = ["--", os.fsencode(prefix)] if prefix else []
        answer = _run(self.cwd, "ls-tree", "-r", "-z", "--full-tree", commit, *asked)
        if answer.returncode:
            raise Unavailable(f"git cannot list {commit[:12]}: {_said(answer)}", "check the repository with `git fsck`")
        files: dict[str, str] = {}
        start = len(prefix) + 1 if prefix else 0
        for row in answer.stdout.split(b"\0")[:-1]:
            about, _, name = row.partition(b"\t")
            mode, kind, oid = about.split()
            path = os.fsdecode(name)[start:]
            if kind == b"blob" and mode != b"120000" and path:
                files[path] = oid.decode()
        return GitTree(self.cwd, files)


class GitTree:
    """The regular files below a folder at a commit: object names by path, and one `git cat-file --batch`."""

    def __init__(self, cwd: str, files: Mapping[str, str]) -> None:
        self.files = files
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def read(self, path: str) -> bytes:
        """Return a file's bytes. Raises LookupError: no such file; Unavailable: Git cannot give it."""
        oid = self.files.get(path)
        if oid is None:
            raise LookupError("it is not in the commit")
        if self._process is None or self._owner != os.getpid():  # a forked worker needs one of its own
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                ["git", "cat-file", "--batch"], cwd=self._cwd, env=_environment(),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )
        asks, answers = self._process.stdin, self._process.stdout
        assert asks and answers  # both are pipes
        try:
            asks.write(oid.encode() + b"\n")
            asks.flush()
            head = answers.readline().split()
        except BrokenPipeError:
            head = []
        if len(head) != 3 or head[1] != b"blob":
            raise Unavailable(
                f"git has no content for {path}",
                "fetch it (in a partial clone: `git fetch --refetch`), or check the repository with `git fsck`",
            )
        size = int(head[2])
        content = answers.read(size + 1)
        if len(content) != size + 1:
            raise Unavailable(f"git stopped in the middle of {path}", "check the repository with `git fsck`")
        return content[:-1]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            process, self._process = self._process, None
            for stream in (process.stdin, process.stdout):
                if stream:
                    stream.close()
            process.wait()


def _environment() -> dict[str, str]:
    """The user's environment, with English messages, nothing asked, locked or replaced, and paths taken as they are.

    What is committed may itself look like a repository: it is never taken for one, and nothing is fetched on its behalf.
    """
    count = int(os.environ.get("GIT_CONFIG_COUNT") or 0) if (os.environ.get("GIT_CONFIG_COUNT") or "0").isdigit() else 0
    own = {
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": "safe.bareRepository", f"GIT_CONFIG_VALUE_{count}": "explicit",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C", "LANGUAGE": "C",
        "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1", "GIT_LITERAL_PATHSPECS": "1",
    }
    return {**os.environ, **own}


def _run(cwd: str, *arguments: str | bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", *arguments], cwd=cwd, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise Unavailable("the program git is not there", "install git: pgc reads committed files with it") from None
    except OSError as problem:
        raise Unavailable(f"git cannot be started: {problem.strerror}", "mend the installation of git") from None


def _said(answer: subprocess.CompletedProcess[bytes]) -> str:
    lines = answer.stderr.decode("utf-8", "replace").splitlines()
    telling = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (telling or lines or [f"exit code {answer.returncode}"])[0].removeprefix("fatal: ")


def _no_repository(folder: Path, said: str) -> Unavailable:
    if "dubious ownership" in said:
        return Unavailable(
            f"git does not trust the repository around {folder}: it belongs to another user",
            "if you do: `git config --global --add safe.directory` with the repository's folder",
        )
    if "work tree" in said or "bare repository" in said:
        return Unavailable(f"the repository around {folder} has no working tree", "run pgc in a clone with its files")
    if "not a git repository" in said:
        return Unavailable(f"{folder} is in no Git repository", "run `git init` and commit the output")
    return Unavailable(f"git cannot read the repository around {folder}: {said}", "check it with `git status`")


def _existing(folder: Path) -> str:
    """Return the folder, or the deepest one above it that exists."""
    for each in (folder.absolute(), *folder.absolute().parents):
        if each.is_dir():
            return str(each)
    return os.getcwd()


def _relative(folder: Path, top: str) -> str | None:
    """Return the folder's path below `top` ("" for top itself), or None where it is outside."""
    inside = os.path.relpath(os.path.realpath(folder), os.path.realpath(top)).replace(os.sep, "/")
    if inside == "." :
        return ""
    return None if inside == ".." or inside.startswith("../") else inside
