"""What differs on a partitioned table and so on its partitions is one finding, whose fix can be run."""

from __future__ import annotations

import pytest
from support.migrating import execute, run


@pytest.mark.parametrize(
    "change",
    [
        "alter table analytics_events add column note text",
        "alter table analytics_events alter column service drop not null",
        "alter table analytics_events alter column service set default 'x'",
        "alter table analytics_events drop column meta",
    ],
)
def test_a_change_of_the_table_is_told_once(migrated_dsn: str, change: str) -> None:
    execute(migrated_dsn, change)
    for _ in range(2):  # a column that is made again has no comment yet, which the second look tells
        findings = run("drift", "--database-url", migrated_dsn, "--format", "json").json["findings"]
        assert not [finding for finding in findings if "analytics_events_default" in finding["object"]]
        for finding in findings:
            execute(migrated_dsn, finding["fix"])
    assert run("drift", "--database-url", migrated_dsn, "--format", "json").json["findings"] == []


def test_a_change_of_one_partition_is_told(migrated_dsn: str) -> None:
    execute(migrated_dsn, "alter table analytics_events_default alter column service set default 'x'")
    (finding,) = run("drift", "--database-url", migrated_dsn, "--format", "json").json["findings"]
    assert "analytics_events_default" in finding["object"]
