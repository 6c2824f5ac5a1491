"""What the catalog says of its dashboard: ``dashboard.json``, which is generated beside the manifest."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from adi_analytics._shared.catalog import CatalogInvalidError

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "dashboard.json"
FORMAT: Final = 1
"""The format of the file that this library reads."""


class ShownMeasure(msgspec.Struct, frozen=True):
    """How a measure is shown; what is empty follows from the measure."""

    name: str
    title: str = ""
    format: str = ""
    hide: bool = False


class ShownPanel(msgspec.Struct, frozen=True):
    """Measures that share a chart."""

    measures: tuple[str, ...]
    title: str = ""


class ShownSection(msgspec.Struct, frozen=True):
    """How an aggregate or a question is shown; what is empty follows from it."""

    name: str = ""
    title: str = ""
    hide: bool = False
    by: str = ""
    panels: tuple[ShownPanel, ...] = ()
    measures: tuple[ShownMeasure, ...] = ()

    def measure(self, name: str) -> ShownMeasure:
        """Return how the measure called *name* is shown."""
        return next((one for one in self.measures if one.name == name), ShownMeasure(name))


class Definition(msgspec.Struct, frozen=True):
    """What the catalog says of an event, an aggregate or a question, and where.

    Attributes:
        kind: ``event``, ``aggregate``, ``entity``, ``retention`` or ``funnel``.
        reads: The events that it reads.
        file: The file, relative to the folder of the catalog.
        line: The first line, counted from 1.
        text: The lines.
        example: Of an event: a valid one, as JSON data.
    """

    kind: str
    name: str
    file: str
    line: int
    text: str
    description: str = ""
    owner: str = ""
    reads: tuple[str, ...] = ()
    example: dict[str, Any] | None = None


class Shown(msgspec.Struct, frozen=True):
    """How a catalog is shown."""

    format: int = FORMAT
    title: str = ""
    sections: tuple[ShownSection, ...] = ()

    def section(self, name: str) -> ShownSection:
        """Return how the section of what is called *name* is shown."""
        return next((one for one in self.sections if one.name == name), ShownSection(name))


class Definitions(msgspec.Struct, frozen=True):
    """The definitions of a catalog, and the import name of its generated package, if it has one."""

    package: str = ""
    definitions: tuple[Definition, ...] = ()


def shown_beside(manifest: Path) -> Shown:
    """Return what lies beside *manifest*; an older generator wrote no such file, and nothing is said then.

    Raises:
        CatalogInvalidError: If the file is not one that this library reads.
    """
    path = manifest.with_name(FILE)
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Shown)
    except FileNotFoundError:
        return Shown()
    except (OSError, msgspec.MsgspecError) as error:
        raise CatalogInvalidError(str(path), f"can't be read: {error}", "Run `analytics-codegen generate`.") from error
    if found.format != FORMAT:
        problem = f"has format {found.format}, this library reads {FORMAT}"
        raise CatalogInvalidError(str(path), problem, "Upgrade adi-analytics, or generate again.")
    return found


@lru_cache(maxsize=2)
def definitions_beside(manifest: Path) -> Definitions:
    """Return the definitions beside *manifest*; they are read when somebody asks, and kept."""
    try:
        return msgspec.json.decode(manifest.with_name(FILE).read_bytes(), type=Definitions)
    except FileNotFoundError:
        return Definitions()
