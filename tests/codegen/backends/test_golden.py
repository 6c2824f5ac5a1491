"""The outputs of a catalog that has everything, against the files on record: missing and stale ones fail too.

SQL is not among them: it is checked by what it does on real servers.
"""

import os

import pytest
from adi_analytics_codegen.backends import BACKENDS, render
from adi_analytics_codegen.backends.writer import compare, write
from adi_analytics_codegen.check.catalog import load_catalog
from support.paths import EVENTS, FIXTURES, ROOT

OUTPUTS = [name for name in BACKENDS if name != "sql"]
CASES = sorted(path.stem for path in (FIXTURES / "catalogs" / "good").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES)
def test_a_good_catalog_gives_the_files_on_record(case):
    catalog = load_catalog(FIXTURES / "catalogs" / "good" / f"{case}.yaml")
    files = render(catalog, [name for name in catalog.outputs if name in OUTPUTS])
    record = FIXTURES / "golden" / case
    if os.environ.get("UPDATE_GOLDEN"):
        write(record, files, OUTPUTS)
    assert compare(record, files, OUTPUTS) == []


def test_every_record_belongs_to_a_catalog():
    assert sorted(path.name for path in (FIXTURES / "golden").iterdir()) == CASES


def test_the_files_of_the_project_are_up_to_date():
    assert compare(ROOT / "generated", render(load_catalog(EVENTS)), BACKENDS) == []
