"""Write the manifests as one Ansible inventory. Usage: prepare.py INPUT PROJECT TEMPLATES."""

import json
import sys
from pathlib import Path

import yaml


def main(source: Path, project: Path, templates: Path) -> None:
    hosts = {}
    for path in sorted(source.iterdir()):
        manifest = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
        members = [{"name": name, "address": host["address"]} for name, host in manifest["hosts"].items()]
        for name, host in manifest["hosts"].items():
            hosts[name] = {"cluster": manifest["metadata"]["name"], "host": name, "members": members, **host}
    project.mkdir(parents=True)
    inventory = {"all": {"hosts": hosts, "vars": {"templates": str(templates)}}}
    (project / "inventory.yml").write_text(json.dumps(inventory))  # JSON is YAML


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:]))
