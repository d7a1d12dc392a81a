"""The shared readers: names that stay the same where the meaning does, right lines, and no damage that gets through."""

from __future__ import annotations

import time

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]
from hypothesis import given
from hypothesis import strategies as st

from pgc.artifact import Setting
from pgc.bodies import Env, Ini, Json, Yaml, unit
from pgc.readers import Item, NotReadable, read_env, read_ini, read_json, read_lines, read_yaml

READERS = (read_yaml, read_json, read_ini, read_env, read_lines)


def rows(settings: object) -> list[tuple[str, str, int]]:
    return [(each.name, each.value, each.line) for each in settings]  # type: ignore[attr-defined]


# ── YAML ──


def test_yaml_gives_dotted_paths_with_lines() -> None:
    content = b"# head\nscope: orders\nbootstrap:\n  dcs:\n    ttl: 30\n    maximum_lag_on_failover: 1048576\n"
    assert rows(read_yaml(content)) == [
        ("scope", "orders", 2),
        ("bootstrap.dcs.ttl", "30", 5),
        ("bootstrap.dcs.maximum_lag_on_failover", "1048576", 6),
    ]


def test_a_key_with_a_dot_is_quoted_in_its_name() -> None:
    assert rows(read_yaml(b"parameters:\n  pg_stat_statements.max: 5000\n")) == [
        ('parameters."pg_stat_statements.max"', "5000", 2)
    ]


def test_items_of_a_list_are_named_by_what_they_say() -> None:
    content = b"pg_hba:\n- local all all peer\n- host all all 10.0.0.0/8 scram-sha-256\n"
    assert list(read_yaml(content)) == [
        Item("pg_hba[local all all peer]", "local all all peer", 2, "pg_hba"),
        Item("pg_hba[host all all 10.0.0.0/8 scram-sha-256]", "host all all 10.0.0.0/8 scram-sha-256", 3, "pg_hba"),
    ]


def test_equal_items_of_a_list_get_ordinals() -> None:
    assert [each.name for each in read_yaml(b"- a\n- a\n- a\n")] == ["[a]", "[a]#2", "[a]#3"]


def test_mappings_in_a_list_are_named_by_their_identity() -> None:
    content = b"rules:\n- alert: Down\n  expr: up == 0\n- record: rate\n  expr: x\n"
    assert list(read_yaml(content)) == [
        Item("rules[alert=Down].alert", "Down", 2, "rules"),
        Setting("rules[alert=Down].expr", "up == 0", 3),
        Item("rules[record=rate].record", "rate", 4, "rules"),
        Setting("rules[record=rate].expr", "x", 5),
    ]


def test_two_mappings_with_one_identity_are_kept_apart() -> None:
    assert [each.name for each in read_yaml(b"- {name: a, x: 1}\n- {name: a, x: 2}\n")] == [
        "[name=a].name",
        "[name=a].x",
        "[name=a#2].name",
        "[name=a#2].x",
    ]


def test_a_mapping_with_one_key_in_a_list_is_named_by_it() -> None:
    assert list(read_yaml(b"initdb:\n- encoding: UTF8\n- data-checksums\n")) == [
        Item("initdb[encoding]", "UTF8", 2, "initdb"),
        Item("initdb[data-checksums]", "data-checksums", 3, "initdb"),
    ]


def test_a_list_of_lists_is_named_by_place() -> None:
    assert rows(read_yaml(b"a:\n- [1, 2]\n- [3]\n")) == [
        ("a[#1][1]", "1", 2),
        ("a[#1][2]", "2", 2),
        ("a[#2][3]", "3", 3),
    ]


def test_text_that_looks_like_another_type_keeps_its_quotes() -> None:
    content = b'a: "on"\nb: on\nc: "5"\nd: 5\ne: plain\nf: "plain"\ng: ""\nh:\ni: True\nj: {}\nk: []\n'
    assert {each.name: each.value for each in read_yaml(content)} == {
        "a": '"on"',
        "b": "on",
        "c": '"5"',
        "d": "5",
        "e": "plain",
        "f": "plain",
        "g": '""',
        "h": "null",
        "i": "true",
        "j": "{}",
        "k": "[]",
    }


def test_aliases_and_merge_keys_are_resolved() -> None:
    content = b"base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  y: 3\nagain: *b\n"
    assert {each.name: each.value for each in read_yaml(content)} == {
        "base.x": "1",
        "base.y": "2",
        "own.y": "3",
        "own.x": "1",
        "again.x": "1",
        "again.y": "2",
    }


