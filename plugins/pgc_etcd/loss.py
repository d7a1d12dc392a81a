"""A member that is lost, and a majority that is lost for good. The tests carry both out on real members.

Sources: etcd, op-guide/runtime-configuration (a lost member is removed before it is added again), op-guide/recovery, and the flag
force-new-cluster: the survivor keeps its data and forgets the others.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Host
from pgc.facts import Action, Chapter
from pgc_etcd.client import Client
from pgc_etcd.render import REJOIN

ANY = "any member"
ONLY_LOOKS = Action("Nothing to undo: these commands only look")


def chapters(client: Client) -> Iterator[Chapter]:
    """Give the chapters of the procedure, from the one lost member to the lost majority."""
    yield _find(client)
    yield from _rebuilds(client)
    if len(client.members) > 1:
        yield _refound(client)


def well(client: Client, on: Host | None = None, do: str = "Ask all members; again, until all answer") -> Action:
    """Ask for the health of all members."""
    count = len(client.members)
    healthy = f"`is healthy`, {count} times" if count > 1 else "`is healthy`"
    return Action(do, on.name if on else ANY, f"{client.every(on)} endpoint health", healthy)


def status(client: Client, do: str, expect: str) -> Action:
    """Show who leads, and how far each member is."""
    return Action(do, ANY, f"{client.every()} endpoint status --write-out=table", expect)


def _find(client: Client) -> Chapter:
    count = len(client.members)
    majority = count // 2 + 1
    return Chapter(
        "Find the lost member",
        10,
        (
            status(client, "Ask all members", f"{majority} or more of {count} answer, one of them with IS LEADER true"),
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
                    "Announce it again, and keep what it has to know in order to join instead of founding a cluster",
                    host.name,
                    f"install -d -o etcd /run/etcd && {client.call(others, host)} member add {host.name} "
                    f"--peer-urls={client.peer(host)} | grep ^ETCD_ > {REJOIN} && cat {REJOIN}",
                    f'four lines, among them ETCD_NAME="{host.name}" and ETCD_INITIAL_CLUSTER_STATE="existing"',
                ),
                Action("Start it", host.name, "systemctl start etcd.service", "no output, once it has caught up"),
                well(client, host),
                Action("It is well: forget that it had to join", host.name, f"rm {REJOIN}", "no output"),
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
    data = str(client.section.data_dir).rstrip("/")
    alone = "the host that was chosen"
    return Chapter(
        "Only when the majority is gone for good: go on from one member",
        12,
        (
            status(
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
            Action(
                "Rebuild every other member, one after the other, as above; there is none to remove, "
                "and those that are still lost do not answer"
            ),
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
