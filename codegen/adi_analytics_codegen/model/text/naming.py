"""Names: case conversion, and the nearest known name to a misspelt one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.walk import innermost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.fields import Field, Location


def pascal_case(name: str) -> str:
    """Return ``TaskCompleted`` for ``task_completed``."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def default_package(catalog: str) -> str:
    """Return the import name of the generated package of the catalog called *catalog*, unless it gives another."""
    return f"{catalog.replace('-', '_')}_events"


def object_class_name(owner: str, field: Field) -> str:
    """Return the name of the class of an object *field* inside the class *owner*: that of its type if it has one."""
    return field.class_name or owner + pascal_case(field.name)


def classes_of(catalog: Catalog) -> Iterator[tuple[str, str, Location]]:
    """Yield the class of every enum, event and object of *catalog*: its name, what it is of, and where that is."""
    for enum in catalog.enums:
        yield enum.class_name, f"enums.{enum.name}", enum.at
    for one in catalog.types:
        yield one.class_name, f"types.{one.name}", one.at
        yield from _object_classes(one.class_name, one.fields, f"types.{one.name}")
    for event in catalog.events:
        subject = f"events.{event.name}"
        yield event.class_name, subject, event.at
        yield from _object_classes(event.class_name, event.fields, subject)


def _object_classes(owner: str, fields: Iterable[Field], subject: str) -> Iterator[tuple[str, str, Location]]:
    for field in fields:
        inner = innermost(field)
        if inner.type is FieldType.OBJECT and inner.class_name is None:
            name, path = object_class_name(owner, field), f"{subject}.{field.name}"
            yield name, path, field.at
            yield from _object_classes(name, inner.fields, path)


def member_name(value: str) -> str:
    """Return what an enum's *value* is called in code: ``IN_PROGRESS`` for ``in-progress``."""
    words = re.sub(r"[^0-9A-Za-z]+", "_", value).strip("_").upper() or "EMPTY"
    return f"VALUE_{words}" if words[0].isdigit() else words


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean "x"?`` for the nearest of *known*, or all of *known* when few, or an empty string."""
    import difflib  # not needed by a catalog without mistakes

    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    few = 12
    return f"known: {', '.join(names)}" if 0 < len(names) <= few else ""
