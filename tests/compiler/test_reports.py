"""How findings and changes look, also when what they show was written by somebody who means harm."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema  # type: ignore[import-untyped,unused-ignore]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgc.artifact import Format
from pgc.change.changes import Change, Kind, Scope
from pgc.diagnostics import Code, Diagnostic, Severity, Span
from pgc.report import changes_json, changes_markdown, changes_view, diagnostics_formats, diagnostics_view
from pgc.report.safe import fits, narrowed, plain, wants_colour

SCHEMAS = Path(__file__).parents[2] / "schemas"
HOSTILE = (
    "a\nb\r::error::pwned",
    "::error file=x::pwned",
    "##[add-path]/tmp",
    "\x1b[31mred\x1b]0;title\x07",
    "\u202edesrever\u2066",
    "a|b|c",
    "`x`",
    "</code><script>alert(1)</script>",
    "@octocat #1 https://evil.example www.evil.example",
    "](http://evil)",
    "<!-- pgc diff -->",
    "</details>",
    "100% ,:",
    "\ud800",
    "\x00",
    "'\"\\",
    "**b** _i_ ~~s~~ [l](u) ![i](u)",
)
DANGEROUS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

MANIFEST = ("patroni:", "  loop_wait: 10s", "  ttl: 25s", "  retry_timeout: 10s")
TTL = Diagnostic(
    "PAT004",
    "ttl-below-floor",
    Severity.ERROR,
    "ttl is 25 s, but loop_wait + 2 × retry_timeout is 30 s",
    "Patroni would lower loop_wait to 5 s at run time: the cluster would not run the committed file",
    "raise ttl to 30 s or more",
    (Span("orders.yaml", 3, 8, 3, 11), Span("orders.yaml", 2, 14, 2, 17)),
    ("patroni.ttl", "patroni.loop_wait"),
)
NOTE = Diagnostic(
    "OBJ001",
    "gentle",
    Severity.NOTE,
    "all is gentle",
    "nothing breaks",
    "rest",
    (Span("billing.yaml", 1, 1, 1, 1),),
    ("",),
)
CODE = Code(
    "PAT004",
    "ttl-below-floor",
    Severity.ERROR,
    "ttl is {given} s, below {floor} s",
    "Patroni would change it",
    "raise it",
    "patroni: {ttl: 25s}   # `x` ```",
)


def lines(file: str) -> tuple[str, ...]:
    return MANIFEST if file == "orders.yaml" else ()


def hostile(text: str) -> Diagnostic:
    span = Span(text, 1, 1, 1, 2)
    return Diagnostic(
        "PAT004", "ttl-below-floor", Severity.ERROR, text, text, text, (span, Span(text, 2, 1, 2, 2)), (text, text)
    )


def valid(document: str, schema: str) -> Any:
    loaded = json.loads(document)
    content = json.loads((SCHEMAS / schema).read_text())
    jsonschema.Draft202012Validator.check_schema(content)
    jsonschema.validate(loaded, content, jsonschema.Draft202012Validator)
    return loaded


# ── diagnostics as text ──


def test_a_diagnostic_shows_fault_consequence_way_out_and_both_places() -> None:
    assert diagnostics_view.text([TTL], lines=lines) == (
        "orders.yaml:3:8: error PAT004 ttl-below-floor\n"
        "  ttl is 25 s, but loop_wait + 2 × retry_timeout is 30 s (loop_wait set at 2:14)\n"
        "  Patroni would lower loop_wait to 5 s at run time: the cluster would not run the committed file\n"
        "  help: raise ttl to 30 s or more\n"
        "     3 |   ttl: 25s\n"
        "       |        ^^^\n"
        "1 error\n"
    )


def test_without_the_file_the_diagnostic_stands_alone() -> None:
    assert diagnostics_view.text([TTL, NOTE], lines=lambda file: ()) == (
        "billing.yaml:1:1: note OBJ001 gentle\n  all is gentle\n  nothing breaks\n  help: rest\n"
        "orders.yaml:3:8: error PAT004 ttl-below-floor\n"
        "  ttl is 25 s, but loop_wait + 2 × retry_timeout is 30 s (see 2:14)\n"
        "  Patroni would lower loop_wait to 5 s at run time: the cluster would not run the committed file\n"
        "  help: raise ttl to 30 s or more\n"
        "1 error, 1 note\n"
    )


def test_a_second_place_that_does_not_set_the_key_is_not_said_to_set_it() -> None:
    elsewhere = Diagnostic(
        "X1",
        "x",
        Severity.WARNING,
        "m",
        "c",
        "h",
        (Span("orders.yaml", 3, 8, 3, 11), Span("orders.yaml", 1, 1, 1, 8), Span("sql/a.sql", 4, 2, 4, 3)),
        ("patroni.ttl", "patroni.loop_wait", "x"),
    )
    assert "  m (see 1:1, see sql/a.sql:4:2)\n" in diagnostics_view.text([elsewhere], lines=lines)


def test_nothing_found_is_nothing_said() -> None:
    assert diagnostics_view.text([]) == ""


def test_the_caret_stands_under_wide_characters_and_tabs() -> None:
    found = Diagnostic("X1", "x", Severity.NOTE, "m", "c", "h", (Span("f", 1, 7, 1, 9),))
    shown = diagnostics_view.text([found], lines=lambda file: ("a:\t'日本x'",)).splitlines()
    assert shown[4] == "     1 | a: '日本x'"
    assert shown[5] == "       |         ^^"


def test_a_long_line_is_cut_around_the_place() -> None:
    found = Diagnostic("X1", "x", Severity.NOTE, "m", "c", "h", (Span("f", 1, 501, 1, 504),))
    shown = diagnostics_view.text([found], lines=lambda file: ("-" * 500 + "xyz" + "-" * 500,)).splitlines()
    assert shown[4] == "     1 | …" + "-" * 55 + "xyz" + "-" * 52 + "…"
    assert shown[5].index("^^^") == shown[4].index("xyz")


@pytest.mark.parametrize(
    "span", [Span("f", 9, 1, 9, 2), Span("f", 2, 1, 2, 2), Span("f", 1, 99, 1, 99), Span("f", 1, 3, 4, 1)]
)
def test_a_place_behind_the_text_is_no_fault(span: Span) -> None:
    found = Diagnostic("X1", "x", Severity.NOTE, "m", "c", "h", (span,))
    assert diagnostics_view.text([found], lines=lambda file: ("a: b", "")).endswith("1 note\n")


def test_colours_are_for_terminals_without_no_color() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert wants_colour(Terminal(), {"TERM": "xterm"}) and wants_colour(Terminal(), {"NO_COLOR": ""})
    assert not wants_colour(Terminal(), {"NO_COLOR": "1"})
    assert not wants_colour(Terminal(), {"TERM": "dumb"})
    assert not wants_colour(io.StringIO(), {})
    assert "\x1b" not in diagnostics_view.text([TTL], lines=lines)
    coloured = diagnostics_view.text([TTL], lines=lines, colour=True)
    assert "\x1b[31;1merror\x1b[0m PAT004" in coloured
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == diagnostics_view.text([TTL], lines=lines)


def test_a_file_is_shown_only_where_it_is_a_readable_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: \xff\n")
    assert diagnostics_view.lines_of(str(tmp_path / "a.yaml")) == ("a: 1", "b: �", "")
    for other in (str(tmp_path), str(tmp_path / "none"), "/dev/zero", "a\0b"):
        assert diagnostics_view.lines_of(other) == ()


# ── diagnostics for programs ──


def test_json_is_one_document_of_the_schema() -> None:
    document = valid(diagnostics_formats.show([TTL, NOTE], "json", result={"written": 3}), "diagnostics.schema.json")
    assert document["format_version"] == 1
    assert document["counts"] == {"errors": 1, "warnings": 0, "notes": 1}
    assert document["result"] == {"written": 3}
    assert document["diagnostics"][1] == {
        "code": "PAT004",
        "name": "ttl-below-floor",
        "severity": "error",
        "message": TTL.message,
        "consequence": TTL.consequence,
        "help": "raise ttl to 30 s or more",
        "file": "orders.yaml",
        "line": 3,
        "column": 8,
        "end_line": 3,
        "end_column": 11,
        "path": "patroni.ttl",
        "related": [
            {
                "file": "orders.yaml",
                "line": 2,
                "column": 14,
                "end_line": 2,
                "end_column": 17,
                "path": "patroni.loop_wait",
            }
        ],
    }
    valid(diagnostics_formats.as_json([]), "diagnostics.schema.json")


def test_github_annotates_the_line_with_everything_escaped(tmp_path: Path) -> None:
    strange = Diagnostic(
        "X1",
        "x",
        Severity.WARNING,
        "100% a,b:c",
        "line",
        "help\nmore",
        (Span(str(tmp_path / "a,b:c%.yaml"), 3, 1, 5, 2),),
    )
    file = Diagnostic(
        TTL.code, TTL.name, TTL.severity, "m", "c", "h", (Span(str(tmp_path / "orders.yaml"), 3, 8, 3, 11),)
    )
    assert diagnostics_formats.github([strange, file], tmp_path) == (
        "::error file=orders.yaml,line=3,col=8,endColumn=10,title=PAT004 ttl-below-floor::m%0Ac%0Ahelp: h\n"
        "::warning file=a%2Cb%3Ac%25.yaml,line=3,endLine=5,title=X1 x::100%25 a,b:c%0Aline%0Ahelp: help\\u000amore\n"
    )


def check_sarif(document: str, files: Mapping[str, str] | None = None) -> Any:
    """Hold a log against the rules of SARIF 2.1.0 and of GitHub's upload that matter to us."""
    log = json.loads(document)
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "pgc" and run["columnKind"] in ("unicodeCodePoints", "utf16CodeUnits")
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["shortDescription"]["text"] and rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error") and result["message"]["text"]
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
        assert len(result["locations"]) == 1
        for location in [*result["locations"], *result.get("relatedLocations", [])]:
            region, file = location["physicalLocation"]["region"], location["physicalLocation"]["artifactLocation"]
            assert all(isinstance(value, int) and value >= 1 for value in region.values())
            end = region.get("endLine", region["startLine"]), region.get("endColumn", region["startColumn"])
            assert end >= (region["startLine"], region["startColumn"])
            assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2}|file:///)+", file["uri"])
            assert file["uri"].startswith("file:///") != (file.get("uriBaseId") == "%SRCROOT%")
            assert not file["uri"].startswith(("/", "../"))
    assert len({json.dumps(each["partialFingerprints"]) for each in run["results"]}) == len(run["results"])
    return run


