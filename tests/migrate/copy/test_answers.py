"""The aggregates of both databases give the same answers after a copy and a refresh."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from adi_analytics import migrate
from adi_analytics_codegen.check.catalog import load_catalog
from support.aggregates.installed import assert_same
from support.clickhouse.installed import Installed, with_doubles
from support.copying import Pair, plain
from support.migrating import insert_events, rows
from support.paths import EVENTS

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog

_NUMBERS = ("1e20", "1e400", "18446744073709551616", "-9223372036854775809", "12.5", '"text"', "null")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(EVENTS)


@pytest.mark.parametrize("source", ["postgres", "clickhouse"])
def test_answers_are_the_same(uuids: Pair, catalog: Catalog, source: str) -> None:
    uuids.clickhouse.make_aggregates()
    insert_events(uuids.postgres, 900)
    moment = datetime.now(UTC) - timedelta(days=3)
    uuids.insert("postgres", [
        plain(10_000 + at, f"{moment + timedelta(minutes=at)}", data=f'{{"duration_ms": {number}, "success": true}}')
        for at, number in enumerate(_NUMBERS)
    ])  # fmt: skip
    assert uuids.copy("postgres").code == 0
    if source == "clickhouse":
        with_history = rows(uuids.postgres, "select count(*) from analytics_events")
        # As in a database that was in use: it has stored rows, and lost its history.
        migrate.refresh(options=migrate.Options(database_url=uuids.postgres))
        rows(uuids.postgres, "with gone as (delete from analytics_events returning 1) select count(*) from gone")
        ran = uuids.copy("clickhouse", "--compare-documents")
        assert (ran.code, rows(uuids.postgres, "select count(*) from analytics_events")) == (0, with_history), ran
    assert uuids.copy(source, "--verify-only", "--compare-documents").code == 0

    migrate.refresh(options=migrate.Options(database_url=uuids.postgres), rebuild=True)
    installed = Installed(uuids.clickhouse.url, catalog)
    installed.refresh(datetime.now(UTC) - timedelta(days=1))

    answered = 0
    for aggregate in catalog.aggregates:
        wanted = rows(uuids.postgres, f'select * from "{aggregate.name}"')
        answered += bool(wanted)
        assert_same(aggregate, installed.read(aggregate.name), [with_doubles(aggregate, row) for row in wanted])
    assert answered >= 4
