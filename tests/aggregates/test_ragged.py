"""Rows that fit no catalog: skipped by what they do not fit, and never an error."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
from adi_analytics_codegen.check.catalog import load_catalog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.aggregates.catalogs import OF_ITEMS, SCALARS, every_measure
from support.aggregates.installed import Installed, connect
from support.aggregates.oracle import Row
from support.aggregates.streams import ODD_DOCUMENTS, ODD_VALUES, START
from support.backends import BACKENDS, empty_dsn
from support.full import examples
from support.paths import EVENTS

SEVEN = load_catalog(EVENTS)


@pytest.fixture(params=BACKENDS)
def database(request):
    dsn = empty_dsn(request.param, request)
    with connect(dsn) as connection:
        yield connection, request.param


@pytest.mark.one_backend
def test_each_measure_over_each_odd_value(database):
    connection, backend = database
    installed = Installed.create(connection, every_measure(), backend)
    texts = [json.dumps(name) + ": " + value for name in SCALARS for value in ODD_VALUES]
    nested = [f'"The outer": {{"in.ner": {{"int": {value}}}}}' for value in ODD_VALUES]
    nested += [f'"The outer": {{"in.ner": {value}}}' for value in ODD_VALUES]
    items = [*ODD_VALUES, *(f"{{{json.dumps(name)}: {value}}}" for name in OF_ITEMS for value in ODD_VALUES)]
    lists = ["null", "7", '"[]"', "{}", *(f"[{', '.join(items[at : at + 20])}]" for at in range(0, len(items), 20))]
    nested += [f'"The outer": {{"li.st": {value}}}' for value in lists]
    documents = [*ODD_DOCUMENTS, *("{" + text + "}" for text in (*texts, *nested))]
    rows = [
        Row(START + timedelta(hours=7 * number), "e", document, event_id=uuid.UUID(int=number))
        for number, document in enumerate(documents)
    ]
    installed.insert(rows)
    installed.check(rows)
    installed.refresh(START + timedelta(days=400))
    installed.check(rows)
    for aggregate in installed.manifest["aggregates"]:
        for view in aggregate["views"]:
            connection.execute(f'select * from "{view["name"]}"')


JSON = st.recursive(
    st.sampled_from(ODD_VALUES), lambda inner: st.lists(inner, max_size=2).map(lambda items: f"[{', '.join(items)}]")
)
NAMES = sorted({field.name for event in SEVEN.events for field in event.fields})
DOCUMENTS = st.one_of(
    st.sampled_from(ODD_DOCUMENTS),
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6).map(
        lambda found: "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in found.items()) + "}"
    ),
)
ROWS = st.lists(
    st.builds(
        Row,
        timestamp=st.integers(0, 200).map(lambda hours: START + timedelta(hours=hours)),
        event_type=st.sampled_from([*(event.name for event in SEVEN.events), "unknown", "", "x" * 300]),
        data=DOCUMENTS,
        user_id=st.one_of(st.none(), st.just(uuid.UUID(int=1))),
        service=st.sampled_from(["", "a", "x" * 300]),
        event_id=st.uuids(),
    ),
    max_size=20,
    unique_by=lambda row: row.event_id,
)


@pytest.mark.one_backend
def test_ragged_rows_in_the_seven(database):
    connection, backend = database
    installed = Installed.create(connection, SEVEN, backend)

    @settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(rows=ROWS)
    def run(rows):
        with connection.transaction(force_rollback=True):
            installed.insert(rows)
            installed.check(rows)
            if backend != "timescaledb":  # whose refresh refuses a transaction, and computes the same expressions
                installed.refresh(START + timedelta(days=20))
                installed.check(rows)

    run()
