"""Runs Keras's own tests against plait: `python -m tools.keras_suite [--only layers,ops] [--show] [--again]`.

The tests are those of the installed Keras; nothing of them is copied. `tools/keras_mapping.py` makes their imports mean
plait. Each file runs in a process of its own, one at a time, and its result is kept in `.cache/keras_suite.json`: a
further run runs only files that have failures (`--again` runs all). The table counts, by group, what passed, what
failed, and what says nothing about plait, by reason.

`--oracle` runs the same files against Keras itself, to see what fails there too.
"""

import argparse
import collections
import fnmatch
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / ".cache" / "keras_suite.json"
TIMEOUT = 900

# Tests that say nothing about plait, by file or by name: a pattern of "file::test", and the reason.
NOT_APPLICABLE = {
    "quantizers/gptq*": "GPTQ and AWQ",
    "quantizers/awq*": "GPTQ and AWQ",
    "*::*gptq*": "GPTQ and AWQ",
    "*::*GPTQ*": "GPTQ and AWQ",
    "*::*awq*": "GPTQ and AWQ",
    "*::*AWQ*": "GPTQ and AWQ",
    "layers/core/*::*test_legacy_load_own_variables": "GPTQ and AWQ",
    "ops/node_test.py": "internals of Keras",  # its class of nodes, which has no public name
    "ops/operation_test.py::*test_rematerialized_call": "a name that plait doesn't have",
    "backend/common/keras_tensor_test.py::*_method": "mocks Keras's internals",
    "backend/common/name_scope_test.py::*multithreaded*": "internals of Keras",  # reads `current_path` in threads
    "utils/text_dataset_utils_test.py::*_tf": "needs tensorflow",
    "utils/dtype_utils_test.py::IsFloatTests*": "internals of Keras",
    "utils/file_utils_test.py::*test_copy": "internals of Keras",
    "trainers/compile_utils_test.py::TestCompileMetrics*": "internals of Keras",  # calls what collects a `compile`'s metrics
    "layers/layer_test.py::*remat*": "mocks Keras's internals",
    "layers/attention/*::*_combines_causal_and_explicit_mask*": "internals of Keras",  # calls `_compute_attention`
    "layers/attention/*::*causal_only_skipped_for_subclass*": "internals of Keras",  # overrides it
    "backend/tensorflow/*": "another engine",
    "backend/torch/*": "another engine",
    "export/*": "export to other frameworks",
    "applications/applications_test.py::*test_application_base*": "needs the network",
    "datasets/*": "needs the network",
}
REASONS = {
    r"needs (tensorflow|torch|grain|sklearn|torchvision|onnx|orbax)": r"needs \1",
    r"No module named '(tensorflow|torch|grain|sklearn|torchvision|onnx|orbax)\b.*": r"needs \1",
    r"Could not locate (class|function) .*put @plait": "a class that isn't registered",
    r"plait's tensors are dense|jax.experimental.sparse.bcoo|Ragged is unsupported": "sparse and ragged tensors",
    r"has no attribute '_(?!_)": "internals of Keras",
    r"internals of Keras: .*": "internals of Keras",
    r"public name: .*": "a name that plait doesn't have",
    r"has no attribute '(quantize|export|rematerialized_call|lr_adjust|zeropower_via_newtonschulz5)'": "a name that plait doesn't have",
}


# ---------------------------------------------------------------------------- the run


