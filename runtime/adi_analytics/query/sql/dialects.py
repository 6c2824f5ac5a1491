"""Which SQL a database speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics.query.sql.clickhouse import Clickhouse
from adi_analytics.query.sql.postgres import Postgres

if TYPE_CHECKING:
    from adi_analytics.query.model.facts import Facts
    from adi_analytics.query.sql.dialect import Dialect

_POSTGRES: Final[Dialect] = Postgres()
_CLICKHOUSE: Final[Dialect] = Clickhouse()


def dialect_of(facts: Facts) -> Dialect:
    """Return the SQL of the database that told *facts*."""
    return _CLICKHOUSE if facts.clickhouse else _POSTGRES
