"""The parts of the worker that need no server."""

from __future__ import annotations

import random
import sys
import threading
import traceback
import uuid
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec
import psycopg
import pytest
from adi_analytics import AnalyticsClient, InvalidEventError
from adi_analytics._engine.delivery.batch import Batch, Work
from adi_analytics._engine.delivery.faults import Backoff, Verdict, verdict_of
from adi_analytics._engine.queue.ledger import Counter, Evictor, Ledger
from adi_analytics._engine.rows.encode import EncodeFault, RowEncoder
from adi_analytics._engine.rows.row import Row
from adi_analytics._engine.rows.store_policy import StorePolicy
from adi_analytics._engine.rows.validate import decoder_of
from adi_analytics._engine.spool.segment import MAGIC, ROW_START, SegmentWriter, read_segment
from adi_analytics._shared.options import Settings
from adi_analytics.events import ApplicationError
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(message=st.text(), context=st.none() | JSON, service=st.text(min_size=1), moment=st.integers(0, 4 * 10**18))
def test_a_row_can_be_taken_apart_again(message: str, context: Any, service: str, moment: int) -> None:
    event = ApplicationError(service=service, error_type="E", error_message=message, context=context)
    identity = uuid.uuid4()
    row = Row.from_copy(RowEncoder(Settings(), decoder_of).encode((event, identity, moment, {"a": message})))
    assert row.event_id == str(identity)
    assert (row.event_type, row.service, row.user_id) == ("application_error", service, None)
    assert row.meta["context"] == {"a": message}
    assert msgspec.json.encode(row.data, order="sorted") == msgspec.json.encode(
        msgspec.json.decode(msgspec.json.encode(event)), order="sorted"
    )
    assert row.payload().isascii()


def test_counters_are_exact_under_many_threads() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        counter = Counter()
        items: deque[Any] = deque([(None, None, 0, None)] * (8 * 2000))
        evictor = Evictor(items)

        def work() -> None:
            for _ in range(2000):
                counter.add()
                evictor.evict()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert (counter.value, evictor.value, len(items)) == (16_000, 16_000, 0)
    with pytest.raises(IndexError):
        evictor.evict()
    assert evictor.value == 16_000


def test_a_batch_is_not_closed_before_every_event_has_an_outcome() -> None:
    ledger = Ledger([(None, None, 0, None)] * 3).settle("delivered", 2)
    with pytest.raises(AssertionError, match="a batch of 3 events has 2 outcomes"):
        ledger.finish()
    assert ledger.settle("dropped", 1, "shutdown").finish().finished == 3


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (None, Verdict.RETRY),
        ("08006", Verdict.RETRY),
        ("57P01", Verdict.RETRY),
        ("57014", Verdict.RETRY),
        ("40001", Verdict.RETRY),
        ("40P01", Verdict.RETRY),
        ("55P03", Verdict.RETRY),
        ("53100", Verdict.RETRY),
        ("25006", Verdict.RETRY),
        ("42P01", Verdict.HOLD),
        ("42501", Verdict.HOLD),
        ("28P01", Verdict.HOLD),
        ("3D000", Verdict.HOLD),
        ("55000", Verdict.HOLD),
        ("XX000", Verdict.HOLD),
        ("22P05", Verdict.ROW),
        ("23502", Verdict.ROW),
        ("23514", Verdict.ROW),
        ("54000", Verdict.ROW),
        ("P0001", Verdict.ROW),
        ("23505", Verdict.DUPLICATE),
    ],
)
def test_verdicts(state: str | None, verdict: Verdict) -> None:
    error = psycopg.OperationalError() if state is None else psycopg.errors.lookup(state)()
    assert verdict_of(error) is verdict


def test_pauses_double_up_to_the_cap_with_jitter() -> None:
    backoff = Backoff(0.1, 5.0)
    for round_number in range(200):
        bound = min(5.0, 0.1 * 2**round_number)
        assert bound / 10 <= backoff.next() <= bound
    backoff.reset()
    assert backoff.next() <= 0.1


