"""What people do with PgBouncer, as chapters of runbooks.

The console is reached over the Unix socket as the system user that PgBouncer runs as: it lets that user in as
`pgbouncer` without a password.
Sources: PgBouncer, doc/usage.md, "Admin console"; src/admin.c, admin_pre_login.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Host, Site
from pgc.facts import Action, Chapter, Fact, Facts, Runbook
from pgc_pgbouncer.pools import EVERY, Plan, client_limit, since
from pgc_pgbouncer.section import PgbouncerSection

ORDER = 40
NOTHING_CHANGED = (Action("Nothing to undo: these commands only look"),)
EVERYWHERE = "every database host"


def console(section: PgbouncerSection) -> str:
    """Return the command that opens the console of the host's own PgBouncer."""
    return f"sudo -u {section.system_user} psql -X -h /run/pgbouncer -p {section.port} -U pgbouncer -d pgbouncer"


def derive(section: PgbouncerSection, site: Site, chosen: tuple[Host, ...], plan: Plan, known: Facts) -> Iterator[Fact]:
    """Give the chapters on pools."""
    ask = console(section)
    yield Runbook(
        slug="connection-storm", title="Connection storm", chapters=(_look(section, site, plan, ask), _hold(plan, ask))
    )
    yield Runbook(slug="failover", title="Failover", chapters=(_follow(section, ask),))
    yield Runbook(slug="switchover", title="Switchover", chapters=(_follow(section, ask),))
    yield Runbook(slug="restart", title="Restart", chapters=(_restart(chosen, ask),))
    yield Runbook(slug="node-loss", title="Loss and replacement of a node", chapters=(_replace(section, ask),))
    yield Runbook(slug="rollback", title="Rollback of a change", chapters=(_rollback(ask),))


def _look(section: PgbouncerSection, site: Site, plan: Plan, ask: str) -> Chapter:
    address = 6 if since(section, "1.23") else 5  # a column came in between (NEWS 1.23, #876)
    sizes = "; ".join(
        f"{pool.name}: {pool.size} and {pool.reserve} a role, {pool.limit} in all" for pool in plan.pools[:6]
    )
    return Chapter(
        "Pools and who waits",
        ORDER,
        (
            Action(
                "See which pool is full",
                "the leader's host",
                f"{ask} -c 'SHOW POOLS'",
                f"cl_waiting and maxwait 0; sv_active at its size means full ({sizes})",
            ),
            Action(
                "Count the clients",
                "the leader's host",
                f"{ask} -Atc 'SHOW LISTS' | grep _clients",
                f"used_clients below {client_limit(section, site)}",
            ),
            Action(
                "See who they are",
                "the leader's host",
                f"{ask} -AtF' ' -c 'SHOW CLIENTS' | awk '{{print $2, $3, ${address}}}' | sort | uniq -c | sort -rn | head",
                "one role or address that stands out is the cause",
            ),
            Action(
                "See what the servers do meanwhile",
                "the leader's host",
                'sudo -u postgres psql -X -c "SELECT datname, usename, state, wait_event, count(*), '
                "max(now() - xact_start) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC LIMIT 10\"",
                "rows that are `idle in transaction` hold a connection each: end them at their application",
            ),
        ),
        NOTHING_CHANGED,
    )


def _hold(plan: Plan, ask: str) -> Chapter:
    name = next((pool.name for pool in plan.pools if pool.name != EVERY), "DATABASE")
    return Chapter(
        "Hold clients back, lose none",
        ORDER,
        (
            Action(
                "Let running transactions end and hold all others; clients wait, up to query_wait_timeout",
                "the leader's host",
                f"{ask} -c 'PAUSE \"{name}\"'",
                "PAUSE",
            ),
            Action("Go on once the cause is gone", "the leader's host", f"{ask} -c 'RESUME \"{name}\"'", "RESUME"),
            Action(
                "Refuse new clients of one database, where holding is not enough",
                "the leader's host",
                f"{ask} -c 'DISABLE \"{name}\"'",
                "DISABLE",
            ),
            Action(
                "Throw its present clients out; their transactions are rolled back",
                "the leader's host",
                f"{ask} -c 'KILL \"{name}\"'",
                "KILL",
            ),
        ),
        (
            Action("Let clients in again", "the leader's host", f"{ask} -c 'ENABLE \"{name}\"'", "ENABLE"),
            Action("End a PAUSE or KILL", "the leader's host", f"{ask} -c 'RESUME \"{name}\"'", "RESUME"),
        ),
    )


