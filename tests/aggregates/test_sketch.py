"""Sketches: the same registers on every backend, and the documented query's error."""

from __future__ import annotations

import hashlib
import math
import random
import re
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from adi_analytics_codegen.backends.sql.relations.sketch import register, rho
from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind
from adi_analytics_codegen.model.questions.aggregates import Measure
from support.aggregates.catalogs import AT
from support.aggregates.installed import Installed, connect
from support.aggregates.oracle import Row
from support.aggregates.streams import START
from support.backends import BACKENDS, empty_dsn
from support.paths import EVENTS, ROOT

CATALOG = load_catalog(EVENTS)
USERS = "analytics_daily_active_users"
DAY = timedelta(days=1)
DOCUMENTED = re.search(
    r"<!-- merged-distinct -->\s*```sql\n(.*?)```", (ROOT / "docs/reference/aggregates.md").read_text(), re.DOTALL
)
STANDARD_ERROR = 1.04 / math.sqrt(4096)


def place(text: str) -> tuple[int, int]:
    """Return register and rho of a value's text, from the definition."""
    bits = int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:16], 16)
    rest = bits & (2**52 - 1)
    return bits >> 52, 53 - rest.bit_length()


def estimated(connection: Any, since: datetime, until: datetime) -> int:
    assert DOCUMENTED is not None
    query = DOCUMENTED[1].replace(
        "-- and day >= ... and day < ...", f"and day >= '{since.isoformat()}' and day < '{until.isoformat()}'"
    )
    assert query != DOCUMENTED[1]
    (found,) = connection.execute(query).fetchone()
    return int(found)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_keeps_the_same_registers(backend, request):
    rng = random.Random(3)
    users = [uuid.UUID(int=rng.getrandbits(128)) for _ in range(400)]
    rows = [Row(START + n % 9 * DAY, "task_created", "{}", rng.choice(users)) for n in range(1500)]
    expected: dict[tuple[datetime, int], int] = {}
    for row in rows:
        number, zeros = place(str(row.user_id))
        expected[row.timestamp, number] = max(zeros, expected.get((row.timestamp, number), 0))
    with connect(empty_dsn(backend, request)) as connection:
        installed = Installed.create(connection, CATALOG, backend)
        installed.insert(rows)
        for before in (START, START + 5 * DAY, START + 20 * DAY):  # all in real time, some of it, none
            installed.refresh(before)
            found = connection.execute(f"select day, register, rho from {USERS}_sketch").fetchall()
            assert {(day.astimezone(UTC), number): zeros for day, number, zeros in found} == expected
        for first, last in ((0, 9), (2, 5), (8, 9), (20, 30)):
            since, until = START + first * DAY, START + last * DAY
            right = len({row.user_id for row in rows if since <= row.timestamp < until})
            assert abs(estimated(connection, since, until) - right) <= max(1, 5 * STANDARD_ERROR * right)


def test_the_estimate_is_within_its_error_at_any_size(postgres_dsn):
    """Of 24 estimates per size the root of the mean square must be near the standard error, and the mean unbiased."""
    rng = random.Random(11)
    with connect(postgres_dsn) as connection:
        Installed.create(connection, CATALOG, "postgres")
        connection.execute("update analytics_meta.rollups set watermark = 'infinity'")
        for size in (0, 1, 10, 1000, 10_000, 14_000, 60_000):
            errors = [error(connection, rng, size) for _ in range(24)]
            spread = math.sqrt(sum(e * e for e in errors) / len(errors))
            assert spread < 1.5 * STANDARD_ERROR, size
            assert abs(sum(errors) / len(errors)) < 3.5 * STANDARD_ERROR / math.sqrt(len(errors)), size


def error(connection: Any, rng: random.Random, size: int) -> float:
    """Return the relative error for *size* random hashes, put into the relation as they are."""
    kept: dict[int, int] = {}
    for _ in range(size):
        number, zeros = rng.getrandbits(12), 53 - rng.getrandbits(52).bit_length()
        kept[number] = max(zeros, kept.get(number, 0))
    connection.execute(f"delete from {USERS}_v1_sketch")
    connection.execute(
        f"insert into {USERS}_v1_sketch select %s, * from unnest(%s::smallint[], %s::smallint[])",
        [START, list(kept), list(kept.values())],
    )
    found = estimated(connection, START, START + DAY)
    return (found - size) / size if size else float(found)


VALUES: list[tuple[FieldType, list[str], str]] = [
    (FieldType.INT, ["12", "12.0", "1.2e1"], "12"),
    (FieldType.FLOAT, ["0.5", "5e-1", "0.50"], "0.5"),
    (FieldType.BOOL, ["true"], "true"),
    (FieldType.STRING, ['"é"', '"\\u00e9"'], "é"),
    (FieldType.UUID, ['"0000000A-0000-0000-0000-000000000001"'], "0000000a-0000-0000-0000-000000000001"),
    (FieldType.DATETIME, ['"2026-01-01T00:00:00Z"', '"2026-01-01T02:00:00+02:00"'], "1767225600.000000"),
    (FieldType.DATE, ['"2026-01-01"'], str((date(2026, 1, 1) - date(2000, 1, 1)).days)),
    (FieldType.DECIMAL, ['"1.50"', '"1.5"'], "1.5"),
]


@pytest.mark.parametrize(("kind", "texts", "hashed"), VALUES)
def test_equal_values_have_one_hash_in_any_session(postgres_dsn, kind, texts, hashed):
    measure = Measure("m", MeasureKind.DISTINCT, AT, of="f", type=kind)
    query = f"select {register(measure)}, {rho(measure)} from (select jsonb_build_object('f', %s::jsonb) as data) row"
    with connect(postgres_dsn) as connection:
        for zone, style, digits in (("UTC", "ISO", 1), ("Asia/Kathmandu", "German", 3), ("America/New_York", "SQL", 0)):
            connection.execute(f"set timezone = '{zone}'")
            connection.execute(f"set datestyle = '{style}'")
            connection.execute(f"set extra_float_digits = {digits}")
            for text in texts:
                assert connection.execute(query.replace("%s", f"'{text}'")).fetchone() == place(hashed), text
