"""Where the boxes of the topology diagram stand. Hosts side by side, grouped by data centre and zone, services inside."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from pgc.cluster import Cluster, Host
from pgc.facts import Endpoint, Service

BOX, GAP, LINE, HEAD, MARGIN, TOP, PAD = 216, 18, 20, 50, 24, 92, 14
MOST_A_ROW = 6
RANKS = {"pg.read-write": 1, "pg.pooled": 2, "pg.sql": 3, "pg.role-probe": 4, "dcs.client": 5}
ROLES = {"vip": 0, "balancer": 1, "pool": 2, "ha": 4, "dcs": 5}
LAST = 9


def topology(cluster: Cluster) -> dict[str, Any]:
    """Return the diagram's size, its zones, boxes and entry points, in pixels."""
    services = {host.name: _services(cluster, host) for host in cluster.site.hosts}
    tallest = max(len(found) for found in services.values())
    height = HEAD + LINE * tallest + 10
    zones: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    left, top, deepest = MARGIN, TOP, TOP
    for (datacenter, zone), members in groupby(_by_zone(cluster), key=lambda host: (host.datacenter, host.zone)):
        hosts = list(members)
        for start in range(0, len(hosts), MOST_A_ROW):
            row = hosts[start : start + MOST_A_ROW]
            width = len(row) * (BOX + GAP) - GAP + 2 * PAD
            if left > MARGIN and left + width > MARGIN + MOST_A_ROW * (BOX + GAP + PAD):
                left, top = MARGIN, top + height + 62
            zones.append(
                {
                    "x": left,
                    "y": top,
                    "width": width,
                    "height": height + 2 * PAD + 18,
                    "title": f"{datacenter} · zone {zone}",
                }
            )
            for index, host in enumerate(row):
                x, y = left + PAD + index * (BOX + GAP), top + PAD + 18
                boxes.append(_box(host, services[host.name], x, y, height))
            left += width + GAP
            deepest = max(deepest, top + height + 2 * PAD + 18)
    width = max(zone["x"] + zone["width"] for zone in zones) + MARGIN
    return {
        "width": max(width, 520),
        "height": deepest + MARGIN,
        "zones": zones,
        "boxes": boxes,
        "entries": _entries(cluster, max(width, 520)),
    }


def _by_zone(cluster: Cluster) -> list[Host]:
    return sorted(cluster.site.hosts, key=lambda host: (host.datacenter, host.zone, host.name))


def _services(cluster: Cluster, host: Host) -> list[str]:
    """Return what runs on a host, with its ports, from the clients' side to the store's."""
    ports: dict[str, set[int]] = {}
    ranks: dict[str, int] = {}
    for endpoint in cluster.facts.on(host.name, Endpoint):
        author = endpoint.origin.plugin
        ports.setdefault(author, set()).add(endpoint.port)
        ranks[author] = min(ranks.get(author, LAST), RANKS.get(endpoint.offers, LAST))
    for service in cluster.facts.on(host.name, Service):
        if service.role in ROLES:
            ports.setdefault(service.origin.plugin, set())
            ranks.setdefault(service.origin.plugin, ROLES[service.role])
    return [
        f"{name} {', '.join(map(str, sorted(ports[name])))}".strip()
        for name in sorted(ports, key=lambda each: (ranks[each], each))
    ]


def _box(host: Host, services: list[str], x: int, y: int, height: int) -> dict[str, Any]:
    return {
        "x": x,
        "y": y,
        "width": BOX,
        "height": height,
        "name": host.name,
        "address": host.address,
        "lines": [{"text": text, "y": y + HEAD + LINE * index + 12} for index, text in enumerate(services)],
    }


def _entries(cluster: Cluster, width: int) -> list[dict[str, Any]]:
    """Return where clients come in: the virtual addresses, or the balancers, with the ports for writes and reads."""
    found = cluster.facts.all(Endpoint, "vip")
    names = [f"{each.detail('name') or 'VIP'} {each.address}" for each in found] or ["clients: any balancer"]
    listeners = {
        each.offers.removeprefix("pg."): each.port
        for each in cluster.facts.all(Endpoint)
        if each.offers in ("pg.read-write", "pg.read-only", "pg.sync-read")
    }
    ports = ", ".join(f"{name} :{port}" for name, port in listeners.items())
    room = (width - 2 * MARGIN) / len(names)
    return [
        {"x": round(MARGIN + room * index), "width": round(room - GAP), "text": name, "ports": ports}
        for index, name in enumerate(names)
    ]
