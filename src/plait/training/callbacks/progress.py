"""Progress: a live bar in a terminal or notebook, one plain line an epoch elsewhere.

The bar is drawn by rich. It never waits for the device: it shows the last logs that are ready, at most five times a second.
"""

import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
from rich.text import Text

from plait.common.registry import builtin
from plait.common.settings import settings
from plait.training.callbacks.base import Callback

_INTERVAL = 0.2  # seconds between two drawings


@builtin("callbacks")
class ProgbarLogger(Callback):
    """Shows progress, as `verbose` says: 0 nothing, 1 a live bar, 2 one line an epoch, "auto" what suits the place."""

    _stateless = ("*",)  # it shows this terminal, this time

    def __init__(self) -> None:
        super().__init__()
        self._bar: Any = None
        self._task: Any = None
        self._phase = ""
        self._nested = False

    def watches_batches(self, phase: str) -> bool:
        """It is told of progress by itself, and needs no batch."""
        return False

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._phase = "train"

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        epochs = self.params.get("epochs", 1)
        self._title = f"Epoch {epoch + 1}/{epochs}"
        self._start()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._finish(logs or {})

    def on_test_begin(self, logs: dict | None = None) -> None:
        if self._phase == "train":
            self._nested = True
        else:
            self._title = "Evaluate"
            self._start()

    def on_test_end(self, logs: dict | None = None) -> None:
        if self._nested:
            self._nested = False
        else:
            self._finish(logs or {})

    def on_predict_begin(self, logs: dict | None = None) -> None:
        self._title = "Predict"
        self._start()

    def on_predict_end(self, logs: dict | None = None) -> None:
        self._finish({})

    def on_train_end(self, logs: dict | None = None) -> None:
        self._phase = ""

    def _start(self) -> None:
        self._began = self._drawn = time.perf_counter()
        self._done, self._total = 0, self.params.get("steps")
        self._live = is_live(self.params.get("verbose", "auto"))
        if self._live:
            self._open(Console(file=sys.stdout))

    def _open(self, console: Console) -> None:
        self._bar = bar_of(console)
        self._bar.start()
        self._task = self._bar.add_task(self._title, total=self._total, logs="")

    def _refresh(self) -> None:
        self._bar.refresh()

    def _end(self, logs: Mapping) -> None:
        self._bar.update(self._task, completed=self._done, total=self._total, logs=shown(logs))
        self._bar.refresh()
        self.close()

    def close(self) -> None:
        """Gives the terminal back, with its cursor; also after an exception, when no callback is told of an end."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def advance(self, done: int, logs: Any) -> None:
        """Takes how many steps are done, and logs that may still be on the device."""
        if self._nested:
            return
        self._done = done
        now = time.perf_counter()
        if self._bar is None or now - self._drawn < _INTERVAL:
            return
        self._drawn = now
        if all(getattr(value, "is_ready", bool)() or not hasattr(value, "is_ready") for value in logs.values()):
            self._bar.update(self._task, completed=done, logs=shown(logs))
        else:
            self._bar.update(self._task, completed=done)
        self._refresh()

    def _finish(self, logs: Mapping) -> None:
        seconds = time.perf_counter() - self._began
        if self._total is None:
            self._total = self._done
        if self._bar is not None:
            self._end(logs)
        elif self.params.get("verbose", "auto") != 0:
            say(f"{self._title} - {_duration(seconds)} - {_per_step(seconds, self._done)} - {shown(logs)}".rstrip(" -"))


def bar_of(console: Console) -> Progress:
    """A bar that isn't shown yet: what runs, steps, how long it takes, logs."""
    logs = TextColumn("{task.fields[logs]}")
    return Progress(
        TextColumn("{task.description}"), _Steps(), BarColumn(20), _Pace(), logs, console=console, auto_refresh=False
    )


def is_live(verbose: Any) -> bool:
    """Whether a live bar is wanted, and can be shown here."""
    if verbose in (0, 2) or not settings().interactive_logging:
        return False
    console = Console(file=sys.stdout)
    return bool(console.is_jupyter or (console.is_terminal and not console.is_dumb_terminal))


def say(line: str) -> None:
    """Prints a line of progress, or logs it where `plait.config` says so."""
    if settings().interactive_logging:
        print(line, flush=True)
    else:
        logging.getLogger("plait").info(line)


def shown(logs: Mapping) -> str:
    """Logs in a line: `loss: 0.3490 - mae: 0.4818`.

    >>> shown({"loss": 0.34901, "lr": 1e-4})
    'loss: 0.3490 - lr: 1.0000e-04'
    """
    return " - ".join(f"{name}: {number_text(value)}" for name, value in logs.items())


def number_text(value: Any) -> str:
    """A number, or an array of a few, in short."""
    array = np.asarray(value)
    if array.ndim:
        return np.array2string(array, precision=4, threshold=8)
    number = float(array)
    return f"{number:.4f}" if abs(number) > 1e-3 or number == 0 else f"{number:.4e}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f}s" if seconds >= 10 else f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _per_step(seconds: float, steps: int) -> str:
    each = seconds / max(steps, 1)
    if each >= 1:
        return f"{each:.0f}s/step"
    return f"{each * 1e3:.0f}ms/step" if each >= 1e-3 else f"{each * 1e6:.0f}us/step"


class _Steps(ProgressColumn):
    def render(self, task: Any) -> Text:
        total = "?" if task.total is None else int(task.total)
        return Text(f"{int(task.completed)}/{total}")


class _Pace(ProgressColumn):
    def render(self, task: Any) -> Text:
        elapsed, done = task.elapsed or 0.0, task.completed
        if not done:
            return Text("")
        if task.total is None or done >= task.total:
            return Text(f"{_duration(elapsed)} {_per_step(elapsed, done)}")
        return Text(f"{_duration(elapsed / done * (task.total - done))} left {_per_step(elapsed, done)}")
