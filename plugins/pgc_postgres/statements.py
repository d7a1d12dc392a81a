"""Pieces of SQL from facts: what needs more than a filter in a template."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pgc.artifact import Unrepresentable
from pgc.facts import DatabaseObject, Grant, Role
from pgc.templating import sql_name, sql_text
from pgc_postgres.catalogue import Catalogue

_NAME = r"""(?:[A-Za-z_][A-Za-z0-9_]*|"(?:[^"\x00-\x1f]|"")+")"""
_FUNCTION = re.compile(rf"""{_NAME}(?:\.{_NAME})?\([A-Za-z0-9_ ,.\[\]"]*\)\Z""")


def attributes(role: Role) -> str:
    """Return what a role may do, as ALTER ROLE takes it; a superuser's own attributes are left as they are."""
    words = ["LOGIN" if role.login else "NOLOGIN"]
    if role.superuser:
        return " ".join(("SUPERUSER", *words))
    words.append("NOSUPERUSER")
    words += [
        word if wish else f"NO{word}"
        for word, wish in (
            ("REPLICATION", role.replication),
            ("CREATEDB", role.createdb),
            ("CREATEROLE", role.createrole),
        )
    ]
    return " ".join(words)


def setting(catalogue: Catalogue, name: str, value: str) -> tuple[str, str]:
    """Return a parameter's name and value for ALTER ROLE … SET; items of a list of names are quoted one by one."""
    spec = catalogue.find(name)
    quoted = ".".join(map(sql_name, (spec.name if spec else name).split(".")))
    if spec is not None and spec.list_kind == "quoted":
        return quoted, ", ".join(sql_text(item).strip() for item in items(value)) or "''"
    return quoted, sql_text(value).strip()


def items(value: str) -> Iterator[str]:
    """Split a list of names as PostgreSQL does: by commas, quotes kept together, unquoted names folded.

    Source: PostgreSQL, src/backend/utils/adt/varlena.c: SplitIdentifierString.
    """
    for found in re.finditer(r'\s*(?:"((?:[^"]|"")*)"|([^,]*?))\s*(?:,|\Z)', value):
        if found[1] is not None:
            yield found[1].replace('""', '"')
        elif found[2]:
            yield found[2].lower()


def connect(database: str) -> str:
    """Return psql's command that connects to a database of any name.

    Source: PostgreSQL, src/fe_utils/string_utils.c: appendPsqlMetaConnect; a plain name would be folded or read as a connection string.
    """
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    text = f"dbname='{escaped}'".replace('"', '""')
    return f'\\connect -reuse-previous=on "{text}"'


def creation_options(database: DatabaseObject, encoding: str) -> str:
    """Return what CREATE DATABASE needs for a character set of its own; it stands inside format(), where `%` is doubled."""
    wanted = dict(database.attributes).get("encoding", "")
    if not wanted or wanted == encoding:
        return ""
    return f" TEMPLATE template0 ENCODING ''{wanted}'' LOCALE_PROVIDER libc LOCALE ''C''"


def grant_statements(grant: Grant, makers: Iterable[str]) -> Iterator[str]:
    """Yield the statements of a grant inside its database; `makers` are the roles whose later tables it must cover too."""
    privileges, to, target = ", ".join(grant.privileges), sql_name(grant.to), grant.target
    if grant.kind == "schema":
        yield f"GRANT {privileges} ON SCHEMA {sql_name(target)} TO {to}"
    elif grant.kind in ("tables", "sequences"):
        words = grant.kind.upper()
        yield f"GRANT {privileges} ON ALL {words} IN SCHEMA {sql_name(target)} TO {to}"
        for maker in makers:
            yield f"ALTER DEFAULT PRIVILEGES FOR ROLE {sql_name(maker)} IN SCHEMA {sql_name(target)} GRANT {privileges} ON {words} TO {to}"
    elif grant.kind == "function":
        if not _FUNCTION.match(target):
            raise Unrepresentable("not a function's name and argument types", target, grant.origin)
        yield f"GRANT {privileges} ON FUNCTION {target} TO {to}"


def title(grant: Grant) -> str:
    """Return what a grant is about, for the comment above it."""
    where = f"schema {grant.target}" if grant.kind in ("tables", "sequences") else grant.target
    return (
        f"{grant.kind} of {where} for {grant.to}"
        if grant.kind in ("tables", "sequences")
        else f"{grant.kind} {where} for {grant.to}"
    )


def encode_secret(value: str) -> str:
    """Write a secret as a string constant. Raises Unrepresentable for a NUL character."""
    return sql_text(value)
