"""A database with the aggregates of events.yaml and a stream of events, of which some are stored and some are not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from adi_analytics_codegen.check.catalog import load_catalog
from support.aggregates.installed import Installed, connect
from support.aggregates.streams import START, stream
from support.asking import register
from support.backends import BACKENDS, empty_dsn
from support.paths import EVENTS

CATALOG = load_catalog(EVENTS)
ROWS = stream(CATALOG, days=40, users=6)
STORED = START + timedelta(days=25)


@pytest.fixture(scope="session")
def events():
    return ROWS


def install(connection, backend):
    made = Installed.create(connection, CATALOG, backend)
    register(made)
    made.insert(ROWS)
    made.refresh(STORED)
    return made


@pytest.fixture
def postgres(postgres_dsn):
    with connect(postgres_dsn) as connection:
        yield install(connection, "postgres")


@pytest.fixture(params=BACKENDS)
def installed(request):
    with connect(empty_dsn(request.param, request)) as connection:
        yield install(connection, request.param)
