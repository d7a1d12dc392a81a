"""The procedures that every cluster has, with what is common to all products: title, purpose, symptoms, first and last chapters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pgc.cluster import Site
from pgc.facts import Action, Chapter, Fact, Runbook


@dataclass(frozen=True, slots=True)
class Procedure:
    """What is said of a procedure before the products speak; `faults` are the bounds that its page shows."""

    slug: str
    title: str
    summary: str
    symptoms: tuple[str, ...]
    faults: tuple[str, ...] = ()


PROCEDURES = (
    Procedure(
        "failover",
        "Failover",
        "The leader is lost and a replica takes over by itself. This page says how to see that it did, and what to do when it did not.",
        ("writes fail or hang", "no host answers 200 on its leader probe", "an alert says that there is no leader"),
        ("host lost", "host and DCS leader lost", "network cut", "postgres crashed"),
    ),
    Procedure(
        "switchover",
        "Switchover",
        "The leader moves to another host on purpose, for maintenance.",
        ("planned work on the leader's host",),
        ("switchover",),
    ),
    Procedure(
        "node-loss",
        "Loss and replacement of a node",
        "A host is gone for good. Its duties move to a new one.",
        ("a host does not answer, and will not come back",),
        ("host lost", "vip host lost"),
    ),
    Procedure(
        "etcd-member",
        "Loss and rebuild of a DCS member",
        "One member of the consensus store is lost or damaged. The others go on as long as they are a majority.",
        ("a member reports unhealthy", "a member's disk is damaged"),
        ("DCS quorum lost",),
    ),
    Procedure(
        "vip-stuck",
        "VIP does not move",
        "The virtual address is on no host, or on two.",
        ("clients cannot connect although there is a leader", "two hosts show the address"),
        ("vip host lost", "proxy crashed"),
    ),
    Procedure(
        "restart",
        "Restart",
        "Processes are restarted one at a time, in the order that keeps the cluster writable.",
        ("a change waits for a restart", "a security update"),
        ("switchover",),
    ),
    Procedure(
        "replication-lag",
        "Replication lag",
        "A replica falls behind.",
        ("reads are stale", "an alert on lag", "disk space of the leader shrinks because a slot holds its WAL"),
        ("synchronous standby lost",),
    ),
    Procedure(
        "disk-full",
        "Disk full",
        "A disk is full or about to be. Nothing is deleted by hand below the data directory.",
        ("writes fail with `No space left on device`", "an alert on disk space"),
        ("disk full",),
    ),
    Procedure(
        "connection-storm",
        "Connection storm",
        "More clients connect than the cluster was made for.",
        ("connections are refused or wait", "an alert on waiting clients"),
    ),
    Procedure(
        "rollback",
        "Rollback of a change",
        "A change that was rolled out has to go back.",
        ("the cluster is worse after a rollout",),
    ),
)
BY_SLUG = {procedure.slug: procedure for procedure in PROCEDURES}


def contribute(site: Site) -> Iterator[Fact]:
    """Give the procedures, and the chapter on Git that a rollback begins with."""
    for procedure in PROCEDURES:
        chapters = (_revert(site),) if procedure.slug == "rollback" else ()
        yield Runbook(
            slug=procedure.slug,
            title=procedure.title,
            summary=procedure.summary,
            symptoms=procedure.symptoms,
            chapters=chapters,
        )


def _revert(site: Site) -> Chapter:
    tree = f"generated/{site.name}" + (f"/{site.environment}" if site.environment else "")
    return Chapter(
        "The committed files",
        1,
        (
            Action(
                "Find the commit that brought the change",
                "",
                f"git log --oneline -10 -- {tree}",
                "the newest commit is the first line",
            ),
            Action(
                "Take it back, manifest and generated files together", "", "git revert --no-edit COMMIT", "Revert …"
            ),
            Action("See that files and manifest agree again", "", "pgc compile . --check", "up to date"),
            Action("Read what going back does, by meaning", "", "pgc diff COMMIT", "the change, the other way round"),
            Action(
                "Open a pull request, let it be reviewed, and lay the files down; then go on with the chapters below"
            ),
        ),
        undo=(Action("Revert the revert", "", "git revert --no-edit HEAD", "Reapply …"),),
    )
