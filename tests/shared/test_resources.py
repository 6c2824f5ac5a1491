"""adi_analytics._shared.resources: the data folders of a checkout, of an installation, and of neither."""

from __future__ import annotations

import importlib.util
import pickle
import shutil
from pathlib import Path

import pytest
from adi_analytics import AnalyticsError
from adi_analytics._shared import resources as package_data
from support.paths import ROOT

FOLDERS = {"migrations": "migrations", "sql": "generated/sql", "json_schema": "generated/json_schema"}


def module_in(package: Path):
    """Import a copy of the module as if the package lay there."""
    (package / "_shared").mkdir(parents=True)
    copy = shutil.copy(package_data.__file__, package / "_shared")
    spec = importlib.util.spec_from_file_location("copied_resources", copy)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "folder"), FOLDERS.items())
def test_checkout(name, folder):
    assert package_data.checkout_root() == ROOT
    assert package_data.data_dir(name) == ROOT / folder


@pytest.mark.parametrize("name", FOLDERS)
def test_installation(tmp_path, name):
    module = module_in(tmp_path / "site-packages" / "adi_analytics")
    data = tmp_path / "site-packages" / "adi_analytics" / "_data" / name
    data.mkdir(parents=True)
    assert module.checkout_root() is None
    assert module.data_dir(name) == data


def test_missing_folder_says_where_it_was_looked_for(tmp_path):
    package = tmp_path / "site-packages" / "adi_analytics"
    module = module_in(package)
    with pytest.raises(AnalyticsError) as caught:  # the copy has an error class of its own
        module.data_dir("sql")
    assert str(package / "_data" / "sql") in str(caught.value)
    assert "Reinstall the package" in str(caught.value)


def test_missing_folder_of_a_checkout_names_both_places(tmp_path):
    (tmp_path / "events.yaml").touch()
    module = module_in(tmp_path / "runtime" / "adi_analytics")
    with pytest.raises(AnalyticsError) as caught:
        module.data_dir("sql")
    installed = tmp_path / "runtime" / "adi_analytics" / "_data" / "sql"
    assert f"expected it at {tmp_path / 'generated' / 'sql'} or {installed}." in str(caught.value)


def test_a_catalog_without_migrations_has_a_place_for_them(tmp_path):
    (tmp_path / "events.yaml").touch()
    module = module_in(tmp_path / "runtime" / "adi_analytics")
    assert module.data_dir("migrations") == tmp_path / "migrations"


def test_error_survives_pickling():
    error = package_data.ResourceMissingError("sql", (Path("somewhere"),))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
