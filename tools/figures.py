"""Figures of a checkout's shape, to lay before and after side by side: `python tools/figures.py CHECKOUT...`

For each checkout a column: lines of code and how many of them ask `hasattr` or `isinstance`; the frames from `fit` to a
layer's `call`, and how often a helper of data is called in one `fit`; methods of the largest class; tests by kind. What
runs, runs in a process of its own that imports plait from that checkout. `--tests` collects the tests too, which takes
half a minute each. Needs the environment of `make test`, Keras among it.
"""

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from surface import lines_of_code, show

ASKED = ("hasattr", "isinstance", "getattr")
OTHER_ENGINES = {"tensorflow", "torch", "numpy", "openvino"}
FIT = """
import json, sys, traceback
import numpy as np
import plait

source = plait.__path__[0]
kept = []
calls = {}

class Watch(plait.layers.Layer):
    def call(self, x):
        frames = [frame for frame in traceback.extract_stack() if frame.filename.startswith(source)]
        kept.append([f"{frame.filename[len(source) + 1:]}:{frame.name}" for frame in frames])
        return x * 1.0

def count(frame, event, argument):
    if event == "call" and frame.f_code.co_filename.startswith(source):
        calls[frame.f_code.co_name] = calls.get(frame.f_code.co_name, 0) + 1

model = plait.Sequential([plait.Input((3,)), Watch(), plait.layers.Dense(1)])
model.compile("sgd", "mse")
kept.clear()
sys.setprofile(count)
model.fit(np.ones((8, 3), "float32"), np.ones((8, 1), "float32"), verbose=0)
sys.setprofile(None)
helpers = ("is_arrays", "as_arrays", "count_rows", "flatten")
print(json.dumps({"frames": kept[-1], "calls": sum(calls.values()), "helpers": {h: calls.get(h, 0) for h in helpers}}))
"""


def main(arguments: list[str]) -> int:
    """Prints the table."""
    checkouts = [Path(argument).resolve() for argument in arguments if not argument.startswith("-")]
    if not checkouts:
        checkouts = [Path(__file__).resolve().parents[1]]
    columns = [figures(checkout, "--tests" in arguments) for checkout in checkouts]
    rows = [(name, *(str(column.get(name, "")) for column in columns)) for name in columns[0]]
    show("Figures", ("figure", *(checkout.name for checkout in checkouts)), rows)
    if "-v" in arguments:
        for checkout in checkouts:
            print(f"\n{checkout.name}, from fit to a layer's call:\n  " + "\n  ".join(of_fit(checkout)["frames"]))
    return 0


def figures(checkout: Path, with_tests: bool) -> dict[str, object]:
    """The figures of one checkout by their names."""
    files = sorted((checkout / "src" / "plait").rglob("*.py"))
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}
    lines = sum(lines_of_code(file) for file in files)
    calls = Counter(called for tree in trees.values() for called in names_called(tree))
    fit = of_fit(checkout)
    methods, largest = max(class_sizes(trees.values()))
    found: dict[str, object] = {
        "files": len(files),
        "files right under src/plait": len(list((checkout / "src" / "plait").glob("*.py"))),
        "lines of code": lines,
        "of Keras's, one engine": f"{lines / keras_lines():.3f}",
        **{f"{name}, a thousand lines": f"{1000 * calls[name] / lines:.1f} ({calls[name]})" for name in ASKED},
        **{f"{name}()": calls[name] for name in ("locals", "setattr")},
        "'Keras's sake'": sum(file.read_text(encoding="utf-8").count("Keras's sake") for file in files),
        "stacklevel=": sum(file.read_text(encoding="utf-8").count("stacklevel=") for file in files),
        "methods of the largest class": f"{methods} ({largest})",
        "frames from fit to a layer's call": len(fit["frames"]),
        "our calls in a fit of one batch": fit["calls"],
        **{f"calls of {name} in it": times for name, times in fit["helpers"].items()},
    }
    if with_tests:
        found |= {f"tests/{kind}": number for kind, number in tests_by_kind(checkout).items()}
    return found


def names_called(tree: ast.Module) -> list[str]:
    """The bare names that a file calls, one entry a call."""
    return [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]


def class_sizes(trees: object) -> list[tuple[int, str]]:
    """How many functions each class defines."""
    return [
        (sum(isinstance(item, ast.FunctionDef) for item in node.body), node.name)
        for tree in trees  # type: ignore[attr-defined]
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]


def keras_lines() -> int:
    """The lines of code of Keras with one engine, JAX; Keras isn't imported."""
    spec = importlib.util.find_spec("keras")
    root = Path(spec.submodule_search_locations[0], "src")  # type: ignore[union-attr,index]
    files = [file for file in root.rglob("*.py") if not file.name.endswith("_test.py")]
    return sum(lines_of_code(file) for file in files if OTHER_ENGINES.isdisjoint(file.relative_to(root).parts))


def of_fit(checkout: Path) -> dict:
    """What a small `fit` shows: frames of plait at trace time, and how often its functions are called."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FIT], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{checkout}: a small fit failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def tests_by_kind(checkout: Path) -> dict[str, int]:
    """How many tests each folder of `tests` has, as pytest collects them."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests"]
    environment = {**os.environ, "PYTHONPATH": "", "KERAS_BACKEND": "jax"}
    told = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True).stdout
    kinds = Counter(match[1] for match in re.finditer(r"(?m)^tests/([^/:]+)(?:/|\.py)[^\n]*::", told))
    return {"all": kinds.total(), **dict(sorted(kinds.items()))}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
