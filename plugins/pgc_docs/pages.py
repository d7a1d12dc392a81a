"""The pages on the settled cluster, and the topology diagram. A row that a setting decided keeps that setting's origin."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.artifact import Artifact
from pgc.bodies import Plain
from pgc.cluster import Cluster
from pgc.facts import Endpoint, Package, Secret, Service
from pgc.fields import show_size
from pgc.markdown import code, escaped, table
from pgc_docs import arithmetic
from pgc_docs.topology import topology

MOST_PLACES = 8


def render(cluster: Cluster) -> Iterator[Artifact]:
    """Give the pages and the diagram."""
    name = title(cluster)
    pages = {
        "README": inventory(cluster, name),
        "settings": arithmetic.settings(cluster, name),
        "budgets": arithmetic.budgets(cluster, name),
        "failover": arithmetic.failover(cluster, name),
    }
    for page, lines in pages.items():
        yield Artifact(f"docs/{page}.md", "markdown", Plain(tuple(lines)))
    yield Artifact("docs/topology.svg", "svg", cluster.template("topology.svg.j2", title=name, **topology(cluster)))


def title(cluster: Cluster) -> str:
    """Return the cluster's name, with its environment."""
    return f"{cluster.name}, {cluster.site.environment}" if cluster.site.environment else cluster.name


def inventory(cluster: Cluster, name: str) -> Iterator[str]:
    """Write the first page: what there is, and where everything else is found."""
    metadata = cluster.site.metadata
    yield from (f"# {escaped(name)}", "")
    for text in (metadata.description, cluster.section.introduction):
        if text:
            yield from (escaped(" ".join(text.split())), "")
    if metadata.owner:
        yield from (f"Owner: {escaped(metadata.owner)}", "")
    yield from ("![topology](topology.svg)", "")
    yield "[Procedures](../runbooks/README.md) · [Failover arithmetic](failover.md) · [Derived settings](settings.md)"
    yield from ("· [Budgets](budgets.md) · [All files](files.md)", "")
    yield from _section("Objectives", ("objective", "value", "from"), _objectives(cluster))
    head = ("host", "address", "data centre", "zone", "memory", "cores", "disks", "services")
    yield from _section("Hosts", head, _hosts(cluster))
    yield from _section("What listens where", ("capability", "by", "scheme", "places"), _endpoints(cluster))
    yield from _section("Software", ("component", "version"), _packages(cluster))
    yield from ("## Secrets", "", "By reference only; no value is known to pgc.", "")
    secrets = ((each.name, code(each.reference), escaped(each.used_for)) for each in cluster.facts.all(Secret))
    yield from table(("secret", "reference", "used for"), secrets).split("\n")


def _section(heading: str, head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield from (f"## {heading}", "")
    yield from table(head, rows).split("\n")
    yield ""


def _objectives(cluster: Cluster) -> Iterator[tuple[str, ...]]:
    objectives = cluster.site.objectives
    shown = objectives.model_dump(exclude_none=True)
    for name in type(objectives).model_fields:
        if name in shown:
            given = cluster.site.given("objectives", name)
            yield name, str(shown[name]), "the manifest" if given else f"the defaults {cluster.site.defaults}"


def _hosts(cluster: Cluster) -> Iterator[tuple[str, ...]]:
    for host in cluster.site.hosts:
        disks = ", ".join(f"{name} {show_size(disk.size)} {disk.kind}" for name, disk in sorted(host.disks.items()))
        services = ", ".join(each.unit.removesuffix(".service") for each in cluster.facts.on(host.name, Service))
        memory = show_size(host.memory_bytes)
        yield host.name, host.address, host.datacenter, host.zone, memory, str(host.cores), disks or "–", services


def _endpoints(cluster: Cluster) -> Iterator[tuple[str, ...]]:
    """Yield one row a kind of endpoint, with the places where it listens."""
    rows: dict[tuple[str, str], list[Endpoint]] = {}
    for endpoint in cluster.facts.all(Endpoint):
        rows.setdefault((endpoint.offers, endpoint.scheme), []).append(endpoint)
    for (offers, scheme), found in sorted(rows.items()):
        places = ", ".join(f"`{each.location if each.port else each.address}`" for each in found[:MOST_PLACES])
        more = f" and {len(found) - MOST_PLACES} more" if len(found) > MOST_PLACES else ""
        yield offers, found[0].origin.plugin, scheme, places + more


def _packages(cluster: Cluster) -> Iterator[tuple[str, ...]]:
    yield from sorted({(each.component, each.version or "the distribution's") for each in cluster.facts.all(Package)})