def test_sarif_has_rules_from_the_catalogue_and_relative_uris(tmp_path: Path) -> None:
    inside = str(tmp_path / "my manifests/ünï.yaml")
    found = [
        Diagnostic(
            TTL.code,
            TTL.name,
            TTL.severity,
            "m [a](b)",
            "c",
            "h",
            (Span(inside, 3, 8, 3, 11), Span("/etc/x", 1, 1, 2, 1)),
        ),
        Diagnostic(TTL.code, TTL.name, TTL.severity, "m [a](b)", "c", "h", (Span(inside, 9, 1, 9, 1),)),
        NOTE,
    ]
    run = check_sarif(diagnostics_formats.show(found, "sarif", codes=[CODE], root=tmp_path))
    rule = run["tool"]["driver"]["rules"][0]
    assert (rule["id"], rule["name"]) == ("PAT004", "TtlBelowFloor")
    assert rule["help"]["text"] == (
        "ttl is <given> s, below <floor> s\nPatroni would change it\nhelp: raise it\n"
        "example:\npatroni: {ttl: 25s}   # `x` ```\n"
    )
    assert rule["help"]["markdown"].endswith("````yaml\npatroni: {ttl: 25s}   # `x` ```\n````\n")
    ours = [result for result in run["results"] if result["ruleId"] == "PAT004"]
    assert ours[0]["message"]["text"] == "m [a] (b)\nc\nhelp: h"
    assert ours[0]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "my%20manifests/%C3%BCn%C3%AF.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "startColumn": 8, "endLine": 3, "endColumn": 11},
    }
    assert ours[0]["relatedLocations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///etc/x"}
    assert ours[1]["locations"][0]["physicalLocation"]["region"] == {"startLine": 9, "startColumn": 1}


