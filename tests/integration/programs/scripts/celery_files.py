"""The example's Celery application with a broker and a result store made of files, which need no server."""

from __future__ import annotations

from pathlib import Path

from celery_app import app

FOLDER = Path.cwd() / "broker"
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={
        "data_folder_in": str(FOLDER),
        "data_folder_out": str(FOLDER),
        "control_folder": str(FOLDER.with_name("control")),
    },
    result_backend=f"file://{FOLDER.with_name('results')}",
)
FOLDER.with_name("results").mkdir(exist_ok=True)
