"""From nodes to buckets: how wide they are, and whose days, weeks or months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.questions.calendars import UTC, Calendar, Unit, longest
from adi_analytics_codegen.model.text.durations import Months, duration
from adi_analytics_codegen.model.text.naming import did_you_mean
from adi_analytics_codegen.model.text.zones import repeated_starts, zone_names

if TYPE_CHECKING:
    from adi_analytics_codegen.load.context import Context
    from adi_analytics_codegen.load.source.yaml import Node

DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(weeks=1)
_PROMISED: Final = date(2012, 1, 1)
"""A zone in which a bucket began twice since then has none. Before, rows of up to the last such day are not read."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """How time is cut up: the column of the bucket's start, the width, and the calendar if it goes by one."""

    name: str
    width: timedelta
    calendar: Calendar | None = None

    @property
    def longest(self) -> timedelta:
        """How long a bucket can be."""
        return longest(self.width, self.calendar)


def read_bucket(node: Node | None, subject: str, context: Context) -> Bucket:
    """Return the bucket that *node* describes."""
    named, wide = (node.get(key) if node else None for key in ("as", "width"))
    name = named.text if named else "bucket"
    width = _width(wide, subject, context) if wide else DAY
    return Bucket(name, width, _calendar(node, width, subject, context) if node else None)


def _width(node: Node, subject: str, context: Context) -> timedelta:
    width = duration(node.text)
    if isinstance(width, Months):
        if width.count != 1:
            message = f"buckets of the calendar are of 1 month, 1 week or 1 day, not of {node.text}"
            context.error(node.at, "bucket-width", message, "use 1 month, and add its rows up", subject)
        return Months(1)
    if width != _WEEK and (width > DAY or DAY % width):
        message = f"buckets of {node.text} do not fill a day evenly"
        context.error(node.at, "bucket-width", message, "use 1 month, 1 week, 1 day or a part of a day", subject)
    return width


def _calendar(bucket: Node, width: timedelta, subject: str, context: Context) -> Calendar | None:
    node = bucket.get("time_zone")
    zone = UTC if node is None else node.text
    unit = _unit(width)
    if node is not None and not _is_good(node, unit, subject, context):
        zone = UTC
    if unit is None or (zone == UTC and unit is not Unit.MONTH):
        return None  # these are equally long
    return Calendar(unit, zone)


def _unit(width: timedelta) -> Unit | None:
    if isinstance(width, Months):
        return Unit.MONTH
    return {DAY: Unit.DAY, _WEEK: Unit.WEEK}.get(width)


def _is_good(node: Node, unit: Unit | None, subject: str, context: Context) -> bool:
    if unit is None:
        message, fix = "hours and parts of them go by UTC in every time zone", "remove time_zone, or use 1 day"
    elif node.text not in zone_names():
        message = f'there is no time zone "{node.text}"'
        fix = did_you_mean(node.text, zone_names()) or "use a name of the IANA, such as Europe/Berlin"
    elif late := [day for day in repeated_starts(Calendar(unit, node.text)) if day >= _PROMISED]:
        message = f"midnight comes twice in {node.text}, as on {late[0]}, so a {unit} has no one start there"
        fix = "use UTC, or another zone of the same offset"
    else:
        return True
    context.error(node.at, "time-zone", message, fix, subject)
    return False
