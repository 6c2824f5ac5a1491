"""The registers of a sketch: the same hash, of the same text, as in ``backends.sql.relations.sketch``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.clickhouse.measures import kind_of, read
from adi_analytics_codegen.model.kinds import FieldType

if TYPE_CHECKING:
    from adi_analytics_codegen.model.questions.aggregates import Measure

_RUN: Final = 52
"""The bits that are not the register's."""


def register(measure: Measure) -> str:
    """Return the expression for the register that a row's value belongs to, from 0 to 4095."""
    first = f"reinterpretAsUInt64(reverse(substring(MD5({_text(measure)}), 1, 8)))"
    return f"toUInt16(bitShiftRight({first}, {_RUN}))"


def rho(measure: Measure) -> str:
    """Return the expression for the place of the first one among the other 52 bits, from 1; 53 if there is none."""
    bits = f"substring(bin(substring(MD5({_text(measure)}), 1, 8)), 13)"
    return f"if(position({bits}, '1') = 0, {_RUN + 1}, position({bits}, '1'))"


def _text(measure: Measure) -> str:
    """Return the text of a value: that of a cast to ``text`` on PostgreSQL."""
    value = read(measure)
    match kind_of(measure):
        case FieldType.DATETIME:
            micros = f"toUnixTimestamp64Micro({value})"
            size = f"abs({micros})"
            whole, rest = f"toString(intDiv({size}, 1000000))", f"leftPad(toString({size} % 1000000), 6, '0')"
            return f"concat(if({micros} < 0, '-', ''), {whole}, '.', {rest})"
        case FieldType.DATE:
            return f"toString(dateDiff('day', toDate32('2000-01-01'), {value}))"
        case FieldType.FLOAT:
            # Without an exponent, as PostgreSQL writes it; it keeps 15 digits, where this keeps 17.
            decimal = f"toString(toDecimal256OrNull(toString({value}), 38))"
            return f"if(abs({value}) < 1e37, {decimal}, toString({value}))"
        case _:
            return f"toString({value})"
