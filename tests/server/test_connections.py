"""What a client may hold open: not too many connections, and none for nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys

import httpx
import pytest
from adi_analytics.server import Limits
from adi_analytics.server.cli.main import main
from adi_analytics.server.guard import Guard, guarded
from support.reading import answering
from support.serving import wait_for

AWAY = "postgresql://nobody@127.0.0.1:1/nothing"
LONG = 3600.0


@contextlib.contextmanager
def serving(limits=None, **guarding):
    """A service without a database, with limits; yields what opens a connection, and its URL."""
    http = guarded(Guard(**guarding))
    given = answering(database_url=AWAY, http=http, limits=limits or Limits())
    with given as client, contextlib.ExitStack() as opened:
        address = (client.base_url.host, client.base_url.port)

        def connect(sent: bytes = b"", **more: int) -> socket.socket:
            one = opened.enter_context(socket.socket())
            for name, value in more.items():
                one.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
            one.settimeout(60)
            one.connect(address)
            one.sendall(sent)
            return one

        yield connect, str(client.base_url)


def ask(path: str, **headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: own", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def ended(one: socket.socket) -> bool:
    """Whether the service closes the connection, sooner or later."""
    with contextlib.suppress(ConnectionError):
        while one.recv(2**16):
            pass
    return True


def send_for_ever(one: socket.socket) -> None:
    while True:
        one.send(b"x")


def test_one_connection_too_many_is_told_so_and_still_hears_of_health():
    with serving(connections=1, reserve=1, patience=LONG) as (connect, url):
        first = connect(ask("/aggregates"))
        assert b" 200 " in first.recv(100)
        for path, status in (("/aggregates", 503), ("/health", 200), ("/no/such/path", 404)):
            answer = httpx.get(url + path)
            assert (answer.status_code, answer.headers["connection"]) == (status, "close")
            if status == 503:
                assert answer.headers["retry-after"] == "1"
                assert answer.json()["type"] == "urn:adi-analytics:problem:too-many-connections"
                assert answer.headers["x-request-id"]
        second = connect(ask("/health")[:-2])
        assert ended(connect())  # beyond the reserve
        second.close()
        first.close()
        wait_for(lambda: httpx.get(f"{url}/aggregates").status_code == 200)


def test_who_keeps_a_connection_for_nothing_is_let_go():
    half_a_body = b"POST /events/batch HTTP/1.1\r\nHost: own\r\nContent-Length: 9\r\n\r\n["
    with serving(patience=0.2, limits=Limits(seconds=0.1)) as (connect, _):
        for sent in (b"", ask("/health")[:-2], half_a_body):
            assert ended(connect(sent)), sent
        reads_nothing = connect(ask("/openapi.json") * 50, SO_RCVBUF=4096)
        with pytest.raises(ConnectionError):
            send_for_ever(reads_nothing)  # that fails when the service has closed


def test_a_client_that_sends_in_small_pieces_gets_its_answer():
    with serving(patience=LONG) as (connect, _):
        one = connect()
        for byte in ask("/health", Connection="close"):
            one.sendall(bytes([byte]))
        assert one.recv(100).startswith(b"HTTP/1.1 200 ")


def test_wrong_limits_are_refused(capsys):
    assert main(["run", "--max-connections", "0", "--database-url", AWAY]) == 1
    assert "max_connections" in capsys.readouterr().err


FITTED = """
import resource, sys
from adi_analytics.errors import AnalyticsError
from adi_analytics.server.guard import Guard, fitted
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
try:
    found = fitted(Guard(connections=512, reserve=64), other=72)
except AnalyticsError as error:
    print(error)
else:
    print(found.connections, found.reserve, *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sockets are no files there")
@pytest.mark.parametrize(
    ("soft", "hard", "found"),
    [
        (1024, 1024, "512 64 1024 1024"),
        (256, 1024, "512 64 648 1024"),
        (256, 300, "164 64 300 300"),
        (100, 100, "14 14 100 100"),
        (74, 74, "1 1 74 74"),
        (64, 64, "option max_connections: expected more open files (ulimit -n), which are 64, and 72 are needed"),
    ],
)
def test_connections_fit_into_the_files_that_the_process_may_open(soft, hard, found):
    """Without room for one more, a process could not even refuse it, and would be told of it without end."""
    said = subprocess.run(
        [sys.executable, "-c", FITTED, str(soft), str(hard)], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == found


@pytest.mark.skipif(sys.platform == "win32", reason="sockets are no files there")
def test_more_clients_than_files_are_let_go(tmp_path):
    limited = f"ulimit -n 120; exec {sys.executable} -m adi_analytics.server.cli.main run --port 0 --without-tokens"
    program = ["bash", "-c", f"{limited} --catalog adi_analytics_events"]
    lines = tmp_path / "lines"
    with (
        lines.open("wb") as errors,
        subprocess.Popen(program, env=os.environ | {"DATABASE_URL": AWAY}, stderr=errors) as process,
    ):
        try:
            wait_for(lambda: "running on" in lines.read_text())
            port = int(lines.read_text().partition("127.0.0.1:")[2].split()[0])
            with contextlib.ExitStack() as opened:
                many = [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(150)]
                many[-1].settimeout(60)
                assert ended(many[-1])
        finally:
            process.kill()
    assert lines.read_text().count("out of system resource") < 100  # a line a second; asyncio has 2048 each time
