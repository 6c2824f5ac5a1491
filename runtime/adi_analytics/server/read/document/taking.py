"""The part of the OpenAPI document that answers no question: events, sessions, and how the service is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from adi_analytics.server.read import schemas

_PLACE: Final = "#/$defs/"
_PREFIX: Final = "Event."
_TEXT: Final = {"type": "string"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_VERDICT: Final = schemas.record(
    {
        "received": _COUNT, "stored": _COUNT, "duplicates": _COUNT, "spooled": _COUNT, "skipped": _COUNT,
        "rejected": schemas.array(
            schemas.record({"index": _COUNT, "event_id": {"type": ["string", "null"]}, "code": _TEXT, "path": _TEXT,
                            "message": _TEXT})
        ),
    },
    description="What became of the events; `received` is the sum of the others.",
)  # fmt: skip
_ITEM: Final = {
    "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
    "event": schemas.reference(f"{_PREFIX}Any"),
    "event_id": {"type": "string", "format": "uuid", "description": "A retry with the same one is stored once."},
    "service": {"type": "string", "description": "What reported it."},
    "hostname": _TEXT,
    "environment": _TEXT,
    "context": {"type": "object", "description": "Is stored beside the event."},
}
_UNKNOWN: Final = {"type": "object", "properties": {"type": _TEXT}, "required": ["type"]}
"""An event of a catalog whose JSON Schemas are not there."""


@dataclass(frozen=True, slots=True)
class Taking:
    """Paths and schemas."""

    paths: Mapping[str, Any]
    schemas: Mapping[str, Any]


def taken(event: Mapping[str, Any] | None) -> Taking:
    """Return the paths that take events or tell how the service is. *event* is the schema of any event."""
    found = dict(event or _UNKNOWN)
    definitions = found.pop("$defs", {})
    made = {f"{_PREFIX}Any": found} | {f"{_PREFIX}{name}": schema for name, schema in definitions.items()}
    own = {"Item": schemas.record(_ITEM, [*_ITEM][2:]), "Verdict": _VERDICT}
    moved: dict[str, Any] = {name: _moved(schema) for name, schema in made.items()}
    return Taking({"/events/batch": {"post": _BATCH}, "/session": _SESSION, **_STATES}, own | moved)


def _moved(schema: Any) -> Any:
    """Return *schema* with references to where its definitions are now."""
    if isinstance(schema, list):
        return [_moved(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {key: _moved(value) for key, value in schema.items() if key not in {"$schema", "$id"}}
    place = schema.get("$ref")
    if isinstance(place, str) and place.startswith(_PLACE):
        kept |= schemas.reference(_PREFIX + place.removeprefix(_PLACE))
    return kept


def _answer(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/problem+json": {"schema": schemas.reference("Problem")}}}


_BATCH: Final = {
    "operationId": "send_events",
    "summary": "Store events. Look at `rejected`, also with 200.",
    "tags": ["events"],
    "parameters": [
        {"name": "Content-Encoding", "in": "header", "schema": {"type": "string", "enum": ["gzip", "zstd"]}}
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": schemas.array(schemas.reference("Item"), maxItems=10_000)}},
    },
    "responses": {
        "200": _answer("At least one event is kept, or there was none.", schemas.reference("Verdict")),
        "422": _answer("Every event is rejected.", schemas.reference("Verdict")),
        **{
            status: _problem(text)
            for status, text in {
                "400": "The body can't be read.",
                "401": "No valid token.",
                "403": "The token has another scope.",
                "408": "The body is too slow.",
                "413": "The body is too long.",
                "415": "The body has another type.",
                "429": "There are too many requests: wait as Retry-After says.",
                "503": "The events can't be kept now: send all again, as Retry-After says.",
            }.items()
        },
    },
}
_NOTHING: Final = {"description": "There is nothing to say."}
_SESSION: Final = {
    "get": {
        "operationId": "session", "summary": "Whether the service wants tokens.", "tags": ["service"], "security": [],
        "responses": {"200": _answer("Its answer.", schemas.record({"needed": {"type": "boolean"}}))},
    },
    "post": {
        "operationId": "begin_session", "summary": "Keep a token that may read in a cookie, for pages of the service.",
        "tags": ["service"], "security": [],
        "requestBody": {
            "required": True, "content": {"application/json": {"schema": schemas.record({"token": _TEXT})}}
        },
        "responses": {
            "204": _NOTHING,
            "400": _problem("The body is no token."),
            "401": _problem("No valid token."),
            "403": _problem("The token has another scope."),
            "415": _problem("The body has another type."),
            "429": _problem("There are too many requests."),
            "503": _problem("The tokens can't be read."),
        },
    },
    "delete": {
        "operationId": "end_session", "summary": "Forget the cookie; the token stays valid.", "tags": ["service"],
        "security": [], "responses": {"204": _NOTHING},
    },
}  # fmt: skip
_STATUS: Final = {"status": _TEXT}
_STATES: Final = {
    "/health": {
        "get": {
            "operationId": "health", "summary": "Whether the process lives.", "tags": ["service"], "security": [],
            "responses": {"200": _answer("It does.", schemas.record(_STATUS))},
        }
    },
    "/ready": {
        "get": {
            "operationId": "ready", "summary": "Whether the database takes events.", "tags": ["service"],
            "security": [],
            "responses": {
                "200": _answer("It does.", schemas.record({**_STATUS, "backlog": {"type": "boolean"}})),
                "503": _problem("It does not."),
            },
        }
    },
    "/metrics": {
        "get": {
            "operationId": "metrics", "summary": "What the process counted, for Prometheus.", "tags": ["service"],
            "responses": {
                "200": {"description": "The numbers.", "content": {"text/plain": {"schema": _TEXT}}},
                "401": _problem("No valid token."),
                "403": _problem("The token has another scope."),
                "429": _problem("There are too many requests."),
                "503": _problem("The tokens can't be read."),
            },
        }
    },
}  # fmt: skip
