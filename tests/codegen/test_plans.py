"""Real tracking plans: nothing to object to, valid samples, and numbers that Python counts alike."""

import json
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jsonschema_rs
import pytest
from adi_analytics import migrate
from adi_analytics_codegen.backends import render
from adi_analytics_codegen.backends.sql.manifest.document import manifest
from adi_analytics_codegen.check.catalog import load
from adi_analytics_codegen.check.lint import lint
from adi_analytics_codegen.model.catalog import OUTPUTS
from adi_analytics_codegen.model.kinds import MeasureKind
from support.aggregates.installed import Installed, connect
from support.aggregates.oracle import Row
from support.codegen.packages import package
from support.codegen.plans import PLANS, plan, samples
from support.codegen.projects import run_python
from support.paths import EXAMPLES
from support.runtime.workers import running


def test_they_have_what_real_plans_have():
    made = [plan(name) for name in PLANS]
    assert len(PLANS) == 4
    assert sum(len(catalog.events) for catalog in made) >= 80
    assert sum(len(catalog.aggregates) for catalog in made) >= 12
    assert all(catalog.outputs == OUTPUTS for catalog in made)


@pytest.mark.parametrize("name", PLANS)
def test_lint_has_nothing_to_object_to(name):
    assert lint(load(PLANS[name])) == []


@pytest.mark.parametrize("name", PLANS)
def test_their_samples_are_valid(name):
    catalog = plan(name)
    schema = json.loads(render(catalog, ["json_schema"])["json_schema/events.schema.json"])
    validator = jsonschema_rs.validator_for(schema)
    assert [one for one in samples(catalog) if not validator.is_valid(one)] == []


def migrated(catalog, dsn, folder):
    """Write the migration that *catalog* needs, and apply it."""
    files = render(catalog, ["sql"])
    (folder / "manifest.json").write_text(files["sql/manifest.json"], encoding="utf-8")
    migrate.new(migrations=folder / "migrations", manifest=folder / "manifest.json")
    options = migrate.Options(database_url=dsn, migrations=folder / "migrations")
    migrate.apply("all", options)
    return options


def test_an_aggregate_of_items_with_computed_values_changes_by_a_migration(postgres_dsn, tmp_path):
    old = plan("segment")
    sales = next(one for one in old.aggregates if one.each)
    others = tuple(one for one in old.aggregates if one is not sales)
    dearer = replace(next(one for one in sales.measures if one.terms), name="dearer", kind=MeasureKind.AVG)
    new = replace(sales, version=2, measures=(*sales.measures, dearer))
    migrated(replace(old, aggregates=(*others, sales)), postgres_dsn, tmp_path)
    options = migrated(replace(old, aggregates=(*others, new)), postgres_dsn, tmp_path)
    assert migrate.drift(options).findings == ()
    with connect(postgres_dsn) as connection:
        assert connection.execute(f"select dearer from {sales.name}").fetchall() == []


@pytest.mark.parametrize("name", PLANS)
def test_what_is_sent_is_counted_as_python_counts(name, postgres_dsn, tmp_path):
    catalog = plan(name)
    options = migrated(catalog, postgres_dsn, tmp_path)
    module = package(catalog)
    rng = random.Random(3)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    sent = samples(catalog, each=12)
    with running("thread", postgres_dsn, catalog=module.CATALOG, environment="test") as client:
        for event in sent:
            client.track(module.from_dict(event), timestamp=today - timedelta(hours=rng.randrange(1, 24 * 20)))
        assert client.flush(60).ok
    for imported in [one for one in sys.modules if one.partition(".")[0] == module.__name__]:
        del sys.modules[imported]
    with connect(postgres_dsn) as connection:
        columns = '"timestamp", event_type, data::text, user_id, service, event_id, meta::text'
        rows = [Row(*row) for row in connection.execute(f"select {columns} from {catalog.storage.table}").fetchall()]
        assert sorted(row.event_type for row in rows) == sorted(event["type"] for event in sent)
        installed = Installed(connection, catalog, "postgres", manifest(catalog))
        installed.check(rows)
        migrate.refresh(options=options)
        installed.check(rows)
        assert migrate.drift(options).findings == ()
        assert all(installed.read(aggregate) for aggregate in catalog.aggregates)
        installed.refresh(today)
        installed.check(rows)


RECEIVE = """
import receive, store_events
product = {"product_id": "P-1", "price": 19, "quantity": 1}
order = {"order_id": "o-1", "currency": "USD", "total": 19.5, "products": [product]}
message = {"event": "Order Completed", "anonymousId": "b-1", "userId": None, "properties": order}
print(receive.event_of(message))
try:
    receive.event_of(message | {"anonymousId": None})
except store_events.EventDecodeError as error:
    print(error)
"""


def test_the_example_takes_messages_of_segment():
    found = run_python(RECEIVE, EXAMPLES / "ecommerce", EXAMPLES / "ecommerce" / "generated" / "python").splitlines()
    assert found[0].startswith("OrderCompleted(user_id=None, anonymous_id='b-1', order_id='o-1', currency='USD'")
    rule = "At least one of userId and anonymousId must be present."
    assert found[1:] == [f"event Order Completed: Breaks the rule at_least_one_of: {rule}"]
