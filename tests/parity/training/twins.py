"""The same training on both sides: one function makes the model with either library, one tells how it went."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

import plait


class Told(NamedTuple):
    """What a training tells: the history, the weights after it, and what `evaluate` gives if it was asked."""

    history: dict
    weights: list
    evaluated: dict


def train(lib: Any, make: Callable, compiled: Callable, data: tuple, evaluate: bool = False, **options: Any) -> Told:
    """Makes a model, compiles and trains it: the seeds make the first weights and the order of the rows the same.

    Args:
        lib: plait or keras.
        make: gives the model, from the library.
        compiled: gives the arguments of `compile`, from the library.
        data: `(x, y)`.
        evaluate: whether to evaluate it on the same data afterwards.
        options: of `fit`.
    """
    for library in (plait, keras):
        library.utils.clear_session()
    lib.utils.set_random_seed(3)
    model = make(lib)
    model.compile(**compiled(lib))
    lib.utils.set_random_seed(5)
    with warnings.catch_warnings():
        if lib is keras:
            warnings.simplefilter("ignore")
        history = model.fit(*data, **{"batch_size": 8, "epochs": 4, "verbose": 0, **options}).history
        evaluated = model.evaluate(*data, batch_size=8, verbose=0, return_dict=True) if evaluate else {}
    return Told(history, model.get_weights(), evaluated)


def assert_same(ours: Told, theirs: Told, weights: float = 1e-5, logs: float = 1e-5) -> None:
    """Compares two trainings.

    Args:
        ours: plait's.
        theirs: Keras's.
        weights: the tolerance on the weights, absolute and relative.
        logs: the tolerance on what is told.
    """
    assert list(ours.history) == list(theirs.history)
    for name, values in theirs.history.items():
        np.testing.assert_allclose(ours.history[name], values, rtol=logs, atol=logs, err_msg=name)
    assert len(ours.weights) == len(theirs.weights)
    for place, (mine, other) in enumerate(zip(ours.weights, theirs.weights, strict=True)):
        np.testing.assert_allclose(mine, other, rtol=weights, atol=weights, err_msg=f"weight {place}")
    assert set(ours.evaluated) == set(theirs.evaluated)
    for name, value in theirs.evaluated.items():
        np.testing.assert_allclose(ours.evaluated[name], value, rtol=logs, atol=logs, err_msg=f"evaluate: {name}")


def both(make: Callable, compiled: Callable, data: tuple, **options: Any) -> tuple[Told, Told]:
    """The training with plait and with Keras."""
    return train(plait, make, compiled, data, **options), train(keras, make, compiled, data, **options)