def test_a_second_document_has_a_prefix() -> None:
    assert [each.name for each in read_yaml(b"a: 1\n---\na: 2\n")] == ["a", "document#2.a"]


def test_a_key_that_stands_twice_gets_an_ordinal() -> None:
    assert rows(read_yaml(b"a: 1\na: 2\n")) == [("a", "1", 1), ("a#2", "2", 2)]


def test_lines_are_those_of_an_editor_where_yaml_counts_others() -> None:
    assert rows(read_yaml("a: 'x\u2028y'\nb: 2\r\nc: 3\n".encode())) == [
        ("a", "x\u2028y", 1),
        ("b", "2", 2),
        ("c", "3", 3),
    ]


def test_a_block_scalar_stands_on_the_line_of_its_key() -> None:
    assert rows(read_yaml(b"x: 1\nsql: |\n  SELECT 1;\n  SELECT 2;\nz: 2\n")) == [
        ("x", "1", 1),
        ("sql", "SELECT 1;\nSELECT 2;\n", 2),
        ("z", "2", 5),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1, 2\nb: 3\n", "line 2: not YAML: did not find expected ',' or ']'"),
        (b"a: \xff\n", "line 1: not UTF-8 text"),
        (b"a: 1\nb: *missing\n", "line 2: no anchor &missing above"),
        (b"a: &a [*a]\n", "line 1: no anchor &a above"),
        (b"? [a, b]\n: 1\n", "line 1: a key that is not a plain value"),
        (b"a: \x01\n", "not YAML: unacceptable character #x0001"),
        (b"[" * 200, "line 1: nested deeper than 100 levels"),
    ],
)
def test_damaged_yaml_is_not_readable(content: bytes, message: str) -> None:
    with pytest.raises(NotReadable) as caught:
        list(read_yaml(content))
    assert str(caught.value).startswith(message)


def test_an_alias_bomb_is_not_readable() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    with pytest.raises(NotReadable, match="more than 200000 values"):
        list(read_yaml(bomb.encode()))


# ── JSON ──


def test_json_gives_dotted_paths_with_lines() -> None:
    content = b'{\n  "a": {"b": 1.5e3,\n    "c": [true, null, "x\\u00e9"]},\n  "d": "null"\n}\n'
    assert rows(read_json(content)) == [
        ("a.b", "1.5e3", 2),
        ("a.c[true]", "true", 3),
        ("a.c[null]", "null", 3),
        ("a.c[xé]", "xé", 3),
        ("d", '"null"', 4),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: a JSON value is missing"),
        (b'{"a": 1,\n}', 'line 2: `"` is missing'),
        (b'{"a" 1}', "line 1: `:` is missing"),
        (b"[1 2]", "line 1: `,` is missing"),
        (b'["a\nb"]', "line 1: a damaged string"),
        (b"{}\n{}", "line 2: something stands behind the end"),
        (b"[NaN]", "line 1: a JSON value is missing"),
        (b"[" * 5000, "line 1: nested deeper than 100 levels"),
    ],
)
def test_damaged_json_is_not_readable(content: bytes, message: str) -> None:
    with pytest.raises(NotReadable) as caught:
        list(read_json(content))
    assert str(caught.value) == message


# ── INI, environment files, lines ──


def test_ini_gives_sections_and_ordinals_for_repeated_keys() -> None:
    content = (
        b"# head\n[Service]\nExecStartPre=/bin/a\nExecStartPre=/bin/b \\\n  --long\n; note\n"
        b"Restart = no\n\n[databases]\n"
        b"* = host=10.0.0.1 port=5432\n"
    )
    assert rows(read_ini(content)) == [
        ("Service.ExecStartPre", "/bin/a", 3),
        ("Service.ExecStartPre#2", "/bin/b --long", 4),
        ("Service.Restart", "no", 7),
        ("databases.*", "host=10.0.0.1 port=5432", 10),
    ]


def test_ini_keys_before_a_section_have_no_prefix_and_may_lack_a_value() -> None:
    assert rows(read_ini(b"port = 5432\nskip-networking\n")) == [("port", "5432", 1), ("skip-networking", "", 2)]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"[open\n", "line 1: a section's name is not closed"), (b"[a]\n= 5\n", "line 2: a value without a name")],
)
def test_damaged_ini_is_not_readable(content: bytes, message: str) -> None:
    with pytest.raises(NotReadable) as caught:
        list(read_ini(content))
    assert str(caught.value) == message


