"""What people do with etcd, as chapters of runbooks."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Host, Site
from pgc.facts import Action, Chapter, Fact, Runbook
from pgc_etcd.section import EtcdSection


def contribute(section: EtcdSection, site: Site, members: tuple[Host, ...]) -> Iterator[Fact]:
    """Give the chapters on members."""
    client = {host.name: f"http://{host.location}:{section.client_port}" for host in members}
    every = "etcdctl --endpoints=" + ",".join(client.values())
    yield Runbook(
        slug="etcd-member",
        title="Loss and rebuild of a DCS member",
        chapters=tuple(_rebuild(section, members, every, client)),
    )
    yield Runbook(slug="restart", title="Restart", chapters=(_restart(members, every),))
    yield Runbook(slug="node-loss", title="Loss and replacement of a node", chapters=(_replace(every),))
    yield Runbook(slug="disk-full", title="Disk full", chapters=(_nospace(every),))


def _rebuild(section: EtcdSection, members: tuple[Host, ...], every: str, client: dict[str, str]) -> Iterator[Chapter]:
    majority = len(members) // 2 + 1
    yield Chapter(
        "Find the lost member",
        10,
        (
            Action(
                "Ask all members",
                members[0].name,
                f"{every} endpoint status --write-out=table",
                f"{majority} of {len(members)} answer, one with IS LEADER true",
            ),
            Action(
                "Note the id of the lost member",
                members[0].name,
                f"{every} member list",
                "its line names the host; the first column is the id",
            ),
            Action(
                f"If fewer than {majority} members answer, the quorum is lost: do not remove anything, bring hosts back first"
            ),
        ),
        undo=(Action("Nothing to undo: these commands only look"),),
    )
    for host in members:
        peer = f"http://{host.location}:{section.peer_port}"
        rest = "etcdctl --endpoints=" + ",".join(url for name, url in client.items() if name != host.name)
        yield Chapter(
            f"Rebuild the member on {host.name}",
            11,
            (
                Action("Stop what is left of it", host.name, "systemctl stop etcd.service", "no output"),
                Action(
                    "Remove it from the cluster, with the id from above",
                    "another member",
                    f"{rest} member remove ID",
                    "Member ID removed from cluster",
                ),
                Action(
                    "Keep its old data aside", host.name, f"mv {section.data_dir} {section.data_dir}.lost", "no output"
                ),
                Action(
                    "Announce it again",
                    "another member",
                    f"{rest} member add {host.name} --peer-urls={peer}",
                    f'Member … added; ETCD_NAME="{host.name}"',
                ),
                Action(
                    "Let it join instead of founding a cluster",
                    host.name,
                    "install -d -o etcd /run/etcd && echo ETCD_INITIAL_CLUSTER_STATE=existing > /run/etcd/rejoin.env",
                    "no output",
                ),
                Action("Start it", host.name, "systemctl start etcd.service", "no output"),
                Action("Ask all members", host.name, f"{every} endpoint health", f"is healthy, {len(members)} times"),
                Action(
                    "Remove the old data once all is well",
                    host.name,
                    f"rm -r {section.data_dir}.lost /run/etcd/rejoin.env",
                    "no output",
                ),
            ),
            undo=(
                Action(
                    "As long as the member was not announced again, its old data can come back",
                    host.name,
                    f"mv {section.data_dir}.lost {section.data_dir}",
                    "no output; a removed member cannot rejoin with it: announce it anew",
                ),
            ),
        )


def _restart(members: tuple[Host, ...], every: str) -> Chapter:
    actions = []
    for host in members:
        actions += [
            Action(f"Restart the member on {host.name}", host.name, "systemctl restart etcd.service", "no output"),
            Action(
                "Wait until all members are well before the next one",
                host.name,
                f"{every} endpoint health",
                f"is healthy, {len(members)} times",
            ),
        ]
    return Chapter(
        "DCS members, one at a time",
        10,
        tuple(actions),
        undo=(Action("A member that does not come back is rebuilt: see Loss and rebuild of a DCS member"),),
    )


def _replace(every: str) -> Chapter:
    return Chapter(
        "Its DCS member",
        10,
        (
            Action(
                "See whether the lost host was a member, and whether the quorum holds",
                "any member",
                f"{every} endpoint status --write-out=table",
                "a majority answers",
            ),
            Action("If it was one, rebuild it on the new host: see Loss and rebuild of a DCS member"),
        ),
        undo=(
            Action(
                "A member that was announced can be removed again",
                "any member",
                f"{every} member remove ID",
                "Member ID removed from cluster",
            ),
        ),
    )


def _nospace(every: str) -> Chapter:
    return Chapter(
        "When the DCS has reached its quota",
        10,
        (
            Action(
                "Look for the alarm",
                "any member",
                f"{every} alarm list",
                "nothing; `alarm:NOSPACE` when the quota is reached",
            ),
            Action(
                "Compact its history",
                "any member",
                f"rev=$({every} endpoint status --write-out=json | grep -o '\"revision\":[0-9]*' | head -n1 | cut -d: -f2); "
                f'{every} compact "$rev"',
                "compacted revision …",
            ),
            Action(
                "Give the space back, one member at a time, the leader last",
                "any member",
                f"{every} defrag",
                "Finished defragmenting etcd member",
            ),
            Action("Clear the alarm", "any member", f"{every} alarm disarm", "memberID:… alarm:NOSPACE"),
        ),
        undo=(Action("Nothing to undo: compaction removes history only, not the lock or the configuration"),),
    )
