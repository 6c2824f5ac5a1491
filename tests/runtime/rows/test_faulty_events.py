"""A faulty event is reported without the values that the policy hides."""

from __future__ import annotations

import traceback
import uuid
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import msgspec
import pytest
from adi_analytics import AnalyticsClient, InvalidEventError
from adi_analytics._engine.rows.encode import EncodeFault, RowEncoder
from adi_analytics._engine.rows.validate import decoder_of
from adi_analytics._shared.options import Settings


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
    cases: list[tuple[dict[str, Any], str]] = [
        ({"tier": "x"}, "Invalid enum value - at `$.tier`"),
        ({"profile": {"email": 1}}, "Expected `str`, got `int` - at `$.profile.email`"),
        ({"friends": [{}]}, "Object missing required field `email` - at `$.friends[0]`"),
        ({"friends": [{"email": "", "q": 1}]}, "Object contains unknown field - at `$.friends[0]`"),
    ]
    for values, message in cases:
        with pytest.raises(EncodeFault) as caught:
            RowEncoder(Settings(), decoder_of).check(_Signed(**values))
        assert caught.value.message == message
