"""What the emitters write, any reader reads back; what a format cannot carry is refused."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pgc.artifact import Unrepresentable
from pgc.bodies import Env, Ini, Json, Plain, Yaml, unit
from pgc.diagnostics import path
from pgc.provenance import because

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(max_size=30)
    | st.sampled_from(
        [
            "no",
            "on",
            "0700",
            "1e3",
            "null",
            "~",
            "- a",
            "a: b",
            "# x",
            "{{ x }}",
            "*a",
            "&a",
            "!t",
            "'",
            '"',
            "12:30",
            ".inf",
            "=",
            "<<",
            "?",
            "\t",
            " a ",
            "\u2028",
            "\x85",
        ]
    )
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=12), inner, max_size=4),
    max_leaves=20,
)
MAPPINGS = st.dictionaries(st.text(min_size=1, max_size=12), DATA, max_size=5)


@given(MAPPINGS)
def test_yaml_is_read_back_as_it_was_by_both_yaml_versions(data: dict[str, object]) -> None:
    text = Yaml(data).text() if data else "{}\n"
    assert YAML(typ="safe", pure=True).load(text) == data
    assert yaml.safe_load(text) == data


@given(DATA)
def test_json_is_read_back_as_it_was(data: object) -> None:
    assert json.loads(Json(data).text()) == data


def test_each_line_knows_the_origin_of_its_value() -> None:
    body = Yaml({"a": because(1, "one", path("x")), "b": {"c": because(2, "two"), "d": [because("z", "three")]}})
    text, origins = body.traced()
    reasons = {
        line: [origin.reason for origin in found] for line, found in zip(text.splitlines(), origins, strict=True)
    }
    assert reasons == {"a: 1": ["one"], "b:": [], "  c: 2": ["two"], "  d:": [], "    - z": ["three"]}


@pytest.mark.parametrize(
    "body",
    [
        Ini((("s", (("k", "a\nb = c"),)),)),
        unit(("Service", (("ExecStart", "/bin/x\nUser=root"),))),
        Env({"A": "x\ny"}),
        Plain(("a\nb",)),
        Ini((("s", (("k", "a\x00b"),)),)),
    ],
)
def test_a_line_break_never_becomes_a_second_setting(body: Ini) -> None:
    with pytest.raises(Unrepresentable):
        body.text()


def test_an_environment_value_is_quoted_as_systemd_reads_it() -> None:
    assert Env({"A": 'x"$y`\\'}).text() == 'A="x\\"\\$y\\`\\\\"\n'
