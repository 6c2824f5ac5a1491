"""The spool on a host in trouble: what can't be read, removed or synced at the moment is neither lost nor forgotten."""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker
from adi_analytics._engine.spool.spool import Spool, SpoolFullError
from adi_analytics._shared.options import settings_from
from adi_analytics.testing import FailingSink
from support.runtime import QUICK, balanced, settled, task, tasks
from support.runtime.programs import run_program, wait_for

if TYPE_CHECKING:
    from pathlib import Path

SMALL: Any = {**QUICK, "spool": "overflow", "max_queue": 100, "batch_size": 10, "spool_segment_bytes": 4000}


def numbers(sink: FailingSink) -> list[int]:
    return sorted({row.data["duration_ms"] for row in sink.rows})


def test_a_host_out_of_descriptors_keeps_its_segments(tmp_path: Path) -> None:
    said, err = run_program(
        f"""
        import logging, resource
        logging.basicConfig(level="ERROR")
        from adi_analytics.testing import FailingSink
        sink = FailingSink()
        sink.go_down()
        options = dict(QUICK, spool="overflow", max_queue=100, batch_size=10, spool_segment_bytes=4000)
        options |= dict(flush_interval=3600, spool_dir={str(tmp_path)!r})
        client, config = AnalyticsClient.create(**options)
        AnalyticsWorker(config, sink=sink).start()
        for event in tasks(300):
            client.track(event)
            while client.stats().pending > 90:
                time.sleep(0.001)
        while client.stats().spooled < 200:
            time.sleep(0.001)
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        taken = []
        try:
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        sink.come_up()
        time.sleep(0.5)
        for descriptor in taken:
            os.close(descriptor)
        deadline = time.monotonic() + 30
        while client.stats().spooled and time.monotonic() < deadline:
            time.sleep(0.01)
        client.flush(10)
        say(books=books(client), rows=len({{row.event_id for row in sink.rows}}))
        """,
        "",
    )
    assert said == [{"books": [300, 300, 0, 0, 0], "rows": 300}]
    assert "the spool can't read a segment, which waits: Too many open files" in err


