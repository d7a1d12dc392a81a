"""The procedures that every cluster has, with what is common to all products: title, purpose, symptoms, first and last chapters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pgc.cluster import Site
from pgc.facts import Action, Chapter, Fact, Runbook, Service


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
        "bring-up",
        "First start",
        "From bare hosts to a cluster that serves: the order in which everything is laid down and started.",
        ("a new cluster",),
    ),
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
CHECKOUT = "a checkout of the repository"
BY_SLUG = {procedure.slug: procedure for procedure in PROCEDURES}


def contribute(site: Site) -> Iterator[Fact]:
    """Give the procedures, with the chapters that belong to no product: Git for a rollback, a bare host for a new one."""
    first = {
        "rollback": (_revert(site),),
        "bring-up": (_prepare(site, "Prepare every host", "every host"),),
        "node-loss": (_prepare(site, "Prepare the new host", "the new host"),),
    }
    for procedure in PROCEDURES:
        chapters = first.get(procedure.slug, ())
        yield Runbook(
            slug=procedure.slug,
            title=procedure.title,
            summary=procedure.summary,
            symptoms=procedure.symptoms,
            chapters=chapters,
        )


STARTED = {"kernel": 0, "dcs": 1, "ha": 2, "pool": 3, "balancer": 4, "vip": 5, "dcs-maintenance": 6}


def derive(services: Iterable[Service]) -> Iterator[Fact]:
    """Give the order of the first start: the store, then who needs it, then who leads clients to them."""
    by_unit: dict[tuple[int, str], list[str]] = {}
    for service in services:
        if service.role in STARTED:
            by_unit.setdefault((STARTED[service.role], service.unit), []).append(service.host)
    actions = tuple(
        Action(
            "On all of these hosts together: the first one waits for a majority"
            if stage == 1
            else "On one host after the other",
            _some(hosts),
            f"systemctl enable --now {unit} && systemctl is-active {unit}",
            "active",
        )
        for (stage, unit), hosts in sorted(by_unit.items())
    )
    stop = Action(
        "Stop them in the opposite order; the data directories stay",
        "every host",
        "systemctl disable --now UNIT",
        "no output",
    )
    yield Runbook(
        slug="bring-up",
        title=BY_SLUG["bring-up"].title,
        chapters=(Chapter("Start in this order", 2, actions, (stop,)),),
    )


def _some(hosts: list[str]) -> str:
    return ", ".join(hosts[:6]) + (f" and {len(hosts) - 6} more" if len(hosts) > 6 else "")


def _tree(site: Site) -> str:
    return f"generated/{site.name}" + (f"/{site.environment}" if site.environment else "")


def _prepare(site: Site, title: str, where: str) -> Chapter:
    tree = _tree(site)
    return Chapter(
        title,
        1,
        (
            Action(
                "The host stands in the manifest, is compiled, reviewed and merged; its files are below",
                CHECKOUT,
                f"ls {tree}/hosts/HOST/etc",
                "its files",
            ),
            Action(
                "Install the software that the inventory lists; no service may start by itself yet (policy-rc.d on Debian)",
                where,
            ),
            Action(
                "Lay its sysusers.d files first, and make the users that the other files belong to",
                where,
                "systemd-sysusers",
                "no output, or one line a user",
            ),
            Action(
                "Lay all its files, with the owners and modes of the page of all files, every secret's token replaced by its value",
                where,
            ),
            Action(
                "Make the machine take note of them",
                where,
                "systemctl daemon-reload && sysctl --system && udevadm control --reload",
                "the settings, one a line",
            ),
        ),
        undo=(Action("Until a service was started nothing but these files has changed: remove them again", where),),
    )


def _revert(site: Site) -> Chapter:
    tree = _tree(site)
    return Chapter(
        "The committed files",
        1,
        (
            Action(
                "Find the commit that brought the change",
                CHECKOUT,
                f"git log --oneline -10 -- {tree}",
                "the newest commit is the first line",
            ),
            Action(
                "Take it back, manifest and generated files together",
                CHECKOUT,
                "git revert --no-edit COMMIT",
                "Revert …",
            ),
            Action("See that files and manifest agree again", CHECKOUT, "pgc compile . --check", "up to date"),
            Action(
                "Read what going back does, by meaning", CHECKOUT, "pgc diff COMMIT", "the change, the other way round"
            ),
            Action(
                "Open a pull request, let it be reviewed, and lay the files down; then go on with the chapters below"
            ),
        ),
        undo=(Action("Revert the revert", CHECKOUT, "git revert --no-edit HEAD", "Reapply …"),),
    )
