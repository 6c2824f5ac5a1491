"""`copy --compare-documents`: the same values are the same document, however they are written, and no others are."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from adi_analytics import events
from support.copying import other, plain
from support.runtime import running

if TYPE_CHECKING:
    from support.copying import Pair

SOURCES = ("postgres", "clickhouse")
MOMENT = "2024-03-01 10:00:00+00"
NUMBERS = [
    2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 2**70, -(2**80), 10**25, 10**300, 1e22, -0.0, 1.0, 1, 1e-7, 5e-324, 0.1,
    1.7976931348623157e308,
]  # fmt: skip
SAME = [  # on PostgreSQL, on ClickHouse
    ("1180591620717411303424", "1180591620717411303424"),
    ("123456789012345678901", "1.2345678901234568e+20"),  # as a copy writes it
    ("1e22", "10000000000000000000000"), ("-0.0", "0"), ("0e5", "-0"), ("1.0", "1"), ("1", "1.00"),
    ("1e-7", "0.0000001"), ("12.50", "12.5"), ("1200", "1.2E+3"),
    ("0.1234567890123456789012345", "0.12345678901234567890123450"),
    (r'"\u00e9\ud83d\ude00\/\t"', '"é😀/\\u0009"'),
    ('{"a": 1, "b": {"c": 2, "d": []}}', '{"b":{"d":[],"c":2.0},"a":1}'),
    ("[true, null, {}]", "[ true,null , {} ]"), (r'"\"99999999999999999999"', r'"\u002299999999999999999999"'),
]  # fmt: skip
OTHER = [
    ("10000000000000000000000000", "10000000000000000000000001"),
    ("1180591620717411303424", '"1180591620717411303424"'),
    ("1180591620717411303424", "1180591620717411303425"), ("18446744073709551616", "18446744073709551615"),
    ("1", "true"), ("0", "false"), ("1", '"1"'), ("1", "[1]"), ("null", "0"), ("1", '{"number": "1"}'),
    ("{}", '{"members": {}}'), ("[]", "{}"), ("[1, 2]", "[2, 1]"), ('{"a": null}', "{}"), ('"é"', '"e"'),
    ("0.1", "0.10000000000000000001"), ("1e-7", "1e-8"), ("-1", "1"), ('"a"', '"a "'), (r'"\\u00e9"', r'"\u00e9"'),
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_values_are_the_same_document(uuids: Pair, source: str) -> None:
    for at, name in enumerate(SOURCES):
        texts = [both[at] for both in SAME + OTHER]
        uuids.insert(name, [plain(one, MOMENT, data=f'{{"n": {text}}}') for one, text in enumerate(texts)])

    ran = uuids.copy(source, "--verify-only", "--compare-documents")

    assert ran.code == 6
    assert ran.json["days"][0]["documents"] == len(OTHER)
    assert ran.json["changed_documents"] == [str(uuid.UUID(int=at + 1)) for at in range(len(SAME), len(SAME + OTHER))]


@pytest.mark.parametrize("source", SOURCES)
def test_what_a_client_writes_arrives_as_the_same(uuids: Pair, source: str) -> None:
    with running("thread", uuids.url(source)) as client:
        for number in NUMBERS:
            event = events.ApplicationError(service="s", error_type="E", error_message="m", context={"n": number})
            client.track(event, timestamp=datetime(2024, 3, 1, tzinfo=UTC))
        assert client.flush(30).ok

    ran = uuids.copy(source, "--compare-documents")

    assert (ran.code, ran.json["copied"]) == (0, len(NUMBERS)), ran
    assert uuids.copy(other(source), "--compare-documents").code == 0
    stored = [row[4]["context"]["n"] for row in uuids.rows("clickhouse")]
    assert sorted(map(float, stored)) == sorted(map(float, NUMBERS))
