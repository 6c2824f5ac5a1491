"""Names: case conversion, and the nearest known name to a misspelt one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics_codegen.model.model import Field


def pascal_case(name: str) -> str:
    """Return ``TaskCompleted`` for ``task_completed``."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def default_package(catalog: str) -> str:
    """Return the import name of the generated package of the catalog called *catalog*, unless it gives another."""
    return f"{catalog.replace('-', '_')}_events"


def object_class_name(owner: str, field: Field) -> str:
    """Return the name of the class of an object *field* inside the class *owner*: that of its type if it has one."""
    return field.class_name or owner + pascal_case(field.name)


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
