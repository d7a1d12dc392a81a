"""Kadet as it is meant: every file of every host of one cluster as an object, which Kapitan dumps as YAML."""

from kapitan.inputs import kadet
from templates import DATA


def main():
    manifest = kadet.inventory().parameters.manifest
    members = [f"{name} {host.address}:5432" for name, host in manifest.hosts.items()]
    output = kadet.BaseObj()
    for name, host in manifest.hosts.items():
        for file, data in DATA.items():
            output.root[f"{name}/{file}"] = data(manifest.metadata.name, name, host.address, host.zone, members)
    return output
