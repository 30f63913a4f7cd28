"""What goes with tracing: noticing that something is compiled again and again, how long it takes, and leaving the memory alone.

A function that JAX traces runs its Python once for each new kind of arguments, and each such run ends in compilation: so
it is enough to call `Traces.note` inside the function, and costs a warm call nothing.

A trace makes hundreds of thousands of small objects that all stay. Python's collector would look through them, and through
all else that the program holds, again and again, for an eighth of the time of a first step, and find nothing.
"""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from plait.common.messages import describe, warn
from plait.common.tree import leaves_with_paths, path_name

_OFTEN = 12


class Clock:
    """How long this process has traced and compiled programs.

    Attributes:
        past: seconds, without what is under way.
        began: when what is under way began, by `time.perf_counter`; None while nothing is.
    """

    def __init__(self) -> None:
        self.past = 0.0
        self.began: float | None = None

    def begin(self) -> None:
        """Starts it, if it doesn't run."""
        if self.began is None:
            self.began = time.perf_counter()

    def end(self) -> None:
        """Stops it."""
        if self.began is not None:
            self.past += time.perf_counter() - self.began
            self.began = None

    def seconds(self) -> float:
        """All so far."""
        began = self.began
        return self.past + (0.0 if began is None else time.perf_counter() - began)


clock = Clock()


class Traces:
    """Counts the traces of one owner's programs, and warns once when there are many.

    Args:
        often: at how many traces of one program it warns.
    """

    def __init__(self, often: int = _OFTEN):
        self.often = often
        self._counts: dict[str, int] = {}
        self._last: dict[str, dict[str, str]] = {}
        self.under_way = False  # whether a trace began whose call hasn't ended
        self._pausing = False

    def note(self, owner: str, program: str, arguments: Any) -> None:
        """Notes that a program is being traced for arguments. From now on, until `ended`, Python looks for no garbage.

        Args:
            owner: whose it is, for the warning.
            program: which one.
            arguments: what it is called with, in any structure.
        """
        clock.begin()
        self.under_way, self._pausing = True, self._pausing or gc.isenabled()
        gc.disable()
        kinds = {path_name(path): describe(leaf) for path, leaf in leaves_with_paths(arguments)}
        before, self._last[program] = self._last.get(program, {}), kinds
        count = self._counts[program] = self._counts.get(program, 0) + 1
        if count == self.often:
            warn(
                f"{owner}: `{program}` has been compiled {count} times, and each time takes much longer than a run. "
                f"{_difference(before, kinds)}",
            )

    def ended(self) -> None:
        """To be called when a call has returned, or raised, whether it traced or not."""
        if self.under_way:
            clock.end()
            self.under_way = False
        if self._pausing:
            self._pausing = False
            gc.enable()


@contextmanager
def uncollected() -> Iterator[None]:
    """A block in which something is traced, and Python looks for no garbage."""
    pausing = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if pausing:
            gc.enable()


def _difference(before: dict[str, str], after: dict[str, str]) -> str:
    changes = [f"{name or 'the input'} from {before.get(name)} to {kind}" for name, kind in after.items()]
    changes = [change for change, name in zip(changes, after, strict=True) if before.get(name) != after[name]]
    if not changes:
        return (
            "The arguments' shapes are the same; what changed is most likely the model itself: what is trainable, its layers or "
            "its variables. Change these before the loop, or keep one model for each form."
        )
    return (
        f"What changed last is the shape or dtype of {'; '.join(changes[:4])}. Give all batches one shape: pad them, or "
        "leave out the last short one."
    )
