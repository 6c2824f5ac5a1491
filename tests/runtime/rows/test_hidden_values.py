"""Values that the catalog hides never leave the process."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import pytest
from adi_analytics import AnalyticsClient, events
from support.runtime import QUICK, balanced, running
from support.runtime.samples import EMAIL, login

if TYPE_CHECKING:
    from pathlib import Path

    from support.runtime import Database


STATE = "s3cret-state"


def oauth() -> events.OAuthFlowStarted:
    import uuid

    return events.OAuthFlowStarted(user_id=uuid.UUID(int=1), provider="github", state=STATE)


def everything_on(database: Database, spool: Path) -> bytes:
    """Return all that left the process."""
    rows = database.execute("select data::text from analytics_events")
    rows += database.execute("select payload from analytics_dead_letters")
    files = b"".join(path.read_bytes() for path in spool.iterdir())
    return "".join(row[0] for row in rows).encode() + files


def test_hash_and_drop_are_applied_before_anything_leaves(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    database.execute("alter table analytics_events add check (data ->> 'error' is distinct from 'refused')")
    with running("thread", database.dsn, hash_key="key", spool="always", spool_dir=str(tmp_path)) as client:
        client.track(login())
        client.track(oauth())
        client.track(events.AuthLoginAttempt(success="yes", email=EMAIL))  # type: ignore[arg-type]  # a dead letter
        client.track(events.AuthLoginAttempt(success=True, email=EMAIL, error="refused"))  # refused by the server
        assert client.flush(20).pending == 0
        assert balanced(client).dead_lettered == 2
        assert EMAIL.encode() not in everything_on(database, tmp_path)
    expected = hmac.new(b"key", EMAIL.encode(), hashlib.sha256).hexdigest()
    rows = database.execute("select data from analytics_events order by event_type")
    assert [row[0].get("email") for row in rows] == [expected, None]
    assert rows[1][0] == {"type": "oauth_flow_started", "user_id": str(oauth().user_id), "provider": "github"}
    assert STATE.encode() not in everything_on(database, tmp_path)
    assert EMAIL not in caplog.text


def test_without_a_key_nothing_is_stored_and_it_is_said_loudly(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with running("thread", database.dsn) as client:
        for _ in range(3):
            client.track(login())
        assert client.flush(10).ok
        assert client.stats().unhashed == 3
    assert database.execute("select distinct data from analytics_events") == [
        ({"type": "auth_login_attempt", "success": True},)
    ]
    said = [record for record in caplog.records if "ADI_ANALYTICS_HASH_KEY" in record.message]
    assert [(record.levelname, "email of auth_login_attempt" in record.message) for record in said] == [("ERROR", True)]


def test_a_spool_holds_no_plain_text(tmp_path: Path) -> None:
    client = AnalyticsClient.connect(
        "host=/nonexistent", **QUICK, spool="always", spool_dir=str(tmp_path), hash_key="k"
    )
    client.track(login())
    client.track(oauth())
    assert client.close(0.1).spooled == 2
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"auth_login_attempt" in content
    assert EMAIL.encode() not in content
    assert STATE.encode() not in content
