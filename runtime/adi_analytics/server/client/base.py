"""The part of a Python client that all catalogs share: `render` copies it, without this line."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, Literal, TypedDict, TypeVar

Granularity = Literal["bucket", "hour", "day", "week", "month", "total"]
Comparison = Literal["previous_period", "previous_year"]
Distinct = Literal["auto", "exact", "approximate"]
State = Literal["final", "provisional", "incomplete"]
Moment = date | datetime | str
Between = tuple[Moment, Moment] | str
RowT = TypeVar("RowT")
ValueT = TypeVar("ValueT")


class Operators(TypedDict, Generic[ValueT], total=False):
    """Operators of a filter: all of them must hold."""

    ne: ValueT
    lt: ValueT
    lte: ValueT
    gt: ValueT
    gte: ValueT
    exists: bool


@dataclass(frozen=True)
class Answer(Generic[RowT]):
    """An answer.

    Attributes:
        columns: What the values are: type, unit, exactness and description.
        rows: The rows, by column.
        states: How far each row can be trusted: ``final``, ``provisional`` or ``incomplete``.
        totals: Each measure over the whole range.
        totals_columns: What the totals are, as for columns; they may be less exact.
        query: The question, with every default filled in.
        watermark: Up to here stored rows were read.
        next: Give it as ``after`` to get the rows that follow.
        warnings: What else to know.
    """

    columns: list[dict[str, Any]]
    rows: list[RowT]
    states: list[State]
    totals: dict[str, Any]
    totals_columns: list[dict[str, Any]]
    state: State
    query: dict[str, Any]
    watermark: str | None
    next: str | None
    warnings: list[dict[str, str]]
    at: str


class Misfits(TypedDict):
    """What is wrong with stored rows, and at which field: the first fault of so many."""

    problem: str
    rows: int


class ObservedEvent(TypedDict):
    """An event of the catalog, and what is observed of it: of its newest rows ``checked``, ``misfits`` do not fit."""

    name: str
    description: str
    owner: str
    version: int
    last_seen: str | None
    rows: int
    rows_a_day: float
    checked: int
    misfits: int
    problems: list[Misfits]
    share: float | None


class UnknownEvent(TypedDict):
    """A type of stored rows that the catalog does not have."""

    name: str
    rows: int
    last_seen: str


class WaitingLetters(TypedDict):
    """Events that could not be stored, and wait to be replayed: of one reason and type."""

    reason: str
    event_type: str
    letters: int
    oldest: str
    newest: str


@dataclass(frozen=True)
class Observed:
    """The events of the catalog, and what is observed of them.

    Attributes:
        days: How far back rows were counted and compared.
        notes: What could not be looked at, and why.
    """

    catalog: str
    days: int
    events: list[ObservedEvent]
    unknown: list[UnknownEvent]
    dead_letters: list[WaitingLetters]
    notes: list[str]
    at: str


class AnalyticsProblemError(Exception):
    """The service refused a question, and says why.

    Attributes:
        status: The HTTP status.
        document: The problem document; ``parameter`` and ``expected`` say what to change.
    """

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(document.get("detail", f"HTTP {status}"))
        self.status = status
        self.document = document


class Connection:
    """Speaks to the service.

    Args:
        url: The service, such as ``https://example.org/api/analytics``.
        token: One with the scope ``read``.
        timeout: Seconds to wait for an answer.
    """

    def __init__(self, url: str, token: str | None = None, *, timeout: float = 60.0) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no URL of a service")
        self._url = url.rstrip("/")
        self._token = token
        self._timeout = timeout

    def events(self, *, days: int | None = None, sample: int | None = None) -> Observed:
        """Return the events of the catalog, and what is observed of them.

        Args:
            days: How far back rows are counted and compared. Default: 1.
            sample: How many rows of each event are compared. Default: 200.
        """
        return Observed(**self._get("events", {"days": days, "sample": sample}))

    def _ask(self, aggregate: str, question: Mapping[str, Any]) -> Answer[Any]:
        return Answer(**self._get(f"aggregates/{aggregate}", question))

    def _get(self, path: str, question: Mapping[str, Any]) -> dict[str, Any]:
        query = urllib.parse.urlencode(list(_parameters(question)))
        headers = {"Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(f"{self._url}/{path}?{query}", headers=headers)  # noqa: S310 - http or https, as checked
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310 - as above
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            with error:
                raise AnalyticsProblemError(error.code, _document(error.read())) from None


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _parameters(question: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in question.items():
        if value is None:
            continue
        if name == "filters":
            for dimension, given in value.items():
                yield from _filter(f"filter.{dimension}", given)
        elif isinstance(value, (list, tuple)):
            if value:
                yield name, ",".join(_text(one) for one in value)
        else:
            yield name, _text(value)


def _filter(name: str, given: Any) -> Iterator[tuple[str, str]]:
    if given is None:
        yield f"{name}.exists", "false"
    elif isinstance(given, Mapping):
        for operator, value in given.items():
            yield f"{name}.{operator}", _text(value)
    elif isinstance(given, Sequence) and not isinstance(given, str):
        for value in given:
            yield name, _text(value)
    else:
        yield name, _text(given)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)
