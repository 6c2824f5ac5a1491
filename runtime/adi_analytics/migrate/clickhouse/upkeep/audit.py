"""The events of the catalog, and what is observed of them in a ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adi_analytics._audit.clickhouse import audit_clickhouse
from adi_analytics._audit.findings import ForeignCatalogError, NotInstalledError
from adi_analytics.migrate.clickhouse.server.session import opened
from adi_analytics.migrate.errors import HistoryError, OtherCatalogError
from adi_analytics.migrate.server.session import missing_object
from adi_analytics.migrate.upkeep.dead_letters import catalog_of

if TYPE_CHECKING:
    from adi_analytics._audit.findings import Audit
    from adi_analytics.migrate.options import Options


def audit(options: Options, *, days: int, sample: int) -> Audit:
    """Return what is observed of the catalog's events, as `adi_analytics.migrate.audit` says."""
    catalog = catalog_of(options)
    with opened(options, "audit") as server:
        try:
            return audit_clickhouse(server.session, catalog, days=days, sample=sample)
        except ForeignCatalogError as error:
            raise OtherCatalogError(found=error.found, expected=catalog.name) from None
        except NotInstalledError:
            raise HistoryError("there are no tables of events", missing_object(installed=server.installed)) from None
