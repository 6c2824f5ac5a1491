"""Rows as tables of other libraries, which need not be installed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.errors import AnalyticsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adi_analytics.query.model.column import Column

_INT_END: Final = 2**63


class FrameMissingError(AnalyticsError, ImportError):
    """A library that the rows should become a table of is not installed.

    Attributes:
        package: Its name.
        reason: What Python says about it.
    """

    def __init__(self, package: str, reason: str) -> None:
        super().__init__(package, reason)
        self.package = package
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.package} is not installed ({self.reason}). Install it with `pip install {self.package}`."


def to_arrow(columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> Any:
    """Return *rows* as a table of pyarrow."""
    pa = _library("pyarrow")
    types = {
        "string": pa.string(), "uuid": pa.string(), "int": pa.int64(), "float": pa.float64(), "decimal": pa.float64(),
        "bool": pa.bool_(), "date": pa.date32(), "datetime": pa.timestamp("us", tz="UTC"),
    }  # fmt: skip
    values = _by_column(columns, rows)
    arrays = [pa.array(found, type=types[kind]) for kind, found in values]
    return pa.table(dict(zip((column.name for column in columns), arrays, strict=True)))


def to_polars(columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> Any:
    """Return *rows* as a data frame of polars."""
    pl = _library("polars")
    types = {
        "string": pl.String, "uuid": pl.String, "int": pl.Int64, "float": pl.Float64, "decimal": pl.Float64,
        "bool": pl.Boolean, "date": pl.Date, "datetime": pl.Datetime("us", "UTC"),
    }  # fmt: skip
    made = [
        pl.Series(column.name, found, dtype=types[kind])
        for column, (kind, found) in zip(columns, _by_column(columns, rows), strict=True)
    ]
    return pl.DataFrame(made)


def to_pandas(columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> Any:
    """Return *rows* as a data frame of pandas."""
    pd = _library("pandas")
    types = {"int": "Int64", "float": "Float64", "decimal": "Float64", "bool": "boolean"}
    types |= {"string": "string", "uuid": "string", "date": "object", "datetime": "datetime64[us, UTC]"}
    made = {
        column.name: pd.Series(found, dtype=types[kind])
        for column, (kind, found) in zip(columns, _by_column(columns, rows), strict=True)
    }
    return pd.DataFrame(made)


def _by_column(columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> list[tuple[str, list[Any]]]:
    """Return type and values of each column: what no table has a type for goes through one that it has."""
    made = []
    for index, column in enumerate(columns):
        kind, values = column.type, [row[index] for row in rows]
        if kind == "int" and any(value is not None and not -_INT_END <= value < _INT_END for value in values):
            kind = "float"
        change = _CHANGES.get(kind)
        if change is not None:
            values = [None if value is None else change(value) for value in values]
        made.append((kind, values))
    return made


_CHANGES: Final[dict[str, Callable[[Any], Any]]] = {"uuid": str, "float": float, "decimal": float}


def _library(package: str) -> Any:
    try:
        return import_module(package)
    except ImportError as error:
        raise FrameMissingError(package, str(error)) from error
