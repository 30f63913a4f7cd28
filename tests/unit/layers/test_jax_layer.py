"""JaxLayer and FlaxLayer: pure functions and modules as layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plait
from plait.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")


@plait.saving.register_keras_serializable("test_jax_layer")
def init_dense(rng, inputs):
    return {"w": jax.random.normal(rng, (inputs.shape[-1], 3)), "b": jnp.zeros(3)}


@plait.saving.register_keras_serializable("test_jax_layer")
def call_dense(params, inputs):
    return inputs @ params["w"] + params["b"]


def init_counting(rng, inputs, training):
    return {"w": jnp.ones(())}, {"calls": jnp.zeros((), "int32")}


def call_counting(params, state, rng, inputs, training):
    noise = jax.random.normal(rng, inputs.shape) if training else 0.0
    return inputs * params["w"] + noise, {"calls": state["calls"] + 1}


def test_a_function_with_weights():
    layer = plait.layers.JaxLayer(call_dense, init_dense, seed=1)
    assert layer(plait.Input((4,))).shape == (None, 3)
    np.testing.assert_allclose(layer(X), call_dense(layer.params, X), rtol=1e-6)
    assert [w.shape for w in layer.trainable_weights] == [(3,), (4, 3)]


def test_it_trains_in_a_model():
    inputs = plait.Input((4,))
    model = plait.Model(inputs, plait.layers.JaxLayer(call_dense, init_dense)(inputs))
    model.compile("sgd", "mse")
    first = model.layers[1].get_weights()
    model.fit(X, X[:, :3], epochs=2, verbose=0)
    assert all((a != b).any() for a, b in zip(first, model.layers[1].get_weights(), strict=True))


def test_state_and_random_numbers():
    layer = plait.layers.JaxLayer(call_counting, init_counting)
    still = layer(X)
    np.testing.assert_allclose(still, X)
    assert not np.allclose(layer(X, training=True), layer(X, training=True))
    assert int(layer.state["calls"]) == 3
    assert not layer.tracked_state[0].trainable


def test_given_weights():
    layer = plait.layers.JaxLayer(lambda params, inputs: inputs * params, params=jnp.full((4,), 2.0))
    np.testing.assert_allclose(layer(X), X * 2)


def test_several_inputs():
    def init(rng, inputs):
        return jnp.ones((inputs[0].shape[-1], inputs[1].shape[-1]))

    def call(params, inputs):
        return inputs[0] @ params + inputs[1]

    assert plait.layers.JaxLayer(call, init)([X, X[:, :2]]).shape == (8, 2)


def test_config_and_registered_functions():
    layer = plait.layers.JaxLayer(call_dense, init_dense)
    layer(X)
    copy = plait.saving.deserialize_keras_object(plait.saving.serialize_keras_object(layer))
    copy(X)
    copy.set_weights(layer.get_weights())
    np.testing.assert_allclose(copy(X), layer(X))


def test_a_lambda_is_not_saved():
    layer = plait.layers.JaxLayer(lambda params, inputs: inputs, init_dense)
    with pytest.raises(ArgumentError, match="no file of plait holds code"):
        plait.saving.serialize_keras_object(layer)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((3,), "must be a function"),
        ((call_dense,), "cannot all be None"),
        ((lambda params, x: x, init_dense), "`x` is not one of them; `inputs` is missing"),
        ((lambda params, x, inputs: inputs, init_dense), "`x` is not one of them"),
        ((call_dense, lambda rng: 1), "`inputs` is missing"),
    ],
)
def test_wrong_functions_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        plait.layers.JaxLayer(*arguments, **({"params": 1.0} if arguments == (3,) else {}))


def test_the_form_of_the_state_must_stay():
    def call(params, state, inputs):
        return inputs, {**state, "more": 1}

    with pytest.raises(ArgumentError, match="must have the form"):
        plait.layers.JaxLayer(call, params={"w": jnp.ones(())}, state={"n": jnp.ones(())})(X)


class Scale:
    """What FlaxLayer needs of a module: `init` and `apply`, as Flax's have them."""

    def init(self, rngs, inputs, training=False, method=None):
        scale = jax.random.normal(rngs["params"], (inputs.shape[-1],))
        return {"params": {"scale": scale}, "statistics": {"mean": jnp.zeros(inputs.shape[-1])}}

    def apply(self, variables, inputs, training=False, rngs=None, mutable=(), method=None):
        changed = {"statistics": {"mean": inputs.mean(0)}} if "statistics" in mutable else {}
        noise = jax.random.normal(rngs["dropout"], inputs.shape) if training else 0.0
        return inputs * variables["params"]["scale"] + noise, changed

    def __call__(self, inputs, training=False):
        return inputs


def test_a_module():
    layer = plait.layers.FlaxLayer(Scale())
    np.testing.assert_allclose(layer(X), X * layer.params["scale"], rtol=1e-6)
    np.testing.assert_allclose(layer.state["statistics"]["mean"], np.zeros(4))
    layer(X, training=True)
    np.testing.assert_allclose(layer.state["statistics"]["mean"], X.mean(0), rtol=1e-5, atol=1e-6)
    assert [v.trainable for v in layer.weights] == [True, False]


def test_a_module_with_its_variables():
    variables = {"params": {"scale": jnp.full((4,), 3.0)}, "statistics": {"mean": jnp.zeros(4)}}
    np.testing.assert_allclose(plait.layers.FlaxLayer(Scale(), variables=variables)(X), X * 3)


def test_what_is_no_module():
    with pytest.raises(ArgumentError, match="`init` and `apply`"):
        plait.layers.FlaxLayer(len)
