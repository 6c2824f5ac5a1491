"""Users whose ids are texts, whatever these look like, are told apart, exported and erased."""

from __future__ import annotations

import io
import json
import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import AnalyticsClient, migrate
from adi_analytics._shared.source import find_source
from psycopg.types.json import Jsonb
from support import text_ids
from support.migrating import Target, connect, rows, run, value
from support.text_ids import IDS, LONG, PAGE, QUOTED, SPACED, UNICODE, UUID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime.now(UTC)
GONE = (QUOTED, SPACED, LONG, UUID, PAGE)
LEFT = tuple(one for one in IDS if one not in GONE)
OWNED = 1  # an event of nobody that names the user in another field
DAYS = (1, 2, 12)
EVENTS = 2 * len(DAYS) + OWNED


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with text_ids.project(tmp_path_factory.mktemp("texts")) as made:
        yield made


def stored() -> Iterator[tuple[datetime, str, str | None, dict[str, Any]]]:
    for number, user in enumerate(IDS):
        for day in DAYS:
            at = NOW - timedelta(days=day, hours=2, seconds=number)
            data = {"userId": user, "page": PAGE, "thing": PAGE}
            yield at, "seen", user, data
            yield at + timedelta(minutes=1), "bought", user, data
        yield NOW - timedelta(days=12), "seen", None, {"owner.id": user, "page": PAGE}


def fill(target: Target, options: migrate.Options) -> None:
    letter = (
        "insert into analytics_dead_letters (event_id, event_type, reason, message, library_version, payload)"
        " values (gen_random_uuid(), 'seen', 'refused', 'm', '1', %s)"
    )
    with connect(target.dsn) as connection, connection.cursor() as cursor:
        for at, kind, user, data in stored():
            cursor.execute(
                'insert into analytics_events ("timestamp", event_type, service, user_id, data, meta, event_id)'
                f" values (%s, %s, '{PAGE}', %s, %s, '{{}}', gen_random_uuid())".encode(),
                [at, kind, user, Jsonb(data)],
            )
        for user in IDS:
            cursor.execute(letter, [json.dumps({"user_id": user, "data": {"userId": user}, "meta": {}})])
    migrate.refresh(options=options)


def spool(options: migrate.Options) -> None:
    """Leave an event of each in the spool."""
    nowhere = "postgresql://postgres@127.0.0.1:1/none?connect_timeout=2"
    catalog = find_source(project=options.project).catalog()
    client = AnalyticsClient.connect(nowhere, catalog=catalog, spool="always", shutdown_timeout=0.2)
    made = __import__(catalog.package)
    for user in IDS:
        client.track(made.Seen(user=user, thing=str(uuid.uuid4())))
    assert client.close(2).spooled == len(IDS)


def ids_in(target: Target, table: str, column: str) -> set[str]:
    return {one for (one,) in rows(target.dsn, f"select distinct {column} from {table} where {column} is not null")}


@pytest.mark.one_backend
def test_each_is_exported_and_erased_alone(
    target: Target, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADI_ANALYTICS_SPOOL_DIR", str(tmp_path / "spool"))
    (tmp_path / "spool").mkdir()
    options = replace(target.options, project=folder)
    migrate.apply("all", options)
    fill(target, options)
    spool(options)
    pages = "select day, page, seen from pages_daily_v1_live order by 1"
    things = "select * from analytics_members_thing_daily_v1_live order by 1"
    before = rows(target.dsn, pages), rows(target.dsn, things)

    for user in IDS:
        records: list[dict[str, Any]] = []
        migrate.export_user(user, records.append, options)
        kinds = Counter(record["kind"] for record in records)
        assert (kinds["event"], kinds["dead_letter"], kinds["spooled"]) == (EVENTS, 1, 1), user[:50]
        assert {one["user_id"] for one in records if one["kind"] in {"event", "spooled"}} == {user, None}
        owned = [record for record in records if record["kind"] == "aggregate"]
        members = {one["relation"]: one.get("member", one.get("dimension")) for one in owned}
        assert set(members.values()) == {user}
        assert {"buying_v1", "comebacks_v1", "analytics_members_daily_v1", "pages_daily_v1_users"} <= set(members)
    assert rows(target.dsn, "select first, last from analytics_members where member = %s", UNICODE)

    for user in GONE:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{user}\n"))
        backend = ("--backend", "timescaledb_apache") if options.backend else ()
        erased = run("erase-user", "-", "--project", folder, "--database-url", target.dsn, "--format", "json", *backend)
        assert (erased.json["events"], erased.json["dead_letters"], erased.json["spooled"]) == (EVENTS, 1, 1)

    # What is not kept by user stays until it is computed again, though "web" is also the name of a page and a thing.
    assert (rows(target.dsn, pages), rows(target.dsn, things)) == before
    for table, column in (
        ("analytics_events", "user_id"),
        ("analytics_events", "data ->> 'owner.id'"),
        ("analytics_members", "member"),
        ("buying_v1_live", "member"),
        ("comebacks_v1_live", "member"),
        ("(select unnest(dimensions) as one from things_bought_v1_live) t", "one"),
    ):
        assert ids_in(target, table, column) == set(LEFT), table
    letters = rows(target.dsn, "select payload::json ->> 'user_id' from analytics_dead_letters")
    assert {one for (one,) in letters} == set(LEFT)
    migrate.maintain(options, forced=True)
    assert value(target.dsn, "select sum(seen) from pages_daily") == len(LEFT) * EVENTS
    assert value(target.dsn, "select max(weekly_users) from pages_daily") == len(LEFT)
    entered = value(target.dsn, "select sum(entered) from things_bought where user_id is not null")
    assert entered == len(LEFT) * len(DAYS)
