"""The example's Celery application with a broker and a result store made of files, which need no server."""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any

from celery_app import app
from kombu.transport import TRANSPORT_ALIASES, filesystem

FOLDER = Path.cwd() / "broker"


class Transport(filesystem.Transport):
    """Works with Celery's event loop, as Redis and RabbitMQ do.

    Without one, Celery (5.7) kills the processes that `--max-tasks-per-child` started when the worker stops.
    """

    implements = filesystem.Transport.implements.extend(asynchronous=True)
    polling_interval = None  # type: ignore[assignment]  # as in kombu's transports that need no polling

    def register_with_event_loop(self, _connection: Any, loop: Any) -> None:
        loop.call_repeatedly(0.02, self._deliver_waiting)

    def _deliver_waiting(self) -> None:
        assert self.cycle is not None
        try:
            while True:
                self.cycle.get(self._deliver)
        except queue.Empty:
            pass


TRANSPORT_ALIASES["files"] = f"{__name__}:Transport"
app.conf.update(
    broker_url="files://",
    broker_transport_options={
        "data_folder_in": str(FOLDER),
        "data_folder_out": str(FOLDER),
        "control_folder": str(FOLDER.with_name("control")),
    },
    result_backend=f"file://{FOLDER.with_name('results')}",
)
FOLDER.with_name("results").mkdir(exist_ok=True)
