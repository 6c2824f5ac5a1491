"""The bridge before the TimescaleDB WASM server: several clients, COPY, big messages, clients that leave."""

from __future__ import annotations

import concurrent.futures
import datetime as dt
import os
import socket
import struct
import threading

import psycopg
import pytest
from psycopg import errors

from support.wasm import WasmUnavailableError, start_wasm

pytestmark = pytest.mark.timescaledb


@pytest.fixture(scope="module")
def server():
    try:
        started = start_wasm()
    except WasmUnavailableError as error:
        if os.environ.get("ADI_ANALYTICS_REQUIRE_TIMESCALE") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))
    yield started
    started.close()


@pytest.fixture
def dsn(server):
    server.open("empty")
    return server.dsn


@pytest.fixture
def impatient(server):
    """Waiting clients get an error soon."""
    server.set_patience(0.2)
    yield
    server.set_patience(60)


@pytest.fixture
def connect(dsn):
    """Return a function that opens connections, in autocommit unless told otherwise."""
    opened = []

    def connect(**options):
        opened.append(psycopg.connect(dsn, **({"autocommit": True} | options)))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def value(connection, query, *parameters):
    return connection.execute(query, parameters or None).fetchone()[0]


def run_pipeline(connection, *queries):
    with connection.pipeline():
        for query in queries:
            connection.execute(query)


def copy_rows(connection, rows, *, binary=True):
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy t from stdin (format {'binary' if binary else 'text'})") as copy,
    ):
        if binary:
            copy.set_types(["int4", "text"])
        for row in rows:
            copy.write_row(row)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("autocommit", [True, False])
def test_copy_5000_rows(connect, autocommit, binary):
    connection = connect(autocommit=autocommit)
    connection.execute("create table t (number int, text text)")
    rows = [(number, f"row {number}") for number in range(5000)]
    copy_rows(connection, rows, binary=binary)
    copy_rows(connection, rows, binary=binary)
    assert value(connection, "select count(distinct number) from t") == 5000
    with connection.cursor() as cursor, cursor.copy("copy (select * from t order by number limit 2) to stdout") as copy:
        assert list(copy.rows()) == [("0", "row 0"), ("0", "row 0")]


def test_copy_into_nothing_fails_and_aborts_the_transaction(connect):
    connection = connect(autocommit=False)
    with pytest.raises(errors.UndefinedTable):
        copy_rows(connection, [(1, "one")])
    with pytest.raises(errors.InFailedSqlTransaction):
        copy_rows(connection, [(1, "one")])
    connection.rollback()
    assert value(connection, "select 1") == 1


@pytest.mark.parametrize("autocommit", [True, False])
def test_error_in_the_middle_of_copy_names_the_line(connect, autocommit):
    connection = connect(autocommit=autocommit)
    connection.execute("create table t (number int, text text check (text <> 'bad'))")
    connection.execute("insert into t values (0, 'before')")
    with pytest.raises(errors.CheckViolation) as caught:
        copy_rows(connection, [(number, "bad" if number == 70 else "good") for number in range(100)])
    assert "COPY t, line 71" in (caught.value.diag.context or "")
    connection.rollback()
    assert value(connect(), "select count(*) from t") == 1 if autocommit else True
    assert value(connection, "select 1") == 1


def test_client_gives_up_a_copy(connect):
    connection = connect()
    connection.execute("create table t (number int, text text)")

    def rows():
        yield 1, "one"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        copy_rows(connection, rows())
    assert value(connection, "select count(*) from t") == 0


def test_copy_by_the_extended_protocol(connect):
    connection = connect()
    connection.execute("create table t (number int, text text)")
    with connection.cursor() as cursor, cursor.copy("copy t from stdin where %s < 2", (1,)) as copy:
        copy.write_row((1, "one"))
    assert value(connection, "select count(*) from t") == 1


