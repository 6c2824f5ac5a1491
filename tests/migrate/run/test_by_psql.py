"""The output of `dry-run`, run by psql: it waits for aggregates to be filled, and gives the rights that a run gives."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from adi_analytics import migrate
from adi_analytics.embedded.programs import find_programs
from support.migrating import Document, Project, Target, connect, counted, execute, insert_events, run, truth, value

if TYPE_CHECKING:
    from collections.abc import Iterator

PSQL = find_programs() / "psql"
TASKS = "analytics_task_stats_daily"


def second_version(document: Document) -> None:
    aggregate = document["aggregates"][TASKS]
    aggregate["version"] = 2
    aggregate["measures"]["longest_ms"] = {"max": "duration_ms", "where": {"event": "task_completed"}}


def psql(dsn: str, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PSQL, "--quiet", "--dbname", dsn], input=script, capture_output=True, text=True, check=False)


def script(made: Project, target: Target, *more: str) -> str:
    forced = ("--backend", target.backend) if target.backend == "timescaledb_apache" else ()
    ran = run("dry-run", *more, "--database-url", target.dsn, "--migrations", made.migrations, *forced)
    assert ran.code == 0, ran.err
    return ran.out


@contextmanager
def role(dsn: str) -> Iterator[str]:
    name = f"reader_{os.getpid()}"
    execute(dsn, f"create role {name}")
    try:
        yield name
    finally:
        execute(dsn, f"drop owned by {name}", f"drop role {name}")


def may_read(dsn: str, name: str) -> bool:
    found: bool = value(dsn, f"select has_table_privilege('{name}', '{TASKS}', 'select')")
    return found


def test_post_waits_until_its_aggregates_are_filled(made: Project, target: Target) -> None:
    target.apply(made)
    insert_events(target.dsn)
    migrate.refresh(options=made.options(target.dsn))
    made.edit(second_version)
    made.new("second version")

    refused = psql(target.dsn, script(made, target))

    assert refused.returncode != 0
    assert "waits for aggregates that are not filled yet" in refused.stderr
    assert "analytics-migrate backfill" in refused.stderr
    assert counted(target.dsn) == truth(target.dsn)  # of the version before
    assert run("backfill", "--database-url", target.dsn, "--migrations", made.migrations).code == 0
    done = psql(target.dsn, script(made, target))
    assert done.returncode == 0, done.stderr
    assert counted(target.dsn) == truth(target.dsn)
    assert migrate.drift(made.options(target.dsn)).findings == ()
    assert value(target.dsn, "select detail from analytics_meta.audit order by id desc limit 1").startswith("000")


@pytest.mark.one_backend
def test_without_events_nothing_waits(made: Project, target: Target) -> None:
    target.apply(made)
    made.edit(second_version)
    made.new("second version")

    done = psql(target.dsn, script(made, target))

    assert done.returncode == 0, done.stderr
    assert "now run `analytics-migrate backfill`" in done.stderr


@pytest.mark.one_backend
def test_a_known_reader_may_read_what_the_script_makes(made: Project, target: Target) -> None:
    with role(target.dsn) as name:
        forced = target.options.backend
        made.apply(target.dsn, backend=forced, grant_reader=name)
        made.edit(second_version)
        made.new("second version")
        execute(target.dsn, f"revoke select on {TASKS} from {name}")

        assert psql(target.dsn, script(made, target)).returncode == 0

        assert may_read(target.dsn, name)
        assert migrate.drift(made.options(target.dsn)).findings == ()


@pytest.mark.one_backend
def test_a_role_can_be_given_its_rights_by_the_script(made: Project, target: Target) -> None:
    with role(target.dsn) as name:
        done = psql(target.dsn, script(made, target, "--grant-reader", name))

        assert done.returncode == 0, done.stderr
        assert may_read(target.dsn, name)
        assert value(target.dsn, "select count(*) from analytics_meta.grants") == 1


def test_a_role_that_is_not_there_is_named(made: Project, postgres_dsn: str) -> None:
    target = Target("postgres", postgres_dsn)

    done = psql(target.dsn, script(made, target, "--grant-writer", "nobody's"))

    assert done.returncode != 0
    assert "no role nobody's" in done.stderr
    with connect(postgres_dsn) as connection:
        assert connection.execute("select count(*) from analytics_meta.grants").fetchone() == (0,)
