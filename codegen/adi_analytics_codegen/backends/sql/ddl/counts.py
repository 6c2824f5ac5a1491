"""What is kept of trailing counts: tables and functions beside a relation of members, the same on every backend."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.sql.relations.measures import Column
from adi_analytics_codegen.backends.sql.relations.places import Places
from adi_analytics_codegen.backends.sql.text.names import identifier
from adi_analytics_codegen.backends.sql.text.statements import Statement, function, index, table
from adi_analytics_codegen.backends.sql.text.templates import render

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics_codegen.backends.sql.relations.plan import Counts, Plan


def kept(plan: Plan, counts: Counts) -> list[Statement]:
    """Return the statements of what is kept of *counts*.

    Three tables: the counts of each bucket that is over; each member's last bucket of the longest span; and how many
    members had their last one when. Two functions compute the rows of the first two.
    """
    places = Places(plan, counts.members)
    values = {"plan": plan, "main": plan.main, "counts": counts, "at": partial(Places, plan)}
    keys = plan.main.columns[: plan.main.keys]
    member = counts.members.columns[counts.members.keys - 1]
    numbers = [Column(trailing.column, "bigint", "", "count") for trailing in counts.trailing]
    tables = {
        "counts": (*keys, *numbers),
        "recent": (*keys, member),
        "recency": (*keys, Column(counts.member_count, "bigint", "", "count")),
    }
    made = []
    for part, columns in tables.items():
        name = places.kept(part).plain
        made.append(table(f"table {name}", name, _definition(columns)))
    for part in ("counts", "recent"):
        name = places.kept(part).plain
        definition = f"\n    {render(f'{part}_index', **values)}"
        made.append(index(f"index on {name}", places.kept(f"{part}_index").plain, name, definition))
    for part, template in (("counted", "counted_function"), ("recent_rows", "recent_function")):
        made.append(function(places.kept(part).plain, render(template, **values)))
    return made


def _definition(columns: Iterable[Column]) -> str:
    lines = (f"    {identifier(column.name)} {column.type}{_NOT_NULL.get(column.role, '')}" for column in columns)
    return " (\n" + ",\n".join(lines) + "\n)"


_NOT_NULL: Final[dict[str, str]] = dict.fromkeys(("bucket", "member", "count"), " not null")
