"""What is stored is what the catalog's own encoder writes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from adi_analytics import events


@pytest.mark.parametrize("name", sorted(events.EVENTS))
def test_what_is_stored_is_what_the_catalog_s_own_encoder_writes(name: str) -> None:
    """For every event of the catalog whose values are all kept."""
    import uuid

    import msgspec
    from adi_analytics._engine.rows.encode import RowEncoder
    from adi_analytics._engine.rows.row import Row
    from adi_analytics._engine.rows.validate import decoder_of
    from adi_analytics._shared.options import settings_from

    cls: Any = events.EVENTS[name]
    event = msgspec.convert(_sample(cls), cls)
    row = Row.from_copy(RowEncoder(settings_from({"hash_key": "k"}), decoder_of).encode((event, uuid.uuid4(), 0, None)))
    expected = json.loads(events.to_json(event))
    kept = {key: value for key, value in expected.items() if key not in cls.STORE}
    assert {key: value for key, value in row.data.items() if key not in cls.STORE} == kept
    assert row.event_type == expected["type"] == name


def _sample(cls: Any) -> dict[str, Any]:
    from dataclasses import fields

    values: dict[str, Any] = {"type": cls.EVENT_TYPE}
    for field in fields(cls):
        if "UUID" in str(field.type):
            values[field.name] = "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01"
        elif "int" in str(field.type):
            values[field.name] = 200
        elif "bool" in str(field.type):
            values[field.name] = True
        elif "str" in str(field.type):
            values[field.name] = "text"
    return values
