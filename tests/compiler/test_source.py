"""Text becomes values with positions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgc import source
from pgc.diagnostics import path
from pgc.source import Unreadable, merge, read


def _codes(text: bytes) -> list[str]:
    with pytest.raises(Unreadable) as caught:
        read(text, "m.yaml")
    return [finding.code.code for finding in caught.value.findings]


def test_every_value_knows_its_place() -> None:
    whole = read(b"a:\n  b: [1, two]\n", "m.yaml")
    assert whole.data == {"a": {"b": [1, "two"]}}
    assert str(whole.span(path("a", "b", 1))) == "m.yaml:2:10"
    assert str(whole.span(path("a", "b"), of_key=True)) == "m.yaml:2:3"


def test_an_unwritten_value_has_the_place_of_its_deepest_written_ancestor() -> None:
    whole = read(b"a:\n  b: {c: 1}\n", "m.yaml")
    assert str(whole.span(path("a", "b", "nothing", "there"))) == "m.yaml:2:6"


def test_merged_key_points_at_its_anchor() -> None:
    whole = read(b"one: &one {memory: 16GB}\ntwo:\n  <<: *one\n  zone: b\n", "m.yaml")
    assert whole.data["two"] == {"zone": "b", "memory": "16GB"}
    assert str(whole.span(path("two", "memory"))) == "m.yaml:1:20"


def test_a_key_of_its_own_wins_over_a_merged_one() -> None:
    whole = read(b"one: &one {zone: a}\ntwo: {<<: *one, zone: b}\n", "m.yaml")
    assert whole.data["two"] == {"zone": "b"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("0700", 700),
        ("0o700", 448),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("~", None),
        ("", None),
        ("true", True),
        ("True", True),
        ("yes", "yes"),
        ('"17"', "17"),
        ("12:30:45", "12:30:45"),
        ("2026-11-23", "2026-11-23"),
        ("1_000", "1_000"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    assert read(f"a: {text}\n".encode(), "m.yaml").data["a"] == value


def test_all_findings_come_at_once() -> None:
    assert _codes(b"a: 1\na: 2\nb: !!python/name:os.system x\n3: x\n") == ["SRC002", "SRC004", "SRC003"]


def test_a_file_beyond_the_limit_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_BYTES", 10)
    assert _codes(b"a: 1234567890\n") == ["SRC007"]
    assert read(b"a: 123456\n", "m.yaml").data == {"a": 123456}


def test_bytes_that_are_no_text_have_a_line() -> None:
    with pytest.raises(Unreadable) as caught:
        read(b"a: 1\nb: \xff\xfe\n", "m.yaml")
    finding = caught.value.findings[0]
    assert (finding.code.code, str(finding.places[0])) == ("SRC008", "m.yaml:2:1")


def test_a_byte_order_mark_at_the_start_is_no_fault() -> None:
    assert read("\ufeffa: 1\n".encode(), "m.yaml").data == {"a": 1}


def test_windows_line_ends_are_no_fault() -> None:
    whole = read(b"a: 1\r\nb: 2\r\n", "m.yaml")
    assert str(whole.span(path("b"))) == "m.yaml:2:4"


def test_overrides_merge_key_by_key_and_keep_their_places() -> None:
    whole = read(b"x: {a: 1, b: [1, 2]}\nenvironments:\n  staging:\n    x: {b: [3], c: 4}\n", "m.yaml")
    staging = source.environment(whole, "staging")
    assert staging.data == {"x": {"a": 1, "b": [3], "c": 4}}
    assert str(staging.span(path("x", "a"))) == "m.yaml:1:8"
    assert str(staging.span(path("x", "c"))) == "m.yaml:4:20"
    assert whole.data["x"] == {"a": 1, "b": [1, 2]}, "the manifest itself is not changed"


def test_null_in_an_override_removes_a_key() -> None:
    base, over = read(b"a: {b: 1, c: 2}\n", "m.yaml").root, read(b"a: {b: null}\n", "m.yaml").root
    assert merge(base, over).value == {"a": {"c": 2}}


def test_a_billion_laughs_end_quickly_and_with_a_position() -> None:
    lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]".encode() for n in range(1, 30)]
    assert _codes(b"\n".join(lines)) == ["SRC005"]


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused_with_a_position_inside(content: bytes) -> None:
    try:
        read(content, "m.yaml")
    except Unreadable as problem:
        assert problem.findings
        lines = content.decode("utf-8", "replace").splitlines() or [""]
        for finding in problem.findings:
            for place in finding.places:
                assert 1 <= place.line <= max(len(lines), content.count(b"\n") + 1) + 1  # type: ignore[union-attr]
