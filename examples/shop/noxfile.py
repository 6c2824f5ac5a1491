"""The jobs of this project. `nox` runs the checks, the tests and the demo; `nox -l` lists all."""

import os

import nox

# Behind a company's proxy only the certificates of the system are right.
os.environ.setdefault("UV_SYSTEM_CERTS", "1")

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["check", "tests", "demo"]

# This example uses the adi-analytics of the checkout around it. Your own project takes it from an index.
LIBRARY = ["-e", "../.."]


def install(session: nox.Session) -> None:
    session.install("-e", ".[dev]", *LIBRARY)


@nox.session(default=False)
def codegen(session: nox.Session) -> None:
    """Generate, and write the migration (`-- -m "what changed"`)."""
    install(session)
    session.run("analytics-codegen", "generate")
    session.run("analytics-migrate", "new", *session.posargs)


@nox.session
def check(session: nox.Session) -> None:
    """Fail when events.yaml, generated/ and migrations/ do not agree."""
    install(session)
    session.run("analytics-codegen", "lint")
    session.run("analytics-codegen", "check")
    session.run("analytics-migrate", "check")


@nox.session(default=False)
def breaking(session: nox.Session) -> None:
    """Fail when an edit breaks rows or programs (`-- --against git:origin/main`)."""
    install(session)
    against = session.posargs or ["--against", "git:HEAD"]
    session.run("analytics-codegen", "breaking", *against)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; they start a private PostgreSQL from a wheel."""
    install(session)
    session.run("pytest", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Send events to a private PostgreSQL and show the aggregate."""
    install(session)
    session.run("python", "demo.py", *session.posargs)


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build the wheel that programs and deployments install."""
    install(session)
    session.run("python", "-m", "build", "--outdir", "dist")
