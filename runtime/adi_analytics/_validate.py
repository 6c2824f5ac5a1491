"""Checks the JSON of an event against its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable


class InvalidValueError(ValueError):
    """The values of an event are JSON but break the catalog's rules. The message names the field, never the value."""


def decoder_of(cls: type) -> Callable[[bytes], object]:
    """Return what checks the JSON of events of *cls*, by decoding it: types and bounds are enforced there.

    It raises `InvalidValueError`.
    """
    decode: Callable[[bytes], object] = msgspec.json.Decoder(cls).decode

    def check(data: bytes) -> object:
        try:
            return decode(data)
        except msgspec.ValidationError as error:
            raise InvalidValueError(str(error)) from error

    return check
