"""A column of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["bucket", "dimension", "measure", "previous"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer.

    Attributes:
        name: Its name; a column of the period before is called ``previous_`` and its measure.
        type: ``string``, ``int``, ``float``, ``decimal``, ``bool``, ``uuid``, ``date`` or ``datetime``.
        role: ``bucket``, ``dimension``, ``measure``, or ``previous``: the measure in the period before.
        unit: The unit of its values, if they have one.
        exactness: ``exact``, or ``approximate`` within :attr:`bound`.
        bound: The largest error, relative to the value; ``None`` when exact, or when there is no largest one.
        standard_error: Of an estimate without a largest error: two thirds are nearer than this to the right value, and
            95 % than twice this; relative to the value.
        description: What it holds, in words.
    """

    name: str
    type: str
    role: Role
    unit: str | None = None
    exactness: Literal["exact", "approximate"] = "exact"
    bound: float | None = None
    description: str = ""
    standard_error: float | None = None
