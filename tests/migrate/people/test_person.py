"""A person is told the same way in the SQL of both databases and in rows outside of one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics._engine.rows.store_policy import keyed_hash
from adi_analytics.migrate.clickhouse.people import conditions
from adi_analytics.migrate.errors import UsageError
from adi_analytics.migrate.people.person import Person, person
from psycopg.types.json import Jsonb
from support.clickhouse.databases import ask
from support.migrating import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.clickhouse.databases import ClickhouseDatabases

ID = "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01"
KEY = "key"

ROWS: dict[str, tuple[str | None, Any, Any]] = {
    "column": ("{id}", {}, {}),
    "field": (None, {"owner_id": "{id}"}, {}),
    "inside an object": (None, {"place": {"who": "{id}"}}, {}),
    "inside a list": (None, {"place": [{"who": "x"}, {"who": "{id}"}]}, {}),
    "inside a map": (None, {"by": {"a": {"who.is": "x"}, "b": {"who.is": "{id}"}}}, {}),
    "hashed": (None, {"any": "{hash}"}, {}),
    "context": (None, {}, {"context": {"user_id": "{id}"}}),
    "given": (None, {"email": "a@b"}, {}),
    "given, hashed": (None, {"email": "{email}"}, {}),
    "given, a number": (None, {"account": 17}, {}),
    "given, a truth": (None, {"agreed": True}, {}),
    "given, a fraction": (None, {"ratio": 0.5}, {}),
    "another's": ("{other}", {"owner_id": "{other}", "email": "a@c", "account": 18}, {"context": {}}),
    "another field": (None, {"name": "a@b", "number": 17}, {}),
    "odd shapes": (None, {"place": 3, "email": {"x": []}, "account": None}, {"context": []}),
}
ANOTHERS = {"another's", "another field", "odd shapes"}


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return value.format(**names)
    if isinstance(value, dict):
        return {key: filled(inner, names) for key, inner in value.items()}
    return [filled(inner, names) for inner in value] if isinstance(value, list) else value


GIVEN = {"email": "a@b", "account": "17", "agreed": "true", "ratio": "0.5"}
SENSITIVE = ("owner_id", "place.who", "by.*.who~1is")
HOSTILE = "o'brien%_\"\\ /\t\u00fc\U0001f600"
KINDS = [("uuid", ID), ("text", HOSTILE), ("text", '"\\'), ("text", "{id:String}; select 1")]


def case_of(kind: str, identity: str, case: str) -> tuple[Person, str | None, Any, Any]:
    """Return the person, and the row of the *case*: user, data and meta."""
    who = person(identity, kind, key=KEY, sensitive=SENSITIVE, given=GIVEN)
    other = "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a02" if kind == "uuid" else "obrien"
    names = {"id": identity, "hash": keyed_hash(KEY, identity), "email": keyed_hash(KEY, "a@b"), "other": other}
    user, data, meta = (filled(part, names) for part in ROWS[case])
    return who, user, data, meta


@pytest.mark.parametrize(("kind", "identity"), KINDS)
def test_sql_and_python_agree(postgres_dsn: str, kind: str, identity: str) -> None:
    with connect(postgres_dsn) as connection:
        for case in ROWS:
            who, user, data, meta = case_of(kind, identity, case)
            condition = who.in_row().replace("%", "%%")
            query = f"select {condition} from (select %s::{kind} as user_id, %s as data, %s as meta) e"
            row = connection.execute(query.encode(), [user, Jsonb(data), Jsonb(meta)]).fetchone()
            assert row is not None
            assert bool(row[0]) is who.owns(user, data, meta) is (case not in ANOTHERS), case


def on_clickhouse(dsn: str, who: Person, user: str | None, data: str, meta: str) -> tuple[bool, bool]:
    """Return whether the server is sure that the row is the person's, and whether it is looked at."""
    kind = "UUID" if who.column_type == "uuid" else "String"
    row = {"user_id": user, "data": data, "meta": meta}
    fields = f"user_id Nullable({kind}), data String, meta String"
    ask(dsn, f"create or replace table row ({fields}) engine = Memory")
    ask(dsn, "insert into row format JSONEachRow", json.dumps(row).encode())
    query = f"select {conditions.surely(who)}, {conditions.maybe(who)} from row"
    sure, may = ask(dsn, query, default_format="TabSeparated").split()
    return sure == b"1", may == b"1"


def with_escapes(value: Any) -> str:
    """Return *value* as JSON in which each character of a text is a number."""

    def escaped(found: re.Match[str]) -> str:
        units = memoryview(json.loads(found[0]).encode("utf-16-le")).cast("H")
        return '"' + "".join(f"\\u{unit:04x}" for unit in units) + '"'

    return re.sub(r'"(?:[^"\\]|\\.)*"', escaped, json.dumps(value))


@pytest.mark.parametrize(("kind", "identity"), KINDS)
@pytest.mark.parametrize("written", [json.dumps, with_escapes])
def test_clickhouse_and_python_agree(
    clickhouse_databases: ClickhouseDatabases, kind: str, identity: str, written: Callable[[Any], str]
) -> None:
    with clickhouse_databases.empty() as dsn:
        for case in ROWS:
            who, user, data, meta = case_of(kind, identity, case)
            texts = [written(part) for part in (data, meta)]
            sure, may = on_clickhouse(dsn, who, user, *texts)
            owned = sure or (may and conditions.is_of(who, user, *texts))
            assert owned is who.owns(user, data, meta), case
            assert sure or written is with_escapes or case in ODD or case in ANOTHERS, case


ODD = {"inside a list", "inside a map", "given, a number", "given, a truth", "given, a fraction"}
"""What only Python tells, in rows that the server picks."""


def test_of_a_key_that_is_there_twice_each_value_is_looked_at() -> None:
    who = person("ada", "text", key="", sensitive=("owner",), given={})

    assert conditions.is_of(who, None, '{"owner": "ada", "owner": "bob"}', "{}")
    assert conditions.is_of(who, None, '{"owner": "bob", "owner": "ada"}', "{}")


def test_what_is_no_document_is_searched_as_a_text() -> None:
    who = person(ID, "uuid", key="", sensitive=(), given={})

    assert conditions.is_of(who, None, f'{{"cut off": "{ID}', "{}")
    assert not conditions.is_of(who, None, "[" * 100_000, "{}")


@pytest.mark.parametrize("given", [{}, {"email": "a\udc80"}])
def test_a_text_that_cannot_be_sent_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        person("ada" if given else "a\udc80", "text", key=KEY, sensitive=(), given=given)


def test_a_short_id_is_not_taken_for_another_things_text() -> None:
    who = person("production", "text", key="", sensitive=("owner_id",), given={})

    assert not who.owns(None, {"environment": "production", "type": "production"}, {"environment": "production"})
    assert who.owns(None, {"owner_id": "production"}, {})


def test_a_uuid_is_found_however_it_is_written() -> None:
    who = person(ID.upper(), "uuid", key="", sensitive=(), given={})

    for text in (ID, ID.upper(), ID.replace("-", "")):
        assert who.owns(None, {"message": f"no user {text}."}, {})
