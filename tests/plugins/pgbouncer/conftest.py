"""Compiling with PgBouncer's plugin and those that it meets, and tiny plugins that stand for others."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from functools import cache
from types import ModuleType

from pgc import pipeline, source
from pgc import registry as registries
from pgc.cluster import Site
from pgc.facts import Certificate, Fact
from pgc.hookspecs import Description, hookimpl
from pgc.pipeline import Compilation
from pgc.registry import Registry

HEAD = 'apiVersion: pgc.dev/v1\nkind: Cluster\nmetadata: {name: orders}\ndefaults: "2026.11"\n'
HOSTS = "hosts:\n  pg1: {address: 10.0.0.1, zone: a}\n  pg2: {address: 10.0.0.2, zone: b}\n  pg3: {address: 10.0.0.3, zone: c}\n"
POSTGRES = "{version: 17, roles: {app: {}}, databases: {orders: {access: {app: read-write}}}}"
PLUGINS = ("etcd", "haproxy", "keepalived", "patroni", "pgbouncer", "postgres")
FILES = ("/etc/ssl/host.crt", "/etc/ssl/host.key", "/etc/ssl/authority.crt")


def manifest(
    section: str = "{}",
    postgres: str = POSTGRES,
    objectives: str = "{failover: 60s}",
    hosts: str = HOSTS,
    **others: str,
) -> str:
    """Return a whole manifest around a pgbouncer section."""
    rest = "".join(f"{name}: {value}\n" for name, value in others.items())
    return f"{HEAD}objectives: {objectives}\npostgres: {postgres}\npgbouncer: {section}\n{rest}{hosts}"


@cache
def registry() -> Registry:
    return registries.build([(name, importlib.import_module(f"pgc_{name}"), "pgc", "0") for name in PLUGINS])


def registry_with(*modules: ModuleType) -> Registry:
    """Return a registry of pgc's plugins of the high-availability layer and tiny ones."""
    rows = [(name, importlib.import_module(f"pgc_{name}"), "pgc", "0") for name in PLUGINS]
    return registries.build([*rows, *((module.__name__, module, "test", "0") for module in modules)])


def plugin(name: str, give: Callable[[Site], Iterable[Fact]]) -> ModuleType:
    """Make a plugin that gives facts and nothing else."""
    module = ModuleType(name)
    module.__file__ = __file__

    @hookimpl
    def pgc_describe() -> Description:
        return Description(name=name, summary=f"gives facts for tests: {name}", section="pgc.fields:Section")

    @hookimpl
    def pgc_contribute(site: Site) -> Iterable[Fact]:
        return give(site)

    module.pgc_describe, module.pgc_contribute = pgc_describe, pgc_contribute  # type: ignore[attr-defined]
    return module


def certificates() -> ModuleType:
    """Stand for whoever plans certificates: every host holds one."""

    def give(site: Site) -> Iterable[Fact]:
        for host in site.hosts:
            yield Certificate(
                host=host.name,
                name="host",
                certificate_file=FILES[0],
                key_file=FILES[1],
                authority_file=FILES[2],
                names=(host.name, host.address),
            )

    return plugin("keys", give)


def compiled(text: str, using: Registry | None = None) -> Compilation:
    """Compile a manifest."""
    used = using or registry()
    return pipeline.compile_source(source.read(text.encode(), "m.yaml"), None, used, used.templates(), lambda name: "")


def text_of(compilation: Compilation, path: str) -> str:
    """Return a file's text; a compilation without files shows why."""
    assert compilation.bundle is not None, [
        f"{each.span} {each.code} {each.message}" for each in compilation.diagnostics
    ]
    return compilation.bundle.files[path].content.decode()
