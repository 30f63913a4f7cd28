"""Callbacks that watch one number: stop when it gets no better, keep the best, lower the learning rate."""

import math
import os
import re
from typing import Any

import numpy as np

from plait import ops
from plait.common.messages import did_you_mean, listing, warn
from plait.common.registry import builtin
from plait.errors import ArgumentError, NameUnknownError
from plait.training.callbacks.base import Callback, rates_of, with_rates
from plait.training.callbacks.progress import say
from plait.training.protocols import TrainedModel


class Monitor(Callback):
    """The half that these callbacks share: one number of the logs, and which way is better.

    Args:
        monitor: its name in the logs.
        mode: "min", "max", or "auto": what the metric of that name says of itself.
        min_delta: a change that counts.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"{type(self).__name__}: mode must be 'auto', 'min' or 'max', but got {mode!r}.")
        self.monitor, self.mode = monitor, mode
        self.min_delta = abs(min_delta)
        self._sign: int | None = {"min": 1, "max": -1}.get(mode)

    def is_better(self, value: float, than: float | None) -> bool:
        """Whether a value is better than another by more than `min_delta`; anything is better than None."""
        if than is None or (isinstance(than, float) and math.isnan(than)):
            return True
        sign = self._direction()
        return sign * value < sign * than - self.min_delta

    @property
    def monitor_op(self) -> Any:
        """What says that one number is better than another: `ops.less` or `ops.greater`."""
        return ops.less if self._direction() == 1 else ops.greater

    def _direction(self) -> int:
        if self._sign is None:
            self._sign = direction_of(self.monitor, self.model)
        return self._sign

    def get_monitor_value(self, logs: dict | None) -> float | None:
        """The number in the logs: Keras's name of `watched`."""
        return self.watched(logs)

    def watched(self, logs: dict | None) -> float | None:
        """The number in the logs; warns where it isn't there."""
        logs = logs or {}
        if self.monitor in logs:
            return float(np.mean(logs[self.monitor]))
        warn(
            f"{type(self).__name__}: {self.monitor!r} is not available. Available are: {listing(logs)}."
            f"{did_you_mean(self.monitor, logs)}"
        )
        return None


def direction_of(monitor: str, model: TrainedModel) -> int:
    """1 where less of a number is better, -1 where more is.

    Raises:
        NameUnknownError: the direction isn't known; `mode` must say it.
    """
    name = monitor.removeprefix("val_")
    if name == "loss" or name.endswith("_loss"):
        return 1
    compiled = getattr(model, "_compilation", None)
    for full_name, metric in zip(compiled.names, compiled.metric_objects, strict=True) if compiled else ():
        if name in (full_name, metric.name):
            direction = getattr(metric, "_direction", None)
            if direction is None:
                direction = _guess(metric)
            if direction is not None:
                return -1 if direction == "up" else 1
    raise NameUnknownError(
        f"The callback watches {monitor!r}, and nothing tells whether more or less of it is better. Give mode='min' or 'max'."
    )


def _guess(metric: Any) -> str | None:
    name = type(metric).__name__.lower() + metric.name.lower()
    return "up" if re.search(r"acc|auc|precision|recall|f1|iou|r2", name) else "down" if "error" in name else None


