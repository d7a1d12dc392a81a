"""The real patroni and the real postgres judge what was written; where one is missing, the test is skipped and says so."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pgc.artifact import File, digest
from pgc.hookspecs import Answer, Unclear
from pgc.pipeline import Compilation
from pgc.verify import native
from pgc.verify.local import LocalRunner, search_path
from pgc.verify.verdicts import ACCEPTED, NOT_VALIDATED, REJECTED, Judged
from pgc_patroni import validators
from tests.plugins.patroni.conftest import Compiled, manifest, real
from tests.plugins.patroni.test_render import FULL
from tests.plugins.patroni.tiny import certificates, facts, server

JUDGES = {judge.name: judge for judge in validators.validators()}
SERVERS = [major for major in validators.MAJORS if Path(f"/usr/lib/postgresql/{major}/bin/postgres").exists()]
CONFIG = "hosts/pg1/etc/patroni/patroni.yml"


def judged(found: Compilation, name: str, change: tuple[str, str] | None = None) -> Judged:
    """Have one host's patroni.yml judged, perhaps changed by hand."""
    assert found.bundle is not None, [each.message for each in found.diagnostics]
    files = {path: file for path, file in found.bundle.files.items() if path.startswith("hosts/pg1/")}
    if change:
        content = files[CONFIG].content.decode()
        assert change[0] in content
        changed = content.replace(*change).encode()
        files[CONFIG] = File(replace(files[CONFIG].entry, sha256=digest(changed)), changed)
    (answer,) = native.validate(files.values(), [JUDGES[name]], LocalRunner())
    if answer.verdict.result == NOT_VALIDATED:
        pytest.skip(f"{name}: {answer.verdict.reason}")
    return answer


@pytest.fixture(scope="module")
def patroni() -> str:
    if shutil.which("patroni", path=search_path()) is None:
        pytest.skip("patroni is not installed here")
    return "patroni"


@pytest.mark.parametrize("text", ["{}", FULL, '{version: "3.3"}', '{version: "4.1"}'])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_patroni_accepts_what_was_written(compiled: Compiled, patroni: str, text: str, scheme: str) -> None:
    others = [certificates()] if scheme == "https" else []
    answer = judged(
        compiled(manifest(text, "{failover: 60s, data_loss: none}", scheme=scheme), server(17), *others), patroni
    )
    assert answer.verdict.result == ACCEPTED, answer


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("    ttl: ", "    ttl: -", "bootstrap.dcs.ttl"),
        ("mode: automatic", "mode: sometimes", "watchdog.mode"),
        ("  listen: 10.0.0.11:8008", "  listen: nowhere", "restapi.listen"),
    ],
)
def test_patroni_refuses_what_is_wrong_and_the_line_is_known(
    compiled: Compiled, patroni: str, before: str, after: str, words: str
) -> None:
    found = compiled(manifest(), server(17))
    assert found.bundle is not None
    text = found.bundle.files[CONFIG].content.decode()
    before = before if before in text else before.replace("10.0.0.11:8008", '"10.0.0.11:8008"')
    answer = judged(found, patroni, (before, after))
    assert answer.verdict.result == REJECTED
    lines = text.replace(before, after).split("\n")
    problems = answer.verdict.problems
    assert any(
        words in problem.message and after.strip() in lines[problem.line - 1] + after.strip() and problem.line
        for problem in problems
    ), problems


def test_what_patroni_says_of_a_machine_is_no_fault_of_the_file() -> None:
    said = "etcd3.hosts.0 10.0.9.1:2379 didn't pass validation: 10.0.9.1:2379 is not reachable\n"
    assert list(JUDGES["patroni"].problems(Answer(1, said), b"scope: x\n")) == []
    with pytest.raises(Unclear):
        list(JUDGES["patroni"].problems(Answer(1, ""), b"scope: x\n"))


# ── parameters ──


