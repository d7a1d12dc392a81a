"""What the peers fill in: as many files a host, with as many lines, as pgc itself was seen to write.

Every template is a short YAML file with sorted keys, so that a contender that fills in text and one that dumps data can
both write it, and every contender has to write the same bytes.
"""

import json
from pathlib import Path

from workload import Bulk

JINJA2 = {slot: f"{{{{ {slot} }}}}" for slot in ("cluster", "host", "address", "zone")} | {
    "members": "{% for m in members %}  - {{ m.name }} {{ m.address }}:5432\n{% endfor %}"
}
KAPITAN = {slot: f"{{{{ inventory.parameters.{slot} }}}}" for slot in JINJA2} | {
    "members": JINJA2["members"].replace("in members", "in inventory.parameters.members")
}
JSONNET = {slot: f"%({slot})s" for slot in JINJA2}
KCL = {slot: f"${{{slot}}}" for slot in JINJA2}
PYTHON = {slot: f"{{{slot}}}" for slot in JINJA2}


def lines(number: int, count: int, listing: bool) -> list[str]:
    """Return file `number` of a host as lines with {slots}; every third option has something substituted."""
    head = ["cluster: {cluster}\n", f"file: {number}\n", "host: {host}\n", "listen: {address}:5432\n"]
    if listing:
        head.append("members:\n{members}")
    options = [
        f"option_{index:03d}: " + (f"/srv/{{cluster}}/{{host}}/{index}\n" if index % 3 == 0 else f"{index}\n")
        for index in range(count - 5)
    ]
    return [*head, *options, "zone: {zone}\n"]


def plan(bulk: Bulk, members: int) -> dict[str, list[str]]:
    """Return all files of a host. About one in five lists the members, as HAProxy's or pg_hba does.

    Args:
        members: hosts in a cluster; listing them takes lines from all files, so that the total stays that of `bulk`.
    """
    total = bulk.files * bulk.lines
    listings = min(-(-bulk.files // 5), total // (2 * members))
    count = max(5, (total - listings * members) // bulk.files)
    return {f"file{number:02d}": lines(number, count, number < listings) for number in range(bulk.files)}


def fill(template: list[str], slots: dict[str, str]) -> str:
    return "".join(line.format_map(slots) for line in template)


def python_data(template: list[str]) -> str:
    """Return the template as the source of a Python dict, for a contender that dumps data."""
    entries = []
    for line in template:
        key, value = line.split(":", 1)
        value = value.strip()
        entries.append(f'"{key}": ' + ("members" if key == "members" else value if value.isdigit() else f'f"{value}"'))
    return "{" + ", ".join(entries) + "}"


def write_templates(folder: Path, bulk: Bulk, members: int) -> None:
    """Write every host's templates in the languages of all peers."""
    files = plan(bulk, members)
    for language, slots in (("jinja2", JINJA2), ("kapitan", KAPITAN)):
        (folder / language).mkdir(parents=True)
        for name, template in files.items():
            (folder / language / f"{name}.yml.j2").write_text(fill(template, slots))
    named = "lambda cluster, host, address, zone, members:"
    typed = "lambda cluster: str, host: str, address: str, zone: str, members: str -> str"
    jsonnet = "".join(f"  {name}: {json.dumps(fill(text, JSONNET))},\n" for name, text in files.items())
    kcl = "".join(f'    {name} = {typed} {{\n"""{fill(text, KCL)}"""\n    }}\n' for name, text in files.items())
    texts = "".join(f'    "{name}": {named} f"""{fill(text, PYTHON)}""",\n' for name, text in files.items())
    data = "".join(f'    "{name}": {named} {python_data(text)},\n' for name, text in files.items())
    (folder / "templates.libsonnet").write_text(f"{{\n{jsonnet}}}\n")
    (folder / "templates.k").write_text(f"templates = {{\n{kcl}}}\n")
    (folder / "templates.py").write_text(f"TEXT = {{\n{texts}}}\nDATA = {{\n{data}}}\n")
