"""Questions to a catalog that was put on a server by `Installed`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from adi_analytics.query import query
from adi_analytics.query.model.describe import Described

if TYPE_CHECKING:
    from adi_analytics.query import Result

    from support.aggregates.installed import Installed
    from support.clickhouse.installed import Installed as OnClickhouse


def described(installed: Installed | OnClickhouse) -> Described:
    """Return what the aggregates of *installed* offer, as read from its manifest."""
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(installed.manifest)), Described)


def register(installed: Installed) -> None:
    """Say in the database whose it is, as the migrator does."""
    installed.connection.execute(
        "insert into analytics_meta.installation (format, backend, events_schema, catalog)"
        " values (1, %s, current_schema(), %s) on conflict (singleton) do update"
        " set backend = excluded.backend, events_schema = excluded.events_schema, catalog = excluded.catalog",
        [installed.backend, installed.catalog.name],
    )


def ask(installed: Installed | OnClickhouse, aggregate: str, **arguments: Any) -> Result:
    return query(aggregate, database=installed.database, catalog=described(installed), **arguments)
