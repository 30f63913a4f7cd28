"""Pickles and deep copies of models, whatever ops and operators are in their graphs.

One row for each op that can be recorded, from the tables of the parity tests, and one for each operator.
"""

import copy
import operator
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

import plait
from parity import test_ops_image, test_ops_linalg, test_ops_math, test_ops_nn, test_ops_numpy
from parity.op_checks import Row, function_of, symbolic_call
from plait import ops
from plait.common.tree import flatten
from plait.core.graph import Graph
from plait.errors import ArgumentError

WAYS = {"pickle": lambda thing: pickle.loads(pickle.dumps(thing)), "deepcopy": copy.deepcopy, "copy": copy.copy}


def plus_and_times(carry, x):
    return carry + x, carry * x


def is_small(x):
    return x.sum() < 5


def double(x):
    return x * 2


def one():
    return jnp.ones(3)


def two():
    return jnp.full(3, 2.0)


def one_of_each(rows):
    return list({row.name: row for row in rows}.values())


TABLES = (test_ops_numpy, test_ops_math, test_ops_linalg, test_ops_image)
ROWS = one_of_each(row for table in TABLES for row in table.ROWS if row.symbolic)
ROWS += one_of_each(Row(name, tuple(tensors), options) for name, tensors, options in test_ops_nn.CASES)
A, IMAGE = np.linspace(-2.0, 2.2, 12, dtype="float32").reshape(3, 4), np.ones((1, 4, 4, 2), "float32")
ACTIVATIONS = (
    "celu elu gelu glu hard_shrink hard_sigmoid hard_swish hard_tanh leaky_relu log_sigmoid log_softmax relu relu6 selu "
    "sigmoid soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh_shrink"
)
ROWS += [Row(name, (A,), {}) for name in ACTIVATIONS.split()]
ROWS += [
    Row("threshold", (A, 0.5, -1.0), {}),
    Row("rearrange", (A, "a b -> b a"), {}),
    Row("conv_transpose", (IMAGE, np.ones((2, 2, 3, 2), "float32"), 2), {}),
    Row("ctc_decode", (np.ones((1, 4, 3), "float32"), np.int32([4])), {}),
    Row("cast", (A, "int32"), {}),
    Row("saturate_cast", (A, "int8"), {}),
    Row("convert_to_tensor", (A,), {"dtype": "float16"}),
    Row("stop_gradient", (A,), {}),
    Row("unstack", (A,), {"axis": 1}),
    Row("slice", (A, [0, 1], [2, 2]), {}),
    Row("slice_update", (A, [0, 1], np.ones((2, 2), "float32")), {}),
    Row("scatter", (np.int32([[0], [2]]), np.float32([1, 2]), (4,)), {}),
    Row("scatter_update", (A, np.int32([[0], [2]]), np.ones((2, 4), "float32")), {"reduction": "add"}),
    Row("scan", (plus_and_times, np.float32([1]), A[:, :1]), {}),
    Row("associative_scan", (operator.add, A), {"axis": 1}),
    Row("map", (operator.neg, A), {}),
    Row("vectorized_map", (operator.neg, A), {}),
    Row("while_loop", (is_small, double, A), {"maximum_iterations": 2}),
    Row("fori_loop", (0, 3, operator.mul, A), {}),
    Row("cond", (np.array(True), one, two), {}),
    Row("switch", (np.int32(1), [operator.pos, operator.neg], A), {}),
    Row("jvp", (ops.sin, (A,), (A,)), {}),
]
OPERATORS = {
    **{f"x {name} y": getattr(operator, name) for name in "add sub mul truediv floordiv mod pow matmul".split()},
    **{f"x {name} y": getattr(operator, name) for name in "eq ne lt le gt ge and_ or_ xor".split()},
    **{f"{name} x": lambda x, _, name=name: getattr(operator, name)(x) for name in "neg pos abs invert".split()},
    **{f"2 {name} x": lambda x, _, name=name: getattr(operator, name)(2.0, x) for name in ("sub", "truediv", "pow")},
    **{f"x {name} array": lambda x, _, name=name: getattr(operator, name)(x, EYE) for name in ("add", "matmul")},
    **{f"array {name} x": lambda x, _, name=name: getattr(operator, name)(EYE, x) for name in ("add", "matmul")},
    "round x": lambda x, _: round(x),
    "x[:, 1]": lambda x, _: x[:, 1],
    "x[..., None]": lambda x, _: x[..., None],
    "x[:, ::2]": lambda x, _: x[:, ::2],
    "x.T": lambda x, _: x.T,
    "x.reshape": lambda x, _: x.reshape((3, -1)),
    "x.squeeze": lambda x, _: x[:, :1].squeeze(1),
    "x.astype": lambda x, _: x.astype("float16"),
}
EYE = np.eye(3, dtype="float32")


