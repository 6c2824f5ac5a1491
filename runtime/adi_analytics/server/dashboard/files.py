"""The page and its files: read once, compressed once, and below a path that changes with their content."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    from starlette.requests import Request

PAGE: Final = "index.html"
_VERSION: Final = b"{version}"
_MODULES: Final = b"{modules}"
_PRELOAD: Final = '<link rel="modulepreload" href="dashboard/{{version}}/{}">'
"""All modules are fetched at once, not each when another was read that wants it."""
_MARKS: Final = {
    b"<html ": b"<html data-samples ",
    b"<title>": b"<title>Sample data: ",
    b"</head>": b'<link rel="stylesheet" href="dashboard/{version}/samples.css">\n</head>',
    b"<body>": b'<body>\n<aside class="samples" aria-label="Sample data"><strong>Sample data.</strong> '
    b"These numbers are made up from the catalog. Nothing here was measured.</aside>",
}
"""What is put into the page, and where, if its numbers are made up."""
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "md": "text/markdown; charset=utf-8",
}
_FOREVER: Final = "public, max-age=31536000, immutable"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
_SAFE: Final = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class File:
    """A file of the page."""

    body: bytes
    media: str

    @cached_property
    def tag(self) -> str:
        """The ``ETag`` of the plain file."""
        return hashlib.sha256(self.body).hexdigest()[:32]

    @cached_property
    def packed(self) -> bytes:
        """The file, compressed."""
        return gzip.compress(self.body, 9, mtime=0)

    def answer(self, request: Request, cache: str) -> Response:
        """Return the file, or 304 if the client has it; compressed if the client takes that."""
        packs = "gzip" in request.headers.get("accept-encoding", "")
        tag = f'"{self.tag}{"-gzip" if packs else ""}"'
        headers = {**_SAFE, "ETag": tag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if packs:
            headers["Content-Encoding"] = "gzip"
        return Response(self.packed if packs else self.body, headers=headers, media_type=self.media)


class Files:
    """The files that are in the wheel. :attr:`version` is made from the content of all of them.

    Args:
        samples: Whether the page says that its numbers are made up: in its own HTML, so that no script takes it away.
    """

    def __init__(self, *, samples: bool = False) -> None:
        found = {
            name: path.read_bytes()
            for name, path in _walk(resources.files("adi_analytics.server.dashboard") / "static")
        }
        made = hashlib.sha256()
        for name in sorted(found):
            made.update(b"%s\0%d\0%s" % (name.encode(), len(found[name]), found[name]))
        self.version = made.hexdigest()[:16]
        modules = "\n".join(_PRELOAD.format(name) for name in sorted(found) if name.endswith(".js"))
        if samples:
            found[PAGE] = _marked(found[PAGE])
        found[PAGE] = found[PAGE].replace(_MODULES, modules.encode()).replace(_VERSION, self.version.encode())
        self._files = {name: File(body, _TYPES[name.rpartition(".")[2]]) for name, body in found.items()}

    def page(self, request: Request) -> Response:
        """Return the page, which a browser asks for each time."""
        return self._files[PAGE].answer(request, "no-cache")

    def file(self, request: Request, version: str, name: str) -> Response | None:
        """Return the file called *name*; ``None`` if there is none. One of this *version* never changes."""
        found = self._files.get(name) if name != PAGE else None
        if found is None:
            return None
        return found.answer(request, _FOREVER if version == self.version else "no-cache")


def _marked(page: bytes) -> bytes:
    for place, mark in _MARKS.items():
        page = page.replace(place, mark, 1)
    return page


def _walk(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    for path in folder.iterdir():
        if path.is_dir():
            yield from _walk(path, f"{above}{path.name}/")
        elif path.name.rpartition(".")[2] in _TYPES:
            yield f"{above}{path.name}", path


@lru_cache
def files(*, samples: bool = False) -> Files:
    """Return the files, read once for each process."""
    return Files(samples=samples)
