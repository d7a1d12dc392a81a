"""Extensions of the manifest: known, agreed to, and what they bring."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from pgc.cluster import Cluster
from pgc.diagnostics import Code, Finding, Path, Severity
from pgc.facts import Extension
from pgc_postgres.access import DATABASES
from pgc_postgres.catalogue import MAJORS, load
from pgc_postgres.extensions import CONTRIB_ELSEWHERE, THIRD_PARTY, UNTRUSTED_LANGUAGES

PGS034 = Code(
    "PGS034",
    "unknown-extension",
    Severity.ERROR,
    what="{name} is no extension that is known for PostgreSQL {major}{elsewhere}",
    why="CREATE EXTENSION would fail on the leader after everything before it was applied",
    help="{hint}",
    example="postgres:\n  databases: {orders: {extensions: {pg_trgmm: {}}}}",
)
PGS035 = Code(
    "PGS035",
    "extension-not-allowed",
    Severity.ERROR,
    what="the extension {name} is not among those that may be used: {allowed}",
    why="every extension runs code inside the server; the list says which ones were agreed to",
    help="add it to postgres.allowed_extensions, or remove it",
    example="postgres:\n  allowed_extensions: [pg_trgm]\n  databases: {orders: {extensions: {dblink: {}}}}",
)
PGS036 = Code(
    "PGS036",
    "untrusted-language",
    Severity.WARNING,
    what="the extension {name} brings a language without a sandbox",
    why="its functions do on the host whatever the server's own account may do",
    help="use a trusted language where one does",
    example="postgres:\n  databases: {orders: {extensions: {plperlu: {}}}}",
)
CODES = (PGS034, PGS035, PGS036)


def check(cluster: Cluster) -> Iterator[Finding]:
    """Yield every objection to extensions."""
    section, catalogue = cluster.section, load(cluster.section.version)
    for name, database in section.databases.items():
        for extension in database.extensions:
            at = DATABASES / name / "extensions" / extension
            if (
                extension not in catalogue.extensions
                and extension not in THIRD_PARTY
                and extension not in CONTRIB_ELSEWHERE
            ):
                yield PGS034.at(at, name=extension, major=catalogue.major, **_instead(extension, catalogue.major))
            if extension in UNTRUSTED_LANGUAGES:
                yield PGS036.at(at, name=extension)
    if section.allowed_extensions is None:
        return
    allowed = set(section.allowed_extensions)
    for fact in cluster.facts.all(Extension):
        if (
            fact.name not in allowed
            and fact.name != "plpgsql"
            and any(path[:2] == DATABASES for path in fact.origin.paths)
        ):
            yield PGS035.at(
                fact.origin.paths[0],
                Path(("postgres", "allowed_extensions")),
                name=fact.name,
                allowed=", ".join(sorted(allowed)) or "none",
            )


def _instead(name: str, major: int) -> dict[str, str]:
    majors = [str(other) for other in MAJORS if other != major and name in load(other).extensions]
    known = {*load(major).extensions, *THIRD_PARTY, *CONTRIB_ELSEWHERE}
    near = difflib.get_close_matches(name, sorted(known), n=1)
    hint = (
        f"did you mean {near[0]}?"
        if near
        else "extensions that pgc does not know can be made by a migration of your own"
    )
    return {"elsewhere": f"; it exists in {' and '.join(majors)}" if majors else "", "hint": hint}
