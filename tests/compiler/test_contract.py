"""What no manifest alone can cause: small plugins that break a rule, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from pgc import pipeline, registry, source
from pgc.artifact import Artifact, Format
from pgc.bodies import Plain, Yaml
from pgc.facts import Action, Certificate, Chapter, Choice, Endpoint, Parameter, Rule, Runbook
from pgc.hookspecs import Description, hookimpl
from pgc.pipeline import Compilation
from pgc.readers import NotReadable
from pgc.registry import BrokenPlugin, Registry
from pgc.settle import search
from pgc.terms import Const, Constraint, Open, var
from tests.conftest import ROOT

MINIMAL = (ROOT / "examples/minimal.yaml").read_bytes()


def _plugin(name: str, **hooks: Callable[..., Any]) -> tuple[str, ModuleType, str, str]:
    module = ModuleType(f"tiny_{name}")
    described = hooks.pop("describe", {})

    def pgc_describe() -> Description:
        return Description(name, "made by a test", "pgc.fields:Section", **described)  # type: ignore[arg-type]

    for hook, function in {"pgc_describe": pgc_describe, **hooks}.items():
        setattr(module, hook, hookimpl(function))
    return name, module, "tiny", "1"


def _compile(installed: Registry, *added: tuple[str, ModuleType, str, str]) -> Compilation:
    rows = [(each.name, each.module, each.distribution, each.version) for each in installed.plugins]
    together = registry.build([*rows, *added])
    return pipeline.compile_source(source.read(MINIMAL, "m.yaml"), None, together, together.templates(), lambda _: "")


def _codes(compilation: Compilation) -> list[str]:
    return [each.code for each in compilation.diagnostics]


def test_two_plugins_with_one_path_are_both_named(registry: Registry) -> None:
    def render() -> list[Artifact]:
        return [Artifact("docs/README.md", "markdown", Plain(("mine",)))]

    found = _compile(registry, _plugin("zealous", pgc_render=render))
    (clash,) = [each for each in found.diagnostics if each.code == "ART002"]
    assert clash.message == "docs/README.md is written by docs and by zealous"


def test_two_plugins_that_disagree_about_a_parameter_are_both_named(registry: Registry) -> None:
    def contribute() -> list[Parameter]:
        return [Parameter(name="fsync", value=False)]

    found = _compile(registry, _plugin("reckless", pgc_contribute=contribute))
    (conflict,) = [each for each in found.diagnostics if each.code == "FCT001"]
    assert "reckless" in conflict.message and "Parameter fsync" in conflict.message and "True and False" in conflict.message


def test_a_chapter_without_a_way_back_is_refused(registry: Registry) -> None:
    def contribute() -> list[Runbook]:
        return [Runbook(slug="daring", title="Daring", chapters=(Chapter("Jump", 1, (Action("Jump"),)),))]

    found = _compile(registry, _plugin("daring", pgc_contribute=contribute))
    (refused,) = [each for each in found.diagnostics if each.code == "RUN001"]
    assert refused.message.startswith("the chapter «Jump» of the procedure daring says neither")


def test_a_search_that_ends_without_an_answer_accepts_nothing(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    def contribute() -> list[Choice | Rule]:
        names = [f"puzzle.v{number}" for number in range(12)]
        opens = [Choice(open=Open(name, tuple(range(8)), 10, "", "first")) for name in names]
        pairs = [(one, other) for one in names for other in names if one < other]
        return [*opens, *(Rule(constraint=Constraint(f"{a} {b}", var(a) * var(b), Const(20), "x")) for a, b in pairs)]

    monkeypatch.setattr("pgc.settle.STEPS", 3)
    monkeypatch.setattr(search, "STEPS", 3)
    found = _compile(registry, _plugin("puzzle", pgc_contribute=contribute))
    assert "SET002" in _codes(found) and found.bundle is None


def test_a_writer_that_its_own_reader_cannot_read_is_caught(registry: Registry) -> None:
    def read(_: bytes) -> Any:
        raise NotReadable("always", 1)

    # The body must be a template's: what a dumper writes is read back in the dumper's own tests.
    def borrowed(cluster: Any) -> list[Artifact]:
        body = type(cluster.template("x"))(cluster.templates, "docs/topology.svg.j2", _drawing())
        return [Artifact("cluster/odd", "odd", body)]

    found = _compile(registry, _plugin("odd", describe={"formats": (Format("odd", read),)}, pgc_render=borrowed))
    assert "VAL005" in _codes(found)


def _drawing() -> dict[str, Any]:
    return {"title": "t", "width": 1, "height": 1, "zones": [], "boxes": [], "entries": []}


def test_data_that_its_schema_forbids_is_caught_while_compiling(registry: Registry) -> None:
    def render() -> list[Artifact]:
        return [Artifact("cluster/bad.yml", "patroni.dynamic.copy", Yaml({"ttl": "long"}))]

    schema = registry.formats["patroni.dynamic"].schema
    name, module, _, _ = _plugin("copycat", describe={"formats": (Format("patroni.dynamic.copy", None, schema),)}, pgc_render=render)
    module.__name__ = "pgc_patroni"
    found = _compile(registry, (name, module, "tiny", "1"))
    assert "VAL006" in _codes(found)


def test_links_are_no_longer_called_plain_once_somebody_plans_certificates(registry: Registry) -> None:
    def contribute(site: Any) -> list[Certificate]:
        return [
            Certificate(host=host.name, name="host", certificate_file="/etc/ssl/x.pem", key_file="/etc/ssl/x.pem.key",
                        authority_file="/etc/ssl/ca.pem", names=(host.name, host.address))
            for host in site.hosts
        ]  # fmt: skip

    assert "FCT003" in _codes(_compile(registry))
    secured = _compile(registry, _plugin("authority", pgc_contribute=contribute))
    assert "FCT003" not in _codes(secured)
    assert secured.cluster is not None
    assert {each.scheme for each in secured.cluster.facts.all(Endpoint, "dcs.client")} == {"https"}


def test_a_plugin_that_reads_what_it_did_not_declare_is_named(registry: Registry) -> None:
    def derive(facts: Any) -> list[Any]:
        return list(facts.all(Endpoint, "pg.sql"))

    with pytest.raises(BrokenPlugin, match=r"plugin nosy reads Endpoint pg\.sql, which its reads do not name"):
        _compile(registry, _plugin("nosy", pgc_derive=derive))