@given(count=st.integers(1, 300), bad=st.sets(st.integers(0, 299)), names_lines=st.booleans(), lies=st.booleans())
def test_bad_rows_are_isolated_whatever_the_server_says(
    count: int, bad: set[int], *, names_lines: bool, lies: bool
) -> None:
    """The server is asked again and again; every good row is written once, every bad one refused alone."""
    rows = [str(number).encode() for number in range(count)]
    wrong = {str(number).encode() for number in bad if number < count}
    work, written, refused = Work(lambda *_: None, rows), [], []
    asked = 0
    while work.groups:
        asked += 1
        group = work.groups[-1].rows
        line = next((number for number, row in enumerate(group, 1) if row in wrong), None)
        if line is None:
            written += work.groups.pop().rows
        elif len(group) == 1:
            refused += work.groups.pop().rows
        else:
            work.split((random.randint(0, count) if lies else line) if names_lines else None)
    assert sorted(written + refused) == sorted(rows)
    assert set(refused) == wrong
    assert asked <= 2 * count


ROWS = st.lists(st.binary(max_size=60).map(lambda tail: ROW_START + tail), max_size=20)


@given(rows=ROWS, cut=st.integers(0, 100))
def test_a_cut_segment_gives_its_whole_records(
    tmp_path_factory: pytest.TempPathFactory, rows: list[bytes], cut: int
) -> None:
    path = _written(tmp_path_factory.mktemp("spool"), rows)
    data = path.read_bytes()
    path.write_bytes(data[: max(len(data) - cut, 0)])
    content = read_segment(path)
    assert content.rows == rows[: len(content.rows)]
    assert not content.damaged
    assert len(content.rows) == len(rows) or cut > 0


