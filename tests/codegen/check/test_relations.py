"""Names that two things of a catalog want: the quick look at the names misses nothing that the plans show."""

import pytest
from adi_analytics_codegen.backends.sql.relations.plan import plan
from adi_analytics_codegen.check import relations
from adi_analytics_codegen.load.loader import resolve
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.codegen.projects import minimal
from support.paths import EVENTS, ROOT

_AGGREGATE = {
    "description": "Pages by day.",
    "from": ["page_view"],
    "bucket": {"as": "day", "width": "1 day"},
    "measures": {"views": {"count": True}, "slow": {"percentile": {"of": "took", "p": 0.9}}},
    "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
}
_PAGE_VIEW = {
    "domain": "web",
    "description": "A page was shown.",
    "fields": {"took": {"type": "int", "description": "How long it took."}},
}
_WORDS = ("a", "web", "events", "v1", "v2", "live", "distribution", "dead", "letters", "default", "p20260101", "idx")
_NAMES = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=4).map("_".join).filter(lambda name: name[0] != "v")


@settings(max_examples=60, deadline=None)
@example(table="web", names=["a", "a_distribution"])
@example(table="web_events", names=["web_dead_letters"])
@given(table=_NAMES, names=st.lists(_NAMES, min_size=1, max_size=4, unique=True))
def test_the_quick_look_misses_no_name(tmp_path_factory, table, names):
    text = minimal(
        events={"page_view": _PAGE_VIEW},
        aggregates=dict.fromkeys(names, _AGGREGATE),
        storage={"table": table},
    )
    file = tmp_path_factory.getbasetemp() / "names.yaml"
    file.write_text(text, encoding="utf-8")
    catalog = resolve(file).draft
    assert catalog is not None
    taken = list(relations._taken(catalog))
    assert not taken or relations._may_be_taken(catalog)


def test_most_catalogs_need_no_plans():
    catalog = resolve(EVENTS).draft
    assert catalog is not None
    assert not relations._may_be_taken(catalog)


def test_what_is_surely_small_has_few_columns():
    for file in (EVENTS, *ROOT.glob("examples/*/events.yaml")):
        catalog = resolve(file).draft
        assert catalog is not None
        for aggregate in catalog.aggregates:
            things = len(aggregate.measures) + len(aggregate.dimensions)
            assert len(plan(catalog, aggregate).main.columns) < 7 * things
    assert relations._HEADER + 7 * relations._SURELY_SMALL * relations._POINTER < relations._MOST_BYTES


def test_the_tables_of_clickhouse_are_taken_where_it_is_wanted(tmp_path):
    found = {}
    for outputs in (["sql"], ["sql", "clickhouse"]):
        text = minimal(
            catalog={"format": 2, "name": "web", "outputs": outputs},
            events={"page_view": _PAGE_VIEW},
            aggregates=dict.fromkeys(["web_events_local", "analytics_meta_new"], _AGGREGATE),
            storage={"table": "web_events"},
        )
        file = tmp_path / "events.yaml"
        file.write_text(text, encoding="utf-8")
        draft = resolve(file).draft
        assert draft is not None
        found[len(outputs)] = {(finding.subject, finding.rule) for finding in relations.relation_findings(draft)}
    assert found[2] - found[1] == {
        ("aggregates.web_events_local", "name-taken"),
        ("aggregates.analytics_meta_new", "name-taken"),
    }


@pytest.mark.parametrize(("outputs", "rules"), [(["sql"], set()), (["sql", "clickhouse"], {"name-taken"})])
def test_no_table_has_the_name_of_one_of_clickhouse(tmp_path, outputs, rules):
    text = minimal(
        catalog={"format": 2, "name": "web", "outputs": outputs},
        events={"page_view": _PAGE_VIEW},
        storage={"table": "analytics_meta_events"},
    )
    file = tmp_path / "events.yaml"
    file.write_text(text, encoding="utf-8")
    assert {finding.rule for finding in resolve(file).findings} == rules
