"""The whole contract between the core and a plugin.

A plugin is a module (usually a package) that implements some of these functions, each marked with `@hookimpl`, and is found through the
entry-point group `pgc`. Every function is pure. Arguments that an implementation does not need may be left out of its signature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pluggy

from pgc.artifact import Artifact, Entry, Format
from pgc.diagnostics import Code, Finding
from pgc.facts import Fact, Facts

if TYPE_CHECKING:
    from pgc.cluster import Cluster, Site

hookspec = pluggy.HookspecMarker("pgc")
hookimpl = pluggy.HookimplMarker("pgc")

Flow = tuple[type[Fact], str]
"""A type of fact and a capability; the empty capability means all of the type."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role that hosts may have; a host without any roles has every role with `implied`."""

    name: str
    description: str
    implied: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """What a plugin is.

    `name` is its section in the manifest. `section` is an import string of a pgc.fields.Section: "my_plugin.section:MySection".
    `codes` are all diagnostics that it may report. `reads` and `writes` order `pgc_derive`. `objectives` are those that it
    settles or proves. `defaults` holds, for each dated set after the first, the defaults that it changes:
    {"2027.05": {("port",): 9101}}; the model's own defaults are the first set's.
    """

    name: str
    summary: str
    section: str
    codes: tuple[Code, ...] = ()
    formats: tuple[Format, ...] = ()
    roles: tuple[Role, ...] = ()
    reads: tuple[Flow, ...] = ()
    writes: tuple[Flow, ...] = ()
    objectives: tuple[str, ...] = ()
    defaults: Mapping[str, Mapping[tuple[str, ...], Any]] | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a native tool over files, never as root.

    `files` are laid below an empty folder that becomes the working folder; a file that starts with "#!" is made executable.
    In `argv` and `env`, "{root}" is that folder, in which the tool may write. The network is cut off where the machine
    allows it. The rest asks for more than a folder; where the machine cannot give it the file counts as not validated:

    `absolute`: "etc/x" is also seen at "/etc/x", over what the machine has there. `accounts` exist as users and groups.
    `interfaces` exist as network interfaces. `serves`: the tool may open ports and call peers, so it runs in a network of its
    own, where any address can be bound, or not at all; such a tool is ended by `timeout N` in `argv`, whose exit code 124
    says that it was serving.
    """

    argv: tuple[str, ...]
    files: Mapping[str, bytes]
    timeout_s: int = 30
    env: Mapping[str, str] = field(default_factory=dict)
    absolute: bool = False
    accounts: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    serves: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the tool said: its exit code and its output, both streams in one, paths below the trial's folder made relative."""

    exit_code: int
    output: str


class Unclear(Exception):
    """An answer that judges nothing, such as a tool that failed before it read the file; the text says why."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a tool refused; `line` counts from 1 in the validated file, 0 where the tool names none."""

    message: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Validator:
    """How a format is validated by a real tool.

    `tool` is the program that must be present, on PATH or, where `folders` are given, in one of them; `version` are the
    arguments that make it print its version. `trials` gives the runs for one file, with `others`, the files of the same host
    (or of the cluster, for a file that has no host) by their location; no run means that this validator has nothing to say
    about this file. `problems` reads an answer to a file's bytes: nothing when the tool accepted it, Unclear raised when the
    answer is neither yes nor no. `packages` are the Debian packages of an image that can run it. `blind` says what the tool
    does not see.
    """

    name: str
    formats: tuple[str, ...]
    tool: str
    version: tuple[str, ...]
    trials: Callable[[Entry, bytes, Mapping[str, bytes]], Iterable[Trial]]
    problems: Callable[[Answer, bytes], Iterable[Problem]]
    packages: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    blind: str = ""


@hookspec
def pgc_describe() -> Description:  # type: ignore[empty-body]
    """Say what the plugin is. Called once, before anything is read."""


@hookspec
def pgc_contribute(section: Any, site: Site) -> Iterable[Fact]:  # type: ignore[empty-body]
    """Give the facts that follow from the plugin's own section and the envelope."""


@hookspec
def pgc_derive(section: Any, site: Site, facts: Facts) -> Iterable[Fact]:  # type: ignore[empty-body]
    """Give facts that need others' facts: what `reads` names may be read, what `writes` names may be given."""


@hookspec
def pgc_check(cluster: Cluster) -> Iterable[Finding]:  # type: ignore[empty-body]
    """Judge the settled cluster: yield findings, each with manifest paths."""


@hookspec
def pgc_render(cluster: Cluster) -> Iterable[Artifact]:  # type: ignore[empty-body]
    """Give the files. Files that are equal on many hosts share one body."""


@hookspec
def pgc_index(cluster: Cluster, entries: tuple[Entry, ...]) -> Iterable[Artifact]:  # type: ignore[empty-body]
    """Give files about the files: called after every `pgc_render`, with what the lock file will say of all of them."""


@hookspec
def pgc_validators() -> Iterable[Validator]:  # type: ignore[empty-body]
    """Say how the plugin's formats are validated by the products themselves."""
