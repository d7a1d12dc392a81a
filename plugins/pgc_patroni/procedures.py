"""What people do with Patroni, as chapters of runbooks. Every command is the real one, with this cluster's names.

Sources: Patroni, docs/patronictl.rst, docs/rest_api.rst, docs/pause.rst; the tables are those of `patronictl list` (patroni/ctl.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Site
from pgc.facts import Action, Chapter, Fact, Facts, Runbook
from pgc_patroni import layout, repairs
from pgc_patroni.commands import ANY, ORDER, Words
from pgc_patroni.section import PatroniSection


def derive(section: PatroniSection, site: Site, known: Facts) -> Iterator[Fact]:
    """Give the chapters on high availability."""
    members = layout.members(site)
    if not members:
        return
    say = Words(section, site, members, known)
    yield Runbook(slug="failover", title="Failover", chapters=(failover(say),))
    yield Runbook(slug="restart", title="Restart", chapters=(restart(say),))
    yield Runbook(slug="rollback", title="Rollback of a change", chapters=(repairs.rollback(say),))
    if len(members) > 1:
        yield Runbook(slug="switchover", title="Switchover", chapters=(switchover(say),))
        yield Runbook(slug="node-loss", title="Loss and replacement of a node", chapters=tuple(repairs.node_loss(say)))
        yield Runbook(slug="replication-lag", title="Replication lag", chapters=(repairs.lag(say),))
    yield Runbook(slug="disk-full", title="Disk full", chapters=(repairs.disk_full(say),))


def failover(say: Words) -> Chapter:
    ttl = "its ttl" if say.section.ttl is None else f"{int(say.section.ttl)} s"
    return Chapter(
        "Leader lock and election",
        ORDER,
        (
            Action(
                f"Wait: Patroni elects a leader by itself once the lock has lived out {ttl}; the bounds are in the inventory page"
            ),
            say.look(f"+ Cluster: {say.scope}; one Leader, running, with TL one higher than before"),
            *(say.primary(host) for host in say.members),
            Action(
                "When there is no leader, read why no member takes the lock",
                "each database host",
                "journalctl -u patroni.service --since -5min --no-pager | grep -iE 'lock|healthiest|lag|sync|quorum|demot'",
                "`no action. I am …, a secondary, and following a leader` once there is one",
            ),
            say.open(),
            Action(
                "When the members are well but none may lead, name one by hand: the one with the highest LSN in the list. "
                "Data that only the others have is lost: read the question before `y`",
                ANY,
                f"{layout.CTL} failover {say.scope} --candidate {say.members[-1].name}",
                f'Successfully failed over to "{say.members[-1].name}"',
            ),
            say.look(),
        ),
        undo=(
            Action(
                "A failover is not undone: give the lead back by a switchover, once the old leader streams again",
                ANY,
                f"{layout.CTL} switchover {say.scope} --candidate {say.members[0].name} --force",
                f'Successfully switched over to "{say.members[0].name}"',
            ),
        ),
    )


def switchover(say: Words) -> Chapter:
    first, second = say.members[0].name, say.members[1].name
    return Chapter(
        "Hand the lead over",
        ORDER,
        (
            say.open(),
            say.look(),
            Action(
                f"Choose a candidate whose role is {say.confirms} and whose lag is 0; below, {first} leads and {second} takes over"
            ),
            Action(
                "Hand over",
                ANY,
                f"{layout.CTL} switchover {say.scope} --leader {first} --candidate {second} --force",
                f'Successfully switched over to "{second}"',
            ),
            say.look(f"{second} is Leader (running), {first} follows (streaming) within {2 * 10 + 10} s"),
            say.primary(say.members[1]),
        ),
        undo=(
            Action(
                "Hand back",
                ANY,
                f"{layout.CTL} switchover {say.scope} --leader {second} --candidate {first} --force",
                f'Successfully switched over to "{first}"',
            ),
        ),
    )


def restart(say: Words) -> Chapter:
    steps = [say.open(), say.look()]
    for host in say.members[1:]:
        steps += [
            Action(
                f"Restart PostgreSQL on {host.name}, if it is not the leader",
                ANY,
                f"{layout.CTL} restart {say.scope} {host.name} --force",
                f"Success: restart on member {host.name}",
            ),
            say.look(f"{host.name} is streaming again, and Pending restart is empty for it"),
        ]
    return Chapter(
        "PostgreSQL, standbys before the leader",
        ORDER,
        (
            *steps,
            Action(
                "Hand the lead over first (see Switchover), or accept that writes stop for the restart; then restart the former leader",
                ANY,
                f"{layout.CTL} restart {say.scope} {say.members[0].name} --force",
                f"Success: restart on member {say.members[0].name}",
            ),
            Action(
                "Restart Patroni alone, when it was upgraded: pause first, so that PostgreSQL keeps running",
                ANY,
                f"{layout.CTL} pause {say.scope} --wait",
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
                f"{layout.CTL} resume {say.scope} --wait",
                "Success: cluster management is resumed",
            ),
            say.look(),
        ),
        undo=(
            Action(
                "A restart that is planned and not yet begun can be taken back",
                ANY,
                f"{layout.CTL} flush {say.scope} restart --force",
                "Success: flush scheduled restart",
            ),
            Action(
                "End a pause that was forgotten",
                ANY,
                f"{layout.CTL} resume {say.scope} --wait",
                "Success: cluster management is resumed",
            ),
        ),
    )
