"""What people do with etcd, as chapters of runbooks.

Sources: etcd, op-guide/maintenance (space quota, defragmentation: member by member, with a timeout of its own), etcdctl/README.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Host
from pgc.facts import Action, Chapter, Fact, Facts, Runbook
from pgc_etcd import loss
from pgc_etcd.client import Client
from pgc_etcd.loss import ANY, status, well
from pgc_etcd.maintenance import SNAPSHOT
from pgc_etcd.section import EtcdSection

REBUILD = "see Loss and rebuild of a DCS member"


def derive(section: EtcdSection, members: tuple[Host, ...], known: Facts) -> Iterator[Fact]:
    """Give the chapters on members."""
    client = Client(section, members, known)
    chapters = {
        "etcd-member": ("Loss and rebuild of a DCS member", tuple(loss.chapters(client))),
        "restart": ("Restart", (_restart(client),)),
        "node-loss": ("Loss and replacement of a node", (_replace(client),)),
        "disk-full": ("Disk full", (_nospace(client),)),
        "rollback": ("Rollback of a change", (_rollback(client),)),
    }
    for slug, (title, given) in chapters.items():
        yield Runbook(slug=slug, title=title, chapters=given)


def _restart(client: Client) -> Chapter:
    actions = [status(client, "See which member leads: its host comes last", "one row with IS LEADER true")]
    for host in client.members:
        actions += [
            Action(f"Restart the member on {host.name}", host.name, "systemctl restart etcd.service", "no output"),
            well(client, host, "Wait until all members are well before the next one"),
        ]
    return Chapter(
        "DCS members, one at a time",
        10,
        tuple(actions),
        undo=(Action(f"A member that does not come back is rebuilt: {REBUILD}"),),
    )


def _replace(client: Client) -> Chapter:
    return Chapter(
        "Its DCS member",
        10,
        (
            status(
                client, "See whether the lost host was a member, and whether the quorum holds", "a majority answers"
            ),
            Action(f"If it was one, rebuild it on the new host: {REBUILD}"),
        ),
        undo=(
            Action(
                "A member that was announced can be removed again",
                ANY,
                f"{client.every()} member remove ID",
                "Member ID removed from cluster",
            ),
        ),
    )


def _nospace(client: Client) -> Chapter:
    every = client.every()
    defragment = [
        Action(
            f"Give the space of {host.name} back",
            host.name,
            f"{client.call((host,), host)} --command-timeout=60s defrag",
            "Finished defragmenting etcd member",
        )
        for host in client.members
    ]
    return Chapter(
        "When the DCS has reached its quota",
        10,
        (
            Action(
                "Look for the alarm", ANY, f"{every} alarm list", "nothing; `alarm:NOSPACE` when the quota is reached"
            ),
            Action(
                "Keep a copy of what is there",
                client.members[0].name,
                f"{client.call(client.members[:1])} snapshot save {SNAPSHOT}.full",
                f"Snapshot saved at {SNAPSHOT}.full",
            ),
            Action(
                "Compact its history",
                ANY,
                f"rev=$({every} endpoint status --write-out=json | grep -o '\"revision\":[0-9]*' | head -n1 | cut -d: -f2); "
                f'{every} compact "$rev"',
                "compacted revision …",
            ),
            status(
                client, "See which member leads: in the next steps its host comes last", "one row with IS LEADER true"
            ),
            *defragment,
            Action("Clear the alarm", ANY, f"{every} alarm disarm", "memberID:… alarm:NOSPACE"),
        ),
        undo=(Action("Nothing to undo: compaction removes history only, not the lock or the configuration"),),
    )


def _rollback(client: Client) -> Chapter:
    return Chapter(
        "DCS members",
        10,
        (
            Action(
                "After the files of the former revision are laid down, restart the members one at a time, the leader last: see Restart"
            ),
            Action(
                "Names and addresses of members do not go back by a file: they are rebuilt one at a time, "
                + REBUILD[4:]
            ),
            well(client),
        ),
        undo=(Action("The same with the files of the newer revision"),),
    )