def test_a_finding_keeps_its_fingerprint_when_lines_above_it_come(tmp_path: Path) -> None:
    def fingerprint(line: int) -> Any:
        found = Diagnostic("X1", "x", Severity.NOTE, "m", "c", "h", (Span("f", line, 1, line, 2),), ("a.b",))
        return check_sarif(diagnostics_formats.show([found], "sarif"))["results"][0]["partialFingerprints"]

    assert fingerprint(3) == fingerprint(30)


def test_an_unknown_format_is_no_format() -> None:
    with pytest.raises(KeyError):
        diagnostics_formats.show([], "xml")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_every_view_of_a_diagnostic(text: str, tmp_path: Path) -> None:
    found = [hostile(text)]
    shown = diagnostics_view.text(found, lines=lambda file: (text.replace("\n", ""), text.split("\n")[0]))
    assert not DANGEROUS.search(shown) and len(shown.splitlines()) in (5, 7)
    assert not re.search(r"^\s*::|##\[", shown, re.MULTILINE)
    command = diagnostics_formats.github(found, tmp_path)
    assert not DANGEROUS.search(command) and command.count("\n") == 1 and command.startswith("::error file=")
    properties, _, _ = command.removeprefix("::error ").partition("::")
    assert [each.partition("=")[0] for each in properties.split(",")] == ["file", "line", "col", "endColumn", "title"]
    document = diagnostics_formats.as_json(found)
    assert document.isascii() and valid(document, "diagnostics.schema.json")["diagnostics"][0]["message"] == text
    if "\0" not in text and "\ud800" not in text:
        run = check_sarif(diagnostics_formats.show(found, "sarif", codes=[CODE], root=tmp_path))
        said = run["results"][0]["message"]["text"]
        assert not DANGEROUS.search(said) and "](" not in said
        place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert unquote(place)


