"""The machinery of native validation, with tools that every machine has, and real products where they are installed."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath

import jsonschema  # type: ignore[import-untyped]
import pytest

from pgc.artifact import Entry, File, digest
from pgc.diagnostics import Path, Severity
from pgc.hookspecs import Answer, Problem, Trial, Unclear, Validator
from pgc.provenance import because
from pgc.verify import image, native, schemas
from pgc.verify.isolation import AS_NOBODY, OPEN_NETWORK, Isolation, best
from pgc.verify.local import LocalRunner
from pgc.verify.running import Impossible, Tool, staged, with_accounts
from pgc.verify.shape import compile_schema
from pgc.verify.throwaway import BOTH
from pgc.verify.verdicts import (
    ACCEPTED,
    NOT_VALIDATED,
    REJECTED,
    Judged,
    Verdict,
    diagnose_verdicts,
    dump_verdicts,
    read_verdicts,
    stored,
)

REPOSITORY = FilePath(__file__).parents[2]
SCHEMA = json.loads((REPOSITORY / "schemas" / "validation.schema.json").read_bytes())
BARE = Isolation((), AS_NOBODY if os.geteuid() == 0 and shutil.which("setpriv") else ())
"""As on a machine that allows no namespaces."""

isolated = pytest.mark.skipif(not best().spaces, reason="this machine allows no namespaces")


def a_file(path: str, content: bytes, form: str = "word") -> File:
    return File(Entry(path, digest(content), "test", form, "", "root:root", "0644"), content)


def a_script(script: str, **more: object) -> Validator:
    """Validate with a shell script that gets the file as `./file`; each of its lines is a problem: `LINE: text`."""

    def trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterator[Trial]:
        yield Trial(("sh", "-c", script), {"file": content}, **more)  # type: ignore[arg-type]

    return Validator("script", ("word",), "sh", ("-c", "echo sh 1.0"), trials, numbered)


def numbered(answer: Answer, _: bytes) -> Iterator[Problem]:
    for line in answer.output.splitlines():
        number, text = (*line.split(": ", 1), "")[:2]
        yield Problem(text, int(number)) if text and number.isdigit() else Problem(line)


def verdict_of(validator: Validator, content: bytes = b"x\n", runner: LocalRunner | None = None) -> Verdict:
    (judged,) = native.validate([a_file("hosts/a/etc/w", content)], [validator], runner or LocalRunner())
    return judged.verdict


class Counting:
    """A runner that counts: the machinery's own affair, so nothing of a product is imitated."""

    def __init__(self, version: str = "tool 1", missing: bool = False, said: str = "") -> None:
        self.version, self.missing, self.said = version, missing, said
        self.runs = 0
        self.lock = threading.Lock()

    def find(self, validator: Validator) -> Tool:
        if self.missing:
            raise Impossible(f"{validator.tool} is not on this machine", "install it")
        return Tool(self.version)

    def run(self, validator: Validator, tool: Tool, trial: Trial) -> Answer:
        with self.lock:
            self.runs += 1
        return Answer(0, self.said)


# ── what is run, and what is known already ───────────────────────────────────────────────────────────────────────────


def test_equal_files_on_many_hosts_run_once() -> None:
    files = [a_file(f"hosts/h{n}/etc/w", b"same\n") for n in range(50)]
    runner = Counting()
    (judged,) = native.validate(files, [a_script("true")], runner)
    assert runner.runs == 1
    assert judged.paths == tuple(sorted(file.entry.path for file in files))
    assert judged.verdict.sha256 == digest(b"same\n")


def test_a_known_verdict_of_the_same_version_is_kept() -> None:
    files, validator = [a_file("hosts/a/etc/w", b"x")], a_script("true")
    first = native.validate(files, [validator], Counting())
    runner = Counting()
    assert native.validate(files, [validator], runner, known=[each.verdict for each in first]) == first
    assert runner.runs == 0


