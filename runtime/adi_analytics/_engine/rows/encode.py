"""Tracked events as rows of a binary COPY.

From here on one row is ``bytes``: what is sent, spooled and, taken apart again by `Row.from_copy`, dead-lettered.
The format: https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS; a ``jsonb`` is sent as a
version byte, 1, and its text.
"""

from __future__ import annotations

import contextlib
import math
import struct
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass, replace
from operator import attrgetter
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, get_type_hints

import msgspec
import uuid_utils

from adi_analytics._engine.rows import decimals
from adi_analytics._engine.rows.extras import merged, merged_json
from adi_analytics._engine.rows.row import EPOCH_2000, Row, class_name, placeholder
from adi_analytics._engine.rows.store_policy import StorePolicy, part_of_path
from adi_analytics._engine.rows.validate import InvalidValueError, has_shape, refuse_nul, wire_names
from adi_analytics._shared.catalog import Catalog, has_text_ids
from adi_analytics.enriched import to_datetime

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics._engine.queue.ledger import Item
    from adi_analytics._shared.options import Settings


_NONE: Final[Mapping[str, str]] = {}
_SOME_ID: Final = uuid.UUID(int=0)
_name_of: Final = type.__dict__["__name__"].__get__  # whatever a metaclass makes of it
_NULL: Final = b"\xff\xff\xff\xff"
_UUID_LENGTH: Final = struct.pack("!i", 16)
_START: Final = struct.Struct("!hiq").pack  # number of columns, length of the timestamp, timestamp
_LENGTH: Final = struct.Struct("!i").pack
MOST_BYTES_OF_USER_ID: Final = 2000
"""A row of a B-tree takes 2704 bytes, together with the timestamp."""
_JSONB: Final = struct.Struct("!iB").pack  # length with the version byte, version


class EncodeFault(Exception):  # noqa: N818 - it never leaves the worker; what users see is a dead letter
    """An event that can't be a row.

    Attributes:
        reason: As in `Stats.dead_lettered_by_reason`.
        message: Why, without any of the event's values.
        row: What can be kept of it: JSON, after the store policy.
    """

    def __init__(self, reason: str, message: str, row: Row) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.row = row


def _foreign(value: Any) -> Any:
    # By type(), here and below: `isinstance` asks the value for its `__class__`, which may raise.
    if issubclass(type(value), uuid_utils.UUID):
        return str(value)
    raise TypeError(f"an object of type {class_name(value)} can't be JSON")


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_foreign)
_DECODER: Final = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is known about a class of events before the first of its values is seen."""

    cls: type
    event_type: str
    encode: Callable[[Any], bytes]
    validate: Callable[[bytes], object]
    user_of: Callable[[Any], Any] | None
    service_of: Callable[[Any], Any] | None
    policy: StorePolicy | None
    type_column: bytes
    service_column: bytes  # used unless the event has a service of its own
    meta_start: bytes  # JSON without its closing brace
    meta_column: bytes  # used when there is no context


class ForeignEventError(InvalidValueError):
    """An event is none of the client's catalog."""


