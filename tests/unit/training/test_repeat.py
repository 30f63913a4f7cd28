"""fit(seed=...): the same bits again, whatever was drawn before, and from any epoch on."""

import random
from functools import cache

import numpy as np

import plait
from parity.training.test_trajectories import X, Y


@cache
def network():
    """One model for all tests; its weights and its optimizer are put back before each run."""
    plait.utils.set_random_seed(3)
    x = plait.Input((4,))
    h = plait.layers.Dropout(0.3)(plait.layers.Dense(6, activation="tanh")(x))
    model = plait.Model(x, plait.layers.Dense(2)(plait.layers.GaussianNoise(0.1)(h)))
    model.compile("adam", "mse")
    model.fit(X[:8], Y[:8], batch_size=8, verbose=0)
    return model, model.get_state_tree("numpy_array")


def fresh():
    model, start = network()
    model.set_state_tree(start)
    return model


def trained(*runs):
    """The weights after some runs of one model, with other draws between them."""
    model = fresh()
    for run in runs:
        model.fit(X, Y, verbose=0, batch_size=8, **run)
        random.random(), np.random.rand(7)  # noqa: NPY002
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def test_the_same_bits_for_the_same_seed():
    first = trained({"seed": 5, "epochs": 4})
    np.random.rand(3)  # noqa: NPY002
    assert np.array_equal(first, trained({"seed": 5, "epochs": 4}))
    assert not np.array_equal(first, trained({"seed": 6, "epochs": 4}))


def test_an_epoch_is_the_same_in_any_run():
    """Order and dropout are functions of the epoch's number, not of what ran before in this process."""
    whole = trained({"seed": 5, "epochs": 4})
    parts = trained({"seed": 5, "epochs": 2}, {"seed": 5, "epochs": 4, "initial_epoch": 2})
    assert np.array_equal(whole, parts)


def test_the_programs_own_draws_are_left_alone():
    model = fresh()
    random.seed(1), np.random.seed(1)  # noqa: NPY002
    expected = random.random(), np.random.rand()  # noqa: NPY002
    random.seed(1), np.random.seed(1)  # noqa: NPY002
    model.fit(X, Y, epochs=2, verbose=0, seed=9)
    assert (random.random(), np.random.rand()) == expected  # noqa: NPY002


def test_data_that_draws_repeats_too():
    class Noisy(plait.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return X + np.random.normal(size=X.shape).astype("float32"), Y  # noqa: NPY002

    def weights(*runs):
        model = fresh()
        for options in runs:
            model.fit(Noisy(), verbose=0, seed=2, **options)
            random.random(), np.random.rand(7)  # noqa: NPY002
        return model.get_weights()[0]

    whole = weights({"epochs": 3})
    assert np.array_equal(whole, weights({"epochs": 3}))
    assert np.array_equal(whole, weights({"epochs": 1}, {"epochs": 3, "initial_epoch": 1}))
