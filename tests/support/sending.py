"""The generated client in JavaScript, and a server that misbehaves before the real one."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import httpx

from support.codegen.typescript import compile_typescript, run_node
from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Step = str | tuple[int, dict[str, str]]
GENERATED: Final = ROOT / "generated" / "typescript"
# The types of a browser and of Node.js are left out: the client must compile without both.
_OPTIONS: Final = [
    *("--target", "es2020", "--lib", "es2020", "--module", "es2022", "--moduleResolution", "bundler"),
    *("--noUncheckedIndexedAccess", "--noPropertyAccessFromIndexSignature"),
]
_TRANSPILE: Final = """
const fs = require("fs"), ts = require("typescript");
const [source, target] = process.argv.slice(1);
const options = { compilerOptions: { module: ts.ModuleKind.ES2020, target: ts.ScriptTarget.ES2020 } };
fs.writeFileSync(target, ts.transpileModule(fs.readFileSync(source, "utf8"), options).outputText);
"""


def built(folder: Path, **sources: str) -> Path:
    """Compile our client in *folder*, with a file of each of *sources* beside it; return the folder of JavaScript."""
    for name in ("client", "events"):
        (folder / f"{name}.ts").write_text((GENERATED / f"{name}.ts").read_text(encoding="utf-8"), encoding="utf-8")
    for name, text in sources.items():
        (folder / f"{name}.ts").write_text(text, encoding="utf-8")
    out = folder / "js"
    complaints = compile_typescript(*sorted(folder.glob("*.ts")), into=out, options=_OPTIONS)
    assert complaints == "", complaints
    (out / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    return out


def transpiled(target: Path) -> Path:
    """Write our client to *target*, faster, without a look at its types; return *target*."""
    run_node(_TRANSPILE, GENERATED / "client.ts", target)
    return target


@dataclass
class Request:
    """A request that came."""

    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def events(self) -> list[Any]:
        """The items of its body."""
        unpacked = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        items: list[Any] = json.loads(unpacked)
        return items


@dataclass
class Between:
    """A server before the real one. It plays its script, and then hands on all that comes.

    Attributes:
        url: Where it is.
        script: What to do with the next requests: ``lose`` the answer, ``cut`` the connection, or answer with a status
            and headers.
        requests: What came, the oldest first.
    """

    url: str
    script: list[Step] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)


@contextlib.contextmanager
def between(real: str, *script: Step, port: int = 0) -> Iterator[Between]:
    """Run a `Between` before the service at *real*."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            here.requests.append(Request(time.monotonic(), "POST", self.path, headers, body))
            step = here.script.pop(0) if here.script else "hand on"
            if step == "cut":
                self.close_connection = True
            elif isinstance(step, tuple):
                self._answer(step[0], step[1], b"{}")
            else:
                passed = {name: value for name, value in headers.items() if name not in ("host", "content-length")}
                answer = httpx.post(real + self.path, content=body, headers=passed)
                if step == "lose":
                    self.close_connection = True
                else:
                    self._answer(answer.status_code, {}, answer.content)

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Handler, port) as url:
        here = Between(url, list(script))
        yield here


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[str]:
    """Run a server of *handler* in a thread; yield its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
