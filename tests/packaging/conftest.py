"""The built sdist and wheels, and an environment that has nothing but the wheel."""

from __future__ import annotations

import tarfile
from dataclasses import replace

import pytest
from support.once import once
from support.packages import build, install
from support.paths import ROOT


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The wheel and the sdist of this checkout."""
    return once(tmp_path_factory, "dist", lambda folder: build(ROOT, folder))


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


def shared(tmp_path_factory, name, wheel, extras):
    """An environment that the test processes share; each works in a folder of its own."""
    made = once(tmp_path_factory, name, lambda folder: install(wheel, extras, folder))
    return replace(made, folder=tmp_path_factory.mktemp(name))


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory):
    """What `pip install 'adi-analytics[binary,cli]'` brings: all that a deployment needs."""
    return shared(tmp_path_factory, "installed", wheel, "[binary,cli]")


@pytest.fixture(scope="session")
def bare(wheel, tmp_path_factory):
    """What `pip install adi-analytics` brings."""
    return shared(tmp_path_factory, "bare", wheel, "")
