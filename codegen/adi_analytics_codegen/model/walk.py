"""Walks over fields, however deep they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adi_analytics_codegen.model.kinds import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics_codegen.model.fields import Field


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


def stored_fields(fields: tuple[Field, ...], *, may_lack: bool) -> tuple[Field, ...]:
    """Return what a row has for *fields*: some are hashes there, some are never stored.

    *may_lack* makes each of them optional, however deep, as an older row may lack any.
    """
    stored = (_stored_field(field, may_lack=may_lack) for field in fields if field.store is not Store.DROP)
    return tuple(replace(field, optional=field.may_be_left_out or may_lack, default=None) for field in stored)


def _stored_field(field: Field, *, may_lack: bool) -> Field:
    if field.store is Store.HASH:  # any string, or nothing where there was no key
        return replace(field, min_length=None, max_length=None, pattern=None, const=None, optional=True)
    if field.items is not None:
        return replace(field, items=_stored_field(field.items, may_lack=may_lack))
    return replace(field, fields=stored_fields(field.fields, may_lack=may_lack))