# ── changes ──


def setting(name: str, old: str, new: str, hosts: tuple[str, ...] = ("pg1", "pg2", "pg3"), **more: Any) -> Change:
    values: dict[str, Any] = {
        "cluster": "orders",
        "environment": "production",
        "scope": Scope.SETTING,
        "kind": Kind.CHANGED,
        "location": "/etc/patroni/patroni.yml",
        "plugin": "patroni",
        "format": "yaml",
        "consumer": "patroni.service",
        "old_line": 4,
        "new_line": 5,
    }
    return Change(setting=name, old=old, new=new, hosts=hosts, **{**values, **more})


BOUND = Change(
    "orders",
    "production",
    Scope.SUMMARY,
    Kind.CHANGED,
    "pgc.lock",
    setting="failover bound host-lost",
    old="28.5 s",
    new="26 s",
)
PAGES = tuple(
    Change("orders", "production", Scope.PAGE, Kind.CHANGED, f"runbooks/{name}.md", "runbooks", "markdown")
    for name in "abc"
)
CHANGES = (
    BOUND,
    setting("bootstrap.dcs.ttl", "30", "25"),
    setting("pg_hba[local all all peer]", "3", "1", kind=Kind.MOVED),
    setting("pg_hba[host x]", "", "host x", kind=Kind.ADDED, old_line=0),
    setting("restapi.connect_address", "10.0.0.1", "10.1.0.1", ("pg1",)),
    setting("restapi.connect_address", "10.0.0.2", "10.1.0.2", ("pg2",)),
    setting(
        "",
        "",
        "",
        ("pg1",),
        scope=Scope.FILE,
        unknown="the format raw has no reader",
        lines=(3, 1),
        location="/etc/raw",
        old_line=0,
        new_line=0,
    ),
    *PAGES,
)


