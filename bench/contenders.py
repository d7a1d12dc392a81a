"""Who is measured beside pgc: each peer in its own folder under peers/ and its own virtual environment.

A peer's folder holds requirements.txt (every version pinned) and run.py INPUT OUTPUT TEMPLATES [VARIANT]; and, where
the tool wants the manifests in a form of its own, prepare.py INPUT PROJECT TEMPLATES, run before the clock starts.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PEERS = Path(__file__).with_name("peers")
PGC, FLOOR, BARE = "pgc", "plain Python", "bare Python"


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to use a peer. The caps are the largest numbers of hosts that it is measured with; `about` says why."""

    name: str
    peer: str
    variant: str = ""
    cold_up_to: int = 3000
    unchanged_up_to: int = 3000
    about: str = ""
    compiled: bool = False

    @property
    def folder(self) -> Path:
        return PEERS / self.peer

    @property
    def version(self) -> str:
        """Return what was pinned by name; what that depends on follows below a comment."""
        pinned = (self.folder / "requirements.txt").read_text().split("#")[0]
        return ", ".join(pinned.split())


CONTENDERS = (
    Contender(FLOOR, "plain", about="the floor: PyYAML's C loader and Jinja2, one process"),
    Contender("rjsonnet", "rjsonnet", about="one evaluation for all clusters, files written by Python", compiled=True),
    Contender("KCL", "kcl", about="one evaluation for all clusters, files written by Python", compiled=True),
    Contender(
        "Kapitan kadet",
        "kapitan",
        "data",
        unchanged_up_to=30,
        about="a target a cluster, kadet objects dumped as YAML; like its other two ways, it deletes its output first, which "
        "slows down whoever creates files next: unchanged up to 30 hosts",
    ),
    Contender(
        "Kapitan kadet (text)",
        "kapitan",
        "text",
        unchanged_up_to=30,
        about="a target a cluster, files finished in kadet and only written by Kapitan: the cheapest that it can do",
    ),
    Contender(
        "Kapitan jinja2",
        "kapitan",
        "jinja2",
        cold_up_to=300,
        unchanged_up_to=30,
        about="a target a host, Jinja2 templates; capped at 300 hosts: minutes beyond",
    ),
    Contender(
        "Ansible template",
        "ansible",
        cold_up_to=30,
        unchanged_up_to=3,
        about="local connection, pipelining, a fork a core; capped at 30 hosts cold and 3 unchanged: seconds a host",
    ),
)


def plain(text: str) -> str:
    """Return a message without the addresses and paths of the machine that it was made on."""
    return re.sub(r"\w+://\S+|host='[^']*'|(?<![\w.])/[\w.+-]+(/[\w.+-]+)+/?", "…", text).strip()


def python_of(peer: str, venvs: Path) -> Path:
    return venvs / peer / "bin" / "python"


def install(peer: str, venvs: Path, timeout_s: float = 600) -> str | None:
    """Install a peer as pinned, unless it is there already; return why that failed, or None."""
    wanted = PEERS / peer / "requirements.txt"
    stamp = venvs / peer / "installed.txt"
    if stamp.exists() and stamp.read_bytes() == wanted.read_bytes():
        return None
    create = [sys.executable, "-m", "venv", "--clear", str(venvs / peer)]
    fill = [str(python_of(peer, venvs)), "-m", "pip", "install", "--quiet", "--requirement", str(wanted)]
    for command in (create, fill):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return f"could not be installed within {timeout_s:.0f} s"
        if done.returncode != 0:
            errors = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
            return "could not be installed: " + plain(errors[-1])
    stamp.write_bytes(wanted.read_bytes())
    return None


def prepare(contender: Contender, venvs: Path, source: Path, project: Path, templates: Path) -> Path:
    """Return what the peer reads: the manifests themselves, or the project that its prepare.py makes of them (once)."""
    script = contender.folder / "prepare.py"
    if not script.exists():
        return source
    if not project.exists():
        project.parent.mkdir(parents=True, exist_ok=True)
        command = [python_of(contender.peer, venvs), script, source, project, templates]
        subprocess.run(command, check=True, capture_output=True, timeout=600)
    return project


def command(contender: Contender, venvs: Path, source: Path, output: Path, templates: Path) -> tuple[str, ...]:
    arguments = (source, output, templates, *filter(None, [contender.variant]))
    return tuple(map(str, (python_of(contender.peer, venvs), contender.folder / "run.py", *arguments)))
