"""keepalived.conf, the check of the balancer, the unit, the script's user, kernel settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pgc.artifact import Artifact, Body
from pgc.bodies import Plain, unit
from pgc.cluster import Cluster, Host
from pgc.facts import Certificate, Endpoint
from pgc.provenance import Origin, Sourced, because
from pgc.templating import word
from pgc.terms import tidy
from pgc_keepalived.facts import ADVERT, USER, machines
from pgc_keepalived.routers import Vip, vips

UNIT = "keepalived.service"
CAPABILITIES = "CAP_CHOWN CAP_KILL CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SETGID CAP_SETUID CAP_SYS_NICE CAP_SYS_RESOURCE"


def render(cluster: Cluster) -> Iterator[Artifact]:
    """Give every router its files; only keepalived.conf differs from host to host."""
    if not cluster.section.vips:
        return
    routers = vips(cluster.section, cluster.site)
    service, kernel, account = _unit(cluster), _kernel(cluster), _account(cluster)
    common = _common(cluster)
    scripts: dict[Any, Body] = {}
    for host in machines(routers):
        balancer = next(iter(cluster.facts.on(host.name, Endpoint, "proxy.stats")), None)
        config = cluster.template(
            "keepalived.conf.j2",
            **common,
            host=because(host.name, "the host's name", host.path),
            checked=balancer is not None,
            vips=[_instance(vip, host) for vip in routers if any(router.host is host for router in vip.routers)],
        )
        yield Artifact("etc/keepalived/keepalived.conf", "keepalived.conf", config, host=host.name, consumer=UNIT)
        if balancer is not None:
            key = (balancer.port, balancer.path) if balancer.scheme == "http" else host.name
            if key not in scripts:
                scripts[key] = _script(cluster, host, balancer)
            yield Artifact(
                "etc/keepalived/check-balancer",
                "keepalived.script",
                scripts[key],
                host=host.name,
                consumer=UNIT,
                mode="0755",
            )
        yield Artifact(f"etc/systemd/system/{UNIT}", "systemd.unit", service, host=host.name, consumer="systemd")
        yield Artifact(
            "etc/sysusers.d/keepalived.conf",
            "systemd.sysusers",
            account,
            host=host.name,
            consumer="systemd-sysusers.service",
        )
        yield Artifact(
            "etc/sysctl.d/62-keepalived.conf",
            "systemd.sysctl",
            kernel,
            host=host.name,
            consumer="systemd-sysctl.service",
        )


def _common(cluster: Cluster) -> dict[str, Any]:
    section = cluster.section
    return {
        "name": cluster.name,
        "user": USER,
        "announce_every": Sourced(max(1, round(section.announce_every)), cluster.sourced("announce_every").origin),
        "check": {field: cluster.sourced("check", field) for field in ("interval", "timeout", "fall", "rise")},
        "advert": cluster.value(ADVERT),
        "preempt_delay": Sourced(tidy(section.preempt_delay), cluster.sourced("preempt_delay").origin)
        if section.preempt
        else "",
        "raw_global": _raw(cluster, "global"),
        "raw_instance": _raw(cluster, "instance"),
    }


def _raw(cluster: Cluster, part: str) -> list[Any]:
    lines = cluster.section.raw.get(part) or []
    return [cluster.sourced("raw", part, index) for index in range(len(lines))]


def _instance(vip: Vip, host: Host) -> dict[str, Any]:
    own = next(router for router in vip.routers if router.host is host)
    peers = [
        Sourced(router.source, Origin((router.host.path / "address",), f"{router.host.name} may hold it too"))
        for router in vip.routers
        if router is not own
    ]
    given = Origin((vip.path / "router_id",), "set in the manifest")
    derived = Origin((vip.path / "address",), "the last byte of the address, or the next number that is free")
    return {
        "name": Sourced(vip.name, Origin((vip.path,), "the name in the manifest")),
        "interface": Sourced(
            own.interface,
            Origin((vip.path / "interface" if vip.spec.interface else host.path / "interface",), "carries the address"),
        ),
        "router_id": Sourced(vip.router_id, given if vip.spec.router_id is not None else derived),
        "priority": Sourced(
            own.priority,
            Origin((vip.path / "hosts" if vip.spec.hosts else host.path,), "by its place among the routers"),
        ),
        "source": Sourced(own.source, Origin((host.path / "address",), "the host's own address")),
        "peers": peers,
        "address": Sourced(vip.interface.with_prefixlen, Origin((vip.path / "address",), "set in the manifest")),
        "options": because(" preferred_lft 0", "the host's own connections do not start from it")
        if vip.interface.version == 6
        else "",
    }


def _script(cluster: Cluster, host: Host, balancer: Endpoint) -> Body:
    """With TLS the balancer is asked by the host's name, on the loopback, and its certificate is verified."""
    section, trust, name = cluster.section, "", "127.0.0.1"
    certificate = next(iter(cluster.facts.on(host.name, Certificate)), None)
    if balancer.scheme == "https":
        name = host.name
        trust = f" --resolve {name}:{balancer.port}:127.0.0.1"
        if certificate is not None:
            trust += f" --cacert {word(certificate.authority_file)}"
    return cluster.template(
        "check-balancer.j2",
        user=USER,
        seconds=cluster.sourced("check", "timeout") if section else "",
        trust=trust,
        url=Sourced(word(f"{balancer.scheme}://{name}:{balancer.port}{balancer.path}"), balancer.origin),
    )