@builtin("callbacks")
class EarlyStopping(Monitor):
    """Stops when a number has got no better for some epochs.

    Args:
        monitor: the number's name in the logs.
        min_delta: a change that counts as better.
        patience: how many epochs without are allowed.
        verbose: 1 says when it stops.
        mode: "min", "max" or "auto".
        baseline: a value that has to be beaten from the start.
        restore_best_weights: whether the weights of the best epoch are put back at the end.
        start_from_epoch: how many epochs to wait first.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.on_train_begin()

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: list | None = None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        value = self.watched(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.is_better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.is_better(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                say(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


@builtin("callbacks")
class ModelCheckpoint(Monitor):
    """Saves the model, or its weights, as training goes on; each file is written whole or not at all.

    Args:
        filepath: where to, with `{epoch}` and names of logs to fill in: `"best-{val_loss:.2f}.keras"`. Ends in `.keras`,
            or in `.weights.h5` for weights only.
        monitor: the number that says which is best.
        verbose: 1 says when it saves.
        save_best_only: whether to save only when the number got better; where it isn't there, with a warning each time.
        save_weights_only: whether to save only weights.
        mode: "min", "max" or "auto".
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: what has to be beaten first.

    Raises:
        ArgumentError: a path of another ending.
    """

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ):
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        self.verbose, self.save_best_only, self.save_weights_only = verbose, save_best_only, save_weights_only
        self.save_freq, self.best = save_freq, initial_value_threshold
        endings = (".weights.h5", ".h5", ".hdf5") if save_weights_only else (".keras", ".h5", ".hdf5")
        if not self.filepath.endswith(endings):
            raise ArgumentError(
                f"ModelCheckpoint: the path must end in {' or '.join(f'`{e}`' for e in endings[:2])}"
                f"{' when `save_weights_only=True`' if save_weights_only else ''}, but got {self.filepath!r}."
            )
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ArgumentError(
                f"ModelCheckpoint: save_freq must be 'epoch' or a number of batches, but got {save_freq!r}."
            )
        self._current_epoch = self._batches = 0
        self._last_batch: int | None = None

    def watches_batches(self, phase: str) -> bool:
        """Only where it saves every so many batches."""
        return phase == "train" and self.save_freq != "epoch"

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._current_epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self._should_save_on_batch(batch):
            self._save_model(self._current_epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch":
            self._save_model(epoch, None, logs)

    # The methods below have Keras's names, because callbacks of packages inherit from this one and call or override them.

    def _should_save_on_batch(self, batch: int) -> bool:
        """Whether so many batches have been seen since the last time; counts them."""
        if self.save_freq == "epoch":
            return False
        last = self._last_batch
        self._batches += batch + 1 if last is None or batch <= last else batch - last
        self._last_batch = batch
        if self._batches < self.save_freq:
            return False
        self._batches = 0
        return True

    def _save_model(self, epoch: int, batch: int | None, logs: dict | None) -> None:
        """Saves, if it is to be."""
        path = self._get_file_path(epoch, batch, logs)
        if not self._should_save_model(epoch, batch, logs, path):
            return
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if not self.save_best_only:
            self._say(f"Epoch {epoch + 1}: saved {path}")

    def _should_save_model(self, epoch: int, batch: int | None, logs: dict | None, filepath: str) -> bool:
        """Whether the number got better, if only the best is saved; remembers it."""
        if not self.save_best_only:
            return True
        value = self.watched(logs or {})
        if value is None:
            return True  # without the number the model is saved each time: what was learnt isn't lost
        if not self.is_better(value, self.best):
            self._say(f"Epoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
            return False
        self._say(f"Epoch {epoch + 1}: {self.monitor} improved to {value:.5f}, saving model")
        self.best = value
        return True

    def _get_file_path(self, epoch: int, batch: int | None, logs: dict | None) -> str:
        """The path with its fields filled in."""
        fields = {**(logs or {}), "epoch": epoch + 1, **({} if batch is None else {"batch": batch + 1})}
        try:
            return self.filepath.format(**fields)
        except KeyError as error:
            raise ArgumentError(
                f"ModelCheckpoint: the filepath {self.filepath!r} names {error}, which the logs don't have: {listing(logs or {})}."
            ) from error

    def _say(self, line: str) -> None:
        if self.verbose:
            say(line)


@builtin("callbacks")
class ReduceLROnPlateau(Monitor):
    """Lowers the learning rate when a number has got no better for some epochs.

    Args:
        monitor: the number's name in the logs.
        factor: what the rate is multiplied by, less than 1.
        patience: how many epochs without progress are allowed.
        verbose: 1 says when it lowers.
        mode: "min", "max" or "auto".
        min_delta: a change that counts.
        cooldown: how many epochs to wait after lowering.
        min_lr: the lowest rate.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ):
        super().__init__(monitor, mode, min_delta)
        if factor >= 1.0:
            raise ArgumentError(f"ReduceLROnPlateau: `factor` must be below 1, but got {factor}.")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self.on_train_begin()

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.best: float | None = None
        self.wait = self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Whether the rate was lowered so lately that it is left alone."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs = {} if logs is None else logs
        logs |= rates_of(self.model.optimizer)
        value = self.watched(logs)
        if value is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.wait = self.cooldown_counter - 1, 0
        if self.is_better(value, self.best):
            self.best, self.wait = value, 0
        elif self.cooldown_counter == 0:
            self.wait += 1
            if self.wait >= self.patience:
                self._lower(epoch)

    def _lower(self, epoch: int) -> None:
        for optimizer in with_rates(self.model.optimizer):
            rate = float(np.asarray(optimizer.learning_rate))
            if rate > self.min_lr:
                optimizer.learning_rate = lower = max(rate * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    say(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {lower}.")
