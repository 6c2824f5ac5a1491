"""What a number of events a day needs: processors, disk and a backend, from measured constants.

The model is linear, and says so: what one event costs to write, to keep, and to compute once for one aggregate was
measured on one machine up to fifty million rows (docs/howto/scale.md has the sources). Everything beyond is
extrapolated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from adi_analytics.migrate.files.manifest import Aggregate, Manifest

_DAY: Final = 86_400
MEASURED_ROWS: Final = 50_000_000
"""So many rows a database had at most when the constants were measured."""
WORKER_RATE: Final = 45_000
"""Events a second that one worker process delivers: half of what was measured on two processors with the server."""
_GIGABYTE: Final = 10**9
_CHUNK_BYTES: Final = 4 * _GIGABYTE
"""A chunk of this size, and its indexes, stays in the memory of a usual server."""
_SPARE_CORES: Final = 0.5
_SPARE_DISK: Final = 0.7
"""How much of a server the plan fills: the rest is for readers, merges, and days that are not like others."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What one event costs on a backend.

    Attributes:
        write: Microseconds of a processor of the server, in batches of thousands.
        aggregate: Microseconds to compute it once for one aggregate, with what is kept beside it.
        people: The same for members, retention or a funnel.
        fresh: Bytes on disk with indexes, before compression.
        old: The same, after compression where the backend has it.
        whole_window: Whether a refresh computes its whole window, and not only buckets that changed.
    """

    write: float
    aggregate: float
    people: float
    fresh: float
    old: float
    whole_window: bool


COSTS: Final = {
    "postgres": Costs(6.2, 1.2, 7, 438, 438, whole_window=True),
    "timescaledb": Costs(6.1, 1.7, 7, 438, 56, whole_window=False),
    "clickhouse": Costs(2.9, 0.2, 1.5, 34, 34, whole_window=False),
}


@dataclass(frozen=True, slots=True)
class Need:
    """What a backend needs.

    Attributes:
        backend: Its name.
        write_cores: Processors that are busy with writing at the peak.
        refresh_cores: Processors that are busy with the aggregates, on average.
        disk_gb: Gigabytes of events that are kept, one copy, without what is stored of aggregates.
        servers: Servers of the given size that hold it; for PostgreSQL and TimescaleDB more than one is none.
        fits: Whether it holds.
    """

    backend: str
    write_cores: float
    refresh_cores: float
    disk_gb: float
    servers: int
    fits: bool


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a number of events a day needs.

    Attributes:
        events_per_second: On average over a day.
        peak_per_second: At the peak.
        kept: Events that are kept at once.
        days: How many days they are kept.
        workers: Processes with a worker that deliver the peak.
        needs: What each backend needs.
        recommended: The first backend that holds it.
        extrapolated: Whether more events are kept than were measured.
        advice: What to do, a sentence each.
    """

    events_per_second: float
    peak_per_second: float
    kept: float
    days: float
    workers: int
    needs: list[Need]
    recommended: str
    extrapolated: bool
    advice: list[str]


@dataclass(frozen=True, slots=True)
class Load:
    """What is planned for.

    Attributes:
        events_per_day: Events of a usual day.
        peak: The busiest second to the average one.
        days: How long events are kept.
        cores: Processors of one server.
        disk_gb: Its disk for the database, in gigabytes.
    """

    events_per_day: float
    peak: float
    days: float
    cores: float
    disk_gb: float

    @property
    def per_second(self) -> float:
        """Events a second on average."""
        return self.events_per_day / _DAY


def capacity(manifest: Manifest, load: Load) -> Capacity:
    """Return what *load* needs for the aggregates and the storage of *manifest*."""
    needs = [_need(name, manifest, load) for name in COSTS]
    fitting = next((need for need in needs if need.fits), needs[-1])
    kept = load.events_per_day * load.days
    peak = load.per_second * load.peak
    workers = max(1, math.ceil(peak / WORKER_RATE))
    return Capacity(
        load.per_second,
        peak,
        kept,
        load.days,
        workers,
        needs,
        fitting.backend,
        kept > MEASURED_ROWS,
        _advice(fitting, manifest, load, workers),
    )


def _need(name: str, manifest: Manifest, load: Load) -> Need:
    costs = COSTS[name]
    write = load.per_second * load.peak * costs.write / 1e6
    refresh = load.per_second * sum(_refreshing(aggregate, costs) for aggregate in manifest.aggregates) / 1e6
    fresh_days = load.days
    if costs.old < costs.fresh and manifest.storage.compress_after is not None:
        fresh_days = min(load.days, manifest.storage.compress_after / _DAY)
    kept = fresh_days * costs.fresh + (load.days - fresh_days) * costs.old
    disk = load.events_per_day * kept / _GIGABYTE
    servers = max(1, math.ceil((write + refresh) / (load.cores * _SPARE_CORES)),
                  math.ceil(disk / (load.disk_gb * _SPARE_DISK)))  # fmt: skip
    return Need(name, write, refresh, disk, servers, servers == 1 or name == "clickhouse")


def _refreshing(aggregate: Aggregate, costs: Costs) -> float:
    """Return the microseconds that an event costs in *aggregate* before its bucket is left alone."""
    every = aggregate.refresh.every
    times = max(1.0, aggregate.refresh.window / every) if costs.whole_window else 1 + aggregate.bucket.width / every / 2
    return times * (costs.aggregate if aggregate.answers is None else costs.people)


def _advice(need: Need, manifest: Manifest, load: Load, workers: int) -> list[str]:
    made = [f"Deliver with {workers} worker {'process' if workers == 1 else 'processes'} or more."]
    if need.backend == "timescaledb":
        hours = _CHUNK_BYTES / (load.events_per_day * COSTS["timescaledb"].fresh / 24)
        if hours * 3600 < manifest.storage.chunk_interval:
            made.append(f"Set storage.chunk_interval to {max(1, int(hours))} hours: a chunk should stay in memory.")
        if manifest.storage.compress_after is None:
            made.append("Set storage.compress_after: compressed events take a tenth.")
    if need.backend == "postgres" and need.refresh_cores > load.cores / 8:
        made.append("Make refresh.window shorter or refresh.every longer: each refresh computes its whole window.")
    if need.backend == "clickhouse":
        made.append("Set max_batch to 5000 or more, and let few processes write: an insert makes a file of each table.")
        if need.servers > 1:
            made.append(f"Take {need.servers} shards, each with a replica: the files of generated/clickhouse/cluster.")
        made.append("Put analytics-server in front of many small producers: it writes in large batches.")
    if load.per_second > 1000:  # noqa: PLR2004 - as docs/howto/scale.md says
        made.append("Read from a replica: dashboards then take nothing from writing.")
    return made
