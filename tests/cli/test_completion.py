"""Shell completion, in the shells themselves."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.process import PROGRAM, Pgc, environment


def installed(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not on this machine")


def run(shell: list[str], script: str, folder: Path) -> str:
    """Run a script in a shell where `pgc` is on PATH."""
    env = environment(folder / ".home")
    done = subprocess.run(
        shell, input=script, env=env | {"PATH": f"{PROGRAM.parent}:{env['PATH']}"}, cwd=folder, text=True,
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@installed("bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["pgc", "com"], ["compile", "completion"]),
        (["pgc", "compile", "--fo"], ["--format", "--force"]),
        (["pgc", "compile", "--format", "s"], ["sarif"]),
        (["pgc", "completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes_commands_options_and_values(tmp_path: Path, words: list[str], offered: list[str]) -> None:
    script = f"""
        source <(pgc completion bash)
        complete -p pgc
        COMP_WORDS=({" ".join(repr(word) for word in words)}) COMP_CWORD={len(words) - 1}
        _pgc_completion pgc
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    registered, *found = run(["bash", "--norc", "-s"], script, tmp_path).splitlines()
    assert "_pgc_completion" in registered and found == offered


@installed("bash")
def test_a_tab_in_an_interactive_bash_completes_the_command(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text("")
    with Terminal(["bash", "--norc", "-i"], tmp_path, PS1="ready> ", PATH=f"{PROGRAM.parent}:/usr/bin:/bin") as bash:
        bash.wait_for("ready> ")
        bash.type('PS1="go> "; source <(pgc completion bash)\n')
        bash.wait_for("\ngo> ")
        bash.type("pgc vali\t")
        bash.wait_for("pgc validate ")
        bash.type("\x15pgc compile ord\t")
        bash.wait_for("pgc compile orders.yaml ")


@installed("zsh")
def test_zsh_completes_commands(tmp_path: Path) -> None:
    script = tmp_path / "_pgc"
    script.write_text(run(["sh"], "pgc completion zsh", tmp_path))
    probe = f"""
        autoload -Uz compinit && compinit -u -D
        source {script}
        compadd() {{ print -r -- "$@" }}
        _describe() {{ print -r -- ${{(P)${{@[-2]}}}} ; print -r -- ${{(P)${{@[2]}}}} }}
        words=(pgc com) CURRENT=2
        _pgc_completion
    """
    told = run(["zsh", "-f", "-s"], probe, tmp_path)
    assert "compile" in told and "completion" in told and "Compile manifests into generated/." in told


@installed("fish")
def test_fish_completes_commands_with_what_they_do(tmp_path: Path) -> None:
    found = run(["fish", "--no-config"], "pgc completion fish | source; complete --do-complete 'pgc com'", tmp_path)
    assert found.splitlines() == [
        "compile\tCompile manifests into generated/.",
        "completion\tPrint the completion script for bash, zsh or fish.",
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script_that_asks_pgc_itself(pgc: Pgc, shell: str) -> None:
    done = pgc("completion", shell)
    assert done.code == 0 and f"_PGC_COMPLETE={shell}_complete" in done.out and not re.search(r"%\(\w+\)s", done.out)


def test_another_shell_is_wrong_usage(pgc: Pgc) -> None:
    assert pgc("completion", "tcsh").code == 2


def test_a_request_that_no_shell_makes_is_wrong_usage(pgc: Pgc) -> None:
    assert pgc(env={"_PGC_COMPLETE": "tcsh_complete"}).code == 2
