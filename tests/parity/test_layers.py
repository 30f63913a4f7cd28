"""Every layer of the table against Keras on JAX with the same weights: values, gradients, weights, statistics, configs."""

import inspect

import jax
import jax.numpy as jnp
import keras
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


def arrays(inputs):
    return [each.array(i) for i, each in enumerate(inputs)] if isinstance(inputs, list) else inputs.array(0)


def pair(case: Case, training=False):
    """The layer of both sides, called once, with the same weights; and the arguments of the call."""
    x = arrays(case.inputs)
    kwargs = {key: value.array(7) if isinstance(value, Input) else value for key, value in case.call.items()}
    plait.utils.set_random_seed(0)
    ours = case.make(plait.layers)
    plait.utils.set_random_seed(0)
    theirs = case.make(keras.layers)
    ours(x, training=training, **kwargs)
    keras_kwargs = dict(kwargs)
    theirs(to_keras(x), training=training, **keras_kwargs)
    ours.set_weights(theirs.get_weights())
    return ours, theirs, x, kwargs


def to_keras(x):
    return jax.tree.map(jnp.asarray, x)


def close(ours, theirs, atol):
    ours, theirs = jax.tree.leaves(ours), jax.tree.leaves(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a.astype("float64"), b.astype("float64"), rtol=max(atol, 1e-5), atol=atol)


def test_values_and_weights(case):
    ours, theirs, x, kwargs = pair(case)
    assert [(w.name, tuple(w.shape), w.trainable) for w in ours.weights] == [
        (w.name, tuple(w.shape), w.trainable) for w in theirs.weights
    ]
    close(ours(x, training=False, **kwargs), theirs(to_keras(x), training=False, **kwargs), case.atol)


def test_gradients(case):
    ours, theirs, x, kwargs = pair(case)
    fn, weights = plait.functional(ours)
    names = [path for path, v in zip(weights, ours.variables, strict=True) if v.trainable]
    trained = {path: weights[path] for path in names}
    rest = {path: weights[path] for path in weights if path not in trained}
    rng = np.random.default_rng(5)
    seeds = [rng.normal(size=np.shape(leaf)) for leaf in jax.tree.leaves(ours(x, training=False, **kwargs))]

    def weigh(outputs):
        return sum(jnp.sum(leaf * seed) for leaf, seed in zip(jax.tree.leaves(outputs), seeds, strict=True))

    told = {"training": False} if "training" in inspect.signature(theirs.call).parameters else {}
    values = [v.value for v in theirs.trainable_variables], [v.value for v in theirs.non_trainable_variables]

    def our_total(trained, x):
        return weigh(fn({**trained, **rest}, x, training=False, **kwargs))

    def their_total(trained, x):
        return weigh(theirs.stateless_call(trained, values[1], x, **told, **kwargs)[0])

    where = (0, 1) if case.differentiable else (0,)
    mine = jax.grad(our_total, where)(trained, to_keras(x))
    keras_gradients = jax.grad(their_total, where)(values[0], to_keras(x))
    close([mine[0][name] for name in names], keras_gradients[0], case.atol * 10)
    if case.differentiable:
        close(mine[1], keras_gradients[1], case.atol * 10)


def test_training_changes_the_same_statistics(case):
    ours, theirs, x, kwargs = pair(case, training=False)
    if case.random:
        same_state(ours, theirs)
    close(ours(x, training=True, **kwargs), theirs(to_keras(x), training=True, **kwargs), case.atol)
    close(ours.get_weights(), theirs.get_weights(), case.atol)


def same_state(ours, theirs):
    """Gives both sides' random generators the same state."""
    mine = [v for v in ours.variables if v.name == "seed_generator_state"]
    others = [v for v in theirs.variables if v.name == "seed_generator_state"]
    assert len(mine) == len(others)
    for a, b in zip(mine, others, strict=True):
        a.assign(b.value)


def test_first_weights_are_the_same_after_the_same_seed(case):
    x = arrays(case.inputs)
    kwargs = {key: value.array(7) if isinstance(value, Input) else value for key, value in case.call.items()}
    made = []
    for module, as_input in ((plait.layers, lambda v: v), (keras.layers, to_keras)):
        plait.utils.set_random_seed(11)
        layer = case.make(module)
        layer(as_input(x), **kwargs)
        made.append(layer.get_weights())
    close(made[0], made[1], 1e-6)


def test_configs_have_the_same_keys_and_plain_values(case):
    ours, theirs = case.make(plait.layers), case.make(keras.layers)
    mine = plait.utils.serialize_keras_object(ours)["config"]
    other = keras.saving.serialize_keras_object(theirs)["config"]
    missing = {key for key in set(other) - set(mine) - {"quantization_config"} if other[key] not in (None, False)}
    assert not missing
    for key in set(mine) & set(other) - {"name", "dtype"}:
        if not isinstance(other[key], (dict, list)) or key in ("strides", "kernel_size", "pool_size", "padding"):
            assert plain(mine[key]) == plain(other[key]), key


def plain(value):
    return tuple(map(plain, value)) if isinstance(value, (list, tuple)) else value


def test_keras_reads_our_config(case):
    ours = case.make(plait.layers)
    theirs = keras.saving.deserialize_keras_object(plait.utils.serialize_keras_object(ours))
    assert type(theirs).__name__ == type(ours).__name__
    assert theirs.name == ours.name


@pytest.mark.filterwarnings("ignore:.*rms_scaling=True:UserWarning")
def test_layer_normalization_by_variance_alone_is_as_keras_has_it():
    x = np.random.default_rng(0).normal(size=(2, 5)).astype("float32")
    ours, theirs = (lib.layers.LayerNormalization(rms_scaling=True, scale=False) for lib in (plait, keras))
    np.testing.assert_allclose(np.asarray(ours(x)), np.asarray(theirs(x)), rtol=1e-6)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights] == ["gamma"]
    assert plait.layers.LayerNormalization.from_config(ours.get_config()).rms_scaling
