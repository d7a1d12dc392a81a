"""New files wait beside the trees until all are there. A shelf belongs to one process, so workers never wait."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

from pgc.artifact import digest
from pgc.tree.ground import DIRECTORY, Ground
from pgc.tree.journal import STATE, Step, Watcher

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Shelf:
    """A folder `<pid>-<n>` below the state folder, made when the first file needs it."""

    def __init__(self, root: str, watch: Watcher) -> None:
        self.root, self.watch = root, watch
        self.folder, self.count = "", 0

    def plant(self, directory: str, files: Mapping[str, bytes]) -> tuple[Step, ...]:
        """Stage a whole tree where there is none yet: laying it is one rename, whatever its size.

        This loop is the cold compile's floor: three system calls a file, one more a folder, nothing forced to the disk.
        """
        staged = self._place("t")
        top = f"{self.root}/{STATE}/{staged}/"
        made, watch, opened, wrote, closed = {""}, self.watch, os.open, os.write, os.close
        os.mkdir(top)
        for path, content in files.items():
            parent = path.rpartition("/")[0]
            if parent not in made:
                self._folders(top, parent, made)
            watch("file")
            number = opened(top + path, _NEW, 0o666)
            try:
                if wrote(number, content) != len(content):
                    _write_whole(number, content)
            finally:
                closed(number)
        return (*self._makes(Ground(self.root), [directory]), Step("lay", directory, staged))

    def replace(self, directory: str, files: Mapping[str, bytes], leaving: Mapping[str, str]) -> tuple[Step, ...]:
        """Stage single files of a tree that exists; `leaving` are those on disk that go or are replaced (SHA-256)."""
        base, ground = directory + "/", Ground(self.root)
        takes = [Step("take", base + path, self._place("a"), leaving[path]) for path in sorted(leaving)]
        lays = []
        for path, content in files.items():
            staged = self._place("f")
            self.watch("file")
            number = os.open(f"{self.root}/{STATE}/{staged}", _NEW, 0o666)
            try:
                _write_whole(number, content)
            finally:
                os.close(number)
            lays.append(Step("lay", base + path, staged, digest(content)))
        needed = _above(base, files)
        emptied = _above(base, leaving.keys() - files.keys()) - needed
        drops = [Step("drop", path) for path in sorted(emptied, reverse=True)]
        return (*takes, *drops, *self._makes(ground, [base + path for path in files]), *lays)

    def _place(self, kind: str) -> str:
        if not self.folder:
            number = 0
            while not self.folder:
                name = f"{os.getpid()}-{number}"
                self.watch("staging folder")
                try:
                    os.mkdir(f"{self.root}/{STATE}/{name}")
                    self.folder = name
                except FileExistsError:
                    number += 1
        self.count += 1
        return f"{self.folder}/{kind}{self.count}"

    def _folders(self, top: str, path: str, made: set[str]) -> None:
        above = path.rpartition("/")[0]
        if above not in made:
            self._folders(top, above, made)
        self.watch("folder")
        os.mkdir(top + path)
        made.add(path)

    def _makes(self, ground: Ground, paths: list[str]) -> list[Step]:
        """The folders that are missing above some paths, higher ones first."""
        needed = set[str]()
        for path in paths:
            above = path.rpartition("/")[0]
            while above and above not in needed and ground.of(above)[0] is not DIRECTORY:
                needed.add(above)
                above = above.rpartition("/")[0]
        return [Step("make", path) for path in sorted(needed)]


def _above(base: str, paths: Mapping[str, object] | set[str]) -> set[str]:
    """All folders above some paths of a tree, without the tree's own."""
    found = set[str]()
    for path in paths:
        above = path.rpartition("/")[0]
        while above and base + above not in found:
            found.add(base + above)
            above = above.rpartition("/")[0]
    return found


def _write_whole(number: int, content: bytes) -> None:
    """Write from the start of the file; a full disk may take a part, and says so only when asked for the rest."""
    done = os.lseek(number, 0, os.SEEK_CUR)
    while done < len(content):
        count = os.write(number, content[done:])
        if not count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done += count