@pytest.mark.parametrize("call", ["unlink", "fsync"])
def test_a_spool_that_can_not_be_changed_any_more_still_delivers(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sink = FailingSink()
    sink.go_down()
    options: Any = {**SMALL, "spool_fsync_interval": 3600.0}
    client, config = AnalyticsClient.create(**options, spool_dir=str(tmp_path))
    with AnalyticsWorker(config, sink=sink):
        for event in tasks(300):
            client.track(event)
            settled(client, lambda stats: stats.pending <= 90)
        settled(client, lambda stats: stats.spooled >= 200)

        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        monkeypatch.setattr(os, call, refuse)
        sink.come_up()
        settled(client, lambda stats: stats.delivered == 300)
        assert balanced(client).dropped == 0
        assert client.close(5).ok
        monkeypatch.undo()
    assert numbers(sink) == list(range(300))
    assert "Read-only file system" in caplog.text
    assert "the worker failed" not in caplog.text


def test_a_batch_larger_than_the_spool_costs_no_segment(tmp_path: Path) -> None:
    sink = FailingSink()
    sink.go_down()
    options: Any = {
        **SMALL, "max_queue": 1000, "max_batch": 1000, "spool_max_bytes": 20_000, "spool_full": "drop_oldest",
    }  # fmt: skip
    client, config = AnalyticsClient.create(**options, spool_dir=str(tmp_path))
    worker = AnalyticsWorker(config, sink=sink)
    worker.start()
    client.track(task(0))
    assert worker.stop(0.1).spooled == 1
    for event in tasks(499, start=1):
        client.track(event)  # one batch of some 100 000 bytes
    worker.start()
    worker.stop(0.1)
    assert (balanced(client).spooled, balanced(client).dropped) == (1, 0)
    sink.come_up()
    worker.start()
    settled(client, lambda stats: stats.delivered == 500)
    client.close()


def test_events_of_a_dead_process_are_not_given_up_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = FailingSink()
    sink.go_down()
    options: Any = {**SMALL, "spool": "always", "spool_dir": str(tmp_path), "spool_full": "drop_oldest"}
    for start, count, cap in ((0, 50, 100_000), (50, 10, 12_000)):
        client, config = AnalyticsClient.create(**options, spool_max_bytes=cap)
        AnalyticsWorker(config, sink=sink).start()
        for event in tasks(count, start=start):
            client.track(event)
            settled(client, lambda stats: stats.pending == 0)
        client.close(0.1)
    lines = [record.getMessage() for record in caplog.records if "gave up events of processes" in record.getMessage()]
    assert lines
    assert balanced(client).dropped == 0


def fail_to_write(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let a file take a header, and fail with error *number* at anything longer."""

    def write(descriptor: int, data: bytes, original: Any = os.write) -> int:
        if len(data) > 100:
            raise OSError(number, os.strerror(number))
        written: int = original(descriptor, data)
        return written

    monkeypatch.setattr(os, "write", write)


@pytest.mark.parametrize("mode", ["overflow", "always"])
def test_a_disk_with_room_for_a_header_only_costs_neither_descriptors_nor_files(
    tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = FailingSink()
    sink.go_down()
    options: Any = {**SMALL, "spool": mode, "spool_dir": str(tmp_path), "retry_cap": 0.02, "shutdown_timeout": 0.2}
    client, config = AnalyticsClient.create(**options)
    fail_to_write(monkeypatch, errno.ENOSPC)
    with AnalyticsWorker(config, sink=sink):
        for event in tasks(90):
            client.track(event)
        before = settled(client, lambda stats: stats.retries >= 3).retries
        descriptors = psutil.Process().num_fds()
        settled(client, lambda stats: stats.retries >= before + 20)
        assert psutil.Process().num_fds() < descriptors + 10  # the attempt of this moment holds two
        assert len(list(tmp_path.glob("*.segment"))) <= 1  # the one of the attempt of this moment
        assert balanced(client).pending == 90
        monkeypatch.undo()
        sink.come_up()
        assert client.flush(30).ok
    client.close()
    assert numbers(sink) == list(range(90))


@pytest.mark.parametrize(
    ("number", "dropped"),
    [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EMFILE, False), (errno.EROFS, False), (errno.EIO, False)],
)
def test_only_a_full_disk_costs_the_oldest_segment(
    tmp_path: Path, number: int, dropped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = FailingSink()
    sink.go_down()
    options: Any = {**SMALL, "spool_full": "drop_oldest", "spool_dir": str(tmp_path), "shutdown_timeout": 0.2}
    client, config = AnalyticsClient.create(**options)
    with AnalyticsWorker(config, sink=sink):
        for event in tasks(300):
            client.track(event)
            settled(client, lambda stats: stats.pending <= 90)
        settled(client, lambda stats: stats.spooled >= 200)
        fail_to_write(monkeypatch, number)
        for event in tasks(100, start=300):
            client.track(event)
        before = balanced(client).retries
        stats = settled(client, lambda stats: stats.retries >= before + 5)
        assert ("spool_full" in stats.dropped_by_reason) is dropped
        monkeypatch.undo()
    client.close(0)


def test_a_lock_that_can_not_be_looked_at_costs_no_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from adi_analytics._engine.spool import process_lock

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(process_lock, "_is_at", fail)
    before = psutil.Process().num_fds()
    for _ in range(10):
        with pytest.raises(OSError, match="Input/output"):
            process_lock.ProcessLock.take(tmp_path / "a.lock")
    assert psutil.Process().num_fds() == before


def fill(spool: Spool) -> None:
    while True:
        spool.append([b"x"])


def test_the_cap_holds_for_what_surrounds_the_rows_too(tmp_path: Path) -> None:
    spool = Spool(settings_from({"spool": "always", "spool_dir": str(tmp_path), "spool_max_bytes": 1000}))
    with pytest.raises(SpoolFullError):
        fill(spool)
    assert 900 < sum(path.stat().st_size for path in tmp_path.glob("*.segment")) <= 1000
    spool.close()


def test_the_lock_of_a_process_that_left_no_segments_is_removed(tmp_path: Path) -> None:
    for name, age in (("old", 3600), ("young", 0)):
        lock = tmp_path / f"{name}.lock"
        lock.touch()
        moment = time.time() - age
        os.utime(lock, (moment, moment))
    client, config = AnalyticsClient.create(**SMALL, spool_dir=str(tmp_path))
    with AnalyticsWorker(config, sink=FailingSink()):
        wait_for(lambda: not (tmp_path / "old.lock").exists())
        assert (tmp_path / "young.lock").exists()
    client.close()


def test_a_part_of_a_dead_letter_is_taken_back(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes the kernel write a part of the line, as a disk does that gets full."""
    path = tmp_path / "letters.jsonl"
    run_program(
        f"""
        import json, resource
        from pathlib import Path
        from adi_analytics._engine.dead_letters.file import DeadLetterFile
        from adi_analytics._engine.rows.encode import Row
        from adi_analytics._engine.dead_letters.letter import DeadLetter
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        def letter(text):
            row = Row(
                timestamp="2026-01-01", event_type="task_completed", service="a", user_id=None, event_id="1",
                data={{"text": text}}, meta={{}},
            )
            return DeadLetter(row, "row_rejected", "m", None, "1")
        file = DeadLetterFile(Path({str(path)!r}))
        file.append(letter("a"))
        try:
            file.append(letter("x" * 30_000))
        except OSError:
            pass
        else:
            raise SystemExit("a part counts as written")
        file.append(letter("b"))
        assert len([json.loads(line) for line in Path({str(path)!r}).read_text().splitlines()]) == 2
        """,
        "",
    )
