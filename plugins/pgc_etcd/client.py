"""How etcdctl reaches the members from a host, in commands for people and for timers."""

from __future__ import annotations

from collections.abc import Iterable

from pgc.cluster import Host
from pgc.facts import Certificate, Facts
from pgc.templating import word
from pgc_etcd.section import EtcdSection


def certificate(host: str, known: Facts) -> Certificate | None:
    """Return the certificate that a host holds for itself, or None."""
    return next((each for each in known.on(host, Certificate) if each.name == "host"), None)


class Client:
    """Commands of etcdctl for one cluster's members. Source: etcdctl/README.md, "Configuring etcdctl"."""

    def __init__(self, section: EtcdSection, members: tuple[Host, ...], known: Facts) -> None:
        self.section, self.members, self.known = section, members, known

    def scheme(self, host: Host) -> str:
        """Return "https" where the host holds a certificate."""
        return "http" if certificate(host.name, self.known) is None else "https"

    def url(self, host: Host) -> str:
        """Return a member's address for clients."""
        return f"{self.scheme(host)}://{host.location}:{self.section.client_port}"

    def peer(self, host: Host) -> str:
        """Return a member's address for the other members."""
        return f"{self.scheme(host)}://{host.location}:{self.section.peer_port}"

    def call(self, of: Iterable[Host], on: Host | None = None) -> str:
        """Return the command that asks the members `of`; it is run on the host `on`, whose certificate it shows (the first member's)."""
        command = "etcdctl --endpoints=" + ",".join(map(self.url, of))
        held = certificate((on or self.members[0]).name, self.known)
        if held is None:
            return command
        files = (
            ("cacert", held.authority_file),
            ("cert", held.certificate_file),
            ("key", held.key_file),
        )
        return command + "".join(f" --{name}={word(file)}" for name, file in files)

    def every(self, on: Host | None = None) -> str:
        """Return the command that asks all members."""
        return self.call(self.members, on)
