"""The events of the catalog, and what is observed of them."""

from __future__ import annotations

from adi_analytics._audit import audit as looking
from adi_analytics._audit.findings import DAYS, SAMPLE, Audit, ForeignCatalogError, NotInstalledError
from adi_analytics.migrate.errors import HistoryError, OtherCatalogError
from adi_analytics.migrate.options import Options
from adi_analytics.migrate.server.session import missing_object, session
from adi_analytics.migrate.upkeep.dead_letters import catalog_of


def audit(options: Options | None = None, *, days: int = DAYS, sample: int = SAMPLE) -> Audit:
    """Return what is observed of the catalog's events: last seen, rows a day, rows that are not what the catalog says.

    Args:
        options: Where. Defaults to the database of the environment.
        days: How many days back rows are counted and compared. Defaults to 1.
        sample: How many rows of each event are compared, the newest ones. Defaults to 200.

    Raises:
        UsageError: If the catalog's generated package can't be used.
        HistoryError: If the database has no tables of the catalog.
        OtherCatalogError: If it is another catalog's.
    """
    options = options or Options()
    catalog = catalog_of(options)
    with session(options, "audit") as (connection, database):
        try:
            return looking.audit(connection, catalog, days=days, sample=sample)
        except ForeignCatalogError as error:
            raise OtherCatalogError(found=error.found, expected=catalog.name) from None
        except NotInstalledError:
            raise HistoryError("there are no tables of events", missing_object(installed=database.installed)) from None
