"""Jsonnet in Rust: one evaluation gives every file's text, Python writes them. Usage: run.py INPUT OUTPUT TEMPLATES."""

import json
import sys
from pathlib import Path

import rjsonnet


def main(source: Path, output: Path, templates: Path) -> None:
    manifests = [path.read_text() for path in sorted(source.iterdir())]
    rendered = rjsonnet.evaluate_file(
        str(Path(__file__).with_name("main.jsonnet")),
        jpathdir=[str(templates)],
        ext_vars={"manifests": json.dumps(manifests)},
    )
    for cluster, hosts in json.loads(rendered).items():
        for host, files in hosts.items():
            folder = output / cluster / "hosts" / host
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (folder / f"{name}.yml").write_text(text)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
