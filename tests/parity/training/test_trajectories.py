"""Whole trainings beside Keras: 20 steps with the same first weights and the same order, a smaller last batch among them.

The weights after them, and each epoch's logs, are the same to 1e-5; a row that is looser says why.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest

from parity.training.twins import assert_same, both

ROWS, FEATURES = 38, 4
rng = np.random.default_rng(0)
X = rng.normal(size=(ROWS, FEATURES)).astype("float32")
Y = (np.tanh(X[:, :2]) + 0.1 * rng.normal(size=(ROWS, 2))).astype("float32")


def small(lib):
    """Two dense layers."""
    x = lib.Input((FEATURES,))
    h = lib.layers.Dense(3, activation="tanh")(x)
    return lib.Model(x, lib.layers.Dense(2)(h))


class Row(NamedTuple):
    """An optimizer, what it is given (from the library), and the tolerance on the weights."""

    name: str
    options: Any = {}
    tolerance: float = 1e-5


def decayed(name, rate=0.05, **options):
    """The options of a schedule: from the library, a rate that follows it."""
    return lambda lib: {"learning_rate": getattr(lib.optimizers.schedules, name)(rate, **options)}


FAST = {"learning_rate": 0.05}
AVERAGED = {"use_ema": True, "ema_momentum": 0.7}
MANY = {"gradient_accumulation_steps": 2}
USUAL = [
    Row("SGD", {**FAST, "momentum": 0.9, "clipnorm": 0.5, "weight_decay": 0.01}),
    Row("SGD", {**FAST, **MANY, "nesterov": True, "momentum": 0.5}),
    Row("Adam", decayed("CosineDecay", decay_steps=15, warmup_steps=4, warmup_target=0.1)),
    Row("AdamW", {**FAST, **AVERAGED, "ema_overwrite_frequency": 3, "weight_decay": 0.1}),
]
OTHERS = [
    Row("Adam", {**FAST, "amsgrad": True, "global_clipnorm": 1.0}),
    Row("RMSprop", {**FAST, "centered": True, "momentum": 0.5, "clipvalue": 0.3}),
    Row("SGD", decayed("PiecewiseConstantDecay", [6, 12], values=[0.1, 0.05, 0.01])),
    Row("SGD", decayed("CosineDecayRestarts", 0.1, first_decay_steps=6)),
    Row("Adam", {**FAST, **MANY, "weight_decay": 0.01, "clipnorm": 0.5}),
    Row("Adam", {**FAST, "loss_scale_factor": 8.0}),
    Row("Adamax", {**FAST, "weight_decay": 0.01}),
    Row("Nadam", {**FAST, "clipnorm": 0.5}),
    Row("Adagrad", {**FAST, **AVERAGED}),
    Row("Adadelta", {"learning_rate": 1.0}),
    Row("Ftrl", {**FAST, "l1_regularization_strength": 0.01, "l2_regularization_strength": 0.01}),
    Row("Lion", {"learning_rate": 0.01, "weight_decay": 0.1}),
    Row("Lamb", FAST),
    Row("Adafactor", {**FAST, "relative_step": False}),
    Row("Adafactor", {"weight_decay": 0.01}),
    Row("Muon", {**FAST, "weight_decay": 0.01}),
    Row("ScheduleFreeAdamW", {**FAST, "warmup_steps": 5}),
    Row("LossScaleOptimizer", lambda lib: {"inner_optimizer": lib.optimizers.Adam(0.05), "dynamic_growth_steps": 4}),
]


def title(row):
    """A row's name in reports."""
    named = row.options if isinstance(row.options, dict) else {}
    return "-".join([row.name, *named]) if named else f"{row.name}-{(USUAL + OTHERS).index(row)}"


@pytest.mark.parametrize("row", [*USUAL, *(pytest.param(row, marks=pytest.mark.slow) for row in OTHERS)], ids=title)
def test_optimizers(row):
    def compiled(lib):
        options = row.options(lib) if callable(row.options) else row.options
        return {"optimizer": getattr(lib.optimizers, row.name)(**options), "loss": "mse", "metrics": ["mae"]}

    assert_same(*both(small, compiled, (X, Y)), weights=row.tolerance, logs=max(row.tolerance, 1e-5))
