"""The counters are exact."""

from __future__ import annotations

import sys
import threading
from collections import deque
from typing import Any

import pytest
from adi_analytics._engine.queue.ledger import Counter, Evictor, Ledger


def test_counters_are_exact_under_many_threads() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        counter = Counter()
        items: deque[Any] = deque([(None, None, 0, None)] * (8 * 2000))
        evictor = Evictor(items)

        def work() -> None:
            for _ in range(2000):
                counter.add()
                evictor.evict()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert (counter.value, evictor.value, len(items)) == (16_000, 16_000, 0)
    with pytest.raises(IndexError):
        evictor.evict()
    assert evictor.value == 16_000


def test_a_batch_is_not_closed_before_every_event_has_an_outcome() -> None:
    ledger = Ledger([(None, None, 0, None)] * 3).settle("delivered", 2)
    with pytest.raises(AssertionError, match="a batch of 3 events has 2 outcomes"):
        ledger.finish()
    assert ledger.settle("dropped", 1, "shutdown").finish().finished == 3
