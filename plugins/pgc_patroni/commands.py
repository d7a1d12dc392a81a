"""The commands and sentences that the procedures share, with one cluster's names."""

from __future__ import annotations

import shlex

from pgc.cluster import Host, Site
from pgc.facts import Action, Facts
from pgc_patroni import access, layout
from pgc_patroni.section import PatroniSection

ANY = "any database host"
ORDER = 20
SHELL = f"sudo -u {layout.USER} sh -c 'set -a; . {layout.SECRETS}; exec sh'"
"""patronictl takes the password of the REST API from the environment, as Patroni's unit does; the file is both (see systemd.exec(5))."""


class Words:
    """One cluster's names in sentences."""

    def __init__(self, section: PatroniSection, site: Site, members: tuple[Host, ...], known: Facts) -> None:
        self.section, self.site, self.members, self.known = section, site, members, known
        self.scope = layout.scope(section, site).value
        self.standbys = max(1, len(members) - 1)
        self.lag_column = "Receive Lag and Replay Lag" if section.version == "4.1" else "Lag in MB"
        self.server = layout.Server(members[0], known)
        self.confirms = {"quorum": "Quorum Standby", "on": "Sync Standby", "off": "Replica"}[
            layout.mode(section, site).value
        ]

    def open(self) -> Action:
        """The first step of everything that changes something."""
        return Action(
            "Open a shell as postgres that knows the password of the REST API; the next commands are for it",
            ANY,
            SHELL,
            "a prompt",
        )

    def look(self, expect: str = "") -> Action:
        """Show the table; well is what a healthy cluster shows, unless told."""
        well = (
            f"+ Cluster: {self.scope}; {len(self.members)} members, one Leader (running), {self.standbys} more (streaming),"
            f" {self.lag_column} 0"
        )
        return Action("Look at all members", ANY, f"{layout.CTL} list", expect or well)

    def sql(self, text: str) -> str:
        """Return a command that asks the local server."""
        name = layout.role_name(self.section, "superuser")
        who = "" if name == layout.USER else f" -U {shlex.quote(name)} -d postgres"
        return f'sudo -u {layout.USER} psql -XAt{who} -c "{text}"'

    def primary(self, host: Host) -> Action:
        """Ask a host for its role."""
        return Action(
            f"Ask {host.name} whether it leads",
            host.name,
            access.probe(self.section, host, self.known, "/primary"),
            "200 when it leads, 503 when not",
        )
