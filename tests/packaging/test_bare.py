"""`pip install adi-analytics` without extras, on a machine without libpq: everything says what to install."""

from __future__ import annotations

import pytest

# psycopg looks for no libpq but that of the extra [binary], so that the one this machine may have does not count.
NO_LIBPQ = {"PSYCOPG_IMPL": "binary"}
INSTALL = "pip install 'adi-analytics[binary]'"

CONNECT = "AnalyticsClient.connect('postgresql://localhost/app', catalog='adi_analytics_events')"
MIGRATE = "from adi_analytics.migrate import apply; apply()"
WORKER = "AnalyticsWorker(AnalyticsClient.create(catalog='adi_analytics_events')[1], 'postgresql://localhost/app')"


@pytest.mark.parametrize("arguments", [["all"], ["check"], ["doctor"]], ids=" ".join)
def test_the_migrator_names_both_missing_extras(bare, arguments):
    done = bare.run("analytics-migrate", *arguments, **NO_LIBPQ)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "analytics-migrate: psycopg finds no libpq, PostgreSQL's client library and the package rich is not installed\n"
        "  -> pip install 'adi-analytics[binary,cli]'\n"
    )


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["drift", "--help"]], ids=" ".join)
def test_the_migrator_explains_itself_without_extras(bare, arguments):
    done = bare.run("analytics-migrate", *arguments, **NO_LIBPQ)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(("analytics-migrate ", "usage: analytics-migrate "))


def test_the_migrator_names_only_the_extra_that_is_missing(installed):
    done = installed.run("analytics-migrate", "check", PSYCOPG_IMPL="c")
    assert done.returncode == 1
    assert done.stderr.endswith(f"\n  -> {INSTALL}\n")
    assert "rich" not in done.stderr


@pytest.mark.parametrize("made", [CONNECT, WORKER, MIGRATE])
def test_client_worker_and_migrator_raise_a_typed_error(bare, made):
    code = f"""
from adi_analytics import AnalyticsClient, AnalyticsError, AnalyticsWorker, LibpqMissingError
try:
    {made}
except LibpqMissingError as error:
    assert isinstance(error, (AnalyticsError, ImportError))
    print(error, error.reason, sep="\\n")
"""
    message, reason = bare.python(code, **NO_LIBPQ).splitlines()
    assert INSTALL in message
    assert "psycopg_binary" in reason


@pytest.mark.parametrize("arguments", [["run"], ["token", "list"]], ids=" ".join)
def test_the_service_names_the_extra_that_is_missing(bare, arguments):
    done = bare.run("analytics-server", *arguments, DATABASE_URL="clickhouse://127.0.0.1:1/app")
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'adi-analytics[" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_service_explains_itself_without_extras(bare):
    assert bare.run("analytics-server", "run", "--help").stdout.startswith("usage: analytics-server run ")


def test_a_clickhouse_needs_its_own_extra(bare):
    code = """
from adi_analytics import AnalyticsClient, AnalyticsError, ClickhouseExtraMissingError
try:
    AnalyticsClient.connect("clickhouse://ada:hunter2@localhost/app", catalog="adi_analytics_events")
except ClickhouseExtraMissingError as error:
    assert isinstance(error, (AnalyticsError, ImportError))
    print(error)
"""
    said = bare.python(code, **NO_LIBPQ)
    assert "pip install 'adi-analytics[clickhouse]'" in said
    assert "hunter2" not in said


def test_events_can_be_made_and_tracked_without_libpq(bare):
    """A process that only makes events, or whose client does nothing, needs no database."""
    code = """
import uuid
from adi_analytics import AnalyticsClient, events
event = events.ProjectDeleted(user_id=uuid.uuid4(), project_id=uuid.uuid4())
AnalyticsClient.noop().track(event)
client, _ = AnalyticsClient.create()
client.track(event)
print(client.stats().accepted)
"""
    assert bare.python(code, **NO_LIBPQ) == "1\n"


def test_the_generator_needs_no_libpq(bare):
    done = bare.run("analytics-codegen", "--help", **NO_LIBPQ)
    assert (done.returncode, done.stderr) == (0, "")
