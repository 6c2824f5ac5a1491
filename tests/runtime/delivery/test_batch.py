"""A batch: bad rows are isolated, and every event has one outcome."""

from __future__ import annotations

import random

import pytest
from adi_analytics import AnalyticsClient
from adi_analytics._engine.delivery.work import Batch, Work
from adi_analytics._engine.rows.encode import RowEncoder
from adi_analytics._engine.rows.validate import decoder_of
from adi_analytics.events import ApplicationError
from hypothesis import given
from hypothesis import strategies as st


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
    books, settings = client._pipeline.books, config.settings
    batch = Batch(books, settings, books.take(10), RowEncoder(settings, decoder_of), "1")
    with pytest.raises(KeyboardInterrupt):
        list(batch.encode())
    list(batch.encode())
    books.finish()
    assert client.stats().dropped_by_reason == {"before_send": 5}
