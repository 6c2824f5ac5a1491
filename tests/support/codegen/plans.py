"""Four real tracking plans, written anew from their public sources."""

import json
import random
from typing import Any, Final

from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.model.catalog import Catalog
from adi_analytics_codegen.show.sample import sample

from support.paths import FIXTURES

PLANS: Final = {path.stem: path for path in sorted((FIXTURES / "plans").glob("*.yaml"))}


def plan(name: str) -> Catalog:
    """Return the catalog of a plan."""
    return load_catalog(PLANS[name])


def samples(catalog: Catalog, *, each: int = 6, seed: int = 11) -> list[dict[str, Any]]:
    """Return events of every kind, without what is null."""
    rng = random.Random(seed)
    made = (sample(catalog, event, rng) for _ in range(each) for event in catalog.events)
    return [{key: value for key, value in one.items() if value is not None} for one in made]


def as_lines(events: list[dict[str, Any]]) -> list[str]:
    return [json.dumps(event, ensure_ascii=False) for event in events]
