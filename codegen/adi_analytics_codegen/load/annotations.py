"""From nodes to annotations and owners."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.annotations import Annotations

if TYPE_CHECKING:
    from adi_analytics_codegen.load.context import Context
    from adi_analytics_codegen.load.source.yaml import Node

_TAKEN: Final = frozenset(
    f"x-{word}"
    for word in (
        *("unit", "sensitivity", "store", "format", "precision", "scale", "values", "owner", "status", "version"),
        *("tags", "links", "data-category", "expires"),
    )
)
"""Keys by which the JSON Schemas say what the catalog has keys of its own for."""


def read_annotations(node: Node, subject: str, context: Context) -> Annotations:
    """Return the annotations of *node*: an event, a field, an aggregate, or a question about people."""
    extra = {key: child for key, child in node.mapping.items() if key.startswith("x-")}
    for key in extra.keys() & _TAKEN:
        message = f'"{key}" is a key of the JSON Schemas that are generated'
        fix = f"use {key[2:].replace('-', '_')} where it fits, or give it another name"
        context.error(extra[key].key_at, "wrong-value", message, fix, subject)
    links = node.get("links")
    return Annotations(
        tags=tuple(tag.text for tag in node.list("tags")),
        links=() if links is None else _links(links),
        data_category=node.scalar("data_category", ""),
        expires=_day(node.get("expires"), subject, context),
        extra={key: child.plain() for key, child in extra.items()},
    )


def _links(node: Node) -> tuple[tuple[str, str], ...]:
    if isinstance(node.value, dict):
        return tuple((name, link.text) for name, link in node.mapping.items())
    return tuple(("", link.text) for link in node.items)


def _day(node: Node | None, subject: str, context: Context) -> date | None:
    if node is None:
        return None
    try:
        return date.fromisoformat(node.text)
    except ValueError:
        message = f'there is no day "{node.text}"'
        context.error(node.at, "wrong-value", message, "use a day that exists, as YYYY-MM-DD", subject)
        return None


def owners(node: Node, default: str) -> str:
    """Return who owns *node*, several with a comma between, or *default*."""
    owner = node.get("owner")
    if owner is None:
        return default
    return owner.text if isinstance(owner.value, str) else ", ".join(one.text for one in owner.items)
