"""Rows for the tests: a plausible stream of months, with gaps and ties, and rows of every wrong shape."""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.model.kinds import FieldType
from support.aggregates.oracle import Row

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.fields import Field

START = datetime(2026, 1, 1, tzinfo=UTC)

ODD_VALUES = (
    "null", "true", "false", "0", "-0.0", "1", "-1", "12.0", "12.5", "1e400", "-1e400", "1e-400", "5e-324", "1e307",
    "-1e307", "1.1e307", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
    "123456789012345678901234567890", "1e131071", "1e-16383", "-9" + "9" * 3000 + ".5",
    '""', '"12"', '"true"', '"NaN"', '"\\u2028\'; drop table x; --"', '"\\\\"',
    "[]", "[1]", "{}", '{"a": {"b": [null]}}', '"2026-02-30T00:00:00Z"', '"2026-02-28T23:59:59.1234567+14:00"',
    '"0000-01-01T00:00:00Z"', '"9999-12-31T23:59:59-23:59"', '"2026-01-01 00:00:00"', '"infinity"', '"now"',
    '"2026-02-30"', '"0000-01-01"', '"9999-12-31"', '"2026-1-1"', '"9.50"', '"9' + "9" * 38 + '"', '"1e5"', '"-0.00"',
    '"0190a0b45c8e7d108f3e2b6f5d1c9a01"', '"{0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01}"',
    '"0190A0B4-5C8E-7D10-8F3E-2B6F5D1C9A01"', '"' + "x" * 9000 + '"',
)  # fmt: skip
"""JSON texts that no field, or only one type of field, can read."""

ODD_DOCUMENTS = ("null", "5", '"text"', "[]", '[{"duration_ms": 5}]', "{}", '{"type": 7}', "1e400")


def stream(catalog: Catalog, *, days: int = 120, users: int = 12, seed: int = 1) -> list[Row]:
    """Return rows of every event over *days*, with whole days missing, times that tie, and some rows spoilt."""
    rng = random.Random(seed)
    people = [uuid.UUID(int=rng.getrandbits(128)) for _ in range(users)]
    rows = []
    for day in range(days):
        if day % 11 in (3, 4) or 40 <= day < 60:  # gaps: pairs of days, and one that is longer than a week
            continue
        for event in catalog.events:
            for _ in range(rng.choice((0, 1, 1, 3))):
                moment = START + timedelta(days=day, hours=rng.choice((0, 5, 23)), minutes=rng.choice((0, 59)))
                data: dict[str, Any] = {
                    f.name: _value(rng, f) for f in event.fields if not f.optional or rng.random() < 0.5
                }
                text = json.dumps({"type": event.name, **data})
                user = rng.choice(people) if rng.random() < 0.8 else None
                rows.append(Row(moment, event.name, _spoil(rng, text), user, rng.choice("ab"), _uuid(rng)))
    return rows


def _spoil(rng: random.Random, text: str) -> str:
    """Return *text*, or one time in ten a document of the wrong shape or with a value of the wrong type."""
    if rng.random() > 0.1:
        return text
    if rng.random() < 0.2:
        return rng.choice(ODD_DOCUMENTS)
    name = rng.choice(list(json.loads(text)))
    return f"{text[:-1]}, {json.dumps(name)}: {rng.choice(ODD_VALUES)}}}"


def _value(rng: random.Random, field: Field) -> Any:
    match field.type:
        case FieldType.UUID:
            return str(uuid.UUID(int=rng.randrange(8)))
        case FieldType.INT:
            return rng.choice((0, 1, 17, 250, 404, 503, rng.randrange(100_000)))
        case FieldType.BOOL:
            return rng.random() < 0.7
        case _:
            return rng.choice(("github", "GET", "select", "Émile", "z"))


def _uuid(rng: random.Random) -> uuid.UUID:
    return uuid.UUID(int=rng.getrandbits(128))
