"""What people do with HAProxy, as chapters of runbooks."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Site
from pgc.facts import Action, Chapter, Endpoint, Fact, Facts, Runbook
from pgc_haproxy.facts import balancers, max_connections, most
from pgc_haproxy.section import HaproxySection

SOCKET = "socat - /run/haproxy/admin.sock"
NOTHING_CHANGED = (Action("Nothing to undo: these commands only look"),)


def derive(section: HaproxySection, site: Site, known: Facts) -> Iterator[Fact]:
    """Give the chapters on balancers."""
    probe = known.first(Endpoint, "pg.role-probe")
    if probe is None or not balancers(site):
        return
    yield Runbook(slug="failover", title="Failover", chapters=(_see_leader(site),))
    yield Runbook(slug="restart", title="Restart", chapters=(_reload(site),))
    yield Runbook(
        slug="node-loss", title="Loss and replacement of a node", chapters=(_replace(bool(probe.detail("sync"))),)
    )
    yield Runbook(slug="connection-storm", title="Connection storm", chapters=(_storm(section, site),))
    yield Runbook(slug="rollback", title="Rollback of a change", chapters=(_rollback(),))


def _see_leader(site: Site) -> Chapter:
    actions = [
        Action(
            "See which server takes writes",
            host.name,
            f"echo 'show servers state leader' | {SOCKET} | awk 'NR>2 && NF {{print $4, $6}}'",
            "one server with 2 (up), the others with 0 (down)",
        )
        for host in balancers(site)
    ]
    return Chapter("The balancers follow the new leader by themselves", 50, tuple(actions), NOTHING_CHANGED)


def _reload(site: Site) -> Chapter:
    actions: list[Action] = []
    for host in balancers(site):
        actions += [
            Action(
                "Check the file before",
                host.name,
                "haproxy -c -f /etc/haproxy/haproxy.cfg",
                "Configuration file is valid",
            ),
            Action(
                "Reload: running sessions stay with the old process",
                host.name,
                "systemctl reload haproxy.service",
                "no output",
            ),
            Action(
                "See that it serves",
                host.name,
                f"echo 'show info' | {SOCKET} | grep -E '^(Uptime_sec|CurrConns)'",
                "Uptime_sec is small",
            ),
        ]
    return Chapter(
        "Balancers, one at a time, the holder of the virtual address last",
        50,
        tuple(actions),
        (
            Action(
                "Lay the former file down again and reload",
                "the balancer",
                "systemctl reload haproxy.service",
                "no output",
            ),
        ),
    )


def _replace(synchronous: bool) -> Chapter:
    backends = ("leader", "replicas", *(["synchronous-replicas"] if synchronous else []))
    off, on = ("; ".join(f"{verb} server {backend}/HOST" for backend in backends) for verb in ("disable", "enable"))
    return Chapter(
        "Its balancer",
        50,
        (
            Action(
                "Take the lost server out of rotation while it is being replaced (each balancer)",
                "every balancer",
                f"echo '{off}' | {SOCKET}",
                "an empty line",
            ),
            Action("After the replacement, compile, review and roll out: the new address comes from the manifest"),
        ),
        (
            Action(
                "Put it back",
                "every balancer",
                f"echo '{on}' | {SOCKET}",
                "an empty line",
            ),
        ),
    )


def _storm(section: HaproxySection, site: Site) -> Chapter:
    clients, limit = max_connections(section, site), most(section, site)
    return Chapter(
        "Who connects",
        50,
        (
            Action(
                "How many, and how many may",
                "every balancer",
                f"echo 'show info' | {SOCKET} | grep -E '^(CurrConns|Maxconn|SessRate)'",
                f"CurrConns below {clients}, which is what each service takes; Maxconn {limit}, which is all of them and the statistics",
            ),
            Action(
                "From where",
                "every balancer",
                f"echo 'show sess' | {SOCKET} | grep -o 'src=[0-9a-f.:]*:' | sort | uniq -c | sort -rn | head",
                "one address that stands out is the cause",
            ),
            Action(
                "Slow new connections down until the cause is found",
                "every balancer",
                f"echo 'set rate-limit sessions global 50' | {SOCKET}",
                "an empty line",
            ),
        ),
        (
            Action(
                "Lift the limit",
                "every balancer",
                f"echo 'set rate-limit sessions global 0' | {SOCKET}",
                "an empty line",
            ),
        ),
    )


def _rollback() -> Chapter:
    return Chapter(
        "Balancers",
        50,
        (
            Action(
                "After the files of the former revision are laid down, check and reload",
                "each balancer, one at a time",
                "haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy.service",
                "Configuration file is valid",
            ),
        ),
        (
            Action(
                "The same with the files of the newer revision",
                "each balancer, one at a time",
                "haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy.service",
                "Configuration file is valid",
            ),
        ),
    )
