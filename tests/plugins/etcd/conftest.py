"""Compiling with etcd's plugin and those that it meets, and real members of etcd on the loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

from pgc.cluster import Site
from pgc.facts import Certificate, Chapter, Fact, Runbook
from pgc.pipeline import Compilation
from pgc.readers import read_env
from tests.plugins.keepalived.conftest import HEAD, plugin, text_of

ENV = "etc/etcd/etcd.env"
HOSTS = "hosts:\n  pg1: {address: 10.0.0.1, zone: a}\n  pg2: {address: 10.0.0.2, zone: b}\n  pg3: {address: 10.0.0.3, zone: c}\n"
DATA, REJOIN, SNAPSHOTS = "/var/lib/etcd/pgc", "/run/etcd", "/var/lib/etcd-snapshots"
DEADLINE_S = 40


def manifest(section: str = "{}", hosts: str = HOSTS, more: str = "") -> str:
    """Return a whole manifest around an etcd section."""
    return f"{HEAD}objectives: {{failover: 120s}}\npostgres: {{version: 17}}\netcd: {section}\n{more}{hosts}"


def env(compilation: Compilation, host: str = "pg1") -> dict[str, str]:
    """Return a member's environment."""
    return {each.name: each.value for each in read_env(text_of(compilation, f"hosts/{host}/{ENV}").encode())}


def members(compilation: Compilation) -> list[str]:
    """Return the hosts that have a member."""
    assert compilation.bundle is not None, [each.message for each in compilation.diagnostics]
    return [path.split("/")[1] for path in compilation.bundle.files if path.endswith(ENV)]


def chapters(compilation: Compilation, slug: str) -> dict[str, Chapter]:
    """Return the chapters of a procedure, by title."""
    assert compilation.cluster is not None, [each.message for each in compilation.diagnostics]
    (book,) = (each for each in compilation.cluster.facts.all(Runbook) if each.slug == slug)
    return {chapter.title: chapter for chapter in book.chapters}


def certificates(folder: Path, addresses: Sequence[str], names: Sequence[str] = ()) -> ModuleType:
    """Stand for whoever plans certificates: one authority, and one certificate that is good for all hosts, really made."""
    places = [f"IP:{address}" for address in (*addresses, "127.0.0.1")]  # on the loopback everybody calls from there
    known = ",".join((*places, *(f"DNS:{name}" for name in names)))
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    member = f"-addext subjectAltName={known} -addext basicConstraints=critical,CA:FALSE -CA ca.crt -CAkey ca.key"
    for more in (
        "-subj /CN=authority -keyout ca.key -out ca.crt",
        f"-subj /CN=member {member} -keyout host.key -out host.crt",
    ):
        subprocess.run(f"{new} {more}".split(), cwd=folder, check=True, capture_output=True)

    def give(site: Site) -> Iterable[Fact]:
        for host in site.hosts:
            yield Certificate(
                host=host.name,
                name="host",
                certificate_file=f"{folder}/host.crt",
                key_file=f"{folder}/host.key",
                authority_file=f"{folder}/ca.crt",
                names=(host.address,),
            )

    return plugin("keys", give)


def free_port(addresses: Sequence[str]) -> int:
    """Return a port that is free on all these addresses."""
    for _ in range(100):
        taken = [socket.socket() for _ in addresses]
        try:
            taken[0].bind((addresses[0], 0))
            port: int = taken[0].getsockname()[1]
            for each, address in zip(taken[1:], addresses[1:], strict=True):
                each.bind((address, port))
            return port
        except OSError:
            continue
        finally:
            for each in taken:
                each.close()
    raise AssertionError("no port is free on all addresses")


