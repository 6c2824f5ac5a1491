"""Names: case conversion, and the nearest known name to a misspelt one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def pascal_case(name: str) -> str:
    """Return ``TaskCompleted`` for ``task_completed``."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean "x"?`` for the nearest of *known*, or all of *known* when few, or an empty string."""
    import difflib  # not needed by a catalog without mistakes

    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    few = 12
    return f"known: {', '.join(names)}" if 0 < len(names) <= few else ""
