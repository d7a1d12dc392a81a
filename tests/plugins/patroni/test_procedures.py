"""Runbooks name real commands: every patronictl call is one that the real patronictl understands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from pgc.facts import Action, Runbook
from pgc_patroni import commands as shared
from tests.plugins.patroni.conftest import Compiled, manifest, real
from tests.plugins.patroni.tiny import certificates, server

SLUGS = {"failover", "switchover", "restart", "node-loss", "replication-lag", "rollback", "disk-full"}


def runbooks(compiled: Compiled, text: str = "{}") -> dict[str, Runbook]:
    found = compiled(manifest(text), server(17))
    assert found.cluster is not None
    return {book.slug: book for book in found.cluster.facts.all(Runbook)}


def actions(book: Runbook) -> Iterator[Action]:
    for chapter in book.chapters:
        yield from chapter.actions
        yield from chapter.undo


def test_every_procedure_of_high_availability_has_its_chapters_and_its_undo(compiled: Compiled) -> None:
    books = runbooks(compiled)
    assert set(books) == SLUGS
    for book in books.values():
        assert all(chapter.actions and chapter.undo for chapter in book.chapters), book.slug


def test_every_command_says_where_it_runs_and_what_it_answers(compiled: Compiled) -> None:
    for book in runbooks(compiled).values():
        for action in actions(book):
            assert not action.command or (action.on and action.expect), (book.slug, action)


def test_commands_name_the_clusters_own_file_scope_and_hosts(compiled: Compiled) -> None:
    commands = [
        action.command
        for book in runbooks(compiled).values()
        for action in actions(book)
        if "patronictl" in action.command
    ]
    assert commands
    assert all(command.startswith("patronictl -c /etc/patroni/patroni.yml ") for command in commands)
    assert any("switchover orders --leader pg1 --candidate pg2 --force" in command for command in commands)


@pytest.mark.parametrize("version", ["3.3", "4.0", "4.1"])
def test_the_real_patronictl_understands_every_command(compiled: Compiled, version: str) -> None:
    ctl = real("patroni.ctl").ctl
    for book in runbooks(compiled, f'{{version: "{version}"}}').values():
        for action in actions(book):
            if not action.command.startswith("patronictl"):
                continue
            words = shlex.split(action.command)[3:]
            command = ctl.commands[words[0]]
            known = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
            assert {word for word in words[1:] if word.startswith("--")} <= known, action.command


def test_what_changes_something_opens_the_shell_with_the_password_first(compiled: Compiled) -> None:
    """patronictl takes the REST API's password from the environment; list and show-config ask the DCS alone."""
    changing = re.compile(r"patronictl \S+ \S+ (?:switchover|failover|restart|reinit|pause|resume|reload|flush)")
    for book in runbooks(compiled).values():
        for chapter in book.chapters:
            opened = False
            for action in chapter.actions:
                opened = opened or action.command == shared.SHELL
                assert opened or not changing.match(action.command), (book.slug, action.command)


def test_probes_verify_the_certificate_where_there_is_one(compiled: Compiled) -> None:
    found = compiled(manifest(scheme="https"), server(17), certificates())
    assert found.cluster is not None
    commands = [
        action.command
        for book in found.cluster.facts.all(Runbook)
        for action in actions(book)
        if action.command.startswith("curl")
    ]
    assert commands
    assert all(
        "https://" in command and "--cacert /etc/ssl/authority.crt" in command and "-k" not in command.split()
        for command in commands
    )


def test_a_single_host_has_no_switchover(compiled: Compiled) -> None:
    one = "\n  pg1: {address: 10.0.0.11}\n"
    found = compiled(manifest("{synchronous: {accept_stall: true}}", hosts=one), server(17))
    assert found.cluster is not None
    assert {book.slug for book in found.cluster.facts.all(Runbook)} == {"failover", "restart", "rollback", "disk-full"}
