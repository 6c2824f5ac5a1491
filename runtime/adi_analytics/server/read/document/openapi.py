"""The OpenAPI document of the service, made from the catalog."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._shared.version import __version__
from adi_analytics.server.read import schemas
from adi_analytics.server.read.answers import MEDIA, TABULAR
from adi_analytics.server.read.document.taking import taken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adi_analytics.server.read.endpoint import Endpoint
    from adi_analytics.server.read.parameters import Parameter

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PROBLEMS: Final = {
    400: "A parameter is unknown or wrong; the problem names it.",
    401: "No valid token.",
    403: "The token has another scope.",
    406: "No form of the answer is acceptable.",
    422: "A measure has no right value for the question, or the answer is too large; the problem says what to ask.",
    429: "There are too many requests: wait as Retry-After says.",
    503: "The database can't answer now.",
}
_HEADERS: Final = {
    "ETag": {"description": "Changes with the answer.", "schema": {"type": "string"}},
    "Link": {"description": "The page that follows, as rel=next, if there is one.", "schema": {"type": "string"}},
}


def document(
    catalog: str, endpoints: Iterable[Endpoint], prefix: str, event: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the document.

    Args:
        catalog: The catalog's name.
        endpoints: The paths that answer.
        prefix: What is before them.
        event: The JSON Schema of any event, for the path that takes them.
    """
    taking = taken(event)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": f"Analytics of {catalog}",
            "version": __version__,
            "description": (
                "Made from the catalog. Each path with several forms also takes an extension instead of the header "
                "Accept: .json, .csv, and with pyarrow .arrow and .parquet."
            ),
        },
        "servers": [{"url": prefix}],
        "security": [{"token": []}],
        "tags": [
            {"name": "aggregates", "description": "Questions to the aggregates of the catalog."},
            {"name": "people", "description": "Who came, who came back, and how far they got."},
            {"name": "overview", "description": "Answers of a fixed form."},
            {"name": "events", "description": "The events that the aggregates are made from."},
            {"name": "service", "description": "Whether it works."},
        ],
        "paths": {**{one.path: {"get": _operation(one)} for one in endpoints}, **taking.paths},
        "components": {
            "schemas": {**schemas.SHARED, **taking.schemas},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token with the scope `read`, or `ingest` to send.",
                }
            },
        },
    }


def _operation(one: Endpoint) -> dict[str, Any]:
    forms = {"application/json": {"schema": one.schema}}
    if one.tabular:
        forms |= {MEDIA[form].partition(";")[0]: {"schema": {}} for form in TABULAR if form != "json"}
    if "explain" in one.parameters:
        forms[MEDIA["sql"].partition(";")[0]] = {"schema": {"type": "string"}}
    made: dict[str, Any] = {"operationId": one.name, "summary": one.summary, "tags": [one.tag]}
    if one.description:
        made["description"] = one.description
    if one.parameters:
        made["parameters"] = [_parameter(parameter) for parameter in one.parameters.values()]
    answers: dict[str, Any] = {
        "200": {"description": "The answer.", "headers": _HEADERS, "content": forms},
        "304": {"description": "It is as the tag in If-None-Match says."},
    }
    problem = {"application/problem+json": {"schema": schemas.reference("Problem")}}
    for status, text in _PROBLEMS.items():
        answers[str(status)] = {"description": f"{HTTPStatus(status).phrase}. {text}", "content": problem}
    return {**made, "responses": answers}


def _parameter(one: Parameter) -> dict[str, Any]:
    made = {"name": one.name, "in": "query", "description": one.description}
    if one.many == "no":
        return {**made, "schema": dict(one.schema)}
    listed = schemas.array(one.schema, minItems=1)
    if one.many == "commas":
        return {**made, "style": "form", "explode": False, "schema": {**listed, "uniqueItems": True}}
    return {**made, "style": "form", "explode": True, "schema": listed}
