"""Two models compiled with one optimizer train in turn as two with optimizers of their own; frozen weights keep their slots."""

import gc

import numpy as np
import pytest

import plait
from plait import layers

X = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")


def model(seed):
    plait.utils.set_random_seed(seed)
    return plait.Sequential([plait.Input((2,)), layers.Dense(1)])


def losses(first, second):
    """The losses of two models that train in turn."""
    one, other = model(1), model(2)
    one.compile(first, "mse")
    other.compile(second, "mse")
    return [
        loss
        for _ in range(4)
        for loss in (one.train_on_batch(X, np.ones((2, 1))), other.train_on_batch(X, np.zeros((2, 1))))
    ]


@pytest.mark.parametrize("make", [plait.optimizers.SGD, plait.optimizers.RMSprop, plait.optimizers.Adagrad])
def test_they_train_as_with_two_optimizers(make):
    shared = make(0.01)
    np.testing.assert_array_equal(losses(shared, shared), losses(make(0.01), make(0.01)))


def test_the_counter_and_the_rate_are_one():
    one, other, optimizer = model(1), model(2), plait.optimizers.Adam(0.01)
    one.compile(optimizer, "mse")
    other.compile(optimizer, "mse")
    for _ in range(3):
        one.train_on_batch(X, np.ones((2, 1)))
        other.train_on_batch(X, np.ones((2, 1)))
    assert int(optimizer.iterations) == 6
    optimizer.learning_rate = 0.0
    before = other.get_weights()
    other.train_on_batch(X, np.zeros((2, 1)))
    np.testing.assert_array_equal(other.get_weights()[0], before[0])


def test_nothing_is_compiled_again():
    one, other, optimizer = model(1), model(2), plait.optimizers.Adam(0.01)
    one.compile(optimizer, "mse")
    other.compile(optimizer, "mse")
    traces = []

    class Traced(layers.Layer):
        def call(self, x):
            traces.append(self.name)
            return x

    for each in (one, other):
        each.add(Traced())
        each.train_on_batch(X, np.ones((2, 1)))
    before = len(traces)
    for _ in range(3):
        one.train_on_batch(X, np.ones((2, 1)))
        other.train_on_batch(X, np.ones((2, 1)))
    assert len(traces) == before


def test_an_optimizer_goes_on_with_a_new_model():
    optimizer = plait.optimizers.Adam(0.01)
    first = model(1)
    first.compile(optimizer, "mse")
    first.compile(optimizer, "mse")
    assert first.optimizer is optimizer
    first.compile("sgd", "mse")
    second = model(2)
    second.compile(optimizer, "mse")
    assert second.optimizer is optimizer


def test_weights_that_were_frozen_find_their_slots_again():
    plait.utils.set_random_seed(0)
    both = plait.Sequential([plait.Input((2,)), layers.Dense(2), layers.Dense(1)])
    both.compile(plait.optimizers.SGD(0.01, momentum=0.9), "mse")
    both.train_on_batch(X, np.ones((2, 1)))
    before = [variable.numpy() for variable in both.optimizer.variables]
    both.layers[0].trainable = False
    both.train_on_batch(X, np.ones((2, 1)))
    assert len(both.optimizer.variables) == len(before) - 2
    both.layers[0].trainable = True
    both.optimizer.build_for(both.trainable_variables)
    after = {variable.path: variable.numpy() for variable in both.optimizer.variables}
    for variable, value in zip(both.optimizer.variables[2:4], before[2:4], strict=True):
        np.testing.assert_array_equal(after[variable.path], value)


def test_slots_go_with_their_weights():
    optimizer = plait.optimizers.Adam()
    optimizer.build([plait.Variable(np.ones(3)) for _ in range(4)])
    optimizer.build([plait.Variable(np.ones(3))])
    gc.collect()
    optimizer.build([plait.Variable(np.ones(3))])
    assert len(optimizer._slots._waiting) <= 1