@pytest.mark.parametrize(
    ("content", "script", "version"), [(b"y", "true", "tool 1"), (b"x", "false", "tool 1"), (b"x", "true", "tool 2")]
)
def test_other_bytes_another_command_or_another_version_run_again(content: bytes, script: str, version: str) -> None:
    known = [each.verdict for each in native.validate([a_file("a", b"x")], [a_script("true")], Counting())]
    runner = Counting(version)
    native.validate([a_file("a", content)], [a_script(script)], runner, known)
    assert runner.runs == 1


def test_other_files_of_the_host_that_are_laid_down_count_as_input() -> None:
    def trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterable[Trial]:
        return [Trial(("true",), {"w": content, "beside": others["/etc/beside"]})]

    validator = Validator("v", ("word",), "true", (), trials, numbered)
    tree = [a_file("hosts/a/etc/w", b"x"), a_file("hosts/b/etc/w", b"x")]
    beside = [a_file("hosts/a/etc/beside", b"1", "other"), a_file("hosts/b/etc/beside", b"2", "other")]
    assert len(native.plan([*tree, *beside], [validator])) == 2


def test_a_known_verdict_outlives_the_tool() -> None:
    files, validator = [a_file("a", b"x")], a_script("true")
    first = native.validate(files, [validator], Counting())
    again = native.validate(files, [validator], Counting(missing=True), [each.verdict for each in first])
    assert again == first


def test_a_missing_verdict_is_never_reused() -> None:
    files, validator = [a_file("a", b"x")], a_script("true")
    without = native.validate(files, [validator], Counting(missing=True))
    assert without[0].verdict.result == NOT_VALIDATED
    assert native.validate(files, [validator], Counting(), [without[0].verdict])[0].verdict.result == ACCEPTED


def test_a_validator_without_a_run_for_a_file_says_nothing_of_it() -> None:
    validator = Validator("v", ("word",), "true", (), lambda *_: (), numbered)
    assert native.validate([a_file("a", b"x")], [validator], Counting()) == ()


def test_the_order_of_files_and_validators_does_not_matter() -> None:
    files = [a_file(f"hosts/{name}/etc/w", name.encode()) for name in "cab"]
    validators = [a_script("true"), Validator("other", ("word",), "true", (), a_script("true").trials, numbered)]
    one = native.validate(files, validators, Counting())
    assert native.validate(files[::-1], validators[::-1], Counting()) == one
    assert len(one) == 6


def test_an_unclear_answer_is_no_verdict() -> None:
    def problems(answer: Answer, _: bytes) -> Iterator[Problem]:
        raise Unclear("it could not read its own configuration")

    validator = Validator("v", ("word",), "sh", ("-c", "echo 1"), a_script("true").trials, problems)
    verdict = native.validate([a_file("a", b"x")], [validator], Counting())[0].verdict
    assert (verdict.result, verdict.reason) == (
        NOT_VALIDATED,
        "sh gave no judgement: it could not read its own configuration",
    )


# ── real runs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tool_that_says_nothing_accepts() -> None:
    verdict = verdict_of(a_script("grep -q x file"))
    assert (verdict.result, verdict.version, verdict.problems) == (ACCEPTED, "sh 1.0", ())


def test_problems_keep_their_lines_in_order_and_once() -> None:
    verdict = verdict_of(a_script("echo '7: late'; echo '2: early' >&2; echo '2: early'; exit 1"))
    assert verdict.result == REJECTED
    assert verdict.problems == (Problem("early", 2), Problem("late", 7))


def test_a_missing_tool_is_not_validated_and_names_the_way_out() -> None:
    validator = Validator(
        "no such", ("word",), "pgc-no-such-tool", (), a_script("").trials, numbered, ("some-package",)
    )
    verdict = verdict_of(validator)
    assert (verdict.result, verdict.reason) == (NOT_VALIDATED, "pgc-no-such-tool is not on this machine")
    assert verdict.way_out == "install it (`apt-get install some-package`), or run `pgc validate --docker`"


