"""Where the boxes of the topology diagram stand. Hosts side by side, grouped by data centre and zone, services inside.

Nobody measures text here: a letter is reckoned as wide as the widest of the usual fonts has it on average, and what would still not fit
is shortened (a reader's pointer shows the whole of it).
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import Any

from pgc.cluster import Cluster, Host
from pgc.facts import Endpoint, Service

GAP, LINE, HEAD, MARGIN, PAD, TITLE = 18, 20, 50, 24, 14, 18
NARROWEST, WIDEST, MOST_A_ROW = 190, 340, 6
ENTRY, ENTRY_HEIGHT, STEM = 300, 46, 24
LETTER = 0.62
"""The width of a letter in shares of the font's size."""
RANKS = {"pg.read-write": 1, "pg.pooled": 2, "pg.sql": 3, "pg.role-probe": 4, "dcs.client": 5}
ROLES = {"vip": 0, "balancer": 1, "pool": 2, "ha": 4, "dcs": 5}
LAST = 9


def topology(cluster: Cluster) -> dict[str, Any]:
    """Return the diagram's size, its zones, boxes and entry points, in pixels."""
    services = {host.name: _services(cluster, host) for host in cluster.site.hosts}
    box = _box_width(cluster, services)
    height = HEAD + LINE * max(len(found) for found in services.values()) + 10
    most = max(MOST_A_ROW, math.ceil(math.sqrt(len(services))))
    full = most * (box + GAP + PAD)
    rows = _rows(cluster, most, box, full)
    widest = max(sum(_width(len(hosts), box) + GAP for _, hosts in row) - GAP for row in rows)
    width = 2 * MARGIN + max(widest, ENTRY)
    entries, top = _entries(cluster, width)
    zones: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    for row in rows:
        left = MARGIN
        for title, hosts in row:
            zone = {"x": left, "y": top, "width": _width(len(hosts), box), "height": height + 2 * PAD + TITLE}
            zones.append({**zone, "title": _short(title, zone["width"] - 2 * PAD, 11), "whole": title})
            for index, host in enumerate(hosts):
                x, y = left + PAD + index * (box + GAP), top + PAD + TITLE
                boxes.append(_box(host, services[host.name], x, y, box, height))
            left += zone["width"] + GAP
        top += height + 2 * PAD + TITLE + GAP
    return {"width": width, "height": top - GAP + MARGIN, "zones": zones, "boxes": boxes, "entries": entries}


def _rows(cluster: Cluster, most: int, box: int, full: int) -> list[list[tuple[str, list[Host]]]]:
    """Put zones side by side as long as they fit; a zone of many hosts goes on in the next row."""
    rows: list[list[tuple[str, list[Host]]]] = [[]]
    used = 0
    for (datacenter, zone), members in groupby(_by_zone(cluster), key=lambda host: (host.datacenter, host.zone)):
        hosts = list(members)
        for start in range(0, len(hosts), most):
            part = hosts[start : start + most]
            wide = _width(len(part), box)
            if rows[-1] and used + wide > full:
                rows.append([])
                used = 0
            rows[-1].append((f"{datacenter} · zone {zone}", part))
            used += wide + GAP
    return rows


def _width(hosts: int, box: int) -> int:
    return hosts * (box + GAP) - GAP + 2 * PAD


def _by_zone(cluster: Cluster) -> list[Host]:
    return sorted(cluster.site.hosts, key=lambda host: (host.datacenter, host.zone, host.name))


def _box_width(cluster: Cluster, services: dict[str, list[str]]) -> int:
    """Return how wide the boxes must be for most of their text."""
    texts = [(line, 12) for lines in services.values() for line in lines]
    texts += [text for host in cluster.site.hosts for text in ((host.name, 14), (host.address, 11))]
    return min(WIDEST, max(NARROWEST, 24 + max(_span(text, size) for text, size in texts)))


def _span(text: str, size: int) -> int:
    return math.ceil(len(text) * size * LETTER)


def _short(text: str, room: int, size: int) -> str:
    """Shorten a text until it fits into its room."""
    letters = max(1, int(room / (size * LETTER)))
    return text if len(text) <= letters else text[: letters - 1] + "…"


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


def _box(host: Host, services: list[str], x: int, y: int, width: int, height: int) -> dict[str, Any]:
    room = width - 24
    return {
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "whole": f"{host.name}, {host.address}",
        "name": _short(host.name, room, 14),
        "address": _short(host.address, room, 11),
        "lines": [
            {"text": _short(text, room, 12), "y": y + HEAD + LINE * index + 12} for index, text in enumerate(services)
        ],
    }


def _entries(cluster: Cluster, width: int) -> tuple[list[dict[str, Any]], int]:
    """Return where clients come in (the virtual addresses, or the balancers, with their ports), and where the rest may begin."""
    listeners = (
        (name, cluster.facts.first(Endpoint, f"pg.{name}")) for name in ("read-write", "read-only", "sync-read")
    )
    ports = ", ".join(f"{name} :{each.port}" for name, each in listeners if each is not None and each.port)
    found = cluster.facts.all(Endpoint, "vip")
    names = [f"{each.detail('name') or 'VIP'} {each.address}" for each in found]
    names = names or (["clients: any balancer"] if ports else [])
    columns = max(1, min(len(names), (width - 2 * MARGIN + GAP) // (ENTRY + GAP)))
    room = (width - 2 * MARGIN + GAP) // columns - GAP
    entries: list[dict[str, Any]] = []
    for index, name in enumerate(names):
        row, column = divmod(index, columns)
        x, y = MARGIN + column * (room + GAP), MARGIN + row * (ENTRY_HEIGHT + GAP)
        entries.append(
            {
                "x": x,
                "y": y,
                "width": room,
                "height": ENTRY_HEIGHT,
                "whole": name,
                "text": _short(name, room - 2 * PAD, 14),
                "ports": _short(ports, room - 2 * PAD, 11),
                "last": index + columns >= len(names),
            }
        )
    if not entries:
        return [], MARGIN
    return entries, int(entries[-1]["y"]) + ENTRY_HEIGHT + STEM
