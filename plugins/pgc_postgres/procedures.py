"""What people do with PostgreSQL itself, as chapters of runbooks."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from pgc.cluster import Host, Site
from pgc.facts import Action, Chapter, Fact, Runbook
from pgc.fields import show_duration
from pgc_postgres.layout import layout
from pgc_postgres.parameters import shown, wal_sizes
from pgc_postgres.section import PostgresSection

LEADER, STANDBY, ANY = "the leader", "the standby", "any database host"


def contribute(section: PostgresSection, site: Site, hosts: tuple[Host, ...]) -> Iterator[Fact]:
    """Give the chapters on PostgreSQL."""
    if not hosts:
        return
    book = _Book(section, site, hosts)
    for slug, title, chapters in (
        ("bring-up", "First start", (book.bring_up(),)),
        ("disk-full", "Disk full", book.disk_full()),
        ("connection-storm", "Connection storm", book.connection_storm()),
        ("replication-lag", "Replication lag", book.replication_lag()),
        ("restart", "Restart", book.restart()),
        ("rollback", "Rollback of a change", book.rollback()),
    ):
        yield Runbook(slug=slug, title=title, chapters=chapters)


class _Book:
    """The commands of this cluster: its socket, port and folders."""

    def __init__(self, section: PostgresSection, site: Site, hosts: tuple[Host, ...]) -> None:
        self.section, self.site, self.hosts = section, site, hosts
        self.paths, self.wal = layout(section), wal_sizes(section, site, hosts)
        self.client = (
            f"sudo -u postgres {self.paths.bin_dir}/psql -X -h {self.paths.socket_dir} -p {section.port} -d postgres"
        )
        self.ready = f"{self.paths.bin_dir}/pg_isready -h {self.paths.socket_dir} -p {section.port}"
        self.names = ", ".join(host.name for host in hosts[:12]) + (
            f" and {len(hosts) - 12} more" if len(hosts) > 12 else ""
        )

    def bring_up(self) -> Chapter:
        """Return the chapter on what is made inside PostgreSQL once there is a leader."""
        run = f"cat cluster/postgresql/*.sql | ssh LEADER {self.client} -v ON_ERROR_STOP=1"
        return Chapter(
            "Roles, databases and what is in them",
            3,
            (
                Action(
                    "Replace the tokens of passwords in 15-passwords.sql by their values, in a copy that nobody else can read"
                ),
                Action(
                    "Run the files in their order; running them again changes nothing",
                    "where the files are",
                    run,
                    "no ERROR",
                ),
                Action(
                    "See the databases",
                    LEADER,
                    self.psql("SELECT datname FROM pg_database ORDER BY 1"),
                    "the databases of the manifest",
                ),
            ),
            undo=(Action("Drop what was made by mistake by hand; nothing is dropped by these files"),),
        )

    def psql(self, statement: str) -> str:
        """Return a command that runs a statement as the superuser over the socket."""
        return f"{self.client} -c {shlex.quote(statement)}"

    def disk_full(self) -> tuple[Chapter, ...]:
        data, wal = self.paths.data_dir, f"{self.paths.data_dir}/pg_wal"
        return (
            Chapter(
                "What fills the disk of PostgreSQL",
                30,
                (
                    Action(
                        "See which file system is full",
                        ANY,
                        f"df -h {data} {wal}/ {self.paths.log_dir}",
                        "Use% below 90 % on every line",
                    ),
                    Action("Never delete anything in pg_wal by hand: the cluster could not start again"),
                    Action(
                        "See how much WAL is kept",
                        LEADER,
                        self.psql("SELECT count(*), pg_size_pretty(sum(size)) FROM pg_ls_waldir()"),
                        f"about {shown(self.wal.max_size)} (max_wal_size); more means that somebody holds it back",
                    ),
                    Action(
                        "See which slot holds it back",
                        LEADER,
                        self.psql(
                            "SELECT slot_name, active, wal_status, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), "
                            "restart_lsn)) AS held"
                            " FROM pg_replication_slots ORDER BY restart_lsn"
                        ),
                        f"every slot active, wal_status reserved; none holds more than {shown(self.wal.slot_cap)} "
                        "(max_slot_wal_keep_size)",
                    ),
                    Action(
                        "See whether the archive fails",
                        LEADER,
                        self.psql(
                            "SELECT archived_count, failed_count, last_archived_time, last_failed_wal, last_failed_time "
                            "FROM pg_stat_archiver"
                        ),
                        "last_archived_time is later than last_failed_time",
                    ),
                    Action(
                        "Make room that costs nothing: old logs",
                        ANY,
                        f"find {self.paths.log_dir} -name 'postgresql-*.log' -mtime +2 -size +100M -exec truncate -s 0 "
                        f"{{}} +",
                        "no output",
                    ),
                    Action(
                        "End the query whose temporary files grow",
                        LEADER,
                        self.psql(
                            "SELECT pid, usename, temp.bytes FROM pg_stat_activity JOIN (SELECT substring(name, "
                            "'pgsql_tmp(\\d+)')::int AS pid, sum(size) AS bytes"
                            " FROM pg_ls_tmpdir() GROUP BY 1) AS temp USING (pid) ORDER BY bytes DESC"
                        ),
                        "no rows; end one with SELECT pg_cancel_backend(PID)",
                    ),
                    Action(
                        "If PostgreSQL has stopped: grow the disk, or move something else away from it, then let the HA "
                        "layer start it",
                        ANY,
                        self.ready,
                        "accepting connections",
                    ),
                ),
                undo=(
                    Action(
                        "A slot that was dropped is made anew by the HA layer; the standby behind it must be rebuilt"
                    ),
                    Action("Truncated logs do not come back; a cancelled query can be run again"),
                ),
            ),
        )

    def connection_storm(self) -> tuple[Chapter, ...]:
        return (
            Chapter(
                "Who holds the connections of PostgreSQL",
                30,
                (
                    Action(
                        "Count them by role and state; five slots are kept for superusers, so this works when all "
                        "others are taken",
                        LEADER,
                        self.psql(
                            "SELECT usename, datname, state, count(*), max(now() - state_change) AS longest FROM "
                            "pg_stat_activity"
                            " WHERE backend_type = 'client backend' GROUP BY 1, 2, 3 ORDER BY 4 DESC"
                        ),
                        "the sum stays below max_connections; few are `idle in transaction`",
                    ),
                    Action(
                        "See the limit",
                        ANY,
                        self.psql("SHOW max_connections"),
                        "the number in the generated configuration",
                    ),
                    Action(
                        "See who waits for whom",
                        LEADER,
                        self.psql(
                            "SELECT pid, usename, pg_blocking_pids(pid) AS blocked_by, wait_event_type, left(query, 60) "
                            "FROM pg_stat_activity"
                            " WHERE cardinality(pg_blocking_pids(pid)) > 0"
                        ),
                        "no rows",
                    ),
                    Action(
                        "End the one at the root of the locks, with its PID from above",
                        LEADER,
                        self.psql("SELECT pg_terminate_backend(PID)"),
                        "t",
                    ),
                    Action(
                        "End sessions that idle inside a transaction",
                        LEADER,
                        self.psql(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' AND "
                            "now() - state_change > interval '1 min'"
                        ),
                        "one `t` for each session that was ended",
                    ),
                    Action(
                        "Keep one role out for a while, with its name",
                        LEADER,
                        self.psql('ALTER ROLE "ROLE" CONNECTION LIMIT 10'),
                        "ALTER ROLE",
                    ),
                ),
                undo=(
                    Action(
                        "Give the role its limit back: run the generated SQL again",
                        LEADER,
                        f"sudo -u postgres {self.paths.bin_dir}/psql -X -h {self.paths.socket_dir} -p "
                        f"{self.section.port} -d postgres -f cluster/postgresql/10-roles.sql",
                        "CREATE ROLE for none, ALTER ROLE for each, COMMIT",
                    ),
                ),
            ),
        )

    def replication_lag(self) -> tuple[Chapter, ...]:
        return (
            Chapter(
                "Where PostgreSQL's replication lags",
                30,
                (
                    Action(
                        "Compare what was sent, written, flushed and replayed",
                        LEADER,
                        self.psql(
                            "SELECT application_name, state, sync_state, "
                            "pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), sent_lsn)) AS to_send,"
                            " pg_size_pretty(pg_wal_lsn_diff(sent_lsn, replay_lsn)) AS to_replay, replay_lag FROM "
                            "pg_stat_replication"
                        ),
                        f"{len(self.hosts) - 1} rows, state streaming, to_send and to_replay below 1 MB",
                    ),
                    Action(
                        "If much is to be sent, the network or the standby's disk is slow",
                        STANDBY,
                        "iostat -x 5 2",
                        "%util below 80",
                    ),
                    Action(
                        "If much is to be replayed, see whether a query holds it up",
                        STANDBY,
                        self.psql(
                            "SELECT pid, now() - xact_start AS age, left(query, 60) FROM pg_stat_activity WHERE xact_start "
                            "IS NOT NULL ORDER BY xact_start LIMIT 5"
                        ),
                        "no transaction older than a few seconds",
                    ),
                    Action(
                        "End that query on the standby, with its PID",
                        STANDBY,
                        self.psql("SELECT pg_cancel_backend(PID)"),
                        "t",
                    ),
                    Action(
                        "See whether the slot is still alive",
                        LEADER,
                        self.psql("SELECT slot_name, active, wal_status, safe_wal_size FROM pg_replication_slots"),
                        "wal_status reserved or extended; `lost` after about "
                        f"{show_duration(self.section.replica_outage)} away: then the standby is rebuilt, see Loss and "
                        "replacement of a node",
                    ),
                ),
                undo=(Action("A cancelled query can be run again; nothing else was changed"),),
            ),
        )

    def restart(self) -> tuple[Chapter, ...]:
        return (
            Chapter(
                "Before PostgreSQL is restarted",
                15,
                (
                    Action(
                        "See which parameters wait for a restart",
                        ANY,
                        self.psql("SELECT name, setting, pending_restart FROM pg_settings WHERE pending_restart"),
                        "one row for each; no rows after the restart",
                    ),
                    Action(
                        "Shorten the stop: write out what is dirty now", LEADER, self.psql("CHECKPOINT"), "CHECKPOINT"
                    ),
                    Action(
                        "See whether a backup or a long transaction would be cut off",
                        LEADER,
                        self.psql(
                            "SELECT pid, backend_type, now() - xact_start AS age, left(query, 60) FROM pg_stat_activity"
                            " WHERE xact_start < now() - interval '1 min' ORDER BY xact_start"
                        ),
                        "no rows",
                    ),
                    Action(
                        "Restart through the HA layer only, standbys first when a limit rises, the leader first when it "
                        f"falls ({self.names}); never with pg_ctl or systemctl"
                    ),
                    Action(
                        "See that every host is back",
                        ANY,
                        self.ready,
                        f"{self.paths.socket_dir}:{self.section.port} - accepting connections",
                    ),
                ),
                undo=(
                    Action(
                        "A parameter that keeps PostgreSQL from starting is taken back in the manifest: see Rollback of "
                        "a change"
                    ),
                ),
            ),
        )

    def rollback(self) -> tuple[Chapter, ...]:
        return (
            Chapter(
                "PostgreSQL's part of a rollback",
                30,
                (
                    Action(
                        "Take the change back where it was made, compile, and look at what the way back does",
                        "a checkout of the repository",
                        "git revert COMMIT && pgc compile && pgc diff",
                        "the change in reverse; parameters that need a restart are marked",
                    ),
                    Action(
                        "See what a server runs, and from where",
                        ANY,
                        self.psql(
                            "SELECT name, setting, unit, sourcefile, pending_restart FROM pg_settings WHERE source = "
                            "'configuration file' ORDER BY name"
                        ),
                        "the values of the generated files",
                    ),
                    Action(
                        "See whether a file holds an error",
                        ANY,
                        self.psql(
                            "SELECT sourcefile, sourceline, name, error FROM pg_file_settings WHERE error IS NOT NULL"
                        ),
                        "no rows",
                    ),
                    Action(
                        "See whether a rule of client authentication holds an error",
                        ANY,
                        self.psql("SELECT line_number, error FROM pg_hba_file_rules WHERE error IS NOT NULL"),
                        "no rows",
                    ),
                    Action(
                        "Roles, databases and grants that a change added stay until somebody drops them: nothing is "
                        "dropped by running the generated SQL"
                    ),
                ),
                undo=(
                    Action(
                        "Revert the revert",
                        "a checkout of the repository",
                        "git revert HEAD && pgc compile",
                        "the change again",
                    ),
                ),
            ),
        )
