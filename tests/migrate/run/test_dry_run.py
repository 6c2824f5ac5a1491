"""A dry run shows what a run would do, as SQL that gives the same database."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from adi_analytics import migrate
from adi_analytics.embedded.programs import find_programs
from support.migrating import (
    Target,
    environment,
    execute,
    options,
    run,
    write,
)

PSQL = find_programs() / "psql"


@pytest.mark.one_backend
def test_dry_run_goes_through_psql_and_gives_the_same(target: Target, request: pytest.FixtureRequest) -> None:
    forced = ["--backend", "timescaledb_apache"] if target.backend == "timescaledb_apache" else []
    script = run("dry-run", "--database-url", target.dsn, *forced)
    assert script.code == 0

    done = subprocess.run(
        [PSQL, "--quiet", "--dbname", target.dsn], input=script.out, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr
    assert run("status", "--check", "--database-url", target.dsn).code == 3  # only the backfills wait
    assert run("all", "--database-url", target.dsn).code == 0
    assert migrate.drift(target.options).findings == ()


def test_dry_run_offline_is_the_same_text(postgres_dsn: str) -> None:
    online = run("dry-run", "--database-url", postgres_dsn)
    with environment(DATABASE_URL=None, PLATFORM_DATABASE_URL=None):
        offline = run("dry-run", "--offline", "--backend", "postgres")

    assert offline.code == 0
    assert offline.out == online.out


def test_dry_run_as_json_and_as_a_table(postgres_dsn: str, folder: Path) -> None:
    where = ("--database-url", postgres_dsn, "--migrations", str(folder))

    found = json.loads(run("dry-run", *where, "--format", "json").out)

    assert found["backend"] == "postgres"
    assert found["sql"] == run("dry-run", *where).out
    told = [(row["name"], row["phase"], row["transaction"], row["destructive"]) for row in found["migrations"]]
    assert told == [
        ("0001_pre_a", "pre", True, False),
        ("0002_post_b", "post", True, False),
        ("0003_pre_c", "pre", False, False),
        ("0004_post_d", "post", True, False),
    ]
    assert "4 would run" in run("dry-run", *where, "--format", "table").out


def test_dry_run_says_what_must_be_filled_first(postgres_dsn: str, tmp_path: Path) -> None:
    write(tmp_path, "0001_post_swap", "-- phase: post\n-- backfill: a_v2\nselect 1;\n")

    script = migrate.dry_run(options=options(postgres_dsn, tmp_path)).sql

    assert script.index("analytics-migrate backfill") < script.index("select 1")


def test_dry_run_of_a_half_applied_file_leaves_out_what_is_done(postgres_dsn: str, folder: Path) -> None:
    migrate.apply("all", options(postgres_dsn, folder))
    execute(
        postgres_dsn,
        "delete from analytics_meta.migrations where number = 4",
        "update analytics_meta.migrations set status = 'running', steps = '{one}' where number = 3",
    )

    text = migrate.dry_run("all", options(postgres_dsn, folder)).sql

    assert "-- step: two" in text
    assert "-- step: one" not in text
