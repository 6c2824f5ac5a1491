"""Statements by kind, as the manifest hands them over: what each makes or changes, and its parts.

The migrator puts parts together and never takes SQL apart: the text of a part is a :class:`Sql`, which can be put into
another text and compared, and has no methods of a string.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from string import Formatter
from typing import Any, Final, Literal, Protocol, TypeVar

import msgspec

from adi_analytics._shared.sql import line_literal, literal, quote, shorten


class Sql:
    """A piece of SQL. Put it into an f-string, or write it with ``str``."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def holds(self, words: str) -> bool:
        """Whether *words* are in it."""
        return words in self._text

    def up_to(self, mark: str) -> str:
        """Return what comes before the first *mark*, as the arguments do before the bracket that closes them."""
        return self._text.partition(mark)[0]

    def __repr__(self) -> str:
        return f"Sql({self._text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sql) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def decode_sql(wanted: type, value: Any) -> Any:
    """Read a :class:`Sql` from its text: a ``dec_hook`` of msgspec."""
    if wanted is Sql and isinstance(value, str):
        return Sql(value)
    raise TypeError(f"expected a text, got {type(value).__name__}")


def encode_sql(value: Any) -> str:
    """Write a :class:`Sql` as its text: an ``enc_hook`` of msgspec."""
    if isinstance(value, Sql):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written")


