"""Tiny plugins that stand for whoever else may be installed: each gives some facts and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType

from pgc.cluster import Site
from pgc.facts import Certificate, Endpoint, Fact
from pgc.hookspecs import Description, hookimpl

FILES = ("/etc/ssl/host.crt", "/etc/ssl/host.key", "/etc/ssl/authority.crt")


def plugin(name: str, give: Callable[[Site], Iterable[Fact]]) -> ModuleType:
    """Make a plugin that gives facts."""
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


def facts(name: str, *given: Callable[[], Fact] | Fact) -> ModuleType:
    """Make a plugin that gives these facts; a callable makes a new one for each compilation."""
    return plugin(name, lambda site: [each() if callable(each) else each for each in given])


def server(version: int, **details: str) -> ModuleType:
    """Stand for whoever installs PostgreSQL."""

    def give(site: Site) -> Iterable[Fact]:
        for host in site.with_role("database"):
            known = {
                "version": str(version),
                "bin_dir": f"/usr/lib/postgresql/{version}/bin",
                "data_dir": f"/srv/pg/{version}",
                **details,
            }
            yield Endpoint(
                host=host.name, offers="pg.sql", address=host.address, port=5432, details=tuple(known.items())
            )

    return plugin("server", give)


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
