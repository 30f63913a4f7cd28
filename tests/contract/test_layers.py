"""What every layer promises, over the table of layers: a new row gets all of these."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plait
from cases import Case, Input, all_cases

ROWS = {case.name: case for case in all_cases()}


@pytest.fixture(params=list(ROWS))
def case(request) -> Case:
    row = ROWS[request.param]
    test = request.node.originalname.removeprefix("test_")
    if test in row.skip:
        pytest.skip(row.skip[test])
    return row


def arrays(inputs, seed=0):
    return [each.array(seed + i) for i, each in enumerate(inputs)] if isinstance(inputs, list) else inputs.array(seed)


def call_arguments(case: Case):
    return {key: value.array(7) if isinstance(value, Input) else value for key, value in case.call.items()}


def leaves(outputs):
    return [np.asarray(leaf, dtype=np.float64 if leaf.dtype != bool else bool) for leaf in jax.tree.leaves(outputs)]


def close(one, other, tolerance=1e-5):
    for a, b in zip(leaves(one), leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_symbolic_shapes_and_dtypes_are_what_comes_out(case):
    layer = case.make(plait.layers)
    several = isinstance(case.inputs, list)
    given = case.inputs if several else [case.inputs]
    tensors = [plait.Input(each.shape[1:], dtype=each.dtype) for each in given]
    outputs = layer(tensors if several else tensors[0], **call_arguments_without_batch(case))
    values = layer(arrays(case.inputs), **call_arguments(case))
    for symbolic, value in zip(jax.tree.leaves(outputs), jax.tree.leaves(values), strict=True):
        assert symbolic.dtype == value.dtype
        assert len(symbolic.shape) == len(value.shape)
        assert all(a is None or a == b for a, b in zip(symbolic.shape, value.shape, strict=True))


def call_arguments_without_batch(case: Case):
    return {
        key: plait.Input(value.shape[1:], dtype=value.dtype) if isinstance(value, Input) else value
        for key, value in case.call.items()
    }


def test_jit_gives_what_eager_gives(case):
    layer = case.make(plait.layers)
    x, kwargs = arrays(case.inputs), call_arguments(case)
    eager = layer(x, training=False, **kwargs)
    fn, weights = plait.functional(layer)
    close(jax.jit(lambda w, x: fn(w, x, training=False, **kwargs))(weights, x), eager)


def test_config_makes_the_same_layer(case):
    layer = case.make(plait.layers)
    x, kwargs = arrays(case.inputs), call_arguments(case)
    first = layer(x, training=False, **kwargs)
    again = type(layer).from_config(layer.get_config())
    again(x, training=False, **kwargs)
    again.set_weights(layer.get_weights())
    close(again(x, training=False, **kwargs), first)
    data = plait.utils.serialize_keras_object(layer)
    copy = plait.utils.deserialize_keras_object(data)
    assert type(copy) is type(layer)
    assert copy.name == layer.name


def test_a_clone_shares_nothing_and_begins_anew(case):
    several = isinstance(case.inputs, list)
    given = case.inputs if several else [case.inputs]
    tensors = [plait.Input(each.shape[1:], dtype=each.dtype) for each in given]
    call = call_arguments_without_batch(case)

    def model():
        outputs = case.make(plait.layers)(tensors if several else tensors[0], **call)
        return plait.Model(
            [*tensors, *(value for value in call.values() if isinstance(value, plait.KerasTensor))], outputs
        )

    one, other = model(), model()
    clone = plait.models.clone_model(one)
    assert {*map(id, clone.variables)}.isdisjoint(map(id, one.variables))
    assert len(clone.variables) == len(one.variables)
    for first, second, third in zip(one.weights, other.weights, clone.weights, strict=True):
        drawn = not np.array_equal(first.numpy(), second.numpy())
        assert drawn == (not np.array_equal(first.numpy(), third.numpy())), first.path


def test_gradients_are_finite(case):
    layer = case.make(plait.layers)
    x, kwargs = arrays(case.inputs), call_arguments(case)
    layer(x, training=False, **kwargs)
    fn, weights = plait.functional(layer)
    trained = {path: w for path, w in weights.items() if jnp.issubdtype(w.dtype, jnp.floating)}
    others = {path: w for path, w in weights.items() if path not in trained}

    def total(trained):
        outputs = fn({**trained, **others}, x, training=False, **kwargs)
        return sum(jnp.sum(leaf.astype("float32")) for leaf in jax.tree.leaves(outputs))

    for gradient in jax.tree.leaves(jax.jit(jax.grad(total))(trained)):  # one program, not one an operation
        assert np.isfinite(gradient).all()


def test_bfloat16_computes_in_bfloat16(case):
    layer = case.make(plait.layers)
    policied = type(layer).from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    outputs = policied(arrays(case.inputs), training=False, **call_arguments(case))
    assert all(variable.dtype != "bfloat16" for variable in policied.weights)
    for leaf in jax.tree.leaves(outputs):
        assert np.isfinite(np.asarray(leaf, "float32")).all()


def test_weights_round_trip(case):
    layer = case.make(plait.layers)
    layer(arrays(case.inputs), training=False, **call_arguments(case))
    values = [np.asarray(w) + 1 for w in layer.get_weights()]
    layer.set_weights(values)
    for stored, value in zip(layer.get_weights(), values, strict=True):
        np.testing.assert_array_equal(stored, value)


def test_repr_says_the_name(case):
    layer = case.make(plait.layers)
    assert layer.name in repr(layer)


def test_repeats_after_a_seed(case):
    results = []
    for _ in range(2):
        plait.utils.set_random_seed(3)
        layer = case.make(plait.layers)
        results.append(layer(arrays(case.inputs), training=True, **call_arguments(case)))
    close(results[0], results[1], tolerance=0)
