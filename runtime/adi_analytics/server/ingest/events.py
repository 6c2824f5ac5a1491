"""From the JSON of a request to rows, with a verdict for each event that can't be one."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from adi_analytics._engine.rows.encode import EncodeFault, RowEncoder
from adi_analytics._engine.rows.validate import InvalidValueError, decoder_of
from adi_analytics._shared.options import catalog_in
from adi_analytics.enriched import to_nanoseconds
from adi_analytics.server.ingest.pieces import pieces
from adi_analytics.server.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adi_analytics._shared.options import Settings

_NAMESPACE: Final = uuid.UUID("6f0b2d0c-5a0e-5c62-9b0f-0d8f3d1f7a11")
"""Of the ids that events without one get."""
_CHANGED: Final = ("service", "hostname", "environment")
_PATH: Final = re.compile(r" - at (?:`key` in )?`(\$[^`]*)`\Z")
_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")
_TIME_HINT: Final = "a time with its zone, such as 2026-01-31T12:00:00Z (RFC 3339)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An event that is not stored, and why.

    Attributes:
        index: Its place in the request, from 0.
        event_id: Its id, if it could be told.
        code: ``invalid_item``, ``unknown_type``, ``invalid_event``, ``too_large`` or ``refused``.
        path: Where in the item the fault is, such as ``$.event.duration_ms``.
        message: What is wrong. It names fields, never values.
    """

    index: int
    event_id: str | None
    code: str
    path: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """An event that can be stored.

    Attributes:
        index: Its place in the request, from 0.
        event_id: Its id.
        row: The row, in PostgreSQL's binary COPY format.
    """

    index: int
    event_id: uuid.UUID
    row: bytes


class _Item(msgspec.Struct, forbid_unknown_fields=True):
    timestamp: datetime
    event: msgspec.Raw
    event_id: uuid.UUID | None = None
    service: str | None = None
    hostname: str | None = None
    environment: str | None = None
    context: dict[str, Any] | None = None


class _Typed(msgspec.Struct):
    type: str


def split(body: bytes, most: int) -> Sequence[msgspec.Raw | bytes]:
    """Return the items of a request's *body*. One that is no JSON is among them, as it came.

    Raises:
        ProblemError: If it is no JSON array, or has more than *most* items.
    """
    items: Sequence[msgspec.Raw | bytes] | None
    try:
        items = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        items = pieces(body)
    if items is None:
        detail = 'The body is not a JSON array of events: [{"timestamp": ..., "event": {"type": ..., ...}}, ...].'
        raise ProblemError(400, "bad-body", detail)
    if len(items) > most:
        detail = f"The body has {len(items)} events, and {most} are allowed; send several requests."
        raise ProblemError(413, "too-many-events", detail, limit=most)
    return items


