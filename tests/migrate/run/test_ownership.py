"""A database knows whose it is: commands of another catalog refuse it, and one of before is given its name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.migrating import execute, run, value
from support.paths import ROOT


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Migrations that say they are of the catalog shop."""
    folder = tmp_path / "migrations"
    shutil.copytree(ROOT / "migrations", folder)
    snapshot = folder / "catalog.snapshot.json"
    document = json.loads(snapshot.read_text())
    document["catalog"] = "shop"
    snapshot.write_text(json.dumps(document))
    return folder


NAME = "select catalog from analytics_meta.installation"


def test_the_first_run_records_the_name(migrated_dsn: str) -> None:
    assert value(migrated_dsn, NAME) == "adi"


@pytest.mark.parametrize(
    "command",
    [
        "all",
        "pre",
        "post",
        "status",
        "dry-run",
        "drift",
        "maintain",
        "refresh",
        "backfill",
        "dead-letters list",
        "doctor",
    ],
)
def test_every_command_refuses_another_catalogs_database(migrated_dsn: str, shop: Path, command: str) -> None:
    ended = run(*command.split(), "--migrations", shop, "--database-url", migrated_dsn)

    assert ended.code == (1 if command == "doctor" else 5)
    said = ended.err + ended.out
    assert "belongs to the catalog 'adi', and this is the catalog 'shop'" in " ".join(said.split())


@pytest.mark.parametrize("before", ["column", "name"])
def test_a_database_of_before_is_given_its_name(migrated_dsn: str, before: str) -> None:
    execute(
        migrated_dsn,
        "alter table analytics_meta.installation drop column catalog"
        if before == "column"
        else "update analytics_meta.installation set catalog = null",
    )
    assert run("status", "--database-url", migrated_dsn).code == 0

    assert run("pre", "--database-url", migrated_dsn).code == 0

    assert value(migrated_dsn, NAME) == "adi"