def test_a_tool_is_looked_for_in_its_folders_only(tmp_path: FilePath) -> None:
    validator = Validator("sh", ("word",), "sh", (), a_script("").trials, numbered, folders=(str(tmp_path),))
    assert verdict_of(validator).reason == f"sh is not on this machine (looked in {tmp_path})"


def test_a_tool_that_cannot_be_executed_is_not_validated() -> None:
    verdict = verdict_of(a_script("exec ./file"))
    assert verdict.result == NOT_VALIDATED
    assert verdict.reason.startswith("sh could not be executed: ")


def test_a_tool_that_crashes_silently_is_not_validated() -> None:
    verdict = verdict_of(a_script("kill -SEGV $$"))
    assert verdict.result == NOT_VALIDATED
    assert verdict.reason.startswith("sh crashed (exit code ")


def test_a_tool_that_crashes_after_naming_a_problem_rejects() -> None:
    assert verdict_of(a_script("echo '3: bad'; kill -SEGV $$")).problems == (Problem("bad", 3),)


@pytest.mark.parametrize("isolation", [pytest.param(None, id="best"), pytest.param(BARE, id="bare")])
def test_a_timeout_ends_the_whole_group(isolation: Isolation | None) -> None:
    mark = f"pgc-{os.getpid()}-{time.monotonic_ns()}"
    script = f"sh -c 'while :; do sleep 0.1; done; : {mark}' & sh -c 'while :; do sleep 0.1; done; : {mark}'"
    start = time.monotonic()
    verdict = verdict_of(a_script(script, timeout_s=1), runner=LocalRunner(isolation=isolation))
    assert (verdict.result, verdict.reason) == (NOT_VALIDATED, "it took more than 1 s and was ended")
    assert time.monotonic() - start < 10
    assert eventually_gone(mark)


@isolated
def test_not_even_a_process_with_a_session_of_its_own_survives() -> None:
    mark = f"pgc-{os.getpid()}-{time.monotonic_ns()}"
    verdict_of(a_script(f"setsid sh -c 'while :; do sleep 0.1; done; : {mark}' >/dev/null 2>&1 &"))
    assert eventually_gone(mark)


def test_a_child_that_keeps_the_output_open_does_not_hold_up_the_answer() -> None:
    start = time.monotonic()
    assert verdict_of(a_script("sleep 20 & exit 0")).result == ACCEPTED
    assert time.monotonic() - start < 10


def eventually_gone(mark: str) -> bool:
    for _ in range(50):
        lines = []
        for entry in FilePath("/proc").glob("[0-9]*/cmdline"):
            try:
                lines.append(entry.read_bytes())
            except OSError:
                continue
        if not any(mark.encode() in line for line in lines):
            return True
        time.sleep(0.1)
    return False


def test_endless_output_is_cut_off() -> None:
    verdict = verdict_of(a_script("yes"))
    assert (verdict.result, verdict.reason) == (NOT_VALIDATED, "it said more than 256 KiB and was ended")


def test_what_a_tool_says_is_shown_on_one_line_without_control_characters() -> None:
    (problem,) = verdict_of(a_script("printf '1: \\033[31mred\\t\\342\\200\\256gnp\\377\\n'")).problems
    assert problem.message == "\\u001b[31mred \\u202egnp�"


def test_the_environment_is_clean_and_the_input_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    verdict = verdict_of(a_script("env | grep -v -e ^PATH= -e ^PWD= -e ^OLDPWD= -e ^SHLVL= -e ^_= | sort; cat"))
    assert [each.message for each in verdict.problems] == ["HOME=.", "LC_ALL=C.UTF-8", "TMPDIR=.", "TZ=UTC"]


def test_paths_in_the_answer_are_relative_so_that_verdicts_repeat() -> None:
    verdict = verdict_of(a_script('echo "1: $(pwd)/file"'))
    assert verdict.problems == (Problem("file", 1),)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user to give up to")
