"""What the wheel and the sdist hold."""

from __future__ import annotations

import email
import re
import tarfile
import zipfile

import pytest
from support.paths import ROOT

PACKAGES = {"adi_analytics", "adi_analytics_codegen", "adi_analytics_events"}


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_only_our_packages_are_at_the_top(names):
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_every_package_is_typed(names, package):
    assert f"{package}/py.typed" in names


@pytest.mark.parametrize(
    "file",
    [
        "migrations/migrations.lock",
        "migrations/0001_pre_create_analytics_events/postgres.sql",
        "sql/manifest.json",
        "sql/timescaledb/analytics_daily_active_users.sql",
        "sql/timescaledb_apache/events.sql",
        "json_schema/task_created.schema.json",
    ],
)
def test_data_are_shipped(names, file):
    assert f"adi_analytics_events/_data/{file}" in names


def test_data_hold_no_code(names):
    data = [name for name in names if name.startswith("adi_analytics_events/_data/")]
    assert {name.rpartition(".")[2] for name in data} <= {"sql", "json", "lock", "toml"}


def test_nothing_left_over_is_shipped(names):
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".orig", ".rej", "~"))]


def test_metadata_name_licence_and_extras(wheel):
    metadata = next(text for name, text in contents(wheel).items() if name.endswith(".dist-info/METADATA"))
    message = email.message_from_bytes(metadata)
    assert message["Name"] == "adi-analytics"
    assert message["License-Expression"] == "MIT"
    assert message["Requires-Python"] == ">=3.11"
    extras = {"binary", "c", "cli", "codegen", "embedded", "opentelemetry", "prometheus"}
    assert extras <= set(message.get_all("Provides-Extra", []))
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in contents(wheel))


def test_links_of_the_readme_lead_somewhere_outside_of_the_repository(wheel):
    metadata = next(text for name, text in contents(wheel).items() if name.endswith(".dist-info/METADATA"))
    message = email.message_from_bytes(metadata)
    assert message["Description-Content-Type"] == "text/markdown"
    shown = str(message.get_payload())
    links = re.findall(r"\]\(([^)]+)\)", shown)
    files = f"https://github.com/adi-analytics/adi-analytics/blob/v{message['Version']}/"
    ours = [link.removeprefix(files).partition("#")[0] for link in links if link.startswith(files)]
    assert "docs/reference/runtime.md" in ours
    assert [name for name in ours if not (ROOT / name).exists()] == []
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_plain_dependencies_leave_the_choice_of_libpq_to_the_user(wheel):
    metadata = next(text for name, text in contents(wheel).items() if name.endswith(".dist-info/METADATA"))
    required = email.message_from_bytes(metadata).get_all("Requires-Dist", [])
    plain = {requirement.partition(">")[0] for requirement in required if "extra ==" not in requirement}
    assert plain == {"msgspec", "psycopg", "uuid-utils"}


def test_wheel_from_sdist_is_the_same(wheel, wheel_from_sdist):
    assert contents(wheel_from_sdist) == contents(wheel)


def test_sdist_holds_the_sources_and_nothing_generated_by_tools(sdist):
    with tarfile.open(sdist) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    assert {"events.yaml", "pyproject.toml", "LICENSE", "runtime/adi_analytics/embedded/server.py"} <= files
    for folder in (".git/", ".nox/", ".venv/", "node_modules/", "__pycache__/", "dist/", ".demo/"):
        assert not [name for name in files if f"/{folder}" in f"/{name}/"]
