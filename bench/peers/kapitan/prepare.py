"""Write the manifests as Kapitan inventories, one a variant. Usage: prepare.py INPUT PROJECT TEMPLATES.

data     a target a cluster: the manifest as it is, all files as objects from one kadet component, dumped as YAML
text     the same, all files as finished text from one kadet component
jinja2   a target a host, a folder of Jinja2 templates
"""

import json
import sys
from pathlib import Path

import yaml

COMPILE = {
    "data": {"input_type": "kadet", "input_paths": ["components/data"], "output_path": ".", "output_type": "yaml"},
    "text": {"input_type": "kadet", "input_paths": ["components/text"], "output_path": ".", "output_type": "plain"},
    "jinja2": {"input_type": "jinja2", "input_paths": ["templates"], "output_path": ".", "suffix_remove": True},
}


def write(project: Path, variant: str, target: str, parameters: dict) -> None:
    kapitan = {"vars": {"target": target}, "compile": [COMPILE[variant]]}
    text = json.dumps({"parameters": {"kapitan": kapitan, **parameters}})  # JSON is YAML
    (project / variant / "inventory" / "targets" / f"{target}.yml").write_text(text)


def main(source: Path, project: Path, templates: Path) -> None:
    for variant in COMPILE:
        for folder in ("targets", "classes"):  # reclass refuses an inventory without classes
            (project / variant / "inventory" / folder).mkdir(parents=True)
        (project / variant / "components").symlink_to(Path(__file__).with_name("components"))
        (project / variant / "templates").symlink_to(templates / "kapitan")
    for path in sorted(source.iterdir()):
        manifest = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
        cluster = manifest["metadata"]["name"]
        for variant in ("data", "text"):
            write(project, variant, cluster, {"manifest": manifest})
        members = [{"name": name, "address": host["address"]} for name, host in manifest["hosts"].items()]
        for name, host in manifest["hosts"].items():
            write(project, "jinja2", name, {"cluster": cluster, "host": name, "members": members, **host})


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:]))