def test_copy_that_is_not_recognised_does_not_end_the_server(connect):
    connection = connect()
    wire = connection.pgconn
    wire.exec_(b"create table t (number int, text text); copy t from stdin")
    wire.put_copy_end()
    assert b"as a statement of its own" in wire.get_result().error_message
    assert wire.get_result() is None
    assert value(connection, "select 1") == 1


def test_two_clients_in_transactions_take_turns(connect):
    first, second = connect(autocommit=False), connect(autocommit=False)
    first.execute("create table counter as select 0 as n")
    first.commit()
    barrier = threading.Barrier(2)

    def count(connection):
        barrier.wait()
        for _ in range(50):
            n = value(connection, "select n from counter")
            connection.execute("update counter set n = %s", (n + 1,))
            connection.commit()

    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(count, (first, second)))
    assert value(connect(), "select n from counter") == 100


def test_rollback_of_one_client_leaves_the_other_alone(connect):
    first, second = connect(autocommit=False), connect(autocommit=False)
    first.execute("create table t (number int)")
    first.commit()
    first.execute("insert into t values (1)")
    first.rollback()
    second.execute("insert into t values (2)")
    second.commit()
    assert value(first, "select array_agg(number) from t") == [2]


def test_waiting_ends_with_a_helpful_error(connect, impatient):
    first, second = connect(autocommit=False), connect()
    first.execute("select 1")
    with pytest.raises(errors.LockNotAvailable) as caught:
        second.execute("select 2")
    assert "end the open transaction" in (caught.value.diag.message_hint or "")
    first.commit()
    assert value(second, "select 2") == 2


def test_waiting_pipeline_is_refused_as_a_whole(connect, impatient):
    first, second = connect(autocommit=False), connect()
    first.execute("select 1")
    with pytest.raises(errors.LockNotAvailable):
        run_pipeline(second, "select 2", "select 3")
    first.commit()
    assert value(second, "select 4") == 4


def test_disconnect_in_a_transaction_rolls_back(connect, dsn):
    connection = psycopg.connect(dsn)
    connection.execute("create table t (number int)")
    connection.commit()
    connection.execute("insert into t values (1)")
    other = connect()
    waiting = concurrent.futures.ThreadPoolExecutor(1)
    count = waiting.submit(value, other, "select count(*) from t")
    with socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
    assert count.result(timeout=50) == 0
    waiting.shutdown()
    connection.close()


def test_disconnect_in_a_copy_writes_nothing(connect, dsn):
    observer = connect()
    observer.execute("create table t (number int, text text)")
    connection = psycopg.connect(dsn)
    connection.pgconn.exec_(b"begin")
    connection.pgconn.exec_(b"copy t from stdin")
    connection.pgconn.put_copy_data(b"1\tone\n")
    connection.pgconn.finish()
    assert value(observer, "select count(*) from t") == 0


def test_messages_of_several_megabytes(connect):
    connection = connect()
    text = "ä" * 2_000_000
    assert value(connection, "select %s::text", text) == text
    assert value(connection, f"select length('{text}')") == 2_000_000
    connection.execute("create table t (number int, text text)")
    copy_rows(connection, [(number, text) for number in range(3)])
    assert value(connection, "select sum(octet_length(text)) from t") == 12_000_000


def test_cancel_of_a_waiting_statement(connect):
    first, second = connect(autocommit=False), connect()
    first.execute("select 1")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second.execute, "select 2")
        while not waiting.done():
            second.cancel_safe()
        with pytest.raises(errors.QueryCanceled):
            waiting.result()
    first.commit()
    assert value(second, "select 2") == 2


def test_cancel_of_an_idle_client_or_with_a_wrong_key_does_nothing(connect, dsn):
    connection = connect()
    connection.cancel_safe()
    port = connection.info.port
    with socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(struct.pack(">iiii", 16, 80877102, connection.info.backend_pid, 1))
        assert stranger.recv(1) == b""
    assert value(connection, "select 1") == 1