def test_a_tool_never_runs_as_root() -> None:
    assert verdict_of(a_script("id -u; grep CapEff /proc/self/status")).problems == (
        Problem("65534"),
        Problem("CapEff: 0000000000000000"),
    )


def test_the_tool_may_write_in_its_folder_and_not_over_what_was_laid_down() -> None:
    verdict = verdict_of(a_script("touch new && test -e new && cat file"))
    assert verdict.problems == (Problem("x"),)


def test_nothing_is_left_behind() -> None:
    (problem,) = verdict_of(a_script("mkdir -p a/b && touch a/b/c && ls -id .")).problems
    number = int(problem.message.split()[0])
    assert number not in {entry.stat().st_ino for entry in FilePath("/tmp").glob("pgc-*")}


# ── isolation ────────────────────────────────────────────────────────────────────────────────────────────────────────


@isolated
def test_there_is_no_network() -> None:
    verdict = verdict_of(a_script("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' | grep -v '^lo$'"))
    assert (verdict.problems, verdict.caveats) == ((), LocalRunner().isolation.caveats)


def test_a_run_that_was_not_isolated_says_so() -> None:
    assert OPEN_NETWORK in verdict_of(a_script("true"), runner=LocalRunner(isolation=BARE)).caveats


@pytest.mark.parametrize(
    "wish", [{"serves": True}, {"interfaces": ("eth7",)}, {"absolute": True}, {"accounts": ("x",)}]
)
def test_what_the_machine_cannot_give_is_not_validated(wish: dict[str, object]) -> None:
    def trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterable[Trial]:
        return [Trial(("true",), {"etc/w": content}, **wish)]  # type: ignore[arg-type]

    validator = Validator("v", ("word",), "true", ("--version",), trials, numbered)
    verdict = verdict_of(validator, runner=LocalRunner(isolation=BARE))
    assert verdict.result == NOT_VALIDATED
    assert verdict.way_out.startswith("run `pgc validate --docker`")


@pytest.mark.skipif(not best().overlays, reason="this machine shows no files at their absolute places")
def test_files_accounts_and_interfaces_are_there_as_on_the_host() -> None:
    def trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterable[Trial]:
        files = {"etc/pgc-test/x": content}
        script = "cat /etc/pgc-test/x; id -un keep; grep -o eth7 /proc/net/dev"
        return [Trial(("sh", "-c", script), files, absolute=True, accounts=("keep",), interfaces=("eth7",))]

    validator = Validator("v", ("word",), "sh", ("-c", "echo 1"), trials, numbered)
    assert [each.message for each in verdict_of(validator, b"seen\n").problems] == ["seen", "keep", "eth7"]
    assert not FilePath("/etc/pgc-test").exists()


@isolated
def test_a_server_can_bind_an_address_that_the_host_has_and_this_machine_has_not() -> None:
    bind = "import socket; socket.create_server(('192.0.2.77', 5432)).close(); print('1: bound')"

    def trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterable[Trial]:
        return [Trial(("/usr/bin/python3", "-c", bind), {}, serves=True)]

    if not FilePath("/usr/bin/python3").exists():
        pytest.skip("there is no /usr/bin/python3")
    validator = Validator("v", ("word",), "sh", ("-c", "echo 1"), trials, numbered)
    assert verdict_of(validator).problems == (Problem("bound", 1),)


@pytest.mark.parametrize(
    "path", ["../out", "/etc/passwd", "a/../../b", "", ".", "a//b", "nul\0", "x" * 300, "a/" + "ü" * 200, "a/./b"]
)
def test_a_hostile_path_is_refused_and_never_written(path: str) -> None:
    def trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterable[Trial]:
        return [Trial(("true",), {path: content})]

    verdict = verdict_of(Validator("v", ("word",), "true", ("--version",), trials, numbered))
    assert verdict.result == NOT_VALIDATED
    assert verdict.way_out == "rename the file in the manifest"


