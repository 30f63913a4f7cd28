"""What the tables of operations are checked for: values, dtypes, signatures, symbolic calls, files and gradients.

A row is an operation with example operands. NumPy arrays among them are its tensors: they become symbolic in turn, with
all sizes known, and with the first size of each unknown. `Fixed` holds an array that stays one.
"""

import importlib
import inspect
import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import oracle
import plait
from plait.common.serialization import deserialize, serialize
from plait.common.tree import flatten, map_structure, map_structure_in_order
from plait.core.graph import Graph

DTYPES = ("bool", "int8", "uint8", "int32", "float16", "bfloat16", "float32")


BY_MACHINE = {"eig", "qr", "svd"}  # vectors whose signs and phases are the processor's


class Row(NamedTuple):
    """One call of an operation.

    Attributes:
        name: its name in `ops`.
        args: the operands; NumPy arrays are tensors.
        kwargs: the options.
        keras_symbolic: whether what Keras records is right; False where it raises, or says what isn't so when run.
        symbolic: whether a graph can hold it at all.
        unknown: whether the first size of each tensor may be unknown.
        smooth: whether to compare gradients.
        dtypes: whether to compare result dtypes for all dtypes of the operands.
        runs: whether it runs in a graph.
        keras_runs: whether Keras can run what it records.
    """

    name: str
    args: tuple
    kwargs: dict
    keras_symbolic: bool = True
    symbolic: bool = True
    unknown: bool = True
    smooth: bool = True
    dtypes: bool = True
    runs: bool = True
    keras_runs: bool = True

    def __str__(self) -> str:
        options = ",".join(f"{key}={value!r}" for key, value in self.kwargs.items())  # ids: the same in every process
        return f"{self.name}({options})".replace("\n", "")[:60]


class Fixed:
    """An array that is an option, not a tensor."""

    def __init__(self, value: Any):
        self.value = value

    def __repr__(self) -> str:
        return f"Fixed({np.asarray(self.value).tolist()})"


def row(name: str, *args: Any, flags: str = "", **kwargs: Any) -> Row:
    """A row of a table. Flags, by words: `differs`, `eager`, `known`, `rough`, `typed`, `still`, `broken`."""
    words = set(flags.split())
    assert words <= {"differs", "eager", "known", "rough", "typed", "still", "broken"}
    return Row(
        name,
        args,
        kwargs,
        keras_symbolic="differs" not in words,
        symbolic="eager" not in words,
        unknown="known" not in words,
        smooth="rough" not in words,
        dtypes="typed" not in words,
        runs="still" not in words,
        keras_runs="broken" not in words,
    )


def ids(rows: list[Row]) -> list[str]:
    """Names for a table's tests."""
    return [f"{index}-{found}" for index, found in enumerate(rows)]


def plain(values: Any) -> Any:
    """Operands with the arrays that stay arrays unpacked."""
    return map_structure_in_order(lambda leaf: leaf.value if isinstance(leaf, Fixed) else leaf, values)


def function_of(library: Any, name: str) -> Any:
    """A function by its name, `image.resize` too."""
    found = library.ops
    for part in name.split("."):
        found = getattr(found, part)
    return found


# ---------------------------------------------------------------------------- values


def assert_same(ours: Any, theirs: Any, rtol: float = 2e-5, atol: float = 1e-5) -> None:
    """Same structure, shapes, dtypes and values."""
    ours, theirs = as_tuples(ours), as_tuples(theirs)
    assert type(ours) is type(theirs) or not isinstance(theirs, (list, tuple))
    flat = flatten(ours), flatten(theirs)
    assert len(flat[0]) == len(flat[1])
    for a, b in zip(*flat, strict=True):
        assert type(a) is type(b) or not isinstance(b, int)
        assert getattr(a, "dtype", None) == getattr(b, "dtype", None)
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def as_tuples(value: Any) -> Any:
    """JAX's named results as tuples."""
    return tuple(value) if isinstance(value, tuple) else value


def check_values(found: Row, **tolerance: float) -> None:
    """Arrays, NumPy arrays and Variables give what Keras gives."""
    theirs = oracle.answer(
        lambda: as_tuples(function_of(keras, found.name)(*on_device(found.args), **plain(found.kwargs))),
        *asked(found),
        by_machine=found.name in BY_MACHINE,
    )
    function = function_of(plait, found.name)
    assert_same(function(*on_device(found.args), **plain(found.kwargs)), theirs, **tolerance)
    assert_same(function(*plain(found.args), **plain(found.kwargs)), theirs, **tolerance)


