"""Who may send: tokens with scopes, of which the database holds hashes, revoked within seconds."""

from __future__ import annotations

import asyncio
import json

import psycopg
import pytest
from adi_analytics.migrate import Options, apply
from adi_analytics.server import tokens
from adi_analytics.server.cli.main import main
from support.serving import PATH, item, wait_for


@pytest.fixture
def run(capsys, monkeypatch, migrated_dsn):
    monkeypatch.setenv("DATABASE_URL", migrated_dsn)

    def command(*arguments: str, code: int = 0) -> str:
        assert main(arguments) == code
        printed = capsys.readouterr()
        return str(printed.err if code else printed.out)

    return command


def statuses(serving, *offered: str | None, between=lambda: None, **options) -> list[int]:
    async def ask():
        found = []
        async with serving(without_tokens=False, **options) as client:
            for number, token in enumerate(offered):
                if number:
                    await asyncio.to_thread(between)
                headers = {} if token is None else {"Authorization": token}
                found.append((await client.post(PATH, json=[item()], headers=headers)).status_code)
        return found

    return asyncio.run(ask())


def test_only_a_valid_token_of_the_scope_may_send(serving, run):
    ingest = run("token", "create", "--name", "web", "--scope", "ingest").strip()
    read = run("token", "create", "--name", "boss", "--scope", "read").strip()
    other = ingest[:-43] + "A" * 43
    offered = [None, "", "Bearer", f"Basic {ingest}", "Bearer nonsense", f"Bearer {other}", f"Bearer {read}"]
    assert statuses(serving, *offered) == [401] * 6 + [403]
    assert statuses(serving, f"Bearer {ingest}", f"bearer  {ingest}") == [200, 200]


def test_a_revoked_token_is_refused_in_mid_stream(serving, run, monkeypatch):
    token = run("token", "create", "--name", "web", "--scope", "ingest").strip()
    (listed,) = json.loads(run("token", "list", "--format", "json"))
    assert (listed["name"], listed["scope"], listed["revoked_at"]) == ("web", "ingest", None)
    monkeypatch.setattr(tokens, "FRESH", 0.0)
    monkeypatch.setattr(tokens, "PATIENCE", 60.0)
    assert statuses(
        serving, f"Bearer {token}", f"Bearer {token}", between=lambda: main(["token", "revoke", listed["id"]])
    ) == [
        200,
        401,
    ]
    assert json.loads(run("token", "list", "--format", "json"))[0]["revoked_at"]
    assert "no valid token" in run("token", "revoke", listed["id"], code=1)
    assert listed["id"] in run("token", "list")


def test_requests_go_on_with_the_tokens_last_known_while_the_database_is_silent(
    serving, run, migrated_dsn, monkeypatch
):
    kept, revoked = (run("token", "create", "--name", "web", "--scope", "ingest").strip() for _ in range(2))
    monkeypatch.setattr(tokens, "FRESH", 0.0)
    lock = "lock table analytics_meta.tokens in access exclusive mode"

    async def steps():
        async with serving(without_tokens=False) as client:

            async def sent(token):
                headers = {"Authorization": f"Bearer {token}"}
                return (await client.post(PATH, json=[item()], headers=headers)).status_code

            assert [await sent(kept), await sent(revoked)] == [200, 200]
            monkeypatch.setattr(tokens, "PATIENCE", 0.0)
            with psycopg.connect(migrated_dsn) as holder:
                holder.execute(lock)
                tokens.revoke(holder, revoked.split("_")[2])
                assert [await sent(token) for token in (kept, kept, revoked)] == [200, 200, 200]
                await asyncio.to_thread(wait_for, lambda: waits(holder))  # the reload, beside the requests
            while await sent(revoked) != 401:
                pass
            assert await sent(kept) == 200
            monkeypatch.setattr(tokens, "OLDEST", 0.0)
            monkeypatch.setattr(tokens, "_LONGEST", 0.1)
            with psycopg.connect(migrated_dsn) as holder:
                holder.execute(lock)
                return await sent(kept)

    def waits(holder):
        query = "select count(*) from pg_locks where relation = 'analytics_meta.tokens'::regclass and not granted"
        return holder.execute(query).fetchone() == (1,)

    assert asyncio.run(steps()) == 503


def test_the_database_holds_no_secret(run, migrated_dsn):
    token = run("token", "create", "--name", "web", "--scope", "ingest").strip()
    with psycopg.connect(migrated_dsn) as connection:
        dump = str(connection.execute("select t::text from analytics_meta.tokens t").fetchall())
    assert token[-43:] not in dump
    assert token[-43:] not in run("token", "list", "--format", "json")


def test_a_writer_can_serve_and_make_no_tokens(serving, run, migrated_dsn):
    token = run("token", "create", "--name", "web", "--scope", "ingest").strip()
    role = "server_writer"
    with psycopg.connect(migrated_dsn, autocommit=True) as connection:
        connection.execute(f"drop role if exists {role}")
        connection.execute(f"create role {role} login")
    try:
        apply(options=Options(database_url=migrated_dsn, grant_writer=role))
        own = psycopg.conninfo.make_conninfo(migrated_dsn, user=role)
        assert statuses(serving, f"Bearer {token}", f"Bearer {token}", database_url=own) == [200, 200]
        assert "may not" in run("token", "create", "--name", "x", "--scope", "read", "--database-url", own, code=1)
    finally:
        with psycopg.connect(migrated_dsn, autocommit=True) as connection:
            connection.execute(f"drop owned by {role}")
            connection.execute(f"drop role {role}")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org", "10.0.0.1"])
def test_without_tokens_the_service_is_for_this_machine_alone(run, host):
    assert "loopback" in run("run", "--without-tokens", "--host", host, code=1) or "this machine alone" in run(
        "run", "--without-tokens", "--host", host, code=1
    )


def test_the_command_explains_itself(run, capsys, postgres_dsn):
    for arguments in (["--help"], ["run", "--help"], ["token", "create", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
    assert "analytics-migrate all" in run("token", "list", "--database-url", postgres_dsn, code=1)
    bad = "postgresql://me:pa55word@127.0.0.1:1/nothing"
    assert "pa55word" not in run("token", "list", "--database-url", bad, code=1)