@given(rows=ROWS.filter(bool), data=st.data())
def test_a_flipped_bit_costs_at_most_the_record_it_hit(
    tmp_path_factory: pytest.TempPathFactory, rows: list[bytes], data: st.DataObject
) -> None:
    path = _written(tmp_path_factory.mktemp("spool"), rows)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(len(MAGIC), len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    found = read_segment(path).rows
    ends, end = [], len(MAGIC)
    for row in rows:
        end += 8 + len(row)
        ends.append(end)
    hit = next(number for number, end in enumerate(ends) if position < end)
    # Rows with the same bytes as a record inside of another one could appear; none of those that were not hit is lost.
    assert [row for number, row in enumerate(rows) if number != hit] == found


def _written(directory: Path, rows: list[bytes]) -> Path:
    writer = SegmentWriter(directory / "a.segment", 0.0)
    for row in rows:
        writer.append([row])
    writer.close()
    return directory / "a.segment"


@given(values=st.dictionaries(st.sampled_from(["email", "name", "n", "inner"]), JSON))
def test_the_policy_leaves_no_value_behind(values: dict[str, Any]) -> None:
    policy = StorePolicy({"email": "hash", "inner.secret": "drop"}, "key")
    values = {
        **values,
        "inner": [{"secret": "s3cr3t", "open": 1}, {"secret": None}, "text"],
        "email": "ada@example.org",
    }
    kept = policy.apply(values)
    assert kept["inner"] == [{"open": 1}, {"secret": None}, "text"]
    assert len(kept["email"]) == 64
    assert StorePolicy({"email": "hash"}, "key").apply({"email": "ada@example.org"})["email"] == kept["email"]
    assert StorePolicy({"email": "hash"}, "other").apply({"email": "ada@example.org"})["email"] != kept["email"]


def test_the_policy_without_a_key_leaves_the_value_out() -> None:
    policy = StorePolicy({"email": "hash"}, "")
    assert policy.apply({"email": "a", "b": 1}) == {"b": 1}
    assert policy.unkeyed == ("email",)


class _Profile(msgspec.Struct, forbid_unknown_fields=True):
    email: str
    city: str = ""


@dataclass
class _Signed:
    EVENT_TYPE: ClassVar[str] = "signed"
    EVENT_VERSION: ClassVar[int] = 1
    USER_ID_FIELD: ClassVar[None] = None
    SERVICE_FIELD: ClassVar[None] = None
    STORE: ClassVar[dict[str, str]] = {"tier": "drop", "profile.email": "hash", "friends.email": "drop"}
    number: Any = 1
    tier: Literal["gold"] = "gold"
    profile: _Profile | None = None
    friends: list[_Profile] | None = None


_SECRET = "s3cret"


@pytest.mark.parametrize(
    "values",
    [
        {"tier": _SECRET},
        {"tier": f"{_SECRET} - at `$.x`"},
        {"profile": _SECRET},
        {"profile": f'{{"email": "{_SECRET}"}}'},
        {"profile": [_SECRET]},
        {"profile": {"Email": _SECRET}},
        {"profile": {"email": "", _SECRET: 1}},
        {"profile": ({"email": _SECRET},)},
        {"friends": {"email": _SECRET}},
        {"number": object(), "friends": ({"email": _SECRET},)},
        {"number": object(), "profile": _Profile(email=_SECRET)},
        {"profile": _Profile(email=_SECRET + "\ud800")},
    ],
)
def test_a_faulty_event_tells_no_value_that_the_policy_hides(values: dict[str, Any]) -> None:
    encoder = RowEncoder(Settings(hash_key="key"), decoder_of)
    with pytest.raises(EncodeFault) as caught:
        encoder.encode((_Signed(**values), uuid.uuid4(), 0, None))
    assert _SECRET not in caught.value.message
    assert _SECRET not in caught.value.row.payload()
    client, _ = AnalyticsClient.create(strict=True, hash_key="key")
    with pytest.raises(InvalidEventError) as raised:
        client.track(_Signed(**values))  # type: ignore[arg-type]  # some values are wrong
    assert _SECRET not in "".join(traceback.format_exception(raised.value))


def test_a_faulty_event_keeps_what_has_the_declared_shape() -> None:
    event = _Signed(number=object(), profile=_Profile(email="a", city="b"))
    with pytest.raises(EncodeFault) as caught:
        RowEncoder(Settings(hash_key="key"), decoder_of).encode((event, uuid.uuid4(), 0, None))
    assert caught.value.row.data["profile"]["city"] == "b"
    assert len(caught.value.row.data["profile"]["email"]) == 64


def test_messages_name_the_place_and_what_is_expected() -> None:
    for values, message in [
        ({"tier": "x"}, "Invalid enum value - at `$.tier`"),
        ({"profile": {"email": 1}}, "Expected `str`, got `int` - at `$.profile.email`"),
        ({"friends": [{}]}, "Object missing required field `email` - at `$.friends[0]`"),
        ({"friends": [{"email": "", "q": 1}]}, "Object contains unknown field - at `$.friends[0]`"),
    ]:
        with pytest.raises(EncodeFault) as caught:
            RowEncoder(Settings(), decoder_of).check(_Signed(**values))
        assert caught.value.message == message


def test_an_interrupted_batch_accounts_for_each_event_once() -> None:
    """As a signal handler that raises interrupts the worker of a loop in the main thread."""
    interrupts = iter([False, False, True])

    def before_send(_event: object) -> object:
        if next(interrupts, False):
            raise KeyboardInterrupt
        return None

    client, config = AnalyticsClient.create(before_send=before_send)  # type: ignore[arg-type]  # invalid on purpose
    for _ in range(5):
        client.track(ApplicationError(service="s", error_type="E", error_message="m"))
    queue = config.queue
    batch = Batch(queue, queue.take(10), RowEncoder(queue.settings, decoder_of), "1")
    with pytest.raises(KeyboardInterrupt):
        list(batch.encode())
    list(batch.encode())
    queue.finish()
    assert client.stats().dropped_by_reason == {"before_send": 5}
