"""A plugin written by a stranger works without touching the core; a broken one says so, by name, and never with a traceback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.process import MINIMAL, Done, Pgc, environment, pgc_in
from tests.strangers import install

DOCUMENT = ROOT / "docs/plugins.md"
PORT = "node_exporter: {port: 9200}\n"


def blocks() -> dict[str, str]:
    """Return the files that the documentation shows, by name."""
    return dict(re.findall(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documented plugin, installed by pip into a folder of its own."""
    source, target = tmp_path_factory.mktemp("stranger"), tmp_path_factory.mktemp("site")
    for name, text in blocks().items():
        (source / name).write_text(text)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(target), str(source)],
        env=environment(tmp_path_factory.mktemp("home")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target


class Stranger:
    """pgc with a stranger's plugin beside it."""

    def __init__(self, folder: Path, site: Path) -> None:
        self.folder, self.pgc, self.env = folder, pgc_in(folder), {"PYTHONPATH": str(site)}
        self.write(MINIMAL)

    def __call__(self, *arguments: str) -> Done:
        return self.pgc(*arguments, env=self.env)

    def write(self, text: str) -> None:
        (self.folder / "minimal.yaml").write_text(text)


@pytest.fixture
def stranger(tmp_path: Path, installed: Path) -> Stranger:
    return Stranger(tmp_path, installed)


def test_the_documented_plugin_has_under_60_lines() -> None:
    assert {*blocks()} == {"pyproject.toml", "pgc_node_exporter.py"}
    assert sum(text.count("\n") for text in blocks().values()) < 60


def test_the_documentation_points_at_files_that_are_there() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", DOCUMENT.read_text())
    assert targets and all((DOCUMENT.parent / target).exists() for target in targets), targets


def test_it_is_listed_with_its_distribution(stranger: Stranger) -> None:
    assert re.search(r"^node_exporter +pgc-node-exporter 1\.0  Machine metrics", stranger("plugins").out, re.MULTILINE)


def test_the_schema_and_the_catalogue_know_it(stranger: Stranger) -> None:
    schema = stranger("schema").document
    assert schema["$defs"]["node_exporter"]["properties"]["port"]["default"] == 9100
    assert schema["properties"]["node_exporter"]["examples"] == [{"port": 9100}]
    assert stranger("explain", "NOD001").out.startswith("NOD001 privileged-port (error)\n\nwhat     port ‹given› needs root")
    assert "NOD001" in stranger("explain", "--codes").out


def test_a_manifest_that_uses_it_compiles_and_one_without_gets_its_defaults(stranger: Stranger) -> None:
    unit = "generated/minimal/hosts/pg2/etc/systemd/system/node_exporter.service"
    assert stranger("compile", "minimal.yaml").code == 0
    assert "--web.listen-address=:9100" in (stranger.folder / unit).read_text()
    stranger.write(MINIMAL + PORT)
    assert stranger("compile", "minimal.yaml").code == 0
    assert "--web.listen-address=:9200" in (stranger.folder / unit).read_text()
    told = stranger("explain", "node_exporter.port").out
    assert "minimal.yaml:11:23 node_exporter.port" in told and "means    Port for metrics." in told


def test_its_files_are_in_the_lock_and_reachable_from_the_documentation(stranger: Stranger) -> None:
    assert stranger("compile", "minimal.yaml").code == 0
    tree = stranger.folder / "generated/minimal"
    path = "hosts/pg1/etc/systemd/system/node_exporter.service"
    row = json.loads((tree / "pgc.lock").read_text())["files"][path]
    assert row[1:4] == ["node_exporter", "systemd.unit", "systemd"]
    assert f"../{path}" in re.findall(r"\]\(([^)]+)\)", (tree / "docs/files.md").read_text())


def test_its_diagnostic_fires_at_its_line(stranger: Stranger) -> None:
    stranger.write(MINIMAL + "node_exporter:\n  port: 80\n")
    done = stranger("compile", "minimal.yaml")
    assert done.code == 3 and "minimal.yaml:12:9: error NOD001 privileged-port\n  port 80 needs root" in done.out


def test_its_port_is_checked_against_everybody_elses(stranger: Stranger) -> None:
    stranger.write(MINIMAL + "node_exporter: {port: 8008}\n")
    done = stranger("compile", "minimal.yaml")
    assert done.code == 3
    assert re.search(r"error FCT002 port-taken-twice\n  .*\(node_exporter\).*listen on port 8008 of pg1", done.out)


def test_its_keys_are_checked_like_all_others(stranger: Stranger) -> None:
    stranger.write(MINIMAL + "node_exporter: {prot: 9200}\n")
    assert "did you mean port?" in stranger("compile", "minimal.yaml").out
    stranger.write(MINIMAL + "node_exportr: {port: 9200}\n")
    assert "did you mean node_exporter?" in stranger("compile", "minimal.yaml").out


def test_a_change_of_its_setting_is_a_change_by_meaning(stranger: Stranger) -> None:
    from tests.process import git

    stranger("compile", "minimal.yaml")
    git(stranger.folder, "init", "-q", ".")
    git(stranger.folder, "add", "generated", "minimal.yaml")
    git(stranger.folder, "commit", "-qm", "one")
    stranger.write(MINIMAL + PORT)
    stranger("compile", "minimal.yaml")
    told = stranger("diff").out
    assert "node_exporter  /etc/systemd/system/node_exporter.service" in told and ":9100 → " in told


def test_without_it_nothing_of_it_is_left(stranger: Stranger) -> None:
    stranger("compile", "minimal.yaml")
    done = stranger.pgc("compile", "minimal.yaml")
    assert done.code == 0 and "3 removed" in done.out
    stranger.write(MINIMAL + PORT)
    assert "error MAN001 unknown-key" in stranger.pgc("compile", "minimal.yaml").out


def test_a_rule_of_a_strangers_section_is_told_at_its_place(pgc: Pgc, tmp_path: Path) -> None:
    head = """\
from pydantic import Field, model_validator
from pgc.fields import Section
from pgc.hookspecs import Description, hookimpl


class {title}Section(Section):
    '''A window.'''

    first: int = Field(1, description="First hour.", examples=[1])
    last: int = Field(2, description="Last hour.", examples=[2])

    @model_validator(mode="after")
    def in_order(self):
        if self.last < self.first:
            raise ValueError(f"the window ends at {{self.last}}, before it begins at {{self.first}}")
        return self
"""
    env = {"PYTHONPATH": str(install(tmp_path / "site", "window", head=head))}
    (tmp_path / "minimal.yaml").write_text(MINIMAL + "window: {first: 5, last: 3}\n")
    done = pgc("compile", "minimal.yaml", env=env)
    assert done.code == 3
    assert "minimal.yaml:11:9: error MAN010 bad-value\n  the window ends at 3, before it begins at 5\n" in done.out


# ── broken strangers ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def pgc(tmp_path: Path) -> Pgc:
    (tmp_path / "minimal.yaml").write_text(MINIMAL)
    return pgc_in(tmp_path)


CODE = """
    A = Code("{code}", "{name}", Severity.ERROR, what="what it is", why="why it is", help="what to do", example="x: 1")

    @hookimpl
    def pgc_describe():
        return Description("odd", "Something of a stranger's.", "pgc_odd:OddSection", codes=(A,))
"""
FACTS = """
    @hookimpl
    def pgc_describe():
        return Description(
            "{name}", "Something of a stranger's.", "pgc_{name}:{title}Section",
            reads=((Endpoint, "{reads}"),), writes=((Endpoint, "{writes}"),))

    @hookimpl
    def pgc_derive(section, site, facts):
        yield Endpoint(host="pg1", offers="{gives}", address="10.10.0.11", port=7000)
"""
HOOK = "@hookimpl\ndef {signature}:\n    {body}"
ODD = CODE.format(code="ODD001", name="odd-thing")
LOADING = r"plugin odd \(pgc_odd\) cannot be loaded: "
BROKEN = {
    "an import error": ("import nowhere_to_be_found", LOADING + "ModuleNotFoundError: .*nowhere_to_be_found"),
    "an exit while loading": ("raise SystemExit(1)", LOADING + "SystemExit: 1"),
    "a syntax error": ("def :", LOADING + "SyntaxError"),
    "a misspelt hook": (HOOK.format(signature="pgc_rendr(cluster)", body="return ()"), "plugin odd: .*pgc_rendr"),
    "an unknown argument": (HOOK.format(signature="pgc_render(clutser)", body="return ()"), "plugin odd: .*clutser"),
    "no description": ("del pgc_describe", "plugin odd has no pgc_describe"),
    "another name": (ODD.replace('("odd"', '("even"'), "plugin odd describes itself as even"),
    "a description that fails": (
        HOOK.format(signature="pgc_describe()", body="return 1 / 0"),
        "plugin odd: pgc_describe fails: ZeroDivisionError",
    ),
    "a description of another type": (
        HOOK.format(signature="pgc_describe()", body="return 'odd'"),
        "plugin odd: pgc_describe gives no Description, but str",
    ),
    "a code of the core": (
        CODE.format(code="MAN001", name="odd-thing"),
        "plugin odd: the code MAN001 belongs to pgc itself",
    ),
    "a code of another plugin": (
        CODE.format(code="PAT004", name="odd-thing"),
        "plugin patroni: the code PAT004 belongs to the plugin odd",
    ),
    "a section that is not there": (
        ODD.replace("OddSection", "NoSection"),
        "plugin odd: its section pgc_odd:NoSection cannot be loaded: AttributeError",
    ),
    "a section of another type": (
        ODD.replace("pgc_odd:OddSection", "pathlib:Path"),
        "plugin odd: its section pathlib:Path is no pgc.fields.Section",
    ),
    "an undeclared fact": (
        FACTS.format(name="odd", title="Odd", reads="x.none", writes="x.said", gives="x.other"),
        "plugin odd derives Endpoint 'x.other', which its writes do not name",
    ),
    "a format that nobody describes": (
        HOOK.format(signature="pgc_render(cluster)", body="yield Artifact('x', 'odd.format', Plain(('x',)))"),
        "plugin odd: x has the format odd.format, which no plugin describes",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_named_with_its_fault(pgc: Pgc, tmp_path: Path, fault: str) -> None:
    code, told = BROKEN[fault]
    site = install(tmp_path / "site", "odd", code)
    done = pgc("compile", "minimal.yaml", env={"PYTHONPATH": str(site)})
    assert (done.code, done.out) == (5, "")
    assert re.match(f"error: {told}", done.err), done.err
    assert "\nhelp: mend or uninstall the plugin" in done.err and "Traceback" not in done.err
    assert str(tmp_path) not in done.err and not (tmp_path / "generated/minimal").exists()


def test_plugins_that_wait_for_each_other_are_named_and_those_that_only_wait_are_not(pgc: Pgc, tmp_path: Path) -> None:
    for name, reads, writes in (("odd", "x.b", "x.a"), ("even", "x.a", "x.b"), ("late", "x.a", "x.c")):
        fields = {"name": name, "title": name.title(), "reads": reads, "writes": writes, "gives": writes}
        install(tmp_path / "site", name, FACTS.format(**fields))
    done = pgc("plugins", env={"PYTHONPATH": str(tmp_path / "site")})
    assert done.code == 5
    assert done.err.startswith("error: the plugins even and odd wait for each other's facts: see reads and writes")


def test_a_plugin_that_fails_at_work_is_a_bug_of_its_own(pgc: Pgc, tmp_path: Path) -> None:
    site = install(tmp_path / "site", "odd", "@hookimpl\ndef pgc_check(cluster):\n    yield cluster.no_such_thing")
    done = pgc("compile", "minimal.yaml", env={"PYTHONPATH": str(site)})
    assert done.code == 70 and done.out == ""
    assert "Traceback" in done.err and "in pgc_check of the plugin odd (pgc-odd 1.0)" in done.err
    assert done.err.endswith("help: this is a bug in pgc or a plugin; please report it with the lines above\n")
