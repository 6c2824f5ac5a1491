"""Which outputs a catalog chooses: these are generated, the others are removed, and ``check`` knows the difference."""

import pytest
from adi_analytics_codegen.backends import BACKENDS, render
from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.model.catalog import DEFAULT_OUTPUTS, OUTPUTS
from adi_analytics_codegen.model.fingerprint import fingerprint
from support.codegen.projects import Project, minimal


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def choose(project, *outputs):
    head = {"format": 2, "name": "small", "owner": "me"}
    project.write(minimal(catalog=head | ({"outputs": outputs} if outputs else {})))


def folders(project):
    return {path.name for path in project.out.iterdir()}


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_needs_no_other(project, name):
    choose(project, name)
    files = render(load_catalog(project.catalog))
    assert files
    assert {path.partition("/")[0] for path in files} == {name}


def test_every_output_can_be_chosen_and_the_order_is_ours(project):
    assert tuple(BACKENDS) == OUTPUTS
    choose(project, *reversed(OUTPUTS))
    assert load_catalog(project.catalog).outputs == OUTPUTS
    choose(project)
    assert load_catalog(project.catalog).outputs == DEFAULT_OUTPUTS


def test_what_is_chosen_is_on_the_disk_and_nothing_else(project, capsys, monkeypatch):
    monkeypatch.chdir("/")  # a path below the folder or beside it is shown from there
    shown = str(project.out).removeprefix("/")
    for outputs in (["go", "json_schema"], ["docs", "go", "rust"], ["typescript"], ["rust", "sql"], ["rust"]):
        choose(project, *outputs)
        before = folders(project) if project.out.exists() else set()
        assert project.run("check", "--diff") == 1
        checked = capsys.readouterr().out
        assert project.run("generate") == 0
        told = capsys.readouterr().out
        for name in before | set(outputs):
            assert (f"stale: {shown}/{name}/" in checked) is (name not in outputs)
            assert (f"deleted {shown}/{name}/" in told) is (name not in outputs)
        assert folders(project) == set(outputs)
        assert project.run("check") == 0


def test_files_of_somebody_else_outlive_an_output(project, capsys):
    choose(project, "docs", "typescript")
    assert project.run("generate") == 0
    mine = project.out / "docs" / "mine.md"
    mine.write_text("my notes")
    choose(project, "typescript")
    assert project.run("check") == 1
    assert project.run("generate") == 0
    assert (folders(project), mine.read_text()) == ({"docs", "typescript"}, "my notes")
    assert [path.name for path in (project.out / "docs").rglob("*") if path.is_file()] == ["mine.md"]
    assert project.run("check") == 0
    choose(project, "docs", "typescript")
    assert project.run("generate") == 2  # the folder is the output's again, and this file is in its way
    assert "mine.md" in capsys.readouterr().err
    assert mine.read_text() == "my notes"


def test_outputs_change_no_meaning(project):
    choose(project)
    every = load_catalog(project.catalog)
    choose(project, "go")
    assert fingerprint(load_catalog(project.catalog)) == fingerprint(every)
