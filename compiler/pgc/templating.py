"""The one Jinja2 environment: sandboxed, strict, and aware of where each printed value comes from.

A value that holds a line break or a control character never reaches a file through `{{ }}`: it is refused. What a format needs beyond
that is a filter's business: `sql_name`, `sql_text`, `shell`, `markdown`, `xml`, `word`.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pgc.artifact import Lines, Unrepresentable
from pgc.provenance import Origin, Sourced, bare

if TYPE_CHECKING:
    from jinja2 import Environment, FileSystemBytecodeCache

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


class Block(str):
    """Text of several lines that pgc itself made (a diagram, a table); the only text that may hold line breaks."""

    __slots__ = ()


class Templates:
    """All plugins' templates. `folders` maps a plugin's name to its `templates/` folder; a cache folder may keep bytecode."""

    def __init__(self, folders: Mapping[str, Path], cache: Path | None = None) -> None:
        from jinja2 import FileSystemLoader, PrefixLoader, StrictUndefined

        self._recorder = _Recorder()
        self._environment = _sandbox()(
            loader=PrefixLoader({name: FileSystemLoader(folder) for name, folder in folders.items()}),
            undefined=StrictUndefined,
            autoescape=False,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=self._recorder.finalize,
            auto_reload=False,
            optimized=False,
            bytecode_cache=_cache()(str(cache)) if cache else None,
        )
        self._environment.filters.update(FILTERS)

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Render a template. Raises Unrepresentable where a value does not fit on its line."""
        return self._environment.get_template(name).render(values)

    def traced(self, name: str, values: Mapping[str, Any]) -> tuple[str, Lines]:
        """Render a template and return the origins of each line with the text."""
        chunks: list[str] = []
        origins: dict[int, list[Origin]] = {}
        line = 0
        with self._recorder as seen:
            for chunk in self._environment.get_template(name).generate(values):
                chunks.append(chunk)
                for below in range(max(1, len(chunk.splitlines())) if seen else 0):
                    origins.setdefault(line + below, []).extend(seen)
                seen.clear()
                line += chunk.count("\n")
        text = "".join(chunks)
        return text, tuple(_telling(origins.get(index, ())) for index in range(text.count("\n")))


COMPUTED = Origin(reason="computed from the whole cluster, and no single place of the manifest decides it")
"""The origin of a printed value that names none of its own."""


def _telling(origins: Sequence[Origin]) -> tuple[Origin, ...]:
    """Keep the origins that name something, where a line has any."""
    return tuple(each for each in origins if each is not COMPUTED) or tuple(origins[:1])


def _cache() -> type[FileSystemBytecodeCache]:
    """Return the class of the cache of compiled templates: one that cannot be written only costs time."""
    from jinja2 import FileSystemBytecodeCache

    class Cache(FileSystemBytecodeCache):
        def dump_bytecode(self, bucket: Any) -> None:
            with contextlib.suppress(OSError):
                super().dump_bytecode(bucket)

    return Cache


def _sandbox() -> type[Environment]:
    """Return the sandboxed environment's class; a function, so that Jinja2 is loaded by the first compilation only."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Sandbox(ImmutableSandboxedEnvironment):
        """Looks into mappings and values of ours directly; everything else goes through Jinja2's own, slower judgement."""

        fields: ClassVar[dict[type, frozenset[str]]] = {}

        def getattr(self, obj: Any, attribute: str) -> Any:
            kind = type(obj)
            if kind is dict:
                if attribute in obj:
                    return obj[attribute]
                return super().getattr(obj, attribute)
            fields = self.fields.get(kind)
            if fields is None:
                known = getattr(kind, "__dataclass_fields__", ())
                fields = self.fields[kind] = frozenset(name for name in known if name[0] != "_")
            return getattr(obj, attribute) if attribute in fields else super().getattr(obj, attribute)

    return Sandbox


class _Recorder:
    """What `{{ value }}` passes through: it checks, unwraps, and while tracing remembers the origin."""

    def __init__(self) -> None:
        self._seen: list[Origin] | None = None

    def __enter__(self) -> list[Origin]:
        self._seen = []
        return self._seen

    def __exit__(self, *_: object) -> None:
        self._seen = None

    def finalize(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            if _CONTROL.search(value):
                raise Unrepresentable("a control character or line break", value)
            return value
        if kind is Sourced:
            if self._seen is not None:
                self._seen.append(value.origin)
            try:
                return self.finalize(value.value)
            except Unrepresentable as problem:
                raise Unrepresentable(problem.problem, problem.value, value.origin) from None
        if kind is int or kind is Block:
            return value
        if value is None or isinstance(value, list | dict | tuple | bool):
            raise Unrepresentable("a value that has no form in this format", value)
        return value


@dataclass(frozen=True, slots=True, eq=False)
class Templated:
    """A body that is a template with its values."""

    templates: Templates
    name: str
    values: Mapping[str, Any]

    def text(self) -> str:
        return self.templates.render(self.name, self.values)

    def traced(self) -> tuple[str, Lines]:
        return self.templates.traced(self.name, self.values)


# ── filters: each keeps the origin of what it quotes ─────────────────────────────────────────────────────────────────


def _keeping(quote: Any) -> Any:
    def filtered(value: Any, *rest: Any) -> Any:
        if isinstance(value, Sourced):
            return Sourced(quote(str(value.value), *rest), value.origin)
        return quote(str(value), *rest)

    filtered.__doc__ = quote.__doc__
    return filtered


def sql_name(text: str) -> str:
    """Quote an SQL identifier."""
    return '"' + _no_nul(text).replace('"', '""') + '"'


def sql_text(text: str) -> str:
    """Quote an SQL string constant; with a backslash as an escape string, which reads the same under any setting."""
    quoted = "'" + _no_nul(text).replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in text else quoted


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise Unrepresentable("a NUL character", text)
    return text


def markdown(text: str) -> str:
    """Escape what Markdown would take for markup, also at the beginning of a line: lists, rules, headings."""
    return _LINE_MARKUP.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", text))


_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|!~]|&(?=#?\w+;))")
_LINE_MARKUP = re.compile(r"^(\s*[0-9]*)([-+=.)])(?=[-=\s]|$)", re.MULTILINE)


def xml(text: str) -> str:
    """Escape text for XML, HTML and SVG."""
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )


def word(text: str) -> str:
    """Let a text pass that is one harmless word in any configuration language, and refuse every other."""
    if not re.match(r"[A-Za-z0-9_./:@%+,=\[\]-]+\Z", text):
        raise Unrepresentable("a character that could end the word", text)
    return text


def _yes(value: Any, yes: str = "yes", no: str = "no") -> str:
    return yes if bare(value) else no


FILTERS: dict[str, Any] = {
    "sql_name": _keeping(sql_name),
    "sql_text": _keeping(sql_text),
    "shell": _keeping(shlex.quote),
    "markdown": _keeping(markdown),
    "xml": _keeping(xml),
    "word": _keeping(word),
    "yes": _yes,
}
