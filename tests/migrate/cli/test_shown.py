"""What commands show: tables on a terminal and in a file, and that something takes long."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
import threading

import pytest
from adi_analytics.migrate.cli.output import Output, Table, show
from adi_analytics.migrate.cli.progress_bar import Bar
from support.migrating import execute, rows, run
from support.paths import ROOT

OAUTH = {
    "event_type": "oauth_flow_started",
    "data": {"type": "oauth_flow_started", "provider": "github", "state": "s3cret"},
}
PROGRAM = "import sys; from adi_analytics.migrate.cli.main import main; sys.exit(main(sys.argv[1:]))"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(*command: str, columns: int, progress: bool = False) -> str:
    terminal = pytest.importorskip("support.terminal", reason="needs pseudo-terminals")
    shown: str = terminal.on_terminal([sys.executable, "-c", *command], columns=columns, progress=progress)
    return CONTROL.sub("", shown)


def test_a_table_in_a_file_has_one_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    wide = "x" * 5000
    show(Output({}, [Table(("id", "message"), [("1", wide), ("2", "two\nlines"), ("3", "[red]")])]), as_json=False)

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]

    assert lines == [["id", "message"], ["1", wide], ["2", "two", "lines"], ["3", "[red]"]]


def test_dead_letters_in_a_file_are_whole(migrated_dsn: str) -> None:
    message = " ".join(["why"] * 200)
    execute(
        migrated_dsn,
        'insert into analytics_dead_letters (event_id, "timestamp", event_type, service, reason, message,'
        " library_version, payload) values (gen_random_uuid(), now(), 'oauth_flow_started', 's', 'encoding',"
        f" '{message}', '1', '{json.dumps(OAUTH)}')",
    )

    ended = run("dead-letters", "--database-url", migrated_dsn)

    assert message in ended.out
    (event_id,) = rows(migrated_dsn, "select event_id::text from analytics_dead_letters")[0]
    assert event_id in ended.out
    (letter,) = run("dead-letters", "--database-url", migrated_dsn, "--format", "json").json["letters"]
    assert letter["event_id"] == event_id
    assert letter["payload"] is None
    asked = ("dead-letters", "--database-url", migrated_dsn, "--payload")
    assert '"provider": "github", "state": "(secret)"' in run(*asked).out
    (letter,) = run(*asked, "--format", "json").json["letters"]
    assert letter["payload"]["data"] == {"type": "oauth_flow_started", "provider": "github", "state": "(secret)"}


def test_status_is_readable_on_a_terminal_of_80_columns(migrated_dsn: str) -> None:
    shown = on_terminal(PROGRAM, "status", "--database-url", migrated_dsn, columns=80).splitlines()

    rows = [line.split() for line in shown if line.startswith("0")]
    names = sorted(path.name for path in ROOT.glob("migrations/0*"))
    assert [row[:2] for row in rows] == [[name, "applied"] for name in names]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d postgres", " ".join(row[2:])) for row in rows)
    assert max(map(len, shown)) <= 80


def test_a_narrow_terminal_continues_a_cell_below_and_cuts_nothing(migrated_dsn: str) -> None:
    shown = on_terminal(PROGRAM, "status", "--database-url", migrated_dsn, columns=50)

    assert "…" not in shown
    names = "".join(line[:10].strip() for line in shown.splitlines())
    assert "0002_post_create_analytics_aggregates"[:8] in names
    assert max(map(len, shown.splitlines())) <= 50


class Listening(io.StringIO):
    """Standard error; knows when it was told *words*."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words
        self.told = threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._words in self.getvalue():
            self.told.set()
        return written


@pytest.mark.parametrize("quiet", [False, True])
def test_a_long_silence_is_broken(*, quiet: bool) -> None:
    err = Listening("fill x: 3 of 9 (0 s)")
    with contextlib.redirect_stderr(err), Bar("backfill", quiet=quiet, patience=0.001).running() as bar:
        bar.step("refresh x")
        bar.advance("fill x", 3, 9)
        assert err.told.wait(30)

    lines = err.getvalue().splitlines()
    assert ("refresh x" in lines) is not quiet


def test_nothing_is_said_of_what_is_quick_or_at_rest() -> None:
    err = io.StringIO()
    with contextlib.redirect_stderr(err), Bar("drift").running() as bar:
        bar.advance("fill x", 1, 2)
    assert err.getvalue() == ""
    err = Listening("round 1\n")
    with contextlib.redirect_stderr(err), Bar("maintain", quiet=True, patience=1e-6).running() as bar:
        bar.rest("round 1")
        before = err.getvalue()
    assert err.getvalue() == before


def test_a_terminal_shows_what_takes_long_and_leaves_nothing_behind() -> None:
    program = """
import sys, time
from adi_analytics.migrate.cli.progress_bar import Bar
with Bar("drift", patience=0.001).running() as bar:
    bar.advance("fill x", 3, 9)
    while bar._progress is None:
        time.sleep(0.001)
    bar.advance("fill x", 4, 9)
    bar.step("refresh y")
    bar.advance("fill z", 1, 2)
print("end")
"""
    shown = on_terminal(program, columns=80, progress=True)

    assert "fill z" in shown
    assert "refresh y\n" in shown
    assert shown.endswith("end\n")