def _account(cluster: Cluster) -> Body:
    return Plain(
        (
            "# Made by pgc from the manifest; change it there. Source: sysusers.d(5); keepalived.conf(5), script_user.",
            f'u {USER} - "keepalived checks" -',
        )
    )


def _kernel(cluster: Cluster) -> Body:
    return Plain(
        (
            f"# Kernel settings of a host of {cluster.name} that may hold a virtual address. Made by pgc.",
            "# A service may bind the address before it is here.",
            "net.ipv4.ip_nonlocal_bind = 1",
            "net.ipv6.ip_nonlocal_bind = 1",
            "# When an address goes, the others of its network stay.",
            "net.ipv4.conf.all.promote_secondaries = 1",
            "# The host's own questions never carry the virtual address, which would move it in its neighbours' tables.",
            "net.ipv4.conf.all.arp_announce = 2",
        )
    )


def _unit(cluster: Cluster) -> Body:
    """Source: keepalived, keepalived/keepalived-non-root.service.in, for the capabilities and address families."""
    return unit(
        (
            "Unit",
            (
                ("Description", f"keepalived, virtual addresses of the cluster {cluster.name}"),
                ("Documentation", "man:keepalived(8) man:keepalived.conf(5)"),
                ("After", "network-online.target haproxy.service"),
                ("Wants", "network-online.target"),
                ("StartLimitIntervalSec", "0"),
            ),
        ),
        (
            "Service",
            (
                ("Type", "notify"),
                ("NotifyAccess", "all"),
                (
                    "ExecStartPre",
                    because(
                        "+/usr/bin/systemd-sysusers /etc/sysusers.d/keepalived.conf",
                        "the check has a user of its own, which no package makes",
                    ),
                ),
                (
                    "ExecStart",
                    because(
                        "/usr/sbin/keepalived --dont-fork --vrrp", "addresses only: no checker of real servers runs"
                    ),
                ),
                ("ExecReload", "/bin/kill -HUP $MAINPID"),
                ("KillMode", "mixed"),
                ("TimeoutStopSec", "10"),
                ("Restart", "always"),
                ("RestartSec", "1"),
                ("OOMScoreAdjust", because("-900", "without it the address stays where nobody answers")),
                ("CapabilityBoundingSet", CAPABILITIES),
                ("LockPersonality", "yes"),
                ("NoNewPrivileges", "yes"),
                ("ProtectClock", "yes"),
                ("ProtectControlGroups", "yes"),
                ("ProtectHome", "yes"),
                ("ProtectKernelLogs", "yes"),
                ("ProtectKernelModules", "yes"),
                ("ProtectSystem", "full"),
                ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_NETLINK AF_PACKET AF_UNIX"),
                ("RestrictNamespaces", "yes"),
                ("RestrictSUIDSGID", "yes"),
                ("SystemCallArchitectures", "native"),
            ),
        ),
        ("Install", (("WantedBy", "multi-user.target"),)),
        head=(f"keepalived of the cluster {cluster.name}. Made by pgc from the manifest; change it there.",),
    )