@pytest.mark.parametrize(
    "path", ["-rf", "a b", "$(touch pwned)", "'quoted'", "`x`", "new\nline", "{root}", "~", "ünïcode"]
)
def test_an_odd_but_harmless_name_is_laid_down_as_it_is(path: str) -> None:
    def trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterable[Trial]:
        return [Trial(("sh", "-c", "set -- ./*; echo $#; cat ./*"), {path: content})]

    verdict = verdict_of(Validator("v", ("word",), "sh", ("-c", "echo 1"), trials, numbered))
    assert [each.message.strip() for each in verdict.problems] == ["1", "x"]


@pytest.mark.parametrize("name", ["a b", "-x", "x:0:0", "a\nb", "", "x" * 40, "$(id)"])
def test_a_hostile_account_is_refused(name: str) -> None:
    with pytest.raises(Impossible):
        list(staged(Trial(("true",), {}, accounts=(name,))))


def test_accounts_that_exist_stay_as_they_are() -> None:
    files = with_accounts(("root", "new"), b"root:x:0:0::/root:/bin/sh\n", b"root:x:0:\n")
    assert files["etc/passwd"] == b"root:x:0:0::/root:/bin/sh\nnew:x:61001:61001::/nonexistent:/usr/sbin/nologin\n"
    assert files["etc/group"] == b"root:x:0:\nnew:x:61001:\n"


# ── the file of verdicts, and diagnostics ────────────────────────────────────────────────────────────────────────────

A, B = "a" * 64, "b" * 64
VERDICTS = (
    Verdict(
        A,
        B,
        "haproxy -c",
        REJECTED,
        "HAProxy 3.0",
        problems=(Problem("unknown keyword 'bogus'", 25), Problem("no line")),
    ),
    Verdict(B, A, "etcd", NOT_VALIDATED, reason="etcd is not on this machine", way_out="install it"),
    Verdict(A, A, "patroni", ACCEPTED, "patroni 4.1", caveats=(OPEN_NETWORK,)),
)


def test_the_file_of_verdicts_reads_back_and_obeys_its_schema() -> None:
    content = dump_verdicts(VERDICTS)
    assert sorted(read_verdicts(content), key=lambda each: each.validator) == sorted(
        VERDICTS, key=lambda each: each.validator
    )
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(content))
    assert list(compile_schema(SCHEMA)(json.loads(content), (), None)) == []


def test_the_file_of_verdicts_has_one_line_a_verdict_and_no_other_order() -> None:
    content = dump_verdicts(VERDICTS)
    assert dump_verdicts((*reversed(VERDICTS), VERDICTS[0])) == content
    assert sum(b'"sha256"' in line for line in content.splitlines()) == 3


def test_no_verdicts_are_a_file_too() -> None:
    assert json.loads(dump_verdicts(())) == {"format_version": 1, "verdicts": []}


STRANGE = {"sha256": A, "inputs": B, "validator": "v", "version": "", "result": "fine"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"format_version": 2, "verdicts": []}',
        b'{"format_version": 1, "verdicts": [{}]}',
        json.dumps({"format_version": 1, "verdicts": [STRANGE]}).encode(),
    ],
)
def test_a_damaged_file_of_verdicts_is_told_and_counts_as_empty(content: bytes) -> None:
    verdicts, (diagnostic,) = stored(content, "generated/a/validation.json")
    assert verdicts == ()
    assert (diagnostic.code, diagnostic.severity) == ("VAL004", Severity.WARNING)
    assert diagnostic.span.file == "generated/a/validation.json"


def test_a_file_that_is_not_there_is_no_fault() -> None:
    assert stored(None, "validation.json") == ((), ())


