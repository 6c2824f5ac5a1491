"""The command: what it prints, what it exits with, and that it never shows a traceback."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from adi_analytics_codegen.check.rules import RULES, markdown
from adi_analytics_codegen.cli.main import main
from support.codegen.projects import minimal, run_python
from support.paths import EVENTS, FIXTURES, ROOT

COMMANDS = ["lint", "upgrade", "generate", "check", "breaking", "diff", "explain", "sample", "rules", "schema"]
BROKEN = "catalog: {format: 1, name: small}\nevents: {a: {domian: web, description: x}}\n"


@pytest.fixture
def repository(project):
    """A git repository with a catalog in a folder, committed once."""

    def git(*arguments):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, "-C", project.folder, *arguments], check=True, capture_output=True)

    project.write(minimal())
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    project.git = git
    return project


def usage(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main(list(map(str, arguments)))
    return caught.value.code, capsys.readouterr()


def test_help_has_examples_and_every_command(capsys):
    code, printed = usage(capsys, "--help")
    assert code == 0
    assert "examples:" in printed.out
    assert "exit codes:" in printed.out
    assert all(f"  {command}" in printed.out for command in COMMANDS)


def test_version(capsys):
    code, printed = usage(capsys, "--version")
    assert (code, printed.out) == (0, f"analytics-codegen {metadata.version('adi-analytics')}\n")


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_next_to_nothing(option):
    code = """
