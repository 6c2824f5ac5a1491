"""A row of the events table, encoded and taken apart again."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
from adi_analytics._engine.rows.encode import RowEncoder
from adi_analytics._engine.rows.row import Row
from adi_analytics._engine.rows.validate import decoder_of
from adi_analytics._shared.options import Settings
from adi_analytics.events import ApplicationError
from hypothesis import given
from hypothesis import strategies as st
from support.runtime.json_values import JSON, TEXT


@given(message=TEXT, context=st.none() | JSON, service=TEXT.filter(bool), moment=st.integers(0, 4 * 10**18))
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
