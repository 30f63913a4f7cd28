"""Packages for Keras on plait beside Keras on JAX, as they are installed: `make packages`, or `python tools/packages.py` with them there.

Each program of `tools/package_programs` runs in a process of its own on both, and what it prints is compared: words, and numbers to
2e-3. `--sources FOLDER` has the packages' own tests run on both as well: `FOLDER/PACKAGE` holds a source tree with tests, since what PyPI
has of these packages is without. The table in `docs/compat.md` is written from the results.
"""

import argparse
import importlib.metadata
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(__file__).with_name("package_programs")
PAGE = ROOT / "docs" / "compat.md"
BEGIN, END = "<!-- made by tools/packages.py -->", "<!-- end -->"
NUMBER = re.compile(r"(?<![A-Za-z_\d.])-?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+|nan|inf)(?![A-Za-z_])")
_RAN = re.compile(r"(\d+) passed")


class Result(NamedTuple):
    """What came of a package."""

    name: str
    version: str
    agreed: int  # lines that both printed alike
    theirs: int  # lines that Keras on JAX printed; none where the package can't be imported there
    ours: int  # lines that plait printed
    failed: str  # the last line of an error on plait
    own_tests: str


def run(arguments: list[str], on_plait: bool, seconds: int) -> subprocess.CompletedProcess[str]:
    """Runs Python in a process of its own, on plait or on Keras with JAX."""
    around = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, *(["-m", "plait"] if on_plait else []), *arguments]
    try:
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run(
                command, capture_output=True, text=True, env=around, timeout=seconds, check=False, cwd=folder
            )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"more than {seconds} seconds")


def agree(first: str, second: str) -> bool:
    """Whether two lines have the same words, and numbers that are close."""
    if NUMBER.sub("#", first) != NUMBER.sub("#", second):
        return False
    pairs = zip(NUMBER.findall(first), NUMBER.findall(second), strict=True)
    return all(a == b or math.isclose(float(a), float(b), rel_tol=2e-3, abs_tol=2e-4) for a, b in pairs)


def alike(theirs: list[str], ours: list[str]) -> int:
    """How many lines of the first list the second has in the same order; it may have more between them."""
    count, place = 0, 0
    for line in theirs:
        found = next((at for at in range(place, len(ours)) if agree(line, ours[at])), None)
        if found is not None:
            count, place = count + 1, found + 1
    return count


def own_tests(folder: Path | None, name: str) -> str:
    """How many of a package's own tests pass on Keras with JAX and on plait."""
    if folder is None or not (folder / name).is_dir():
        return "-"
    counts = []
    for on_plait in (False, True):
        found = _RAN.search(
            run(["-m", "pytest", "-q", "-p", "no:cacheprovider", str((folder / name).resolve())], on_plait, 3000).stdout
        )
        counts.append(found[1] if found else "0")
    return f"{counts[1]} of {counts[0]}"


def tried(program: Path, sources: Path | None) -> Result:
    """Runs a program on both."""
    name = program.stem.removesuffix("_program").replace("_", "-")
    theirs, ours = (run([str(program.resolve())], on_plait, 600) for on_plait in (False, True))
    known = theirs.stdout.splitlines() if theirs.returncode == 0 else []
    failed = (ours.stderr.strip() or "no message").splitlines()[-1] if ours.returncode else ""
    lines = ours.stdout.splitlines()
    version = importlib.metadata.version({"mlflow": "mlflow-skinny"}.get(name, name))
    own = own_tests(sources, name)
    return Result(name, version, alike(known, lines), len(known), len(lines), failed, own)


def row(result: Result) -> str:
    """A line of the table."""
    compared = (
        f"{result.agreed} of {result.theirs} lines"
        if result.theirs
        else f"{result.ours} lines; fails on Keras with JAX"
    )
    if result.failed:
        compared += f"; fails on plait: `{result.failed[:100]}`"
    return f"| {result.name} | {result.version} | {compared} | {result.own_tests} |"


def main() -> None:
    """Runs all, prints the table, and writes it into the page unless asked not to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, help="source trees of the packages, with tests")
    parser.add_argument("--only", nargs="*", default=[], help="names of programs")
    parser.add_argument("--check", action="store_true", help="leave the page as it is, and fail where a line differs")
    options = parser.parse_args()
    wanted = [PROGRAMS / f"{name}_program.py" for name in options.only] or sorted(PROGRAMS.glob("*.py"))
    results = []
    for program in wanted:
        results.append(tried(program, options.sources))
        print(row(results[-1]), flush=True)
    if options.check or options.only:
        sys.exit(any(result.failed or result.agreed < result.theirs for result in results))
    text = PAGE.read_text()
    table = "| package | version | printed as on Keras with JAX | own tests |\n| --- | --- | --- | --- |\n"
    table += "\n".join(map(row, results))
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


if __name__ == "__main__":
    main()
