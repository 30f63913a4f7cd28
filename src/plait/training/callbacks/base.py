"""The callback, and the history.

A callback is told what happens, and may look and act: `on_epoch_end(epoch, logs)`, `on_train_batch_end(batch, logs)`...
One that defines a method for batches sees every batch, in order, with logs as numbers; that costs a wait for each batch.
One that doesn't costs nothing: then many steps go into one dispatch.
"""

from typing import Any

import numpy as np

from plait.common.registry import builtin
from plait.common.traits import default
from plait.training.curves import Curves, draw_curves
from plait.training.protocols import TrainedModel
from plait.training.run import Run


@builtin("callbacks")
class Callback:
    """The parent of all callbacks: does nothing.

    Attributes:
        model: the model that is trained.
        params: `verbose`, `epochs` and `steps` of the run, and whether it `validates`.
        run: the `fit` under way, for callbacks that stop it or have it begin elsewhere; None outside of one.

    >>> class Shout(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"EPOCH {epoch}!")
    """

    def __init__(self) -> None:
        self.validation_data = None
        self._model: Any = None
        self.params: dict = {}

    _model: Any = None
    params: dict = {}
    run: Run | None = None
    _stateless: tuple[str, ...] = ("params",)  # attributes that a run which goes on gives anew

    @property
    def model(self) -> Any:
        """The model that is trained."""
        return self._model

    def set_params(self, params: dict) -> None:
        """Takes the parameters of the run."""
        self.params = params

    def set_model(self, model: TrainedModel) -> None:
        """Takes the model."""
        self._model = model

    @default
    def on_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Another name of `on_train_batch_begin`."""

    @default
    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Another name of `on_train_batch_end`."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """After an epoch and its validation; what is put into `logs` reaches later callbacks and the history."""

    @default
    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Before a training batch, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs=logs)

    @default
    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """After a training batch; `logs` are the running means of the epoch."""
        self.on_batch_end(batch, logs=logs)

    @default
    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Before a batch of evaluation or validation."""

    @default
    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """After a batch of evaluation or validation."""

    @default
    def on_predict_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Before a batch of prediction."""

    @default
    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """After a batch of prediction; `logs["outputs"]` holds what it gave."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: dict | None = None) -> None:
        """After the last epoch; not after an exception."""

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Before evaluation or validation."""

    def on_test_end(self, logs: dict | None = None) -> None:
        """After evaluation or validation."""

    def on_predict_begin(self, logs: dict | None = None) -> None:
        """Before prediction."""

    def on_predict_end(self, logs: dict | None = None) -> None:
        """After prediction."""


@builtin("callbacks")
class History(Callback):
    """What happened: `history` has a list by name, one number an epoch; `epoch` the numbers of the epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model._history = self

    def plot(self, to_file: Any = None, names: Any = None, dpi: float = 150.0) -> Any:
        """Draws a panel for each loss and metric: training as a line, validation as dashes.

        Args:
            to_file: a .png, .svg or .pdf file to write.
            names: which losses and metrics, without "val_"; None: all.
            dpi: dots per inch of a .png.

        Returns:
            matplotlib's Figure; a notebook shows it.

        Raises:
            ArgumentError: a name that isn't there, or nothing to draw.
            ImportError: matplotlib isn't installed.
        """
        return draw_curves([Curves("training", self.epoch, self.history)], to_file, names, dpi)


def with_rates(optimizer: Any) -> list:
    """The optimizers that have a learning rate of their own: a MultiOptimizer's, else just this one."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return list(getattr(inner, "optimizers", [inner]))


def rates_of(optimizer: Any) -> dict[str, float]:
    """The learning rates for the logs: `learning_rate`, or for several optimizers one by name."""
    optimizers = with_rates(optimizer)
    rates = [float(np.asarray(one.learning_rate)) for one in optimizers]
    if len(rates) == 1:
        return {"learning_rate": rates[0]}
    return {f"learning_rate_{one.name}": rate for one, rate in zip(optimizers, rates, strict=True)}
