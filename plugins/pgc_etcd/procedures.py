"""What people do with etcd, as chapters of runbooks.

Sources: etcd, op-guide/runtime-configuration (a lost member is removed before it is added again), op-guide/maintenance (space quota,
defragmentation: member by member, with a timeout of its own), etcdctl/README.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Host
from pgc.facts import Action, Chapter, Fact, Facts, Runbook
from pgc_etcd.client import Client
from pgc_etcd.maintenance import SNAPSHOT
from pgc_etcd.render import REJOIN
from pgc_etcd.section import EtcdSection

REBUILD = "see Loss and rebuild of a DCS member"
ANY = "any member"
ONLY_LOOKS = Action("Nothing to undo: these commands only look")


def derive(section: EtcdSection, members: tuple[Host, ...], known: Facts) -> Iterator[Fact]:
    """Give the chapters on members."""
    client = Client(section, members, known)
    chapters = {
        "etcd-member": ("Loss and rebuild of a DCS member", (_find(client), *_rebuilds(client), _refound(client))),
        "restart": ("Restart", (_restart(client),)),
        "node-loss": ("Loss and replacement of a node", (_replace(client),)),
        "disk-full": ("Disk full", (_nospace(client),)),
        "rollback": ("Rollback of a change", (_rollback(client),)),
    }
    for slug, (title, given) in chapters.items():
        yield Runbook(slug=slug, title=title, chapters=given)


def _well(client: Client, on: Host | None = None, do: str = "Ask all members; again, until all answer") -> Action:
    count = len(client.members)
    healthy = f"`is healthy`, {count} times" if count > 1 else "`is healthy`"
    return Action(do, on.name if on else ANY, f"{client.every(on)} endpoint health", healthy)


def _status(client: Client, do: str, expect: str) -> Action:
    return Action(do, ANY, f"{client.every()} endpoint status --write-out=table", expect)


def _find(client: Client) -> Chapter:
    count = len(client.members)
    majority = count // 2 + 1
    return Chapter(
        "Find the lost member",
        10,
        (
            _status(
                client, "Ask all members", f"{majority} or more of {count} answer, one of them with IS LEADER true"
            ),
            Action(
                "Note the ID of the lost member",
                ANY,
                f"{client.every()} member list --write-out=table",
                "its row names the host; the first column is the ID that is wanted below",
            ),
            Action(
                f"If fewer than {majority} answer, the quorum is lost: remove nothing, and bring hosts back first. "
                "If they will not come back, go on from one member (the last chapter)"
            ),
        ),
        undo=(ONLY_LOOKS,),
    )


def _rebuilds(client: Client) -> Iterator[Chapter]:
    data = str(client.section.data_dir).rstrip("/")
    for host in client.members:
        others = tuple(each for each in client.members if each is not host)
        if not others:
            continue
        rest, other = client.call(others, others[0]), others[0].name
        yield Chapter(
            f"Rebuild the member on {host.name}",
            11,
            (
                Action("Stop what is left of it", host.name, "systemctl stop etcd.service", "no output"),
                Action(
                    "Keep its old data aside, where its disk still holds them",
                    host.name,
                    f"mv {data}/member {data}/member.lost",
                    "no output",
                ),
                Action(
                    "Remove it from the cluster, with the ID from above",
                    other,
                    f"{rest} member remove ID",
                    "Member ID removed from cluster",
                ),
                Action(
                    "Announce it again",
                    other,
                    f"{rest} member add {host.name} --peer-urls={client.peer(host)}",
                    f'Member … added to cluster; ETCD_NAME="{host.name}"',
                ),
                Action(
                    "Let it join instead of founding a cluster",
                    host.name,
                    f"install -d -o etcd /run/etcd && echo ETCD_INITIAL_CLUSTER_STATE=existing > {REJOIN}",
                    "no output",
                ),
                Action("Start it", host.name, "systemctl start etcd.service", "no output, once it has caught up"),
                _well(client, host),
                Action("Found it well: forget that it had to join", host.name, f"rm {REJOIN}", "no output"),
                Action("And remove the old data", host.name, f"rm -r {data}/member.lost", "no output"),
            ),
            undo=(
                Action(
                    "Before the removal: its old data come back",
                    host.name,
                    f"mv {data}/member.lost {data}/member && systemctl start etcd.service",
                    "no output",
                ),
                Action(
                    "After the removal they are of no use: a member that was removed never joins again. Announced by mistake, it is "
                    "removed again, with the ID of the row that is `unstarted`",
                    other,
                    f"{rest} member remove ID",
                    "Member ID removed from cluster",
                ),
            ),
        )


def _refound(client: Client) -> Chapter:
    """Source: etcd, op-guide/recovery and the flag force-new-cluster: the survivor keeps its data and forgets the other members."""
    data = str(client.section.data_dir).rstrip("/")
    alone = "the host that was chosen"
    return Chapter(
        "Only when the majority is gone for good: go on from one member",
        12,
        (
            _status(
                client,
                "Choose the member that knows most; make sure that no member which does not answer runs, or can come back",
                "the highest RAFT APPLIED INDEX among those that answer",
            ),
            Action("Stop it", alone, "systemctl stop etcd.service", "no output"),
            Action("Keep a copy of its data", alone, f"cp -a {data}/member {data}/member.lost", "no output"),
            Action(
                "Let it forget the others and keep what it knows",
                alone,
                f"install -d -o etcd /run/etcd && echo ETCD_FORCE_NEW_CLUSTER=true > {REJOIN} && systemctl start etcd.service",
                "no output",
            ),
            Action(
                "Start it once more in the ordinary way",
                alone,
                f"rm {REJOIN} && systemctl restart etcd.service",
                "no output; it is the only member now, and leads",
            ),
            Action("Rebuild every other member, one after the other, as above; there is none to remove"),
        ),
        undo=(
            Action(
                "As long as no other member was rebuilt: its former data come back",
                alone,
                f"systemctl stop etcd.service && rm -r {data}/member && mv {data}/member.lost {data}/member && "
                "systemctl start --no-block etcd.service",
                "no output; it waits for the majority again",
            ),
        ),
    )


def _restart(client: Client) -> Chapter:
    actions = [_status(client, "See which member leads: its host comes last", "one row with IS LEADER true")]
    for host in client.members:
        actions += [
            Action(f"Restart the member on {host.name}", host.name, "systemctl restart etcd.service", "no output"),
            _well(client, host, "Wait until all members are well before the next one"),
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
            _status(
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
            _status(
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
            _well(client),
        ),
        undo=(Action("The same with the files of the newer revision"),),
    )