import atexit, sys
before = set(sys.modules)
atexit.register(lambda: print(*sorted(set(sys.modules) - before), file=sys.stderr))
from adi_analytics_codegen.cli.main import main
main()
"""
    done = run(option, code=code)
    assert done.returncode == 0
    imported = {name.partition(".")[0] for name in done.stderr.decode().split()}
    assert imported - sys.stdlib_module_names == {"adi_analytics_codegen"}
    assert imported.isdisjoint({"asyncio", "subprocess", "logging", "difflib", "unittest"})
    ours = {name for name in done.stderr.decode().split() if name.startswith("adi_analytics")}
    assert ours == {
        "adi_analytics_codegen",
        *(f"adi_analytics_codegen.cli{part}" for part in ("", ".main", ".commands")),
    }


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in {"rules", "schema"}])
def test_the_help_of_a_command_has_its_examples(capsys, command):
    code, printed = usage(capsys, command, "--help")
    assert code == 0
    assert f"analytics-codegen {command}" in printed.out.partition("examples:")[2]


@pytest.mark.parametrize(
    "arguments", [(), ("nope",), ("generate", "--nope"), ("breaking",), ("sample", "a", "-n", "0")]
)
def test_wrong_usage_is_2(capsys, arguments):
    code, printed = usage(capsys, *arguments)
    assert code == 2
    assert "usage:" in printed.err


@pytest.mark.parametrize("command", ["lint", "generate", "check", "explain", "sample"])
def test_a_catalog_with_errors_is_1_and_says_where(project, capsys, command):
    project.write(BROKEN)
    assert project.run(command, *(["a"] if command in {"explain", "sample"} else [])) == 1
    printed = capsys.readouterr()
    assert 'events.yaml:2:14: error unknown-key there is no key "domian" here (did you mean "domain"?)' in (
        printed.out + printed.err
    )


@pytest.mark.parametrize("command", COMMANDS[:-2])
def test_a_catalog_that_is_not_there(project, capsys, command):
    extra = {"breaking": ["--against", "x"], "diff": ["--against", "x"], "explain": ["a"], "sample": ["a"]}
    assert project.run(command, *extra.get(command, [])) == 1
    printed = capsys.readouterr()
    assert "No such file" in printed.out + printed.err


@pytest.mark.parametrize("command", COMMANDS[:-2])
def test_an_example_that_breaks_its_event_is_reported_by_every_command(project, capsys, command):
    fields = {"n": {"type": "int", "description": "A number"}}
    event = {"domain": "web", "description": "Seen.", "fields": fields}
    good = project.write(minimal(events={"page_view": event | {"examples": [{"n": 1}]}}), "good.yaml")
    bad = project.write(minimal(events={"page_view": event | {"examples": [{"n": "one"}]}}))
    arguments = {name: ["--against", good] for name in ("breaking", "diff")}
    arguments |= {name: ["page_view"] for name in ("explain", "sample")}
    assert project.run(command, *arguments.get(command, [])) == 1
    printed = capsys.readouterr()
    assert "error bad-example" in printed.out + printed.err
    assert "generated" not in [path.name for path in project.folder.iterdir()]
    if command in {"breaking", "diff"}:
        assert main([command, "--catalog", str(good), "--against", str(bad)]) == 2
        assert "error bad-example" in capsys.readouterr().err


def test_lint_prints_json_and_annotations(project, capsys):
    project.write(BROKEN)
    assert project.run("lint", "--format", "json") == 1
    (first, *_) = json.loads(capsys.readouterr().out)["findings"]
    assert first["rule"] == "missing-key"
    assert (first["line"], first["column"], first["severity"]) == (2, 10, "error")
    assert project.run("lint", "--format", "github") == 1
    assert f"::error file={project.catalog},line=2,col=14,title=unknown-key::" in capsys.readouterr().out


def test_lint_is_0_for_the_catalog_of_the_project(capsys):
    assert main(["lint", "--catalog", str(EVENTS)]) == 0
    assert "29 events, 7 aggregates" in capsys.readouterr().out


def test_generate_then_check(project, capsys):
    project.write(minimal())
    assert project.run("check") == 1
    assert project.run("generate") == 0
    assert project.run("check") == 0
    assert project.run("generate", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["written"] == []


def test_check_shows_every_difference(project, capsys):
    project.write(minimal())
    project.run("generate")
    (project.out / "json_schema" / "events.schema.json").write_text('{"$id": "urn:adi-analytics:small"}\n')
    (project.out / "typescript" / "events.ts").unlink()
    (project.out / "python" / "more.py").write_text("# Generated by analytics-codegen\n")
    capsys.readouterr()
    assert project.run("check", "--format", "json") == 1
    found = {difference["path"]: difference for difference in json.loads(capsys.readouterr().out)}
    assert {path: one["kind"] for path, one in found.items()} == {
        "json_schema/events.schema.json": "changed",
        "typescript/events.ts": "missing",
        "python/more.py": "stale",
    }
    assert '-{"$id"' in found["json_schema/events.schema.json"]["diff"]
    assert project.run("check") == 1
    assert 'json_schema/events.schema.json\n  -{"$id": "urn:adi-analytics:small"}\n  +{\n' in capsys.readouterr().out
    assert project.run("check", "--diff") == 1
    assert "+++ generated: json_schema/events.schema.json" in capsys.readouterr().out
    assert project.run("generate") == 0
    assert project.run("check") == 0


def test_a_checkout_with_line_ends_of_windows_is_up_to_date(project, capsys):
    project.write(EVENTS.read_text(encoding="utf-8"))
    assert project.run("generate") == 0
    texts = {path for path in project.folder.rglob("*") if path.is_file()}
    for path in texts:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert project.run("check") == 0
    capsys.readouterr()
    assert project.run("generate", "--format", "json") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["written"], result["unchanged"]) == ([], len(texts) - 1)


def test_git_gives_a_checkout_the_line_ends_that_were_committed(repository):
    repository.write((ROOT / ".gitattributes").read_text(encoding="utf-8"), ".gitattributes")
    repository.write("#!/bin/sh\n", "run.sh")
    repository.git("add", ".")
    repository.git("commit", "-q", "-m", "attributes")
    repository.git("config", "core.autocrlf", "true")
    (repository.folder / "run.sh").unlink()
    repository.git("checkout", "-q", ".")
    assert (repository.folder / "run.sh").read_bytes() == b"#!/bin/sh\n"


def test_check_sees_an_edit_of_the_catalog(project):
    project.write(minimal())
    project.run("generate")
    project.write(minimal().replace("A page was shown.", "A page was seen."))
    assert project.run("check") == 1


def test_generate_writes_where_it_is_told(project, tmp_path, monkeypatch):
    project.write(minimal(catalog={"format": 1, "name": "small", "python_package": "my_events"}))
    monkeypatch.chdir("/")
    assert project.run("generate", "--out", tmp_path / "elsewhere") == 0
    assert (tmp_path / "elsewhere" / "python" / "my_events" / "__init__.py").is_file()
    assert project.run("check", "--out", tmp_path / "elsewhere") == 0


def test_generate_never_deletes_what_it_did_not_write(project, capsys):
    project.write(minimal())
    precious = project.write("x", "generated/python/thesis.py")
    assert project.run("generate") == 2
    assert "thesis.py" in capsys.readouterr().err
    assert precious.read_text() == "x"
    assert not (project.out / "json_schema").exists()


def test_an_output_directory_that_cannot_be_written_is_an_error(project, capsys):
    project.write(minimal())
    project.write("a file", "out")
    assert project.run("generate", "--out", project.folder / "out") == 2
    assert "Not a directory" in capsys.readouterr().err


def test_breaking_forward_reports_what_strict_readers_refuse(repository, capsys):
    event = {"domain": "web", "description": "x", "fields": {"n": {"type": "int", "optional": True}}}
    repository.write(minimal(events={"page_view": event}))
    assert repository.run("breaking", "--against", "git:main") == 0
    capsys.readouterr()
    assert repository.run("breaking", "--against", "git:main", "--forward") == 1
    assert "error forward-field-added events.page_view.n: is new" in capsys.readouterr().out


def test_breaking_against_a_commit(repository, capsys):
    assert repository.run("breaking", "--against", "git:main") == 0
    repository.write(minimal(events={}))
    capsys.readouterr()
    assert repository.run("breaking", "--against", "git:HEAD", "--format", "json") == 1
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert (found["rule"], found["subject"]) == ("event-removed", "events.page_view")


def test_breaking_reads_included_files_from_the_commit_too(repository, capsys):
    event = "events: {sent: {domain: web, description: Sent.}}"
    repository.write("catalog: {format: 1, name: small}\ninclude: [more/mail.yaml]\ndomains: {web: The site}\n")
    repository.write(event, "more/mail.yaml")
    repository.git("add", ".")
    repository.git("commit", "-q", "-m", "second")
    repository.write("events: {}", "more/mail.yaml")
    assert repository.run("breaking", "--against", "git:HEAD") == 1
    assert "event sent was removed" in capsys.readouterr().out


def test_breaking_when_the_catalog_is_new(repository, capsys):
    repository.git("rm", "-q", "--cached", "events.yaml")
    repository.git("commit", "-q", "-m", "gone")
    assert repository.run("breaking", "--against", "git:HEAD") == 0
    assert "everything is new" in capsys.readouterr().err
    assert repository.run("diff", "--against", "git:HEAD") == 0
    assert "+ events.page_view" in capsys.readouterr().out


@pytest.mark.parametrize("against", ["git:nope", "git:--help", "git:", "nowhere.yaml"])
def test_nothing_to_compare_with_is_2(repository, capsys, against):
    assert repository.run("breaking", "--against", against) == 2
    assert "--against" in capsys.readouterr().err


def test_an_old_catalog_with_errors_is_2(project, capsys):
    project.write(minimal())
    old = project.write(BROKEN, "old.yaml")
    assert project.run("breaking", "--against", old) == 2
    assert "cannot be compared" in capsys.readouterr().err


def test_diff_tells_people(project, capsys):
    old = project.write(minimal(), "old.yaml")
    fields = {"n": {"type": "int", "description": "A number"}}
    event = {"domain": "web", "description": "Seen.", "fields": fields}
    project.write(minimal(events={"page_view": event}))
    assert project.run("diff", "--against", old) == 0
    assert capsys.readouterr().out.splitlines() == [
        '~ events.page_view.description: "A page was shown." -> "Seen."',
        "+ events.page_view.fields.n (int): A number",
    ]
    assert project.run("diff", "--against", old, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)[0]["kind"] == "changed"


@pytest.mark.parametrize("name", ["api_request", "analytics_api_latency_hourly", "field-removed"])
def test_explain(capsys, name):
    assert main(["explain", "--catalog", str(EVENTS), name]) == 0
    assert name in capsys.readouterr().out
    assert main(["explain", "--catalog", str(EVENTS), name, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)


def test_explain_tells_schema_sql_readers_and_conditions(capsys):
    main(["explain", "--catalog", str(EVENTS), "task_completed", "--format", "json"])
    event = json.loads(capsys.readouterr().out)
    assert event["schema"]["properties"]["type"] == {"const": "task_completed"}
    assert event["fields"]["duration_ms"] == "int Time from start to end. Unit: ms."
    assert event["read_by"]["analytics_task_stats_daily"] == ["completed", "avg_duration_ms", "p95_duration_ms"]
    main(["explain", "--catalog", str(EVENTS), "analytics_task_stats_daily", "--format", "json"])
    aggregate = json.loads(capsys.readouterr().out)
    assert set(aggregate["sql"]) == {"timescaledb", "timescaledb_apache", "postgres"}
    assert aggregate["reads"]["task_failed"] == ["failed"]
    assert "where `event` = `task_failed`" in aggregate["columns"]["failed"]
    main(["explain", "--catalog", str(EVENTS), "analytics_daily_active_users"])
    assert "where: `$user_id` is present" in capsys.readouterr().out.splitlines()


def explained(capsys, name):
    main(["explain", "--catalog", str(EVENTS), name, "--format", "json"])
    return json.loads(capsys.readouterr().out)


def test_explain_tells_what_is_stored_and_shown(capsys):
    users = explained(capsys, "analytics_daily_active_users")
    assert users["views"] == {"analytics_daily_active_users_sketch": "active_users"}
    assert users["stored"]["analytics_daily_active_users_v1_sketch"].startswith("a sketch of the different values")
    assert users["refresh"] == "every 1 hour, from 3 days ago to 1 hour ago"
    assert explained(capsys, "analytics_daily_active_users_sketch") == users


def test_explain_tells_how_a_question_about_people_counts(capsys):
    funnel = explained(capsys, "task_flow_steps")
    assert (funnel["question"], funnel["asked_as"], funnel["within"]) == ("task_flow", "funnels.task_flow", "1 week")
    assert funnel["stored"] == {"task_flow_v1": "a row per bucket and member: day, member, times, steps"}
    retention = explained(capsys, "daily_retention")
    assert (retention["periods"], retention["mode"], retention["bucket"]) == ("30", "first_time", "day, 1 day")
    assert explained(capsys, "$user_id") == explained(capsys, "analytics_members")


def test_explain_tells_what_is_inside_of_fields(capsys):
    catalog = FIXTURES / "catalogs" / "good" / "everything.yaml"
    main(["explain", "--catalog", str(catalog), "page_view", "--format", "json"])
    fields = json.loads(capsys.readouterr().out)["fields"]
    assert fields["channel"].startswith("enum `channel`")
    assert fields["place.country"].startswith("string")
    assert fields["tags"].startswith("list of string")


@pytest.mark.parametrize("command", ["explain", "sample"])
def test_an_unknown_name_is_2_with_the_nearest(capsys, command):
    assert main([command, "--catalog", str(EVENTS), "task_complete"]) == 2
    assert 'did you mean "task_completed"?' in capsys.readouterr().err


def test_sample_prints_as_many_as_asked_and_the_same_for_a_seed(capsys):
    arguments = ["sample", "--catalog", str(EVENTS), "api_request", "-n", "5", "--seed", "1"]
    assert main(arguments) == 0
    lines = capsys.readouterr().out
    assert len(lines.splitlines()) == 5
    assert all(json.loads(line)["type"] == "api_request" for line in lines.splitlines())
    main(arguments)
    assert capsys.readouterr().out == lines


def test_a_pattern_that_cannot_be_sampled_is_said(project, capsys):
    fields = {"a": {"type": "string", "pattern": "^(?=b)a$", "description": "x"}}
    project.write(minimal(events={"page_view": {"domain": "web", "description": "x", "fields": fields}}))
    assert project.run("sample", "page_view") == 2
    assert "^(?=b)a$" in capsys.readouterr().err


def test_the_page_of_rules_is_up_to_date(capsys):
    assert main(["rules", "--format", "markdown"]) == 0
    assert (ROOT / "docs" / "reference" / "rules.md").read_text(encoding="utf-8") == capsys.readouterr().out
    assert markdown().count("\n| `") == len(RULES)
    assert main(["rules", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(RULES)
    assert main(["rules"]) == 0


def test_the_schema_of_the_format_can_be_had_without_a_checkout(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$id"] == "urn:adi-analytics:catalog-format:2"


def run(
    *arguments, code="from adi_analytics_codegen.cli.main import main; import sys; sys.exit(main())", **environment
):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, env={**os.environ, **environment})


@pytest.mark.parametrize(
    ("package", "command"), [("yaml", "lint"), ("jinja2", "generate"), ("datamodel_code_generator", "check")]
)
def test_without_the_extra_it_says_what_to_install(project, package, command):
    project.write(minimal())
    code = f"import sys; sys.modules[{package!r}] = None; from adi_analytics_codegen.cli.main import main; exit(main())"
    done = run(command, "--catalog", project.catalog, code=code)
    assert done.returncode == 2
    assert done.stderr.decode().strip() == (
        f"analytics-codegen: this needs the package {package}: pip install 'adi-analytics[codegen]'"
    )


def test_a_reader_that_leaves_is_no_error():
    code = "import sys; from adi_analytics_codegen.cli.main import main; sys.exit(main(['rules']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.slow
def test_the_output_does_not_depend_on_where_and_how_it_is_run(project):
    settings = [
        {"LC_ALL": "C", "PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"},
        {"LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2", "PYTHONUTF8": "0"},
    ]
    for index, environment in enumerate(settings):
        done = run("generate", "--catalog", EVENTS, "--out", project.folder / str(index), **environment)
        assert done.returncode == 0, done.stderr.decode()
    first, second = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (project.folder / "0", project.folder / "1")
    )
    assert first == second


def test_findings_are_printed_whatever_the_locale(project):
    project.write(
        'catalog: {format: 1, name: small}\ndomains: {web: Ünï}\nevents: {a: {domain: "wéb", description: x}}\n'
    )
    done = run("lint", "--catalog", project.catalog, LC_ALL="C", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


BASH = """
eval "$(analytics-codegen completion bash)"
function=$(complete -p analytics-codegen); function=${function##*-F }; function=${function%% *}
for line; do
    COMP_LINE=$line COMP_POINT=${#line} COMP_TYPE=9
    $function analytics-codegen 2>/dev/null
    echo "${COMPREPLY[@]}"
done
"""


def test_a_shell_completes_commands_options_and_names(tmp_path):
    lines = (
        "analytics-codegen br",
        "analytics-codegen check --di",
        "analytics-codegen lint --format g",
        "analytics-codegen sample task_comp",
        "analytics-codegen explain analytics_err",
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"PATH": path, "ADI_ANALYTICS_PROJECT": str(ROOT)}
    command = ["bash", "--norc", "-c", BASH, "bash", *lines]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=variables, cwd=tmp_path)
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["breaking"],
        ["--diff"],
        ["github"],
        ["task_completed"],
        ["analytics_errors_hourly"],
    ]


def test_lint_and_breaking_import_no_more_than_they_need():
    code = f"""
import sys
from adi_analytics_codegen.cli.main import main
assert main(["lint", "--catalog", {str(EVENTS)!r}]) == 0
assert main(["breaking", "--catalog", {str(EVENTS)!r}, "--against", {str(EVENTS)!r}]) == 0
slow = ("jinja2", "datamodel_code_generator", "hashlib", "adi_analytics_codegen.backends.sql.dialects")
print([name for name in slow if name in sys.modules])
"""
    assert run_python(code).splitlines()[-1] == "[]"