class Members:
    """Members of a compiled cluster as real processes on one machine, and its procedures carried out by hand.

    Only what one machine forces differs from the hosts: folders are below a temporary one, `systemctl` becomes the process itself, and
    nobody listens on 127.0.0.1, where all members would take the same port.
    """

    def __init__(self, compilation: Compilation, folder: Path) -> None:
        self.compilation, self.folder = compilation, folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.hosts = members(compilation)
        for host in self.hosts:
            (folder / host / "data").mkdir(parents=True, mode=0o700)
            (folder / host / "snapshots").mkdir()

    def here(self, text: str, host: str) -> str:
        """Return a text with the host's folders moved below the temporary one."""
        for there, name in ((SNAPSHOTS, "snapshots"), (DATA, "data"), (REJOIN, "run")):
            text = text.replace(there, f"{self.folder}/{host}/{name}")
        return text

    def start(self, host: str, wait: bool = False) -> None:
        """Start a member; like its unit's Type=notify, wait until it says that it is ready."""
        given = env(self.compilation, host)
        client, loopback = given["ETCD_LISTEN_CLIENT_URLS"].split(",")
        assert "//127.0.0.1:" in loopback
        given["ETCD_LISTEN_CLIENT_URLS"] = client
        given["ETCD_DATA_DIR"] = self.here(given["ETCD_DATA_DIR"], host)
        rejoin = self.folder / host / "run/rejoin.env"
        if rejoin.exists():  # EnvironmentFile=-/run/etcd/rejoin.env
            given |= {each.name: each.value for each in read_env(rejoin.read_bytes())}
        notified = self.folder / host / "notify"
        notified.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as said, (self.folder / host / "log").open("ab") as log:
            said.bind(str(notified))
            said.settimeout(DEADLINE_S)
            given["NOTIFY_SOCKET"] = str(notified)
            self.running[host] = subprocess.Popen(["etcd"], env=given, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            if wait:
                assert b"READY=1" in said.recv(4096), self.log(host)

    def stop(self, host: str, how: signal.Signals = signal.SIGTERM) -> None:
        process = self.running.pop(host, None)
        if process is not None:
            process.send_signal(how)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(15)

    def stop_all(self) -> None:
        for host in list(self.running):
            self.stop(host, signal.SIGKILL)

    def run(self, command: str, host: str) -> str:
        """Carry out a command of a runbook or a unit on a host, and return what it says. Raises AssertionError where it fails."""
        parts = [part.strip() for part in command.split("&&")]
        said = ""
        for part in parts:
            if part.startswith("systemctl"):
                verb = part.split()[1]
                if verb in ("stop", "restart"):
                    self.stop(host)
                if verb in ("start", "restart"):
                    self.start(host, wait="--no-block" not in part)
                continue
            text = self.here(part, host).replace("-o etcd ", "")
            done = self.patiently(text)
            assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}\n{self.log(host)}"
            said += done.stdout + done.stderr
        return said

    def patiently(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run a command; while the members still elect a leader they answer with a time-out, and a person asks again."""
        for _ in range(6):
            done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
            said = done.stdout + done.stderr
            if "member remove" in text and "not found" in said.lower():
                return subprocess.CompletedProcess(done.args, 0, done.stdout, done.stderr)  # the first try did it after all
            if done.returncode == 0 or not any(word in said for word in ("timed out", "deadline exceeded", "unhealthy cluster")):
                return done
            time.sleep(2)
        return done

    def until(self, command: str, host: str) -> str:
        """Carry a command out again and again until it succeeds, in bounded time."""
        end = time.monotonic() + DEADLINE_S
        while True:
            try:
                return self.run(command, host)
            except AssertionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.3)

    def log(self, host: str) -> str:
        path = self.folder / host / "log"
        return path.read_text()[-1500:] if path.exists() else ""

    def follow(self, chapter: Chapter, host: str, identity: str = "", without: tuple[str, ...] = ()) -> None:
        """Carry out a chapter's actions in their order, on the hosts that they name; a look is repeated until it is well."""
        for action in chapter.actions:
            if not action.command or any(each in action.command for each in without):
                continue
            on = action.on if action.on in self.hosts else host
            command = action.command.replace(" ID", f" {identity}")
            (self.until if "endpoint health" in command or "member add" in command else self.run)(command, on)


def version() -> str:
    """Return the minor version of the etcd that is installed, or nothing."""
    if shutil.which("etcd") is None or shutil.which("etcdctl") is None:
        return ""
    said = subprocess.run(
        ["etcd", "--version"], capture_output=True, text=True, check=False, env=dict(os.environ)
    ).stdout
    return ".".join(said.split()[2].split(".")[:2])
