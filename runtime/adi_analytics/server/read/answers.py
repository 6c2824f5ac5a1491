"""Answers in the form that a client asks for: JSON, CSV, Arrow or Parquet; with a tag that tells whether it changed."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib import import_module
from typing import Any, Final, Literal, TypeAlias

import msgspec

from adi_analytics.query import FrameMissingError
from adi_analytics.server.problems import ProblemError

Form: TypeAlias = Literal["json", "csv", "arrow", "parquet", "sql"]
MEDIA: Final[Mapping[Form, str]] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
    "sql": "application/sql; charset=utf-8",
}
TABULAR: Final[tuple[Form, ...]] = ("json", "csv", "arrow", "parquet")
_ACCEPT: Final[Mapping[str, Form]] = {
    "application/json": "json", "application/*": "json", "*/*": "json", "text/csv": "csv", "text/*": "csv",
    "application/vnd.apache.arrow.stream": "arrow", "application/vnd.apache.parquet": "parquet",
}  # fmt: skip
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
"""Numbers are numbers, also exact ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an endpoint found.

    Attributes:
        value: The answer as JSON, without what changes each time.
        passing: More members of the JSON, which is an object that has some, such as the time of the answer: they don't
            count for its tag.
        columns: The names of the columns, for a table.
        rows: The rows of the table.
        settled: Whether only stored rows were read, so that the answer seldom changes.
        next: Where to go on; ``None`` at the end.
        frame: Returns the rows as a table of pyarrow.
        sql: The statements, if the client asked for them instead.
        file: What to call it when it is saved, without extension; empty for what the path says.
    """

    value: Any
    passing: Mapping[str, Any] = field(default_factory=dict)
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    settled: bool = False
    next: str | None = None
    frame: Callable[[], Any] | None = None
    sql: str | None = None
    file: str = ""


def form_of(accept: str, *, tabular: bool) -> Form:
    """Return the form that the header ``Accept`` prefers.

    Raises:
        ProblemError: If it allows none that there is.
    """
    wanted = []
    for place, part in enumerate(accept.split(",") if accept.strip() else ["*/*"]):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        form = _ACCEPT.get(media)
        weight = _weight(parameters)
        if form is not None and weight > 0 and (tabular or form == "json"):
            wanted.append((-weight, place, form))
    if not wanted:
        offered = ", ".join(MEDIA[form].partition(";")[0] for form in (TABULAR if tabular else TABULAR[:1]))
        raise ProblemError(406, "not-acceptable", f"Accept: expected one of {offered}.", expected=offered)
    return min(wanted)[2]


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def encoded(answer: Answer, form: Form) -> tuple[bytes, str]:
    """Return the body of *answer*, and its tag: equal for equal content in the same form.

    Raises:
        ProblemError: If a library for this form is not installed.
    """
    if answer.sql is not None:
        body = answer.sql.encode()
    elif form == "json":
        body = _ENCODER.encode(answer.value)
    elif form == "csv":
        body = _csv(answer)
    else:
        body = _table(answer, form)
    tag = hashlib.sha256(form.encode() + body).hexdigest()[:32]
    if form == "json" and answer.passing and answer.sql is None:
        body = b"%b,%b" % (body[:-1], _ENCODER.encode(answer.passing)[1:])  # two objects as one
    return body, f'"{tag}"'


def _csv(answer: Answer) -> bytes:
    made = io.StringIO(newline="")
    writer = csv.writer(made)
    writer.writerow(answer.columns)
    writer.writerows([_cell(value) for value in row] for row in answer.rows)
    return made.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        text = value.isoformat()
        return f"{text[:-6]}Z" if text.endswith("+00:00") else text
    return value.isoformat() if isinstance(value, date) else value


def _table(answer: Answer, form: Form) -> bytes:
    """Return the rows as an Arrow stream or a Parquet file."""
    missing = ProblemError(
        406, "form-missing", f"The service has no pyarrow, which writes {form}: pip install 'adi-analytics[arrow]'."
    )
    if answer.frame is None:
        raise ProblemError(406, "not-acceptable", f"This answer does not come as {form}. Ask for JSON or CSV.")
    try:
        table, arrow, parquet = answer.frame(), import_module("pyarrow"), import_module("pyarrow.parquet")
    except (FrameMissingError, ImportError):
        raise missing from None
    sink = io.BytesIO()
    if form == "parquet":
        parquet.write_table(table, sink)
    else:
        with arrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()