def why(change: Change) -> str | None:
    return "orders.yaml:14 objectives.failover" if change.setting.endswith("ttl") else None


def test_changes_as_text_start_with_three_lines_and_end_with_what_is_not_judged() -> None:
    assert changes_view.text(CHANGES, why=why) == (
        "clusters:   orders/production\n"
        "changes:    4 settings in patroni (4); 1 file changed in an unknown way; 1 derived value; "
        "on 3 hosts: pg1, pg2, pg3\n"
        "prose only: 3 pages changed (runbooks)\n"
        "\n"
        "orders/production\n"
        "  derived\n"
        "    ~ failover bound host-lost: 28.5 s → 26 s\n"
        "  pg1, pg2, pg3\n"
        "    patroni  /etc/patroni/patroni.yml  (read by patroni.service)\n"
        "      ~ bootstrap.dcs.ttl: 30 → 25  line 5  [orders.yaml:14 objectives.failover]\n"
        "      ↕ pg_hba[local all all peer]: place 3 → place 1  line 5\n"
        "      + pg_hba[host x]  line 5\n"
        "  pg1, pg2\n"
        "    patroni  /etc/patroni/patroni.yml  (read by patroni.service)\n"
        "      ~ restapi.connect_address: by host: pg1 10.0.0.1 → 10.1.0.1; pg2 10.0.0.2 → 10.1.0.2\n"
        "  pg1\n"
        "    patroni  /etc/raw  (read by patroni.service)\n"
        "      ? +3 −1 lines, meaning unknown: the format raw has no reader\n"
        "  prose: 3 pages changed (runbooks)\n"
        "\n"
        "The effect of these changes on running processes is not judged by this version of pgc.\n"
    )


def test_no_changes_are_said_in_every_view() -> None:
    assert changes_view.text(()) == "Nothing changed.\n"
    assert changes_markdown.markdown(()) == "<!-- pgc diff -->\n### pgc diff\n\nNothing changed.\n"
    assert valid(changes_json.as_json(()), "diff.schema.json")["changes"] == []


def test_values_that_come_go_or_are_empty_are_shown_as_such() -> None:
    shown = changes_view.text(
        (
            setting("a", "", "x"),
            setting("b", "x", "", kind=Kind.REMOVED),
            setting("c", "", "1", kind=Kind.ADDED),
            setting("mode", "0644", "0600", scope=Scope.ATTRIBUTE),
            setting("", "", "", scope=Scope.LAYOUT, lines=(2, 1)),
        )
    )
    assert [line.strip() for line in shown.splitlines()[7:-2]] == [
        "~ a: (empty) → x  line 5",
        "- b: x  line 5",
        "+ c: 1  line 5",
        "~ the file's mode: 0644 → 0600  line 5",
        "· +2 −1 lines of comments or layout only  line 5",
    ]


def test_whole_hosts_and_clusters_are_one_line() -> None:
    shown = changes_view.text(
        (
            Change("orders", "", Scope.HOST, Kind.ADDED, hosts=("pg4", "pg5"), count=12),
            Change("billing", "staging", Scope.CLUSTER, Kind.REMOVED, hosts=("pg1",), count=40),
            Change("new", "", Scope.CLUSTER, Kind.ADDED, hosts=("pg1",), count=40),
        )
    )
    assert shown.splitlines()[:-2] == [
        "clusters:   orders; new: new; gone: billing/staging",
        "changes:    2 hosts added; on 2 hosts: pg4, pg5",
        "prose only: no pages",
        "",
        "orders",
        "  + pg4, pg5: the whole host (12 files)",
        "",
        "billing/staging",
        "  - the whole cluster (40 files)",
        "",
        "new",
        "  + the whole cluster (40 files)",
    ]


