"""Other tools that migrate the same database: what docs/howto/beside-other-migrations.md says of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Column, Integer, MetaData, Table, create_engine
from support.migrating import execute, run
from support.paths import ROOT

PAGE = (ROOT / "docs" / "howto" / "beside-other-migrations.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SETTINGS = """
SECRET_KEY = "x"
INSTALLED_APPS = ["shop"]
TEST_RUNNER = "runner.Runner"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
MODELS = """
from django.db import models

class Order(models.Model):
    total = models.IntegerField()
"""
TESTS = """
from django.db import connection
from django.test import TestCase

class Tracked(TestCase):
    def test_the_table_is_there(self):
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from analytics_events")
            self.assertEqual(cursor.fetchone(), (0,))
"""


def django_database(dsn: str) -> dict[str, object]:
    given = conninfo_to_dict(dsn)
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    return {"ENGINE": "django.db.backends.postgresql"} | {key: given.get(name, "") for key, name in names.items()}


def dropped(dsn: str, **options: object) -> set[str]:
    """Return the tables that Alembic would drop."""
    metadata = MetaData()
    Table("mine", metadata, Column("id", Integer, primary_key=True))
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn))
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    engine.dispose()
    return {step[1].name for step in found if step[0] == "remove_table"}


def test_the_line_for_alembic_keeps_it_off(migrated_dsn: str) -> None:
    execute(migrated_dsn, "create table forgotten (id int primary key)")
    assert {"analytics_events", "analytics_dead_letters", "forgotten"} < dropped(migrated_dsn)

    names: dict[str, object] = {}
    (block,) = (one for one in BLOCKS if "include_name" in one)
    exec(block.replace('"shop_"', '("analytics_", "task_flow", "daily_retention")'), names)

    assert dropped(migrated_dsn, include_name=names["include_name"]) == {"forgotten"}


def test_a_schema_of_its_own_is_out_of_sight(postgres_dsn: str) -> None:
    execute(postgres_dsn, "create schema analytics")
    own = make_conninfo(postgres_dsn, options="-csearch_path=analytics")
    for command in ("all", "drift", "maintain", "status", "doctor"):
        ended = run(command, "--database-url", own)
        assert ended.code == 0, ended.err

    assert dropped(postgres_dsn) == set()


@pytest.mark.slow
def test_django_leaves_everything_and_its_tests_have_the_schema(migrated_dsn: str, tmp_path: Path) -> None:
    (runner,) = (one for one in BLOCKS if "TEST_RUNNER" in one)
    files = {
        "runner.py": runner,
        "settings.py": f"{SETTINGS}DATABASES = {{'default': {django_database(migrated_dsn)}}}",
        "shop/__init__.py": "",
        "shop/migrations/__init__.py": "",
        "shop/models.py": MODELS,
        "shop/tests.py": TESTS,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(tmp_path)}
    environment["ADI_ANALYTICS_PROJECT"] = str(ROOT)
    for arguments in ("makemigrations", "migrate", "makemigrations --check", "flush --no-input", "test shop"):
        command = [sys.executable, "-m", "django", *arguments.split()]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    ended = run("drift", "--database-url", migrated_dsn)
    assert ended.code == 0, ended.out
