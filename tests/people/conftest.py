"""Databases of each backend, and a project, for questions about people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.backends import BACKENDS, empty_dsn
from support.migrating import Document, Project, Target, project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=BACKENDS)
def target(request: pytest.FixtureRequest) -> Target:
    """An empty database, on each backend in turn."""
    name: str = request.param
    return Target(name, empty_dsn(name, request))


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A project with this repository's catalog but its questions about people, and migrations of an empty snapshot."""

    def without_questions(document: Document) -> None:
        for section in ("entities", "retention", "funnels"):
            del document[section]

    return project(tmp_path / "project", without_questions)
