"""adi_analytics.embedded: a real server is started, killed, kept and found again."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import psycopg
import pytest
from adi_analytics.embedded import EmbeddedMissingError, EmbeddedServerError, attach_server, programs, start_server
from support.servers import TEST_SETTINGS, freeze, thaw

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change to another user")


def scalar(dsn, query):
    with psycopg.connect(dsn, autocommit=True) as connection:
        (value,) = connection.execute(query).fetchone() or (None,)
        return value


def run_python(program, *arguments, **options):
    command = [sys.executable, "-c", textwrap.dedent(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def directory():
    """A new directory that the server's user can reach.

    Pytest's own does not serve: each pytest that starts closes the parent of all of them for other users again.
    """
    with tempfile.TemporaryDirectory(prefix="adi-test-") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path


def test_temporary_server_leaves_nothing_behind():
    with start_server(settings=TEST_SETTINGS) as server:
        assert scalar(server.dsn, "show fsync") == "off"
        assert scalar(server.dsn_for("template1"), "select current_database()") == "template1"
        assert "ready to accept connections" in server.log
        directory, pid = server.directory, server.pid
    assert pid is not None
    assert not directory.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    server.stop()


def test_default_settings_are_durable_and_only_a_socket_is_open():
    with start_server() as server:
        assert scalar(server.dsn, "show fsync") == "on"
        assert scalar(server.dsn, "show listen_addresses") == ""
        assert server.port is None


def test_given_directory_keeps_its_data(directory):
    with (
        start_server(directory, settings=TEST_SETTINGS) as server,
        psycopg.connect(server.dsn, autocommit=True) as connection,
    ):
        connection.execute("create table kept as select 42 as answer")
    with start_server(directory, settings=TEST_SETTINGS) as server:
        assert scalar(server.dsn, "select answer from kept") == 42


def test_tcp_port_asks_for_the_password():
    with start_server(port=0, settings=TEST_SETTINGS) as server:
        assert f"@127.0.0.1:{server.port}/" in server.dsn
        assert scalar(server.dsn, "select 1") == 1
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://postgres@127.0.0.1:{server.port}/postgres", passfile="/dev/null")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
def test_comes_back_at_the_same_address_after_a_signal(own_server, number):
    with psycopg.connect(own_server.dsn, autocommit=True) as connection:
        connection.execute("create table kept as select 42 as answer")
    own_server.signal(number)
    assert own_server.wait_stopped()
    assert own_server.pid is None
    own_server.signal(number)
    own_server.restart()
    assert scalar(own_server.dsn, "select answer from kept") == 42


def test_restart_of_a_frozen_server(own_server):
    own_server.signal(signal.SIGSTOP)
    assert not own_server.wait_stopped(timeout=0.1)
    own_server.restart()
    assert scalar(own_server.dsn, "select 1") == 1


def test_freeze_and_thaw(own_server):
    with psycopg.connect(own_server.dsn, autocommit=True) as connection:
        frozen = freeze(own_server)
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            psycopg.connect(own_server.dsn, connect_timeout=2)
        thaw(frozen)
        assert connection.execute("select 1").fetchone() == (1,)


def test_second_start_is_refused(own_server):
    with pytest.raises(EmbeddedServerError, match="already running"):
        own_server.start()
    with pytest.raises(EmbeddedServerError, match="already running"):
        start_server(own_server.directory)


def test_directory_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(EmbeddedServerError, match="holds other files"):
        start_server(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_bad_setting_shows_the_log_and_leaves_nothing(monkeypatch):
    # Not in tmp_path, whose parents the server's user may not pass.
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr("tempfile.tempdir", folder)
        Path(folder).chmod(0o755)
        with pytest.raises(EmbeddedServerError, match="max_connections") as caught:
            start_server(settings={"max_connections": "many"})
        assert list(Path(folder).iterdir()) == []
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_missing_wheel_is_named(monkeypatch):
    monkeypatch.setattr("adi_analytics.embedded.programs._WHEELS", ("no_such_wheel",))
    with pytest.raises(EmbeddedMissingError, match=r"adi-analytics\[embedded\]"):
        start_server()


def test_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedServerError, match=r"embedded PostgreSQL in .*file"):
        start_server(tmp_path / "file")


def test_damaged_state_is_named(tmp_path):
    (tmp_path / "server.json").write_text("{")
    with pytest.raises(EmbeddedServerError, match=r"server\.json is damaged"):
        start_server(tmp_path)


def test_pid_file_left_by_a_crash_of_the_machine(directory):
    """Its pid may belong to another program by now, here to ourselves."""
    with start_server(directory, settings=TEST_SETTINGS) as server:
        pid_file = server.directory / "data" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        server.signal(signal.SIGKILL)
        assert server.wait_stopped()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with pytest.raises(EmbeddedServerError, match="no server is running here"):
        attach_server(directory)
    with start_server(directory, settings=TEST_SETTINGS) as server:
        assert scalar(server.dsn, "select 1") == 1


def test_interrupted_initialisation_is_begun_again(directory):
    start_server(directory, settings=TEST_SETTINGS).stop()
    (directory / "data").rename(directory / "data.new")
    (directory / "data.new" / "global" / "pg_control").unlink()
    with start_server(directory, settings=TEST_SETTINGS) as server:
        assert scalar(server.dsn, "select 1") == 1


def test_nothing_to_attach_to(tmp_path):
    with pytest.raises(EmbeddedServerError, match="no server is running here"):
        attach_server(tmp_path)


def test_long_directory_gets_a_short_socket(directory):
    with start_server(directory / ("long" * 25), settings=TEST_SETTINGS) as server:
        assert scalar(server.dsn, "select 1") == 1
        socket_dir = str(psycopg.conninfo.conninfo_to_dict(server.dsn)["host"])
        assert socket_dir.startswith("/tmp/")
    assert not Path(socket_dir).exists()


def test_kept_server_outlives_its_process_and_is_stopped_by_command():
    program = """
        from adi_analytics.embedded import start_server
        server = start_server(port=0)
        server.keep()
        print(server.directory, server.dsn)
    """
    started = run_python(program)
    assert started.returncode == 0, started.stderr
    assert started.stderr == ""
    directory, dsn = started.stdout.split()
    assert scalar(dsn, "select 1") == 1
    start = [sys.executable, "-m", "adi_analytics.embedded", "start", directory]
    assert subprocess.run(start, check=True, capture_output=True, text=True).stdout == f"{dsn}\n"  # it runs already
    server = attach_server(directory)
    assert server.dsn == dsn
    command = [sys.executable, "-m", "adi_analytics.embedded", "stop", directory]
    subprocess.run(command, check=True, timeout=60)
    assert server.pid is None
    assert (Path(directory) / "data" / "PG_VERSION").is_file()
    again = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
    assert again.returncode == 1
    assert again.stderr.startswith("error: embedded PostgreSQL in ")
    subprocess.run(["rm", "-rf", directory], check=True)


@pytest.mark.parametrize(("arguments", "code"), [((), 2), (("begin",), 2), (("--help",), 0), (("stop", "--help"), 0)])
def test_the_command_line_explains_itself(arguments, code):
    command = [sys.executable, "-m", "adi_analytics.embedded", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == code
    assert (done.stderr if code else done.stdout).startswith("usage: python -m adi_analytics.embedded ")


@pytest.mark.parametrize("end", ["sys.exit(3)", "os.kill(os.getpid(), signal.SIGKILL)", "os._exit(4)"])
def test_server_ends_with_its_process(end):
    program = f"""
        import os, signal, sys
        from adi_analytics.embedded import start_server
        server = start_server()
        print(server.directory, server.pid, flush=True)
        {end}
    """
    directory, pid = run_python(program).stdout.split()
    wait_until(lambda: not Path(directory).exists())
    assert not Path(f"/proc/{pid}/cmdline").exists() or "postgres" not in Path(f"/proc/{pid}/cmdline").read_text()


WRITES = "import os, sys, time\nfor n in range(25): os.makedirs(f'{sys.argv[1]}/late', exist_ok=True); time.sleep(0.1)"
"""What a program does that its killed parent has started: it goes on for a while in the folder that is removed."""


def test_nothing_is_left_by_what_the_killed_process_had_started():
    program = f"""
        import os, signal, subprocess, sys
        from adi_analytics.embedded import start_server
        server = start_server()
        subprocess.Popen([sys.executable, "-c", {WRITES!r}, str(server.directory)], stdout=subprocess.DEVNULL)
        print(server.directory, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    directory = Path(run_python(program).stdout.strip())
    time.sleep(3)  # until that program has ended
    wait_until(lambda: not directory.exists())


def test_forked_child_leaves_the_server_alone():
    program = """
        import os, sys
        from adi_analytics.embedded import start_server
        with start_server() as server:
            if os.fork() == 0:
                assert server.pid is not None
                sys.exit(0)
            os.wait()
            assert server.pid is not None, "the child has stopped it"
    """
    done = run_python(program)
    assert done.returncode == 0, done.stderr


@needs_root
def test_root_lends_an_unprivileged_user(own_server):
    status = Path(f"/proc/{own_server.pid}/status").read_text()
    assert "\nUid:\t65534\t" in status


@needs_root
def test_closed_parent_is_named(directory):
    closed = directory / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedServerError, match=f"may not pass {closed};.*chmod o\\+x"):
        start_server(closed / "server")
    assert not (closed / "server" / "data").exists()