class Reader:
    """Makes rows of the items of requests, for one catalog.

    Args:
        settings: The catalog, the hash key, the size limit, and what an item that says no service or machine gets.
    """

    def __init__(self, settings: Settings) -> None:
        self._catalog = catalog_in(settings)
        self._encoder = RowEncoder(settings, decoder_of)
        self._decoders = {name: decoder_of(cls) for name, cls in self._catalog.events.items()}
        self._aliases = _aliases(self._catalog.events)

    def read(self, index: int, raw: msgspec.Raw | bytes) -> Accepted | Rejected:
        """Return the row of an item, or why it has none."""
        event_id: uuid.UUID | None = None
        try:
            item = _item(raw)
            name, data = self._typed(item.event)
            event_id = item.event_id or _id_of(item.timestamp, data)
            event: Any = self._decode(name, data)
            row = self._encoder.encode(
                (event, event_id, to_nanoseconds(item.timestamp), item.context), self._changes(item, event)
            )
        except _FaultError as fault:
            shown = None if event_id is None else str(event_id)
            return Rejected(index=index, event_id=shown, code=fault.code, path=fault.path, message=fault.message)
        except EncodeFault as fault:
            code = fault.reason if fault.reason == "too_large" else "invalid_event"
            return Rejected(index=index, event_id=str(event_id), code=code, path="$", message=fault.message)
        return Accepted(index=index, event_id=event_id, row=row)

    def _typed(self, raw: msgspec.Raw) -> tuple[str, bytes]:
        """Return the name of the event in *raw*, and its JSON with that name."""
        data = bytes(raw)
        try:
            name = msgspec.json.decode(data, type=_Typed).type
        except msgspec.ValidationError:
            raise _FaultError("invalid_item", "$.event.type", "Expected the name of an event") from None
        if name in self._decoders:
            return name, data
        known = self._aliases.get(name)
        if known is None:
            message = f"The catalog {self._catalog.name} has no event of this type"
            raise _FaultError("unknown_type", "$.event.type", message)
        return known, msgspec.json.encode(msgspec.json.decode(data) | {"type": known})

    def _decode(self, name: str, data: bytes) -> object:
        try:
            return self._decoders[name](data)
        except InvalidValueError as error:
            text = str(error)
            found = _PATH.search(text)
            message = text[: found.start()] if found else text
            path = "$.event" + (found[1][1:] if found else "")
            raise _FaultError("invalid_event", path, message) from None

    @staticmethod
    def _changes(item: _Item, event: Any) -> Mapping[str, str]:
        given = {name: value for name in _CHANGED if (value := getattr(item, name)) is not None}
        for name, value in given.items():
            if "\0" in value:
                raise _FaultError("invalid_item", f"$.{name}", "Holds U+0000, which PostgreSQL can't store")
        if event.SERVICE_FIELD is not None and getattr(event, event.SERVICE_FIELD, None) is not None:
            given.pop("service", None)  # the event's own says more
        return given


class _FaultError(Exception):
    def __init__(self, code: str, path: str, message: str) -> None:
        super().__init__(code, path, message)
        self.code = code
        self.path = path
        self.message = message


def _item(raw: msgspec.Raw | bytes) -> _Item:
    try:
        item = msgspec.json.decode(raw, type=_Item)
    except msgspec.ValidationError as error:
        text = str(error)
        found = _PATH.search(text)
        path = found[1] if found else "$"
        if path == "$.timestamp":
            raise _FaultError("invalid_item", path, f"Expected {_TIME_HINT}") from None
        start = ("Expected ", "Object missing required field ")
        message = text[: found.start()] if found else text
        if not message.startswith(start):
            known = ", ".join(field.name for field in msgspec.structs.fields(_Item))
            message = f"Unknown key, or invalid value; known are {known}"
        raise _FaultError("invalid_item", path, message) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = "Is no JSON, is not in UTF-8, or holds half of a surrogate pair (an escape from \\ud800 to \\udfff)"
        raise _FaultError("invalid_item", "$", message) from None
    except RecursionError:
        raise _FaultError("invalid_item", "$", "Is nested too deeply") from None
    if item.timestamp.tzinfo is None:
        raise _FaultError("invalid_item", "$.timestamp", f"Expected {_TIME_HINT}")
    try:
        item.timestamp.astimezone(UTC)
    except OverflowError:
        raise _FaultError("invalid_item", "$.timestamp", "Expected a time of the years 1 to 9999 in UTC") from None
    return item


def _id_of(timestamp: datetime, data: bytes) -> uuid.UUID:
    """Return the id of an event that has none: a retry gets the same one.

    So do two equal events of the same microsecond, which are then stored once.
    """
    moment = timestamp.astimezone(UTC).isoformat(timespec="microseconds")
    try:
        canonical = json.dumps(json.loads(data), sort_keys=True, separators=(",", ":"))
    except UnicodeDecodeError:
        raise _FaultError("invalid_event", "$.event", "Is not in UTF-8") from None
    except ValueError:  # Python reads no number of so many digits
        raise _FaultError("invalid_event", "$.event", "Holds a whole number of more than 4300 digits") from None
    return uuid.uuid5(_NAMESPACE, hashlib.sha256(f"{moment} {canonical}".encode()).hexdigest())


def _aliases(events: Mapping[str, type]) -> dict[str, str]:
    """Return names that other generators make of the classes' names, to the events': ``o_auth_...`` for ``OAuth...``.

    Serde's snake case, in which the predecessor's services write, begins a word at each capital letter.
    """
    made = {_WORD.sub("_", cls.__name__).lower(): name for name, cls in events.items()}
    return {alias: name for alias, name in made.items() if alias not in events}
