"""Random events that are valid, made from the catalog alone: for trying things out and for tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from adi_analytics_codegen.model.samples.values import SampleError, sample

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog

__all__ = ["EventFactory", "SampleError", "sample"]

Made = TypeVar("Made")


class EventFactory(Generic[Made]):
    """Makes random valid events of a catalog, as instances of its generated classes.

    Args:
        catalog: The catalog.
        decode: Makes an event from JSON: ``from_json`` of the generated package.
        seed: The same seed gives the same events.

    Example:
        >>> factory = EventFactory(load_catalog(Path("events.yaml")), adi_analytics_events.from_json)
        >>> factory.make("task_completed", duration_ms=1200)
        TaskCompleted(...)
    """

    def __init__(self, catalog: Catalog, decode: Callable[[bytes], Made], *, seed: int = 0) -> None:
        self._catalog = catalog
        self._decode = decode
        self._rng = Random(seed)  # noqa: S311 - samples need to be repeatable, not secret

    def make(self, event: str, **fields: Any) -> Made:
        """Return an *event* with the given *fields*, as JSON has them, and random others.

        Raises:
            KeyError: If the catalog has no such event.
            SampleError: If a field's pattern is too hard to make a string for.
        """
        found = self._catalog.event(event)
        if found is None:
            raise KeyError(event)
        return self._decode(json.dumps(sample(self._catalog, found, self._rng, fields) | fields).encode())