def test_clusters_in_which_the_same_happens_are_one_section() -> None:
    changes = tuple(
        setting("ttl", "30", "25", tuple(f"{name}-pg{number}" for number in (1, 2, 3)), cluster=name, environment="")
        for name in ("a", "b", "c")
    )
    assert changes_view.text(changes).splitlines()[4:8] == [
        "a, b, c  (3 clusters)",
        "  a-pg1, a-pg2, a-pg3, b-pg1 and 5 more",
        "    patroni  /etc/patroni/patroni.yml  (read by patroni.service)",
        "      ~ ttl: 30 → 25  line 5",
    ]


def test_many_variants_of_one_setting_are_shown_by_example() -> None:
    changes = tuple(setting("name", f"old{n}", f"new{n}", (f"pg{n}",)) for n in range(1, 301))
    line = "      ~ name: by host: pg1 old1 → new1; pg2 old2 → new2; and 298 more"
    assert line in changes_view.text(changes).splitlines()
    assert "<br>and 298 more |" in changes_markdown.markdown(changes)


def test_markdown_is_for_a_bot_to_find_and_for_people_to_unfold() -> None:
    assert changes_markdown.markdown((BOUND, *CHANGES[1:2], PAGES[0]), why=why) == (
        "<!-- pgc diff -->\n"
        "### pgc diff\n"
        "\n"
        "- **clusters:** <code>orders/production</code>\n"
        "- **changes:** <code>1 setting in patroni &#40;1&#41;&#59; 1 derived value&#59; "
        "on 3 hosts&#58; pg1, pg2, pg3</code>\n"
        "- **prose only:** <code>1 page changed &#40;runbooks&#41;</code>\n"
        "\n"
        "#### <code>orders/production</code>\n"
        "\n"
        "| | what | before | after | line | from |\n"
        "|---|---|---|---|---|---|\n"
        "| `~` | <code>failover bound host-lost</code> | <code>28&#46;5 s</code> | <code>26 s</code> |  |  |\n"
        "\n"
        "<details>\n"
        "<summary><code>pg1, pg2, pg3</code>: 1 change in <code>patroni</code></summary>\n"
        "\n"
        "<code>patroni</code> <code>/etc/patroni/patroni&#46;yml</code>, read by <code>patroni&#46;service</code>\n"
        "\n"
        "| | what | before | after | line | from |\n"
        "|---|---|---|---|---|---|\n"
        "| `~` | <code>bootstrap&#46;dcs&#46;ttl</code> | <code>30</code> | <code>25</code> | 5 | "
        "<code>orders&#46;yaml&#58;14 objectives&#46;failover</code> |\n"
        "\n"
        "</details>\n"
        "\n"
        "Prose: <code>1 page changed &#40;runbooks&#41;</code>\n"
        "\n"
        "\n"
        "The effect of these changes on running processes is not judged by this version of pgc.\n"
    )


def test_markdown_that_is_too_long_is_cut_at_a_row_and_says_so() -> None:
    changes = tuple(setting(f"setting_{n}", "x" * 100, "y" * 100) for n in range(1000))
    shown = changes_markdown.markdown(changes)
    assert len(shown) < 65_536
    assert shown.count("<details>") == shown.count("</details>") == 1
    rows = shown.count("\n| `~` |")
    assert f"**{1000 - rows} rows did not fit here.** Run `pgc diff` to read them all." in shown


