"""How many steps go into one dispatch.

A dispatch costs some tenths of a millisecond, whatever it runs. Where a step takes less than a few milliseconds, many
steps in one program (a loop on the device) are several times faster. Where XLA's CPU code for convolutions runs inside a
loop it takes a slow path, so models that hold some begin with single steps, and measure.

What the steps compute doesn't depend on it.
"""

import time
from collections.abc import Callable
from typing import Any

from plait.common.traits import is_of_plait
from plait.training.protocols import TrainedModel

_DISPATCH_SECONDS = 0.1  # how long one dispatch should take: short enough for a live progress bar and for Ctrl-C
_TOGETHER = 8  # batches from the host that are sent as one array, if that pays
_WORTH_LOOPING = 0.004  # a step that takes longer gains less than a few percent
_COMPILE_STEPS = 1500  # how many more steps pay for compiling a second program


class Pace:
    """Chooses the length of the next dispatch, from how long the last ones took.

    Args:
        fixed: the number of steps a dispatch, where the user or a callback that looks at each batch says so.
        looped: whether to begin with the program that runs any number of steps.
        steady: whether to stay with it, or with single steps. Programs of XLA differ in the last digit, so a run that is to
            go on with the same bits after a death may not choose by the clock.
        agree: what has several processes take one number of seconds, so that they choose alike; None for one alone.
    """

    def __init__(
        self, fixed: int | None = None, looped: bool = True, steady: bool = False, agree: Callable | None = None
    ):
        self.fixed = fixed
        self.steady = steady
        self._agree = agree
        self.looped = looped if fixed is None else fixed > 1
        self._seconds: float | None = None  # a step's
        self._single_seconds: float | None = None
        self._warm: set[tuple[bool, Any]] = set()
        self._settled = fixed is not None

    def next(self, remaining: int, total: int) -> int:
        """How many steps to dispatch now, of those that remain in the epoch."""
        if self.fixed is not None:
            return min(self.fixed, remaining)
        if not self.looped:
            if self._worth_looping(total):
                self.looped, self._seconds = True, None
            return 1
        if self._seconds is None:
            return min(remaining, 1 if (True, None) not in self._warm else 8)
        return max(1, min(remaining, int(_DISPATCH_SECONDS / self._seconds)))

    def _worth_looping(self, total: int) -> bool:
        seconds = self._single_seconds
        return (
            not self.steady
            and not self._settled
            and seconds is not None
            and seconds < _WORTH_LOOPING
            and total > _COMPILE_STEPS
        )

    @property
    def together(self) -> int:
        """How many batches from the host may go into one dispatch."""
        return self.fixed or (_TOGETHER if self.looped else 1)

    @property
    def measures(self) -> bool:
        """Whether the next dispatch is to be waited for, to know how long it takes."""
        return not self._settled

    def took(self, steps: int, started: float) -> None:
        """Takes in how long a dispatch took that was waited for."""
        seconds = (time.perf_counter() - started) / steps
        seconds = seconds if self._agree is None else self._agree(seconds)
        if (self.looped, None) not in self._warm:
            self._warm.add((self.looped, None))  # the first one compiles
            return
        if not self.looped:
            self._single_seconds = min(seconds, self._single_seconds or seconds)
            self._settled = self._single_seconds >= _WORTH_LOOPING
            return
        if not self.steady and self._single_seconds is not None and seconds > 1.1 * self._single_seconds and steps >= 8:
            self.looped, self._settled = False, True  # the loop is the slow path here
            return
        self._seconds = seconds
        self._settled = seconds * steps > _DISPATCH_SECONDS / 4


def begins_looped(model: TrainedModel) -> bool:
    """Whether all layers of a model are known to run as fast in a loop as alone."""
    return all(
        is_of_plait(type(layer)) and not type(layer)._slow_in_loops
        for layer in model._flatten_layers()
        if layer is not model
    )
