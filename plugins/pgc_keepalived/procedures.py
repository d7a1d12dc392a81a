"""What people do with virtual addresses, as chapters of runbooks.

Sources: keepalived(8), signals and --signum; keepalived.conf(5).
"""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Site
from pgc.facts import Action, Chapter, Fact, Runbook
from pgc_keepalived.facts import machines
from pgc_keepalived.routers import Vip, vips
from pgc_keepalived.section import KeepalivedSection

ORDER = 60
NOTHING_CHANGED = (Action("Nothing to undo: these commands only look"),)
DATA = (
    'kill -s "$(keepalived --signum=DATA)" "$(cat /run/keepalived.pid)" && sleep 1 && '
    "grep -E 'VRRP Instance|State|Effective priority|Master router' /tmp/keepalived.data"
)
START = "systemctl start keepalived.service"


def contribute(section: KeepalivedSection, site: Site) -> Iterator[Fact]:
    """Give the chapters on virtual addresses."""
    found = vips(section, site)
    if not machines(found):
        return
    yield Runbook(
        slug="vip-stuck", title="VIP does not move", chapters=(_look(found), _why(section, found), _move(found))
    )
    yield Runbook(slug="failover", title="Failover", chapters=(_holder(found),))
    yield Runbook(slug="restart", title="Restart", chapters=(_restart(found),))
    yield Runbook(slug="node-loss", title="Loss and replacement of a node", chapters=(_replace(found),))
    yield Runbook(slug="rollback", title="Rollback of a change", chapters=(_rollback(),))


def _who_holds(found: tuple[Vip, ...]) -> Iterator[Action]:
    for vip in found:
        for router in vip.routers:
            yield Action(
                f"Ask {router.host.name} whether it holds {vip.name}",
                router.host.name,
                f"ip -brief address show dev {router.interface} to {vip.address}",
                f"a line with {vip.address} on one host, nothing on the others",
            )


def _look(found: tuple[Vip, ...]) -> Chapter:
    return Chapter("Who holds the address", ORDER, tuple(_who_holds(found)), NOTHING_CHANGED)


def _why(section: KeepalivedSection, found: tuple[Vip, ...]) -> Chapter:
    vip = found[0]
    peers = " or ".join(f"host {router.source}" for router in vip.routers)
    interface = vip.routers[0].interface if vip.routers else "eth0"
    return Chapter(
        "Why it does not move",
        ORDER,
        (
            Action(
                "Read what the routers decided",
                "every balancer",
                "journalctl -u keepalived.service -n 50 --no-pager",
                "`Entering MASTER STATE` on one, `Entering BACKUP STATE` on the others",
            ),
            Action(
                "`Entering FAULT STATE`: run the check by hand",
                "every balancer",
                "sudo -u keepalived_script /etc/keepalived/check-balancer; echo $?",
                "0; otherwise the balancer is down: systemctl status haproxy.service",
            ),
            Action(
                "See the router's own view",
                "every balancer",
                DATA,
                "State = MASTER on one, BACKUP on the others, the same Master router everywhere",
            ),
            Action(
                "See the signs of life; none means that a firewall drops IP protocol 112",
                "every balancer",
                f"timeout 5 tcpdump -nn -i {interface} 'ip proto 112 and ({peers})'"
                if ":" not in vip.address
                else f"timeout 5 tcpdump -nn -i {interface} 'ip6 proto 112'",
                f"lines from one address, `vrid {vip.router_id}`, an interval of {section.advert or 1} s or less; "
                "from two addresses means that they do not hear each other",
            ),
            Action(
                "Clients still go to the old host: see what their neighbour table says",
                "a client in the network",
                f"ip neighbour show to {vip.address}",
                "the hardware address of the holder; it is announced again every minute",
            ),
        ),
        NOTHING_CHANGED,
    )


def _move(found: tuple[Vip, ...]) -> Chapter:
    return Chapter(
        "Move it by hand",
        ORDER,
        (
            Action(
                "Stop the router of the present holder: it says so, and the next one takes over at once",
                "the holder",
                "systemctl stop keepalived.service",
                "no output",
            ),
            *_who_holds(found),
        ),
        (
            Action(
                "Start it again; without preemption the address stays where it is now",
                "the former holder",
                START,
                "no output",
            ),
        ),
    )


def _holder(found: tuple[Vip, ...]) -> Chapter:
    return Chapter(
        "The virtual address",
        ORDER,
        (
            Action(
                "It follows the balancers, not the leader: it moves only when the holder's host or balancer is lost"
            ),
            *_who_holds(found),
        ),
        NOTHING_CHANGED,
    )


def _restart(found: tuple[Vip, ...]) -> Chapter:
    actions: list[Action] = []
    for host in machines(found):
        actions += [
            Action(
                "Check the file before", host.name, "keepalived -t -f /etc/keepalived/keepalived.conf; echo $?", "0"
            ),
            Action("Reload: the address stays", host.name, "systemctl reload keepalived.service", "no output"),
            Action(
                "See that it runs with the new file",
                host.name,
                "journalctl -u keepalived.service -n 20 --no-pager",
                "`Reloading`, and no `Line …` behind it",
            ),
        ]
    return Chapter(
        "Routers, one at a time, the holder last",
        ORDER,
        tuple(actions),
        (
            Action(
                "Lay the former file down again and reload",
                "the host",
                "systemctl reload keepalived.service",
                "no output",
            ),
        ),
    )


def _replace(found: tuple[Vip, ...]) -> Chapter:
    return Chapter(
        "Its part in the virtual addresses",
        ORDER,
        (
            Action(
                "See that another host holds them",
                "the other balancers",
                "ip -brief address",
                ", ".join(f"{vip.address} ({vip.name})" for vip in found) + " on one of them",
            ),
            Action(
                "After the new host's address is in the manifest and rolled out, all routers must know it",
                "every balancer",
                "systemctl reload keepalived.service",
                "no output",
            ),
            Action(
                "Start the new host's router",
                "the new host",
                "systemctl enable --now keepalived.service",
                "Created symlink …",
            ),
            Action(
                "It waits as BACKUP",
                "the new host",
                "journalctl -u keepalived.service -n 20 --no-pager",
                "Entering BACKUP STATE",
            ),
        ),
        (Action("Take it out again", "the new host", "systemctl disable --now keepalived.service", "Removed …"),),
    )


def _rollback() -> Chapter:
    return Chapter(
        "Virtual addresses",
        ORDER,
        (
            Action(
                "After the files of the former revision are laid down, check and reload, the holder last",
                "each balancer, one at a time",
                "keepalived -t -f /etc/keepalived/keepalived.conf && systemctl reload keepalived.service",
                "no output",
            ),
        ),
        (
            Action(
                "The same with the files of the newer revision",
                "each balancer, one at a time",
                "systemctl reload keepalived.service",
                "no output",
            ),
        ),
    )
