"""The worker's thread."""

from __future__ import annotations

from typing import Any

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker
from adi_analytics._shared.options import Settings
from adi_analytics.testing import FailingSink
from support.runtime import QUICK
from support.runtime.samples import login


def test_a_second_worker_goes_on_counting() -> None:
    client, config = AnalyticsClient.create(**QUICK)
    for _ in range(2):
        with AnalyticsWorker(config, sink=FailingSink()):
            client.track(login())
            assert client.flush(10).ok
    assert client.stats().unhashed == 2


def test_a_worker_s_thread_does_not_end_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    from adi_analytics._engine.drivers.target import Target
    from adi_analytics._engine.drivers.thread_runner import ThreadRunner
    from adi_analytics._engine.pipeline import Pipeline

    def fail() -> Any:
        raise SystemExit(1)

    pipeline = Pipeline(Settings())
    runner = ThreadRunner(pipeline, Target(fail, fail, fail))
    assert runner.start()
    assert runner.join(10)
    assert not pipeline.consumer.running
    assert ["not planned" in record.message for record in caplog.records] == [True]
