"""A service on a migrated database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.serving import served

if TYPE_CHECKING:
    from support.serving import Serving


@pytest.fixture
def serving(migrated_dsn: str) -> Serving:
    """What starts a service on a migrated database."""
    return lambda **options: served(**{"database_url": migrated_dsn, **options})
