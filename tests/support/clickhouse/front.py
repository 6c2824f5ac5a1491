"""The HTTP interface of ClickHouse over chdb, the same engine as a library; run as a program, it prints its port.

chdb holds one session a process, and one query at a time. What a server has beside the engine is absent: users,
sessions (`session_id`), Keeper, replication, other machines.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from chdb import ChdbError
from chdb.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A query may not take the machine's memory: the kernel would end the whole process, and with it every database.
BASE_SETTINGS: Final = {"max_memory_usage": "1000000000", "max_threads": "2"}
_NO_SETTINGS: Final = {"query", "database", "default_format", "user", "password", "query_id", "wait_end_of_query"}
_CODE: Final = re.compile(r"Code: (\d+)\.")
_INSERT: Final = re.compile(r"(?is)\s*(insert\s.+?)\s+format\s+(\w+)\s*;?\s*")
_INLINE: Final = re.compile(r"(?is)\s*insert\s.+?\s(format\s+\w+|values)\b")
_READS: Final = re.compile(r"(?i)[\s(]*(select|with|show|describe|desc|explain|exists)\b")
_NOT_FOUND: Final = {"46", "47", "60", "81", "115"}  # an unknown function, identifier, table, database, setting
_BAD_REQUEST: Final = {"6", "27", "53", "62", "117"}  # what can't be read: text, input, types, syntax, data


class Engine:
    """One chdb session, for one query at a time, each with settings of its own."""

    def __init__(self, folder: str, settings: Mapping[str, str] = BASE_SETTINGS) -> None:
        """Open the session with its files in *folder*; each query has *settings*, and those that it brings."""
        self._lock = threading.Lock()
        self._session = Session(folder)
        self._base = settings
        self._set(settings)

    def answer(self, asked: Mapping[str, str], body: bytes, *, may_write: bool) -> bytes:
        """Return what a server answers to the parameters *asked* and *body*, or raise ChdbError."""
        if "session_id" in asked:
            raise ChdbError("Code: 48. DB::Exception: the test front has no sessions; drop session_id")
        settings = {name: value for name, value in asked.items() if _is_setting(name)}
        values = {name.removeprefix("param_"): value for name, value in asked.items() if name.startswith("param_")}
        with self._lock, self._having(settings):
            self._run(f"use {_quoted(asked.get('database', 'default'), '`')}")
            with _statement(asked.get("query", ""), body) as query:
                self._check(query, may_write=may_write)
                return self._run(query, asked.get("default_format", "TabSeparated"), values)

    def _check(self, query: str, *, may_write: bool) -> None:
        """Refuse what a server refuses and chdb takes: several statements, and a GET that writes."""
        if ";" in query.rstrip("; \n") and not _INLINE.match(query):
            self._run("select formatQuery({query:String})", params={"query": _escaped(query)})
        if not may_write and not _READS.match(query):
            raise ChdbError("Code: 164. DB::Exception: a GET only reads: send a POST. (READONLY)")

    @contextlib.contextmanager
    def _having(self, settings: Mapping[str, str]) -> Iterator[None]:
        done: list[str] = []
        try:
            for name, value in settings.items():
                self._set({name: value})
                done.append(name)
            yield
        finally:
            for name in done:
                self._run(f"set {name} = DEFAULT")
            self._set(self._base)

    def _set(self, settings: Mapping[str, str]) -> None:
        for name, value in settings.items():
            if not re.fullmatch(r"\w+", name):
                raise ChdbError(f"Code: 115. DB::Exception: Unknown setting '{name}'. (UNKNOWN_SETTING)")
            self._run(f"set {name} = {_quoted(value, chr(39))}")

    def _run(self, query: str, form: str = "TabSeparated", params: Mapping[str, str] | None = None) -> bytes:
        return bytes(self._session.query(query, form, params=dict(params or {})).bytes())


def _is_setting(name: str) -> bool:
    return name not in _NO_SETTINGS and not name.startswith("param_")


def _quoted(text: str, mark: str) -> str:
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark


def _escaped(text: str) -> str:
    """Return *text* as the value of a query parameter, which is read as a field of TabSeparated."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


@contextlib.contextmanager
def _statement(query: str, body: bytes) -> Iterator[str]:
    """Yield what the engine runs; rows for an INSERT come from a file, since they may be any bytes."""
    insert = _INSERT.fullmatch(query)
    if insert is None:
        yield (query + "\n" + body.decode()).strip()
        return
    with tempfile.NamedTemporaryFile() as rows:
        rows.write(body)
        rows.flush()
        # The name has no ending, so nothing is taken for compressed.
        yield f"{insert[1]} from infile '{rows.name}' format {insert[2]}"


class Handler(BaseHTTPRequestHandler):
    """Answers requests as the HTTP interface does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits for an acknowledgement, up to 40 ms
    engine: Engine

    def do_GET(self) -> None:
        """Answer a ping or a reading query."""
        if urlsplit(self.path).path == "/ping":
            self._send(200, b"Ok.\n")
        else:
            self._query(b"", may_write=False)

    def do_POST(self) -> None:
        """Answer any query."""
        self._query(self.rfile.read(int(self.headers.get("Content-Length", 0))), may_write=True)

    def _query(self, body: bytes, *, may_write: bool) -> None:
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        headers = (("database", "X-ClickHouse-Database"), ("default_format", "X-ClickHouse-Format"))
        asked = {name: self.headers[header] for name, header in headers if self.headers[header]} | asked
        try:
            found = self.engine.answer(asked, body, may_write=may_write)
        except (ChdbError, UnicodeDecodeError) as error:
            code = match[1] if (match := _CODE.search(str(error))) else "1002"
            status = 404 if code in _NOT_FOUND else 400 if code in _BAD_REQUEST else 500
            self._send(status, f"{error}\n".encode(), {"X-ClickHouse-Exception-Code": code})
        else:
            self._send(200, found)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


def main() -> None:
    """Serve a session in the folder of the first argument, until standard input ends; the second limits memory."""
    folder, *memory = sys.argv[1:]
    Handler.engine = Engine(folder, BASE_SETTINGS | ({"max_memory_usage": memory[0]} if memory else {}))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # chdb can hang while it ends; its files are thrown away


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    main()
