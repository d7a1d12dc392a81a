"""The lines of pg_hba.conf and pg_ident.conf."""

from __future__ import annotations

from pgc.facts import HbaRule, IdentRule
from pgc.provenance import Sourced


def hba_line(rule: HbaRule) -> Sourced:
    """Write one line of pg_hba.conf."""
    words = [rule.connection, hba_word(rule.database), hba_word(rule.user)]
    words += [rule.address] if rule.connection != "local" else []
    words += [rule.method, *(f"{name}={hba_word(value)}" for name, value in rule.options)]
    return Sourced(" ".join(words), rule.origin)


def ident_line(rule: IdentRule) -> Sourced:
    """Write one line of pg_ident.conf. A system name that begins with `/` is a pattern, also inside quotes."""
    return Sourced(f"{hba_word(rule.map)} {hba_word(rule.system)} {hba_word(rule.role)}", rule.origin)


PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


def hba_word(text: str) -> str:
    """Write a name for pg_hba.conf or pg_ident.conf, in quotes where it is more than a plain word.

    Quotes also take the meaning from a comma (a list) and a leading `@` (a file): one rule names one database and one user.
    A leading `+` keeps its meaning, the members of a role.

    Source: PostgreSQL, src/backend/libpq/hba.c, next_token: a quote inside quotes is doubled.
    """
    if text.startswith("+"):
        return "+" + hba_word(text[1:])
    return text if text and PLAIN.issuperset(text) else '"' + text.replace('"', '""') + '"'
