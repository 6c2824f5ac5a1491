"""Walks over fields, however deep they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics_codegen.model.model import Field


def every_field(fields: Iterable[Field]) -> Iterator[Field]:
    """Yield *fields*, and after each what is inside it: the fields of objects, and the nameless items of lists."""
    for field in fields:
        yield field
        yield from every_field(field.fields if field.items is None else (field.items,))


def innermost(field: Field) -> Field:
    """Return the items of a list, or of the lists inside it, that are no lists; any other field is returned itself."""
    return field if field.items is None else innermost(field.items)


def field_at(fields: Iterable[Field], path: str) -> Field | None:
    """Return the field at the dotted *path*, which leads into objects and the objects of lists, or ``None``."""
    name, _, rest = path.partition(".")
    found = next((field for field in fields if field.name == name), None)
    return field_at(innermost(found).fields, rest) if found and rest else found
