"""Templates print values, and nobody's value becomes a second line, code, or a template."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2.exceptions import SecurityError, UndefinedError

from pgc.artifact import Unrepresentable
from pgc.diagnostics import path
from pgc.provenance import because
from pgc.templating import Templates, sql_name, sql_text, word


def _render(tmp_path: Path, template: str, **values: object) -> str:
    (tmp_path / "t.j2").write_text(template)
    return Templates({"p": tmp_path}).render("p/t.j2", values)


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\x00b", "a\x1bb"])
def test_a_control_character_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(Unrepresentable):
        _render(tmp_path, "x {{ v }}\n", v=value)


def test_template_syntax_in_a_value_stays_text(tmp_path: Path) -> None:
    assert _render(tmp_path, "x {{ v }}\n", v="{{ 7 * 7 }}{% raw %}") == "x {{ 7 * 7 }}{% raw %}\n"


def test_an_undefined_name_is_an_error_and_not_an_empty_text(tmp_path: Path) -> None:
    with pytest.raises(UndefinedError):
        _render(tmp_path, "{{ nothing }}")


def test_a_template_reaches_no_internals(tmp_path: Path) -> None:
    with pytest.raises(SecurityError):
        _render(tmp_path, "{{ v.__class__.__mro__ }}", v="x")


def test_each_printed_value_gives_its_line_an_origin(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text("one\n{% for x in xs %}\nx {{ x }}\n{% endfor %}\nend {{ y | sql_name }}\n")
    text, lines = Templates({"p": tmp_path}).traced(
        "p/t.j2", {"xs": [because(1, "a"), because(2, "b", path("m"))], "y": because("n", "c")}
    )
    assert text == 'one\nx 1\nx 2\nend "n"\n'
    assert [[origin.reason for origin in line] for line in lines] == [[], ["a"], ["b"], ["c"]]


def test_sql_is_quoted() -> None:
    assert sql_name('a"; DROP TABLE x; --') == '"a""; DROP TABLE x; --"'
    assert sql_text("it's") == "'it''s'"
    assert sql_text("a\\'b") == " E'a\\\\''b'"
    with pytest.raises(Unrepresentable):
        sql_text("a\x00b")


def test_a_word_is_one_word() -> None:
    assert word("/etc/ssl/pg1.pem") == "/etc/ssl/pg1.pem"
    with pytest.raises(Unrepresentable):
        word("a b")
