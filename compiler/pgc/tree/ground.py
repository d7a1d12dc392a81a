"""What lies below a folder, seen without ever following a symbolic link."""

from __future__ import annotations

import os
import stat

DIRECTORY, ABSENT, FILE, SYMLINK, SPECIAL = "folder", "nothing", "file", "symbolic link", "special file"


class Ground:
    """What lies below a folder, seen without following a link. What is known of folders is kept."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.known = {"": (DIRECTORY, "")}

    def of(self, path: str) -> tuple[str, str]:
        """Say what `path` is, and where the way there ends: above `path` when something there is no folder."""
        found = self.known.get(path)
        if found is None:
            found = self.of(path.rpartition("/")[0])
            if found[0] is DIRECTORY:
                found = (kind_at(f"{self.root}/{path}"), path)
            self.known[path] = found
        return found

    def read(self, path: str) -> bytes | tuple[str, str]:
        """Read a file; where there is none, say what there is instead, as `of` does."""
        above = self.of(path.rpartition("/")[0])
        if above[0] is not DIRECTORY:
            return above
        full = f"{self.root}/{path}"
        try:
            number = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            kind = kind_at(full)
            if kind is FILE:
                raise
            return kind, path
        try:
            state = os.fstat(number)
            if not stat.S_ISREG(state.st_mode):
                return kind_at(full), path
            content = os.read(number, state.st_size + 1)
            while len(content) < state.st_size and (more := os.read(number, state.st_size)):
                content += more
            return content
        finally:
            os.close(number)


def kind_at(full: str) -> str:
    """Say what is at a path, the last part not followed."""
    try:
        mode = os.lstat(full).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    if stat.S_ISDIR(mode):
        return DIRECTORY
    return FILE if stat.S_ISREG(mode) else SYMLINK if stat.S_ISLNK(mode) else SPECIAL