def test_env_takes_quotes_and_escapes_off() -> None:
    content = b'A=1\nexport B="a \\"b\\" \\$c"\n# note\nC=\'x y\'\nA=2\nD=\n'
    assert rows(read_env(content)) == [
        ("A", "1", 1),
        ("B", 'a "b" $c', 2),
        ("C", "x y", 4),
        ("A#2", "2", 5),
        ("D", "", 6),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"A\n", "line 1: not NAME=value"),
        (b'A=1\nB="x\n', "line 2: a quote is not closed"),
        (b"1A=2\n", "line 1: not NAME=value"),
    ],
)
def test_damaged_env_is_not_readable(content: bytes, message: str) -> None:
    with pytest.raises(NotReadable) as caught:
        list(read_env(content))
    assert str(caught.value) == message


def test_lines_are_named_by_their_words_and_not_by_their_columns() -> None:
    content = b'# TYPE DB\nlocal   all  all\tpeer\n\nhost "my  db" all 10.0.0.0/8 reject\nlocal all all peer\n'
    assert list(read_lines(content)) == [
        Item("local all all peer", "local all all peer", 2, "lines"),
        Item('host "my  db" all 10.0.0.0/8 reject', 'host "my  db" all 10.0.0.0/8 reject', 4, "lines"),
        Item("local all all peer#2", "local all all peer", 5, "lines"),
    ]


# ── what the writers write, the readers read ──

_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | _texts,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(_texts, below, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_texts, _trees, max_size=5))
def test_what_the_dumpers_write_is_readable_with_unique_names(data: dict[str, object]) -> None:
    for body, reader in ((Yaml(data), read_yaml), (Json(data), read_json)):
        settings = list(reader(body.text().encode()))
        assert len({each.name for each in settings}) == len(settings)


@given(st.dictionaries(_texts, _trees, max_size=5))
def test_yaml_and_json_of_the_same_data_read_the_same(data: dict[str, object]) -> None:
    plain = yaml.safe_dump(data, allow_unicode=True, default_style='"')
    assert set(yaml.safe_load(plain)) == set(data)  # the sample survives YAML at all
    by_yaml = {each.name for each in read_yaml(Yaml(data).text().encode())}
    by_json = {each.name for each in read_json(Json(data).text().encode())}
    if data:
        assert by_yaml == by_json


def test_units_and_environment_files_come_back_as_they_were_written() -> None:
    written = unit(("Unit", [("After", "network.target"), ("After", "etcd.service")]), head=("made by pgc",)).text()
    assert [(each.name, each.value) for each in read_ini(written.encode())] == [
        ("Unit.After", "network.target"),
        ("Unit.After#2", "etcd.service"),
    ]
    values = {"A": 'quotes " and \\ and $x `y`', "B": "plain"}
    assert {each.name: each.value for each in read_env(Env(values).text().encode())} == values
    assert isinstance(Ini((("a", (("b", 1),)),)), Ini)


@pytest.mark.parametrize("reader", READERS)
@given(content=st.binary(max_size=200) | st.text("{}[]\"':,-&*!|>%@`#\\=\n\t ab1<?", max_size=80).map(str.encode))
def test_no_bytes_bring_a_reader_down(reader: object, content: bytes) -> None:
    try:
        settings = list(reader(content))  # type: ignore[operator]
    except NotReadable as problem:
        assert problem.problem and 0 <= problem.line <= content.count(b"\n") + 1
        return
    lines = content.count(b"\n") + 1
    assert len({each.name for each in settings}) == len(settings)
    assert all(1 <= each.line <= lines for each in settings)


def test_a_patroni_file_is_read_in_a_few_milliseconds() -> None:
    content = ("pg_hba:\n" + "".join(f"- host all user{n} 10.0.0.{n}/32 scram-sha-256\n" for n in range(200))).encode()
    content += b"parameters:\n" + b"".join(b"  setting_%d: %d\n" % (n, n) for n in range(200))
    start = time.process_time()
    for _ in range(10):
        list(read_yaml(content))
    assert (time.process_time() - start) / 10 < 0.05
