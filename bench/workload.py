"""What is compiled, by pgc and the peers alike: folders of minimal manifests; and how much is written for them."""

from dataclasses import dataclass
from pathlib import Path

ZONES = ("a", "b", "c")


@dataclass(frozen=True, slots=True)
class Shape:
    """A folder of `clusters` manifests with `hosts_each` hosts in each."""

    clusters: int
    hosts_each: int = 3

    @property
    def hosts(self) -> int:
        return self.clusters * self.hosts_each

    @property
    def label(self) -> str:
        return str(self.hosts) if self.hosts_each == 3 else f"{self.hosts} in one cluster"


@dataclass(frozen=True, slots=True)
class Bulk:
    """How much is written for a host: whole files, and the mean number of lines in one."""

    files: int
    lines: int


def manifest(number: int, shape: Shape, failover_s: int = 30) -> str:
    """Return the smallest useful manifest of one cluster; addresses are unique within the shape."""
    name, digits = f"c{number:04d}", len(str(shape.hosts_each))  # as many in each: Jsonnet sorts hosts by name
    hosts = []
    for index in range(shape.hosts_each):
        serial = (number - 1) * shape.hosts_each + index
        address = f"10.{serial // 62500}.{serial // 250 % 250}.{serial % 250 + 1}"
        hosts.append(f"  {name}-pg{index + 1:0{digits}d}: {{address: {address}, zone: {ZONES[index % 3]}}}\n")
    return (
        "apiVersion: pgc.dev/v1\n"
        "kind: Cluster\n"
        f"metadata: {{name: {name}}}\n"
        'defaults: "2026.11"\n'
        f"objectives: {{failover: {failover_s}s, data_loss: none}}\n"
        "postgres: {version: 17}\n"
        "hosts:\n" + "".join(hosts)
    )


def write_manifests(folder: Path, shape: Shape, failover_s: int = 30) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, shape.clusters + 1):
        (folder / f"c{number:04d}.yaml").write_text(manifest(number, shape, failover_s))


def measure_bulk(tree: Path, hosts: int) -> Bulk:
    """Return the bulk of a written tree: all its files, those of the cluster shared out among the hosts."""
    files = [path for path in tree.rglob("*") if path.is_file()]
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    return Bulk(files=max(1, round(len(files) / hosts)), lines=max(5, round(lines / max(1, len(files)))))
