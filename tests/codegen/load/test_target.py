"""Which catalog a command takes, and where it writes."""

import pytest
from adi_analytics_codegen.cli.main import main
from support.codegen.projects import Project, minimal

TABLE = '[tool.adi-analytics]\ncatalog = "catalog/web.yaml"\ngenerated = "made"\n'


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("ADI_ANALYTICS_PROJECT", raising=False)


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A project whose pyproject.toml says where everything is, seen from a folder below."""
    project = Project(tmp_path / "web")
    project.write(TABLE, "pyproject.toml")
    project.write(minimal(), "catalog/web.yaml")
    project.write("", "services/api/main.py")
    monkeypatch.chdir(project.folder / "services" / "api")
    return project


def test_from_a_folder_below(web, capsys):
    assert main(["generate"]) == 0
    assert (web.folder / "made" / "python" / "small_events" / "__init__.py").is_file()
    assert "wrote ../../made/python/small_events/__init__.py" in capsys.readouterr().out
    assert main(["check"]) == main(["lint"]) == 0
    assert "../../catalog/web.yaml is fine: 1 event, 0 aggregates" in capsys.readouterr().out


@pytest.mark.parametrize("way", ["argument", "variable", "file"])
def test_from_elsewhere(web, tmp_path, monkeypatch, way):
    monkeypatch.chdir(tmp_path)
    if way == "variable":
        monkeypatch.setenv("ADI_ANALYTICS_PROJECT", str(web.folder))
    named = {"argument": ["--project", "web"], "variable": [], "file": ["--catalog", "web/catalog/web.yaml"]}
    assert main(["generate", *named[way]]) == 0
    assert [path.name for path in web.folder.iterdir() if path.name in {"made", "generated"}] == ["made"]


def test_the_nearest_project_wins(web, monkeypatch):
    inner = Project(web.folder / "examples" / "shop")
    inner.write(minimal(catalog={"format": 1, "name": "shop"}))
    monkeypatch.chdir(inner.folder)
    assert main(["generate"]) == 0
    assert (inner.out / "python" / "shop_events").is_dir()


def test_a_file_that_is_not_the_projects_own_is_written_beside(web):
    other = web.write(minimal(), "drafts/next.yaml")
    assert main(["generate", "--catalog", str(other)]) == 0
    assert (web.folder / "drafts" / "generated").is_dir()


@pytest.mark.parametrize("command", ["lint", "generate", "check"])
def test_without_a_catalog(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    assert main([command]) == 2
    said = capsys.readouterr().err
    assert "there is no events.yaml here or in a folder above" in said
    assert "--catalog" in said
    assert "analytics-codegen init" in said


def test_a_folder_that_is_no_project(tmp_path, capsys):
    assert main(["lint", "--project", str(tmp_path)]) == 2
    assert "--project names this folder, but it is no project" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[tool.adi-analytics]\ncatalogue = "x"\n', "unknown key 'catalogue'"),
        ("[tool.adi-analytics]\ncatalog = 1\n", "catalog in [tool.adi-analytics] is 1"),
        ("[tool.adi-analytics\n", "can't be read as TOML"),
    ],
)
def test_a_pyproject_that_is_wrong(web, capsys, table, said):
    web.write(table, "pyproject.toml")
    assert main(["lint"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", ["generate", "check", "lint"])
def test_a_project_and_its_catalog_agree_on_the_package(web, capsys, command):
    web.write(f'{TABLE}package = "web_events"\n', "pyproject.toml")
    assert main([command]) == 2
    said = capsys.readouterr().err
    assert 'package in [tool.adi-analytics] is "web_events", but the catalog generates "small_events"' in said
    assert "python_package: web_events" in said
    assert not (web.folder / "made").exists()


def test_file_and_folder_at_once(web, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["lint", "--catalog", "events.yaml", "--project", "."])
    assert caught.value.code == 2
    assert "not allowed with argument" in capsys.readouterr().err
