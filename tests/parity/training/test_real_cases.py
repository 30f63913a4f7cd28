"""Twelve trainings on real data, each from arrays, from a generator, from numbered batches, and as a frame or an iterable:
the same weights and history from each; and the same as Keras's.
"""

import math

import keras
import numpy as np
import pandas as pd
import pytest

import plait
from parity.training.real_cases import CASES
from parity.training.twins import Told, assert_same

BATCH, EPOCHS = 32, 3


def leaves(data):
    """The arrays of some data."""
    return list(data.values()) if isinstance(data, dict) else [data]


def rows_of(data, rows):
    """Some rows of all arrays."""
    return {name: array[rows] for name, array in data.items()} if isinstance(data, dict) else data[rows]


def batches(x, y):
    """The batches of one pass."""
    for start in range(0, len(leaves(y)[0]), BATCH):
        rows = slice(start, start + BATCH)
        yield rows_of(x, rows), rows_of(y, rows)


def endless(x, y):
    """Pass after pass."""
    while True:
        yield from batches(x, y)


class Again:
    """What can be iterated again."""

    def __init__(self, x, y):
        self.data = x, y

    def __iter__(self):
        return batches(*self.data)


class Numbered(plait.utils.PyDataset):
    """Batches by number."""

    def __init__(self, x, y):
        super().__init__(workers=2)
        self.items = list(batches(x, y))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def frame_of(case, x, y):
    """A frame, where all is columns; else a frame of the inputs, where they are one table; else an iterable."""
    if case.columns:
        return pd.DataFrame({name: values[:, 0] for name, values in {**x, **y}.items()}), None
    if isinstance(x, np.ndarray) and x.ndim == 2:
        return pd.DataFrame(x), pd.DataFrame(y) if y.ndim > 1 else pd.Series(y)
    return Again(x, y), None


def trained(lib, case, x, y=None, **options):
    """A training with the same first weights and the rows in their order."""
    plait.utils.clear_session()
    keras.utils.clear_session()
    lib.utils.set_random_seed(3)
    model = case.model(lib)
    model.compile(lib.optimizers.Adam(0.01), **case.compiled)
    history = model.fit(x, y, epochs=EPOCHS, verbose=0, shuffle=False, **options)
    return Told(history.history, model.get_weights(), {})


@pytest.mark.parametrize(
    "name", [name if name == "cars" else pytest.param(name, marks=pytest.mark.slow) for name in CASES]
)
def test_the_same_from_every_source(name):
    case = CASES[name]
    x, y, class_weight = case.data()
    weights = {} if class_weight is None else {"class_weight": class_weight}
    steps = math.ceil(len(leaves(y)[0]) / BATCH)
    told = trained(plait, case, x, y, batch_size=BATCH, **weights)
    assert told.history["loss"][-1] < told.history["loss"][0]
    frame, labels = frame_of(case, x, y)
    sized = {} if isinstance(frame, Again) else {"batch_size": BATCH}
    for other in (
        trained(plait, case, endless(x, y), steps_per_epoch=steps, **weights),
        trained(plait, case, Numbered(x, y), **weights),
        trained(plait, case, frame, labels, **sized, **weights),
    ):
        assert_same(other, told, weights=2e-5, logs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_same_as_with_keras(name):
    case = CASES[name]
    x, y, class_weight = case.data()
    told = [trained(lib, case, x, y, batch_size=BATCH, class_weight=class_weight) for lib in (plait, keras)]
    assert_same(*told, weights=1e-4, logs=1e-4)
