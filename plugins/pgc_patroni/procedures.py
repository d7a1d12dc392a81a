"""What people do with Patroni, as chapters of runbooks. Every command is the real one, with this cluster's names.

Sources: Patroni, docs/patronictl.rst, docs/rest_api.rst, docs/pause.rst; the tables are those of `patronictl list` (patroni/ctl.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Host, Site
from pgc.facts import Action, Chapter, Fact, Facts, Runbook
from pgc_patroni import access, layout
from pgc_patroni.section import PatroniSection

ANY = "any database host"
ORDER = 20
SHELL = f"sudo -u {layout.USER} sh -c 'set -a; . {layout.SECRETS}; exec sh'"


def derive(section: PatroniSection, site: Site, known: Facts) -> Iterator[Fact]:
    """Give the chapters on high availability."""
    members = layout.members(site)
    if not members:
        return
    say = _Words(section, site, members, known)
    yield Runbook(slug="failover", title="Failover", chapters=(say.failover(),))
    yield Runbook(slug="restart", title="Restart", chapters=(say.restart(),))
    yield Runbook(slug="rollback", title="Rollback of a change", chapters=(say.rollback(),))
    if len(members) > 1:
        yield Runbook(slug="switchover", title="Switchover", chapters=(say.switchover(),))
        yield Runbook(slug="node-loss", title="Loss and replacement of a node", chapters=tuple(say.node_loss()))
        yield Runbook(slug="replication-lag", title="Replication lag", chapters=(say.lag(),))
    yield Runbook(slug="disk-full", title="Disk full", chapters=(say.disk_full(),))


class _Words:
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
        well = f"+ Cluster: {self.scope}; {len(self.members)} members, one Leader (running), {self.standbys} more (streaming), {self.lag_column} 0"
        return Action("Look at all members", ANY, f"{layout.CTL} list", expect or well)

    def primary(self, host: Host) -> Action:
        return Action(
            f"Ask {host.name} whether it leads",
            host.name,
            access.probe(self.section, host, self.known, "/primary"),
            "200 when it leads, 503 when not",
        )

    def failover(self) -> Chapter:
        ttl = "its ttl" if self.section.ttl is None else f"{int(self.section.ttl)} s"
        return Chapter(
            "Leader lock and election",
            ORDER,
            (
                Action(
                    f"Wait: Patroni elects a leader by itself once the lock has lived out {ttl}; the bounds are in the inventory page"
                ),
                self.look(f"+ Cluster: {self.scope}; one Leader, running, with TL one higher than before"),
                *(self.primary(host) for host in self.members),
                Action(
                    "When there is no leader, read why no member takes the lock",
                    "each database host",
                    "journalctl -u patroni.service --since -5min --no-pager | grep -iE 'lock|healthiest|lag|sync|quorum|demot'",
                    "`no action. I am …, a secondary, and following a leader` once there is one",
                ),
                self.open(),
                Action(
                    "When the members are well but none may lead, name one by hand: the one with the highest LSN in the list. "
                    "Data that only the others have is lost: read the question before `y`",
                    ANY,
                    f"{layout.CTL} failover {self.scope} --candidate {self.members[-1].name}",
                    f'Successfully failed over to "{self.members[-1].name}"',
                ),
                self.look(),
            ),
            undo=(
                Action(
                    "A failover is not undone: give the lead back by a switchover, once the old leader streams again",
                    ANY,
                    f"{layout.CTL} switchover {self.scope} --candidate {self.members[0].name} --force",
                    f'Successfully switched over to "{self.members[0].name}"',
                ),
            ),
        )

    def switchover(self) -> Chapter:
        first, second = self.members[0].name, self.members[1].name
        return Chapter(
            "Hand the lead over",
            ORDER,
            (
                self.open(),
                self.look(),
                Action(
                    f"Choose a candidate whose role is {self.confirms} and whose lag is 0; below, {first} leads and {second} takes over"
                ),
                Action(
                    "Hand over",
                    ANY,
                    f"{layout.CTL} switchover {self.scope} --leader {first} --candidate {second} --force",
                    f'Successfully switched over to "{second}"',
                ),
                self.look(f"{second} is Leader (running), {first} follows (streaming) within {2 * 10 + 10} s"),
                self.primary(self.members[1]),
            ),
            undo=(
                Action(
                    "Hand back",
                    ANY,
                    f"{layout.CTL} switchover {self.scope} --leader {second} --candidate {first} --force",
                    f'Successfully switched over to "{first}"',
                ),
            ),
        )

    def restart(self) -> Chapter:
        steps = [self.open(), self.look()]
        for host in self.members[1:]:
            steps += [
                Action(
                    f"Restart PostgreSQL on {host.name}, if it is not the leader",
                    ANY,
                    f"{layout.CTL} restart {self.scope} {host.name} --force",
                    f"Success: restart on member {host.name}",
                ),
                self.look(f"{host.name} is streaming again, and Pending restart is empty for it"),
            ]
        return Chapter(
            "PostgreSQL, standbys before the leader",
            ORDER,
            (
                *steps,
                Action(
                    "Hand the lead over first (see Switchover), or accept that writes stop for the restart; then restart the former leader",
                    ANY,
                    f"{layout.CTL} restart {self.scope} {self.members[0].name} --force",
                    f"Success: restart on member {self.members[0].name}",
                ),
                Action(
                    "Restart Patroni alone, when it was upgraded: pause first, so that PostgreSQL keeps running",
                    ANY,
                    f"{layout.CTL} pause {self.scope} --wait",
                    "Success: cluster management is paused",
                ),
                Action(
                    "Restart Patroni",
                    "one database host after the other",
                    "sudo systemctl restart patroni.service",
                    "no output; the host is in the list again after some seconds",
                ),
                Action(
                    "End the pause",
                    ANY,
                    f"{layout.CTL} resume {self.scope} --wait",
                    "Success: cluster management is resumed",
                ),
                self.look(),
            ),
            undo=(
                Action(
                    "A restart that is planned and not yet begun can be taken back",
                    ANY,
                    f"{layout.CTL} flush {self.scope} restart --force",
                    "Success: flush scheduled restart",
                ),
                Action(
                    "End a pause that was forgotten",
                    ANY,
                    f"{layout.CTL} resume {self.scope} --wait",
                    "Success: cluster management is resumed",
                ),
            ),
        )

    def node_loss(self) -> Iterator[Chapter]:
        data_dir = self.server.detail("data_dir").value
        yield Chapter(
            "PostgreSQL and Patroni",
            ORDER,
            (
                self.look(
                    "the lost host is gone from the list after ttl, or is there in state `start failed` or `stopped`"
                ),
                Action(
                    "A former leader rejoins by itself with pg_rewind: give it a minute before anything else",
                    "the returned host",
                    "journalctl -fu patroni.service",
                    "`running pg_rewind from …`, then `no action. I am …, a secondary`",
                ),
                self.open(),
                *(
                    Action(
                        f"Make {host.name} anew from a copy, if it is the lost one: its data directory is deleted",
                        ANY,
                        f"{layout.CTL} reinit {self.scope} {host.name} --force --wait",
                        f"Success: reinitialize for member {host.name}",
                    )
                    for host in self.members
                ),
                Action(
                    "On a new machine with the old name and address: lay the generated files, then start",
                    "the new host",
                    "sudo systemctl enable --now patroni.service",
                    "no output; it copies the data from a member and streams",
                ),
                self.look(),
            ),
            undo=(
                Action(
                    "As long as nothing was deleted, stop the returned host; the others go on without it",
                    "the returned host",
                    "sudo systemctl stop patroni.service",
                    "no output",
                ),
                Action(
                    "Keep the data directory for an inquiry before `reinit` deletes it",
                    "the returned host",
                    f"sudo -u {layout.USER} cp -a {data_dir} {data_dir}.kept",
                    "no output",
                ),
            ),
        )

    def lag(self) -> Chapter:
        view = "SELECT application_name, state, sync_state, replay_lag, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS bytes FROM pg_stat_replication"
        slots = "SELECT slot_name, active, wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) AS kept FROM pg_replication_slots"
        conflicts = "SELECT pid, now() - xact_start AS age, left(query, 60) FROM pg_stat_activity WHERE backend_type = 'client backend' ORDER BY 2 DESC NULLS LAST LIMIT 5"
        psql = f"sudo -u {layout.USER} psql -XAt"
        return Chapter(
            "Where it is lost",
            ORDER,
            (
                self.look(
                    f"{self.lag_column}: 0 on every standby; replay alone behind means queries or the disk of the standby"
                ),
                Action(
                    "Ask the leader",
                    "the leader",
                    f'{psql} -c "{view}"',
                    f"{self.standbys} rows, state streaming, bytes below 1048576",
                ),
                Action(
                    "See which slots keep WAL", "the leader", f'{psql} -c "{slots}"', "active t, wal_status reserved"
                ),
                Action(
                    "See whether a query holds up replay",
                    "the standby",
                    f'{psql} -c "{conflicts}"',
                    "no query older than max_standby_streaming_delay",
                ),
                Action(
                    "End such a query, with the pid from above",
                    "the standby",
                    f'{psql} -c "SELECT pg_cancel_backend(PID)"',
                    "t",
                ),
                self.open(),
                Action(
                    "A standby whose WAL is gone (wal_status lost) is made anew",
                    ANY,
                    f"{layout.CTL} reinit {self.scope} {self.members[-1].name} --force --wait",
                    f"Success: reinitialize for member {self.members[-1].name}",
                ),
                self.look(),
            ),
            undo=(
                Action(
                    "Cancelling a query changes nothing; `reinit` is not undone, but the leader and the other standbys are not touched by it"
                ),
            ),
        )

    def rollback(self) -> Chapter:
        return Chapter(
            "Patroni's configuration",
            ORDER,
            (
                Action("Check the commit out that is wanted, and lay its files on the hosts as for every change"),
                self.open(),
                Action(
                    "See what runs now",
                    ANY,
                    f"{layout.CTL} show-config {self.scope}",
                    "the text of cluster/patroni/dynamic.yml of the commit that was applied",
                ),
                Action(
                    "Put the dynamic configuration of the wanted commit in its place (copy cluster/patroni/dynamic.yml to /tmp first)",
                    ANY,
                    f"{layout.CTL} edit-config {self.scope} --replace /tmp/dynamic.yml --force",
                    "Configuration changed",
                ),
                Action(
                    "Let the members read their own files again",
                    ANY,
                    f"{layout.CTL} reload {self.scope} --force",
                    f"Reload request received for member …, {len(self.members)} times",
                ),
                self.look("Pending restart is empty; where it has a star, go on with Restart"),
            ),
            undo=(
                Action(
                    "Go forward again: the same steps with the newer commit's file",
                    ANY,
                    f"{layout.CTL} edit-config {self.scope} --replace /tmp/dynamic.yml --force",
                    "Configuration changed",
                ),
            ),
        )

    def disk_full(self) -> Chapter:
        data_dir = self.server.detail("data_dir").value
        return Chapter(
            "Keep the lead where there is room",
            ORDER,
            (
                Action(
                    "See how much room every member has", "each database host", f"df -h {data_dir}", "Use% below 85%"
                ),
                self.open(),
                Action("If only the leader's disk is full, hand the lead over (see Switchover)"),
                Action(
                    "See which slots keep WAL; never delete files in pg_wal",
                    "the leader",
                    f'sudo -u {layout.USER} psql -XAt -c "SELECT slot_name, active, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) FROM pg_replication_slots"',
                    "no inactive slot with more than a few GB",
                ),
                self.look(),
            ),
            undo=(Action("Nothing to undo: looking and handing over keep all data"),),
        )
