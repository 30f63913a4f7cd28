"""Going on after a loss that is no number, or far too large."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from plait.common.messages import listing
from plait.common.registry import builtin
from plait.common.tree import leaves_with_paths, path_name
from plait.core.variable import Variable
from plait.distribution import is_first
from plait.errors import ArgumentError, StateError
from plait.layers.ownership import unique
from plait.training.callbacks.base import Callback
from plait.training.callbacks.progress import say

_SHOWN = 8  # rows that the line for people names
_REMEMBERED = 0.98  # how much of the average loss stays at each step


@builtin("callbacks")
class Recover(Callback):
    """Goes back to the last good state when the loss is no number, lowers the rate, and goes on with the next batch.

    It looks at the loss after each step, so steps run one by one.

    Args:
        on: "nan" for losses that are NaN or infinite; a number for those, and for losses so many times the average of late.
        factor: what the learning rate is multiplied by each time; 1 leaves it.
        keep: after how many good steps the state is kept anew. Steps since then are lost when it goes back.
        attempts: how often it goes back before it gives up, without `keep` good steps in between.
        folder: where to write what is known of each batch that did it, `epoch-E-step-S.json`; None says it only.

    Raises:
        ArgumentError: an argument out of its range, or a rate that can't be lowered because it is a schedule.
        StateError: the loss was no number again after so many attempts.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(1)])
    >>> model.compile(plait.optimizers.SGD(0.1), "mse")
    >>> x = np.ones((6, 2), "float32")
    >>> x[3] = 1e30
    >>> history = model.fit(x, x[:, :1], batch_size=1, shuffle=False, verbose=0, callbacks=[Recover(keep=1)])
    Recover: the loss was inf in epoch 1, step 4 (row 3; all of it finite); going on from the last good state, with the ...
    >>> bool(np.isfinite(history.history["loss"][0])), round(float(model.optimizer.learning_rate), 3)
    (True, 0.05)
    """

    def __init__(self, on: Any = "nan", factor: float = 0.5, keep: int = 10, attempts: int = 5, folder: Any = None):
        super().__init__()
        if on != "nan" and not (isinstance(on, (int, float)) and not isinstance(on, bool) and on > 1):
            raise ArgumentError(f"Recover: `on` must be 'nan' or a number above 1, but got {on!r}.")
        if not 0 < factor <= 1:
            raise ArgumentError(f"Recover: `factor` must be above 0 and at most 1, but got {factor!r}.")
        for name, value in (("keep", keep), ("attempts", attempts)):
            if not isinstance(value, int) or value < 1:
                raise ArgumentError(f"Recover: `{name}` must be a whole number from 1 up, but got {value!r}.")
        self.on, self.factor, self.keep, self.attempts = on, factor, keep, attempts
        self._most = math.inf if on == "nan" else float(on)  # times the average
        self.folder = None if folder is None else Path(folder)
        self.recoveries = 0
        self._good = self._in_a_row = 0
        self._average: float | None = None
        self._before = 0.0, 0  # the mean loss of the epoch, and of how many steps
        self._state: dict[Variable, Any] = {}

    def on_train_begin(self, logs: dict | None = None) -> None:
        if self.factor < 1 and not isinstance(self.model.optimizer.learning_rate, Variable):
            raise ArgumentError(
                "Recover: the learning rate is a schedule or a function, which nothing can lower. Give factor=1, or compile with a "
                "number."
            )
        self._keep_state()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._before = 0.0, 0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        mean = (logs or {}).get("loss")
        if mean is None:
            return
        loss = mean * (self._before[1] + 1) - self._before[0] * self._before[1]
        if self._is_bad(loss):
            self._go_back(loss)
            return
        self._before = mean, self._before[1] + 1
        self._average = loss if self._average is None else _REMEMBERED * self._average + (1 - _REMEMBERED) * loss
        self._good += 1
        if self._good >= self.keep:
            self._keep_state()

    def _is_bad(self, loss: float) -> bool:
        if not math.isfinite(loss):
            return True
        return self._average is not None and self._average > 0 and loss > self._most * self._average

    def _keep_state(self) -> None:
        model = self.model
        variables = unique([*model.variables, *model.optimizer.variables, *model.metrics_variables])
        self._state = {variable: variable.value for variable in variables}
        self._kept = self._before
        self._good = self._in_a_row = 0

    def _go_back(self, loss: float) -> None:
        place = f"epoch {self.run.epoch + 1}, step {self.run.step}" if self.run is not None else "this step"
        self.recoveries, self._in_a_row = self.recoveries + 1, self._in_a_row + 1
        about = self._describe_batch(loss)
        if self._in_a_row > self.attempts:
            raise StateError(
                f"Recover: the loss was {loss} in {place}, and {self.attempts} attempts from the state before have not helped. Look "
                f"at the data: {about}"
            )
        rate = self.model.optimizer.learning_rate
        lowered = float(rate.value) * self.factor if isinstance(rate, Variable) else None
        for variable, value in self._state.items():
            variable.assign(value)
        self._before, self._good = self._kept, 0
        if lowered is not None and self.factor < 1:
            rate.assign(lowered)
        then = f", with the learning rate {lowered:.3g}" if lowered is not None and self.factor < 1 else ""
        say(f"Recover: the loss was {loss} in {place} ({about}); going on from the last good state{then}.")

    def _describe_batch(self, loss: float) -> str:
        """What is known of the batch that did it, in a line; all of it goes into a file."""
        if self.run is None or self.run.batch is None:
            return "its batch isn't known"
        rows, parts = self.run.rows, {}
        for part, structure in zip(("x", "y", "sample_weight"), self.run.batch, strict=True):
            for path, array in leaves_with_paths(structure):
                if array is not None:
                    parts[f"{part}[{path_name(path)!r}]" if path else part] = _summary(np.asarray(array))
        if self.folder is not None and is_first():
            self.folder.mkdir(parents=True, exist_ok=True)
            known = {"loss": repr(loss), "epoch": self.run.epoch, "step": self.run.step, "rows": rows, "batch": parts}
            (self.folder / f"epoch-{self.run.epoch}-step-{self.run.step}.json").write_text(json.dumps(known, indent=1))
        odd = [name for name, summary in parts.items() if summary.get("not finite")]
        numbers = f"{len(parts)} arrays"
        if rows is not None:
            shown = ", ".join(map(str, rows[:_SHOWN]))
            numbers = f"row{'s' * (len(rows) > 1)} {shown}{', ...' * (len(rows) > _SHOWN)}"
        return f"{numbers}; not finite: {listing(odd)}" if odd else f"{numbers}; all of it finite"


def _summary(array: np.ndarray) -> dict:
    about: dict[str, Any] = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if array.dtype.kind in "fiub" and array.size:
        numbers = array.astype("float64")
        finite = numbers[np.isfinite(numbers)]
        about["not finite"] = int(array.size - finite.size)
        if finite.size:
            about |= {"min": float(finite.min()), "max": float(finite.max()), "mean": float(finite.mean())}
    return about
