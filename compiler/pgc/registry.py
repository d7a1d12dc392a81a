"""Finding plugins and putting them in order. The registry is a value that is passed in; there is no built-in list."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import GeneratorType, ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from pgc import hookspecs
from pgc.artifact import Format
from pgc.diagnostics import Code
from pgc.hookspecs import Description, Flow, Role, Validator

if TYPE_CHECKING:
    from pgc.fields import Part
    from pgc.templating import Templates

GROUP = "pgc"


class BrokenPlugin(Exception):
    """A plugin that cannot be used; the message names it, says what is wrong, and how to go on."""


@dataclass(frozen=True)
class Plugin:
    """One installed plugin. `hooks` are the contract's functions that it implements."""

    name: str
    module: ModuleType
    distribution: str
    version: str
    description: Description
    hooks: Mapping[str, tuple[Callable[..., Any], tuple[str, ...]]]

    @property
    def folder(self) -> Path:
        """The folder of the plugin's package."""
        return Path(getattr(self.module, "__file__", None) or ".").parent

    @cached_property
    def section_model(self) -> type[Part]:
        """The model of its section (a Part without `raw` where there is no product); loading it loads pydantic."""
        from pgc.fields import Part

        module, _, name = self.description.section.partition(":")
        try:
            model = getattr(__import__(module, fromlist=[name]), name)
        except Exception as problem:
            raise BrokenPlugin(
                f"plugin {self.name}: its section {self.description.section} cannot be loaded: {_said(problem)}"
            ) from problem
        if not (isinstance(model, type) and issubclass(model, Part)):
            raise BrokenPlugin(f"plugin {self.name}: its section {self.description.section} is no pgc.fields.Section")
        return model

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call one of its hooks with the arguments that it asks for; an absent hook answers nothing."""
        implementation = self.hooks.get(hook)
        if implementation is None:
            return ()
        function, names = implementation
        try:
            answer = function(**{name: arguments[name] for name in names})
            return tuple(answer) if isinstance(answer, GeneratorType) else answer
        except Exception as problem:
            problem.add_note(f"in {hook} of the plugin {self.name} ({self.distribution} {self.version})")
            raise


@dataclass(frozen=True)
class Registry:
    """All plugins, by name."""

    plugins: tuple[Plugin, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Plugin]:
        return {plugin.name: plugin for plugin in self.plugins}

    @cached_property
    def strata(self) -> tuple[tuple[Plugin, ...], ...]:
        """Groups of plugins with a derive hook, such that each reads only what earlier groups wrote. Raises BrokenPlugin on a cycle."""
        waiting = [plugin for plugin in self.plugins if "pgc_derive" in plugin.hooks]
        strata: list[tuple[Plugin, ...]] = []
        while waiting:
            ready = tuple(
                plugin
                for plugin in waiting
                if not any(_feeds(writer, plugin) for writer in waiting if writer is not plugin)
            )
            if not ready:
                names = " and ".join(plugin.name for plugin in _circle(waiting))
                raise BrokenPlugin(
                    f"the plugins {names} wait for each other's facts: see reads and writes in their pgc_describe"
                )
            strata.append(ready)
            waiting = [plugin for plugin in waiting if plugin not in ready]
        return tuple(strata)

    @cached_property
    def own_codes(self) -> Mapping[str, tuple[Code, str]]:
        """Every diagnostic of the plugins, with the plugin's name, by code. Raises BrokenPlugin where two share a code."""
        found: dict[str, tuple[Code, str]] = {}
        for plugin in self.plugins:
            for code in plugin.description.codes:
                other = found.setdefault(code.code, (code, plugin.name))[1]
                if found[code.code][0] is not code:
                    raise _taken(plugin.name, code, f"the plugin {other}" if other != plugin.name else "itself, twice")
        return found

    @cached_property
    def codes(self) -> Mapping[str, Code]:
        """Every diagnostic of core and plugins, by code. Raises BrokenPlugin where a plugin takes one of the core's."""
        from pgc.catalogue import CORE_CODES

        found = {code.code: code for code in CORE_CODES}
        for code, plugin in self.own_codes.values():
            if found.setdefault(code.code, code) is not code:
                raise _taken(plugin, code, "pgc itself")
        return found

    @cached_property
    def formats(self) -> Mapping[str, Format]:
        """Every file format, by name. Raises BrokenPlugin where two define one name."""
        from pgc.formats import CORE_FORMATS

        found: dict[str, Format] = {each.name: each for each in CORE_FORMATS}
        for plugin in self.plugins:
            for each in plugin.description.formats:
                if found.setdefault(each.name, each) is not each:
                    raise BrokenPlugin(f"plugin {plugin.name}: the format {each.name} is defined elsewhere too")
        return found

    @cached_property
    def validators(self) -> tuple[Validator, ...]:
        """Every native validator, the core's own first."""
        from pgc.verify.units import VALIDATORS

        return (*VALIDATORS, *(each for plugin in self.plugins for each in plugin.call("pgc_validators")))

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        """Every role that a host may have. Two plugins may name one role; it is implied if either says so."""
        found: dict[str, Role] = {}
        for plugin in self.plugins:
            for role in plugin.description.roles:
                before = found.get(role.name)
                found[role.name] = role if before is None or role.implied else before
        return found

    def templates(self, cache: Path | None = None) -> Templates:
        """Make the template environment over all plugins' `templates/` folders."""
        from pgc.templating import Templates

        return Templates({plugin.name: plugin.folder / "templates" for plugin in self.plugins}, cache)


