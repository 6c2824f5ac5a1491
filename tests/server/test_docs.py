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


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_of_the_howto_answers_what_it_says(migrated_dsn, tmp_path):
    (command,) = [block for block in re.findall(r"```bash\n(.*?)```", HOWTO, re.DOTALL) if "curl" in block]
    wanted = json.loads(re.findall(r"```json\n(.*?)```", HOWTO, re.DOTALL)[0])
    scripts = Path(sysconfig.get_path("scripts"))
    create = [str(scripts / "analytics-server"), "token", "create", "--name", "web", "--scope", "ingest"]
    environment = os.environ | {"DATABASE_URL": migrated_dsn}
    token = subprocess.run(create, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    with running(migrated_dsn, tmp_path, tokens=True) as url:
        shell = environment | {"URL": url, "TOKEN": token}
        done = subprocess.run(["sh", "-c", command], env=shell, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == wanted
    assert len(rows(migrated_dsn)) == 1


def test_every_status_and_code_of_the_howto_is_in_the_source():
    source = "".join(path.read_text() for path in (ROOT / "runtime" / "adi_analytics" / "server").rglob("*.py"))
    for code in re.findall(r"`(invalid_\w+|unknown_type|too_large|refused)`", HOWTO):
        assert f'"{code}"' in source, code
    for status in re.findall(r"\b(4\d\d|503)\b", HOWTO):
        assert status in source, status