class RowEncoder:
    """Makes rows of events, one class's plan at a time.

    Args:
        settings: Service, hostname, environment, hash key, sample rates and the size limit.
        decoder_of: Returns what checks the JSON of a class of events, raising `InvalidValueError` for values that break
            the catalog's rules.
    """

    def __init__(self, settings: Settings, decoder_of: Callable[[type], Callable[[bytes], object]]) -> None:
        self._settings = settings
        self._decoder_of = decoder_of
        self._plans: dict[type, _Plan] = {}
        self.unkeyed: dict[str, tuple[str, ...]] = {}
        """Fields left out for want of a hash key, by event type."""
        self._unhashed = 0
        self._text_ids = has_text_ids(settings.catalog)
        self._user_column = _text_id_column if self._text_ids else _uuid_column

    def encode(self, item: Item, changes: Mapping[str, str] = _NONE) -> bytes:
        """Return the row of *item*, with *changes* by ``before_send`` to ``service``, ``hostname`` or ``environment``.

        Raises:
            EncodeFault: If it can't be one.
        """
        try:
            return self._encode(item, changes)
        except Exception:
            raise
        except BaseException as error:  # SystemExit and such, of the event's own code
            # In the main thread it may be a signal handler's, for the program. That does not come twice.
            if threading.current_thread() is threading.main_thread() and not self._fails_again(item, changes):
                raise
            raise self._fault_of_hostile(item, error, changes) from None

    def _encode(self, item: Item, changes: Mapping[str, str]) -> bytes:
        event, event_id, nanoseconds, context = item
        plan: _Plan | None = None
        try:
            plan = self._plans.get(type(event)) or self._make_plan(type(event))
            data = plan.encode(event)
            if decimals.MARK in data:
                data = plan.encode(decimals.with_digits(event, _foreign))
            if b"null" in data:  # msgspec writes NaN and the infinities as null
                _require_finite(event)
            plan.validate(data)
            if plan.policy is not None:
                data = _ENCODER.encode(plan.policy.apply(msgspec.json.decode(data)))
                self._unhashed += len(plan.policy.unkeyed)
            row = b"".join(
                (
                    _START(7, 8, nanoseconds // 1000 - EPOCH_2000),
                    plan.type_column,
                    plan.service_column
                    if plan.service_of is None and not changes
                    else _service_column(plan, event, changes),
                    _NULL if plan.user_of is None else self._user_column(plan.user_of(event)),
                    _JSONB(len(data) + 1, 1),
                    data,
                    _UUID_LENGTH,
                    event_id.bytes,
                    plan.meta_column if context is None and not changes else _meta_column(plan, context, changes),
                )
            )
        except Exception as error:
            raise self._fault(plan, item, error, changes) from error
        if len(row) > self._settings.max_event_bytes:
            raise EncodeFault(
                "too_large", f"{len(row)} bytes exceed max_event_bytes", Row.from_copy(row, text_ids=self._text_ids)
            )
        return row

    def take_unhashed(self) -> int:
        """Return how many fields were left out for want of a hash key since the last call."""
        number, self._unhashed = self._unhashed, 0
        return number

    def check(self, event: Any) -> None:
        """Do everything that `encode` does to find a fault."""
        self.encode((event, _SOME_ID, EPOCH_2000 * 1000, None))

    def _make_plan(self, cls: type) -> _Plan:
        problem = f"{cls.__name__} is not an event class of a catalog"
        if not is_dataclass(cls) or not isinstance(getattr(cls, "EVENT_TYPE", None), str):
            raise InvalidValueError(problem)
        try:
            plan = self._plan_for(cls)
        except Exception as error:
            raise InvalidValueError(f"{problem} ({type(error).__name__})") from error
        catalog = self._settings.catalog
        if isinstance(catalog, Catalog) and catalog.events.get(plan.event_type) is not cls:
            raise ForeignEventError(f"{cls.__name__} is not an event of the catalog {catalog.name} ({catalog.package})")
        self._plans[cls] = plan
        if plan.policy is not None and plan.policy.unkeyed:
            self.unkeyed[plan.event_type] = plan.policy.unkeyed
        return plan

    def _plan_for(self, cls: Any) -> _Plan:
        settings, store = self._settings, cls.STORE
        meta = {"hostname": settings.hostname, "environment": settings.environment, "version": cls.EVENT_VERSION}
        if cls.EVENT_TYPE in settings.sample_rates:
            meta["sample_rate"] = settings.sample_rates[cls.EVENT_TYPE]
        encoded = _ENCODER.encode(meta)
        # A value that the store policy changes has no place in a column either.
        keys = wire_names(cls)
        changed = {name for name, key in keys.items() if part_of_path(key) in store}
        user, service = (None if name in changed else name for name in (cls.USER_ID_FIELD, cls.SERVICE_FIELD))
        return _Plan(
            cls=cls,
            event_type=cls.EVENT_TYPE,
            encode=_encode_open(open_objects) if (open_objects := getattr(cls, "OPEN", ())) else _ENCODER.encode,
            validate=self._decoder_of(cls),
            user_of=attrgetter(user) if user else None,
            service_of=attrgetter(service) if service else None,
            policy=StorePolicy(store, settings.hash_key) if store else None,
            type_column=_text_column(cls.EVENT_TYPE),
            service_column=_text_column(settings.service),
            meta_start=encoded[:-1],
            meta_column=_jsonb_column(encoded),
        )

    def _fails_again(self, item: Item, changes: Mapping[str, str]) -> bool:
        try:
            self._encode(item, changes)
        except Exception:  # noqa: BLE001 - then it was no fault of the event's
            return False
        except BaseException:  # noqa: BLE001 - the event's own
            return True
        return False

    def _fault_of_hostile(self, item: Item, error: BaseException, changes: Mapping[str, str]) -> EncodeFault:
        """Return the fault of an event whose code must not run again."""
        cls, catalog = type(item[0]), self._settings.catalog
        known = catalog.events.items() if isinstance(catalog, Catalog) else ()
        event_type = next((name for name, one in known if one is cls), _name_of(cls))
        row = self._row_of(event_type, item, {"type": event_type}, changes, context=False)
        return EncodeFault("encoding", _name_of(type(error)), row)

    def _fault(self, plan: _Plan | None, item: Item, error: Exception, changes: Mapping[str, str]) -> EncodeFault:
        reason = "invalid_event" if isinstance(error, InvalidValueError) else "encoding"
        if plan is None:  # without its store policy no value of it may be kept
            name = class_name(item[0])
            reason = "foreign_event" if isinstance(error, ForeignEventError) else reason
            return EncodeFault(reason, _describe(error), self._row_of(name, item, {"type": name}, changes))
        row = self._row_of(plan.event_type, item, {"type": plan.event_type}, changes)
        with contextlib.suppress(Exception):  # an event that can't even be looked at is kept by its type and time
            event, keys = item[0], wire_names(plan.cls)
            values = {
                key: _to_plain(value) for name, key in keys.items() if (value := getattr(event, name)) is not None
            }
            kept = _kept_of_faulty(plan, merged(values, getattr(plan.cls, "OPEN", ())))
            columns = _columns_of(plan, event, text_ids=self._text_ids)
            if "service" in changes:
                columns["service"] = changes["service"]
            row = replace(row, data={"type": plan.event_type, **kept}, **columns)
        return EncodeFault(reason, _describe(error), row)

    def _row_of(
        self, event_type: str, item: Item, data: dict[str, Any], changes: Mapping[str, str], *, context: bool = True
    ) -> Row:
        _event, event_id, nanoseconds, values = item
        settings = self._settings
        meta = {"hostname": settings.hostname, "environment": settings.environment, **changes}
        service = meta.pop("service", settings.service)
        return Row(
            timestamp=to_datetime(nanoseconds).isoformat(),
            event_type=event_type,
            service=service,
            user_id=None,
            data=data,
            event_id=str(event_id),
            meta=meta | ({"context": _to_plain(dict(values))} if values and context else {}),
        )


def _encode_open(paths: tuple[str, ...]) -> Callable[[Any], bytes]:
    """Return what encodes events with open objects at *paths*."""
    return lambda event: merged_json(_ENCODER.encode(event), paths)


def _text_column(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH(len(encoded)) + encoded


def _jsonb_column(encoded: bytes) -> bytes:
    return _JSONB(len(encoded) + 1, 1) + encoded


def _service_column(plan: _Plan, event: Any, changes: Mapping[str, str]) -> bytes:
    if "service" in changes:
        return _text_column(changes["service"])
    service = None if plan.service_of is None else plan.service_of(event)
    return plan.service_column if service is None else _text_column(service)


def _meta_column(plan: _Plan, context: Mapping[str, Any] | None, changes: Mapping[str, str]) -> bytes:
    start = plan.meta_start
    if changed := {name: value for name, value in changes.items() if name != "service"}:
        start = _ENCODER.encode(msgspec.json.decode(start + b"}") | changed)[:-1]
    return _jsonb_column(start + b"}") if context is None else _meta_with(start, context)


def _meta_with(start: bytes, context: Mapping[str, Any]) -> bytes:
    encoded = _ENCODER.encode(context)
    if b"null" in encoded:
        _require_finite(context)
    _DECODER.decode(encoded)  # `msgspec.Raw` may hold anything
    refuse_nul(encoded, "context.")
    return _jsonb_column(b"".join((start, b',"context":', encoded, b"}")))


def _uuid_column(value: Any) -> bytes:
    if value is None:
        return _NULL
    return _UUID_LENGTH + (uuid.UUID(value).bytes if isinstance(value, str) else value.bytes)


def _text_id_column(value: str | None) -> bytes:
    if value is None:
        return _NULL
    encoded = value.encode()
    if len(encoded) > MOST_BYTES_OF_USER_ID:
        message = f"The user id has {len(encoded)} bytes, and the index of its column takes {MOST_BYTES_OF_USER_ID}"
        raise InvalidValueError(message)
    return _LENGTH(len(encoded)) + encoded


def _require_finite(value: Any) -> None:
    kind = type(value)
    if issubclass(kind, float) and not math.isfinite(value):
        raise InvalidValueError("Holds NaN or an infinity, which JSON has no number for")
    if not issubclass(kind, (dict, list, tuple, set, frozenset, str, int, float, bytes, msgspec.Raw, NoneType)):
        value = msgspec.to_builtins(value, enc_hook=_foreign)
        kind = type(value)
    if issubclass(kind, (dict, list, tuple, set, frozenset)):
        for inner in dict.values(value) if issubclass(kind, dict) else value:
            _require_finite(inner)


def _columns_of(plan: _Plan, event: Any, *, text_ids: bool) -> dict[str, str]:
    """Return those columns of a faulty event that are right."""
    found: dict[str, str] = {}
    with contextlib.suppress(Exception):
        if plan.user_of is not None and (user := plan.user_of(event)) is not None:
            found["user_id"] = user if text_ids and type(user) is str else str(uuid.UUID(str(user)))
    with contextlib.suppress(Exception):
        if plan.service_of is not None and issubclass(type(service := plan.service_of(event)), str):
            found["service"] = service
    return found


def _to_plain(value: Any) -> Any:
    """Return *value* as something that `json.dumps` with ASCII output takes, whatever it is."""
    try:
        return msgspec.to_builtins(value, enc_hook=placeholder, str_keys=True)
    except Exception:  # noqa: BLE001 - the value's own code may run here, and raise anything
        return placeholder(value)


def _kept_of_faulty(plan: _Plan, values: dict[str, Any]) -> dict[str, Any]:
    """Apply the store policy to values of which some are not what the class says.

    A rule that leads into an object knows its way only if the object has the declared shape; any other is left out.
    """
    policy = plan.policy
    if policy is None:
        return values
    try:
        hints = get_type_hints(plan.cls) if policy.parents else {}
        kinds = {key: hints.get(name) for name, key in wire_names(plan.cls).items()}
        return policy.apply(
            {key: value for key, value in values.items() if key not in policy.parents or has_shape(value, kinds[key])}
        )
    except Exception:  # noqa: BLE001 - a value that can't even be hashed must not be stored either
        return {}


def _describe(error: Exception) -> str:
    # Messages of UnicodeEncodeError and of most others quote the value; the class says enough.
    return str(error) if isinstance(error, InvalidValueError) else type(error).__name__
