"""What every public view of questions about people must hold, and the comparison with what it holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from support.people import oracle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.catalog import Catalog
    from support.aggregates.oracle import Row


def answers(catalog: Catalog, rows: list[Row], now: datetime) -> Iterator[tuple[str, oracle.Answer]]:
    for question in catalog.members:
        counts, listed = oracle.members(question, rows)
        yield question.name, counts
        yield question.list_name, listed
    for retention in catalog.retention:
        cells = oracle.retention(retention, rows, now)
        yield retention.name, cells
        yield f"{retention.name}_mean", oracle.mean(cells)
        yield f"{retention.name}_lifecycle", oracle.lifecycle(retention, rows, now)
    for funnel in catalog.funnels:
        totals, steps = oracle.funnel(funnel, rows, now)
        yield funnel.name, totals
        yield f"{funnel.name}_steps", steps


def assert_same(name: str, found: list[Any], wanted: list[Any]) -> None:
    assert sorted(map(plain, found)) == sorted(map(plain, wanted)), name


def plain(row: tuple[Any, ...]) -> tuple[str, ...]:
    """Return *row* to be sorted and compared: doubles but for their last digits."""
    return tuple(_number(one) if isinstance(one, float) else str(_utc(one)) for one in row)


def _number(value: float) -> str:
    return f"{value:.12g}" if value <= 1 else f"{value:.3f}"  # seconds are computed from microseconds


def _utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
