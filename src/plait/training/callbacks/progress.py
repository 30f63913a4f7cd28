"""Progress: a live bar in a terminal or notebook, one plain line an epoch elsewhere.

The bar is drawn by rich. It never waits for the device: it shows the last logs that are ready, at most five times a second.

Time that isn't the steps' is told apart: compiling by itself, also while it goes on, and validation in the whole alone. So the
time of a step is what another one will take.
"""

import logging
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
from rich.table import Column
from rich.text import Text

from plait.common.registry import builtin
from plait.common.settings import settings
from plait.core.traces import clock
from plait.distribution import is_first
from plait.training.callbacks.base import Callback

_INTERVAL = 0.2  # seconds between two drawings
_COMPILING_INTERVAL = 0.5  # seconds between two looks at whether a program is being compiled
_WORTH_TELLING = 0.1  # seconds of compiling


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
        self._stopped: threading.Event | None = None

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
            self._validation_began = time.perf_counter(), clock.seconds()
        else:
            self._title = "Evaluate"
            self._start()

    def on_test_end(self, logs: dict | None = None) -> None:
        if self._nested:
            self._nested = False
            began, compiled = self._validation_began
            self._validated += time.perf_counter() - began - (clock.seconds() - compiled)
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
        self._compiled_before, self._validated = clock.seconds(), 0.0
        self._done, self._total = 0, self.params.get("steps")
        self._live = is_live(self.params.get("verbose", "auto"))
        if self._live:
            self._open(Console(file=sys.stdout))
            if self._stopped is None:
                self._stopped = threading.Event()
                threading.Thread(target=self._watch, args=(self._stopped,), name="plait-progress", daemon=True).start()

    def _open(self, console: Console) -> None:
        self._bar = bar_of(console)
        self._bar.start()
        self._task = self._bar.add_task(self._title, total=self._total, logs="", **self._times())

    def _watch(self, stopped: threading.Event) -> None:
        """Draws the bar while a program is compiled, because the thread that runs the steps is busy then; on its own thread."""
        while not stopped.wait(_COMPILING_INTERVAL):
            bar, began = self._bar, clock.began
            if bar is not None and began is not None and time.perf_counter() - began > _WORTH_TELLING:
                bar.update(self._task, **self._times())
                self._refresh()

    def _times(self) -> dict[str, float]:
        """The seconds of this run that aren't its steps': of compiling, and of compiling and validation."""
        compiling = clock.seconds() - self._compiled_before
        return {"compiling": compiling, "aside": compiling + self._validated}

    def _refresh(self) -> None:
        self._bar.refresh()

    def _end(self, logs: Mapping) -> None:
        self._bar.update(self._task, completed=self._done, total=self._total, logs=shown(logs), **self._times())
        self._bar.refresh()
        self.close()

    def close(self) -> None:
        """Gives the terminal back, with its cursor; also after an exception, when no callback is told of an end."""
        self._stop_watching()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _stop_watching(self) -> None:
        if self._stopped is not None:
            self._stopped.set()
            self._stopped = None

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
            self._bar.update(self._task, completed=done, logs=shown(logs), **self._times())
        else:
            self._bar.update(self._task, completed=done, **self._times())
        self._refresh()

    def _finish(self, logs: Mapping) -> None:
        seconds = time.perf_counter() - self._began
        if self._total is None:
            self._total = self._done
        if self._bar is not None:
            self._end(logs)
        elif self.params.get("verbose", "auto") != 0:
            times = self._times()
            parts = [self._title, _duration(seconds), _compiling(times["compiling"])]
            parts += [_per_step(seconds - times["aside"], self._done), shown(logs)]
            say(" - ".join(part for part in parts if part))


def bar_of(console: Console) -> Progress:
    """A bar that isn't shown yet: what runs, steps, how long it takes, logs."""
    logs = TextColumn("{task.fields[logs]}")
    columns = TextColumn("{task.description}"), _Steps(), BarColumn(20), _Pace(Column(no_wrap=True)), logs
    return Progress(*columns, console=console, auto_refresh=False, get_time=time.perf_counter)


def is_live(verbose: Any) -> bool:
    """Whether a live bar is wanted, and can be shown here."""
    if verbose in (0, 2) or not settings().interactive_logging:
        return False
    console = Console(file=sys.stdout)
    return bool(console.is_jupyter or (console.is_terminal and not console.is_dumb_terminal))


def say(line: str) -> None:
    """Prints a line of progress, or logs it where `plait.config` says so; of several processes the first one does."""
    if not is_first():
        return
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


def _compiling(seconds: float) -> str:
    return f"compiling {_duration(seconds)}" if seconds >= _WORTH_TELLING else ""


def _per_step(seconds: float, steps: int) -> str:
    each = max(seconds, 0.0) / max(steps, 1)
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
        compiling, steps = _compiling(task.fields["compiling"]), max(elapsed - task.fields["aside"], 0.0)
        if not done:
            return Text(compiling)
        ended = task.total is None or done >= task.total
        time_told = _duration(elapsed) if ended else f"{_duration(steps / done * (task.total - done))} left"
        return Text(" ".join(part for part in (time_told, compiling, _per_step(steps, done)) if part))
