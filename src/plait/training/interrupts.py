"""Ctrl-C between dispatches, never inside one.

A dispatch gives its input buffers away and gets new ones back; an exception between the two would lose the weights. So
while a fit runs, the first interrupt only leaves a note, and the loop raises it when all values are in their cells. A
second one doesn't wait.
"""

import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

_TERMINATED = 128 + signal.SIGTERM  # the exit code that shells give to what SIGTERM ended


class deferred_interrupts:
    """Keeps the first SIGINT of a block until `raise_if_asked`. Does nothing outside of the main thread.

    Args:
        together: whether other processes are to be interrupted in the same step: then it waits until they agree.

    Attributes:
        asked: whether there was one.
        due: whether it is time to raise it.
        terminated: whether it was SIGTERM.
    """

    def __init__(self, together: bool = False):
        self._together = together

    def __enter__(self) -> "deferred_interrupts":
        self.asked = self.due = self.waiting = self.terminated = self._terminable = False
        self._previous: Any = None
        if threading.current_thread() is threading.main_thread():
            previous = signal.getsignal(signal.SIGINT)
            if previous is signal.default_int_handler:
                self._previous = previous
                signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked, self.due = True, not self._together
        signal.signal(signal.SIGINT, self._previous)
        if self.waiting and not self._together:
            raise KeyboardInterrupt

    def hear_termination(self) -> None:
        """Has SIGTERM wait for the end of a dispatch as well: schedulers send it some time before they kill."""
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._terminable = True
            signal.signal(signal.SIGTERM, self._note_termination)

    def _note_termination(self, number: int, frame: FrameType | None) -> None:
        self.asked = self.terminated = True
        self.due = not self._together
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self.waiting and not self._together:
            raise SystemExit(_TERMINATED)

    def agree(self, asked: bool, terminated: bool) -> None:
        """Takes over what any of several processes was asked for."""
        self.due, self.asked = asked, self.asked or asked
        self.terminated = self.terminated or terminated

    def wait_for(self, batches: Iterator) -> Iterator:
        """The items of an iterator; an interrupt is heard at once while it is waited for one."""
        while True:
            self.waiting = True
            try:
                item = next(batches, None)
            finally:
                self.waiting = False
            if item is None:
                return
            yield item

    def raise_if_asked(self) -> None:
        """Raises the interrupt, if there was one; ends the program where it was asked to end."""
        if self.due:
            self.asked = self.due = False
            raise SystemExit(_TERMINATED) if self.terminated else KeyboardInterrupt

    def __exit__(self, kind: Any, *rest: object) -> None:
        if self._terminable:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
        if kind is None:
            self.due = self.asked
            self.raise_if_asked()
