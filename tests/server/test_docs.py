"""The lines of the how-to do what it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from support.paths import ROOT
from support.serving import rows, running

HOWTO = (ROOT / "docs" / "howto" / "ingest-over-http.md").read_text(encoding="utf-8")
READING = (ROOT / "docs" / "howto" / "read-over-http.md").read_text(encoding="utf-8")


def curls(text):
    return [block for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) if "curl" in block]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curls_of_the_howtos_answer_what_they_say(migrated_dsn, tmp_path):
    (send,), asking = curls(HOWTO), curls(READING)
    environment = os.environ | {"DATABASE_URL": migrated_dsn}
    tokens = {scope: made_token(scope, environment) for scope in ("ingest", "read")}

    def run(command, scope):
        shell = environment | {"URL": url, "TOKEN": tokens[scope]}
        return subprocess.run(["sh", "-c", command], env=shell, capture_output=True, text=True, check=True).stdout

    with running(migrated_dsn, tmp_path, tokens=True) as url:
        sent = run(send, "ingest")
        answers = {command: run(command, "read") for command in asking}
    assert json.loads(sent) == json.loads(re.findall(r"```json\n(.*?)```", HOWTO, re.DOTALL)[0])
    assert len(rows(migrated_dsn)) == 1
    (daily,) = (answer for command, answer in answers.items() if "/users/daily" in command)
    assert json.loads(daily) == json.loads(re.findall(r"```json\n(.*?)```", READING, re.DOTALL)[0])
    assert all(answers.values())


def made_token(scope, environment):
    server = Path(sysconfig.get_path("scripts")) / "analytics-server"
    create = [str(server), "token", "create", "--name", "web", "--scope", scope]
    return subprocess.run(create, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_every_status_and_code_of_the_howto_is_in_the_source():
    source = "".join(path.read_text() for path in (ROOT / "runtime" / "adi_analytics" / "server").rglob("*.py"))
    for code in re.findall(r"`(invalid_\w+|unknown_type|too_large|refused)`", HOWTO):
        assert f'"{code}"' in source, code
    for status in re.findall(r"\b(4\d\d|503)\b", HOWTO):
        assert status in source, status
