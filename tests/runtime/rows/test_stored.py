"""What is stored of an event is checked against its class and its store policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pytest
from adi_analytics import events
from adi_analytics._engine.rows.store_policy import StorePolicy
from adi_analytics._engine.rows.stored import stored_decoder_of, unchecked_fields
from adi_analytics._engine.rows.validate import InvalidValueError
from msgspec import Meta


@dataclass
class Friend:
    email: str
    age: int | None = None


@dataclass
class Signed:
    EVENT_TYPE: ClassVar[str] = "signed"
    STORE: ClassVar[dict[str, str]] = {
        "secret": "drop",
        "first.email": "hash",
        "friends.email": "drop",
        "ages.*.email": "hash",
    }
    secret: str
    first: Friend | None = None
    friends: Annotated[tuple[Friend, ...], Meta(max_length=2)] = ()
    ages: Mapping[str, tuple[Friend, ...]] | None = None


def stored(**changes: Any) -> bytes:
    whole = {"type": "signed", "secret": "s", "first": {"email": "e", "age": 1}, "friends": [{"email": "e"}]}
    whole |= {"ages": {"email": [{"email": "e", "age": 1}, {"email": "f"}], "b": []}}
    return json.dumps(StorePolicy(Signed.STORE, "key").apply(json.loads(json.dumps(whole))) | changes).encode()


@pytest.mark.parametrize("changes", [{}, {"first": None}, {"friends": []}, {"first": {"age": 3}}])
def test_what_the_policy_leaves_is_accepted(changes: dict[str, Any]) -> None:
    stored_decoder_of(Signed)(stored(**changes))
    assert unchecked_fields(Signed) == ("ages.*.email", "first.email", "friends.email", "secret")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"secret": "s"}, "unknown field"),
        ({"first": {"email": "plain"}}, "`$.first.email`"),
        ({"first": {"age": "old"}}, "`$.first.age`"),
        ({"friends": [{"email": "e"}]}, "`$.friends[0]`"),
        ({"friends": [{}, {"age": 1.5}]}, "`$.friends[1].age`"),
        ({"friends": [{}, {}, {}]}, "`$.friends`"),
        ({"ages": {"a": [{"email": "plain"}]}}, "`$.ages[...][0].email`"),
        ({"ages": {"a": [{"age": "old"}]}}, "`$.ages[...][0].age`"),
        ({"type": "other"}, "`$.type`"),
    ],
)
def test_what_it_would_not_leave_is_refused(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        stored_decoder_of(Signed)(stored(**changes))
    assert place in str(caught.value)


@pytest.mark.parametrize("cls", events.EVENTS.values(), ids=events.EVENTS)
def test_every_class_of_a_catalog_can_be_checked(cls: Any) -> None:
    with pytest.raises(InvalidValueError):
        stored_decoder_of(cls)(b'{"type": "none"}')
