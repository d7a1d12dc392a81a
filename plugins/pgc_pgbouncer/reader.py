"""userlist.txt read back, and how a password is written into it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgc.artifact import Setting, Unrepresentable
from pgc.readers import NotReadable

LONGEST = 2047
_LINE = re.compile(r'"((?:[^"]|"")*)"\s+"((?:[^"]|"")*)"')
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def encode_password(value: str) -> str:
    """Write a password for userlist.txt: in double quotes, a double quote doubled. Raises Unrepresentable.

    Source: PgBouncer, doc/config.md, "Authentication file format"; include/bouncer.h: MAX_PASSWORD is 2048 bytes with the final zero.
    """
    if _CONTROL.search(value):
        raise Unrepresentable("a control character or line break", "(a secret)")
    if not value or len(value.encode()) > LONGEST:
        raise Unrepresentable(f"nothing, or more than {LONGEST} bytes", "(a secret)")
    return '"' + value.replace('"', '""') + '"'


def read_userlist(content: bytes) -> Iterator[Setting]:
    """Yield a setting for each user; its value is the token, or what stands there. Raises NotReadable."""
    for number, line in enumerate(content.decode().splitlines(), 1):
        text = line.strip()
        if not text or text.startswith(";"):
            continue
        found = _LINE.match(text)
        if not found:
            raise NotReadable("not a user and a password in double quotes", number)
        yield Setting(found[1].replace('""', '"'), found[2].replace('""', '"'), number)