def test_what_is_told_has_the_line_in_every_file_that_has_the_bytes() -> None:
    judged = [Judged(VERDICTS[0], ("hosts/a/etc/h", "hosts/b/etc/h"))]
    first, second = diagnose_verdicts(judged, "generated/orders/")
    assert first.message == "haproxy -c (HAProxy 3.0) refuses this file: unknown keyword 'bogus'"
    assert [str(span) for span in first.spans] == [
        "generated/orders/hosts/a/etc/h:25:1",
        "generated/orders/hosts/b/etc/h:25:1",
    ]
    assert second.span.line == 1


def test_what_was_not_seen_is_a_warning_and_an_error_where_validators_are_required() -> None:
    judged = [Judged(VERDICTS[1], ("hosts/a/etc/e",)), Judged(VERDICTS[2], ("hosts/a/etc/p",))]
    (told,) = diagnose_verdicts(judged)
    assert (told.code, told.severity, told.hint) == ("VAL002", Severity.WARNING, "install it")
    (told,) = diagnose_verdicts(judged, require=True)
    assert (told.code, told.severity) == ("VAL003", Severity.ERROR)


# ── JSON Schemas and readers ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_fault_in_a_body_points_at_the_manifest() -> None:
    check = compile_schema({"properties": {"ttl": {"type": "integer"}}, "additionalProperties": False})
    data = {"ttl": because("x", "a test", Path(("patroni", "ttl"))), "more": 1}
    first, second = schemas.check_body("hosts/a/etc/p.yml", data, "p.json", check)
    assert first.places == (Path(("patroni", "ttl")),)
    assert dict(first.values)["problem"] == 'is "x", which is not of the type integer'
    assert dict(second.values)["where"] == "more"


def test_a_fault_in_bytes_points_at_its_line() -> None:
    schema = {"properties": {"a": {"properties": {"b": {"type": "integer"}}}}}
    (finding,) = schemas.check_document("x.yml", b"a:\n  c: 1\n  b: two\n", "x.json", schema)
    assert str(finding.places[0]).startswith("x.yml:3:6")


def test_a_schema_that_needs_more_than_is_known_is_refused() -> None:
    with pytest.raises(ValueError, match="'if'"):
        compile_schema({"properties": {"a": {"if": {}}}})


AGREE = {
    "type": "object",
    "required": ["a"],
    "properties": {
        "a": {"type": ["integer", "null"], "minimum": 1, "maximum": 5},
        "b": {"type": "string", "pattern": "^x", "minLength": 2, "maxLength": 3},
        "c": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "minItems": 1, "maxItems": 2, "uniqueItems": True},
        "d": {"enum": [1, "one", True]},
        "e": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["z"]}]},
        "f": {"const": 3},
        "g": {"allOf": [{"type": "number"}, {"minimum": 2}]},
    },
    "patternProperties": {"^p_": {"type": "boolean"}},
    "additionalProperties": {"type": "integer"},
    "minProperties": 1,
    "$defs": {"tree": {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}}},
}


@pytest.mark.parametrize(
    "data",
    [
        {"a": 1}, {"a": None}, {"a": True}, {"a": 0}, {"a": 6}, {"a": 2.0}, {"a": 2.5}, {}, [], None, {"b": "xy"},
        {"a": 1, "b": "x"}, {"a": 1, "b": "xxxx"}, {"a": 1, "b": "yx"}, {"a": 1, "b": 3},
        {"a": 1, "c": []}, {"a": 1, "c": [{}]}, {"a": 1, "c": [{}, {}]}, {"a": 1, "c": [{"t": {"u": {}}}]},
        {"a": 1, "c": [{"t": {"u": 1}}]}, {"a": 1, "c": [{}, {"a": {}}, {"b": {}}]},
        {"a": 1, "d": 1}, {"a": 1, "d": True}, {"a": 1, "d": False}, {"a": 1, "d": "two"},
        {"a": 1, "e": "s"}, {"a": 1, "e": {"z": 1}}, {"a": 1, "e": {}}, {"a": 1, "e": 4},
        {"a": 1, "f": 3}, {"a": 1, "f": 4}, {"a": 1, "g": 2}, {"a": 1, "g": 1}, {"a": 1, "g": "x"},
        {"a": 1, "p_x": True}, {"a": 1, "p_x": 1}, {"a": 1, "q": 1}, {"a": 1, "q": "x"},
    ],
)  # fmt: skip
def test_pgcs_own_checker_agrees_with_jsonschema(data: object) -> None:
    theirs = sorted(tuple(error.absolute_path) for error in jsonschema.Draft202012Validator(AGREE).iter_errors(data))
    ours = sorted(fault.where for fault in compile_schema(AGREE)(data, (), None))
    assert bool(ours) == bool(theirs)
    if not isinstance(data, dict) or "q" not in data:
        assert {where[:1] for where in ours} <= {where[:1] for where in theirs} | {("a",), ("q",), ("p_x",)}


