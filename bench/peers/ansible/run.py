"""Ansible's template module on a prepared inventory, as many forks as cores. Usage: run.py PROJECT OUTPUT TEMPLATES."""

import os
import sys
import tempfile
from pathlib import Path


def main(project: Path, output: Path, templates: Path) -> None:
    here = Path(__file__).resolve().parent
    os.environ["ANSIBLE_CONFIG"] = str(here / "ansible.cfg")
    os.environ["ANSIBLE_LOCAL_TEMP"] = os.environ["ANSIBLE_REMOTE_TEMP"] = tempfile.gettempdir()
    os.environ["ANSIBLE_PYTHON_INTERPRETER"] = sys.executable
    ansible = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [ansible, "--inventory", str(project / "inventory.yml"), "--forks", str(os.cpu_count())]
    os.execv(ansible, [*command, "--extra-vars", f"output={output}", str(here / "playbook.yml")])


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:]))
