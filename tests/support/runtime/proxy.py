"""A proxy between the worker and the server, to cut their connection at the worst moment."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict, make_conninfo

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_COMMIT = b"commit\0"  # the end of the message that asks for it
_READY = b"Z\x00\x00\x00\x05I"  # ReadyForQuery, idle: the transaction is committed


class Proxy:
    """Forwards connections; `cut_after_commit` makes it swallow the server's answers to the next COMMITs."""

    def __init__(self, dsn: str) -> None:
        self._server = conninfo_to_dict(dsn)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._cuts = 0
        self.cut = 0
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        address = {"host": "127.0.0.1", "port": self._listener.getsockname()[1], "gssencmode": "disable"}
        self.dsn = make_conninfo(dsn, **address)

    def cut_after_commit(self, times: int) -> None:
        """Cut the next *times* connections that commit, after the server did it and before the client is told."""
        self._cuts = times

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # shutdown() wakes accept() and recv(); close() alone does not.
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)

    def _spawn(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]  # arguments of either target
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = self._connect()
                self._sockets += [client, server]
                link = _Link(self, client, server)
                self._spawn(link.to_server)
                self._spawn(link.to_client)

    def _connect(self) -> socket.socket:
        host, port = str(self._server["host"]), int(self._server.get("port") or 5432)
        if host.startswith("/"):
            made = socket.socket(socket.AF_UNIX)
            made.connect(f"{host}/.s.PGSQL.{port}")
            return made
        return socket.create_connection((host, port))

    def claim_cut(self) -> bool:
        """Return whether this COMMIT is to be cut."""
        if self._cuts <= 0:
            return False
        self._cuts -= 1
        self.cut += 1
        return True


class _Link:
    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._cutting = False

    def to_server(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._client.recv(65536):
                if data.endswith(_COMMIT) and self._proxy.claim_cut():
                    self._cutting = True
                self._server.sendall(data)
        self._close()

    def to_client(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(65536):
                if self._cutting:
                    if _READY in data:
                        break
                    continue
                self._client.sendall(data)
        self._close()

    def _close(self) -> None:
        for each in (self._client, self._server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
