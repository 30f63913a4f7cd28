"""Computing again in the backward pass: the same numbers, statistics and losses, with less stored."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plait
from plait.errors import NameUnknownError

X = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")
Y = np.random.default_rng(1).normal(size=(16, 1)).astype("float32")


class Watched(plait.layers.Layer):
    """Adds a loss, and keeps a statistic."""

    def build(self, input_shape):
        self.seen = self.add_weight(name="seen", initializer="zeros", trainable=False)

    def call(self, x):
        self.add_loss(0.01 * jnp.sum(x * x))
        self.seen.assign_add(1.0)
        return x


def trained(**options):
    plait.utils.set_random_seed(2)
    inputs = plait.Input((6,))
    with plait.RematScope(**options):
        hidden = plait.layers.BatchNormalization()(plait.layers.Dense(8, activation="relu", name="first")(inputs))
        hidden = plait.layers.Dropout(0.3)(Watched()(hidden))
    model = plait.Model(inputs, plait.layers.Dense(1)(hidden))
    model.compile("adam", "mse")
    history = model.fit(X, Y, epochs=2, batch_size=8, verbose=0)
    return history.history["loss"], model.get_weights()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "activations"},
        {"mode": "larger_than", "output_size_threshold": 4},
        {"mode": "list_of_layers", "layer_names": ["first"]},
    ],
    ids=["full", "activations", "larger_than", "list_of_layers"],
)
def test_training_gives_the_same(options):
    plain, again = trained(mode=None), trained(**options)
    np.testing.assert_allclose(again[0], plain[0], rtol=1e-5)
    for a, b in zip(again[1], plain[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_layers_of_the_scope_are_in_the_backward_pass_twice():
    def products(layer):
        fn, weights = plait.functional(layer)
        program = jax.make_jaxpr(jax.grad(lambda w: jnp.sum(fn(w, X, training=True))))(weights)
        return str(program).count("remat") + str(program).count("checkpoint")

    with plait.RematScope():
        inside = plait.layers.Dense(4, activation="tanh")
    outside = plait.layers.Dense(4, activation="tanh")
    inside(X), outside(X)
    assert products(inside) > products(outside) == 0


def test_a_function():
    square = plait.remat(lambda x: jnp.sin(x) ** 2)
    assert float(jax.grad(square)(0.3)) == pytest.approx(2 * np.sin(0.3) * np.cos(0.3), rel=1e-6)


def test_unknown_modes_are_refused():
    with pytest.raises(NameUnknownError, match="Did you mean 'full'"):
        plait.RematScope("ful")