def test_a_file_that_its_reader_does_not_understand_is_found() -> None:
    from pgc.artifact import Setting

    def twice(content: bytes) -> Iterable[Setting]:
        return [Setting("a", "1", 1), Setting("a", "2", 2), Setting("b", "3", 9)]

    def refuses(content: bytes) -> Iterable[Setting]:
        raise ValueError("no such dialect")

    problems = [dict(each.values)["problem"] for each in schemas.check_readable("x.ini", "ini", b"a\nb\n", twice)]
    assert problems == ["a stands there twice (first in line 1)", "b is said to stand in line 9 of 3"]
    (finding,) = schemas.check_readable("x.ini", "ini", b"", refuses)
    assert dict(finding.values)["problem"] == "ValueError: no such dialect"


# ── the real tools ───────────────────────────────────────────────────────────────────────────────────────────────────


def real(tool: str, folder: str = "") -> str:
    found = shutil.which(tool, path=folder or LocalRunner().path)
    if found is None:
        pytest.skip(f"{tool} is not on this machine")
    if not best().overlays:
        pytest.skip("this machine allows no namespaces")
    return found


def a_product(argv: tuple[str, ...], path: str, **more: object) -> Validator:
    def trials(entry: Entry, content: bytes, others: Mapping[str, bytes]) -> Iterable[Trial]:
        beside = {"etc/pgc-test/cert.pem": BOTH, "etc/pgc-test/check": b"#!/bin/sh\n"}
        return [Trial(argv, {path: content, **beside}, absolute=True, **more)]  # type: ignore[arg-type]

    def problems(answer: Answer, _: bytes) -> Iterator[Problem]:
        if answer.exit_code not in (0, 124):
            yield Problem(answer.output)

    return Validator(
        argv[0],
        ("word",),
        next(each for each in argv if not each[0].isdigit() and each != "timeout"),
        ("-v",),
        trials,
        problems,
    )


HAPROXY = b"""\
global
    user pgc-test
defaults
    mode tcp
    timeout connect 1s
    timeout client 1s
    timeout server 1s
listen rw
    bind 192.0.2.1:5000 ssl crt /etc/pgc-test/cert.pem
"""


@pytest.mark.parametrize(("content", "result"), [(HAPROXY, ACCEPTED), (HAPROXY + b"    bogus 1\n", REJECTED)])
def test_haproxy_sees_certificates_and_accounts_of_the_host(content: bytes, result: str) -> None:
    real("haproxy")
    validator = a_product(
        ("haproxy", "-c", "-f", "etc/haproxy/haproxy.cfg"), "etc/haproxy/haproxy.cfg", accounts=("pgc-test",)
    )
    assert verdict_of(validator, content).result == result


KEEPALIVED = b"""\
vrrp_script check {
    script "/etc/pgc-test/check"
    user pgc-test
}
vrrp_instance V {
    interface pgc0
    virtual_router_id 51
    virtual_ipaddress {
        192.0.2.9/24
    }
}
"""


