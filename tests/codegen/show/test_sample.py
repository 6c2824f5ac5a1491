"""Samples and the factory for tests."""

import json
import re
from random import Random

import adi_analytics_events as events
import jsonschema_rs
import pytest
from adi_analytics_codegen.backends.json_schema import JsonSchemas
from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.model.samples.regex import matching
from adi_analytics_codegen.show.sample import EventFactory, SampleError, sample
from support.codegen.projects import minimal
from support.paths import EVENTS

PATTERNS = [
    "^a$",
    "^[a-z]{3,5}$",
    "x+y*",
    "^(a|bc)?[^0-9]\\d\\w\\s.$",
    "^[A-Z]{2}-[0-9]{4}$",
    "^\\D\\W\\S$",
    "^a??b+?$",
    "b",
]


@pytest.fixture(scope="module")
def catalog():
    return load_catalog(EVENTS)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_strings_for_patterns(pattern):
    for seed in range(20):
        text = matching(pattern, Random(seed), 0, None)
        assert text is not None
        assert re.search(pattern, text)


def test_strings_for_patterns_with_lengths():
    assert len(matching("^[ab]*$", Random(1), 5, 8) or "") in range(5, 9)
    assert len(matching("b", Random(1), 30, 30) or "") == 30
    assert matching("^aaa$", Random(1), 4, 5) is None


def test_every_event_can_be_sampled(catalog):
    schemas = JsonSchemas(catalog)
    for event in catalog.events:
        validator = jsonschema_rs.validator_for(schemas.event(event))
        for seed in range(10):
            validator.validate(sample(catalog, event, Random(seed)))


def test_the_factory_makes_instances(catalog):
    factory = EventFactory(catalog, events.from_json, seed=1)
    event = factory.make("task_completed", duration_ms=1200)
    assert isinstance(event, events.TaskCompleted)
    assert event.duration_ms == 1200
    assert EventFactory(catalog, events.from_json, seed=1).make("task_completed", duration_ms=1200) == event
    assert factory.make("task_completed") != event


def test_the_factory_refuses_what_is_wrong(catalog):
    factory = EventFactory(catalog, events.from_json)
    with pytest.raises(KeyError, match="task_done"):
        factory.make("task_done")
    with pytest.raises(events.EventDecodeError, match="duration_ms"):
        factory.make("task_completed", duration_ms=-1)


@pytest.mark.parametrize(
    ("field", "allowed"),
    [
        ({"type": "int", "min": 3, "max": 3}, {3}),
        ({"type": "int", "max": -5}, range(-1005, -4)),
        ({"type": "float", "min": 0.1, "max": 0.1}, {0.1}),
        ({"type": "string", "min_length": 0, "max_length": 0}, {""}),
        ({"type": "list", "items": {"type": "int", "min": 1, "max": 1}, "min_items": 2, "max_items": 2}, [[1, 1]]),
    ],
)
def test_bounds_are_kept(project, field, allowed):
    project.write(minimal(events={"a": {"domain": "web", "description": "x", "fields": {"f": field}}}))
    catalog = load_catalog(project.catalog)
    for seed in range(20):
        assert sample(catalog, catalog.events[0], Random(seed))["f"] in allowed


def test_a_pattern_that_is_too_hard_is_an_error(project):
    field = {"type": "string", "pattern": "^(?=b)a$"}
    project.write(minimal(events={"a": {"domain": "web", "description": "x", "fields": {"f": field}}}))
    catalog = load_catalog(project.catalog)
    with pytest.raises(SampleError, match=re.escape("^(?=b)a$")):
        sample(catalog, catalog.events[0], Random(1))


def test_samples_are_json(catalog):
    for event in catalog.events:
        assert json.loads(json.dumps(sample(catalog, event, Random(1))))["type"] == event.name
