"""What the aggregates of a catalog offer: read from the generated manifest (docs/reference/manifest.md)."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from adi_analytics._shared.catalog import CatalogInvalidError, CatalogMissingError, catalog_of, resolve_catalog
from adi_analytics._shared.source import find_source
from adi_analytics.query.model.errors import QueryArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics._shared.catalog import CatalogLike

FORMAT: Final = 2
"""The format of the manifest that this library reads."""

_AGAIN: Final = "Run `analytics-codegen generate`."


class Parts(msgspec.Struct, frozen=True):
    """From what the values of several buckets are put together.

    Attributes:
        sum: Of an average: the stored column of sums.
        count: Of an average: the stored column of counts.
        relation: Of a distinct count: the number of the stored relation that holds each member once a bucket.
        member: Of a distinct count: the column of the member there.
        numerator: Of a ratio: the measures whose sum is divided.
        denominator: Of a ratio: the measures whose sum is the divisor.
    """

    sum: str | None = None
    count: str | None = None
    relation: int | None = None
    member: str | None = None
    numerator: tuple[str, ...] = ()
    denominator: tuple[str, ...] = ()


class Dimension(msgspec.Struct, frozen=True):
    """A column to group by.

    Attributes:
        type: ``string``, ``int``, ``float``, ``decimal``, ``bool``, ``uuid``, ``date`` or ``datetime``.
        unit: The unit of its values, if they have one.
        sensitivity: ``none``, ``pseudonymous``, ``personal`` or ``secret``: how much a value reveals.
    """

    name: str
    type: str
    unit: str | None = None
    sensitivity: str = "none"


class Measure(msgspec.Struct, frozen=True):
    """A value of each bucket.

    Attributes:
        kind: ``count``, ``sum``, ``avg``, ``min``, ``max``, ``percentile``, ``distinct``, ``first``, ``last`` or
            ``ratio``.
        type: The type of the value: see :class:`Dimension`.
        unit: The unit of the value, if it has one.
        sensitivity: How much the value reveals: see :class:`Dimension`.
        quantile: Of a percentile: between 0 and 1.
        trailing: Of a distinct count: the span in seconds, if it ends with the bucket instead of being the bucket.
        parts: From what the values of several buckets are put together.
    """

    name: str
    kind: str
    type: str
    unit: str | None = None
    sensitivity: str = "none"
    quantile: float | None = None
    trailing: int | None = None
    parts: Parts = Parts()


class Companion(msgspec.Struct, frozen=True):
    """A public view that measures of longer ranges come from: its name, columns, and which measures share values."""

    view: str
    columns: dict[str, str]
    shared: tuple[tuple[str, ...], ...]


class CoarserName(msgspec.Struct, frozen=True):
    """The name of an aggregate with longer buckets, and the dimensions that it keeps."""

    aggregate: str
    dimensions: tuple[str, ...]


class Offer(msgspec.Struct, frozen=True):
    """The part of the manifest that was made for questions.

    Attributes:
        distribution: Where percentiles of longer ranges come from.
        sketch: Where estimates of distinct counts come from.
        coarser: The aggregate that keeps the percentiles by longer buckets.
    """

    dimensions: tuple[Dimension, ...]
    measures: tuple[Measure, ...]
    distribution: Companion | None = None
    sketch: Companion | None = None
    coarser: CoarserName | None = None


class Shown(msgspec.Struct, frozen=True):
    """A column of a view about people: its type is as that of a dimension; its role as in an answer, or ``member``."""

    name: str
    type: str
    role: str


class PeopleView(msgspec.Struct, frozen=True):
    """A view about people: what it shows, and its columns."""

    kind: str
    columns: tuple[Shown, ...]


class People(msgspec.Struct, frozen=True):
    """What can be asked of a question about people.

    Attributes:
        kind: ``members``, ``retention`` or ``funnel``.
        entity: Whom it counts.
        dimensions: What the counts are grouped by.
        views: The public views, in the order of :attr:`Aggregate.views`.
    """

    kind: str
    entity: str
    dimensions: tuple[Dimension, ...]
    views: tuple[PeopleView, ...]


class Bucket(msgspec.Struct, frozen=True, omit_defaults=True):
    """The time column, and the width of a bucket in seconds.

    Attributes:
        unit: Of buckets that are days, weeks or months of a calendar: which. A month's width is that of a long one.
        time_zone: Whose days, weeks or months.
    """

    column: str
    width: int
    unit: str | None = None
    time_zone: str | None = None


class Column(msgspec.Struct, frozen=True):
    """A column of the public view, with its SQL type."""

    name: str
    type: str


class Comment(msgspec.Struct, frozen=True):
    """A comment on a view, or on a column of it."""

    object: str
    text: str
    column: str | None = None


class View(msgspec.Struct, frozen=True):
    """A public view, and what it shows: ``aggregate``, ``members``, ``funnel`` and so on."""

    name: str
    kind: str


class Key(msgspec.Struct, frozen=True):
    """A column that stored rows are grouped by, and the field of the events that it holds."""

    column: str
    of: str


class Relation(msgspec.Struct, frozen=True):
    """A stored relation, and what its rows are grouped by."""

    name: str
    keyed_by: tuple[Key, ...] = ()


class Aggregate(msgspec.Struct, frozen=True):
    """What can be asked of an aggregate.

    Attributes:
        name: The name, which is that of its public view.
        version: The version that the catalog has.
        description: What it is, in the catalog's words.
        owner: Who answers for it.
        bucket: The time column, and the width of a bucket in seconds.
        query: Its dimensions and measures.
        columns: The columns of the public view.
        comments: What each column holds, in words.
        views: The public views.
        people: What can be asked, if it is a question about people.
        sources: The events that it reads.
        all_events: Whether these are all of the catalog, also those that it will get.
        relations: Where its rows are stored.
    """

    name: str
    version: int
    bucket: Bucket
    columns: tuple[Column, ...]
    query: Offer | None = None
    description: str = ""
    owner: str = ""
    comments: tuple[Comment, ...] = ()
    views: tuple[View, ...] = ()
    people: People | None = None
    sources: tuple[str, ...] = ()
    all_events: bool = False
    relations: tuple[Relation, ...] = ()

    @property
    def offer(self) -> Offer:
        """What can be asked.

        Raises:
            QueryArgumentError: If nothing can: it is a question about people, or an older generator wrote the manifest.
        """
        if self.query is None:
            if self.people is not None:
                problem, remedy = "is a question about people", f"Ask it with {self.people.kind}()."
            else:
                problem, remedy = "can't be asked: an older generator wrote the manifest", _AGAIN
            raise QueryArgumentError("aggregate", f"{self.name} {problem}", remedy)
        return self.query

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Its dimensions."""
        return self.offer.dimensions if self.people is None else self.people.dimensions

    def view(self, kind: str) -> tuple[str, tuple[Shown, ...]]:
        """Return the name and the columns of the view about people that shows *kind*."""
        shown = self.people.views if self.people is not None else ()
        return next((view.name, one.columns) for view, one in zip(self.views, shown, strict=True) if one.kind == kind)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Its measures."""
        return self.offer.measures

    def measure(self, name: str, parameter: str = "measures") -> Measure:
        """Return the measure called *name*.

        Raises:
            QueryArgumentError: If there is none.
        """
        found = next((measure for measure in self.measures if measure.name == name), None)
        if found is None:
            raise unknown(parameter, f"measure of {self.name}", name, [measure.name for measure in self.measures])
        return found

    def dimension(self, name: str, parameter: str = "dimensions") -> Dimension:
        """Return the dimension called *name*.

        Raises:
            QueryArgumentError: If there is none.
        """
        found = next((dimension for dimension in self.dimensions if dimension.name == name), None)
        if found is None:
            raise unknown(parameter, f"dimension of {self.name}", name, [entry.name for entry in self.dimensions])
        return found

    def text(self, column: str, view: str | None = None) -> str:
        """Return what *column* of the public view holds, in words."""
        found = (c.text for c in self.comments if c.object == (view or self.name) and c.column == column)
        return next(found, "")

    def sql_type(self, column: str) -> str:
        """Return the SQL type of *column* of the public view."""
        return next(entry.type for entry in self.columns if entry.name == column)


class Described(msgspec.Struct, frozen=True):
    """The aggregates of a catalog."""

    format: int
    catalog: str
    aggregates: tuple[Aggregate, ...]

    def aggregate(self, name: str) -> Aggregate:
        """Return the aggregate called *name*.

        Raises:
            QueryArgumentError: If there is none.
        """
        found = next((entry for entry in self.aggregates if entry.name == name), None)
        if found is None:
            raise unknown("aggregate", f"aggregate of {self.catalog}", name, [entry.name for entry in self.aggregates])
        return found

    def coarser(self, aggregate: Aggregate) -> Aggregate | None:
        """Return the aggregate that keeps the percentiles of *aggregate* by longer buckets, if there is one."""
        named = aggregate.query.coarser if aggregate.query is not None else None
        return None if named is None else self.aggregate(named.aggregate)

    def question(self, kind: str, name: str) -> Aggregate:
        """Return the question about people called *name*: the entity, if *kind* is ``members``.

        Raises:
            QueryArgumentError: If there is none.
        """
        parameter = "entity" if kind == "members" else "name"
        known = {
            entry.people.entity if kind == "members" else entry.name: entry
            for entry in self.aggregates
            if entry.people is not None and entry.people.kind == kind
        }
        if name not in known:
            raise unknown(parameter, f"{_WHAT[kind]} of {self.catalog}", name, list(known))
        return known[name]


_WHAT: Final = {"members": "entity", "retention": "retention", "funnel": "funnel"}


def describe(catalog: CatalogLike | Described | None = None) -> Described:
    """Return what the aggregates of a catalog offer.

    Args:
        catalog: A catalog, the generated package, its import name, or what this function returned. Defaults to the one
            that `analytics-migrate` would take: of the project in the working directory or above, or of the one
            installed package.

    Raises:
        CatalogError: If none is found, several are, or it is no catalog that this library reads.
        ProjectError: If a project is wrong.
    """
    if isinstance(catalog, Described):
        return catalog
    path = manifest_of(catalog)
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise CatalogInvalidError(str(path), "can't be read", _AGAIN) from error
    except ValueError as error:  # msgspec's errors, too
        raise CatalogInvalidError(str(path), f"is no manifest: {error}", _AGAIN) from error


def manifest_of(catalog: CatalogLike | None = None) -> Path:
    """Return where the manifest of a catalog lies, which need not be there; see :func:`describe`.

    Raises:
        CatalogError: If none is found, or several are.
        ProjectError: If a project is wrong.
    """
    package = None if catalog is None else catalog_of(catalog).package
    try:
        return find_source(catalog=package).manifest
    except CatalogMissingError:  # one that the program has imported will do
        return find_source(catalog=resolve_catalog().package).manifest


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int) -> Described:
    data = path.read_bytes()
    found = msgspec.json.decode(data, type=_Format).format
    if found != FORMAT:
        raise CatalogInvalidError(
            str(path), f"has format {found}, this library reads {FORMAT}", "Upgrade adi-analytics, or generate again."
        )
    return msgspec.json.decode(data, type=Described)


class _Format(msgspec.Struct):
    format: int


def unknown(parameter: str, what: str, name: object, known: Iterable[str]) -> QueryArgumentError:
    """Return the error that says that there is no such thing, what was meant, and what there is."""
    names = list(known)
    close = get_close_matches(str(name), names, n=1)
    meant = f"Did you mean {close[0]}? " if close else ""
    return QueryArgumentError(
        parameter, f"no {what} is called {name!r}", f"{meant}Known: {', '.join(names) or 'none'}."
    )
