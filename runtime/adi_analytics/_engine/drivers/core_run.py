"""One run of the worker's core, as both runners see it: an effect at a time, and what to do if the core fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from adi_analytics._engine.delivery.effects import Effect
    from adi_analytics._engine.delivery.loop import Core
    from adi_analytics._engine.drivers.target import Target
    from adi_analytics._engine.pipeline import Pipeline

CRASH_PAUSE: Final = 1.0  # seconds before a core that failed is started again
CRASHED: Final = "the worker failed and starts again; no event is lost"

Outcome: TypeAlias = tuple[Any, Exception | None]
"""The result of an effect, and the exception that it caused."""

NOTHING: Final[Outcome] = (None, None)


def new_core(pipeline: Pipeline, target: Target) -> Core:
    """Return a core that delivers to *target*."""
    # Late: what delivers takes half of the import time, and few processes deliver.
    from adi_analytics._engine.delivery.loop import Core

    return Core(pipeline.consumer, pipeline.unfinished, target.store())


class CoreRun:
    """Gives a runner the core's effects. The runner only performs them, and may be superseded while it does.

    Args:
        pipeline: The events.
        target: Where they go.
        owner: What the runner acquired the consumer's place with.
    """

    def __init__(self, pipeline: Pipeline, target: Target, owner: object) -> None:
        self._consumer = pipeline.consumer
        self._owner = owner
        self._steps = new_core(pipeline, target).run()
        self._outside = False

    def next(self, outcome: Outcome) -> Effect | None:
        """Return the effect after the one that had *outcome*, or ``None`` at the end.

        Raises:
            SupersededError: If another consumer has the events by now.
        """
        if self._outside:
            self._consumer.enter(self._owner)
            self._outside = False
        result, error = outcome
        try:
            effect = self._steps.send(result) if error is None else self._steps.throw(error)
        except StopIteration:
            return None
        self._consumer.leave()
        self._outside = True
        return effect
