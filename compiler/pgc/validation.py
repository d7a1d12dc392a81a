"""Validating committed trees: what is there, judged by the products, kept beside the lock file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pgc.artifact import LOCK_NAME, File, Format, Lock, digest, read_lock
from pgc.diagnostics import Diagnostic, Finding, Span, diagnose
from pgc.hookspecs import Validator
from pgc.registry import Registry
from pgc.verify import native, schemas, verdicts
from pgc.verify.native import Judged
from pgc.verify.running import Runner


class Incomplete(Exception):
    """A tree that is not whole, so that nothing can be said of it."""

    way_out = "restore the tree with git checkout, or compile again"


@dataclass(frozen=True, slots=True)
class Validated:
    """One tree: what the validators said, how it reads as diagnostics, and which files no validator is there for."""

    directory: str
    files: int
    judged: tuple[Judged, ...]
    diagnostics: tuple[Diagnostic, ...]
    without: tuple[str, ...]


def trees(out: Path, names: Sequence[str]) -> Iterator[Path]:
    """Yield the folders below `out` that have a lock file, sorted; with names, only the clusters or trees of those names."""
    found = sorted(lock.parent for lock in out.glob(f"*/{LOCK_NAME}")) + sorted(
        lock.parent for lock in out.glob(f"*/*/{LOCK_NAME}")
    )
    for tree in found:
        shown = tree.relative_to(out)
        if not names or str(shown) in names or shown.parts[0] in names:
            yield tree


def validate(
    tree: Path, out: Path, registry: Registry, runner: Runner, tell: Callable[[Judged], None], *, require: bool
) -> Validated:
    """Judge every file of a tree, and write `validation.json` beside its lock file.

    Raises:
        Incomplete: the lock file is damaged, or a file that it names cannot be read.
    """
    lock, files = _read(tree)
    prefix = f"{tree}/"
    store = tree / verdicts.VALIDATION_NAME
    before = store.read_bytes() if store.is_file() and not store.is_symlink() else None
    known, problems = verdicts.stored(before, str(store))
    if require:
        known = ()  # what is committed may come with the change that it speaks for
    judged = native.validate(files, registry.validators, runner, known, tell=tell, versions=_versions(lock))
    written = verdicts.dump_verdicts(each.verdict for each in judged)
    if before != written:
        _replace(store, written)
    found = (
        *problems,
        *_read_back(files, prefix, registry.formats, registry),
        *verdicts.diagnose_verdicts(judged, prefix, require=require),
    )
    return Validated(str(tree.relative_to(out)), len(files), judged, found, _without(files, registry.validators))


def _versions(lock: Lock) -> dict[str, str]:
    found = lock.summary.get("versions")
    return (
        {name: version for name, version in found.items() if isinstance(version, str)}
        if isinstance(found, dict)
        else {}
    )


def _replace(store: Path, content: bytes) -> None:
    """Put a file in the place of another as a whole; nothing is written through a link that lies there."""
    aside = store.with_name(f".pgc-{os.getpid()}-{secrets.token_hex(8)}")
    number = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(number, "wb") as stream:
        stream.write(content)
    aside.replace(store)


def _inside(tree: Path, path: str) -> bytes:
    """Read a file of a tree; a link that leads out of it is not followed."""
    file = (tree / path).resolve()
    if not file.is_relative_to(tree.resolve()) or (file.exists() and not file.is_file()):
        raise Incomplete(f"{tree / path}, which the lock file names, is no file of this tree")
    return file.read_bytes()


def _read(tree: Path) -> tuple[Lock, tuple[File, ...]]:
    """Read the lock file and every file that it names."""
    try:
        lock = read_lock((tree / LOCK_NAME).read_bytes())
    except ValueError as problem:
        raise Incomplete(f"{tree / LOCK_NAME}: {problem}") from None
    try:
        return lock, tuple(File(entry, _inside(tree, path)) for path, entry in lock.entries.items())
    except OSError as problem:
        raise Incomplete(f"{problem.filename}, which the lock file names: {problem.strerror}") from None


def _without(files: Sequence[File], validators: Sequence[Validator]) -> tuple[str, ...]:
    judged = {name for validator in validators for name in validator.formats}
    return tuple(sorted({file.entry.format for file in files} - judged))


def _read_back(
    files: Sequence[File], prefix: str, formats: Mapping[str, Format], registry: Registry
) -> Iterator[Diagnostic]:
    """Let the readers and the JSON Schemas judge the bytes on disk: a person may have edited them."""
    seen = set()
    for file in files:
        entry, written = file.entry, formats.get(file.entry.format)
        key = digest(file.content), entry.format  # not what the lock says: a person may have edited one of many
        if written is None or key in seen:
            continue
        seen.add(key)
        findings: list[Finding] = []
        if written.reader is not None:
            findings += schemas.check_readable(prefix + entry.path, entry.format, file.content, written.reader)
        if written.schema:
            plugin = registry.by_name.get(entry.plugin)
            if plugin is None:
                continue  # `pgc compile --check` speaks of a lock that names an absent plugin
            package = plugin.module.__name__
            document = schemas.read_schema(package, written.schema)
            findings += schemas.check_document(prefix + entry.path, file.content, written.schema, document)
        for finding in findings:
            yield diagnose(finding, tuple(place for place in finding.places if isinstance(place, Span)))
