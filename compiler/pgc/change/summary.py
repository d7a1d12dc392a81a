"""What the lock file's summary says of a cluster, as named texts that can be compared and shown."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any


def facts_of(summary: Mapping[str, Any], without_hosts: Collection[str] = ()) -> dict[str, str]:
    """Return the summary's statements: "failover bound host-lost" → "28.5 s".

    Reasons and manifest paths are left out: they explain a value and are none. Parts that this version does not know
    are given by their dotted path, so that nothing which changed goes unsaid.
    """
    found: dict[str, str] = {}
    for part, content in summary.items():
        say = _PARTS.get(part)
        if say is None or not isinstance(content, Mapping):
            found.update(_plain(part, content))
        elif part == "hosts":
            found.update(_hosts({name: host for name, host in content.items() if name not in without_hosts}))
        else:
            found.update(say(content))
    return found


def _hosts(hosts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, host in hosts.items():
        for what, value in host.items() if isinstance(host, Mapping) else [("", host)]:
            yield f"host {name} {what}".rstrip(), _text(value)


def _versions(versions: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for component, version in versions.items():
        yield f"version of {component}", _text(version)


def _settled(settled: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in settled.items():
        if isinstance(value, Mapping):
            yield f"settled {name}", f"{_text(value.get('value'))} {value.get('unit') or ''}".rstrip()
        else:
            yield f"settled {name}", _text(value)


def _bounds(bounds: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for fault, seconds in bounds.items():
        yield f"failover bound {fault}", "unbounded" if seconds is None else f"{_text(seconds)} s"


def _plain(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value and depth < 20:
        for key, below in value.items():
            yield from _plain(f"{name}.{key}", below, depth + 1)
    else:
        yield name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


_PARTS = {"hosts": _hosts, "versions": _versions, "settled": _settled, "bounds_s": _bounds}
