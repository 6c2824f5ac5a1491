"""What the manifest promises to the migrator and to readers, shown without a server."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from adi_analytics.migrate.author import counts
from adi_analytics.migrate.files.manifest import decode
from adi_analytics_codegen.backends.sql import BACKENDS, render
from adi_analytics_codegen.backends.sql.dialects import DIALECTS
from adi_analytics_codegen.backends.sql.manifest.document import manifest, to_json
from adi_analytics_codegen.backends.sql.objects import object_names
from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.model.kinds import MeasureKind, Operator
from adi_analytics_codegen.model.questions.aggregates import Measure, Ratio, Refresh
from support.aggregates.catalogs import AT, every_measure
from support.paths import EVENTS

CATALOG = load_catalog(EVENTS)
MANIFEST = manifest(CATALOG)


def test_the_backends_are_those_of_the_dialects():
    assert tuple(DIALECTS) == BACKENDS


PUBLIC = {
    "analytics_daily_active_users": "day active_users weekly_active_users monthly_active_users total_events",
    "analytics_task_stats_daily": (
        "day created started completed failed cancelled avg_duration_ms p95_duration_ms success_rate"
    ),
    "analytics_api_latency_hourly": (
        "hour service endpoint method request_count avg_duration_ms p50_duration_ms p95_duration_ms p99_duration_ms"
        " error_4xx_count error_5xx_count"
    ),
    "analytics_integration_health_daily": "day provider connections disconnections uses errors unique_users",
    "analytics_auth_events_daily": (
        "day login_attempts successful_logins failed_logins code_verifications token_refreshes"
        " unique_users_authenticated"
    ),
    "analytics_cocoon_activity_daily": (
        "day registrations connections disconnections claims avg_session_duration_seconds unique_cocoons"
    ),
    "analytics_errors_hourly": "hour service error_type error_count affected_users sample_error_message",
}
"""The public columns of the seven, in order: readers of the original depend on them."""

COMMUNITY = (
    "timescaledb.continuous", "timescaledb.compress", "add_compression_policy", "add_retention_policy",
    "add_continuous_aggregate_policy", "refresh_continuous_aggregate", "compress_chunk", "add_job",
    "time_bucket_gapfill",
)  # fmt: skip


def task_stats(catalog=CATALOG):
    return next(entry for entry in catalog.aggregates if entry.name == "analytics_task_stats_daily")


def with_aggregate(aggregate):
    return replace(CATALOG, aggregates=tuple(aggregate if a.name == aggregate.name else a for a in CATALOG.aggregates))


def fingerprints(aggregate):
    """Return the fingerprint of *aggregate* and those of its relations."""
    described = next(a for a in manifest(with_aggregate(aggregate))["aggregates"] if a["name"] == aggregate.name)
    return described["fingerprint"], [relation["fingerprint"] for relation in described["relations"]]


def lists_of_statements(document):
    described = decode(to_json(document).encode())
    for backend in BACKENDS:
        storage = described.storage_ddl[backend]
        yield f"{backend} storage comments", described.comments
        yield f"{backend} storage create", storage.create
        yield f"{backend} storage policies", storage.policies
        for entry in described.aggregates:
            yield f"{backend} {entry.name} create", list(entry.stored(backend))
            yield f"{backend} {entry.name} views", [entry.public_view(view) for view in entry.views]
            yield f"{backend} {entry.name} comments", entry.comments
            yield f"{backend} {entry.name} policies", list(entry.policies(backend))


def test_the_public_columns_are_those_of_the_original():
    found = {a["name"]: " ".join(c["name"] for c in a["columns"]) for a in MANIFEST["aggregates"]}
    assert {name: found[name] for name in PUBLIC} == PUBLIC


@pytest.mark.parametrize("document", [MANIFEST, manifest(every_measure())], ids=["seven", "every_measure"])
def test_statements_are_single_and_their_steps_unique(document):
    for place, statements in lists_of_statements(document):
        steps = [statement.step for statement in statements]
        assert len(set(steps)) == len(steps), place
        for statement in statements:
            text = str(statement.sql)
            assert text == text.strip(), place
            assert not text.endswith(";"), place
            assert "\n\n" not in text, place


@pytest.mark.parametrize("catalog", [CATALOG, every_measure()], ids=["seven", "every_measure"])
def test_the_migrator_reads_the_statements_of_the_sql_files(catalog):
    files = render(catalog)
    described = decode(files["sql/manifest.json"].encode())
    for backend in BACKENDS:
        storage = described.storage_ddl[backend]
        assert blocks(files[f"sql/{backend}/events.sql"]) == written(
            [*storage.create, *storage.policies, *described.comments]
        )
        for entry in described.aggregates:
            views = [entry.public_view(view) for view in entry.views]
            made = [*entry.stored(backend), *counts.ddl(entry), *views, *entry.comments, *entry.policies(backend)]
            assert blocks(files[f"sql/{backend}/{entry.name}.sql"]) == written(made)


def blocks(text):
    return text.partition("\n\n")[2]


def written(statements):
    return "\n".join(f"-- {statement.step}\n{statement.sql};\n" for statement in statements)


def test_every_list_of_statements_holds_the_kinds_of_its_backend():
    kinds = {place: {type(made).__name__ for made in statements} for place, statements in lists_of_statements(MANIFEST)}
    assert kinds["postgres storage create"] == {"Table", "Index", "Call"}
    assert kinds["timescaledb storage policies"] == {"Compression", "Policy"}
    assert kinds["postgres analytics_errors_hourly create"] == {"Table", "Index", "Function", "View"}
    assert kinds["timescaledb analytics_errors_hourly create"] == {"ContinuousAggregate", "View"}
    assert kinds["timescaledb analytics_errors_hourly policies"] == {"Policy"}


@pytest.mark.parametrize("backend", ["postgres", "timescaledb_apache"])
def test_only_timescaledb_uses_the_community_edition(backend):
    text = "".join(text for path, text in render(CATALOG).items() if path.startswith(f"sql/{backend}/"))
    assert [name for name in COMMUNITY if name in text] == []
    assert ("create_hypertable" in text) == (backend == "timescaledb_apache")


def test_rendering_twice_gives_the_same_bytes():
    assert render(CATALOG) == render(load_catalog(EVENTS))


def test_the_manifest_is_canonical_json():
    text = render(CATALOG)["sql/manifest.json"]
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n"


def test_rows_count_as_late_when_the_next_refresh_would_miss_them():
    assert MANIFEST["late_after"] == timedelta(hours=3).total_seconds()  # half of the shortest window, 6 hours
    bare = replace(CATALOG, aggregates=(), members=(), retention=(), funnels=())
    assert manifest(bare)["late_after"] is None


@pytest.mark.parametrize(
    "edit",
    [
        {"description": "Other words"},
        {"owner": "somebody@adi.example"},
        {"refresh": Refresh(timedelta(hours=2), timedelta(days=5), timedelta(hours=1))},
    ],
)
def test_texts_and_policies_change_no_fingerprint(edit):
    assert fingerprints(replace(task_stats(), **edit)) == fingerprints(task_stats())


def test_an_enum_that_becomes_a_string_changes_no_fingerprint(tmp_path):
    def described(kind):
        path = tmp_path / "events.yaml"
        path.write_text(f"""\
