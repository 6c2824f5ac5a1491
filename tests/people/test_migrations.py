"""Questions about people come, change and go by migrations, and keep what only they still know."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import Any

import pytest
from adi_analytics import migrate
from adi_analytics.migrate.errors import ForgottenMigrationError
from support.migrating import Document, Project, Target, connect, drop_raw, rows, shorten_retention, value

PEOPLE: dict[str, Any] = {
    "entities": {"$user_id": {"description": "People."}},
    "retention": {
        "comebacks": {
            "description": "Who comes back.",
            "start": "any",
            "return": "task_completed",
            "bucket": {"as": "day", "width": "1 day"},
            "periods": 3,
        }
    },
    "funnels": {
        "flow": {
            "description": "From a task to its end.",
            "within": "1 day",
            "bucket": {"as": "day", "width": "1 day"},
            "steps": {"made": "task_created", "done": {"event": "task_completed", "where": {"exit_code": 0}}},
        }
    },
}
VIEWS: tuple[str, ...] = (
    "analytics_members_daily",
    "analytics_members",
    "comebacks",
    "comebacks_lifecycle",
    "comebacks_mean",
)
VIEWS += ("flow", "flow_steps")


def asked(document: Document) -> None:
    document["catalog"]["format"] = 2
    document.update(PEOPLE)


def insert(dsn: str, days: int = 30) -> None:
    """Insert rows of five members on each day, whole days ago."""
    with connect(dsn) as connection:
        connection.execute(
            """
            insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)
            select (date_trunc('day', now() at time zone 'UTC') at time zone 'UTC')
                       - d * interval '24 hours' + u * interval '1 hour' + s * interval '5 minutes',
                   (array['task_created', 'task_completed'])[s], 's', md5((u + d / 4)::text)::uuid,
                   jsonb_build_object('exit_code', (u + d) %% 2), md5(format('%%s %%s %%s', d, u, s))::uuid
            from generate_series(1, %s) d, generate_series(1, 5) u, generate_series(1, 2) s
            """,
            [days],
        )


def answers(dsn: str) -> dict[str, list[Any]]:
    return {view: sorted(map(str, rows(dsn, f"select * from {view}"))) for view in VIEWS}


def differing(made: Project, target: Target) -> list[str]:
    """Return what drifts, apart from the retention that `kept` shortens."""
    found = migrate.drift(made.options(target.dsn)).findings
    return [str(one) for one in found if one.object != "row of analytics_meta.storage"]


@pytest.fixture
def kept(made: Project, target: Target) -> dict[str, list[Any]]:
    """What is answered by a database whose older events are gone."""
    made.edit(asked)
    made.new("people")
    target.apply(made)
    insert(target.dsn)
    migrate.refresh(options=made.options(target.dsn))
    before = answers(target.dsn)
    assert all(before.values())
    shorten_retention(target, 10)
    drop_raw(target, timedelta(days=10))
    assert answers(target.dsn) == before
    return before


def test_questions_are_added_to_a_database_with_rows(made: Project, target: Target) -> None:
    target.apply(made)
    insert(target.dsn)
    made.edit(asked)
    changes = made.new("people").changes
    assert changes == ("create analytics_members_daily", "create comebacks", "create flow")
    made.apply(target.dsn)
    before = answers(target.dsn)
    migrate.maintain(made.options(target.dsn), forced=True)
    migrate.refresh(options=made.options(target.dsn))
    assert answers(target.dsn) == before
    assert differing(made, target) == []


def set_in_flow(key: str, changed: Any, document: Document) -> None:
    document["funnels"]["flow"][key] = changed


def test_another_meaning_needs_another_version(made: Project) -> None:
    made.edit(asked)
    made.new("people")
    for key, changed in (("within", "2 days"), ("order", "any"), ("steps", {"a": "task_created", "b": "task_failed"})):
        before = (made.folder / "events.yaml").read_text()
        made.edit(functools.partial(set_in_flow, key, changed))
        with pytest.raises(ForgottenMigrationError, match="Set `version: 2` at flow"):
            made.new("changed")
        (made.folder / "events.yaml").write_text(before)
    made.edit(lambda document: document["retention"]["comebacks"].update(periods=5))
    assert made.new("more periods").changes == ("change the views of comebacks",)


def test_a_version_that_means_the_same_keeps_every_row(
    made: Project, target: Target, kept: dict[str, list[Any]]
) -> None:
    def again(document: Document) -> None:
        document["entities"]["$user_id"]["version"] = 2
        document["retention"]["comebacks"]["version"] = 2
        document["funnels"]["flow"]["version"] = 2

    made.edit(again)
    made.new("again")
    made.apply(target.dsn)
    assert answers(target.dsn) == kept
    migrate.refresh(options=made.options(target.dsn))
    assert answers(target.dsn) == kept
    assert differing(made, target) == []
    made.new(drop_retired=True)
    made.apply(target.dsn, allow_destructive=True)
    assert answers(target.dsn) == kept


def test_a_version_that_means_something_else_keeps_what_the_views_said(
    made: Project, target: Target, kept: dict[str, list[Any]]
) -> None:
    made.edit(lambda document: document["funnels"]["flow"].update(version=2, exclude=["task_failed"]))
    made.new("changed")
    made.apply(target.dsn)
    assert answers(target.dsn) == kept  # nothing was ever excluded: only the meaning differs
    assert differing(made, target) == []


def test_what_the_catalog_no_longer_has_goes(made: Project, target: Target, kept: dict[str, list[Any]]) -> None:
    def gone(document: Document) -> None:
        for section in PEOPLE:
            del document[section]

    made.edit(gone)
    made.new("no people")
    made.apply(target.dsn, allow_destructive=True)
    assert differing(made, target) == []
    left = "select count(*) from pg_class where relname ~ '^(flow|comebacks|analytics_members)'"
    assert value(target.dsn, left) == 0
