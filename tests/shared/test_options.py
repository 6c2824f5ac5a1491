"""Options: defaults, environment, arguments; what is wrong is named."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_type_hints

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker, ConninfoInvalidError, ConninfoMissingError, OptionError
from adi_analytics._shared.options import Options, Settings, settings_from
from support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_none_counts_as_not_given_and_paths_as_text(tmp_path: Path) -> None:
    environ = {"ADI_ANALYTICS_HASH_KEY": "of the environment", "ADI_ANALYTICS_HOSTNAME": "h"}
    assert settings_from({"hash_key": None}, environ).hash_key == "of the environment"
    assert settings_from({"hash_key": None}, {}).hash_key == ""
    settings = settings_from({"spool_dir": tmp_path, "dead_letter_file": tmp_path / "letters"}, {})
    assert (settings.spool_dir, settings.dead_letter_file) == (str(tmp_path), str(tmp_path / "letters"))


def test_every_setting_is_an_option_and_documented() -> None:
    names = {field.name for field in fields(Settings)}
    assert names == Options.__annotations__.keys()
    documented = _documentation()
    assert {name for name in names if f"`{name}`" not in documented} == set()


def _documentation() -> str:

    return (ROOT / "docs" / "reference" / "runtime.md").read_text()


def test_types_agree() -> None:
    namespace: dict[str, Any] = {"EnrichedEvent": object}
    wider = {"hash_key": str | None} | dict.fromkeys(("spool_dir", "dead_letter_file"), str | os.PathLike[str])
    assert get_type_hints(Options, localns=namespace) == get_type_hints(Settings, localns=namespace) | wider


def test_an_argument_wins_over_the_environment_and_that_over_the_default() -> None:
    environ = {"ADI_ANALYTICS_BATCH_SIZE": "7", "ADI_ANALYTICS_SERVICE": "env"}
    settings = settings_from({"service": "argument"}, environ)
    assert (settings.service, settings.batch_size, settings.max_batch) == ("argument", 7, 5000)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("enabled", "off", False),
        ("strict", "TRUE", True),
        ("flush_interval", "2.5", 2.5),
        ("max_queue", "10", 10),
        ("when_full", "block", "block"),
        ("sample_rates", "a=0.5, b=1", {"a": 0.5, "b": 1.0}),
        ("before_send", "operator:not_", __import__("operator").not_),
    ],
)
def test_each_kind_of_option_is_read_from_the_environment(name: str, text: str, value: object) -> None:
    assert getattr(settings_from({}, {f"ADI_ANALYTICS_{name.upper()}": text}), name) == value


@pytest.mark.parametrize(
    ("options", "environ", "message"),
    [
        ({"batch_size": 0}, {}, "option batch_size: expected a number above 0"),
        ({"batchsize": 1}, {}, "option batchsize: expected one of batch_size, "),
        ({"when_full": "wait"}, {}, "option when_full: expected one of drop_newest, drop_oldest, block"),
        ({"sample_rates": {"a": 2}}, {}, "option sample_rates: expected shares from 0 to 1"),
        ({"before_send": 1}, {}, "option before_send: expected a function of one EnrichedEvent"),
        ({"batch_size": "many"}, {}, "option batch_size: expected a whole number"),
        ({"service": b"shop"}, {}, "option service: expected text"),
        ({"service": "a\ud800"}, {}, "option service: expected text that UTF-8 can hold"),
        ({"hash_key": "\ud800"}, {}, "option hash_key: expected text that UTF-8 can hold"),
        ({"hostname": "a\0"}, {}, "option hostname: expected text that UTF-8 can hold, without NUL"),
        (
            {},
            {"ADI_ANALYTICS_ENVIRONMENT": "\udcff"},
            "option ADI_ANALYTICS_ENVIRONMENT: expected text that UTF-8 can hold",
        ),
        ({"flush_interval": None}, {}, "option flush_interval: expected a number"),
        ({"strict": 1}, {}, "option strict: expected True or False"),
        ({"sample_rates": ["a"]}, {}, "option sample_rates: expected shares from 0 to 1 by event type"),
        ({"max_queue": True}, {}, "option max_queue: expected a whole number"),
        ({"statement_timeout": float("inf")}, {}, "option statement_timeout: expected a number above 0, at"),
        ({"flush_interval": float("nan")}, {}, "option flush_interval: expected a number above 0, at most 1000000"),
        ({"shutdown_timeout": 1e10}, {}, "option shutdown_timeout: expected a number from 0 to 1000000"),
        ({}, {"ADI_ANALYTICS_SPOOL_LINGER": "inf"}, "option ADI_ANALYTICS_SPOOL_LINGER: expected a number from 0 to"),
        ({"batch_size": 0}, {"ADI_ANALYTICS_BATCH_SIZE": "5"}, "option batch_size: expected a number above 0"),
        ({}, {"ADI_ANALYTICS_BATCH_SIZE": "many"}, "option ADI_ANALYTICS_BATCH_SIZE: expected a whole number"),
        ({}, {"ADI_ANALYTICS_ENABLED": "maybe"}, "option ADI_ANALYTICS_ENABLED: expected true or false"),
        ({}, {"ADI_ANALYTICS_BEFORE_SEND": "nowhere:f"}, "option ADI_ANALYTICS_BEFORE_SEND: expected module:function"),
        ({}, {"ADI_ANALYTICS_SAMPLE_RATES": "a"}, "option ADI_ANALYTICS_SAMPLE_RATES: expected event=share pairs"),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, Any], environ: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        settings_from(options, environ)
    assert str(caught.value).startswith(message)


def test_the_key_is_not_shown() -> None:
    assert "a key" not in repr(settings_from({"hash_key": "a key"}))


def test_errors_survive_pickling() -> None:
    import pickle

    error = OptionError("a", "b")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.option, copy.expected) == (str(error), "a", "b")


def test_the_database_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from adi_analytics._shared.conninfo import resolve_conninfo

    for name in ("DATABASE_URL", "PLATFORM_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    _, config = AnalyticsClient.create()
    with pytest.raises(ConninfoMissingError, match="set DATABASE_URL or PLATFORM_DATABASE_URL"):
        AnalyticsWorker(config)
    monkeypatch.setenv("PLATFORM_DATABASE_URL", "postgresql+asyncpg://platform/x")
    assert resolve_conninfo(None) == "postgresql://platform/x"
    monkeypatch.setenv("DATABASE_URL", "postgresql://first/x")
    assert resolve_conninfo(None) == "postgresql://first/x"
    assert resolve_conninfo("host=there") == "host=there"


def test_a_wrong_connection_string_is_refused_without_being_repeated() -> None:
    with pytest.raises(ConninfoInvalidError) as caught:
        AnalyticsClient.connect("postgresql://user:secret@[broken/x")
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_importing_the_package_is_light(tmp_path: Path) -> None:
    """What takes long to import (psycopg, and what only tools need) is not imported with the package."""
    import subprocess
    import sys

    code = "import sys, adi_analytics; print([name for name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    for heavy in ("psycopg", "rich", "pytest", "yaml", "jinja2", "opentelemetry", "prometheus_client"):
        assert f"'{heavy}'" not in out
