"""Every layer of the table against Keras on JAX with the same weights: values, gradients, weights, statistics, configs."""

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import oracle
import plait
from cases import Case, Input, all_cases

ROWS = {case.name: case for case in all_cases() if case.in_keras}


@pytest.fixture(params=list(ROWS))
def case(request) -> Case:
    row = ROWS[request.param]
    test = request.node.originalname.removeprefix("test_")
    if test in row.skip:
        pytest.skip(row.skip[test])
    return row


def arrays(inputs):
    return [each.array(i) for i, each in enumerate(inputs)] if isinstance(inputs, list) else inputs.array(0)


def call_arguments(case: Case):
    return {key: value.array(7) if isinstance(value, Input) else value for key, value in case.call.items()}


def by_keras(case: Case, what):
    """An answer of Keras's about a row: `what` gets its layer, called once, and how to call it again."""

    def ask():
        plait.utils.set_random_seed(0)
        theirs, x, kwargs = case.make(keras.layers), to_keras(arrays(case.inputs)), call_arguments(case)
        theirs(x, training=False, **kwargs)
        return what(theirs, x, **kwargs)

    question = oracle.recipe(case.make), case.inputs, case.call
    return oracle.answer(ask, *question, name=f"{case.name}: {what.__name__}")


def of_plait(case: Case):
    """Our layer with Keras's weights, called once, and the arguments of the call."""
    x, kwargs = arrays(case.inputs), call_arguments(case)
    plait.utils.set_random_seed(0)
    ours = case.make(plait.layers)
    ours(x, training=False, **kwargs)
    ours.set_weights(by_keras(case, weights))
    return ours, x, kwargs


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


def weights(theirs, x, **kwargs):
    return theirs.get_weights()


def names_and_values(theirs, x, **kwargs):
    return named(theirs), jax.tree.leaves(theirs(x, training=False, **kwargs))


def named(layer):
    return [(w.name, tuple(w.shape), w.trainable) for w in layer.weights]


def test_values_and_weights(case):
    ours, x, kwargs = of_plait(case)
    names, values = by_keras(case, names_and_values)
    assert named(ours) == names
    close(ours(x, training=False, **kwargs), values, case.atol)


def gradients(theirs, x, **kwargs):
    told = {"training": False} if "training" in inspect.signature(theirs.call).parameters else {}
    trained, rest = ([v.value for v in some] for some in (theirs.trainable_variables, theirs.non_trainable_variables))

    def call(trained, x):
        return theirs.stateless_call(trained, rest, x, **told, **kwargs)[0]

    return gradients_of(call, trained, x)


def gradients_of(call, trained, x):
    """The gradients of a weighted sum of all that a call gives; of whole numbers there are none."""

    def total(trained, x):
        rng = np.random.default_rng(5)
        outputs = jax.tree.leaves(call(trained, x))
        return sum(jnp.sum(leaf * rng.normal(size=np.shape(leaf)).astype("float32")) for leaf in outputs)

    smooth = all(jnp.issubdtype(leaf.dtype, jnp.inexact) for leaf in jax.tree.leaves(x))
    return jax.jit(jax.grad(total, (0, 1) if smooth else (0,)))(trained, x)


def test_gradients(case):
    ours, x, kwargs = of_plait(case)
    fn, values = plait.functional(ours)
    names = [path for path, v in zip(values, ours.variables, strict=True) if v.trainable]

    def call(trained, x):
        return fn({**values, **dict(zip(names, trained, strict=True))}, x, training=False, **kwargs)

    mine, theirs = gradients_of(call, [values[name] for name in names], to_keras(x)), by_keras(case, gradients)
    close(mine[0], theirs[0], case.atol * 10)
    if case.differentiable:
        close(mine[1], theirs[1], case.atol * 10)


def states(layer):
    return [v for v in layer.variables if v.name == "seed_generator_state"]


def values_and_weights_of_training(theirs, x, **kwargs):
    before = [np.asarray(v.value) for v in states(theirs)]
    return before, jax.tree.leaves(theirs(x, training=True, **kwargs)), theirs.get_weights()


def test_training_changes_the_same_statistics(case):
    ours, x, kwargs = of_plait(case)
    before, values, after = by_keras(case, values_and_weights_of_training)
    if case.random:
        for state, value in zip(states(ours), before, strict=True):
            state.assign(value)
    close(ours(x, training=True, **kwargs), values, case.atol)
    close(ours.get_weights(), after, case.atol)


def test_first_weights_are_the_same_after_the_same_seed(case):
    x, kwargs = arrays(case.inputs), call_arguments(case)

    def first_weights(module, x):
        plait.utils.set_random_seed(11)
        layer = case.make(module)
        layer(x, **kwargs)
        return layer.get_weights()

    question = oracle.recipe(case.make), case.inputs, case.call
    close(
        first_weights(plait.layers, x),
        oracle.answer(lambda: first_weights(keras.layers, to_keras(x)), *question),
        1e-6,
    )


def test_configs_have_the_same_keys_and_plain_values(case):
    ours = case.make(plait.layers)
    mine = plait.utils.serialize_keras_object(ours)["config"]
    other = oracle.answer(
        lambda: keras.saving.serialize_keras_object(case.make(keras.layers))["config"], oracle.recipe(case.make)
    )
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
