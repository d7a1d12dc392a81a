"""The catalogue of diagnostics is complete: what a module defines, `pgc explain` knows."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pgc
from pgc.diagnostics import Code
from pgc.registry import Registry


def _defined(registry: Registry) -> Iterator[tuple[str, Code]]:
    for package in (pgc, *(plugin.module for plugin in registry.plugins)):
        yield from _codes_of(package.__name__)
        for found in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."):
            yield from _codes_of(found.name)


def _codes_of(module: str) -> Iterator[tuple[str, Code]]:
    for value in vars(importlib.import_module(module)).values():
        if isinstance(value, Code):
            yield module, value


def test_every_code_that_a_module_defines_is_in_the_catalogue(registry: Registry) -> None:
    missing = {
        f"{module}: {code.code}" for module, code in _defined(registry) if registry.codes.get(code.code) is not code
    }
    assert not missing
