"""`analytics-codegen init`: a project that works at once, and nothing that was there before is touched."""

import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from adi_analytics.migrate.cli.main import main as migrate
from adi_analytics_codegen import scaffold
from adi_analytics_codegen.backends import writer
from adi_analytics_codegen.cli.main import main
from support.migrating import run
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


@pytest.fixture(autouse=True)
def quick(request, monkeypatch):
    """`init` runs analytics-migrate in this process, but where a test is about the program that it starts."""
    if request.node.name != "test_modules_in_the_working_directory_are_not_run":
        monkeypatch.setattr(scaffold, "subprocess", SimpleNamespace(run=in_this_process))


def in_this_process(command, **_):
    ended = run(*command[command.index("new") :])
    return subprocess.CompletedProcess(command, ended.code, ended.out, ended.err)


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


SHOWN = """
set -eu
shown() {
    "$@" --port "$PORT" >shown.txt 2>&1 &
    python shown.py "http://127.0.0.1:$PORT" || { cat shown.txt; exit 1; }
    kill -TERM $!
    wait $! || true
}
"""
LOOK = """
import json, sys, time, urllib.request

def get(path):
    return json.load(urllib.request.urlopen(sys.argv[1] + path, timeout=20))

for _ in range(600):
    try:
        layout = get("/dashboard")
        break
    except OSError:
        time.sleep(0.1)
answer = get("/aggregates/shop_report_exports_daily")
print(layout["title"], "|", answer["totals"]["exports"], "|", [one["title"] for one in layout["sections"]])
"""


def commands_of(page, database):
    """Return what the tutorial says to type, once the project is made, as a script that ends the service after a look.

    `analytics-server sample` is only looked up: tests/programs/test_sample_mode.py runs it.
    """
    text = page[page.index("## 2.") : page.index("## From here")]
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    typed = [line.partition("  #")[0].strip().replace("/tmp/shop-database", str(database)) for line in lines]
    few = {"analytics-server sample": "analytics-server sample --help >sample.txt"}
    started = [few.get(line, f"shown {line}" if line.startswith("analytics-server") else line) for line in typed]
    return "\n".join(line for line in started if not line.startswith("pip install"))


@pytest.fixture
def database():
    """The folder of a database, which the server's own user may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "shop"


def test_the_tutorial_leads_from_an_empty_folder_to_the_dashboard(shop, database):
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    event, aggregate = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    catalog = shop / "events.yaml"
    text = catalog.read_text().replace("events:\n  user", f"events:\n{event}  user").rstrip()
    catalog.write_text(f"{text}\n{aggregate}")
    (program,) = (one for one in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "# export.py" in one)
    (shop / "export.py").write_text(program)
    (shop / "shown.py").write_text(LOOK)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(shop / "generated" / "python"), "PATH": path, "PORT": str(port)}
    script = SHOWN + commands_of(page, database)
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (shop / "migrations" / "0003_pre_report_exports").is_dir()
    rows, real = [line for line in done.stdout.splitlines() if "|" in line or "'pdf'" in line]
    assert "'pdf', 3, 1, 2178.0" in rows
    assert real.startswith("Shop | 3 | ")
    assert "'Report exports'" in real


def test_nothing_is_about_another_catalog(shop):
    texts = [path.read_text() for path in shop.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert [
        text for text in texts if re.search(r"\badi_analytics_events|\banalytics_dead_letters|\banalytics_daily", text)
    ] == []


def test_its_tests_and_its_demo_pass(shop):
    environment = os.environ | {"PYTHONPATH": str(shop / "generated" / "python")}

    def python(*arguments):
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=shop, env=environment, capture_output=True, text=True, check=False)

    tests = python("-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert "3 passed" in tests.stdout
    demo = python("demo.py")
    assert demo.returncode == 0, demo.stderr
    assert "1050 events sent to the table shop_events" in demo.stdout
    assert re.search(r"visitors.*p95_load_ms", demo.stdout)
    assert len(re.findall(r"home", demo.stdout)) >= 3  # of twelve rows; a young day lacks pages


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


def test_a_python_project_is_told_to_use_a_folder_below(tmp_path, capsys):
    """Its build would take generated/ and migrations/ for packages of its own."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'web'\n")
    assert main(["init", str(tmp_path), "--name", "web-shop"]) == 2
    assert f"analytics-codegen init {tmp_path / 'analytics'} --name" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]
    assert main(["init", str(tmp_path / "analytics"), "--name", "web-shop"]) == 0


