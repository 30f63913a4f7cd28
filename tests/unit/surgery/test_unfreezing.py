"""Gradual unfreezing: what trains from which epoch on, and at which rate."""

import itertools

import numpy as np
import pytest

import plait
from plait import layers, surgery

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(32, 4)).astype("float32"), RNG.normal(size=(32, 1)).astype("float32")


def frozen_but_for_its_head():
    x = plait.Input((4,))
    h = layers.BatchNormalization(name="norm_1")(layers.Dense(5, activation="relu", name="block_1")(x))
    h = layers.Dense(5, activation="relu", name="block_2")(h)
    model = plait.Model(x, layers.Dense(1, name="head")(h))
    surgery.freeze(model, "block_*", "norm_1")
    model.compile(plait.optimizers.SGD(0.1), "mse")
    return model


def test_blocks_begin_to_train_one_after_the_other():
    model = frozen_but_for_its_head()
    seen = []

    class Watch(plait.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append({name: model[name].kernel.numpy() for name in ("block_1", "block_2", "head")})

    first = {name: model[name].kernel.numpy() for name in ("block_1", "block_2", "head")}
    gradual = surgery.GradualUnfreezing(
        {1: "block_2", 2: ["block_1", "norm_*"]}, {1: 0.05, 2: 0.01}, keep_still=layers.BatchNormalization
    )
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[gradual, Watch()])
    states = [first, *seen]
    changed = [
        sorted(name for name in first if not np.array_equal(before[name], after[name]))
        for before, after in itertools.pairwise(states)
    ]
    assert changed == [["head"], ["block_2", "head"], ["block_1", "block_2", "head"]]
    assert not model["norm_1"].trainable
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_refusals():
    with pytest.raises(ValueError, match="whole numbers from 0 on, but got -1"):
        surgery.GradualUnfreezing({-1: "block_1"})
    model = frozen_but_for_its_head()
    with pytest.raises(ValueError, match=r"no layer fits 'blok_1'\. Did you mean 'block_1'"):
        model.fit(X, Y, verbose=0, callbacks=[surgery.GradualUnfreezing({0: "blok_1"})])
