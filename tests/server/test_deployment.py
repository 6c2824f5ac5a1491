"""The examples that run the service for good: their commands are right, and systemd finds little to take away."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
from adi_analytics.server.cli.main import _parser
from support.paths import ROOT

FOLDER = ROOT / "examples" / "service"
UNIT = FOLDER / "analytics-server.service"
LEAST = "15"  # tenths: systemd's scale ends at 10.0, and calls what is below 2.0 OK


def of_the_unit() -> list[str]:
    (line,) = re.findall(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)
    return str(line).split()


def of_the_container() -> list[str]:
    text = (FOLDER / "Containerfile").read_text()
    parts = re.findall(r"^(?:ENTRYPOINT|CMD) (\[.*\])$", text, re.MULTILINE)
    return [word for part in parts for word in json.loads(part)]


@pytest.mark.parametrize("command", [of_the_unit, of_the_container])
def test_the_command_is_one_that_the_service_has(command):
    program, *arguments = command()
    assert program == "/opt/analytics/bin/analytics-server"
    given = _parser().parse_args(arguments)
    assert (given.spool_dir, given.log_format, given.without_tokens) == ("/var/lib/analytics", "json", False)


def test_the_container_is_no_root_and_holds_no_secret():
    text = (FOLDER / "Containerfile").read_text()
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", last, re.MULTILINE)
    assert "VOLUME /var/lib/analytics" in last
    assert not re.search(r"^(?:ENV|ARG).*(?:URL|TOKEN|KEY|PASSWORD)", text, re.MULTILINE)


def analyses_files() -> bool:
    program = shutil.which("systemd-analyze")
    return (
        program is not None
        and "--offline" in subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout
    )


@pytest.mark.skipif(not analyses_files(), reason="systemd 250 is not installed")
def test_systemd_understands_the_unit_and_finds_it_tight(tmp_path):
    here = tmp_path / UNIT.name
    here.write_text(UNIT.read_text().replace(of_the_unit()[0], "/bin/true"))
    for arguments in (["verify"], ["security", "--offline=true", f"--threshold={LEAST}"]):
        done = subprocess.run(["systemd-analyze", *arguments, str(here)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert not re.search("Unknown|Failed", done.stderr), done.stderr
