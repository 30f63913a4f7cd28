"""`plait.ops.core`: control flow, slices and scatters give what Keras's give, also recorded."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import plait
from plait.core.graph import Graph
from plait.errors import ArgumentError, SymbolicError
from plait.ops import core

RANGE = np.arange(12, dtype="float32").reshape(3, 4)

# Name, positional arguments, keyword arguments.
CASES: list[tuple] = [
    ("cast", (RANGE, "int32"), {}),
    ("saturate_cast", (np.array([3e9, -2.0, 1.7, 300.0], "float32"), "uint8"), {}),
    ("saturate_cast", (np.array([3e9, -3e9, 1.7], "float32"), "int32"), {}),
    ("saturate_cast", (np.array([5e9, -2.0, 3e9], "float32"), "uint32"), {}),
    ("saturate_cast", (np.array([300, 0, 5], "uint32"), "int8"), {}),
    ("saturate_cast", (np.array([300, -2, 5]), "int8"), {}),
    ("saturate_cast", (np.array([300, -2, 5]), "uint8"), {}),
    ("saturate_cast", (np.array([1e30, -2.0], "float32"), "float16"), {}),
    ("saturate_cast", (np.array([3, 0]), "bool"), {}),
    ("convert_to_tensor", (RANGE,), {"dtype": "float16"}),
    ("stop_gradient", (jnp.asarray(RANGE),), {}),
    ("unstack", (RANGE,), {}),
    ("unstack", (RANGE,), {"axis": 1}),
    ("slice", (RANGE, [1, 1], [2, 2]), {}),
    ("slice", (RANGE, np.array([1, 2]), [2, -1]), {}),
    ("slice", (RANGE, [2, 3], [2, 2]), {}),
    ("slice_update", (RANGE, [1, 1], np.ones((2, 2), "float32")), {}),
    ("scatter", (np.array([[0], [2], [0]]), np.array([1.0, 2.0, 3.0], "float32"), (4,)), {}),
    ("scatter", (np.array([[0, 1], [1, 0]]), np.array([1.0, 2.0], "float32"), (2, 2)), {}),
    ("scatter", (np.array([[1]]), np.array([[1.0, 2.0]], "float32"), (2, 2)), {}),
    *[
        ("scatter_update", (np.full(4, 2.0, "float32"), np.array([[0], [1]]), np.array([5.0, 1.0])), {"reduction": how})
        for how in (None, "add", "max", "min", "mul")
    ],
    ("scatter_update", (RANGE, np.array([[0], [2]]), np.ones((2, 4), "float32")), {}),
    ("scan", (lambda c, x: (c + x, c * x), np.float32(1), np.arange(3, dtype="float32")), {}),
    (
        "scan",
        (lambda c, x: (c + x, c * x), np.float32(1), np.arange(3, dtype="float32")),
        {"reverse": True, "unroll": 2},
    ),
    ("scan", (lambda c, _: (c + 1, c), np.float32(0)), {"length": 3}),
    ("associative_scan", (lambda a, b: a + b, RANGE), {"axis": 1}),
    ("associative_scan", (lambda a, b: a * b, RANGE), {"reverse": True}),
    ("map", (lambda x: x * 2, RANGE), {}),
    ("map", (lambda x: {"a": x[0] * x[1]}, [RANGE, RANGE]), {}),
    ("vectorized_map", (lambda x: x[0] @ x[1], (RANGE, RANGE)), {}),
    ("while_loop", (lambda i: i < 5, lambda i: i + 2, np.int32(0)), {}),
    ("while_loop", (lambda i, j: i < 5, lambda i, j: (i + 1, j * 2), (np.int32(0), np.float32(1))), {}),
    ("while_loop", (lambda i: i < 5, lambda i: i + 1, np.int32(0)), {"maximum_iterations": 2}),
    ("while_loop", (lambda i: i < 5, lambda i: [i + 1], [np.int32(0)]), {}),
    (
        "while_loop",
        (lambda i, v: i < 3, lambda i, v: (i + 1, v + np.float32(0.5)), (0, 0)),
        {},
    ),  # numbers take the loop's dtype
    ("while_loop", (lambda i: i < 5, lambda i: i + 1.5, 0), {}),
    ("while_loop", (lambda i: i < 5, lambda i: i + np.float16(2), 0.0), {}),
    ("fori_loop", (0, 4, lambda i, v: v + i, np.int32(1)), {}),
    ("fori_loop", (0, 4, lambda i, v: v + 0.5, 1), {}),
    ("scan", (lambda c, x: (c + x, c * x), 0, np.arange(3, dtype="float32")), {}),
    ("cond", (True, lambda: 1.0, lambda: 2.0), {}),
    ("cond", (np.array(False), lambda: [1.0], lambda: [2.0]), {}),
    ("switch", (1, [lambda x: x, lambda x: x * 2], RANGE), {}),
    ("switch", (5, [lambda x, y: x, lambda x, y: x * y], RANGE, RANGE), {}),
]


@pytest.mark.parametrize("name, args, options", CASES, ids=[f"{i}-{row[0]}" for i, row in enumerate(CASES)])
def test_values_are_the_same(name, args, options):
    theirs = [jnp.asarray(arg) if isinstance(arg, np.ndarray) else arg for arg in args]
    got, expected = getattr(core, name)(*args, **options), getattr(keras.ops, name)(*theirs, **options)
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected)):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-6)


def symbol(*shape, dtype="float32"):
    return lambda library: library.KerasTensor(shape, dtype)


RECORDED: list[tuple] = [
    ("cast", (symbol(None, 3), "float16"), {}),
    ("saturate_cast", (symbol(None, 3), "int8"), {}),
    ("convert_to_tensor", (symbol(2, 3),), {"dtype": "int32"}),
    ("stop_gradient", (symbol(None, 3),), {}),
    ("unstack", (symbol(None, 3),), {"axis": 1}),
    ("unstack", (symbol(None, 3),), {"num": 2}),
    ("slice", (symbol(None, 4), [0, 1], [2, 2]), {}),
    ("slice", (symbol(None, 4), [0, 1], [-1, 2]), {}),
    ("slice_update", (symbol(None, 4), [0, 1], symbol(2, 2)), {}),
    ("scatter", (symbol(3, 1, dtype="int32"), symbol(3), (5,)), {}),
    ("scatter_update", (symbol(None, 2), symbol(3, 1, dtype="int32"), symbol(3, 2)), {"reduction": "add"}),
    ("scan", (lambda c, x: (c + x, c * x), symbol(3), symbol(None, 3)), {}),
    ("associative_scan", (lambda a, b: a + b, symbol(None, 3)), {"axis": 1}),
    ("map", (lambda x: x * 2, symbol(None, 3)), {}),
    ("vectorized_map", (lambda x: x * 2, symbol(None, 3)), {}),
    ("while_loop", (lambda x: x.sum() < 5, lambda x: x + 1, symbol(None, 3)), {"maximum_iterations": 2}),
    ("fori_loop", (0, 3, lambda i, v: v * 2, symbol(None, 3)), {}),
    ("cond", (symbol(dtype="bool"), lambda: jnp.ones(3), lambda: jnp.zeros(3)), {}),
    ("switch", (symbol(dtype="int32"), [lambda x: x, lambda x: x * 2], symbol(None, 3)), {}),
]


@pytest.mark.parametrize("name, args, options", RECORDED, ids=[f"{i}-{row[0]}" for i, row in enumerate(RECORDED)])
def test_symbolic_calls_are_recorded_alike(name, args, options):
    def call(library):
        filled = [arg(library) if getattr(arg, "__qualname__", "").startswith("symbol.") else arg for arg in args]
        return jax.tree.leaves(getattr(library.ops, name)(*filled, **options))

    ours, theirs = call(plait), call(keras)
    assert [(x.shape, x.dtype) for x in ours] == [(x.shape, x.dtype) for x in theirs]
    operation, expected = ours[0]._keras_history.operation, theirs[0]._keras_history.operation
    assert type(operation).__name__ == type(expected).__name__
    if name in ("while_loop", "fori_loop"):
        return  # Keras has no config for them
    config = expected.get_config()
    assert set(operation.get_config()) <= set(config)
    assert set(config) - {"name"} == set(operation.options)


def test_recorded_loops_run():
    x = plait.KerasTensor((None, 3))
    y = core.fori_loop(0, 3, lambda i, v: v * 2, core.while_loop(lambda v: v.sum() < 5, lambda v: v + 1, x))
    graph = Graph(x, y)
    np.testing.assert_allclose(graph.run([jnp.zeros((1, 3))]), np.full((1, 3), 16.0))


def test_what_a_tensor_is():
    x = plait.KerasTensor((None, 3), "int32")
    assert core.shape(x) == (None, 3)
    assert core.shape(np.ones((2, 3))) == core.shape([[1, 2, 3]] * 2) == (2, 3)
    assert (core.dtype(x), core.dtype(jnp.ones(2)), core.dtype([1.0])) == ("int32", "float32", "float32")
    kinds = [jnp.ones(2), np.ones(2), plait.Variable(1.0), x]
    assert [core.is_tensor(kind) for kind in kinds] == [True, False, False, False]
    values = core.convert_to_numpy(jnp.ones(2))
    values[0] = 3.0
    assert isinstance(core.convert_to_numpy(plait.Variable(1.0)), np.ndarray)
    with pytest.raises(SymbolicError):
        core.convert_to_numpy(x)


def test_gradients():
    @core.custom_gradient
    def double(x):
        return x * 2.0, lambda upstream: upstream * 10.0

    assert jax.grad(lambda x: double(x).sum())(jnp.ones(2)).tolist() == [10.0, 10.0]
    assert jax.grad(lambda x: (core.stop_gradient(x) * x).sum())(jnp.full(2, 3.0)).tolist() == [3.0, 3.0]
    weight = plait.Variable(2.0)
    assert float(double(weight)) == 4.0
    assert float(core.scan(lambda c, x: (c * x, None), weight, jnp.full(3, 2.0))[0]) == 16.0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: core.scatter_update(np.zeros(3), [[0]], [1.0], reduction="sum"),
        lambda: core.unstack(plait.KerasTensor((None, 3))),
        lambda: core.unstack(np.zeros((2, 3)), num=3),
        lambda: core.unstack(np.zeros((2, 3)), axis=2),
        lambda: core.scan(None, 0.0, np.zeros(3)),
        lambda: core.scan(lambda c, x: (c, x), 0.0, np.zeros(3), unroll=-1),
        lambda: core.scan(lambda c, x: (c, x), 0.0),
        lambda: core.slice(np.zeros((3, 3)), [1, 1], [2, 2, 2]),
        lambda: core.slice(np.zeros((3, 3)), [1, 1, 1], [2, 2]),
        lambda: core.cast([1.0], "string"),
        lambda: core.cast([1.0], "flaot32"),
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ArgumentError):
        wrong()