def asked(found: Row) -> tuple:
    """What a row asks of Keras: all that an answer depends on."""
    return found.name, plain(list(found.args)), plain(found.kwargs)


def on_device(values: Any) -> Any:
    """Operands with NumPy arrays as JAX arrays."""
    return map_structure_in_order(
        lambda leaf: (
            leaf.value if isinstance(leaf, Fixed) else jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf
        ),
        values,
    )


def check_dtypes(found: Row) -> None:
    """For each dtype of the operands, the result has the dtype that Keras gives."""
    theirs = oracle.answer(lambda: {dtype: dtypes_for(keras, found, dtype) for dtype in DTYPES}, *asked(found), DTYPES)
    ours = {dtype: dtypes_for(plait, found, dtype) for dtype in theirs if theirs[dtype] is not None}
    assert ours == {dtype: known for dtype, known in theirs.items() if known is not None}


def dtypes_for(library: Any, found: Row, dtype: str) -> Any:
    """The result dtypes of a call whose tensors are of one dtype; None where it refuses them."""
    template, specs = list(found.args), []
    for index, value in enumerate(template):
        if isinstance(value, np.ndarray) and value.dtype.kind in "fi":
            specs.append(jax.ShapeDtypeStruct(value.shape, jnp.dtype(dtype)))
            template[index] = len(specs) - 1, "spec"

    def call(*arrays: Any) -> Any:
        filled = [arrays[v[0]] if isinstance(v, tuple) and v[1:] == ("spec",) else v for v in template]
        return function_of(library, found.name)(*plain(filled), **plain(found.kwargs))

    try:
        return [leaf.dtype.name for leaf in jax.tree.leaves(jax.eval_shape(call, *specs))]
    except Exception:
        return None


# ---------------------------------------------------------------------------- symbolic calls


def check_symbolic(found: Row) -> None:
    """A symbolic call is recorded as Keras's is, tells shape and dtype, runs, and goes into a file and back."""
    for unknown in (False, True) if found.unknown else (False,):
        tensors, values, ours = symbolic_call(plait, found, unknown)
        check_class(flatten(ours)[0]._keras_history.operation)
        if found.keras_symbolic:
            theirs = oracle.answer(lambda unknown=unknown: recorded(keras, found, unknown), *asked(found), unknown)
            assert described(ours) == theirs
        if found.runs:
            check_run(found, tensors, values, ours)


def recorded(library: Any, found: Row, unknown: bool) -> tuple:
    """What a symbolic call of a row is recorded as."""
    return described(symbolic_call(library, found, unknown)[2])


def described(result: Any) -> tuple:
    """What a symbolic call gives: a list, a tuple or a tensor; shapes and dtypes; and the operation's config."""
    kind = type(result).__name__ if isinstance(result, (list, tuple)) else "tensor"
    return kind, [(tensor.shape, tensor.dtype) for tensor in flatten(result)], config_of(result)


def config_of(result: Any) -> dict:
    """The config of the operation that gave a symbolic tensor, without its name."""
    config = flatten(result)[0]._keras_history.operation.get_config()
    return {key: json.loads(json.dumps(value)) for key, value in config.items() if key != "name"}


def check_class(operation: Any) -> None:
    """The operation has a class of Keras, and that class's constructor arguments as config."""
    data = serialize(operation)
    expected = getattr(importlib.import_module(data["module"]), data["class_name"])
    parameters = inspect.signature(expected.__init__).parameters
    assert set(data["config"]) == {*parameters} - {"self"} | {"name"}


def symbolic_call(library: Any, found: Row, unknown: bool) -> tuple:
    """A call with a symbolic tensor for each array: the tensors, the arrays, and the result."""
    tensors, values = [], []

    def make(leaf: Any) -> Any:
        if isinstance(leaf, Fixed):
            return leaf.value
        if not isinstance(leaf, np.ndarray):
            return leaf
        shape = (None, *leaf.shape[1:]) if unknown and leaf.ndim else leaf.shape
        tensors.append(library.KerasTensor(shape, str(jnp.asarray(leaf).dtype)))
        values.append(jnp.asarray(leaf))
        return tensors[-1]

    args = map_structure_in_order(make, list(found.args))
    kwargs = {key: map_structure_in_order(make, value) for key, value in found.kwargs.items()}
    return tensors, values, function_of(library, found.name)(*args, **kwargs)