def test_a_python_project_that_says_so_is_used(tmp_path, capsys):
    text = "[tool.adi-analytics]\nmigrations = 'sql'\n"
    (tmp_path / "pyproject.toml").write_text(text)
    assert main(["init", str(tmp_path), "--name", "web-shop", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == ["pyproject.toml"]
    assert (tmp_path / "pyproject.toml").read_text() == text
    assert (tmp_path / "sql" / "migrations.lock").is_file()


def test_package_and_table_can_be_chosen(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "hotel"
    assert main(["init", str(folder), "--package", "stay_analytics", "--table", "stays"]) == 0
    monkeypatch.chdir(folder)
    assert main(["lint"]) == main(["check"]) == migrate(["check"]) == 0
    assert "table: stays\n" in (folder / "events.yaml").read_text()
    assert (folder / "generated" / "python" / "stay_analytics").is_dir()
    assert "from stay_analytics import" in (folder / "tests" / "test_events.py").read_text()


@pytest.mark.parametrize(("option", "value"), [("--package", "class"), ("--package", "a-b"), ("--table", "My table")])
def test_a_package_or_table_that_cannot_be_one(tmp_path, capsys, option, value):
    assert main(["init", str(tmp_path / "new"), option, value]) == 2
    assert f"{option} shop_events" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_another_name_is_remembered_by_the_folder(tmp_path, capsys):
    folder = tmp_path / "anything"
    assert main(["init", str(folder), "--name", "shop"]) == 0
    assert main(["init", str(folder), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["written"] == []


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


def test_a_file_of_mine_in_generated_is_not_replaced(tmp_path, capsys):
    mine = tmp_path / "generated" / "docs" / "aggregates.md"
    mine.parent.mkdir(parents=True)
    mine.write_text("MINE")
    assert main(["init", str(tmp_path), "--name", "shop"]) == 2
    assert "aggregates.md" in capsys.readouterr().err
    assert mine.read_text() == "MINE"
    assert not (tmp_path / "events.yaml").exists()


def test_migrations_of_another_tool_are_left_alone(tmp_path, capsys):
    (tmp_path / "migrations" / "versions").mkdir(parents=True)
    assert main(["init", str(tmp_path), "--name", "shop"]) == 2
    assert "holds migrations of another tool" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["migrations"]


@pytest.mark.parametrize(
    ("table", "said"),
    [("catalogue = 'x'", "unknown key 'catalogue'"), ("catalog = 'other.yaml'", "names"), ("package = 'x'", "names")],
)
def test_a_table_that_does_not_fit_is_said_before_the_first_file(tmp_path, capsys, table, said):
    (tmp_path / "pyproject.toml").write_text(f"[tool.adi-analytics]\n{table}\n")
    assert main(["init", str(tmp_path), "--name", "shop"]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]


def test_modules_in_the_working_directory_are_not_run(tmp_path, monkeypatch):
    for name in ("uuid.py", "logging.py", "adi_analytics.py"):
        (tmp_path / name).write_text("raise SystemError('not yours to run')")
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--name", "shop"]) == 0
    assert migrate(["check"]) == 0


def test_a_folder_with_an_odd_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--name", "shop", "--", "-it's a shop"]) == 0
    assert "cd '-it'\"'\"'s a shop'" in capsys.readouterr().out
    assert main(["init", "Größe"]) == 2
    assert "'Größe' can't be the name of a catalog" in capsys.readouterr().err


def test_a_full_disk_leaves_what_a_second_run_completes(tmp_path, monkeypatch, capsys):
    """The disk is full at each file in turn; no file is left half written, and the last run finds room."""
    folder, real = tmp_path / "shop", writer.replace_file
    for room in range(0, 12, 3):
        left = iter(range(room))

        def full(path, data, left=left):
            if next(left, None) is None:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            real(path, data)

        monkeypatch.setattr(scaffold, "replace_file", full)
        monkeypatch.setattr(writer, "replace_file", full)
        assert main(["init", str(folder)]) == 2
        assert "No space left on device" in capsys.readouterr().err
    monkeypatch.undo()
    assert main(["init", str(folder)]) == 0
    monkeypatch.chdir(folder)
    assert main(["check"]) == migrate(["check"]) == 0
    assert all((folder / name).stat().st_size for name in FILES)