@pytest.mark.parametrize("major", SERVERS)
def test_postgres_accepts_the_parameters_of_both_layers(compiled: Compiled, major: int) -> None:
    from pgc.facts import Parameter

    given = facts(
        "sizes",
        lambda: Parameter(name="work_mem", value=4096),
        lambda: Parameter(name="shared_buffers", value=262144, host="pg1"),
    )
    answer = judged(compiled(manifest(), server(major), given), f"postgres-{major}-parameters")
    assert answer.verdict.result == ACCEPTED, answer


@pytest.mark.parametrize("major", SERVERS)
def test_postgres_refuses_a_value_and_the_line_is_known(compiled: Compiled, major: int) -> None:
    found = compiled(manifest(), server(major))
    assert found.bundle is not None
    answer = judged(found, f"postgres-{major}-parameters", ("max_wal_senders: 10", "max_wal_senders: many"))
    assert answer.verdict.result == REJECTED
    (problem,) = answer.verdict.problems
    assert "max_wal_senders" in problem.message
    line = found.bundle.files[CONFIG].content.decode().split("\n")[problem.line - 1]
    assert "max_wal_senders" in line


def test_a_server_of_another_version_has_nothing_to_say(compiled: Compiled) -> None:
    found = compiled(manifest(), server(17))
    assert found.bundle is not None
    file = found.bundle.files[CONFIG]
    assert not list(JUDGES["postgres-15-parameters"].trials(file.entry, file.content, {}))
    assert list(JUDGES["postgres-17-parameters"].trials(file.entry, file.content, {}))


def test_local_parameters_win_over_dynamic_ones_as_in_patroni() -> None:
    text = b"bootstrap: {dcs: {postgresql: {parameters: {work_mem: 4MB, jit: 'off'}}}}\npostgresql: {parameters: {work_mem: 8MB}}\n"
    assert validators.parameters(text) == {"work_mem": "8MB", "jit": "off"}


# ── what Patroni itself makes of it ──


def test_patroni_runs_exactly_what_was_committed(
    compiled: Compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Loads the files into Patroni's own Config: no timer is adjusted, no parameter is dropped or replaced by a default."""
    config = real("patroni.config")
    for variable in [name for name in os.environ if name.startswith("PATRONI_")]:
        monkeypatch.delenv(variable)
    found = compiled(manifest(FULL), server(17))
    assert found.bundle is not None
    import yaml

    data = yaml.safe_load(found.bundle.files[CONFIG].content)
    data["postgresql"]["data_dir"] = str(tmp_path)
    (tmp_path / "patroni.yml").write_text(yaml.safe_dump(data))
    loaded = config.Config(str(tmp_path / "patroni.yml"))
    dynamic = yaml.safe_load(found.bundle.files["cluster/patroni/dynamic.yml"].content)
    loaded.set_dynamic_configuration({**dynamic})
    effective = loaded.copy()
    assert [effective[name] for name in ("ttl", "loop_wait", "retry_timeout")] == [
        dynamic[name] for name in ("ttl", "loop_wait", "retry_timeout")
    ]
    for name, value in dynamic["postgresql"]["parameters"].items():
        assert str(effective["postgresql"]["parameters"][name]) == str(value), name
    assert not [
        record for record in caplog.records if re.search(r"adjust|failed validation|Conflicting", record.getMessage())
    ]


@pytest.mark.parametrize("margin", ["5s", "half", "8s"])
def test_patronis_own_watchdog_has_the_slack_that_was_computed(compiled: Compiled, margin: str) -> None:
    watchdog = real("patroni.watchdog.base")
    found = compiled(
        manifest(f"{{watchdog: {{safety_margin: {margin}}}}}", "{failover: 120s, data_loss: none}"), server(17)
    )
    assert found.bundle is not None
    import yaml

    data = yaml.safe_load(found.bundle.files[CONFIG].content)
    dynamic = data["bootstrap"]["dcs"]
    seen = watchdog.WatchdogConfig({**data, **dynamic})
    assert seen.timing_slack >= dynamic["retry_timeout"] + 2
    assert seen.timeout + 2 <= dynamic["ttl"]
