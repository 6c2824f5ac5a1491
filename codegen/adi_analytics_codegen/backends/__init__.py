"""The outputs: one function per language, from a catalog to the text of files."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics_codegen.model.model import Catalog


@dataclass(frozen=True, slots=True)
class Backend:
    """An output.

    Attributes:
        module: Where its ``render(catalog) -> {relative path: text}`` lives; imported when needed.
        folder: The folder of the output directory that is its own. Files there that it does not render are stale.
    """

    module: str
    folder: str
    description: str


BACKENDS: Final = {
    "json_schema": Backend("adi_analytics_codegen.backends.json_schema", "json_schema", "JSON Schema per event"),
    "python": Backend("adi_analytics_codegen.backends.python", "python", "Python dataclasses"),
    "sql": Backend("adi_analytics_codegen.backends.sql", "sql", "SQL for three backends, and the migrator's manifest"),
    "typescript": Backend("adi_analytics_codegen.backends.typescript", "typescript", "TypeScript types"),
    "docs": Backend("adi_analytics_codegen.backends.docs", "docs", "the event catalog as Markdown"),
}
"""Every output. To add a language, see docs/howto/add-a-language.md."""


def render(catalog: Catalog, names: Iterable[str] | None = None) -> dict[str, str]:
    """Return every file of the outputs called *names*, of all when ``None``.

    Returns:
        Path, relative to the output directory and with ``/``, to text. The same catalog gives the same bytes.
    """
    files: dict[str, str] = {}
    for name in BACKENDS if names is None else names:
        backend = BACKENDS[name]
        rendered = import_module(backend.module).render(catalog)
        outside = [path for path in rendered if not path.startswith(f"{backend.folder}/")]
        if outside:
            raise ValueError(f"backend {name} rendered outside {backend.folder}/: {outside}")
        files.update(rendered)
    return dict(sorted(files.items()))