@needs_root
def test_unknown_user_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("ADI_ANALYTICS_EMBEDDED_USER", "nobody-here")
    with pytest.raises(EmbeddedServerError, match=r"no user 'nobody-here'.*ADI_ANALYTICS_EMBEDDED_USER"):
        start_server(tmp_path / "server")


@needs_root
def test_programs_in_a_closed_place_are_copied(tmp_path, monkeypatch):
    """As in a checkout below /root: the server's user cannot reach the virtual environment."""
    found = programs.find_programs()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = found.parent.parent
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.is_dir():
            subprocess.run(["cp", "-r", str(source), str(closed)], check=True)
    monkeypatch.setattr(programs, "find_programs", lambda: closed / package.name / "pginstall" / "bin")
    with start_server(settings=TEST_SETTINGS) as server:
        assert server.bin_dir.is_relative_to(server.directory)
        assert scalar(server.dsn, "select 1") == 1


@needs_root
def test_works_for_a_normal_user():
    program = """
        import os, psycopg
        from adi_analytics.embedded import start_server
        os.setgroups([]); os.setgid(65534); os.setuid(65534)  # only now: the interpreter may lie below /root
        with start_server() as server:
            print(psycopg.connect(server.dsn).execute("select 1").fetchone()[0])
    """
    done = run_python(program)
    assert done.stdout == "1\n", done.stderr
