"""The floor: plain Python, PyYAML's C loader and Jinja2 in one process. Usage: run.py INPUT OUTPUT TEMPLATES."""

import sys
from pathlib import Path

import jinja2
import yaml


def main(source: Path, output: Path, templates: Path) -> None:
    loader = jinja2.FileSystemLoader(templates / "jinja2")
    environment = jinja2.Environment(loader=loader, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    loaded = {name.removesuffix(".j2"): environment.get_template(name) for name in environment.list_templates()}
    for path in sorted(source.iterdir()):
        manifest = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
        cluster = manifest["metadata"]["name"]
        members = [{"name": name, "address": host["address"]} for name, host in manifest["hosts"].items()]
        for name, host in manifest["hosts"].items():
            folder = output / cluster / "hosts" / name
            folder.mkdir(parents=True, exist_ok=True)
            for file, template in loaded.items():
                text = template.render(cluster=cluster, host=name, members=members, **host)
                (folder / file).write_text(text)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
