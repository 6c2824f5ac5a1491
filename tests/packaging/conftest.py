"""The built sdist and wheels, and an environment that has nothing but the wheel."""

from __future__ import annotations

import tarfile

import pytest
from support.packages import build, install
from support.paths import ROOT


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The wheel and the sdist of this checkout."""
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def wheel(built):
    return built[0]


@pytest.fixture(scope="session")
def sdist(built):
    return built[1]


@pytest.fixture(scope="session")
def wheel_from_sdist(sdist, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return build(source, tmp_path_factory.mktemp("dist-from-sdist"))[0]


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory):
    """What `pip install 'adi-analytics[binary,cli]'` brings: all that a deployment needs."""
    return install(wheel, "[binary,cli]", tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="session")
def bare(wheel, tmp_path_factory):
    """What `pip install adi-analytics` brings."""
    return install(wheel, "", tmp_path_factory.mktemp("bare"))
