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
    """Keeps the first SIGINT of a block until `raise_if_asked`. Does nothing outside of the main thread."""

    def __enter__(self) -> "deferred_interrupts":
        self.asked = self.waiting = self.terminated = self._terminable = False
        self._previous: Any = None
        if threading.current_thread() is threading.main_thread():
            previous = signal.getsignal(signal.SIGINT)
            if previous is signal.default_int_handler:
                self._previous = previous
                signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, self._previous)
        if self.waiting:
            raise KeyboardInterrupt

    def hear_termination(self) -> None:
        """Has SIGTERM wait for the end of a dispatch as well: schedulers send it some time before they kill."""
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._terminable = True
            signal.signal(signal.SIGTERM, self._note_termination)

    def _note_termination(self, number: int, frame: FrameType | None) -> None:
        self.asked = self.terminated = True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self.waiting:
            raise SystemExit(_TERMINATED)

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
        if self.asked:
            self.asked = False
            raise SystemExit(_TERMINATED) if self.terminated else KeyboardInterrupt

    def __exit__(self, kind: Any, *rest: object) -> None:
        if self._terminable:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
        if kind is None:
            self.raise_if_asked()
