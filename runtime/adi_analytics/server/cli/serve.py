"""Runs the service under uvicorn, in this process or in several, with limits on what its clients may hold open."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from adi_analytics._shared.options import OptionError
from adi_analytics.errors import AnalyticsError
from adi_analytics.server import create_app
from adi_analytics.server.cli.workers import Workers
from adi_analytics.server.guard import fitted, guarded
from adi_analytics.server.logs import configure
from adi_analytics.server.metrics import SHARED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from socket import socket

    from starlette.applications import Starlette

    from adi_analytics.server import ServerOptions
    from adi_analytics.server.cli.workers import Pulse
    from adi_analytics.server.guard import Guard

logger = logging.getLogger("adi_analytics.server")

_FILES: Final = 64
"""Files that the process has open beside connections: libraries, the spool, metrics, the loop, and some to spare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How to serve.

    Attributes:
        options: What the service is told.
        guard: What its clients may hold open, in each process.
        host: The address to listen at.
        port: The port to listen at; 0 for a free one.
        workers: How many processes serve. Defaults to 1: this one.
        log_format: The form of the log lines of workers. Defaults to text.
    """

    options: ServerOptions
    guard: Guard
    host: str
    port: int
    workers: int = 1
    log_format: Literal["text", "json"] = "text"

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise OptionError("workers", "a whole number above 0")
        if self.workers > 1 and sys.platform == "win32":
            raise OptionError("workers", "1 on Windows, where processes can't share the socket")


def serve(serving: Serving) -> bool:
    """Serve until a signal ends it, and return whether it could start.

    Raises:
        AnalyticsError: As for `create_app`.
    """
    other = _FILES + serving.options.connections + serving.options.read_connections
    serving = replace(serving, guard=fitted(serving.guard, other))  # workers have the limit of this process
    if serving.workers == 1:
        server = uvicorn.Server(_config(serving, create_app(serving.options)))
        server.run()
        return server.started
    with _shared_metrics():
        app = create_app(serving.options)  # what is wrong is said here, and not by each worker
        with _config(serving, app).bind_socket() as listening:
            return Workers(serving.workers, partial(_work, serving, listening)).run()


def _config(serving: Serving, app: Starlette) -> uvicorn.Config:
    # The service has lines of its own for requests, without addresses and queries.
    return uvicorn.Config(
        app, host=serving.host, port=serving.port, http=guarded(serving.guard), ws="none", access_log=False,
        server_header=False, lifespan="on", log_config=None,
    )  # fmt: skip


class _Server(uvicorn.Server):
    """A server that shows by a pulse that its loop turns."""

    def __init__(self, config: uvicorn.Config, pulse: Pulse) -> None:
        super().__init__(config)
        self._pulse = pulse

    async def on_tick(self, counter: int) -> bool:
        """Do what uvicorn does ten times a second."""
        self._pulse.value += 1
        return await super().on_tick(counter)


def _work(serving: Serving, listening: socket, pulse: Pulse) -> None:
    configure(serving.log_format)
    try:
        app = create_app(serving.options)
    except AnalyticsError as error:
        logger.error("%s", error)  # noqa: TRY400 - it says all that there is
        sys.exit(STARTUP_FAILURE)
    _Server(_config(serving, app), pulse).run([listening])


@contextlib.contextmanager
def _shared_metrics() -> Iterator[None]:
    """Let the workers count together, in files of a folder, unless there is one already."""
    if SHARED in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="adi-analytics-metrics-") as folder:
        os.environ[SHARED] = folder
        try:
            yield
        finally:
            del os.environ[SHARED]
