"""Progbar: a line that says how far a custom loop is."""

import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from plait.errors import ArgumentError
from plait.training.callbacks.progress import is_live, say, shown


class Progbar:
    """Progress of a loop, with running means of numbers.

    Args:
        target: how many steps there will be; None where nobody knows.
        width: how wide the bar is, in characters.
        verbose: 0 says nothing, 1 shows a bar in a terminal, 2 a line at the end.
        interval: seconds between two drawings, at least.
        stateful_metrics: names of numbers that are shown as they are, not as means.
        stateless_metrics: names of numbers that are shown as means; all others are then shown as they are.
        unit_name: what a step is called.

    Raises:
        ArgumentError: both lists of names.

    >>> bar = Progbar(2, verbose=2)
    >>> bar.update(1, [("loss", 1.0)])
    >>> bar.update(2, [("loss", 0.5)])
    2/2 - loss: 0.7500
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Sequence[str] | None = None,
        stateless_metrics: Sequence[str] | None = None,
        unit_name: str = "step",
    ):
        self.target, self.width, self.verbose, self.interval = target, width, verbose, interval
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ArgumentError(
                "Progbar: Only one of `stateful_metrics` and `stateless_metrics` can be given: what isn't in the one is the other."
            )
        self.stateful_metrics, self.unit_name = set(stateful_metrics or ()), unit_name
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._sums: dict[str, list[float]] = {}
        self._done, self._drawn = 0, 0.0

    def add(self, n: int, values: Any = None) -> None:
        """Goes on by n steps."""
        self.update(self._done + n, values)

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """Says how many steps are done.

        Args:
            current: the number of steps.
            values: `[(name, number), ...]` of these steps; of several numbers the mean is shown.
            finalize: whether this is the end; by default when `target` is reached.
        """
        steps = max(current - self._done, 0)
        for name, value in values or ():
            number = float(np.mean(value))
            if self._is_stateful(name):
                self._sums[name] = [number, 1.0]
            else:
                total, count = self._sums.get(name, (0.0, 0.0))
                self._sums[name] = [total + number * steps, count + steps]
        self._done = current
        finalize = (self.target is not None and current >= self.target) if finalize is None else finalize
        if self.verbose == 1:
            self._draw(finalize)
        elif self.verbose == 2 and finalize:
            say(self._line())

    def _is_stateful(self, name: str) -> bool:
        """Whether a number is shown as it is."""
        return name in self.stateful_metrics if self.stateless_metrics is None else name not in self.stateless_metrics

    def _line(self) -> str:
        means = {name: total / count if count else total for name, (total, count) in self._sums.items()}
        target = "Unknown" if self.target is None else self.target
        return f"{self._done}/{target} - {shown(means)}".rstrip(" -")

    def _draw(self, finalize: bool) -> None:
        now = time.perf_counter()
        if not is_live(1):
            if finalize:
                say(self._line())
            return
        if now - self._drawn < self.interval and not finalize:
            return
        self._drawn = now
        share = min(self._done / self.target, 1.0) if self.target else 0.0
        full = round(share * self.width)
        sys.stdout.write(f"\r{'━' * full}{'╌' * (self.width - full)} {self._line()}" + ("\n" if finalize else ""))
        sys.stdout.flush()
