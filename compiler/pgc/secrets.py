"""Secrets are names here. A file that must carry one holds a token instead, which is replaced on the way to the host.

A token stands alone as a value, in the format's own quotes, so that the file is well formed before and after.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pgc.artifact import Format

TOKEN = re.compile(r'"?@pgc-secret:([A-Za-z0-9_.-]+)@"?')


def token(name: str) -> str:
    """Return the token that stands for a secret in a generated file."""
    return f"@pgc-secret:{name}@"


def tokens(content: bytes) -> tuple[str, ...]:
    """Return the names of the secrets that a file waits for, sorted."""
    return tuple(sorted({found[1] for found in TOKEN.finditer(content.decode())}))


def resolve(content: bytes, written: Format, value_of: Callable[[str], str]) -> bytes:
    """Replace every token by its secret, encoded by the format.

    Raises:
        LookupError: the format cannot carry secrets, or `value_of` knows no such secret.
    """
    encode = written.encode_secret
    if encode is None:
        raise LookupError(f"the format {written.name} carries no secrets")
    return TOKEN.sub(lambda found: encode(value_of(found[1])), content.decode()).encode()
