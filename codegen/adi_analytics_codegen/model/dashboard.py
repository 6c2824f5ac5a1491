"""What a catalog says of its dashboard, and its own text. Neither changes anything stored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from adi_analytics_codegen.model.shown import Shown

if TYPE_CHECKING:
    from adi_analytics_codegen.model.fields import Location


class NumberFormat(StrEnum):
    """How the numbers of a measure are written."""

    NUMBER = "number"
    PERCENT = "percent"
    DURATION = "duration"
    BYTES = "bytes"
    CURRENCY = "currency"


@dataclass(frozen=True, slots=True, repr=False)
class ShownMeasure(Shown):
    """How a measure is shown; what is empty follows from the measure."""

    name: str
    at: Location
    title: str = ""
    format: NumberFormat | None = None
    hide: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class ShownPanel(Shown):
    """Measures that share a chart."""

    measures: tuple[str, ...]
    at: Location
    title: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class ShownSection(Shown):
    """How an aggregate, a retention, a funnel or an entity is shown; what is empty follows from it.

    Attributes:
        by: The dimension that its table groups by at first.
        panels: The charts that come first. Measures in none of them are laid out after them.
    """

    name: str
    at: Location
    title: str = ""
    hide: bool = False
    by: str = ""
    panels: tuple[ShownPanel, ...] = ()
    measures: tuple[ShownMeasure, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Dashboard(Shown):
    """How a catalog is shown: the sections that come first, in this order; all others follow."""

    title: str = ""
    sections: tuple[ShownSection, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Definition(Shown):
    """The lines of the catalog that define something.

    Attributes:
        kind: ``event``, ``aggregate``, ``entity``, ``retention`` or ``funnel``.
        file: The file, relative to the folder of the main one.
        line: The first line, counted from 1.
    """

    kind: str
    name: str
    file: str
    line: int
    text: str
