"""Ops on arrays explain JAX's errors as ops on symbolic tensors do; errors of tracing stay what they are."""

import jax
import numpy as np
import pytest

import plait
from plait import layers, ops

X = np.ones((2, 4), "float32")


@pytest.mark.parametrize(
    "call",
    [
        lambda x: ops.add(x, np.ones((2, 3), "float32")),
        lambda x: ops.sum(x, axis=4),
        lambda x: ops.concatenate([x, np.ones((2, 3, 1), "float32")], axis=-1),
        lambda x: ops.matmul(x, np.ones((3, 4), "float32")),
        lambda x: ops.softmax(x, axis=7),
        lambda x: ops.one_hot(x, 3, axis=9),
        lambda x: ops.take(x, np.array([0]), axis=5),
    ],
)
def test_values_and_symbolic_tensors_are_refused_alike(call):
    kinds = []
    for x in (X, plait.Input(batch_shape=X.shape)):
        with pytest.raises(plait.errors.ArgumentError, match=r"^\w+, called on .*float32\[2, 4\].*: .*\.") as raised:
            call(x)
        kinds.append(type(raised.value))
    assert kinds[0] is kinds[1]


def test_what_is_caught_in_programs_for_keras_is_caught():
    with pytest.raises(TypeError):  # as JAX's own is
        ops.add(X, np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match="add, called on"):
        ops.add(X, np.ones((2, 3), "float32"))


def test_a_trace_that_needs_a_value_says_so_to_jax():
    with pytest.raises(jax.errors.ConcretizationTypeError):
        jax.jit(lambda x: ops.repeat(x, x))(np.array([1, 2]))


class Looking(plait.Model):
    """Looks at a value, so it runs as Python."""

    def call(self, x):
        return ops.repeat(x, x[0])


def test_a_model_that_looks_at_values_runs():
    assert np.asarray(Looking()(np.array([2, 2]))).tolist() == [2, 2, 2, 2]


def test_the_layer_is_named_beside_the_op():
    class Own(layers.Layer):
        def call(self, x):
            return ops.add(x, np.ones((2, 3), "float32"))

    with pytest.raises(plait.errors.ArgumentError, match="add, called on") as raised:
        Own(name="own")(X)
    assert any("in Own 'own'" in note for note in raised.value.__notes__)
