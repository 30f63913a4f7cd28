"""Callbacks of a few lines: functions as a callback, a schedule, a log file, a stop at NaN."""

import csv
import json
import math
import os
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import numpy as np

from plait.common.messages import did_you_mean, warn
from plait.common.registry import builtin
from plait.distribution import is_first
from plait.errors import ArgumentError, StateError
from plait.training.callbacks.base import Callback, rates_of, with_rates
from plait.training.callbacks.progress import say

_METHODS = [name for name in dir(Callback) if name.startswith("on_")]


@builtin("callbacks")
class LambdaCallback(Callback):
    """Functions as a callback: `LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs))`.

    Args:
        functions: functions by the names of the methods they stand for.

    Raises:
        ArgumentError: a name that begins like a method of callbacks, and is none; any other one is kept as it is.
    """

    def __init__(
        self,
        on_epoch_begin: Callable | None = None,
        on_epoch_end: Callable | None = None,
        on_train_begin: Callable | None = None,
        on_train_end: Callable | None = None,
        on_train_batch_begin: Callable | None = None,
        on_train_batch_end: Callable | None = None,
        **functions: Callable,
    ):
        super().__init__()
        named = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        given = {name: function for name, function in named.items() if function is not None}
        for name in functions:
            if name not in _METHODS and name.startswith("on_"):
                raise ArgumentError(
                    f"LambdaCallback: {name!r} is no method of callbacks.{did_you_mean(name, _METHODS)}"
                )
        vars(self).update({**given, **functions})
        self._functions = {**given, **{name: functions[name] for name in functions if name in _METHODS}}

    def watches_batches(self, phase: str) -> bool:
        """Whether a function for batches of the phase was given."""
        names = [f"on_{phase}_batch_begin", f"on_{phase}_batch_end"]
        names += ["on_batch_begin", "on_batch_end"] if phase == "train" else []
        return any(name in self._functions for name in names)


@builtin("callbacks")
class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch.

    Args:
        schedule: a function of the epoch and the rate in force, or of the epoch only, that returns the new rate.
        verbose: 1 says so.

    Raises:
        ArgumentError: the function gives something that isn't a number.
    """

    def __init__(self, schedule: Callable, verbose: int = 0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        for optimizer in with_rates(self.model.optimizer):
            self._set_rate(optimizer, epoch)

    def _set_rate(self, optimizer: Any, epoch: int) -> None:
        rate = float(np.asarray(optimizer.learning_rate))
        try:
            new = self.schedule(epoch, rate)
        except TypeError:
            new = self.schedule(epoch)
        if not isinstance(new, (float, np.floating, int)) and not hasattr(new, "__float__"):
            raise ArgumentError(f"The output of the `schedule` function should be a float. Got: {new!r}")
        optimizer.learning_rate = float(new)
        if self.verbose:
            say(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {new}.")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if logs is not None:
            logs |= rates_of(self.model.optimizer)


@builtin("callbacks")
class CSVLogger(Callback):
    """Writes the logs of each epoch to a file, a line each.

    Args:
        filename: the file.
        separator: between the values.
        append: whether to go on after what the file holds.
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False):
        super().__init__()
        self.filename, self.separator, self.append = filename, separator, append
        self._file: Any = None
        self._writer: Any = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._file = self._opened("a" if self.append else "w")
        self._writer = None

    def _opened(self, mode: str) -> Any:
        """The file; of several processes only the first one writes."""
        return open(self.filename if is_first() else os.devnull, mode, newline="")  # closed at the end

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs = logs or {}
        if self._writer is None:
            names = ["epoch", *sorted(logs)]
            if self.params.get("validates", True) and not any(
                name.startswith("val_") for name in logs
            ):  # later epochs do
                names += [f"val_{name}" for name in sorted(logs)]
            self._writer = self._writer_of(names)
            if self._file.tell() == 0:
                self._writer.writeheader()
        self._writer.writerow({"epoch": epoch, **{name: _cell(value) for name, value in logs.items()}})
        self._file.flush()

    def _writer_of(self, names: list[str]) -> csv.DictWriter:
        return csv.DictWriter(self._file, names, delimiter=self.separator, extrasaction="ignore", restval="NA")

    def state_dict(self) -> dict:
        """The file, as a run that goes on must find it again: it may have got lines since, or have been begun anew."""
        with open(self.filename, newline="") as file:
            text = file.read()
        return {"text": text, "columns": self._writer.fieldnames if self._writer is not None else None}

    def load_state_dict(self, state: dict) -> None:
        """Brings the file to that state."""
        if self._file is not None:
            self._file.close()
        self._file = self._opened("w")
        self._file.write(state["text"])
        self._file.flush()
        self._writer = self._writer_of(state["columns"]) if state["columns"] is not None else None

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _cell(value: Any) -> Any:
    return value if np.ndim(value) == 0 else f'"[{", ".join(map(str, np.ravel(value)))}]"'


@builtin("callbacks")
class RemoteMonitor(Callback):
    """Sends the logs of each epoch to a server, as JSON in an HTTP POST. A server that fails is a warning.

    Args:
        root: the server's address, http or https.
        path: where on it.
        field: the form's field that holds the JSON.
        headers: more headers, by name.
        send_as_json: whether the body is JSON itself, not a form.

    Raises:
        ArgumentError: an address of another kind.
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict | None = None,
        send_as_json: bool = False,
    ):
        super().__init__()
        if not root.startswith(("http://", "https://")):
            raise ArgumentError(f"RemoteMonitor: root must begin with http:// or https://, but got {root!r}.")
        self.root, self.path, self.field, self.headers, self.send_as_json = root, path, field, headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if not is_first():
            return
        text = json.dumps(
            {"epoch": epoch, **{name: np.asarray(value).tolist() for name, value in (logs or {}).items()}}
        )
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = urllib.request.Request(self.root + self.path, body.encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10):
                pass
        except OSError as error:
            warn(f"RemoteMonitor: could not reach the server at {self.root}: {error}. Training goes on.")


@builtin("callbacks")
class TerminateOnNaN(Callback):
    """Stops training when the loss is no number.

    Args:
        raise_error: whether that is an error instead of a quiet end.

    Raises:
        StateError: the loss is NaN or infinite, and `raise_error` was set.
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        message = (
            f"NaN or Inf loss encountered at batch {batch}: it is {loss}, training stops. Look at the learning rate, the labels "
            "and the inputs."
        )
        if self.raise_error:
            raise StateError(message)
        say(message)
        self.model.stop_training = True
