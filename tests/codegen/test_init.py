"""`analytics-codegen init`: a project that works at once, and nothing that was there before is touched."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from adi_analytics.migrate.cli.main import main as migrate
from adi_analytics_codegen.cli.main import main
from support.paths import ROOT

FILES = {
    ".gitattributes",
    ".gitignore",
    "README.md",
    "demo.py",
    "events.yaml",
    "noxfile.py",
    "pyproject.toml",
    "tests/test_events.py",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "shop"
    assert main(["init", str(folder), "--ci", "github", "--ci", "gitlab"]) == 0
    return folder


@pytest.fixture
def shop(made, tmp_path, monkeypatch):
    """A new project, as working directory."""
    folder = shutil.copytree(made, tmp_path / "shop")
    monkeypatch.chdir(folder)
    return folder


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {"generated", "migrations", "__pycache__"} & set(path.relative_to(folder).parts)
    }


def test_every_check_passes_at_once(shop, capsys):
    assert set(files(shop)) == FILES | {".github/workflows/analytics.yml", ".gitlab-ci.yml"}
    assert main(["lint"]) == main(["check"]) == migrate(["check"]) == 0
    assert "events.yaml is fine: 2 events, 1 aggregate" in capsys.readouterr().out


def test_the_tutorial_leads_to_what_it_says(shop):
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    event, aggregate = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    catalog = shop / "events.yaml"
    text = catalog.read_text().replace("events:\n  user", f"events:\n{event}  user").rstrip()
    catalog.write_text(f"{text}\n{aggregate}")
    assert main(["lint"]) == main(["generate"]) == migrate(["new", "-m", "report exports"]) == migrate(["check"]) == 0
    assert (shop / "migrations" / "0003_pre_report_exports").is_dir()

    (program,) = (one for one in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "# export.py" in one)
    environment = os.environ | {"PYTHONPATH": str(shop / "generated" / "python")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "'pdf', 3, 1, 2178.0" in done.stdout


def test_nothing_is_about_another_catalog(shop):
    texts = [path.read_text() for path in shop.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert [
        text for text in texts if re.search(r"\badi_analytics_events|\banalytics_dead_letters|\banalytics_daily", text)
    ] == []


def test_its_tests_and_its_demo_pass(shop):
    environment = os.environ | {"PYTHONPATH": str(shop / "generated" / "python")}

    def run(*arguments):
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=shop, env=environment, capture_output=True, text=True, check=False)

    tests = run("-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert "3 passed" in tests.stdout
    demo = run("demo.py")
    assert demo.returncode == 0, demo.stderr
    assert "1050 events sent to the table shop_events" in demo.stdout
    assert re.search(r"visitors.*p95_load_ms", demo.stdout)
    assert len(re.findall(r"home", demo.stdout)) == 3


@pytest.mark.parametrize("arguments", [("check",), ("format", "--check")], ids=" ".join)
def test_its_python_is_clean_for_ruff(shop, arguments):
    command = [sys.executable, "-m", "ruff", *arguments, "--isolated", "demo.py", "noxfile.py", "tests"]
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.github-workflows", ".github/workflows/analytics.yml"),
        ("custom.github-workflows-require-timeout", ".github/workflows/analytics.yml"),
        ("vendor.gitlab-ci", ".gitlab-ci.yml"),
    ],
)
def test_its_pipelines_are_valid(shop, schema, file):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, file]
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_second_run_keeps_everything(shop, capsys):
    (shop / "README.md").write_text("mine")
    before = files(shop)
    assert main(["init", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["written"], set(said["kept"])) == ([], FILES)
    assert files(shop) == before


def test_a_run_that_was_stopped_goes_on(shop, capsys):
    (shop / "demo.py").unlink()
    shutil.rmtree(shop / "migrations")
    assert main(["init", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == ["demo.py", "migrations/"]
    assert migrate(["check"]) == 0


def test_a_folder_with_a_pyproject_is_told_what_to_add(tmp_path, capsys):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'web'\n")
    assert main(["init", str(tmp_path), "--name", "web-shop"]) == 0
    said = capsys.readouterr().out
    assert (tmp_path / "pyproject.toml").read_text() == "[project]\nname = 'web'\n"
    assert 'package = "web_shop_events"' in said
    assert '[project.entry-points."adi_analytics.catalogs"]' in said
    assert "[build-system]" not in said


def test_a_folder_with_another_catalog_is_left_alone(tmp_path, capsys):
    (tmp_path / "events.yaml").write_text("catalog: {format: 1, name: other}\n")
    assert main(["init", str(tmp_path), "--name", "shop"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["events.yaml"]


def test_a_folder_of_generated_files_of_others_is_left_alone(tmp_path, capsys):
    mine = tmp_path / "generated" / "python" / "mine.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("x = 1")
    assert main(["init", str(tmp_path), "--name", "shop"]) == 2
    assert "mine.py" in capsys.readouterr().err
    assert mine.read_text() == "x = 1"


@pytest.mark.parametrize("name", ["Shop", "9to5", "my shop", "a" * 34, "ä", "../x", "-"])
def test_a_name_that_cannot_be_one(tmp_path, capsys, name):
    assert main(["init", str(tmp_path / "new"), f"--name={name}"]) == 2
    assert "--name shop" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_name_whose_package_is_installed_already(tmp_path, capsys):
    assert main(["init", str(tmp_path / "new"), "--name", "adi-analytics"]) == 2
    assert "adi_analytics_events is installed already" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_the_name_comes_from_the_folder(tmp_path):
    assert main(["init", str(tmp_path / "My Shop 2")]) == 0
    assert "name: my-shop-2," in (tmp_path / "My Shop 2" / "events.yaml").read_text()
    assert (tmp_path / "My Shop 2" / "generated" / "python" / "my_shop_2_events").is_dir()


def test_a_file_in_the_way_of_the_folder(tmp_path, capsys):
    (tmp_path / "shop").write_text("a file")
    assert main(["init", str(tmp_path / "shop")]) == 2
    assert "shop" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("origin", "requirement"),
    [
        (None, ""),
        ({"url": "file:///w/a.whl", "archive_info": {}}, "adi-analytics @ file:///w/a.whl"),
        (
            {"url": "https://forge.example/a.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "adi-analytics @ git+https://forge.example/a.git@abc",
        ),
    ],
)
def test_the_project_installs_the_library_from_where_it_came(tmp_path, monkeypatch, origin, requirement):
    folder = tmp_path / "adi_analytics-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: adi-analytics\nVersion: 0.1.0\n")
    if origin is not None:
        (folder / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["init", str(tmp_path / "shop")]) == 0
    text = (tmp_path / "shop" / "noxfile.py").read_text()
    assert (f'"{requirement}"' in text) if requirement else ("LIBRARY: list[str] = []" in text)