def test_prepared_statements_of_two_clients_do_not_collide(connect):
    first, second = connect(prepare_threshold=0), connect(prepare_threshold=0)
    for connection in (first, second, first, second):
        mine = "one" if connection is first else "two"
        assert value(connection, f"select '{mine}' || %s", "!") == f"{mine}!"
    first.execute("deallocate all", prepare=False)
    assert value(second, "select 'two' || %s", "!") == "two!"
    first.close()
    assert value(second, "select 'two' || %s", "!") == "two!"


def test_statement_deallocated_by_sql(connect):
    connection = connect()
    connection.execute("select %s::int", (1,), prepare=True)
    prepared = "select name from pg_prepared_statements"
    name = value(connection, prepared).partition("_")[2]
    connection.execute(f'deallocate "{name}"')
    assert connection.execute(prepared).fetchall() == []


def test_settings_belong_to_the_client(connect, dsn):
    first = connect(options="-c statement_timeout=5s --datestyle=ISO,\\ DMY", application_name="first")
    second = connect()
    first.execute("set timezone = 'Europe/Berlin'")
    second.execute("select set_config('timezone', 'America/Lima', false)")
    second.execute("create role reader")
    second.execute("set role reader")
    settings = "select concat_ws('|', current_setting('timezone'), current_setting('application_name'), current_user)"
    assert value(first, settings) == "Europe/Berlin|first|postgres"
    assert value(second, settings) == "America/Lima||reader"
    assert value(first, "show statement_timeout") == "5s"
    assert value(first, "show datestyle") == "ISO, DMY"
    assert value(connect(), settings) == "Asia/Kathmandu||postgres"


def test_user_of_the_connection_has_only_its_rights(connect):
    admin = connect()
    admin.execute(
        "create role writer login; create role nobody_logs_in; create table t (n int); grant insert on t to writer"
    )
    writer = connect(user="writer")
    writer.execute("insert into t values (1)")
    with pytest.raises(errors.InsufficientPrivilege):
        writer.execute("select * from t")
    assert value(admin, "select count(*) from t") == 1
    for user, problem in (("nobody_logs_in", "not permitted to log in"), ("stranger", "does not exist")):
        with pytest.raises(psycopg.OperationalError, match=problem):
            connect(user=user).execute("select 1")
    assert value(admin, "select 1") == 1


def test_unknown_database_is_refused(connect):
    with pytest.raises(psycopg.OperationalError, match='database "elsewhere" does not exist'):
        connect(dbname="elsewhere")


def test_pipeline_with_an_error_goes_on_behind_it(connect):
    connection = connect()
    with pytest.raises(errors.DivisionByZero):
        run_pipeline(connection, "select 1", "select 1 / 0")
    with connection.pipeline():
        cursors = [connection.execute("select %s::int", (number,)) for number in range(200)]
    assert [cursor.fetchone()[0] for cursor in cursors] == list(range(200))


def test_notices_reach_the_client_without_debug_noise(connect):
    connection = connect()
    notices = []
    connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    connection.execute("create table if not exists t (n int)")
    connection.execute("create table if not exists t (n int)")
    assert notices == ['relation "t" already exists, skipping']


def test_what_a_client_leaves_is_cleaned_up(connect):
    leaver = connect()
    leaver.execute("create temp table scratch (n int)")
    leaver.execute("select pg_advisory_lock(1)")
    leaver.execute("set timezone = 'Europe/Berlin'")
    leaver.close()
    connection = connect()
    assert value(connection, "select to_regclass('scratch')") is None
    assert value(connection, "select count(*) from pg_locks where locktype = 'advisory'") == 0
    assert value(connection, "show timezone") == "Asia/Kathmandu"


