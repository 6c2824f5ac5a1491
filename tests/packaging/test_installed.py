"""The wheel, installed as for a deployment and used from outside of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import psycopg
import pytest
from support.paths import EVENTS, ROOT

OURS = "adi_analytics_events"
BACKENDS = ("postgres", "timescaledb", "timescaledb_apache")


def test_import_comes_from_the_wheel(installed):
    where = installed.python("import adi_analytics, adi_analytics_events; print(adi_analytics.__file__)")
    assert Path(where.strip()).is_relative_to(installed.site_packages)


@pytest.mark.parametrize("name", ["codegen", "generated", "runtime", "migrations", "tests"])
def test_no_folder_of_the_checkout_becomes_a_module(installed, name):
    assert installed.python(f"import importlib.util; print(importlib.util.find_spec({name!r}))") == "None\n"


@pytest.mark.parametrize("name", ["migrations", "sql", "json_schema"])
def test_data_are_found(installed, name):
    code = (
        f"from adi_analytics_events import CATALOG; print(CATALOG.data / {name!r}, (CATALOG.data / {name!r}).is_dir())"
    )
    found = installed.python(code).strip()
    assert found == f"{installed.site_packages / 'adi_analytics_events' / '_data' / name} True"


@pytest.mark.parametrize("command", ["analytics-migrate", "analytics-codegen"])
def test_commands_explain_themselves(installed, command):
    done = installed.run(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: {command}" in done.stdout


@pytest.mark.parametrize("backend", BACKENDS)
def test_migrations_can_be_shown_without_a_database(installed, backend):
    done = installed.run("analytics-migrate", "dry-run", "--offline", "--backend", backend, "--catalog", OURS)
    assert done.returncode == 0, done.stderr
    assert "create table" in done.stdout
    assert "analytics_events" in done.stdout


def test_codegen_without_its_extra_says_what_to_install(installed):
    (installed.folder / "events.yaml").write_bytes(EVENTS.read_bytes())
    done = installed.run("analytics-codegen", "generate")
    assert done.returncode != 0
    assert "pip install 'adi-analytics[codegen]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in installed.folder.iterdir()) == ["events.yaml"]
    (installed.folder / "events.yaml").unlink()  # else the folder would be a project for the tests that follow


@pytest.mark.parametrize("command", ["status", "all", "drift", "new", "check", "dead-letters", "maintain"])
def test_our_catalog_is_not_a_fallback(installed, command):
    done = installed.run("analytics-migrate", command, DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert done.returncode in {1, 2}
    assert "no catalog was found" in done.stderr or "cannot connect" in done.stderr
    assert "Traceback" not in done.stderr


def test_embedded_server_without_its_extra_says_what_to_install(installed):
    code = "from adi_analytics.embedded import *\ntry: start_server()\nexcept EmbeddedMissingError as e: print(e)"
    assert "pip install 'adi-analytics[embedded]'" in installed.python(code)


def test_events_reach_a_migrated_database(installed, postgres_dsn):
    migrated = installed.run("analytics-migrate", "all", "--catalog", OURS, DATABASE_URL=postgres_dsn)
    assert migrated.returncode == 0, migrated.stderr
    code = """
import os, uuid
from adi_analytics import AnalyticsClient, events
with AnalyticsClient.connect(os.environ["DATABASE_URL"], service="wheel") as client:
    client.track(events.ProjectDeleted(user_id=uuid.uuid4(), project_id=uuid.uuid4()))
"""
    installed.python(code, DATABASE_URL=postgres_dsn)
    with psycopg.connect(postgres_dsn) as connection:
        assert connection.execute("select event_type, service from analytics_events").fetchall() == [
            ("project_deleted", "wheel")
        ]


def test_type_checkers_see_the_types(installed):
    program = installed.folder / "program.py"
    program.write_text(
        "from adi_analytics import AnalyticsClient, AnalyticsWorker, events\n"
        "client, config = AnalyticsClient.create(service='typed')\n"
        "reveal_type(client)\n"
        "worker = AnalyticsWorker(config, conninfo='')\n"
        "event: events.TaskCreated = 1\n"
    )
    python = str(installed.bin / "python")
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "--cache-dir", os.devnull]
    done = subprocess.run([*command, program.name], cwd=installed.folder, capture_output=True, text=True, check=False)
    program.unlink()
    assert 'Revealed type is "adi_analytics.client.AnalyticsClient"' in done.stdout
    assert "[import" not in done.stdout
    assert "Found 1 error" in done.stdout, done.stdout


def test_generator_of_the_wheel_writes_what_is_committed(wheel, tmp_path):
    """The wheel's own templates and schemas, with the extra [codegen] of this environment."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "unpacked")
    code = "import sys; from adi_analytics_codegen.cli import main; print(main.__file__); sys.exit(main.main())"
    arguments = ["generate", "--catalog", str(EVENTS), "--out", str(tmp_path / "generated")]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "unpacked")}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path / "unpacked"))

    def files(folder):
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    assert files(tmp_path / "generated") == files(ROOT / "generated")


def test_shells_can_complete_the_migrator(installed):
    done = installed.run("analytics-migrate", "completion", "bash")
    assert (done.returncode, done.stderr) == (0, "")
    assert "complete " in done.stdout
