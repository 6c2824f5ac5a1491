"""ClickHouse gives the answers about people of the other backends: those of brute force, in every state of refresh."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.model.readers import questions
from support.aggregates.oracle import Row
from support.aggregates.streams import ODD_DOCUMENTS, ODD_VALUES
from support.clickhouse.databases import ask
from support.clickhouse.installed import Installed
from support.full import examples
from support.people import cases
from support.people.compared import answers, assert_same

if TYPE_CHECKING:
    from pathlib import Path

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = TODAY - timedelta(days=18)  # two days of rows lie in the future


SOME = ("either_on", "island_days", "ended", "either_strictly", "either_unordered", "by_kind")
WIRE = {"thing": "the thing", "n": "N.1"}


def check(installed: Installed, rows: list[Row]) -> None:
    """Compare every public view with brute force: at one time, between which and the answers no bucket ended."""
    at = None
    while at != (at := half_hour(installed)):
        found = {name: installed.read(name) for name, _ in answers(installed.catalog, [], at)}
    for name, wanted in answers(installed.catalog, rows, at):
        assert_same(name, found[name], wanted)


def half_hour(installed: Installed) -> datetime:
    """Return the beginning of the half hour that the server has: buckets end with one."""
    seconds = ask(installed.dsn, "select toUnixTimestamp(toStartOfInterval(now('UTC'), toIntervalMinute(30)))")
    return datetime.fromtimestamp(int(seconds), UTC)


def test_every_state_of_refresh_gives_the_same_answers(clickhouse_databases, tmp_path):
    catalog, rows = load_catalog(cases.write(tmp_path)), cases.rows(1, START)
    with clickhouse_databases.empty() as dsn:
        installed = Installed.create(dsn, catalog)
        installed.insert(rows[::2])
        check(installed, rows[::2])  # nothing stored: all in real time
        installed.refresh(START + timedelta(days=3, hours=7))
        installed.insert(rows[1::2])  # late ones too
        installed.insert(rows[:9])  # once more: a retry
        installed.insert(counting_nowhere())
        installed.refresh(START + timedelta(days=11, hours=7))
        check(installed, rows)


def counting_nowhere() -> list[Row]:
    """Return rows that no question may count: without a member, or of a time that no event has."""
    texts = [*ODD_DOCUMENTS, *(f'{{"thing": {value}, "n": {value}}}' for value in ODD_VALUES if value[0] != '"')]
    rows = [Row(START, "abcx"[at % 4], text) for at, text in enumerate(texts)]
    return [*rows, Row(datetime(1969, 12, 31, 23, tzinfo=UTC), "a", '{"thing": "t"}', uuid.UUID(int=1))]


@pytest.mark.parametrize("seed", range(10, 10 + examples(3)))
def test_ids_that_are_texts_and_names_on_the_wire(clickhouse_databases, tmp_path, seed):
    catalog, rows = load_catalog(_with_texts(tmp_path)), list(map(_with_text, cases.rows(seed, START, members=200)))
    with clickhouse_databases.empty() as dsn:
        installed = Installed.create(dsn, catalog)
        installed.insert(map(_on_wire, rows))
        installed.refresh(START + timedelta(days=seed))
        check(installed, rows)


def test_a_refresh_that_ends_within_a_bucket_counts_nobody_twice(clickhouse_databases, tmp_path):
    """The rows of that bucket are stored in part, and computed in part: two rows of one member."""
    catalog, rows = load_catalog(_with_texts(tmp_path)), list(map(_with_text, cases.rows(4, START, members=200)))
    with clickhouse_databases.empty() as dsn:
        installed = Installed.create(dsn, catalog)
        installed.insert(map(_on_wire, rows))
        for version, question in enumerate(questions(catalog), 1):
            installed.store(question, START + timedelta(days=9, hours=7, minutes=11), version)
            installed.publish(question, START + timedelta(days=9, hours=7, minutes=11), version)
        check(installed, rows)


def _with_texts(folder: Path) -> Path:
    """Write a catalog of some of the questions, whose users have texts as ids, and names on the wire."""
    document = json.loads(json.dumps(cases.DOCUMENT))
    document["catalog"]["user_id"] = "string"
    for event in document["events"].values():
        for name, wire in WIRE.items():
            event["fields"].get(name, {})["wire"] = wire
        event["fields"].get("user_id", {})["type"] = "string"
    document["events"]["a"]["wire"] = "web.a"
    for section in ("retention", "funnels"):
        document[section] = {name: asked for name, asked in document[section].items() if name in SOME}
    file = folder / "events.yaml"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def _with_text(row: Row) -> Row:
    return row if row.user_id is None else replace(row, user_id=f"it's {str(row.user_id)[:6]}\té")


def _on_wire(row: Row) -> Row:
    data = {WIRE.get(key, key): value for key, value in json.loads(row.data).items()}
    return replace(row, event_type="web.a" if row.event_type == "a" else row.event_type, data=json.dumps(data))
