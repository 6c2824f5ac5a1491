"""PostgreSQL and ClickHouse find the same of a person; and ClickHouse is left as if it never had it."""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import migrate
from adi_analytics._engine.rows.store_policy import keyed_hash
from support.erasing import CATALOGS, EMAIL, KEY, Both, events_of, letters_of, project
from support.migrating import rows
from support.text_ids import IDS, LONG, QUOTED, UNICODE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.clickhouse.databases import ClickhouseDatabases

ADA = "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01"
OTHERS = [str(uuid.UUID(int=number)) for number in range(1, 4)]
USERS = [
    ("platform", ADA, OTHERS),
    ("shop", ADA, OTHERS),
    ("store", "u-1", ["u-2", ADA, ADA.upper()]),
    ("quotes", ADA, OTHERS),
    ("texts", QUOTED, [UNICODE, LONG, "web", "{id:String}"]),
]


@pytest.fixture
def both(
    request: pytest.FixtureRequest,
    clickhouse_databases: ClickhouseDatabases,
    postgres_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Both]:
    """The databases of a catalog, with its tables."""
    monkeypatch.setenv("ADI_ANALYTICS_HASH_KEY", KEY)
    monkeypatch.delenv("ADI_ANALYTICS_SPOOL_DIR", raising=False)
    with (
        project(request.param, tmp_path / "project") as folder,
        clickhouse_databases.empty() as one,
        clickhouse_databases.empty() as other,
    ):
        made = Both(CATALOGS[request.param], folder, postgres_dsn, one, other)
        for name in ("postgres", "clickhouse", "never"):
            migrate.apply("all", made.options(name))
        yield made


@pytest.mark.parametrize(("both", "user", "others"), USERS, indirect=["both"])
def test_both_find_and_erase_the_same(both: Both, user: str, others: list[str]) -> None:
    theirs = [event for number, one in enumerate(others, 1) for event in events_of(both.catalog, one, number)]
    for name in ("postgres", "clickhouse", "never"):
        both.insert(name, [*theirs, *(events_of(both.catalog, user, 0) if name != "never" else ())])
        both.refuse(name, letters_of(both.catalog, user, others[0])[2 if name == "never" else 0 :])
        migrate.refresh(options=both.options(name))
    fields = {"email": EMAIL} if "email" in json.dumps(both.catalog.owned) else {}
    traces = [user, keyed_hash(KEY, user), *fields.values()]
    assert len(both.traces(*traces)) >= 2

    exported = {name: export(both, name, user, fields) for name in ("postgres", "clickhouse")}
    assert exported["clickhouse"]["event"] == exported["postgres"]["event"]
    assert exported["clickhouse"]["dead_letter"] == exported["postgres"]["dead_letter"]
    here, there = exported["clickhouse"]["aggregate"], exported["postgres"]["aggregate"]
    assert {name: there.get(name) for name in here} == here

    counted = migrate.erase_user(user, both.options("clickhouse"), fields=fields, dry_run=True)
    erased = {name: migrate.erase_user(user, both.options(name), fields=fields) for name in ("postgres", "clickhouse")}
    kept = here.keys()
    here, there = erased["clickhouse"], erased["postgres"]
    assert (here.events, here.dead_letters, here.texts) == (
        there.events, there.dead_letters, {named(name): count for name, count in there.texts.items()}
    )  # fmt: skip
    assert here.events == len(list(events_of(both.catalog, user, 0)))
    found = {named(name): count for name, count in there.aggregates.items()}
    assert here.aggregates == {name: found.get(name) for name in here.aggregates}
    assert here.aggregates.keys() >= kept
    assert (counted.events, counted.dead_letters, counted.aggregates, counted.texts) == (
        here.events, here.dead_letters, here.aggregates, here.texts,
    )  # fmt: skip
    assert both.traces(*traces) == []
    left = rows(both.postgres, f"select event_id::text from {both.catalog.table} order by 1")
    assert both.ask("clickhouse", f"select event_id from {both.catalog.table} order by toString(event_id)") == [
        list(row) for row in left
    ]

    for name in ("clickhouse", "never"):
        migrate.maintain(both.options(name), forced=True)
    assert both.shown("clickhouse") == both.shown("never")
    assert migrate.erase_user(user, both.options("clickhouse"), fields=fields).events == 0


def export(both: Both, name: str, user: str, fields: dict[str, str]) -> dict[str, Any]:
    """Return the records of an export by their kind, aggregates by their relation, without what differs by chance."""
    records: list[dict[str, Any]] = []
    result = migrate.export_user(user, records.append, both.options(name), fields=fields)
    assert result.records == Counter(one["kind"] for one in records)
    found: dict[str, Any] = {"event": [], "dead_letter": [], "aggregate": {}}
    for record in records:
        plain = {key: value for key, value in record.items() if key not in _BY_CHANCE}
        if record["kind"] == "aggregate":
            found["aggregate"].setdefault(named(plain.pop("relation")), []).append(plain)
        else:
            found[record["kind"]].append(plain)
    for kind in ("event", "dead_letter"):
        found[kind].sort(key=lambda one: json.dumps(one, sort_keys=True))
    for relation in found["aggregate"].values():
        relation.sort(key=lambda one: json.dumps(one, sort_keys=True))
    return found


def named(relation: str) -> str:
    """Return the name of a relation of PostgreSQL without the number of its last change."""
    return re.sub(r"(_v\d+)r\d+", r"\1", relation)


_BY_CHANCE = {"id", "kind", "created_at"}


HOSTILE = [*IDS, "{id:String}\\", "'; drop table x", '"', "\\", "%", " ", "web ", "we"]


@pytest.mark.parametrize("both", ["texts"], indirect=True)
def test_each_of_odd_ids_is_found_and_erased_alone(both: Both) -> None:
    for number, one in enumerate(HOSTILE):
        both.insert("clickhouse", list(events_of(both.catalog, one, number, days=(2,))))
        both.refuse("clickhouse", letters_of(both.catalog, one, "x")[:2])
    migrate.refresh(options=both.options("clickhouse"))
    left = set(HOSTILE)
    for one in HOSTILE[::4]:
        found = export(both, "clickhouse", one, {})
        assert {event["user_id"] for event in found["event"]} == {one, None}
        erased = migrate.erase_user(one, both.options("clickhouse"))
        assert (erased.events, erased.dead_letters) == (2 + len(both.catalog.owned), 2)
        left.remove(one)
        for query in (
            f"select distinct user_id from {both.catalog.table} where user_id is not null",
            "select distinct member from analytics_members_daily_v1",
            "select distinct arrayJoin(dimensions) as one from things_bought_v1 where one is not null",
            f"select distinct JSONExtractString(payload, 'user_id') from {both.letters}",
        ):
            assert {text for (text,) in both.ask("clickhouse", query)} == left, query