catalog: {{format: 1, name: shop, owner: me}}
domains: {{web: The site}}
enums: {{state: {{values: {{new: , paid: }}}}}}
events:
  order: {{domain: web, description: An order., fields: {{state: {{{kind}, description: The state}}}}}}
aggregates:
  orders:
    description: Orders.
    from: [order]
    bucket: {{as: day, width: 1 day}}
    dimensions: {{state: state}}
    measures: {{paid: {{count: true, where: {{state: paid}}}}, last_state: {{last: state}}}}
    refresh: {{every: 1 hour, window: 3 days, lag: 1 hour}}
""")
        return manifest(load_catalog(path))["aggregates"]

    assert described("type: enum, enum: state") == described("type: string")


def test_a_derived_value_changes_the_views_and_no_relation():
    edited = replace(task_stats(), derived=(Ratio("success_rate", ("completed",), ("created",), AT),))
    whole, relations = fingerprints(edited)
    assert whole != fingerprints(task_stats())[0]
    assert relations == fingerprints(task_stats())[1]


def test_another_percentile_of_a_field_changes_the_main_relation_and_not_its_distribution():
    stats = task_stats()
    p95 = next(m for m in stats.measures if m.kind is MeasureKind.PERCENTILE)
    whole, (main, distribution) = fingerprints(
        replace(stats, measures=(*stats.measures, replace(p95, name="p50_duration_ms", quantile=0.5)))
    )
    before = fingerprints(stats)
    assert whole != before[0]
    assert main != before[1][0]
    assert distribution == before[1][1]


def _edited(stats, index, **edit):
    measures = list(stats.measures)
    measures[index] = replace(measures[index], **edit)
    return replace(stats, measures=tuple(measures))


def test_every_edit_that_changes_rows_changes_the_fingerprints():
    stats = task_stats()
    condition = stats.measures[0].where[0]
    edits = [
        replace(stats, sources=stats.sources[1:]),
        replace(stats, all_events=True),
        replace(stats, bucket_name="date"),
        replace(stats, bucket_width=timedelta(hours=12)),
        replace(stats, where=(replace(condition, op=Operator.NE),)),
        replace(stats, measures=stats.measures[::-1]),
        replace(stats, measures=(*stats.measures, Measure("all", MeasureKind.COUNT, AT))),
        _edited(stats, 0, where=()),
        _edited(stats, 0, where=(replace(condition, value="task_started"),)),
        _edited(stats, 5, kind=MeasureKind.MAX),
        _edited(stats, 6, quantile=0.9),
    ]
    found = [fingerprints(edit) for edit in [stats, *edits]]
    assert len({whole for whole, _ in found}) == len(found)
    assert len({main for _, (main, *_) in found}) == len(found)


def test_long_names_are_cut_to_what_postgresql_keeps_and_stay_apart():
    names = ["a" * 62 + end for end in "bc"]
    aggregates = tuple(replace(task_stats(), name=name) for name in names)
    made = manifest(replace(CATALOG, aggregates=aggregates))["aggregates"]
    objects = [
        relation[key]
        for aggregate in made
        for relation in aggregate["relations"]
        for key in ("name", "live", "rows_function")
    ]
    objects += [view["name"] for aggregate in made for view in aggregate["views"]]
    assert len(set(objects)) == len(objects)
    assert max(len(name.encode()) for name in objects) <= 63


def test_object_names_are_those_of_the_statements():
    names = {name for name, _ in object_names(CATALOG)}
    created = re.compile(r'create (?:or replace )?(?:table|view|materialized view) "([^"]+)"')
    for backend in BACKENDS:
        text = "".join(text for path, text in render(CATALOG).items() if path.startswith(f"sql/{backend}/"))
        found = set(created.findall(text))
        assert names - found <= ({"analytics_events_default"} if backend != "postgres" else set())
        assert found <= names


def test_object_names_show_two_aggregates_that_want_one_name():
    clash = replace(task_stats(), name="analytics_api_latency_hourly_distribution", measures=task_stats().measures[:1])
    catalog = replace(CATALOG, aggregates=(*CATALOG.aggregates, replace(clash, derived=())))
    owners = [owner for name, owner in object_names(catalog) if name == clash.name]
    assert owners == ["aggregates.analytics_api_latency_hourly", f"aggregates.{clash.name}"]
