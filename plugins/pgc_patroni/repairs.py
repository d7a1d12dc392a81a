"""Procedures that mend: a lost node, lag, a full disk, a change that must go back."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.facts import Action, Chapter
from pgc_patroni import layout
from pgc_patroni.commands import ANY, ORDER, Words

STANDBYS = (
    "SELECT application_name, state, sync_state, replay_lag, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS bytes"
    " FROM pg_stat_replication"
)
SLOTS = (
    "SELECT slot_name, active, wal_status, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) AS kept"
    " FROM pg_replication_slots"
)
QUERIES = (
    "SELECT pid, now() - xact_start AS age, left(query, 60) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' ORDER BY 2 DESC NULLS LAST LIMIT 5"
)


def node_loss(say: Words) -> Iterator[Chapter]:
    data_dir = say.server.detail("data_dir").value
    yield Chapter(
        "PostgreSQL and Patroni",
        ORDER,
        (
            say.look("the lost host is gone from the list after ttl, or is there in state `start failed` or `stopped`"),
            Action(
                "A former leader rejoins by itself with pg_rewind: give it a minute before anything else",
                "the returned host",
                "journalctl -fu patroni.service",
                "`running pg_rewind from …`, then `no action. I am …, a secondary`",
            ),
            say.open(),
            *(
                Action(
                    f"Make {host.name} anew from a copy, if it is the lost one: its data directory is deleted",
                    ANY,
                    f"{layout.CTL} reinit {say.scope} {host.name} --force --wait",
                    f"Success: reinitialize for member {host.name}",
                )
                for host in say.members
            ),
            Action(
                "On a new machine with the old name and address: lay the generated files, then start",
                "the new host",
                "sudo systemctl enable --now patroni.service",
                "no output; it copies the data from a member and streams",
            ),
            say.look(),
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


def lag(say: Words) -> Chapter:
    return Chapter(
        "Where it is lost",
        ORDER,
        (
            say.look(
                f"{say.lag_column}: 0 on every standby; replay alone behind means queries or the disk of the standby"
            ),
            Action(
                "Ask the leader",
                "the leader",
                say.sql(STANDBYS),
                f"{say.standbys} rows, state streaming, bytes below 1048576",
            ),
            Action("See which slots keep WAL", "the leader", say.sql(SLOTS), "active t, wal_status reserved"),
            Action(
                "See whether a query holds up replay",
                "the standby",
                say.sql(QUERIES),
                "no query older than max_standby_streaming_delay",
            ),
            Action(
                "End such a query, with the pid from above",
                "the standby",
                say.sql("SELECT pg_cancel_backend(PID)"),
                "t",
            ),
            say.open(),
            Action(
                "A standby whose WAL is gone (wal_status lost) is made anew",
                ANY,
                f"{layout.CTL} reinit {say.scope} {say.members[-1].name} --force --wait",
                f"Success: reinitialize for member {say.members[-1].name}",
            ),
            say.look(),
        ),
        undo=(
            Action(
                "Cancelling a query changes nothing; `reinit` is not undone, but it touches neither the leader nor other standbys"
            ),
        ),
    )


def rollback(say: Words) -> Chapter:
    return Chapter(
        "Patroni's configuration",
        ORDER,
        (
            Action("Check the commit out that is wanted, and lay its files on the hosts as for every change"),
            say.open(),
            Action(
                "See what runs now",
                ANY,
                f"{layout.CTL} show-config {say.scope}",
                "the text of cluster/patroni/dynamic.yml of the commit that was applied",
            ),
            Action(
                "Put the dynamic configuration of the wanted commit in its place (copy cluster/patroni/dynamic.yml to /tmp first)",
                ANY,
                f"{layout.CTL} edit-config {say.scope} --replace /tmp/dynamic.yml --force",
                "Configuration changed",
            ),
            Action(
                "Let the members read their own files again",
                ANY,
                f"{layout.CTL} reload {say.scope} --force",
                f"Reload request received for member …, {len(say.members)} times",
            ),
            say.look("Pending restart is empty; where it has a star, go on with Restart"),
        ),
        undo=(
            Action(
                "Go forward again: the same steps with the newer commit's file",
                ANY,
                f"{layout.CTL} edit-config {say.scope} --replace /tmp/dynamic.yml --force",
                "Configuration changed",
            ),
        ),
    )


def disk_full(say: Words) -> Chapter:
    data_dir = say.server.detail("data_dir").value
    return Chapter(
        "Keep the lead where there is room",
        ORDER,
        (
            Action("See how much room every member has", "each database host", f"df -h {data_dir}", "Use% below 85%"),
            say.open(),
            Action("If only the leader's disk is full, hand the lead over (see Switchover)"),
            Action(
                "See which slots keep WAL; never delete files in pg_wal",
                "the leader",
                say.sql(SLOTS),
                "no inactive slot with more than a few GB",
            ),
            say.look(),
        ),
        undo=(Action("Nothing to undo: looking and handing over keep all data"),),
    )
