"""Help, versions, lists: what pgc says of itself."""

from __future__ import annotations

import re

import pytest

from pgc.cli.commands import COMMANDS
from tests.process import Pgc


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_shows_usage_then_examples_then_what_it_does(pgc: Pgc, command: str) -> None:
    done = pgc(*command.split(), "--help")
    assert done.code == 0 and done.out == pgc(*command.split(), "-h").out
    usage, examples, rest = done.out.split("\n\n", 2)
    assert usage.startswith(f"Usage: pgc {command}".rstrip())
    first, *lines = examples.splitlines()
    assert first == "  Examples:" and all(re.match(r"    pgc \w+", line) for line in lines) and lines
    assert rest.strip() and "\nOptions:\n" in rest


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_use_options_that_there_are(pgc: Pgc, command: str) -> None:
    text = pgc(command, "--help").out
    examples, _, rest = text.partition("\n\n")[2].partition("\n\n")
    used = {option for line in examples.splitlines() for option in re.findall(r"(?<=\s)--[a-z-]+", line)}
    assert used <= set(re.findall(r"--[a-z-]+", rest))


def test_help_names_every_command_and_what_it_does(pgc: Pgc) -> None:
    text = pgc("--help").out
    for name, about in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(about)}$", text, re.MULTILINE)


def test_the_version_is_the_distributions(pgc: Pgc) -> None:
    from importlib.metadata import version

    assert pgc("--version").out == f"pgc, version {version('pgc')}\n"


def test_plugins_lists_every_plugin_with_its_distribution(pgc: Pgc) -> None:
    from importlib.metadata import entry_points

    done = pgc("plugins")
    listed = [line.split()[:3] for line in done.out.splitlines()]
    assert [name for name, *_ in listed] == sorted(each.name for each in entry_points(group="pgc"))
    assert all(len(line.split("  ")[-1]) > 10 for line in done.out.splitlines())


def test_schema_prints_one_document(pgc: Pgc) -> None:
    assert pgc("schema").document["title"] == "pgc cluster manifest"


def test_words_come_out_whole_whatever_the_terminals_encoding(pgc: Pgc) -> None:
    latin = {"PYTHONIOENCODING": "latin-1"}
    assert "‹ttl›" in pgc("explain", "PAT004").out
    assert "\\u2039ttl\\u203a" in pgc("explain", "PAT004", env=latin).out
    assert pgc("schema", env=latin).out == pgc("schema").out
