"""GANs by two `compile`s, as before Keras 3: what is frozen for the second model goes on training in the first."""

import numpy as np
import pytest

import plait
from plait import layers

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
NOISE = np.random.default_rng(1).normal(size=(8, 2)).astype("float32")


@pytest.fixture
def hooked():
    plait.compat.install()
    yield
    plait.compat.uninstall()


def made():
    plait.utils.set_random_seed(0)
    critic = plait.Sequential([plait.Input((4,)), layers.Dense(3, activation="tanh"), layers.Dense(1)])
    generator = plait.Sequential([plait.Input((2,)), layers.Dense(4)])
    noise = plait.Input((2,))
    return critic, generator, plait.Model(noise, critic(generator(noise)))


def trained_in_turn(thaw):
    critic, generator, both = made()
    critic.compile(plait.optimizers.SGD(0.1, momentum=0.9), "mse")
    critic.trainable = False
    both.compile(plait.optimizers.SGD(0.1, momentum=0.9), "mse")
    for _ in range(4):
        critic.trainable = thaw
        critic.train_on_batch(X, np.ones((8, 1)))
        critic.train_on_batch(generator.predict(NOISE, verbose=0), np.zeros((8, 1)))
        critic.trainable = False
        both.train_on_batch(NOISE, np.ones((8, 1)))
    return [*critic.get_weights(), *generator.get_weights()]


def test_the_critic_trains_as_if_it_were_thawed_each_time(hooked):
    with pytest.warns(UserWarning, match="were frozen after `compile`. As before Keras 3, it trains"):
        found = trained_in_turn(thaw=False)
    for one, other in zip(found, trained_in_turn(thaw=True), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_without_the_hook_it_stays_as_it_is():
    start = made()[0].get_weights()
    with pytest.warns(UserWarning, match="there is nothing to train"):
        found = trained_in_turn(thaw=False)
    np.testing.assert_array_equal(found[0], start[0])


def test_one_that_is_frozen_before_compile_trains_nothing(hooked):
    critic, _, _ = made()
    critic.trainable = False
    critic.compile("sgd", "mse")
    start = critic.get_weights()
    with pytest.warns(UserWarning, match="there is nothing to train"):
        critic.fit(X, np.ones((8, 1)), verbose=0)
    np.testing.assert_array_equal(critic.get_weights()[0], start[0])
