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


class deferred_interrupts:
    """Keeps the first SIGINT of a block until `raise_if_asked`. Does nothing outside of the main thread."""

    def __enter__(self) -> "deferred_interrupts":
        self.asked = self.waiting = False
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
        """Raises the interrupt, if there was one."""
        if self.asked:
            self.asked = False
            raise KeyboardInterrupt

    def __exit__(self, kind: Any, *rest: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            if kind is None:
                self.raise_if_asked()
