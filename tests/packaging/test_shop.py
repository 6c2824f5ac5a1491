"""Another team's project, in a wheel of its own beside the wheel of the library: nothing of our catalog is in sight."""

import json
import shutil
import subprocess
import urllib.request
import zipfile
from dataclasses import replace

import psycopg
import pytest
from support.contract import CONTRACT
from support.once import once
from support.packages import Installed, add, install
from support.paths import ROOT
from support.reading import insert, of_today

SHOP = ROOT / "examples" / "shop"


@pytest.fixture(scope="module")
def shop(wheel, tmp_path_factory):
    """An environment with both wheels, and a copy of the project to work in."""
    made, project, shop_wheel = once(tmp_path_factory, "shop", lambda folder: both(wheel, folder))
    return replace(made, folder=tmp_path_factory.mktemp("shop")), project, shop_wheel


def both(wheel, folder):
    made = install(wheel, "[codegen,embedded,server]", folder, "pytest", "build", "hatchling")
    passing = shutil.ignore_patterns("__pycache__", ".nox", ".venv", ".pytest_cache", "dist")
    project = shutil.copytree(SHOP, folder / "project", ignore=passing)
    built = Installed(made.bin, made.site_packages, project)
    done = built.run("python", "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder / "dist"))
    assert done.returncode == 0, done.stdout + done.stderr
    (shop_wheel,) = (folder / "dist").glob("*.whl")
    add(made, "--no-deps", "--no-index", str(shop_wheel))
    return made, project, shop_wheel


def test_its_own_tests_pass(shop):
    made, project, _ = shop
    done = Installed(made.bin, made.site_packages, project).run("python", "-m", "pytest", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "19 passed" in done.stdout


def test_its_checks_pass(shop):
    made, project, _ = shop
    inside = Installed(made.bin, made.site_packages, project / "tests")
    for command in ("analytics-codegen lint", "analytics-codegen check", "analytics-migrate check"):
        done = inside.run(*command.split())
        assert done.returncode == 0, done.stdout + done.stderr


def test_its_wheel_holds_what_a_deployment_needs(shop):
    with zipfile.ZipFile(shop[2]) as archive:
        names = set(archive.namelist())
    assert "shop_events/_data/sql/manifest.json" in names
    assert "shop_events/_data/migrations/0004_post_returns_and_reviews/timescaledb.sql" in names
    assert "shop_events/_data/json_schema/order_placed.schema.json" in names
    assert {name.partition("/")[0] for name in names} == {"shop_events", "shop_events-0.1.0.dist-info"}


def test_a_deployment_needs_the_wheel_alone(shop, postgres_dsn):
    """In an empty folder no command is told whose catalog it is, and each takes the shop's."""
    made, _, _ = shop
    for command in ("all", "status", "dead-letters", "maintain", "refresh", "doctor", "drift"):
        done = made.run("analytics-migrate", command, DATABASE_URL=postgres_dsn)
        assert done.returncode == 0, done.stdout + done.stderr
    code = """
import os, uuid
from adi_analytics import AnalyticsClient
from shop_events import ProductViewed
with AnalyticsClient.connect(os.environ["DATABASE_URL"], service="wheel") as client:
    client.track(ProductViewed(product_id="SH-0001", labels=("sale",)))
import sys
assert "adi_analytics_events" not in sys.modules
"""
    made.python(code, DATABASE_URL=postgres_dsn)
    with psycopg.connect(postgres_dsn) as connection:
        assert connection.execute("select event_type, data->'labels' from shop_events").fetchall() == [
            ("product_viewed", ["sale"])
        ]
        ours = connection.execute(
            "select relname from pg_class where relname ~ '^analytics_' and relkind in ('r', 'v', 'p')"
        )
        assert ours.fetchall() == []
    paths = ("/aggregates", "/api/analytics/aggregates/shop_sales_daily", "/events", "/overview")
    answers = json.loads(made.python(ASKING, DATABASE_URL=postgres_dsn, PATHS=json.dumps(paths)))
    assert [status for status, _ in answers.values()] == [200, 200, 200, 404]
    _, sales = answers["/api/analytics/aggregates/shop_sales_daily"]
    assert sales["totals"]["orders"] == 0
    (viewed,) = [one for one in answers["/events"][1]["events"] if one["name"] == "product_viewed"]
    assert (viewed["rows"], viewed["checked"], viewed["misfits"]) == (1, 1, 0)


def test_samples_of_a_catalog_alone_are_shown(shop, tmp_path):
    made, project, _ = shop
    shutil.copy(project / "events.yaml", tmp_path)
    command = [made.bin / "analytics-server", "sample", "--events", "200", "--days", "3"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        assert url, process.stderr.read()
        with urllib.request.urlopen(f"{url}dashboard") as answer:
            assert json.load(answer)["title"] == "Sample data: Shop"
        process.terminate()
    assert process.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["events.yaml"]


ASKING = """
import asyncio, json, os
from adi_analytics.server import ServerOptions, create_app

app = create_app(ServerOptions(without_tokens=True))

async def get(path):
    sent = []
    async def send(message):
        sent.append(message)
    async def receive():
        return {"type": "http.request"}
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "root_path": ""}
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))

async def main():
    async with app.router.lifespan_context(app):
        print(json.dumps({path: await get(path) for path in json.loads(os.environ["PATHS"])}))

asyncio.run(main())
"""


def test_the_predecessors_paths_answer_from_the_wheel(shop, migrated_dsn):
    """With the catalog of this repository, which the same wheel holds, and an event of each kind that they show."""
    insert(migrated_dsn, list(of_today()))
    named = {"ADI_ANALYTICS_CATALOG": "adi_analytics_events", "PATHS": json.dumps([*CONTRACT])}
    answers = json.loads(shop[0].python(ASKING, DATABASE_URL=migrated_dsn, **named))
    for path, (status, answer) in answers.items():
        many, columns = CONTRACT[path]
        assert (status, list(answer[0] if many else answer)) == (200, list(columns)), path


@pytest.mark.parametrize("command", ["status", "all", "check", "drift", "maintain"])
def test_a_wheel_without_its_data_says_what_is_missing(shop, postgres_dsn, tmp_path, command):
    made, _, shop_wheel = shop
    with zipfile.ZipFile(shop_wheel) as archive:
        archive.extractall(tmp_path / "unpacked")
    shutil.rmtree(tmp_path / "unpacked" / "shop_events" / "_data")
    broken = {"PYTHONPATH": str(tmp_path / "unpacked"), "DATABASE_URL": postgres_dsn}
    done = made.run("analytics-migrate", command, "--catalog", "shop_events", **broken)
    assert done.returncode != 0
    assert "has no data: expected" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_catalogs_in_one_environment_are_told_apart(shop, postgres_dsn, tmp_path):
    made, project, _ = shop
    second = tmp_path / "second_events-1.dist-info"
    second.mkdir()
    (second / "METADATA").write_text("Metadata-Version: 2.1\nName: second-events\nVersion: 1\n")
    (second / "entry_points.txt").write_text("[adi_analytics.catalogs]\nsecond = second_events\n")
    environment = {"PYTHONPATH": str(tmp_path), "DATABASE_URL": postgres_dsn}
    done = made.run("analytics-migrate", "all", **environment)
    assert done.returncode != 0
    assert "several catalogs are installed: second_events, shop_events" in done.stderr
    done = made.run("analytics-migrate", "all", "--catalog", "shop_events", **environment)
    assert done.returncode == 0, done.stderr
    done = made.run("analytics-migrate", "status", "--project", str(project), "--format", "json", **environment)
    assert json.loads(done.stdout)["pending"] == {"pre": 0, "post": 0}
