"""A sketch of different values: a HyperLogLog of 4096 registers, from a hash that is the same on every backend.

Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm" (2007).
The hash is the first 64 bits of the MD5 of the value's text. PostgreSQL's own hashes are not portable over versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.sql.relations.measures import read
from adi_analytics_codegen.model.kinds import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics_codegen.model.questions.aggregates import Measure

REGISTERS: Final = 4096
"""Two to the 12th: the first three hexadecimal digits of the hash say which."""

_RUN: Final = 52
"""The other bits: thirteen digits."""

_TEXTS: Final[dict[FieldType, Callable[[str], str]]] = {
    FieldType.STRING: lambda value: value,
    FieldType.ENUM: lambda value: value,
    FieldType.DATETIME: lambda value: f"extract(epoch from ({value}) at time zone 'UTC')::text",
    FieldType.DATE: lambda value: f"(({value}) - date '2000-01-01')::text",
    FieldType.FLOAT: lambda value: f"(({value})::numeric)::text",
}
"""The text of a value, immutable and one for equal values; for types not named here it is that of a cast."""


def register(measure: Measure) -> str:
    """Return the expression for the register that a row's value belongs to, from 0 to 4095."""
    return f"('x' || substr({_digest(measure)}, 1, 3))::bit(12)::integer::smallint"


def rho(measure: Measure) -> str:
    """Return the expression for the place of the first one among the other bits, from 1; one more than all if none."""
    bits = f"('x' || substr({_digest(measure)}, 4, 13))::bit({_RUN})"
    return f"coalesce(nullif(position(B'1' in {bits}), 0), {_RUN + 1})::smallint"


def _digest(measure: Measure) -> str:
    value = read(measure)
    assert measure.type is not None  # noqa: S101 - the loader gives every distinct its type
    text = _TEXTS[measure.type](value) if measure.type in _TEXTS else f"({value})::text"
    return f"md5({text})"
