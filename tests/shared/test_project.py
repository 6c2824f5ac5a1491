"""Which project a command works for."""

from __future__ import annotations

from pathlib import Path

import adi_analytics_codegen.load.source.project
import pytest
from adi_analytics import resolve_catalog
from adi_analytics._shared import project as module
from adi_analytics._shared.project import ProjectError, find_project
from adi_analytics._shared.source import find_source


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADI_ANALYTICS_PROJECT", raising=False)


def folder(root: Path, table: str | None = None, *, events: bool = False) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    if table is not None:
        (root / "pyproject.toml").write_text(table)
    if events:
        (root / "events.yaml").write_text("catalog: {format: 1, name: a}\n")
    return root


def test_the_library_and_the_generator_have_the_same_rule() -> None:
    assert Path(module.__file__).read_bytes() == Path(adi_analytics_codegen.load.source.project.__file__).read_bytes()


def test_the_table_says_where_everything_is(tmp_path: Path) -> None:
    root = folder(
        tmp_path / "shop",
        '[tool.adi-analytics]\ncatalog = "catalog/shop.yaml"\ngenerated = "made"\n'
        'migrations = "sql"\npackage = "shop_events"\n',
    )
    found = find_project(start=folder(root / "services" / "web"))
    assert found is not None
    assert (found.root, found.package) == (root, "shop_events")
    assert (found.catalog, found.generated, found.migrations) == (
        root / "catalog" / "shop.yaml",
        root / "made",
        root / "sql",
    )
    assert str(root / "pyproject.toml") in found.why


def test_a_catalog_alone_is_a_project(tmp_path: Path) -> None:
    root = folder(tmp_path, "[project]\nname = 'a'\n", events=True)
    found = find_project(start=folder(root / "a" / "b"))
    assert found is not None
    assert (found.catalog, found.package) == (root / "events.yaml", None)
    assert found.why == f"events.yaml in {root}"


def test_the_nearest_project_wins(tmp_path: Path) -> None:
    folder(tmp_path, "[tool.adi-analytics]\n")
    inner = folder(tmp_path / "examples" / "shop", events=True)
    found = find_project(start=inner)
    assert found is not None
    assert found.root == inner


def test_a_pyproject_without_the_table_is_passed_over(tmp_path: Path) -> None:
    root = folder(tmp_path, "[tool.adi-analytics]\n")
    service = folder(root / "service", "[project]\nname = 'service'\n")
    found = find_project(start=service)
    assert found is not None
    assert found.root == root


@pytest.mark.parametrize(
    "text",
    [
        '[tool.adi-analytics]\ncatalog = "a.yaml"',
        '[ tool . "adi-analytics" ]\ncatalog = "a.yaml"',
        '[tool]\nadi-analytics = {catalog = "a.yaml"}',
        'tool.adi-analytics.catalog = "a.yaml"',
        '[project]\ndependencies = ["adi-analytics>=1"]\n[tool]\n"adi-analytics".catalog = "a.yaml"',
    ],
)
def test_the_table_is_found_however_it_is_written(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")

    project = find_project(tmp_path)

    assert project is not None
    assert project.catalog == tmp_path / "a.yaml"


def test_an_argument_wins_over_the_environment_and_that_over_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, told, given = (folder(tmp_path / name, events=True) for name in ("here", "told", "given"))
    monkeypatch.setenv("ADI_ANALYTICS_PROJECT", str(told))
    for argument, root, why in ((given, given, "--project"), (None, told, "ADI_ANALYTICS_PROJECT")):
        found = find_project(argument, start=here)
        assert found is not None
        assert found.root == root
        assert found.why.startswith(why)


def test_no_folder_upwards_is_a_project(tmp_path: Path) -> None:
    assert find_project(start=tmp_path) is None


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            "[tool.adi-analytics]\ncatalogue = 'x'\n",
            ["unknown key 'catalogue'", "catalog, generated, migrations, package"],
        ),
        ("[tool.adi-analytics]\npackage = 7\n", ["package", "7", "Expected a text"]),
        ("[tool.adi-analytics]\npackage = ''\n", ["package", "Expected a text"]),
        ("[tool]\nadi-analytics = 'x'\n", ["is not a table"]),
        ("[tool.adi-analytics\n", ["TOML", "line 1"]),
    ],
)
def test_a_wrong_table_names_the_file_and_the_key(tmp_path: Path, table: str, words: list[str]) -> None:
    folder(tmp_path, table)
    with pytest.raises(ProjectError) as caught:
        find_project(start=tmp_path)
    for word in (str(tmp_path / "pyproject.toml"), *words):
        assert word in str(caught.value)


def test_a_folder_that_is_given_must_be_a_project(tmp_path: Path) -> None:
    with pytest.raises(
        ProjectError, match=r"--project names this folder, but it is no project.*analytics-codegen init"
    ):
        find_project(tmp_path / "nowhere")


def test_commands_and_clients_agree_when_both_variables_are_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADI_ANALYTICS_PROJECT", str(folder(tmp_path / "shop", events=True)))
    monkeypatch.setenv("ADI_ANALYTICS_CATALOG", "adi_analytics_events")
    found = find_source()
    assert found.package == resolve_catalog().package == "adi_analytics_events"
    assert found.why.startswith("ADI_ANALYTICS_CATALOG")


def test_a_working_directory_that_was_deleted_is_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = folder(tmp_path / "gone")
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert find_project() is None


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('\ufeff[tool.adi-analytics]\npackage = "shop"\n', encoding="utf-8")
    found = find_project(tmp_path)
    assert found is not None
    assert found.package == "shop"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder(tmp_path, "[tool.adi-analytics]\n")

    def refuse(_self: Path, **_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(ProjectError, match=r"pyproject\.toml: it can't be read: Permission denied"):
        find_project(start=root)
