"""What one call costs in the caller's thread, while the library's worker is busy delivering."""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import statistics
import time
import urllib.request
from typing import TYPE_CHECKING, Any

from contenders import CONTENDERS, Target
from workload import endless_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TICK = 0.01  # seconds between bursts: what a service does that handles requests in between
WARM_UP = 2000
QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "p99.99": 0.9999}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--sink-port", type=int, required=True)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--rate", type=int, required=True, help="events per second")
    options = parser.parse_args()
    before = _sink_count(options.sink_port)
    contender = CONTENDERS[options.contender](Target(options.sink_port, options.dsn))
    source = endless_samples()
    _measure(contender.send, (contender.build(next(source)) for _ in range(WARM_UP)), options.rate)
    # Built one tick at a time, outside of the measurement, so that a library that changes what it gets is not confused.
    payloads = (contender.build(next(source)) for _ in range(options.samples))
    gc.collect()
    times = _measure(contender.send, payloads, options.rate)
    to_build = options.samples // 4  # of these only the median is told
    built = _measure(
        lambda sample: contender.send(contender.build(sample)), itertools.islice(source, to_build), options.rate
    )
    delivered = contender.close()
    if delivered is None:
        delivered = _sink_count(options.sink_port) - before
    sent = WARM_UP + options.samples + to_build
    result = {name: _quantile(times, share) for name, share in QUANTILES.items()}
    print(json.dumps({**result, "p50 with building": _quantile(built, 0.5), "sent": sent, "delivered": delivered}))


def _measure(send: Callable[[Any], object], payloads: Iterator[Any], rate: int) -> list[int]:
    """Return the nanoseconds of each call, less what the measurement itself takes."""
    per_tick = max(1, round(rate * TICK))
    clock = time.perf_counter_ns
    times: list[int] = []
    due = time.perf_counter()
    while burst := list(itertools.islice(payloads, per_tick)):
        for payload in burst:
            start = clock()
            send(payload)
            times.append(clock() - start)
        due += TICK
        time.sleep(max(0.0, due - time.perf_counter()))
    overhead = _overhead()
    return [max(0, duration - overhead) for duration in times]


def _overhead() -> int:
    clock = time.perf_counter_ns

    def nothing(_payload: object) -> None:
        pass

    times = []
    for _ in range(10_000):
        start = clock()
        nothing(None)
        times.append(clock() - start)
    return int(statistics.median(times))


def _quantile(times: list[int], share: float) -> int:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _sink_count(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/count") as answer:
        return int(answer.read())


if __name__ == "__main__":
    main()
