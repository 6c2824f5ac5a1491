"""Where the connection string comes from, for client and migrator alike, and that no message repeats a secret."""

from __future__ import annotations

import contextlib
import copy
import io
import os
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from adi_analytics import AnalyticsClient, AnalyticsError, AnalyticsWorker, ConninfoInvalidError, ConninfoMissingError
from adi_analytics._shared.conninfo import (
    VARIABLES,
    printable,
    resolve_conninfo,
    without_secrets,
)
from adi_analytics.migrate.cli.main import main
from hypothesis import given, settings
from hypothesis import strategies as st
from support.paths import ROOT

URL = "postgresql://user:pw@host/db"


def resolve(given: str | None = None, folder: Path | None = None, **environ: str) -> str:
    return resolve_conninfo(given, environ=environ, folder=folder or Path("/nowhere"))


# ---- the order -------------------------------------------------------------------------------------------------------


def test_the_argument_wins_then_the_two_variables_then_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PLATFORM_DATABASE_URL=host=d\nDATABASE_URL=host=c\n")
    both = {"DATABASE_URL": "host=a", "PLATFORM_DATABASE_URL": "host=b"}
    assert resolve("host=given", tmp_path, **both) == "host=given"
    assert resolve(None, tmp_path, **both) == "host=a"
    assert resolve(None, tmp_path, DATABASE_URL=" ", PLATFORM_DATABASE_URL="host=b") == "host=b"
    assert resolve(None, tmp_path) == "host=c"
    with pytest.raises(ConninfoMissingError, match="DATABASE_URL or PLATFORM_DATABASE_URL"):
        resolve(None, tmp_path / "none")


def test_client_and_migrator_find_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://127.0.0.1:1/from_the_file\n")
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        assert main(["status", "--project", str(ROOT)]) == 1
    assert "dbname=from_the_file" in said.getvalue()
    AnalyticsWorker(AnalyticsClient.create()[1])
    (tmp_path / ".env").unlink()
    with pytest.raises(ConninfoMissingError):
        AnalyticsWorker(AnalyticsClient.create()[1])


# ---- the file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        f"DATABASE_URL={URL}",
        f"DATABASE_URL = {URL}  # ours",
        f'DATABASE_URL="{URL}" # quotes with a comment behind them',
        f"DATABASE_URL='{URL}'#and no space",
        f"  export DATABASE_URL={URL}",
        f"DATABASE_URL={URL}\r\nOTHER=1\r",
        f"\ufeffDATABASE_URL={URL}",
        f'DATABASE_URL="{URL}\\n"',
        f"DATABASE_URL={URL.replace('postgresql', 'postgres+asyncpg')}",
        f"KEY='\nDATABASE_URL=host=inside_a_value\n'\nDATABASE_URL={URL}",
        f"DATABASE_URL=host=first\nDATABASE_URL={URL}",
        f"# DATABASE_URL=host=other\nnonsense\nDATABASE_URL={URL}",
    ],
)
def test_a_dotenv_file_is_understood(line: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(line.encode())
    assert resolve(None, tmp_path) == URL


def test_quotes_keep_what_would_end_a_bare_value(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(r"""DATABASE_URL='host=h password=\'a\\ #${b}\''""")
    assert resolve(None, tmp_path) == r"host=h password='a\ #${b}'"
    (tmp_path / ".env").write_text(r'DATABASE_URL="host=h password=\"a\""')
    assert resolve(None, tmp_path) == 'host=h password="a"'


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ('A=1\nDATABASE_URL="postgresql://u:secret@h/db', 2, "to end with the quote"),
        ("DATABASE_URL='postgresql://u:secret@h/db' secret", 1, "to end with the quote"),
        ("DATABASE_URL=postgresql://u:${secret}@h/db", 1, "which is not replaced"),
    ],
)
def test_a_dotenv_file_that_is_not_understood_is_refused(text: str, line: int, expected: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(text)
    with pytest.raises(ConninfoInvalidError, match=expected) as caught:
        resolve(None, tmp_path)
    assert caught.value.source == f"{tmp_path / '.env'}:{line}"
    assert "secret" not in str(caught.value)
    assert resolve("host=given", tmp_path) == "host=given"


def test_a_dotenv_file_must_be_utf8(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"DATABASE_URL=host=\xff")
    with pytest.raises(ConninfoInvalidError, match="UTF-8"):
        resolve(None, tmp_path)


# ---- the string ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{}\n", "  {} ", '"{}"', "'{}'\n"])
def test_what_env_files_and_secrets_leave_around_it_is_taken_off(form: str) -> None:
    assert resolve(None, DATABASE_URL=form.format(URL)) == URL
    assert resolve(form.format(URL)) == URL


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgresql+asyncpg://u:secret@h/db?ssl=require", "parameter 'ssl'; libpq calls it sslmode"),
        ("postgresql://u:secret@h/db?sslmode=require&pool_size=5", "parameter 'pool_size'"),
        ("postgresql://u:secret@h/db?sslmode=require&secret=5", "parameter number 2 behind"),
        ("postgresql://u:se@cret@h/db", "@ as %40"),
        ("postgresql://u:se/cret@h/db", "@ as %40"),
        ("postgresql://u:secret/db", "port is not a number"),
        ("postgresql://u:5432/secret/db", "expected postgresql://"),
    ],
)
def test_a_parameter_or_character_is_named_but_no_secret(url: str, named: str) -> None:
    with pytest.raises(ConninfoInvalidError) as caught:
        resolve(None, PLATFORM_DATABASE_URL=url)
    assert caught.value.source == "PLATFORM_DATABASE_URL"
    assert named in str(caught.value)
    assert "cret" not in str(caught.value)
    for same in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
        assert (str(same), vars(same)) == (str(caught.value), vars(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user%40tenant:p%2Fw@[::1]:5432,other:5433/db?target_session_attrs=read-write",
        "postgresql:///db?host=/tmp&user=me@tenant",
        "postgres://h",
        "host=h password='a b' dbname=x",
        "service=mine",
    ],
)
def test_what_libpq_understands_is_left_alone(url: str) -> None:
    assert resolve(url) == url


