"""What a user's editor sees: pyright on two programs, and the stub of the package beside what it loads."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import plait

PROGRAMS = Path(__file__).parents[1] / "typing"


@pytest.fixture(scope="module")
def found() -> dict[str, list[tuple[int, str, str]]]:
    """The lines, severities and messages of pyright by program."""
    command = [
        sys.executable,
        "-m",
        "pyright",
        "--pythonpath",
        sys.executable,
        "--outputjson",
        *map(str, PROGRAMS.glob("*.py")),
    ]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=PROGRAMS.parents[1]).stdout
    by_program: dict[str, list[tuple[int, str, str]]] = {path.name: [] for path in PROGRAMS.glob("*.py")}
    for one in json.loads(printed)["generalDiagnostics"]:
        line = one["range"]["start"]["line"]
        by_program[Path(one["file"]).name].append((line, one["severity"], one["message"]))
    return by_program


def test_a_right_program_has_no_errors(found):
    assert [one for one in found["right.py"] if one[1] == "error"] == []


def test_types_are_shown_and_wrong_calls_refused(found):
    lines = (PROGRAMS / "wrong.py").read_text().splitlines()
    told = {line: (severity, message) for line, severity, message in found["wrong.py"] if severity != "warning"}
    for number, line in enumerate(lines):
        if match := re.search("# shown: (.+)", line):
            severity, message = told.pop(number)
            assert severity == "information" and message.endswith(f'is "{match[1]}"'), message
        if match := re.search("# refused: (.+)", line):
            severity, message = told.pop(number)
            assert severity == "error" and match[1] in message, message
    assert told == {}


def test_the_stub_names_what_the_package_loads():
    stub = ast.parse((Path(plait.__file__).parent / "__init__.pyi").read_text())
    written = {
        (node.module, alias.name) for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    loaded = {("plait", name) for name in plait._MODULES} | {(home, name) for name, home in plait._HOMES.items()}
    assert written == loaded | {("plait._version", "__version__")}
    constants = {node.target.id for node in stub.body if isinstance(node, ast.AnnAssign)}
    assert constants == {*plait._DTYPES, "__all__"}