def check_run(found: Row, tensors: list, values: list, result: Any) -> None:
    """A graph of the recorded call computes what the call on arrays does: before a file, after it, and in Keras."""
    function = function_of(plait, found.name)
    expected = flatten(function(*on_device(found.args), **{k: on_device(v) for k, v in found.kwargs.items()}))
    graph = Graph(tensors, result)
    assert_same(flatten(graph.run(values)), expected)
    operation = graph.nodes[0].operation
    if any(callable(leaf) for leaf in flatten(list(graph.nodes[0].args))):
        return
    data = json.loads(json.dumps(serialize(operation)))
    copy = deserialize(data)
    assert_same(flatten(graph.run(values, lambda _, *args, **kwargs: copy(*args, **kwargs))), expected)
    if found.keras_symbolic and found.keras_runs:
        theirs = oracle.answer(
            lambda: run_by_keras(graph, values),
            *asked(found),
            data["class_name"],
            config_of(result),
            by_machine=found.name in BY_MACHINE,
        )
        assert_same(theirs, expected)


def run_by_keras(graph: Graph, values: list) -> list:
    """What Keras's operation of the same class and config computes in a graph of one node."""
    operation = graph.nodes[0].operation
    data = serialize(operation)
    kerases = getattr(importlib.import_module(data["module"]), data["class_name"]).from_config(operation.get_config())
    return flatten(graph.run(values, lambda _, *args, **kwargs: kerases(*args, **kwargs)))


# ---------------------------------------------------------------------------- gradients


def check_gradients(found: Row, rtol: float = 1e-4, atol: float = 1e-5) -> None:
    """The gradients for all floating operands are Keras's."""
    leaves = [leaf for leaf in flatten(list(found.args)) if isinstance(leaf, np.ndarray) and leaf.dtype == np.float32]
    if not leaves:
        return
    theirs = oracle.answer(lambda: gradients(keras, found, leaves), *asked(found), by_machine=found.name in BY_MACHINE)
    ours = gradients(plait, found, leaves)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def gradients(library: Any, found: Row, leaves: list) -> list:
    """Gradients of a weighted sum of all that an operation gives."""

    def total(arrays: list) -> Any:
        remaining = iter(arrays)
        fill = lambda leaf: next(remaining) if any(leaf is known for known in leaves) else leaf  # noqa: E731
        args = plain(map_structure_in_order(fill, list(found.args)))
        results = jax.tree.leaves(function_of(library, found.name)(*args, **plain(found.kwargs)))
        results = [r for r in results if hasattr(r, "dtype") and jnp.issubdtype(r.dtype, jnp.inexact)]
        return sum((jnp.sum(jnp.sin(1.0 + jnp.arange(r.size)) * jnp.real(r).ravel()) for r in results), jnp.zeros(()))

    return jax.grad(total)([jnp.asarray(leaf) for leaf in leaves])


# ---------------------------------------------------------------------------- signatures


def check_signature(name: str) -> None:
    """Parameters have Keras's names, order and defaults."""
    ours, theirs = (inspect.signature(function_of(library, name)).parameters.values() for library in (plait, keras))
    assert [(p.name, p.default, p.kind) for p in ours] == [(p.name, p.default, p.kind) for p in theirs]


def refuses(name: str, *args: Any, match: str | None = None, **kwargs: Any) -> None:
    """A call is refused by plait, and by Keras."""
    with pytest.raises((ValueError, TypeError), match=match):
        function_of(plait, name)(*args, **kwargs)
    with pytest.raises(Exception):  # noqa: B017
        function_of(keras, name)(*args, **kwargs)


__all__ = [
    "Fixed",
    "Row",
    "assert_same",
    "check_dtypes",
    "check_gradients",
    "check_signature",
    "check_symbolic",
    "check_values",
    "function_of",
    "ids",
    "map_structure",
    "refuses",
    "row",
]
