"""A plugin that a test makes: it brings a role, a schema, a function and its grant, as a pool would."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from pgc.facts import DatabaseObject, Fact, Grant, Role
from pgc.fields import Section
from pgc.hookspecs import Description, hookimpl
from pgc.registry import Registry
from tests.plugins.postgres.conftest import registry_with

FUNCTION = """CREATE OR REPLACE FUNCTION pool.answer(given integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$ SELECT given + 1; $function$;
REVOKE ALL ON FUNCTION pool.answer(integer) FROM PUBLIC;"""


class Empty(Section):
    """A section without fields."""


def plugin(facts: Any) -> ModuleType:
    """Return a plugin module that contributes facts."""
    module = ModuleType("pgc_stranger")

    @hookimpl
    def pgc_describe() -> Description:
        return Description(name="stranger", summary="A test.", section="tests.plugins.postgres.stranger:Empty")

    @hookimpl
    def pgc_contribute(section: Any, site: Any) -> list[Fact]:
        return list(facts(site))

    module.pgc_describe, module.pgc_contribute = pgc_describe, pgc_contribute  # type: ignore[attr-defined]
    module.__file__ = __file__
    return module


def registry() -> Registry:
    """Return a registry of the postgres plugin and one that brings a function."""
    return registry_with(("stranger", plugin(_function)))


def _function(site: Any) -> list[Fact]:
    return [
        Role(name="pooler", purpose="pool-auth"),
        DatabaseObject(kind="schema", database="lookup", name="pool"),
        DatabaseObject(kind="function", database="lookup", name="pool.answer", definition=FUNCTION),
        Grant(database="lookup", kind="schema", target="pool", privileges=("USAGE",), to="pooler"),
        Grant(database="lookup", kind="function", target="pool.answer(integer)", privileges=("EXECUTE",), to="pooler"),
    ]