def _follow(section: PgbouncerSection, ask: str) -> Chapter:
    return Chapter(
        "Poolers need no hand",
        ORDER,
        (
            Action(
                "Each pooler serves the PostgreSQL on its own host, so none of them has to be pointed at the new leader"
            ),
            Action(
                "See that the new leader's pooler has servers",
                "the new leader's host",
                f"{ask} -c 'SHOW POOLS'",
                "sv_active or sv_idle above 0, maxwait 0",
            ),
            Action(
                "If clients still see an old error (server_login_retry has not passed), reconnect",
                "the new leader's host",
                f"{ask} -c 'RECONNECT'",
                "RECONNECT",
            ),
        ),
        (Action("Nothing to undo: RECONNECT replaces connections when they are free and cuts none"),),
    )


def _restart(chosen: tuple[Host, ...], ask: str) -> Chapter:
    names = ", ".join(host.name for host in chosen[:6]) + (", …" if len(chosen) > 6 else "")
    return Chapter(
        "Poolers, one at a time, the leader's last",
        ORDER,
        (
            Action(
                "Settings that a reload takes need no restart",
                EVERYWHERE,
                "systemctl reload pgbouncer.service",
                "no output",
            ),
            Action(
                "See that nothing was refused",
                EVERYWHERE,
                "journalctl -u pgbouncer.service -n 20 --no-pager",
                "`RELOAD command issued` or `got SIGHUP`, and no line with ERROR",
            ),
            Action(
                f"Otherwise one host after the other ({names}): let transactions end",
                "the host",
                f"timeout 30 {ask} -c 'PAUSE'",
                "PAUSE",
            ),
            Action(
                "Restart; its clients are cut off between two transactions and come back through the balancer",
                "the host",
                "systemctl restart pgbouncer.service",
                "no output",
            ),
            Action(
                "See that it serves before the next one",
                "the host",
                f"{ask} -c 'SHOW POOLS'",
                "the pools, cl_waiting 0",
            ),
        ),
        (
            Action("End a PAUSE that waits in vain for a long transaction", "the host", f"{ask} -c 'RESUME'", "RESUME"),
            Action(
                "Lay the former files down again and restart",
                "the host",
                "systemctl restart pgbouncer.service",
                "no output",
            ),
        ),
    )


def _replace(section: PgbouncerSection, ask: str) -> Chapter:
    return Chapter(
        "Its pooler",
        ORDER,
        (
            Action(
                "See that its system user is there",
                "the new host",
                f"getent passwd {section.system_user}",
                f"{section.system_user}:x:…",
            ),
            Action(
                "Start it",
                "the new host",
                "systemctl enable --now pgbouncer.service",
                "Created symlink …",
            ),
            Action(
                "See that it looks up passwords: log in as an application",
                "the new host",
                f"{ask} -c 'SHOW DATABASES'",
                "a line for each database",
            ),
        ),
        (Action("Stop it again", "the new host", "systemctl disable --now pgbouncer.service", "Removed …"),),
    )


def _rollback(ask: str) -> Chapter:
    return Chapter(
        "Poolers",
        ORDER,
        (
            Action(
                "After the files of the former revision are laid down, reload",
                EVERYWHERE,
                "systemctl reload pgbouncer.service",
                "no output",
            ),
            Action(
                "See what is in force",
                EVERYWHERE,
                f"{ask} -c 'SHOW CONFIG'",
                "the former values; a `no` under changeable needs a restart (see Restart)",
            ),
        ),
        (
            Action(
                "The same with the files of the newer revision",
                EVERYWHERE,
                "systemctl reload pgbouncer.service",
                "no output",
            ),
        ),
    )