@pytest.mark.parametrize(
    ("content", "result"), [(KEEPALIVED, ACCEPTED), (KEEPALIVED.replace(b"id 51", b"id x"), REJECTED)]
)
def test_keepalived_sees_interfaces_of_the_host(content: bytes, result: str) -> None:
    real("keepalived")
    argv = ("keepalived", "-t", "-f", "etc/keepalived/k.conf")
    verdict = verdict_of(
        a_product(argv, "etc/keepalived/k.conf", accounts=("pgc-test",), interfaces=("pgc0",)), content
    )
    assert verdict.result == result or "insecure" in verdict.problems[0].message


@pytest.mark.parametrize(("port", "result"), [(b"6432", ACCEPTED), (b"many", REJECTED)])
def test_pgbouncer_serves_on_an_address_of_the_host(port: bytes, result: str) -> None:
    real("pgbouncer")
    content = b"[databases]\n[pgbouncer]\nlisten_addr = 192.0.2.1\nunix_socket_dir =\nlisten_port = " + port + b"\n"
    validator = a_product(("timeout", "1", "pgbouncer", "etc/pgbouncer.ini"), "etc/pgbouncer.ini", serves=True)
    assert verdict_of(validator, content).result == result


def test_postgres_runs_though_the_caller_is_root() -> None:
    real("postgres")
    script = "mkdir -m 700 d && cp etc/p.conf d/postgresql.conf && postgres -D d -C port"
    for content, result in ((b"port = 5433\n", ACCEPTED), (b"port = x\n", REJECTED)):
        assert verdict_of(a_product(("sh", "-c", script), "etc/p.conf"), content).result == result


# ── the image ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_image_is_named_by_what_is_in_it() -> None:
    one, two = a_script(""), Validator("v", (), "x", (), lambda *_: (), numbered, ("haproxy", "etcd-server"))
    assert image.tag([one]) != image.tag([one, two]) == image.tag([two, one])
    assert "-e etcd-server -e haproxy -e iproute2 -e util-linux" in image.dockerfile([two])


def test_a_hostile_package_does_not_reach_the_dockerfile() -> None:
    with pytest.raises(ValueError, match="not the name of a Debian package"):
        image.dockerfile([Validator("v", (), "x", (), lambda *_: (), numbered, ("x; rm -rf /",))])


def test_an_engine_that_is_not_there_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from pgc.verify.container import ContainerRunner

    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(Impossible, match="Docker engine does not answer") as told:
        ContainerRunner([])
    assert "docker info" in told.value.way_out


def test_a_missing_image_is_told_with_the_way_out() -> None:
    from pgc.verify.container import ContainerRunner, connect

    try:
        connect()
    except Impossible as problem:
        pytest.skip(problem.reason)
    with pytest.raises(Impossible, match="the engine has no image pgc-no-such-image:1"):
        ContainerRunner([], "pgc-no-such-image:1")


def test_a_container_runs_a_trial_and_is_removed() -> None:
    from pgc.verify.container import ContainerRunner, connect

    try:
        client = connect()
    except Impossible as problem:
        pytest.skip(problem.reason)
    present = [tag for each in client.images.list() for tag in each.tags if tag.startswith(image.REPOSITORY)]
    if not present:
        pytest.skip(f"no image {image.REPOSITORY} has been built on this engine")
    runner = ContainerRunner([], present[0])
    before = len(client.containers.list(all=True))
    validator = a_script("cat file; id -u; ls /sys/class/net")
    (judged,) = native.validate([a_file("a", b"seen\n")], [validator], runner)
    assert [each.message for each in judged.verdict.problems] == ["seen", "65534", "lo"]
    (judged,) = native.validate([a_file("a", b"")], [a_script("sleep 60", timeout_s=1)], runner)
    assert judged.verdict.reason == "it took more than 1 s and was ended"
    assert len(client.containers.list(all=True)) == before


def test_no_heavy_module_reaches_those_who_only_need_the_codes() -> None:
    import subprocess

    heavy = {"docker", "jsonschema", "requests", "subprocess"}
    script = f"import sys; from pgc.verify import native; print(*{heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "\n"