def test_json_of_changes_obeys_its_schema() -> None:
    document = valid(changes_json.as_json(CHANGES, base="HEAD (1a2b3c)", why=why), "diff.schema.json")
    assert (document["format_version"], document["base"], document["effects"]) == (1, "HEAD (1a2b3c)", "not-judged")
    assert document["counts"] == {
        "cluster": 0,
        "host": 0,
        "summary": 1,
        "file": 1,
        "attribute": 0,
        "setting": 5,
        "layout": 0,
        "page": 3,
    }
    assert document["changes"][1] == {
        "cluster": "orders",
        "environment": "production",
        "scope": "setting",
        "kind": "changed",
        "location": "/etc/patroni/patroni.yml",
        "plugin": "patroni",
        "format": "yaml",
        "consumer": "patroni.service",
        "setting": "bootstrap.dcs.ttl",
        "old": "30",
        "new": "25",
        "old_line": 4,
        "new_line": 5,
        "hosts": ["pg1", "pg2", "pg3"],
        "files": 0,
        "unknown": None,
        "lines_added": 0,
        "lines_removed": 0,
        "why": "orders.yaml:14 objectives.failover",
    }


def everywhere(text: str) -> tuple[Change, ...]:
    """Make changes that carry one text in every field."""
    return tuple(
        Change(
            text,
            text,
            scope,
            kind,
            text,
            text,
            text,
            text,
            text,
            old,
            new,
            1,
            1,
            (text, f"{text}2"),
            1,
            unknown,
            (1, 1),
        )
        for scope in Scope
        for kind in Kind
        for old, new in ((text, f"{text}{text}"), (f"1{text}", "2"))
        for unknown in ("", text)
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_every_view_of_a_change(text: str) -> None:
    changes = everywhere(text)
    shown = changes_view.text(changes, why=lambda change: text)
    assert not DANGEROUS.search(shown) and not re.search(r"^\s*::|##\[", shown, re.MULTILINE)
    document = changes_json.as_json(changes, base=text, why=lambda change: text)
    assert document.isascii() and valid(document, "diff.schema.json")["changes"][0]["setting"] == text
    page = changes_markdown.markdown(changes, why=lambda change: text, limit=10**9)
    assert not DANGEROUS.search(page) and page.count("<!--") == 1
    assert page.count("<details>") == page.count("</details>") > 0
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert all(line.count("|") == 7 for line in tables)
    assert {*re.findall(r"</?([a-z]+)", page.replace("<!--", ""))} <= {"code", "details", "summary", "br"}
    outside = re.sub(r"<code>.*?</code>", "", page)
    assert "@" not in outside.replace("&#", "") and "evil" not in outside and "alert" not in outside


@pytest.mark.parametrize("text", HOSTILE)
def test_rendered_markdown_shows_hostile_text_as_it_is(text: str) -> None:
    markdown_it = pytest.importorskip("markdown_it")
    page = changes_markdown.markdown(everywhere(text), why=lambda change: text, limit=10**9)
    rendered = markdown_it.MarkdownIt("gfm-like", {"linkify": False}).render(page)
    assert "<a " not in rendered and "<img" not in rendered and "<script" not in rendered and "<em>" not in rendered
    assert plain(text) in html.unescape(rendered)


@given(st.text(), st.text())
def test_two_texts_that_differ_are_never_shown_alike(old: str, new: str) -> None:
    shown = narrowed(old, new, 40)
    assert all(len(each) <= 40 and not DANGEROUS.search(each) for each in shown)
    if max(len(plain(old)), len(plain(new))) <= 40 and plain(old) != plain(new):
        assert shown[0] != shown[1]


def test_the_difference_of_two_long_texts_is_in_what_is_shown() -> None:
    old, new = narrowed("a" * 100 + "1" + "b" * 100, "a" * 100 + "2" + "b" * 100, 40)
    assert (old, new) == ("…" + "a" * 10 + "1" + "b" * 10 + "…", "…" + "a" * 10 + "2" + "b" * 10 + "…")
    assert fits("x" * 100, 10) == "xxxxxx…xxx"


def test_views_of_changes_and_findings_load_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from pgc.report import changes_view, diagnostics_formats, diagnostics_view\n"
        "heavy = ('rich', 'jsonschema', 'docker', 'ruamel', 'yaml', 'pydantic', 'jinja2')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
    assert Format("x").reader is None
