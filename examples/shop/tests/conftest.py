"""What the tests share: a private PostgreSQL, and the commands as a person runs them."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from adi_analytics import embedded
from checkout import Customer, Shoe

PROJECT = Path(__file__).parent.parent


@dataclass
class Database:
    """A database of its own for a test."""

    dsn: str
    folder: Path

    def migrate(self, *arguments: str, code: int = 0) -> str:
        """Run ``analytics-migrate`` in the project's folder and return what it prints."""
        command = [str(Path(sysconfig.get_path("scripts")) / "analytics-migrate"), *arguments]
        environment = os.environ | {"DATABASE_URL": self.dsn, "XDG_STATE_HOME": str(self.folder)}
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def execute(self, statement: str) -> None:
        """Run a statement."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]  # SQL that the test puts together

    def rows(self, query: str) -> list[Any]:
        """Return the rows of a query."""
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]  # the same


@pytest.fixture(scope="session")
def server() -> Iterator[embedded.EmbeddedServer]:
    """A private PostgreSQL. Nothing in it has to survive a power cut."""
    with embedded.start_server(settings={"fsync": "off"}) as started:
        yield started


def create(server: embedded.EmbeddedServer, folder: Path, template: str = "template1") -> Database:
    """Create a database, as a copy of another one."""
    name = f"shop_{uuid.uuid4().hex}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")  # type: ignore[call-overload]  # SQL that the test puts together
    return Database(psycopg.conninfo.make_conninfo(server.dsn, dbname=name), folder)


@pytest.fixture
def empty(server: embedded.EmbeddedServer, tmp_path: Path) -> Database:
    """An empty database."""
    return create(server, tmp_path)


@pytest.fixture(scope="session")
def migrated(server: embedded.EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with the schema of the catalog, to copy."""
    made = create(server, tmp_path_factory.mktemp("migrated"))
    made.migrate("all")
    return str(psycopg.conninfo.conninfo_to_dict(made.dsn)["dbname"])


@pytest.fixture
def database(server: embedded.EmbeddedServer, migrated: str, tmp_path: Path) -> Database:
    """A database with the schema of the catalog."""
    return create(server, tmp_path, migrated)


@pytest.fixture
def ada() -> Customer:
    """A customer."""
    return Customer(uuid.UUID(int=1), "ada@example.org", "CH", "Main Street 1")


@pytest.fixture
def shoe() -> Shoe:
    """A shoe with a name on it."""
    return Shoe("SH-0001", 59.5, "Ada")