def main() -> int:
    """Runs what is asked for, prints the table, and gives 1 if anything failed."""
    arguments = parse()
    if arguments.run:
        return run_file(Path(arguments.run), Path(arguments.into), arguments.oracle)
    keras = keras_root()
    results_file = RESULTS.with_name("keras_suite_oracle.json") if arguments.oracle else RESULTS
    results = json.loads(results_file.read_text()) if results_file.exists() else {}
    for file in chosen_files(keras, arguments.only):
        name = str(file.relative_to(keras / "src"))
        if not arguments.table and (arguments.again or needs_run(results.get(name))):
            started = time.time()
            results[name] = run_apart(file, arguments)
            counts = count(name, results[name])
            print(f"{name}: {summary(counts)} ({time.time() - started:.0f} s)", flush=True)
            save(name, results[name], results_file)
    names = [str(file.relative_to(keras / "src")) for file in chosen_files(keras, arguments.only)]
    shown = {name: results[name] for name in names if name in results}
    if arguments.show:
        show_failures(shown)
    return print_table(shown)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.keras_suite", description=__doc__)
    parser.add_argument("--only", default="", help="beginnings of paths below keras/src, with commas between")
    parser.add_argument("--show", action="store_true", help="list what failed, with the messages")
    parser.add_argument("--again", action="store_true", help="run files without failures too")
    parser.add_argument("--table", action="store_true", help="run nothing: the table of what was kept")
    parser.add_argument("--timeout", type=int, default=TIMEOUT, help="seconds a file")
    parser.add_argument("--oracle", action="store_true", help="run against Keras itself")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--into", help=argparse.SUPPRESS)
    return parser.parse_args()


def keras_root() -> Path:
    """Where Keras is installed; it isn't imported."""
    spec = importlib.util.find_spec("keras")
    if spec is None or spec.origin is None:
        raise SystemExit("Keras is not installed: pip install keras.")
    return Path(spec.origin).parent


def chosen_files(keras: Path, only: str) -> list[Path]:
    """The test files of the groups asked for; all without `only`."""
    files = sorted((keras / "src").rglob("*_test.py"))
    beginnings = tuple(only.split(","))
    return [file for file in files if str(file.relative_to(keras / "src")).startswith(beginnings)]


def needs_run(result: dict | None) -> bool:
    """Whether a file was never run, or has failures."""
    return result is None or bool(result["ended"]) or any(test["outcome"] == "failed" for test in result["tests"])


def run_apart(file: Path, arguments: argparse.Namespace) -> dict:
    """Runs a file in a process of its own; what it did before a time-out counts."""
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "lines"
        lines.touch()
        command = [sys.executable, "-m", "tools.keras_suite", "--run", str(file), "--into", str(lines)]
        command += ["--oracle"] if arguments.oracle else []
        environment = {
            **os.environ,
            "KERAS_BACKEND": "jax",
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }
        ended = ""
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, timeout=arguments.timeout, capture_output=True, text=True
            )
            if done.returncode not in (0, 1, 5):
                ended = f"ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}"
        except subprocess.TimeoutExpired:
            ended = f"time-out after {arguments.timeout} s"
        return {"ended": ended, "tests": [json.loads(line) for line in lines.read_text().splitlines()]}


def save(name: str, result: dict, file: Path) -> None:
    """Keeps the result of a test file, beside what other runs may have kept meanwhile."""
    file.parent.mkdir(exist_ok=True)
    kept = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**kept, name: result}, indent=1))


# ---------------------------------------------------------------------------- in the process of one file


def run_file(file: Path, lines: Path, oracle: bool) -> int:
    """Runs one test file with pytest, and writes a line of JSON a test."""
    import pytest
    from tools import keras_mapping

    keras = keras_root()
    if oracle:
        keras_mapping.provide_absent()
    else:
        keras_mapping.install(keras)
    sys.modules["conftest"] = conftest()
    options = ["-q", "--no-header", "--noconftest", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:warnings"]
    options += ["--rootdir", str(keras.parent), "-c", os.devnull, "--import-mode=prepend", "--tb=short"]
    return int(pytest.main([*options, str(file)], plugins=[Recorder(lines)]))


def conftest() -> types.ModuleType:
    """Stands in for the conftest of Keras's repository, which is not installed."""
    import pytest

    module = types.ModuleType("conftest")

    def skip_if_backend(backend: str, reason: str) -> Any:
        return pytest.mark.skipif(backend == "jax", reason=reason)

    module.skip_if_backend = skip_if_backend  # type: ignore[attr-defined]
    return module


class Recorder:
    """A plugin of pytest that writes a line a test."""

    def __init__(self, lines: Path):
        self.lines = lines

    def pytest_configure(self, config: Any) -> None:
        """Knows Keras's marks, and skips what needs another engine."""
        config.addinivalue_line("markers", "requires_trainable_backend: needs one")

    def pytest_runtest_setup(self, item: Any) -> None:
        """Nothing is replaced before a test."""
        from tools import keras_mapping

        keras_mapping.replaced.clear()

    def pytest_collectreport(self, report: Any) -> None:
        """A file that could not be read."""
        if report.outcome == "failed" or (report.outcome == "skipped" and not report.result):
            self.write(report.nodeid.split("/")[-1] + "::(file)", report.outcome, report)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """A test."""
        if report.when == "call" or report.outcome != "passed":
            self.write("::".join(report.nodeid.split("::")[1:]), report.outcome, report)

    def write(self, name: str, outcome: str, report: Any) -> None:
        """Appends a line."""
        from tools import keras_mapping

        text = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr or "")
        if outcome == "failed" and keras_mapping.replaced:
            text += f"\ninternals of Keras: {', '.join(keras_mapping.replaced)}"
        with self.lines.open("a") as file:
            file.write(json.dumps({"name": name, "outcome": outcome, "text": text[-1500:]}) + "\n")


