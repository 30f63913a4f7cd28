"""Gradual unfreezing: more and more of a model trains, epoch by epoch, from its end to its beginning.

Source: Howard and Ruder, Universal Language Model Fine-tuning for Text Classification, 2018.
"""

from collections.abc import Mapping
from typing import Any

from plait.errors import ArgumentError
from plait.surgery.freeze import unfreeze
from plait.training.callbacks.base import Callback


class GradualUnfreezing(Callback):
    """Lets layers train from given epochs on.

    Args:
        stages: what begins to train at which epoch (counted from 0): a pattern of paths as `freeze` takes it, or a list of them.
        learning_rates: the learning rate from an epoch on; epochs that aren't named change nothing.
        keep_still: types of layers that stay frozen though a pattern fits them; BatchNormalization may be one, so that its
            statistics stay those of the old data.

    Raises:
        ArgumentError: an epoch that isn't a number from 0 on.
        NameUnknownError: a pattern that no layer fits, at the beginning of the run.

    >>> import numpy as np, plait
    >>> net = plait.Sequential(
    ...     [plait.Input((4,)), plait.layers.Dense(3, name="trunk"), plait.layers.Dense(1, name="head")]
    ... )
    >>> _ = plait.freeze(net, "trunk")
    >>> net.compile("sgd", "mse")
    >>> callback = GradualUnfreezing({1: "trunk"}, learning_rates={1: 1e-4})
    >>> _ = net.fit(np.ones((8, 4)), np.ones((8, 1)), epochs=2, callbacks=[callback], verbose=0)
    >>> net["trunk"].trainable, round(float(net.optimizer.learning_rate), 6)
    (True, 0.0001)
    """

    def __init__(
        self,
        stages: Mapping[int, Any],
        learning_rates: Mapping[int, float] | None = None,
        keep_still: type | tuple[type, ...] = (),
    ):
        super().__init__()
        self.stages, self.learning_rates, self.keep_still = dict(stages), dict(learning_rates or {}), keep_still
        wrong = [epoch for epoch in (*self.stages, *self.learning_rates) if not isinstance(epoch, int) or epoch < 0]
        if wrong:
            raise ArgumentError(f"GradualUnfreezing: epochs are whole numbers from 0 on, but got {wrong[0]!r}.")

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if epoch in self.stages:
            patterns = self.stages[epoch]
            patterns = [patterns] if isinstance(patterns, str) or callable(patterns) else list(patterns)
            unfreeze(self.model, *patterns)
            for layer in self.model._flatten_layers():
                if self.keep_still and isinstance(layer, self.keep_still):
                    layer.trainable = False
        if epoch in self.learning_rates:
            self.model.optimizer.learning_rate = self.learning_rates[epoch]
