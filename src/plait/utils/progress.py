"""Progbar: a line that says how far a loop of one's own is."""

import sys
import time
from collections.abc import Sequence
from typing import Any

from plait.training.callbacks.progress import is_live, say, shown


class Progbar:
    """Progress of a loop, with running means of numbers.

    Args:
        target: how many steps there will be; None where nobody knows.
        width: how wide the bar is, in characters.
        verbose: 0 says nothing, 1 shows a bar in a terminal, 2 a line at the end.
        interval: seconds between two drawings, at least.
        stateful_metrics: names of numbers that are shown as they are, not as means.
        stateless_metrics: names of numbers that are shown as means, as all others are.
        unit_name: what a step is called.

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
        self.stateful_metrics, self.unit_name = set(stateful_metrics or ()), unit_name
        self._sums: dict[str, list[float]] = {}
        self._done, self._drawn = 0, 0.0

    def add(self, n: int, values: Any = None) -> None:
        """Goes on by n steps."""
        self.update(self._done + n, values)

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """Says how many steps are done.

        Args:
            current: the number of steps.
            values: `[(name, number), ...]` of these steps.
            finalize: whether this is the end; by default when `target` is reached.
        """
        steps = max(current - self._done, 0)
        for name, value in values or ():
            if name in self.stateful_metrics or name not in self._sums:
                self._sums[name] = [float(value), 1.0] if name in self.stateful_metrics else [0.0, 0.0]
            if name not in self.stateful_metrics:
                self._sums[name][0] += float(value) * steps
                self._sums[name][1] += steps
        self._done = current
        finalize = (self.target is not None and current >= self.target) if finalize is None else finalize
        if self.verbose == 1:
            self._draw(finalize)
        elif self.verbose == 2 and finalize:
            say(self._line())

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
