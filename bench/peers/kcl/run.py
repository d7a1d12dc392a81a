"""KCL in Rust: one evaluation gives every file's text, Python writes them. Usage: run.py INPUT OUTPUT TEMPLATES."""

import json
import sys
from pathlib import Path

from kcl_lib import api


def main(source: Path, output: Path, templates: Path) -> None:
    manifests = [path.read_text() for path in sorted(source.iterdir())]
    result = api.API().exec_program(
        api.ExecProgramArgs(
            k_filename_list=[str(Path(__file__).with_name("main.k")), str(templates / "templates.k")],
            args=[api.Argument(name="manifests", value=json.dumps(manifests))],
            disable_yaml_result=True,
            path_selector=["rendered"],
        )
    )
    if result.err_message:
        sys.exit(result.err_message)
    for cluster, hosts in json.loads(result.json_result).items():
        for host, files in hosts.items():
            folder = output / cluster / "hosts" / host
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (folder / f"{name}.yml").write_text(text)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