def _feeds(writer: Plugin, reader: Plugin) -> bool:
    reads = reader.description.reads
    return any(_same(wrote, read) for wrote in writer.description.writes for read in reads)


def _circle(waiting: Iterable[Plugin]) -> tuple[Plugin, ...]:
    """Leave out the plugins that only wait for the circle, and for whom nobody in it waits."""
    stuck = tuple(waiting)
    while True:
        feeding = tuple(one for one in stuck if any(_feeds(one, other) for other in stuck if other is not one))
        if feeding == stuck:
            return stuck
        stuck = feeding


def _same(one: Flow, other: Flow) -> bool:
    return one[0] is other[0] and (one[1] == other[1] or not one[1] or not other[1])


def load() -> Registry:
    """Load every installed plugin through its entry point. Raises BrokenPlugin: one that cannot load is fatal."""
    from importlib.metadata import entry_points

    found = []
    for entry in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        try:
            module = entry.load()
        except (Exception, SystemExit) as problem:
            raise BrokenPlugin(f"plugin {entry.name} ({entry.value}) cannot be loaded: {_said(problem)}") from problem
        distribution = entry.dist
        found.append(
            (
                entry.name,
                module,
                distribution.name if distribution else "?",
                distribution.version if distribution else "?",
            )
        )
    return build(found)


def build(modules: Iterable[tuple[str, ModuleType, str, str]]) -> Registry:
    """Make a registry of (name, module, distribution, version). Raises BrokenPlugin where a plugin breaks the contract."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    rows = sorted(modules, key=lambda row: row[0])
    for name, module, _, _ in rows:
        try:
            manager.register(module, name)
        except (ValueError, pluggy.PluginValidationError) as problem:
            raise BrokenPlugin(f"plugin {name}: {_first_line(problem)}") from None
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as problem:
        raise BrokenPlugin(f"plugin {manager.get_name(problem.plugin)}: {_first_line(problem)}") from None
    hooks: dict[str, dict[str, tuple[Callable[..., Any], tuple[str, ...]]]] = {name: {} for name, *_ in rows}
    for hook in (name for name, member in inspect.getmembers(hookspecs, inspect.isfunction) if name.startswith("pgc_")):
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            hooks[implementation.plugin_name][hook] = (implementation.function, tuple(implementation.argnames))
    found = Registry(tuple(_plugin(row, hooks[row[0]]) for row in rows))
    _ = found.strata, found.own_codes  # whatever breaks the contract does so at once
    return found


def _taken(plugin: str, code: Code, owner: str) -> BrokenPlugin:
    return BrokenPlugin(
        f"plugin {plugin}: the code {code.code} belongs to {owner}; choose another prefix or number"
    )


def _said(problem: BaseException) -> str:
    return f"{type(problem).__name__}: {problem}".strip(": ")


def _first_line(problem: Exception) -> str:
    """Return what pluggy says without the representation of modules, which names this machine's folders."""
    return " ".join(re.sub(r"<module '([^']*)'[^>]*>", r"\1", str(problem)).split())


def _plugin(
    row: tuple[str, ModuleType, str, str], hooks: Mapping[str, tuple[Callable[..., Any], tuple[str, ...]]]
) -> Plugin:
    name, module, distribution, version = row
    if "pgc_describe" not in hooks:
        raise BrokenPlugin(f"plugin {name} has no pgc_describe, so nothing can be known of it")
    try:
        description = hooks["pgc_describe"][0]()
    except Exception as problem:
        raise BrokenPlugin(f"plugin {name}: pgc_describe fails: {_said(problem)}") from problem
    if not isinstance(description, Description):
        raise BrokenPlugin(f"plugin {name}: pgc_describe gives no Description, but {type(description).__name__}")
    if description.name != name:
        raise BrokenPlugin(
            f"plugin {name} describes itself as {description.name}; its entry point must have the same name"
        )
    return Plugin(name, module, distribution, version, description, hooks)