class Runnable(Protocol):
    """A statement to run."""

    @property
    def step(self) -> str:
        """What it is about, for people."""
        ...

    @property
    def sql(self) -> Sql:
        """The text, without a semicolon."""
        ...


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that the migrator writes itself."""

    step: str
    sql: Sql


def statement(step: str, text: str) -> Statement:
    """Return the statement *text*, which is about *step*."""
    return Statement(step, Sql(text))


class _Made(msgspec.Struct, frozen=True, tag_field="kind"):
    step: str
    object: str


class Table(_Made, frozen=True, tag="table"):
    """Makes a table; the definition is what follows its name."""

    definition: Sql

    @property
    def sql(self) -> Sql:
        """The text, without a semicolon."""
        return Sql(f"create table {quote(self.object)}{self.definition}")


class Index(_Made, frozen=True, tag="index"):
    """Makes an index; the definition stands between its name and the condition."""

    table: str
    definition: Sql
    where: Sql | None

    @property
    def sql(self) -> Sql:
        """The text, without a semicolon."""
        where = f"\n    where {self.where}" if self.where else ""
        return Sql(f"create index {quote(self.object)}{self.definition}{where}")

    @property
    def by_chunk(self) -> Sql:
        """The same on a hypertable, one chunk at a time. TimescaleDB refuses CREATE INDEX CONCURRENTLY."""
        where = f"\nwhere {self.where}" if self.where else ""
        head = f"create index if not exists {quote(self.object)}{self.definition}"
        return Sql(f"{head}\nwith (timescaledb.transaction_per_chunk){where}")


class View(_Made, frozen=True, tag="view"):
    """Makes a view, or replaces it by one that has at least its columns."""

    columns: list[str]
    select: Sql

    @property
    def sql(self) -> Sql:
        """The text, without a semicolon."""
        return Sql(f"create or replace view {quote(self.object)} as\n{self.select}")


class Function(_Made, frozen=True, tag="function"):
    """Makes a function; the definition is what follows its name."""

    definition: Sql

    @property
    def sql(self) -> Sql:
        """The text, without a semicolon."""
        return Sql(f"create function {quote(self.object)}{self.definition}")

    @property
    def replacing(self) -> Sql:
        """The same for a function that is there already."""
        return Sql(f"create or replace function {quote(self.object)}{self.definition}")


_CONTINUOUS: Final = (
    "with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as"
)


class ContinuousAggregate(_Made, frozen=True, tag="continuous_aggregate"):
    """Makes a continuous aggregate, without rows."""

    select: Sql

    @property
    def sql(self) -> Sql:
        """The text, without a semicolon."""
        return Sql(f"create materialized view {quote(self.object)}\n{_CONTINUOUS}\n{self.select}\nwith no data")

    @property
    def is_lateral(self) -> bool:
        """Whether it joins events with the items of a list of theirs."""
        return self.select.holds(" lateral ")

    @property
    def as_view(self) -> Sql:
        """A plain view with the same columns and rows."""
        return Sql(f"create view {quote(self.object)} as\n{self.select}")


class Policy(_Made, frozen=True, tag="policy"):
    """Lets TimescaleDB work on the object by itself; spans are seconds."""

    policy: Literal["refresh", "compression", "retention"]
    spans: dict[str, int]
    sql: Sql


class Order(msgspec.Struct, frozen=True):
    """A column by which compressed rows are ordered."""

    column: str
    descending: bool


class Compression(_Made, frozen=True, tag="compression"):
    """Sets how the chunks of the object are compressed."""

    segment_by: list[str]
    order_by: list[Order]
    sql: Sql


class Call(_Made, frozen=True, tag="call"):
    """Calls a function that works on the object."""

    sql: Sql


class Comment(_Made, frozen=True, tag="comment"):
    """Gives the object, or one of its columns, a comment. The text is no SQL and no format string."""

    on: Literal["table", "view"]
    column: str | None
    text: str

    @property
    def sql(self) -> Sql:
        """The text, without a semicolon."""
        return self.of(quote(self.object))

    def of(self, name: str) -> Sql:
        """Return the statement for the object that is called *name* in SQL."""
        target = f"{self.on} {name}" if self.column is None else f"column {name}.{quote(self.column)}"
        return Sql(f"comment on {target} is {line_literal(self.text)}")


class Name(str):
    """The name of a relation, which a format string writes in one of several forms."""

    __slots__ = ()

    def __format__(self, form: str) -> str:
        return _FORMS[form](str(self))


_FORMS: Final[dict[str, Callable[[str], str]]] = {
    "": quote,
    "plain": str,
    "literal": literal,
    "regclass": lambda name: literal(quote(name)),
}


class Names:
    """The names of one stored relation, as the places in a format string call them."""

    __slots__ = ("_suffixed", "index", "live", "name", "rows_function")

    def __init__(self, name: str, live: str, rows_function: str, index: str) -> None:
        self.name, self.live = Name(name), Name(live)
        self.rows_function, self.index = Name(rows_function), Name(index)
        self._suffixed = {part: Name(shorten(f"{name}{suffix}")) for part, suffix in _KEPT.items()}

    def __getattr__(self, part: str) -> Name:
        """Return the name of a *part* of what is kept beside it."""
        try:
            return self._suffixed[part]
        except KeyError:
            raise AttributeError(part) from None


_KEPT: Final = {
    "counts": "_counts",
    "counts_index": "_counts_idx",
    "counted": "_counted",
    "recent": "_recent",
    "recent_index": "_recent_idx",
    "recent_rows": "_recent_rows",
    "recency": "_recency",
    "known": "_known",
    "known_index": "_known_idx",
    "known_index_1": "_known_1_idx",
    "known_index_2": "_known_2_idx",
    "known_rows": "_known_rows",
    "answers": "_answers",
    "answers_index": "_answers_idx",
    "answered": "_answered",
    "life": "_life",
    "life_index": "_life_idx",
    "lived": "_lived",
}


_S = TypeVar("_S", bound=msgspec.Struct)


def filled(template: _S, names: Iterable[Names]) -> _S:
    """Return *template* with *names*, those of an aggregate's relations, in the places of its format strings.

    Raises:
        ValueError: If one has a place for something else.
    """
    own = list(names)
    return msgspec.structs.replace(
        template, **{key: _filled(getattr(template, key), own) for key in template.__struct_fields__}
    )


def filled_sql(template: Sql, names: Iterable[Names]) -> Sql:
    """Return the one format string *template* with *names* in its places.

    Raises:
        ValueError: If it has a place for something else.
    """
    return Sql(_filled_text(str(template), list(names)))


def _filled(value: Any, names: list[Names]) -> Any:
    if isinstance(value, Sql):
        return filled_sql(value, names)
    if isinstance(value, str):
        return _filled_text(value, names)
    return [_filled(entry, names) for entry in value] if isinstance(value, list) else value


def _filled_text(text: str, names: list[Names]) -> str:
    try:
        return text.format(*names)
    except (LookupError, AttributeError, ValueError) as error:
        forms = ", ".join(f"{{N.name:{form}}}" for form in _FORMS if form)
        raise ValueError(
            f"{_wrong_place(text, names)}; expected {{N.name}}, {{N.live}}, {{N.rows_function}} or {{N.index}} with N "
            f"from 0 to {len(names) - 1}, each also in a form such as {forms}"
        ) from error


def _wrong_place(text: str, names: list[Names]) -> str:
    try:
        parsed = list(Formatter().parse(text))
    except ValueError:
        return "a brace has no partner"
    for _, field, form, _ in parsed:
        place = "" if field is None else f"{{{field}{':' if form else ''}{form}}}"
        try:
            place.format(*names)
        except (LookupError, AttributeError, ValueError):
            return f"the place {place} stands for no name"
    return "a place stands for no name"
