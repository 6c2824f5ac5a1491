"""What importing the package and starting the commands brings along: only what they need."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "psycopg",
    "psycopg_binary",
    "msgspec",
    "rich",
    "asyncio",
    "uuid_utils",
    "adi_analytics_events",
    "yaml",
    "jinja2",
}
ROOMS = "adi_analytics.migrate."


def modules_after(code: str, cwd: Path) -> set[str]:
    program = f"import json, sys\n{code}\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-c", program]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd).stdout
    return set(json.loads(out.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["drift", "--help"], ["no-such-command"]], ids=" ".join
)
def test_the_parser_alone_imports_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    found = modules_after(f"from adi_analytics.migrate.cli.main import main\nmain({arguments!r})", tmp_path)
    assert not HEAVY & found
    own = {name for name in found if name.startswith("adi_analytics")} - {"adi_analytics._shared.version"}
    assert own == {
        "adi_analytics",
        "adi_analytics._shared",
        "adi_analytics._shared.catalog",
        "adi_analytics._shared.lazy",
        "adi_analytics._shared.project",
        "adi_analytics._shared.streams",
        "adi_analytics.errors",
        "adi_analytics.migrate",
        "adi_analytics.migrate.cli",
        "adi_analytics.migrate.cli.arguments",
        "adi_analytics.migrate.cli.main",
        "adi_analytics.migrate.cli.values",
        "adi_analytics.migrate.errors",
        "adi_analytics.migrate.options",
    }


def test_a_shell_that_starts_waits_for_the_parser_alone(tmp_path: Path) -> None:
    code = "from adi_analytics.migrate.cli.main import main\nmain(['completion', 'bash'])"
    assert not HEAVY & modules_after(code, tmp_path)


def test_drift_imports_neither_the_events_nor_what_other_commands_need(tmp_path: Path) -> None:
    code = "from adi_analytics.migrate.cli.main import main\nmain(['drift', '--database-url', 'postgresql://127.0.0.1:1/x'])"
    found = modules_after(code, tmp_path)
    assert ROOMS + "drift.drift" in found
    assert not {"rich", "uuid_utils", "adi_analytics_events"} & found
    rooms = {name.removeprefix(ROOMS).split(".")[0] for name in found if name.startswith(ROOMS)}
    assert not {"adopt", "doctor"} & rooms


def test_importing_the_package_imports_what_is_used(tmp_path: Path) -> None:
    assert not HEAVY & modules_after("import adi_analytics, adi_analytics.migrate", tmp_path)
    assert "psycopg" not in modules_after(
        "from adi_analytics import AnalyticsClient, AnalyticsWorker, events", tmp_path
    )
    found = modules_after("from adi_analytics.migrate import MigrateError, Options", tmp_path)
    assert not HEAVY & found


def test_the_migrator_without_libpq_says_what_to_install(tmp_path: Path) -> None:
    code = """
import os
os.environ["PSYCOPG_IMPL"] = "none"  # psycopg knows none of this name and fails as without libpq
from adi_analytics import AnalyticsError, LibpqMissingError, migrate
for name in ("apply", "doctor", "replay_dead_letters"):
    try:
        getattr(migrate, name)()
    except LibpqMissingError as error:
        assert isinstance(error, AnalyticsError) and "implementation" in error.reason and "[binary]" in str(error)
    else:
        raise AssertionError(name)
assert migrate.Options().retries == 10  # needs no libpq
"""
    assert "rich" not in modules_after(code, tmp_path)


@pytest.mark.parametrize("name", ["adi_analytics", "adi_analytics.migrate"])
def test_each_public_name_is_what_its_module_defines(name: str) -> None:
    package = importlib.import_module(name)
    assert list(package.__all__) == sorted(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    for public in package.__all__:
        value = getattr(package, public)
        module = getattr(value, "__module__", None)
        assert module is None or getattr(importlib.import_module(module), public, value) is value
    assert not hasattr(package, "nothing")


def test_public_functions_win_over_rooms_of_the_same_name(tmp_path: Path) -> None:
    code = """
from adi_analytics.migrate.drift import findings
from adi_analytics.migrate.anywhere import baseline
import adi_analytics.migrate.doctor
from adi_analytics import migrate
assert callable(migrate.drift) and callable(migrate.adopt) and callable(migrate.doctor)
assert findings.Finding is migrate.Finding and migrate.baseline is baseline
"""
    assert ROOMS + "adopt.adopt" in modules_after(code, tmp_path)


def test_the_version_is_that_of_the_installed_package() -> None:
    from importlib.metadata import version

    import adi_analytics

    assert adi_analytics.__version__ == version("adi-analytics")