def test_printable_shows_names_and_hides_what_may_be_a_secret() -> None:
    assert printable("postgresql://me:pw@h:5433/db?sslpassword=x") == "host=h port=5433 dbname=db user=me"
    assert printable("host=/tmp,[::1] user=me@tenant").split() == ["host=/tmp,[::1]", "user=me@tenant"]
    assert printable("postgresql://u%3Asecret@h/db") == "host=h dbname=db user=***"
    assert printable("host=postgresql://u:secret@h/db") == "host=***"
    assert printable("") == "the default database"
    assert printable("mysql://u:secret@h") == "the default database"
    said = 'connection to server at "h" failed: FATAL: role "u:secret" does not exist'
    assert without_secrets(said, "postgresql://u%3Asecret@h/db") == said.replace("u:secret", "***")


# ---- broken URLs -----------------------------------------------------------------------------------------------------

SECRET = "Zq7Xk9"  # nothing else is spelled like this, nor like half of it
PIECES = st.sampled_from(["", "@", "/", ":", "?", "#", "&", "=", "%", "%zz", "%40", " ", "'", '"', "\\", "[", "]", "$"])
SCHEMES = st.sampled_from(
    [
        "postgresql://",
        "postgres://",
        "postgresql+asyncpg://",
        "mysql://",
        "postgresql:/",
        "postgresql//",
        "jdbc:x://",
        "",
    ]
)
AROUND = st.sampled_from(
    [("", ""), ('"', '"'), ("'", ""), ("", '"'), (" ", "\n"), ("<", ">"), ("`", "`"), ("DATABASE_URL=", "")]
)
TAILS = st.sampled_from(
    ["", "/db", "/db?sslmode=no", "/db?ssl=require", "?", "/db?a", "/db?connect_timeout=x", ":port/db"]
)


@st.composite
def broken_urls(draw: st.DrawFn) -> str:
    password = draw(PIECES) + SECRET[:3] + draw(PIECES) + SECRET[3:] + draw(PIECES)
    before, after = draw(AROUND)
    url = f"{draw(SCHEMES)}user:{password}@127.0.0.1:1{draw(TAILS)}"
    pairs = f"host=127.0.0.1 port=1 user=user password={password} dbname=db"
    return before + draw(st.sampled_from([url, pairs, url.replace("@", draw(PIECES)), pairs.replace("=", ":")])) + after


@contextlib.contextmanager
def elsewhere(url: str) -> Iterator[None]:
    """An environment in which no connection is really made."""
    with mock.patch.dict(os.environ, {"DATABASE_URL": url, "PGCONNECT_TIMEOUT": "2"}):
        yield


def error_of(call: Callable[[], object]) -> AnalyticsError | None:
    try:
        call()
    except AnalyticsError as error:
        return error
    return None


def leaks(text: str) -> bool:
    return SECRET[:3] in text or SECRET[3:] in text


@given(broken_urls())
@settings(max_examples=60, deadline=None)
def test_status_never_prints_a_part_of_the_password(url: str) -> None:
    said = io.StringIO()
    with elsewhere(url), contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        code = main(["status"])
        assert main(["status", "--database-url", url]) == code
        main(["doctor"])
    assert code in {1, 2}
    assert not leaks(said.getvalue()), said.getvalue()


@given(broken_urls())
@settings(max_examples=60, deadline=None)
def test_the_clients_errors_never_hold_a_part_of_the_password(url: str) -> None:
    for call in (lambda: resolve_conninfo(url), lambda: AnalyticsWorker(AnalyticsClient.create()[1], url)):
        error = error_of(call)
        if error is not None:
            assert not leaks("".join(traceback.format_exception(error)))
            assert not leaks(repr(vars(error)))
            assert error.__context__ is None
    assert not leaks(printable(url))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p?w@S3CRET/y@h/d",
        "postgresql://u:p?S3C@RET:5432/z@h/d",
        "postgresql://u:p?q@S3CRET@h/d",
        "postgresql://u?q@S3CRET@h/d",
    ],
)
def test_a_password_with_a_question_mark_is_not_taken_for_a_host(url: str) -> None:
    with pytest.raises(ConninfoInvalidError, match="write @ as %40") as caught:
        resolve_conninfo(url)
    assert "RET" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["postgresql:///d?user=a@b", "postgresql://h:5432/d?user=a@b&password=x@y", "postgresql://u:p@h/d?options=-ca@b"],
)
def test_an_at_sign_in_the_query_is_right(url: str) -> None:
    assert resolve_conninfo(url) == url
