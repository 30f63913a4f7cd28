"""What comes out of every layer under every policy, whether it was first called on symbolic tensors or on arrays: Keras's dtypes."""

import keras
import numpy as np
import pytest

import oracle
import plait
from cases import Input, all_cases
from plait.common.tree import flatten, map_structure

POLICIES = ("mixed_float16", "mixed_bfloat16")
BY_CLASS = {type(case.make(plait.layers)).__name__: case for case in reversed(all_cases())}


ROWS = [
    (name, policy)
    for name in BY_CLASS
    for policy in POLICIES
    if (name, policy) != ("STFTSpectrogram", "mixed_bfloat16")  # Keras refuses bfloat16 there
]


def dtypes_of(library, case, policy, first):
    """The dtypes of the outputs of two calls of one layer: on symbolic tensors and on arrays, one of them first."""
    before = library.config.dtype_policy()
    library.config.set_dtype_policy(policy)
    try:
        layer = case.make(library.layers)
        calls = {"symbolic": symbols, "arrays": arrays}
        order = [first, *(kind for kind in calls if kind != first)]
        found = {}
        for kind in order:
            to_value = calls[kind](library)
            inputs = map_structure(to_value, case.inputs)
            options = {key: to_value(v) if isinstance(v, Input) else v for key, v in case.call.items()}
            outputs = flatten(layer(inputs, **options))
            found[kind] = [str(getattr(leaf, "dtype", None)) for leaf in outputs if leaf is not None]
        return found
    finally:
        library.config.set_dtype_policy(before)


def symbols(library):
    return lambda given: library.Input(batch_shape=given.shape, dtype=given.dtype)


def arrays(library):
    return lambda given: np.asarray(given.array())


@pytest.mark.parametrize("first", ["symbolic", "arrays"])
@pytest.mark.parametrize("name, policy", ROWS)
def test_dtypes_of_outputs(name, policy, first):
    case = BY_CLASS[name]
    ours = dtypes_of(plait, case, policy, first)
    if not case.in_keras:
        half = policy.removeprefix("mixed_")
        assert ours == {kind: [half] * len(found) for kind, found in ours.items()}
        return
    assert ours == oracle.answer(lambda: dtypes_of(keras, case, policy, first), name, case.name, policy, first)


class Head(plait.layers.Layer):
    """A program's layer of layers, with a weight of its own that an op adds, and a table that is shared."""

    def __init__(self, table):
        super().__init__()
        self.table, self.dense = table, plait.layers.Dense(4)

    def build(self, shape):
        self.dense.build(shape)
        self.bias = self.add_weight(name="bias", shape=(6,), initializer="zeros")

    def call(self, x):
        return plait.ops.add(self.table(self.dense(x), reverse=True), self.bias)


@pytest.mark.parametrize("first", ["symbolic", "arrays"])
@pytest.mark.parametrize("policy", POLICIES)
def test_layers_of_layers_compute_in_the_policys_dtype(policy, first):
    plait.config.set_dtype_policy(policy)
    try:
        head, x = Head(plait.layers.ReversibleEmbedding(6, 4)), plait.Input((4,))
        values = np.ones((2, 4), "float32")
        calls = [lambda: head(x), lambda: head(values), lambda: plait.Model(x, head(x))(values)]
        found = [call().dtype for call in (calls if first == "symbolic" else [calls[1], calls[0], calls[2]])]
    finally:
        plait.config.set_dtype_policy("float32")
    assert {str(dtype) for dtype in found} == {policy.removeprefix("mixed_")}
