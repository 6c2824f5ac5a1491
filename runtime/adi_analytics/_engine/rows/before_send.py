"""Events in the form that ``before_send`` sees, and back."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from adi_analytics.enriched import EnrichedEvent, to_datetime, to_nanoseconds

if TYPE_CHECKING:
    from adi_analytics._engine.queue.ledger import Item
    from adi_analytics._shared.options import Settings


def enrich(item: Item, settings: Settings) -> EnrichedEvent:
    """Return *item* in the public form."""
    event, event_id, nanoseconds, context = item
    service_field = getattr(type(event), "SERVICE_FIELD", None)
    own_service = getattr(event, service_field, None) if service_field else None
    return EnrichedEvent(
        event=event,
        event_id=uuid.UUID(bytes=event_id.bytes),
        timestamp=to_datetime(nanoseconds),
        service=own_service or settings.service,
        hostname=settings.hostname,
        environment=settings.environment,
        context=dict(context or {}),
    )


def unenrich(answer: EnrichedEvent, given: EnrichedEvent) -> tuple[Item, dict[str, str]]:
    """Return the item that *answer* stands for, and what of its other columns the hook changed.

    Raises:
        Exception: Of any kind, if the hook made something else of it.
    """
    event_id = uuid.UUID(bytes=answer.event_id.bytes)  # raises here if the hook made it anything but a UUID
    item = (answer.event, event_id, to_nanoseconds(answer.timestamp), dict(answer.context) or None)
    changes = {}
    for name in ("service", "hostname", "environment"):
        # By comparison: the service that was given may be a value that the store policy keeps out of the column.
        if (value := getattr(answer, name)) != getattr(given, name):
            if "\0" in value:  # raises here if it is anything but text
                raise ValueError(f"{name} holds U+0000, which PostgreSQL can't store")
            value.encode()
            changes[name] = value
    return item, changes
