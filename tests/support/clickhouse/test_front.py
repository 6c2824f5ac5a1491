"""The front before chdb speaks as ClickHouse's HTTP interface does."""

from __future__ import annotations

import os
import struct
from urllib.parse import urlsplit

import httpx
import pytest

pytest.importorskip("chdb", reason="chdb has no wheel for this platform")

from support.clickhouse.databases import ClickhouseDatabases, ClickhouseError, ask


@pytest.fixture
def dsn(clickhouse_databases):
    with clickhouse_databases.empty() as found:
        yield found


def test_rows_of_any_bytes_are_stored_in_the_database_asked(dsn):
    ask(dsn, "create table t (a UInt64, b String) engine = MergeTree order by a")
    ask(dsn, "insert into t format RowBinary", struct.pack("<Q", 7) + b"\x03\xff\x00'")
    ask(dsn, "insert into t values (8, 'x;y')")
    assert ask(dsn, "select a, hex(b) from t order by a") == b"7\tFF0027\n8\t783B79\n"
    assert ask(dsn, "select a from t order by a", default_format="JSONEachRow") == b'{"a":7}\n{"a":8}\n'
    assert ask(dsn, "select a from t order by a format CSV") == b"7\n8\n"


@pytest.mark.parametrize(
    ("sent", "read"), [("it's; -- {", "it's; -- {"), ("a\\tb\\nc", "a\tb\nc"), ("\\\\", "\\"), ("", ""), ("é", "é")]
)
def test_parameters_are_values_of_the_query(dsn, sent, read):
    query = "select hex({x:String}), {n:UInt8} + 1"
    assert ask(dsn, query, param_x=sent, param_n="4") == read.encode().hex().upper().encode() + b"\t5\n"


def test_settings_hold_for_one_query(dsn):
    query = "select getSetting('max_block_size')"
    before = ask(dsn, query)
    assert ask(dsn, query, max_block_size="17") == b"17\n"
    with pytest.raises(ClickhouseError):
        ask(dsn, "select nosuch", max_block_size="17")
    assert ask(dsn, query) == before


@pytest.mark.parametrize(
    ("query", "code", "parameters"),
    [
        ("select nosuch", 47, {}),
        ("select * from nosuch", 60, {}),
        ("selec 1", 62, {}),
        ("select 1; select 2", 62, {}),
        ("select 1", 81, {"database": "nosuch"}),
        ("select 1", 115, {"nosuch": "1"}),
        ("select throwIf(1)", 395, {}),
    ],
)
def test_errors_have_the_code_of_the_server(dsn, query, code, parameters):
    with pytest.raises(ClickhouseError) as caught:
        ask(dsn, query, **parameters)
    assert caught.value.code == code
    assert ask(dsn, "select 1;") == b"1\n"


def test_query_that_needs_too_much_memory_ends_alone(dsn):
    with pytest.raises(ClickhouseError) as caught:
        ask(dsn, "select uniqExact(number) from numbers(10000000)", max_memory_usage="10000000")
    assert caught.value.code == 241
    assert ask(dsn, "select 1") == b"1\n"


def test_get_only_reads(dsn):
    base = urlsplit(dsn)._replace(path="/").geturl()
    assert httpx.get(base, params={"query": "select 1"}, trust_env=False).content == b"1\n"
    refused = httpx.get(base, params={"query": "create table default.t (a Int8) engine = Memory"}, trust_env=False)
    assert refused.headers["X-ClickHouse-Exception-Code"] == "164"
    assert httpx.get(f"{base}ping", trust_env=False).text == "Ok.\n"


@pytest.mark.skipif("ADI_ANALYTICS_TEST_CLICKHOUSE_DSN" in os.environ, reason="kills the engine: needs a child")
def test_child_that_died_is_started_again():
    databases = ClickhouseDatabases()
    try:
        with databases.empty() as dsn:
            databases.kill()
            with pytest.raises(httpx.TransportError):
                ask(dsn, "select 1")
        with databases.empty() as dsn:
            assert ask(dsn, "select 1") == b"1\n"
    finally:
        databases.close()
