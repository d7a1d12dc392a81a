"""Compiling with Patroni's plugin and, besides, only what a test names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import pgc_patroni
from pgc import pipeline, registry, source
from pgc.pipeline import Compilation

Compiled = Callable[..., Compilation]
ROOT = Path(__file__).parents[3]

HOSTS = """
  pg1: {address: 10.0.0.11, memory: 8GB, zone: a}
  pg2: {address: 10.0.0.12, memory: 8GB, zone: b}
  pg3: {address: 10.0.0.13, memory: 8GB, zone: c}
"""
STORE = """
external:
  store:
    offers: dcs.client
    scheme: SCHEME
    details: {api: etcd3}
    endpoints: [{address: 10.0.9.1, port: 2379}, {address: 10.0.9.2, port: 2379}, {address: 10.0.9.3, port: 2379}]
"""


def manifest(
    patroni: str = "{}", objectives: str = "{failover: 30s, data_loss: none}", hosts: str = HOSTS, scheme: str = "http"
) -> str:
    """Return a manifest whose store is external, so that no other plugin is needed."""
    return (
        'apiVersion: pgc.dev/v1\nkind: Cluster\nmetadata: {name: orders}\ndefaults: "2026.11"\n'
        f"objectives: {objectives}\nhosts:{hosts}{STORE.replace('SCHEME', scheme)}patroni: {patroni}\n"
    )


@pytest.fixture(scope="session")
def compiled() -> Compiled:
    """Compile a manifest with Patroni's plugin and tiny ones."""

    def compiled(text: str, *others: ModuleType, environment: str | None = None) -> Compilation:
        modules = [("patroni", pgc_patroni), *((module.__name__, module) for module in others)]
        using = registry.build([(name, module, "pgc", "0") for name, module in modules])
        return pipeline.compile_source(
            source.read(text.encode(), "m.yaml"), environment, using, using.templates(), lambda name: ""
        )

    return compiled


def real(module: str) -> Any:
    """Import a module of the installed Patroni, or skip. Importing it narrows the umask, which other tests need as it was."""
    before = os.umask(0o022)
    os.umask(before)
    try:
        return pytest.importorskip(module)
    finally:
        os.umask(before)


def content(compilation: Compilation, path: str) -> bytes:
    """Return a file's bytes; a compilation without files shows why."""
    assert compilation.bundle is not None, [
        f"{each.span} {each.code} {each.message}" for each in compilation.diagnostics
    ]
    return compilation.bundle.files[path].content


def data(compilation: Compilation, path: str) -> Any:
    """Return what a YAML file says to Patroni, which reads it with PyYAML."""
    return yaml.safe_load(content(compilation, path))


def local(compilation: Compilation, host: str = "pg1") -> Any:
    """Return a host's patroni.yml."""
    return data(compilation, f"hosts/{host}/etc/patroni/patroni.yml")


def dynamic(compilation: Compilation) -> Any:
    """Return the dynamic configuration."""
    return data(compilation, "cluster/patroni/dynamic.yml")


def bound(compilation: Compilation, fault: str) -> Any:
    """Return the bound of a fault."""
    assert compilation.cluster is not None
    return next(each for each in compilation.cluster.bounds if each.fault == fault)


def settled(compilation: Compilation, name: str) -> Any:
    """Return a settled value."""
    assert compilation.cluster is not None, [f"{each.code} {each.message}" for each in compilation.diagnostics]
    return compilation.cluster.settled[f"patroni.{name}"].value
