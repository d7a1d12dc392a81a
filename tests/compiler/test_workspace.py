"""Which files are manifests, and what is said where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgc import build, workspace
from pgc.fields import FileName, Part
from pgc.parse import Manifest, read_named
from pgc.registry import Registry
from pgc.templating import Templates

MINIMAL = (Path(__file__).parent.parent.parent / "examples" / "minimal.yaml").read_text()


@pytest.fixture
def built(registry: Registry, templates: Templates, tmp_path: Path):
    """Compile paths into a folder of the test's."""

    def run(*paths: Path, environment: str | None = None, **options: object) -> build.Built:
        return build.build(
            [str(path) for path in paths], environment, str(tmp_path / "out"), registry, templates, **options
        )  # type: ignore[arg-type]

    return run


def _codes(result: build.Built) -> list[str]:
    return sorted(
        {each.code for outcome in result.outcomes for each in outcome.diagnostics if each.severity != "note"}
        | {each.code for each in result.diagnostics}
    )


def test_a_folder_is_searched_without_hidden_files_and_generated_trees(tmp_path: Path) -> None:
    for name in (
        "b.yaml",
        "a.yml",
        ".hidden.yaml",
        "notes.txt",
        "sub/c.yaml",
        ".git/d.yaml",
        "generated/orders/e.yaml",
        "generated/orders/pgc.lock",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [str(Path(file).relative_to(tmp_path)) for file in workspace.manifests([str(tmp_path)])]
    assert found == ["a.yml", "b.yaml", "sub/c.yaml"]


def test_a_folder_without_manifests_is_said_so(built, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("a: 1\n")
    result = built(tmp_path)
    assert [each.code for each in result.diagnostics] == ["MAN014"]


def test_two_manifests_of_one_cluster_are_refused(built, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MINIMAL)
    (tmp_path / "b.yaml").write_text(MINIMAL)
    result = built(tmp_path)
    assert [each.code for each in result.diagnostics] == ["MAN012"]
    assert not list((tmp_path / "out").glob("minimal")), "nothing is written"


def test_an_environment_that_the_manifest_lacks_is_named(built, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MINIMAL + "environments: {staging: {}, production: {}}\n")
    result = built(tmp_path / "a.yaml", environment="stagign")
    assert [each.message for outcome in result.outcomes for each in outcome.diagnostics] == [
        "the manifest has no environment stagign; it has: production, staging"
    ]


def test_environments_that_are_a_list_are_refused(built, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MINIMAL + "environments: [staging]\n")
    assert _codes(built(tmp_path / "a.yaml")) == ["MAN015"]


def test_each_environment_is_compiled_to_its_own_tree(built, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        MINIMAL + "environments: {staging: {objectives: {failover: 120s}}, production: {}}\n"
    )
    result = built(tmp_path / "a.yaml")
    assert [outcome.directory for outcome in result.outcomes] == ["minimal/production", "minimal/staging"]
    assert (tmp_path / "out/minimal/staging/pgc.lock").is_file()


def test_a_named_file_that_is_missing_is_a_finding(tmp_path: Path) -> None:
    class Section(Part):
        schema_file: FileName

    manifest = Manifest(None, {"postgres": Section(schema_file="missing.sql")})  # type: ignore[arg-type]
    files, findings = read_named(manifest, workspace._reader(str(tmp_path / "m.yaml")))
    assert files == {}
    assert [(each.code.code, str(each.places[0])) for each in findings] == [("SRC011", "postgres.schema_file")]


def test_a_named_file_outside_the_folder_is_not_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "inside/link.sql").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="outside the manifest's folder"):
        workspace._reader(str(tmp_path / "inside/m.yaml"))("link.sql")


def test_workers_give_the_same_trees_as_one_process(registry: Registry, templates: Templates, tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"in{number}.yaml").write_text(MINIMAL.replace("name: minimal", f"name: c{number}"))
    for workers in (1, 3):
        build.build([str(tmp_path)], None, str(tmp_path / f"out{workers}"), registry, templates, workers=workers)
    one, three = (
        {
            str(file.relative_to(tmp_path / out)): file.read_bytes()
            for file in (tmp_path / out).rglob("*")
            if file.is_file() and ".pgc" not in str(file)
        }
        for out in ("out1", "out3")
    )
    assert one == three
    assert len(one) > 7 * 10


def test_one_bad_manifest_in_a_folder_leaves_all_trees_as_they_were(built, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(MINIMAL)
    (tmp_path / "bad.yaml").write_text(MINIMAL.replace("minimal", "other").replace("version: 17", "version: seventeen"))
    result = built(tmp_path)
    assert "MAN003" in _codes(result)
    assert not (tmp_path / "out/minimal").exists()