def same_values(graph, copied, values):
    for ours, theirs in zip(flatten(graph.run(values)), flatten(copied.run(values)), strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def all_ops():
    """Every op that tensors may be given to, by its name in `plait.ops`."""
    found = {name: getattr(ops, name) for name in dir(ops)}
    found |= {f"image.{name}": getattr(ops.image, name) for name in dir(ops.image)}
    return {function.operation: name for name, function in found.items() if hasattr(function, "operation")}


def test_every_op_has_a_row():
    functions = (function_of(plait, row.name) for row in ROWS)
    tested = {function.operation for function in functions if hasattr(function, "operation")}
    assert [name for cls, name in all_ops().items() if cls not in tested] == []


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_copied_op_computes_the_same(row):
    tensors, values, result = symbolic_call(plait, row, unknown=False)
    if not any(hasattr(leaf, "node") for leaf in flatten(result)):
        return
    graph = Graph(tensors, result)
    for way in ("pickle", "deepcopy"):
        copied = WAYS[way](graph)
        assert [type(o) for o in copied.operations] == [type(o) for o in graph.operations]
        assert repr([o.config for o in copied.operations if hasattr(o, "config")]) == repr(
            [o.config for o in graph.operations if hasattr(o, "config")]
        )
        if row.runs:
            same_values(graph, copied, values)


@pytest.mark.parametrize("form", OPERATORS)
def test_a_copied_operator_computes_the_same(form):
    x, y = plait.KerasTensor((3, 3)), plait.KerasTensor((3, 3))
    graph = Graph([x, y], OPERATORS[form](x + 0, y))
    values = [jnp.arange(9.0).reshape(3, 3), jnp.full((3, 3), 2.0)]
    for way in ("pickle", "deepcopy"):
        same_values(graph, WAYS[way](graph), values)


def model_of_operators():
    """All operators that keep rows apart, behind a layer that is trained."""
    x = plait.Input((3,))
    left, right = (plait.layers.Dense(3, activation="sigmoid")(x) + 0.5 for _ in range(2))  # positive, for powers
    mixed = "x matmul y", "x.T", "x.reshape", "x.squeeze"
    forms = [form for form in OPERATORS if form not in mixed and "[" not in form and "array" not in form]
    results = [ops.cast(OPERATORS[form](left, right), "float32") for form in forms]
    results += [left @ EYE, EYE[:1] + right, left[:, 1:2] * right, ops.mean(left, axis=1, keepdims=True) * right]
    return plait.Model(x, plait.layers.Dense(1)(ops.tanh(ops.concatenate(results, axis=1))))


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_copied_model_of_operators_is_trained_alone(way, fitted):
    x, y = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3), np.ones((8, 1), "float32")
    model = model_of_operators()
    model.compile("adam", "mse")
    if fitted:
        model.fit(x, y, verbose=0)
    copied, before = WAYS[way](model), model.get_weights()
    np.testing.assert_array_equal(copied.predict(x, verbose=0), model.predict(x, verbose=0))
    copied.fit(x, y, verbose=0, shuffle=False)
    assert all(np.array_equal(mine, kept) for mine, kept in zip(model.get_weights(), before, strict=True))
    model.fit(x, y, verbose=0, shuffle=False)
    assert not np.array_equal(model.get_weights()[0], before[0])
    for mine, others in zip(model.get_weights(), copied.get_weights(), strict=True):
        np.testing.assert_allclose(mine, others, rtol=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_a_long_chain_is_copied(way):
    x = tensor = plait.Input((2,))
    for _ in range(400):
        tensor = ops.sin(tensor)
    copied = WAYS[way](plait.Model(x, plait.layers.Dense(1, kernel_initializer="ones")(tensor)))
    assert len(copied.operations) == 402


@plait.op
def tripled(x):
    """Three times x."""
    return 3 * x


def test_an_op_of_the_program_is_pickled_by_its_function_or_by_its_name():
    doubled = plait.op(lambda x: 2 * x, name="Doubled")
    x = plait.Input((2,))
    model = plait.Model(x, doubled(tripled(x)))
    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(copied(np.ones((1, 2), "float32")), [[6.0, 6.0]])
        assert type(copied.operations[1]) is tripled.operation
    plait.op(lambda x: 4 * x, name="Doubled")
    np.testing.assert_array_equal(copy.deepcopy(model)(np.ones((1, 2), "float32")), [[6.0, 6.0]])
    with pytest.raises(ArgumentError, match="'Doubled' cannot be pickled"):
        pickle.dumps(model)


def test_a_copied_layer_has_no_calls_and_a_copied_model_has_its_own():
    x = plait.Input((3,))
    shared = plait.layers.Dense(3)
    first, second = shared(x), shared(shared(x))
    model = plait.Model(x, ops.add(first, second))
    assert copy.deepcopy(shared).nodes == []
    copied = copy.deepcopy(model)
    calls = copied.layers[1].nodes
    assert [node.position for node in calls] == [0, 1, 2]
    assert all(node in copied.graph.depths for node in calls)
    part = plait.Model(copied.input, calls[0].outputs[0])
    values = np.ones((1, 3), "float32")
    np.testing.assert_array_equal(part(values), shared(values))


def test_masks_of_copied_tensors_are_still_made_by_their_calls():
    x = plait.Input((4,), dtype="int32")
    embedded = plait.layers.Embedding(5, 3, mask_zero=True)(x)
    model = plait.Model(x, embedded)
    copied = copy.deepcopy(model)
    onwards = [
        plait.Model(m.input, plait.layers.LSTM(2, seed=1, kernel_initializer="ones")(m.output)) for m in (model, copied)
    ]
    onwards[1].set_weights(onwards[0].get_weights())
    values = np.int32([[1, 2, 0, 0], [3, 0, 0, 0]])
    np.testing.assert_array_equal(onwards[0](values), onwards[1](values))
    assert not np.array_equal(onwards[1](values), onwards[1](np.int32([[1, 2, 1, 1], [3, 1, 1, 1]])))


def test_a_copied_model_that_starts_in_the_middle_is_saved(tmp_path):
    x = plait.Input((3,))
    middle = ops.sin(plait.layers.Dense(4)(x))
    model = plait.Model(middle, plait.layers.Dense(2)(middle))
    copied = pickle.loads(pickle.dumps(model))
    copied.save(tmp_path / "m.keras")
    values = np.ones((1, 4), "float32")
    np.testing.assert_array_equal(plait.models.load_model(tmp_path / "m.keras")(values), model(values))
