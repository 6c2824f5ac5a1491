"""A person is told the same way in SQL and in rows outside of a database."""

from __future__ import annotations

from typing import Any

import pytest
from adi_analytics._engine.rows.store_policy import keyed_hash
from adi_analytics.migrate.people.person import person
from psycopg.types.json import Jsonb
from support.migrating import connect

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


@pytest.mark.parametrize(("kind", "identity"), [("uuid", ID), ("text", "o'brien%_\"")])
@pytest.mark.parametrize("case", ROWS)
def test_sql_and_python_agree(postgres_dsn: str, kind: str, identity: str, case: str) -> None:
    given = {"email": "a@b", "account": "17"}
    sensitive = ("owner_id", "place.who", "by.*.who~1is")
    who = person(identity, kind, key=KEY, sensitive=sensitive, given=given)
    other = "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a02" if kind == "uuid" else "obrien"
    names = {"id": identity, "hash": keyed_hash(KEY, identity), "email": keyed_hash(KEY, "a@b"), "other": other}
    user, data, meta = (filled(part, names) for part in ROWS[case])

    with connect(postgres_dsn) as connection:
        query = f"select {who.in_row()} from (select %s::{kind} as user_id, %s as data, %s as meta) e"
        query = query.replace(who.in_row(), who.in_row().replace("%", "%%"))
        row = connection.execute(query.encode(), [user, Jsonb(data), Jsonb(meta)]).fetchone()

    assert row is not None
    assert bool(row[0]) is who.owns(user, data, meta) is (case not in ANOTHERS)


def test_a_short_id_is_not_taken_for_another_things_text() -> None:
    who = person("production", "text", key="", sensitive=("owner_id",), given={})

    assert not who.owns(None, {"environment": "production", "type": "production"}, {"environment": "production"})
    assert who.owns(None, {"owner_id": "production"}, {})


def test_a_uuid_is_found_however_it_is_written() -> None:
    who = person(ID.upper(), "uuid", key="", sensitive=(), given={})

    for text in (ID, ID.upper(), ID.replace("-", "")):
        assert who.owns(None, {"message": f"no user {text}."}, {})
