"""Kapitan on a prepared project. Usage: run.py PROJECT OUTPUT TEMPLATES VARIANT."""

import os
import sys
from pathlib import Path


def main(project: Path, output: Path, templates: Path, variant: str) -> None:
    os.chdir(project / variant)
    os.environ["PYTHONPATH"] = str(templates)  # where the kadet components find their templates
    kapitan = str(Path(sys.executable).with_name("kapitan"))
    os.execv(kapitan, [kapitan, "compile", "--output-path", str(output)])


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:4]), sys.argv[4])
