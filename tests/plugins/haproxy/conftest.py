"""Compiling with HAProxy's plugin alone, tiny plugins that stand for Patroni and a pooler, and servers that play their parts."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType

import pgc_haproxy
from pgc import pipeline, source
from pgc import registry as registries
from pgc.cluster import Site
from pgc.facts import Endpoint, Fact
from pgc.pipeline import Compilation
from pgc.verify.local import search_path
from tests.plugins.keepalived.conftest import HEAD, plugin, text_of

CFG, UNIT = "etc/haproxy/haproxy.cfg", "etc/systemd/system/haproxy.service"
HAPROXY = shutil.which("haproxy", path=search_path())
HOSTS = "hosts:\n  pg1: {address: 10.0.0.1, zone: a}\n  pg2: {address: 10.0.0.2, zone: b}\n  pg3: {address: 10.0.0.3, zone: c}\n"
PATHS = (("primary", "/primary"), ("replica", "/replica"), ("sync", "/sync"))
PASSWORD = 'a "quoted" $word # and more'


def manifest(section: str = "{}", hosts: str = HOSTS, objectives: str = "{failover: 120s}", more: str = "") -> str:
    """Return a whole manifest around an haproxy section."""
    return f"{HEAD}objectives: {objectives}\nhaproxy: {section}\n{more}{hosts}"


def database(
    probe_port: int = 8008,
    port: int = 6432,
    paths: Sequence[tuple[str, str]] = PATHS,
    scheme: str = "http",
    clients: str = "",
) -> ModuleType:
    """Stand for Patroni and a pooler on every host."""

    def give(site: Site) -> Iterable[Fact]:
        for host in site.hosts:
            known = {"host": host.name, "address": host.address}
            yield Endpoint(offers="pg.role-probe", port=probe_port, scheme=scheme, details=tuple(paths), **known)
            details = (("max_clients", clients),) if clients else ()
            yield Endpoint(offers="pg.pooled", port=port, details=details, **known)

    return plugin("database", give)


def compiled(text: str, *others: ModuleType) -> Compilation:
    """Compile with HAProxy's plugin and these."""
    modules = others if any(each.__name__ == "database" for each in others) else (database(), *others)
    rows = [("haproxy", pgc_haproxy, "pgc", "0"), *((each.__name__, each, "test", "0") for each in modules)]
    used = registries.build(rows)
    return pipeline.compile_source(source.read(text.encode(), "m.yaml"), None, used, used.templates(), lambda name: "")


def config(compilation: Compilation, host: str = "pg1") -> str:
    return text_of(compilation, f"hosts/{host}/{CFG}")


def section(text: str, title: str) -> list[str]:
    """Return the lines of one section."""
    found = re.search(rf"^{re.escape(title)}\n((?:    .*\n|\n)*)", text, re.MULTILINE)
    assert found, f"no section {title}"
    return [line.strip() for line in found[1].splitlines() if line.strip()]


def free_ports(count: int) -> list[int]:
    """Return ports that nobody has on any address."""
    taken = [socket.socket() for _ in range(count)]
    try:
        for each in taken:
            each.bind(("0.0.0.0", 0))
        return [each.getsockname()[1] for each in taken]
    finally:
        for each in taken:
            each.close()


class Node:
    """A database host that plays: a role probe over HTTP, and a port that tells its name and then waits."""

    def __init__(self, name: str, address: str, probe_port: int, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.name, self.roles, self.asked = name, set[str](), 0
        self._places = (address, probe_port, port, tls)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    async def _serve(self) -> None:
        address, probe_port, port, tls = self._places
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        await asyncio.start_server(self._probe, address, probe_port, ssl=tls)
        await asyncio.start_server(self._session, address, port)
        self._ready.set()
        await self._end.wait()

    async def _probe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            path = request.split()[1].decode().split("?")[0].strip("/")
            status = "200 OK" if path in self.roles else "503 Service Unavailable"
            writer.write(f"HTTP/1.0 {status}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(f"{self.name}\n".encode())
            await writer.drain()
            await reader.read()
        except OSError:
            pass
        finally:
            writer.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)


class Balancer:
    """The real HAProxy with a rendered file. Only what needs root or the host's folders is left out or moved."""

    def __init__(self, compilation: Compilation, folder: Path) -> None:
        text = config(compilation).replace("/run/haproxy", str(folder))
        self.text = re.sub(r"^    (user|group|chroot) .*\n", "", text, flags=re.MULTILINE)
        self.folder, self.compilation = folder, compilation
        for line in text_of(compilation, f"hosts/pg1/{UNIT}").splitlines():
            if line.startswith("ExecStartPre=/bin/sh"):  # certificate and key become one file
                command = line.partition("=")[2].replace("/run/haproxy", str(folder))
                subprocess.run(command, shell=True, check=True)
        (folder / "haproxy.cfg").write_text(self.text)
        assert HAPROXY is not None
        environment = {**os.environ, "STATS_PASSWORD": PASSWORD}
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [HAPROXY, "-Ws", "-f", str(folder / "haproxy.cfg"), "-p", str(folder / "pid")],
            env=environment,
            stdout=self.log,
            stderr=self.log,
        )

    def reload(self) -> None:
        """Do what ExecReload does at its end."""
        self.process.send_signal(signal.SIGUSR2)

    def command(self, text: str) -> str:
        """Carry out a command of a runbook."""
        text = text.replace("/run/haproxy", str(self.folder))
        return subprocess.run(["sh", "-c", text], check=True, capture_output=True, text=True, timeout=20).stdout

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.log.close()


def connect(port: int, timeout: float = 5) -> tuple[str, socket.socket]:
    """Return who answers on a port, and the open session; an empty name where nobody does."""
    session = socket.create_connection(("127.0.0.1", port), timeout)
    try:
        return session.recv(100).decode().strip(), session
    except OSError:
        return "", session


def who(port: int) -> str:
    """Return who answers on a port."""
    try:
        name, session = connect(port)
    except OSError:
        return ""
    session.close()
    return name


def until(port: int, name: str, within_s: float) -> float:
    """Wait until a name answers on a port, and return the seconds that it took."""
    begin = time.monotonic()
    while who(port) != name:
        assert time.monotonic() - begin < within_s, f"{name} did not answer on {port} within {within_s} s"
        time.sleep(0.02)
    return time.monotonic() - begin


def eventually(good: Callable[[], bool], within_s: float = 10) -> None:
    """Wait until something is so."""
    end = time.monotonic() + within_s
    while not good():
        assert time.monotonic() < end
        time.sleep(0.05)
