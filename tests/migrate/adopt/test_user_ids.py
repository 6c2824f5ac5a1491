"""The column `user_id` as a text: adopted, told when it differs, and never changed under rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import migrate
from adi_analytics.migrate import UsageError
from support.migrating import Target, execute, project, rows, value

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """
create table analytics_events (id bigserial, timestamp timestamptz not null default now(), event_type text not null,
    service text not null default 'platform', user_id text, data jsonb not null default '{}',
    primary key (id, timestamp))
"""


def texts(document: dict[str, Any]) -> None:
    document["catalog"]["user_id"] = "string"
    for holder in (*document["groups"].values(), *document["events"].values()):
        if "user_id" in holder.get("fields", {}):
            holder["fields"]["user_id"]["type"] = "string"


def alone(document: dict[str, Any]) -> None:
    texts(document)
    for section in ("aggregates", "entities", "funnels", "retention"):
        document.pop(section, None)


@pytest.fixture
def target(postgres_dsn: str) -> Target:
    return Target("postgres", postgres_dsn)


def test_text_ids_of_a_predecessor_are_kept(target: Target, tmp_path: Path) -> None:
    made = project(tmp_path / "p", texts)
    execute(target.dsn, TABLE, "insert into analytics_events (event_type, user_id) values ('a', 'one'), ('a', null)")
    migrate.adopt(made.options(target.dsn))
    assert set(rows(target.dsn, "select user_id from analytics_events")) == {("one",), (None,)}
    assert migrate.drift(made.options(target.dsn)).findings == ()


def test_drift_tells_of_a_column_of_another_type(target: Target, tmp_path: Path) -> None:
    made = project(tmp_path / "p", alone)
    made.apply(target.dsn)
    assert migrate.drift(made.options(target.dsn)).findings == ()
    kind = "select atttypid::regtype::text from pg_attribute where attrelid = 'analytics_events'::regclass"
    assert value(target.dsn, f"{kind} and attname = 'user_id'") == "text"
    execute(target.dsn, "alter table analytics_events alter user_id type varchar(99)")
    found = migrate.drift(made.options(target.dsn)).findings
    assert any("user_id" in str(finding) for finding in found)


def test_a_migration_does_not_change_the_type(tmp_path: Path) -> None:
    made = project(tmp_path / "p")
    made.edit(texts)
    with pytest.raises(UsageError) as caught:
        made.new()
    assert "changed from uuid to string" in str(caught.value)
    assert "put `user_id: uuid` back" in str(caught.value)
