"""Beauty has budgets: sizes of files and functions, documented names, and how much Python of ours runs.

Calls are counted with `sys.setprofile`, not timed, so the numbers are the same on every machine. A call is an entry
into a Python frame whose code is a file of src/plait: a function, a comprehension, one step of a generator. Raising a
budget is a commit of its own, with the reason.
"""

import ast
import contextlib
import importlib
import inspect
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import jax.numpy as jnp
import numpy as np
import pytest

import plait
from architecture.source_tree import ROOT, SOURCE, Definition, Function, is_public, modules, tree

LINES_IN_A_FILE = 800
LINES_IN_A_FUNCTION = 60  # from `def` to the end, without the docstring
CALLS_IN_A_WARM_DENSE = 25
CALLS_IN_A_STEP = 20
CALLS_BY_CHANCE = 5  # that a deep model may need more than a shallow one; one a variable would be 36


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_files_are_short():
    files = [path for folder in ("src", "examples", "benchmarks", "tools") for path in (ROOT / folder).rglob("*.py")]
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    long = {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines > LINES_IN_A_FILE}
    assert not long, f"Files of more than {LINES_IN_A_FILE} lines: {long}. Make two of each."


def test_functions_are_short():
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {lines_of(node)} lines"
        for path in modules().values()
        for node in ast.walk(tree(path))
        if isinstance(node, Function) and lines_of(node) > LINES_IN_A_FUNCTION
    ]
    assert not long, f"Functions of more than {LINES_IN_A_FUNCTION} lines:\n" + "\n".join(long)


def lines_of(function: Function) -> int:
    """The lines of a function from `def` to its end, docstring excepted."""
    docstring = function.body[0] if ast.get_docstring(function, clean=False) is not None else None
    documented = docstring.end_lineno - docstring.lineno + 1 if docstring else 0
    return function.end_lineno - function.lineno + 1 - documented


# --- documentation ---------------------------------------------------------------------------------------------------


def test_files_and_public_definitions_are_documented():
    silent = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}: {getattr(node, 'name', 'the file')}"
        for path in modules().values()
        for node in [tree(path), *tree(path).body]
        if isinstance(node, ast.Module)
        or (isinstance(node, Definition) and is_public(node.name) and not is_overload(node))
        if not ast.get_docstring(node)
    ]
    assert not silent, "These have no docstring:\n" + "\n".join(silent)


def test_public_methods_are_documented():
    silent = sorted(
        f"{thing.__module__}.{thing.__qualname__}.{name}"
        for module in modules()
        for thing in vars(importlib.import_module(module)).values()
        if inspect.isclass(thing) and thing.__module__ == module and is_public(thing.__qualname__)
        for name, member in vars(thing).items()
        if is_public(name) and is_behaviour(member) and not inspect.getdoc(getattr(thing, name))
    )
    assert not silent, "These have no docstring, nor have what they override:\n" + "\n".join(silent)


def is_behaviour(member: object) -> bool:
    """Whether a class's member is a method or a property, so that it needs words of its own."""
    return inspect.isfunction(member) or isinstance(member, property | classmethod | staticmethod)


def is_overload(node: Definition) -> bool:
    """Whether a definition only states a signature for type checkers."""
    return any(ast.unparse(decorator).split(".")[-1] == "overload" for decorator in node.decorator_list)


# --- calls -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
def test_a_warm_eager_dense_costs_few_calls(library):
    layer = plait.layers.Dense(8)
    x = library.ones((4, 16), "float32")
    calls = our_calls(lambda: layer(x))
    assert calls.total() <= CALLS_IN_A_WARM_DENSE, listing(calls)


@pytest.mark.parametrize("arguments", [{}, {"steps_per_execution": 1}], ids=["as it comes", "one step a dispatch"])
def test_a_step_of_fit_costs_few_calls_whatever_the_number_of_variables(arguments):
    few, many = calls_per_step(deep_model(2, **arguments)), calls_per_step(deep_model(20, **arguments))
    assert max(few, many) <= CALLS_IN_A_STEP
    assert many <= few + CALLS_BY_CHANCE


@pytest.mark.parametrize("verb", ["train_on_batch", "test_on_batch", "predict_on_batch", "__call__"])
def test_a_batch_costs_the_same_whatever_the_number_of_variables(verb):
    x, y = np.ones((32, 16), np.float32), np.ones((32, 1), np.float32)
    batch = (x, y) if verb in {"train_on_batch", "test_on_batch"} else (x,)
    shallow, deep = deep_model(2), deep_model(20)
    few = our_calls(lambda: getattr(shallow, verb)(*batch))
    many = our_calls(lambda: getattr(deep, verb)(*batch))
    assert many.total() <= few.total() + CALLS_BY_CHANCE, listing(many - few)


def deep_model(depth: int, **arguments) -> "plait.Model":
    """A compiled chain of `depth` Dense layers, so of 2 x depth variables."""
    x = inputs = plait.Input(shape=(16,))
    for _ in range(depth - 1):
        x = plait.layers.Dense(16, activation="relu")(x)
    model = plait.Model(inputs, plait.layers.Dense(1)(x))
    model.compile(optimizer="adam", loss="mse", **arguments)
    return model


def calls_per_step(model: "plait.Model", batch: int = 8, steps: int = 512) -> float:
    """Our calls that one more step of `fit` costs: a long epoch's less a short one's, without what an epoch costs."""

    def epoch(length: int) -> Callable[[], object]:
        x = np.ones((length * batch, 16), np.float32)
        return lambda: model.fit(x, x[:, :1], batch_size=batch, epochs=1, verbose=0)

    long, short = our_calls(epoch(2 * steps)), our_calls(epoch(steps))
    return (long.total() - short.total()) / steps


def our_calls(function: Callable[[], object], warmings: int = 3) -> Counter[str]:
    """How often each function of plait is called when `function` runs once more, after it has been warmed."""
    for _ in range(warmings):
        function()
    calls: Counter[str] = Counter()
    with profiled(calls):
        function()
    return calls


@contextlib.contextmanager
def profiled(calls: Counter[str]) -> Iterator[None]:
    """Counts every entry into a frame of src/plait, in this thread and in those that start meanwhile."""
    source = str(SOURCE)

    def count(frame, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(source):
            calls[f"{frame.f_code.co_filename[len(source) + 1 :]}:{frame.f_code.co_qualname}"] += 1

    threading.setprofile(count)
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


def listing(calls: Counter[str]) -> str:
    """The calls, most frequent first, for the message of a failed test."""
    return f"{calls.total()} calls:\n" + "\n".join(f"{count:6} {name}" for name, count in calls.most_common(40))