def test_reset_cuts_connections_and_forgets_everything(connect, server):
    connection = connect()
    connection.execute("create table t (n int); create role left_over")
    server.open("empty")
    with pytest.raises(errors.AdminShutdown):
        connection.execute("select 1")
    assert value(connect(), "select to_regclass('t')") is None
    assert value(connect(), "select count(*) from pg_roles where rolname = 'left_over'") == 0


def test_snapshot_is_restored(connect, server):
    connect().execute("create table kept as select 42 as answer")
    server.save("kept")
    connect().execute("drop table kept")
    server.open("kept")
    assert value(connect(), "select answer from kept") == 42
    with pytest.raises(AssertionError, match="no snapshot nowhere"):
        server.open("nowhere")


def test_snapshot_is_restored_many_times_whatever_happened(connect, server):
    """Tables, settings, files and libraries that a test brings are gone, and nothing of the snapshot is."""
    for turn in range(5):
        connection = connect()
        connection.execute("create table m (at timestamptz not null, text text)")
        connection.execute("select create_hypertable('m', 'at')")
        connection.execute(
            "insert into m select now() + g * interval '1 day', repeat('x', 9000) from generate_series(1, 99) g"
        )
        connection.execute("create index on m (at, text)" if turn == 3 else "vacuum full m")
        connection.execute("select set_config('my.setting', 'x', false)")
        if turn == 2:  # loads a library
            assert value(connection, "select to_tsvector('english', 'cats')::text") == "'cat':1"
        connection.execute("begin; drop table m; create table n as select generate_series(1, 100000)")
        server.open("empty")
        connection = connect()
        assert value(connection, "select count(*) from pg_class where relname in ('m', 'n')") == 0
        assert value(connection, "select current_setting('my.setting', true)") is None
        assert value(connection, "select count(*) from timescaledb_information.hypertables") == 0
        assert value(connection, "select count(*) from pg_extension where extname = 'timescaledb'") == 1


def test_server_that_crashed_comes_back(connect, server):
    connection = connect()
    connection.execute("create function crash(int) returns cstring language internal as 'textout'")
    with pytest.raises(errors.CrashShutdown):
        connection.execute("select crash(-16)")  # reads outside of the memory
    server.open("empty")
    assert value(connect(), "select 42") == 42


def test_hypertables_aggregates_policies_and_compression(connect):
    connection = connect()
    connection.execute("create table m (at timestamptz not null, n int)")
    connection.execute("select create_hypertable('m', 'at', chunk_time_interval => interval '1 day')")
    connection.execute("alter table m set (timescaledb.compress)")
    connection.execute("select add_retention_policy('m', interval '30 days')")
    connection.execute("""
        create materialized view daily with (timescaledb.continuous, timescaledb.materialized_only = false) as
        select time_bucket('1 day', at, 'UTC') as bucket, count(*) as n from m group by 1 with no data
    """)
    connection.execute("""
        select add_continuous_aggregate_policy('daily', start_offset => interval '3 days',
                                               end_offset => interval '1 hour', schedule_interval => interval '1 hour')
    """)
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    with connection.cursor() as cursor, cursor.copy("copy m from stdin") as copy:
        for hour in range(72):
            copy.write_row((start + dt.timedelta(hours=hour), hour))
    connection.execute("call refresh_continuous_aggregate('daily', null, null)")
    connection.execute("insert into m values ('2024-01-01 12:00Z', 1)")
    assert connection.execute("select array_agg(n order by bucket) from daily").fetchone() == ([24, 24, 24],)
    connection.execute("call refresh_continuous_aggregate('daily', null, null)")
    assert connection.execute("select array_agg(n order by bucket) from daily").fetchone() == ([25, 24, 24],)
    assert value(connection, "select count(compress_chunk(c)) from show_chunks('m') c") == 3
    assert value(connection, "select count(*) from m") == 73
    job = value(connection, "select job_id from timescaledb_information.jobs where proc_name = 'policy_retention'")
    connection.execute(f"call run_job({job})")
    assert value(connection, "select count(*) from m") == 0