# ---------------------------------------------------------------------------- what came out


def judge(file: str, test: dict) -> str:
    """What a test says about plait: "passed", "failed", or the reason why nothing."""
    for pattern, reason in NOT_APPLICABLE.items():
        if fnmatch.fnmatchcase(f"{file}::{test['name']}", pattern) or fnmatch.fnmatchcase(file, pattern):
            return "passed" if test["outcome"] == "passed" and "::" in pattern else reason
    if test["outcome"] == "passed":
        return "passed"
    for pattern, reason in REASONS.items():
        found = re.search(pattern, test["text"])
        if found:
            return found.expand(reason)
    return "failed" if test["outcome"] == "failed" else "skipped by Keras on JAX"


def count(file: str, result: dict) -> collections.Counter:
    """How often each judgement came; a file that ended early is one failure more."""
    counts = collections.Counter(judge(file, test) for test in result["tests"])
    if result["ended"]:
        reason = judge(file, {"name": "(file)", "outcome": "failed", "text": result["ended"]})
        counts[reason] += 1
    return counts


def summary(counts: collections.Counter) -> str:
    """The counts in a line."""
    return ", ".join(f"{number} {reason}" for reason, number in counts.most_common())


def show_failures(results: dict) -> None:
    """Lists what failed, each with the last line of its message."""
    for file, result in results.items():
        if result["ended"] and judge(file, {"name": "", "outcome": "failed", "text": ""}) == "failed":
            print(f"{file}: {result['ended']}")
        for test in result["tests"]:
            if judge(file, test) == "failed":
                lines = [line for line in test["text"].splitlines() if line.startswith("E ")] or [test["text"]]
                print(f"{file}::{test['name']}\n    " + " | ".join(line[2:].strip() for line in lines[:3])[:300])


def print_table(results: dict) -> int:
    """Prints the counts by group; 1 if anything failed."""
    groups: dict[str, collections.Counter] = {}
    for file, result in results.items():
        parts = file.split("/")
        group = "/".join(parts[:2]) if parts[0] in ("layers", "backend") and len(parts) > 2 else parts[0]
        counts = groups.setdefault(group, collections.Counter())
        counts.update(count(file, result))
        counts["files"] += 1
    total: collections.Counter = collections.Counter()
    print("| Group | Files | Passed | Failed | Not applicable |\n| --- | --- | --- | --- | --- |")
    for group, counts in groups.items():
        print(row(group, counts))
        total.update(counts)
    print(row("all", total))
    return 1 if total["failed"] else 0


def row(name: str, counts: collections.Counter) -> str:
    """A line of the table."""
    rest = collections.Counter(counts)
    files, passed, failed = (rest.pop(key, 0) for key in ("files", "passed", "failed"))
    return f"| {name} | {files} | {passed} | {failed} | {summary(rest)} |"


if __name__ == "__main__":
    sys.exit(main())
