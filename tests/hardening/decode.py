"""Generated files, decoded the way their consumers do it, independently of pgc's own readers.

Each decoder gives rows of texts: where something stands and what it says, quotes and escapes taken off. Two files that differ only in one
value have the same rows but for that value; a value that ends its quotes, its line or its element changes the rows around it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import yaml

from tests.hardening.psql import split

Row = tuple[str, ...]


def decode(form: str, content: bytes) -> list[Row]:
    """Return a file's rows. Raises ValueError (or the parser's own error) where it is not well formed."""
    return list(_DECODERS.get(form, words)(content.decode()))


def words(text: str) -> Iterator[Row]:
    """Read lines of words, with quotes and `#` for the rest of a line: limits, sysctl, udev, sysusers, keepalived."""
    for line in text.split("\n"):
        if row := tuple(shlex.split(line, comments=True)):
            yield row


# ── trees ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def tree(text: str) -> Iterator[Row]:
    """Read YAML or JSON: keys, the type, the value; lines of pg_hba and pg_ident word by word."""
    yield from _leaves(yaml.load(text, yaml.CSafeLoader), ())


def _leaves(value: Any, at: Row) -> Iterator[Row]:
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from _leaves(below, (*at, str(key)))
    elif isinstance(value, list) and value:
        for below in value:
            yield from _leaves(below, (*at, "[]"))
    elif at[-2:-1] in (("pg_hba",), ("pg_ident",)):
        yield (*at, *_hba(value))
    else:
        yield (*at, type(value).__name__, str(value))


_HBA = re.compile(r'\s*((?:[^\s",]+|"(?:[^"]|"")*")+)(,)?')


def _hba(line: str) -> Iterator[str]:
    """Source: PostgreSQL, hba.c, next_token: quotes may begin inside a word, a quote inside quotes is doubled, `#` begins a comment."""
    at = 0
    while at < len(line.rstrip()):
        found = _HBA.match(line, at)
        if not found or "#" in re.sub(r'"(?:[^"]|"")*"', "", found[1]):
            raise ValueError(f"not a line of pg_hba.conf: {line!r}")
        yield re.sub(r'"((?:[^"]|"")*)"', lambda part: part[1].replace('""', '"'), found[1]) + (found[2] or "")
        at = found.end()


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def environment(text: str) -> Iterator[Row]:
    """Read an EnvironmentFile. Source: systemd, env-file.c: inside double quotes a backslash takes the meaning from \" \\ ` $."""
    for line in text.split("\n"):
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        found = re.fullmatch(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\["\\`$])*)"', line)
        if not found:
            raise ValueError(f'not NAME="value": {line!r}')
        yield found[1], re.sub(r"\\(.)", r"\1", found[2])


def unit(text: str) -> Iterator[Row]:
    """Read a systemd unit: section, key, value with `%%` as one percent sign; a specifier stays as it is."""
    section = ""
    for line in text.split("\n"):
        if not line.strip() or line[0] in "#;":
            continue
        if line.endswith("\\"):
            raise ValueError(f"a line that goes on: {line!r}")
        if line.startswith("["):
            section = line
            continue
        key, equals, value = line.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z]+", key):
            raise ValueError(f"not Key=value: {line!r}")
        yield section, key, value.replace("%%", "%")


def pgbouncer(text: str) -> Iterator[Row]:
    """Read pgbouncer.ini; entries of [databases] are connection strings, a peer's number follows from its host's name.

    Source: PgBouncer, loader.c, cstr_get_pair.
    """
    section = ""
    for line in text.split("\n"):
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        if line.startswith(("[", "%include ")):
            section = line if line.startswith("[") else section
            yield ("line", line)
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise ValueError(f"not key = value: {line!r}")
        name = re.sub(r'^"(.*)"$', lambda part: part[1].replace('""', '"'), key.strip())
        if section != "[databases]":
            yield section, "number" if section == "[peers]" else name, "number" if name == "peer_id" else value.strip()
            continue
        pairs = re.findall(r"(\w+)=('(?:[^']|'')*'|[^\s']*)(?:\s+|$)", value.strip())
        if " ".join(f"{word}={given}" for word, given in pairs) != value.strip():
            raise ValueError(f"not a connection string: {value!r}")
        for word, given in pairs:
            yield section, name, word, given[1:-1].replace("''", "'") if given.startswith("'") else given


def userlist(text: str) -> Iterator[Row]:
    for line in filter(None, text.split("\n")):
        found = re.fullmatch(r'"((?:[^"]|"")*)" "((?:[^"]|"")*)"', line)
        if not found and not line.startswith(";"):
            raise ValueError(f'not "user" "password": {line!r}')
        if found:
            yield found[1].replace('""', '"'), found[2].replace('""', '"')


# ── languages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def sql(text: str) -> Iterator[Row]:
    """Read SQL for psql with PostgreSQL's own parser: a row for each text or number in the syntax tree, with its way there."""
    from pglast.parser import parse_sql_json

    for number, piece in enumerate(split(text)):
        if piece.kind == "command":
            yield from _command(piece.text)
            continue
        statements = json.loads(parse_sql_json(piece.text))["stmts"]
        if len(statements) != 1:
            raise ValueError(f"{len(statements)} statements where one was meant (the {number}th): {piece.text[:80]!r}")
        yield from _syntax(statements[0]["stmt"], ())


def _command(text: str) -> Iterator[Row]:
    """Read a command of psql; the database of `\\connect` is a connection string in double quotes."""
    found = re.fullmatch(r"""(\\connect -reuse-previous=on) "dbname='((?:[^'\\"]|\\.|"")*)'\"""", text)
    if not found and not re.fullmatch(r"\\(set [A-Z_]+ on|gexec|gset)", text):
        raise ValueError(f"an unforeseen command: {text!r}")
    yield (found[1], re.sub(r"\\(.)", r"\1", found[2].replace('""', '"'))) if found else (text,)


def _syntax(value: Any, at: Row) -> Iterator[Row]:
    if isinstance(value, dict):
        for key, below in value.items():
            if key not in ("location", "stmt_location", "stmt_len", "name_location"):
                yield from _syntax(below, (*at, key))
        if not value:
            yield at
    elif isinstance(value, list):
        for below in value:
            yield from _syntax(below, at)
    else:
        yield (*at, str(value))


def svg(text: str) -> Iterator[Row]:
    """Read SVG: each element with its attributes and its text. A number in an attribute may follow from a length."""
    for element in ElementTree.fromstring(text).iter():
        name = element.tag.rpartition("}")[2]
        if name not in ("svg", "title", "rect", "text", "path", "line", "g", "circle", "tspan"):
            raise ValueError(f"an element <{name}>")
        if bad := [key for key in element.attrib if key.startswith("on") or "href" in key]:
            raise ValueError(f"attributes {bad}")
        yield name, *sorted(element.attrib), (element.text or "").strip()


def markdown(text: str) -> Iterator[Row]:
    """Read Markdown as GitHub does: blocks with their text, links with their targets. White space counts as one blank."""
    from markdown_it import MarkdownIt

    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "html_block":
            raise ValueError(f"HTML: {token.content!r}")
        if token.type == "fence":
            yield "fence", token.info, *shlex.split(token.content)
        elif token.type == "inline":
            yield from _inline(token)
        else:
            yield token.type, token.tag


def _inline(token: Any) -> Iterator[Row]:
    said = []
    for child in token.children:
        if child.type == "html_inline":
            raise ValueError(f"HTML: {child.content!r}")
        if child.type in ("link_open", "image"):
            yield child.type, str(child.attrs.get("href") or child.attrs.get("src"))
        said.append(" " if child.type in ("softbreak", "hardbreak") else child.content)
    yield "inline", " ".join("".join(said).split())


def nothing(text: str) -> Iterator[Row]:
    """A script is not decoded: no value of the manifest belongs in one, so its bytes must not change at all."""
    yield ("script", text)


_DECODERS: dict[str, Callable[[str], Iterator[Row]]] = {
    "patroni.yml": tree,
    "patroni.dynamic": tree,
    "etcd.env": environment,
    "systemd.env": environment,
    "systemd.unit": unit,
    "pgbouncer.ini": pgbouncer,
    "pgbouncer.userlist": userlist,
    "postgresql.sql": sql,
    "svg": svg,
    "markdown": markdown,
    "keepalived.script": nothing,
}
