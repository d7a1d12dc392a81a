"""The pages lead to everything, hold together, and say what the lock file says; the diagram's boxes stand beside each other."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise

import pytest

from pgc.fields import parse_duration
from pgc.pipeline import Compilation
from tests.plugins.docs.conftest import EXAMPLES, compiled, everything, example, pages, tables, targets

HEAD = 'apiVersion: pgc.dev/v1\nkind: Cluster\ndefaults: "2026.11"\npostgres: {version: 17}\n'
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = 'a|b `c` [d](https://e) <script>f</script> *g* "h" \\ # i'


def cluster(count: int, zones: int = 3, centres: int = 1, name: str = "pg", vips: int = 0, six: bool = False) -> str:
    """Return a manifest of so many hosts."""
    rows = []
    for number in range(1, count + 1):
        address = f'"fd00::1234:5678:9abc:{number:x}"' if six else f"10.0.{number // 250}.{number % 250 + 1}"
        place = f"zone: z{number % zones}, datacenter: dc{number % centres}"
        rows.append(f"  {name}{number}: {{address: {address}, memory: 16GB, {place}}}\n")
    loose = ", data_loss: 1GB" if count < 3 else ""
    named = "".join(f"    vip{number}: {{address: 10.0.9.{number}/16}}\n" for number in range(1, vips + 1))
    virtual = f"keepalived:\n  vips:\n{named}" if vips else ""
    objectives = f"objectives: {{failover: 120s{loose}}}\n"
    return f"{HEAD}metadata: {{name: orders}}\n{objectives}{virtual}hosts:\n{''.join(rows)}"


def trees() -> list[tuple[str, Compilation]]:
    return [(f"{name} {each.environment}".strip(), each) for name in EXAMPLES for each in example(name)]


TREES = [pytest.param(each, id=name.replace(" ", "-")) for name, each in trees()]


# ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tree", TREES)
def test_every_file_is_reached_from_the_inventory(tree: Compilation) -> None:
    found, new, texts = set[str](), {"docs/README.md"}, pages(tree)
    while new:
        path = new.pop()
        found.add(path)
        new |= targets(path, texts.get(path, "")) - found
    assert everything(tree) - found == set()


@pytest.mark.parametrize("tree", TREES)
def test_no_link_is_broken_on_any_page(tree: Compilation) -> None:
    texts = pages(tree)
    assert len(texts) > 10
    broken = {path: targets(path, text) - everything(tree) for path, text in texts.items()}
    assert not {path: missing for path, missing in broken.items() if missing}


# ── tables and text ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tree", [*TREES, pytest.param(compiled(cluster(7, vips=2)), id="seven-hosts")])
def test_every_row_of_a_table_has_as_many_cells_as_its_head(tree: Compilation) -> None:
    count = 0
    for path, text in pages(tree).items():
        for rows in tables(text):
            count += 1
            assert {len(row) for row in rows} == {len(rows[0])}, (path, rows[0])
            assert all(re.fullmatch(r"-+", cell) for cell in rows[1]), path
            assert len(rows) > 2, (path, rows[0])
    assert count > 30


@pytest.mark.parametrize("tree", TREES)
def test_headings_and_lists_stand_apart_and_no_value_is_missing(tree: Compilation) -> None:
    for path, text in pages(tree).items():
        lines = text.splitlines()
        for before, line in pairwise(lines):
            assert not (line.startswith(("#", "**Undo**")) and before), (path, line)
        assert not re.search(r"\bNone\b|\bTrue\b|\bFalse\b|\bOrigin\(|<[a-z.]+ object", "\n".join(lines)), path
        assert text.endswith("\n") and text.count("```") % 2 == 0, path


def test_text_of_the_manifest_is_text_on_every_page() -> None:
    quoted = "'" + HOSTILE.replace("'", "''") + "'"
    metadata = f"metadata: {{name: orders, description: {quoted}, owner: {quoted}}}\n"
    text = cluster(3).replace("metadata: {name: orders}\n", metadata)
    texts = pages(
        compiled(f"{text}docs: {{introduction: {quoted}}}\nrunbooks: {{contact: {quoted}, chat: {quoted}}}\n")
    )
    for path, page in texts.items():
        assert "<script>" not in page and "](https://e)" not in page.replace("\\]", ""), path
        for rows in tables(page):
            assert {len(row) for row in rows} == {len(rows[0])}, path
    assert texts["docs/README.md"].count("a\\|b") == 3


# ── what the pages say ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tree", TREES)
def test_the_failover_page_says_what_the_lock_file_says(tree: Compilation) -> None:
    assert tree.bundle is not None
    first, *others = tables(pages(tree)["docs/failover.md"])
    shown = {fault: None if most == "not bounded" else parse_duration(most) for fault, most in first[2:]}
    assert shown == tree.bundle.summary["bounds_s"]
    titles = re.findall(r"^## (.+): (\S+)$", pages(tree)["docs/failover.md"], re.MULTILINE)
    assert {fault: parse_duration(most) for fault, most in titles} == {
        fault: seconds for fault, seconds in shown.items() if seconds is not None
    }
    for (_, most), rows in zip(titles, others, strict=False):
        counted = sum(parse_duration(row[3]) for row in rows[2:] if row[4] == "counts")
        assert counted == pytest.approx(parse_duration(most))


@pytest.mark.parametrize("tree", TREES)
def test_the_settings_page_has_every_settled_value(tree: Compilation) -> None:
    assert tree.bundle is not None
    chosen = next(iter(tables(pages(tree)["docs/settings.md"])))
    assert {row[0] for row in chosen[2:]} == set(tree.bundle.summary["settled"])
    assert all(row[2] for row in chosen[2:]), "each with its reason"


def test_hosts_with_the_same_sums_share_a_table() -> None:
    page = pages(compiled(cluster(7)))["docs/budgets.md"]
    titles = re.findall(r"^## memory of (\S+)$", page, re.MULTILINE)
    assert len(titles) < 7
    others = re.findall(r"^The same on (.+)\.$", page, re.MULTILINE)
    named = [*titles, *(host for line in others for host in line.split(", ") if host.startswith("pg"))]
    assert sorted(set(named)) == [f"pg{number}" for number in range(1, 8)]


# ── the diagram ──────────────────────────────────────────────────────────────────────────────────────────────────────


Box = tuple[float, float, float, float]


def drawing(text: str) -> tuple[ElementTree.Element, dict[str, list[Box]]]:
    bundle = compiled(text).bundle
    assert bundle is not None
    root = ElementTree.fromstring(bundle.files["docs/topology.svg"].content)
    boxes: dict[str, list[Box]] = {"entry": [], "zone": [], "host": []}
    for group in root.findall(f"{SVG}g"):
        (rect,) = group.findall(f"{SVG}rect")
        x, y, width, height = (float(rect.get(name, "nan")) for name in ("x", "y", "width", "height"))
        boxes[group.get("class", "")].append((x, y, x + width, y + height))
    return root, boxes


def apart(one: Box, other: Box) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def within(inner: Box, outer: Box) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


CLUSTERS = {
    "one": cluster(1, 1),
    "three": cluster(3),
    "three behind an address": cluster(3, vips=1),
    "seven behind nine addresses": cluster(7, vips=9),
    "twenty in two centres": cluster(20, 3, 2),
    "twenty in one zone": cluster(20, 1),
    "three hundred": cluster(300),
    "three hundred in many zones": cluster(300, 40),
    "long names": cluster(7, name="a-very-long-name-of-a-host-that-somebody-once-chose-for-it-"),
    "long addresses": cluster(5, six=True),
}


@pytest.mark.parametrize("text", CLUSTERS.values(), ids=[name.replace(" ", "-") for name in CLUSTERS])
def test_boxes_stand_beside_each_other_inside_their_zones_and_the_picture(text: str) -> None:
    root, boxes = drawing(text)
    _, _, width, height = map(float, root.get("viewBox", "").split())
    assert (root.get("width"), root.get("height")) == (f"{width:.0f}", f"{height:.0f}")
    assert len(boxes["host"]) == text.count("{address:") - text.count("vip1: {") * text.count("/16}")
    for kind in boxes.values():
        assert all(within(box, (0, 0, width, height)) for box in kind)
        ordered = sorted(kind)
        assert all(apart(*pair) for pair in (combinations(ordered, 2) if len(ordered) < 60 else near(ordered)))
    assert all(any(within(box, zone) for zone in boxes["zone"]) for box in boxes["host"])
    assert all(apart(entry, zone) for entry in boxes["entry"] for zone in boxes["zone"])
    assert width <= 6 * height + 400, "no ribbon"
    assert height <= 6 * width + 400, "no tower"


def near(ordered: list[Box]) -> list[tuple[Box, Box]]:
    """Return the pairs of which one begins before the other ends: only those can overlap."""
    pairs = []
    for index, box in enumerate(ordered):
        for other in ordered[index + 1 :]:
            if other[0] >= box[2]:
                break
            pairs.append((box, other))
    return pairs


@pytest.mark.parametrize("text", CLUSTERS.values(), ids=[name.replace(" ", "-") for name in CLUSTERS])
def test_text_fits_into_its_box(text: str) -> None:
    root, _ = drawing(text)
    for group in root.findall(f"{SVG}g"):
        (rect,) = group.findall(f"{SVG}rect")
        right = float(rect.get("x", "nan")) + float(rect.get("width", "nan"))
        for line in group.findall(f"{SVG}text"):
            size = float(line.get("font-size", "13"))
            assert float(line.get("x", "nan")) + 0.58 * size * len(line.text or "") <= right, line.text


def test_a_short_text_is_whole_and_a_long_one_is_told_to_the_pointer() -> None:
    root, _ = drawing(CLUSTERS["long names"])
    group = min(root.findall(f"{SVG}g[@class='host']"), key=lambda each: each.findtext(f"{SVG}title", ""))
    whole, shown = group.findtext(f"{SVG}title", ""), group.findall(f"{SVG}text")[0].text or ""
    assert shown.endswith("…") and whole.startswith(shown[:-1]) and whole.endswith(", 10.0.0.2")
    root, _ = drawing(CLUSTERS["three"])
    assert [group.findall(f"{SVG}text")[0].text for group in root.findall(f"{SVG}g[@class='host']")] == [
        "pg3",
        "pg1",
        "pg2",
    ]


def test_the_way_in_is_the_virtual_address_with_the_ports_of_its_services() -> None:
    root, _ = drawing(CLUSTERS["three behind an address"])
    (entry,) = root.findall(f"{SVG}g[@class='entry']")
    assert [line.text for line in entry.findall(f"{SVG}text")] == [
        "vip1 10.0.9.1",
        "read-write :5000, read-only :5001, sync-read :5002",
    ]
