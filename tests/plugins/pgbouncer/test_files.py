"""The files: what is in them, by version and with certificates, and that the product takes them."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from pgc import pipeline
from pgc.artifact import File, Format, Unrepresentable
from pgc.facts import HbaRule
from pgc.pipeline import Compilation
from pgc.readers import read_ini
from pgc.secrets import resolve
from pgc.verify import native
from pgc.verify.isolation import best
from pgc.verify.local import LocalRunner, search_path
from pgc.verify.verdicts import ACCEPTED, REJECTED
from pgc_pgbouncer import validators
from pgc_pgbouncer.reader import encode_password, read_userlist
from pgc_pgbouncer.render import peer_ids
from tests.plugins.pgbouncer.conftest import FILES, certificates, compiled, manifest, registry_with, text_of

FOLDER = "hosts/pg1/etc/pgbouncer"
UNIT = "hosts/pg1/etc/systemd/system/pgbouncer.service"
POOLER = shutil.which("pgbouncer", path=search_path())
asked = pytest.mark.skipif(
    POOLER is None or not best().spaces, reason="pgbouncer is not installed, or this machine allows no namespaces"
)


def settings(compilation: Compilation, name: str = "pgbouncer.ini") -> dict[str, str]:
    return {each.name: each.value for each in read_ini(text_of(compilation, f"{FOLDER}/{name}").encode())}


def installed() -> str:
    said = subprocess.run([POOLER or "pgbouncer", "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"PgBouncer (\d+\.\d+)", said)[1]  # type: ignore[index]


@pytest.mark.parametrize(
    ("version", "has", "lacks"),
    [
        ("1.18", (), ("auth_dbname", "cancel_wait_timeout", "max_prepared_statements")),
        ("1.19", ("auth_dbname", "cancel_wait_timeout"), ("max_prepared_statements",)),
        ("1.21", ("auth_dbname", "max_prepared_statements"), ()),
        ("1.25", ("auth_dbname", "max_prepared_statements"), ()),
    ],
)
def test_settings_are_those_of_the_version(version: str, has: tuple[str, ...], lacks: tuple[str, ...]) -> None:
    found = settings(compiled(manifest(f'{{version: "{version}"}}')))
    assert {f"pgbouncer.{name}" for name in has} <= set(found)
    assert not {f"pgbouncer.{name}" for name in lacks} & set(found)


def test_reserve_has_its_old_name_before_124() -> None:
    assert "reserve_pool=8" in settings(compiled(manifest('{version: "1.23"}')))["databases.orders"]
    assert "reserve_pool_size=8" in settings(compiled(manifest('{version: "1.24"}')))["databases.orders"]


def test_certificates_bring_tls_on_both_sides() -> None:
    compilation = compiled(manifest(), registry_with(certificates()))
    found = settings(compilation)
    certificate, key, authority = FILES
    for side, mode in (("client", "require"), ("server", "verify-full")):
        assert [found[f"pgbouncer.{side}_tls_{name}"] for name in ("sslmode", "cert_file", "key_file", "ca_file")] == [
            mode,
            certificate,
            key,
            authority,
        ]
    assert found["databases.orders"].startswith("host=10.0.0.1 port=5432 "), (
        "the certificate is verified, so PostgreSQL is named as the certificate names it"
    )
    assert compilation.cluster is not None
    rules = {
        (rule.connection, rule.address) for rule in compilation.cluster.facts.all(HbaRule) if rule.purpose == "pool"
    }
    assert rules == {("hostssl", "samehost")}


def test_without_certificates_the_file_is_the_same_on_all_hosts() -> None:
    compilation = compiled(manifest())
    assert compilation.bundle is not None
    files = [
        file
        for path, file in compilation.bundle.files.items()
        if path.endswith(("/pgbouncer.ini", "/peers.ini", "/userlist.txt"))
    ]
    assert len(files) == 9 and len({file.entry.sha256 for file in files}) == 3


def test_peers_keep_their_number_when_hosts_come_and_go() -> None:
    few, many = peer_ids(["pg1", "pg2", "pg3"]), peer_ids([f"pg{number}" for number in range(1, 301)])
    assert len(set(many.values())) == 300 and all(1 <= number <= 16383 for number in many.values())
    assert {name: many[name] for name in few} == few


def test_single_host_has_no_peers() -> None:
    compilation = compiled(
        manifest(objectives="{failover: 60s, data_loss: 16MB}", hosts="hosts:\n  pg1: {address: 10.0.0.1}\n")
    )
    assert compilation.bundle is not None and f"{FOLDER}/peer.ini" not in compilation.bundle.files
    assert "%include" not in text_of(compilation, f"{FOLDER}/pgbouncer.ini")


def test_raw_settings_replace_ours_and_switches_become_numbers() -> None:
    found = settings(compiled(manifest("{raw: {server_round_robin: true, log_stats: 1, syslog_ident: orders}}")))
    assert (found["pgbouncer.server_round_robin"], found["pgbouncer.log_stats"], found["pgbouncer.syslog_ident"]) == (
        "1",
        "1",
        "orders",
    )


def test_line_break_never_reaches_the_file() -> None:
    found = compiled(manifest('{raw: {syslog_ident: "two\\nadmin_users = mallory"}}'))
    assert [each.code for each in found.diagnostics if each.severity == "error"] == ["ART001"]


def test_every_setting_knows_why() -> None:
    compilation = compiled(manifest())
    text, origins, plugin = pipeline.trace(compilation, f"{FOLDER}/pgbouncer.ini")
    assert plugin == "pgbouncer" and len(origins) == text.count("\n")
    silent = [
        line
        for line, found in zip(text.splitlines(), origins, strict=True)
        if " = " in line and not any(each.reason for each in found)
    ]
    assert silent == ["unix_socket_mode = 0770"]


def test_unit_lets_it_open_what_it_needs() -> None:
    compilation = compiled(manifest("{max_client_connections: 5000}", objectives="{failover: 60s, connections: 2000}"))
    found = {each.name: each.value for each in read_ini(text_of(compilation, UNIT).encode())}
    assert int(found["Service.LimitNOFILE"]) >= 5000 + 40 + 4
    assert (found["Service.User"], found["Service.KillSignal"], found["Service.RuntimeDirectory"]) == (
        "pgbouncer",
        "SIGINT",
        "pgbouncer",
    )


# ── passwords ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "secret", ["plain", 'a"b""c', "back\\slash", "; not a comment", "ü 🙂", "' $x `y`", '"', "x" * 2047]
)
def test_password_is_read_back_as_it_was(secret: str) -> None:
    written = Format("pgbouncer.userlist", read_userlist, encode_secret=encode_password)
    content = resolve(text_of(compiled(manifest()), f"{FOLDER}/userlist.txt").encode(), written, lambda name: secret)
    assert [(each.name, each.value) for each in read_userlist(content)] == [("pool_auth", secret)]


@pytest.mark.parametrize("secret", ["", "two\nlines", "nul\x00", "x" * 2048, "ü" * 1024])
def test_password_that_does_not_fit_is_refused(secret: str) -> None:
    with pytest.raises(Unrepresentable):
        encode_password(secret)


# ── the product's own judgement ──────────────────────────────────────────────────────────────────────────────────────


def judged(files: list[File]) -> dict[str, native.Judged]:
    return {
        each.paths[0].rpartition("/")[2]: each for each in native.validate(files, validators.VALIDATORS, LocalRunner())
    }


def of_first_host(compilation: Compilation) -> list[File]:
    assert compilation.bundle is not None, [each.message for each in compilation.diagnostics]
    return [file for path, file in compilation.bundle.files.items() if path.startswith("hosts/pg1/")]


@asked
@pytest.mark.parametrize("tls", [False, True])
def test_pgbouncer_takes_the_file(tls: bool) -> None:
    pool = '{database: "it\'s", mode: session, size: 3}'
    section = f'{{version: "{installed()}", pools: {{x.y-z: {pool}}}, users: {{app: {{connections: 9}}}}}}'
    postgres = (
        '{version: 17, roles: {app: {}}, databases: {orders: {access: {app: read-write}}, user: {}, "it\'s": {}}}'
    )
    found = judged(of_first_host(compiled(manifest(section, postgres), registry_with(certificates()) if tls else None)))
    assert {name: each.verdict.result for name, each in found.items()} == dict.fromkeys(found, ACCEPTED), found


@asked
def test_pgbouncer_names_the_line_that_it_refuses() -> None:
    compilation = compiled(manifest(f'{{version: "{installed()}", raw: {{no_such_setting: 1}}}}'))
    verdict = judged(of_first_host(compilation))["pgbouncer.ini"].verdict
    lines = text_of(compilation, f"{FOLDER}/pgbouncer.ini").splitlines()
    assert verdict.result == REJECTED
    assert {lines[each.line - 1] for each in verdict.problems} == {"no_such_setting = 1"}


@asked
def test_another_versions_no_is_no_judgement() -> None:
    other = "1.25" if installed() != "1.25" else "1.18"
    verdict = judged(of_first_host(compiled(manifest(f'{{version: "{other}", raw: {{no_such_setting: 1}}}}'))))[
        "pgbouncer.ini"
    ].verdict
    assert verdict.result not in (ACCEPTED, REJECTED) and f"the file is for {other}" in verdict.reason
