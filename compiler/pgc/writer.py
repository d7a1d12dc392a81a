"""Artifacts become files: written out, read back by their own reader, checked against their schema, hashed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pgc.artifact import Artifact, Body, Entry, File, Format, Unrepresentable, digest
from pgc.bodies import Json, Yaml
from pgc.diagnostics import Code, Finding, Path, Severity, Span
from pgc.registry import BrokenPlugin, Plugin
from pgc.templating import Templated
from pgc.verify import schemas

ART001 = Code(
    "ART001",
    "unwritable-value",
    Severity.ERROR,
    what="{file}: the value {value} holds {problem}",
    why="the file's format cannot carry it without changing its meaning",
    help="write a value without it",
    example='postgres:\n  parameters: {log_line_prefix: "a\\nb"}',
)
ART002 = Code(
    "ART002",
    "two-authors",
    Severity.ERROR,
    what="{file} is written by {first} and by {second}",
    why="only one of them would be on the host",
    help="switch one of the two off, or uninstall one of the plugins",
    example="(two plugins that render the same path)",
)
CODES = (ART001, ART002)

_read_back: set[tuple[str, str]] = set()  # what was read back well in this process: (SHA-256, format)


class Writer:
    """Writes one cluster's artifacts out; files that share a body are written, checked and hashed once."""

    def __init__(self, formats: Mapping[str, Format]) -> None:
        self.formats = formats
        self.files: dict[str, File] = {}
        self.artifacts: dict[str, tuple[Artifact, str]] = {}
        self.findings: list[Finding] = []
        self._written: dict[int, tuple[Body, bytes, str]] = {}

    def write(self, plugin: Plugin, given: Iterable[Artifact]) -> None:
        """Add what one plugin gives. Raises BrokenPlugin: a format that nobody describes."""
        for artifact in given:
            path = f"hosts/{artifact.host}/{artifact.path}" if artifact.host else artifact.path
            if path in self.artifacts:
                self.findings.append(ART002.at(Path(), file=path, first=self.artifacts[path][1], second=plugin.name))
                continue
            self.artifacts[path] = artifact, plugin.name
            done = self._written.get(id(artifact.body))
            if done is None:
                done = self._written[id(artifact.body)] = self._emit(plugin, artifact, path)
            _, content, sha256 = done
            entry = Entry(path, sha256, plugin.name, artifact.format, artifact.consumer, artifact.owner, artifact.mode)
            self.files[path] = File(entry, content)

    def _emit(self, plugin: Plugin, artifact: Artifact, path: str) -> tuple[Body, bytes, str]:
        written = self.formats.get(artifact.format)
        if written is None:
            raise BrokenPlugin(
                f"plugin {plugin.name}: {path} has the format {artifact.format}, which no plugin describes"
            )
        try:
            content = artifact.body.text().encode()
        except Unrepresentable as problem:
            places = problem.origin.paths if problem.origin else ()
            self.findings.append(ART001.at(*places, file=path, value=problem.value, problem=problem.problem))
            return artifact.body, b"", digest(b"")
        sha256 = digest(content)
        found = tuple(_judge(plugin, artifact, written, path, content, sha256))
        self.findings += _in_the_manifest(found, artifact.body)
        return artifact.body, content, sha256


def _judge(
    plugin: Plugin, artifact: Artifact, written: Format, path: str, content: bytes, sha256: str
) -> Iterator[Finding]:
    """Validate while compiling: dumped data by its JSON Schema, what a template wrote by the format's reader.

    A dumper needs no reading back: that it writes any data so that it is read as it was is shown once, in the tests.
    """
    if isinstance(artifact.body, Yaml | Json):
        if written.schema:
            check = schemas.compiled(plugin.module.__name__, written.schema)
            yield from schemas.check_body(path, artifact.body.data, written.schema, check)
    elif (
        isinstance(artifact.body, Templated) and written.reader is not None and (sha256, written.name) not in _read_back
    ):
        found = tuple(schemas.check_readable(path, written.name, content, written.reader))
        if not found:
            _read_back.add((sha256, written.name))
        yield from found


def _in_the_manifest(found: tuple[Finding, ...], body: Body) -> Iterator[Finding]:
    """Point at what asked for a line, or for the nearest one above it: the file with that line is not written."""
    lines = body.traced()[1] if found else ()
    for finding in found:
        places: dict[Path | Span, None] = {}
        for place in finding.places:
            above = reversed(lines[: place.line]) if isinstance(place, Span) else ()
            asked = (tuple(path for origin in origins for path in origin.paths) for origins in above)
            places |= dict.fromkeys((place,) if isinstance(place, Path) else next(filter(None, asked), ()))
        yield replace(finding, places=tuple(places) or (Path(),))
