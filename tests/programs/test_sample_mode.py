"""`analytics-server sample`: started once, for a folder that holds an events.yaml and nothing else."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from adi_analytics.embedded import EmbeddedMissingError
from adi_analytics.server.cli.main import main
from adi_analytics.server.sample import prepare, workspace
from support.paths import ROOT
from support.serving import item, wait_for

PROGRAM = [sys.executable, "-m", "adi_analytics.server.cli.main", "sample"]
# None of these leads to a server: whoever asks one of them fails.
ELSEWHERE = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/real",
    "PLATFORM_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/real",
    "PGHOSTADDR": "127.0.0.1",
    "PGPORT": "1",
    "PGDATABASE": "real",
    "PGSERVICE": "real",
    "ADI_ANALYTICS_ENABLED": "false",
    "ADI_ANALYTICS_CATALOG": "adi_analytics_events",
}


class Shown(NamedTuple):
    process: subprocess.Popen[str]
    url: str
    folder: Path
    temporary: Path


@contextlib.contextmanager
def sample(folder, temporary, *arguments):
    environment = {**os.environ, **ELSEWHERE, "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        [*PROGRAM, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def temporary():
    """A folder whose path is short enough for a socket, and that a server's own user may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def shown(tmp_path, temporary):
    shutil.copy(ROOT / "examples" / "shop" / "events.yaml", tmp_path)
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://nobody@127.0.0.1:1/real\n")
    with sample(tmp_path, temporary, "--events", "1500", "--days", "12", "--seed", "3") as process:
        url = process.stdout.readline().strip()
        assert url, process.stderr.read()
        yield Shown(process, url, tmp_path, temporary)


def running(temporary):
    return [one for one in temporary.glob("*/data/postmaster.pid") if one.is_file()]


def said_by(capsys, *arguments):
    """Return what the command says that can't do its work."""
    assert main(["sample", *map(str, arguments)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


def test_it_shows_filled_panels_touches_nothing_and_leaves_nothing(shown):
    with httpx.Client(base_url=shown.url) as client:
        assert '<aside class="samples"' in client.get("/").text
        layout = client.get("/dashboard").json()
        assert layout["title"] == "Sample data: Shop"
        for panel in {one["path"] for section in layout["sections"] for one in section["panels"]}:
            answer = client.get(panel).json()
            assert answer["rows"], answer
        events = client.get("/events?days=14").json()
        assert events["unknown"] == events["dead_letters"] == []
        assert all(one["last_seen"] and not one["misfits"] for one in events["events"]), events
        assert sum(one["rows"] for one in events["events"]) > 1000
        assert client.post("/events/batch", json=[item()]).status_code == 403
    assert sorted(path.name for path in shown.folder.iterdir()) == [".env", "events.yaml"]
    assert len(running(shown.temporary)) == 1
    shown.process.send_signal(signal.SIGTERM)
    _, said = shown.process.communicate(timeout=60)
    assert shown.process.returncode == 0, said
    assert "Stopped." in said
    assert list(shown.temporary.iterdir()) == []


def test_a_killed_one_leaves_no_server(tmp_path, temporary):
    shutil.copy(ROOT / "examples" / "shop" / "events.yaml", tmp_path)
    with sample(tmp_path, temporary) as process:
        while "PostgreSQL is up" not in (line := process.stderr.readline()):
            assert line, "it ended"
        assert len(running(temporary)) == 1
        process.kill()
    wait_for(lambda: not list(temporary.iterdir()))


def test_it_says_what_it_lacks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert "no catalog was found" in said_by(capsys)
    assert "there is no such file or folder" in said_by(capsys, tmp_path / "none.yaml")
    assert "it is no project" in said_by(capsys, tmp_path)
    (tmp_path / "events.yaml").write_text("catalog: {}\n")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"port {port} is taken\n  -> Name another --port" in said_by(capsys, "--port", port)
    monkeypatch.setattr(prepare, "find_programs", missing_programs)
    assert "pip install 'adi-analytics[codegen,embedded,server]'" in said_by(capsys)
    monkeypatch.setattr(workspace, "find_spec", lambda name: None if name == "jinja2" else name)
    assert "analytics-codegen, which lacks jinja2" in said_by(capsys)


def missing_programs():
    raise EmbeddedMissingError


SPEAKS = """
import os
from adi_analytics.server.cli.sample import _say
read, write = os.pipe()
os.close(read)
os.dup2(write, 2)
_say("Stopped.")
"""


def test_it_ends_well_when_nobody_reads_any_more():
    assert subprocess.run([sys.executable, "-c", SPEAKS], check=False).returncode == 0


@pytest.mark.parametrize("arguments", [["--days", "0"], ["--events", "many"], ["--port", "70000"]], ids=" ".join)
def test_wrong_numbers_are_named(arguments, capsys):
    with pytest.raises(SystemExit):
        main(["sample", *arguments])
    assert "is not a whole number from " in capsys.readouterr().err


def test_it_knows_no_address_of_a_database(capsys):
    with pytest.raises(SystemExit):
        main(["sample", "--database-url", "postgresql://localhost/app"])
    assert "unrecognized arguments: --database-url" in capsys.readouterr().err
