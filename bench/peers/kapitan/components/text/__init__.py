"""Kadet at its cheapest: every file of every host of one cluster as finished text, which Kapitan only writes."""

from kapitan.inputs import kadet
from templates import TEXT


def main():
    manifest = kadet.inventory().parameters.manifest
    members = "".join(f"  - {name} {host.address}:5432\n" for name, host in manifest.hosts.items())
    output = kadet.BaseObj()
    for name, host in manifest.hosts.items():
        for file, text in TEXT.items():
            output.root[f"{name}/{file}.yml"] = text(manifest.metadata.name, name, host.address, host.zone, members)
    return output
