"""The small namespaces: backend, dtype_policies, mixed_precision, tree, and the scopes; beside Keras's."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import plait
from plait import backend, dtype_policies, mixed_precision
from plait.core.function import Function
from plait.core.graph import Operation
from plait.core.stateless import StatelessScope
from plait.errors import ArgumentError, GraphError, NameUnknownError

DTYPES = ("bool", "int8", "uint16", "float8_e4m3fn", "bfloat16", "float64", "complex64", "string")


@pytest.mark.parametrize("dtype", DTYPES)
def test_kinds_of_dtypes(dtype):
    assert backend.is_int_dtype(dtype) == keras.backend.is_int_dtype(dtype)
    assert backend.is_float_dtype(dtype) == keras.backend.is_float_dtype(dtype)
    assert backend.standardize_dtype(dtype) == keras.backend.standardize_dtype(dtype)


@pytest.mark.parametrize("dtypes", [("int32", "float16"), (), ("int32", float), ("bool", "uint8"), ("int64", "uint64")])
def test_result_types(dtypes):
    assert backend.result_type(*dtypes) == keras.backend.result_type(*dtypes)


def test_numbers_by_prefix():
    plait.utils.clear_session()
    assert [backend.get_uid("a"), backend.get_uid("a"), backend.get_uid("b"), backend.get_uid()] == [1, 2, 1, 1]
    backend.clear_session()
    assert backend.get_uid("a") == 1


@pytest.mark.parametrize("name", ["float32", "bfloat16", "mixed_float16", "mixed_bfloat16"])
def test_policies_in_files(name):
    ours, theirs = dtype_policies.get(name), keras.dtype_policies.get(name)
    data = dtype_policies.serialize(ours)
    assert data == keras.dtype_policies.serialize(theirs)
    assert dtype_policies.deserialize(data) == ours
    assert keras.dtype_policies.deserialize(data).name == name
    assert (ours.compute_dtype, ours.variable_dtype) == (theirs.compute_dtype, theirs.variable_dtype)
    assert dtype_policies.FloatDTypePolicy(name).compute_dtype == ours.compute_dtype


@pytest.mark.parametrize("wrong", ["float33", 3, ["float32"]])
def test_what_is_no_policy(wrong):
    for namespace in (dtype_policies, keras.dtype_policies):
        with pytest.raises((ValueError, TypeError)):
            namespace.get(wrong)


def test_the_policy_of_the_program():
    before = mixed_precision.global_policy()
    try:
        mixed_precision.set_global_policy("mixed_bfloat16")
        assert mixed_precision.dtype_policy().compute_dtype == "bfloat16"
        assert plait.layers.Dense(1).compute_dtype == "bfloat16"
    finally:
        mixed_precision.set_dtype_policy(before)


def test_leaves_become_none():
    def replace(library):
        return lambda x: library.tree.MAP_TO_NONE if x == 1 else None

    nested = [1, {"a": 2, "b": (1,)}]
    for top_down in (True, False):
        ours = plait.tree.traverse(replace(plait), nested, top_down)
        assert ours == keras.tree.traverse(replace(keras), nested, top_down)


def test_unsafe_files_stay_refused():
    plait.config.enable_unsafe_deserialization()


# ---------------------------------------------------------------------------- operations and functions


class Halve(Operation):
    """An operation of the program."""

    def call(self, x):
        return x / 2


def test_an_operation_of_ones_own():
    x = plait.Input((3,))
    y = Halve(name="half")(x)
    assert y.shape == (None, 3)
    model = plait.Model(x, y)
    np.testing.assert_allclose(model(np.ones((2, 3))), np.full((2, 3), 0.5))
    assert Halve.from_config(Halve(name="a").get_config()).name == "a"


def test_a_part_of_a_graph_as_a_function():
    values = np.ones((2, 3), "float32")
    made = []
    for library, function in ((plait, Function), (keras, keras.Function)):
        x = library.KerasTensor((None, 3))
        y = library.ops.sum(x * 2, axis=-1)
        made.append(function(x, [y, x], name="part"))
    ours, theirs = made
    assert ours.name == theirs.name
    assert len(ours.operations) == len([o for o in theirs.operations if "input" not in o.name])
    for a, b in zip(ours(values), theirs(values), strict=True):
        np.testing.assert_allclose(a, b)
    again = ours(plait.Input((3,)))
    assert [tensor.shape for tensor in again] == [(None,), (None, 3)]
    assert ours.compute_output_shape((5, 3)) == [(5,), (5, 3)]
    with pytest.raises(ArgumentError, match="invalid input structure"):
        ours([values, values])


def test_a_function_needs_connected_ends():
    with pytest.raises(GraphError):
        Function(plait.KerasTensor((1,)), plait.KerasTensor((1,)))


def test_values_in_a_stateless_block():
    for library, block in ((plait, StatelessScope), (keras, keras.StatelessScope)):
        v = library.Variable([1.0, 2.0])
        with block(state_mapping=[(v, jnp.array([3.0, 4.0]))], collect_losses=True) as inner:
            v.assign(v + 1)
            inner.add_loss(2.0)
            assert np.allclose(v, [4.0, 5.0])
        assert np.allclose(inner.get_current_value(v), [4.0, 5.0])
        assert np.allclose(v, [1.0, 2.0])
        assert inner.losses == [2.0]
        assert inner.get_current_value(library.Variable(1.0)) is None


def test_devices_by_name():
    with plait.distribution.device("cpu:1"):
        assert jnp.zeros(2).devices().pop().id == 1
    with pytest.raises(NameUnknownError, match="Did you mean 'cpu:"):
        plait.distribution.device("cpu:99")
