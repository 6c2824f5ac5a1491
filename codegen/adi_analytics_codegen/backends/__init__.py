"""The outputs: one function per language, from a catalog to the text of files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics_codegen.model.catalog import Catalog

BACKENDS: Final = {
    "json_schema": "JSON Schema per event",
    "python": "Python dataclasses",
    "sql": "SQL for three backends, and the migrator's manifest",
    "typescript": "TypeScript types, and a client that sends events",
    "docs": "the event catalog as Markdown",
    "rust": "Rust types for serde",
    "go": "Go structs",
    "clickhouse": "SQL for ClickHouse",
}
"""Every output: its name and what it holds. To add a language, see docs/howto/add-a-language.md.

The module of that name in this package has ``render(catalog) -> {relative path: text}``; it is imported when needed.
The folder of that name in the output directory belongs to the output: files there that it does not render are stale.
"""


def render(catalog: Catalog, names: Iterable[str] | None = None) -> dict[str, str]:
    """Return every file of the outputs called *names*, by default of those that *catalog* chooses.

    Returns:
        Path, relative to the output directory and with ``/``, to text. The same catalog gives the same bytes.

    Raises:
        ValueError: If an output renders a file outside its folder.
    """
    files: dict[str, str] = {}
    for name in catalog.outputs if names is None else names:
        rendered = import_module(f"{__name__}.{name}").render(catalog)
        outside = [path for path in rendered if not path.startswith(f"{name}/")]
        if outside:
            raise ValueError(f"the output {name} rendered outside {name}/: {outside}")
        files.update(rendered)
    return dict(sorted(files.items()))
