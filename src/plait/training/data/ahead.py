"""Things made ahead of time by threads, and handed out in order.

    with ahead(make, threads=4, window=10) as items:
        for item in items: ...

Each thread asks for the next place, makes the thing for it, and lays it down; whoever iterates gets them in the order of
the places. At most `window` things lie ready or are being made. The first exception ends everything: it is raised at its
place, so what comes before it is still handed out.

Closing always works: on an early end, on an exception, on Ctrl-C. It asks the threads to stop, and waits until each has
finished the item it is at.
"""

import contextlib
import contextvars
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

_PATIENCE = 10.0  # seconds to wait at the end for a thread that is stuck in somebody's code


class ahead:
    """An iterator over `make(0)`, `make(1)`, ... until one raises StopIteration.

    Args:
        make: makes the thing for a place; called by several threads at a time if there are several.
        threads: how many threads.
        window: how many things may lie ready or be in the making.
    """

    def __init__(self, make: Callable[[int], Any], threads: int = 1, window: int = 2):
        self._make, self._window = make, max(window, threads)
        self._changed = threading.Condition()
        self._ready: dict[int, tuple[Any, BaseException | None]] = {}
        self._taken, self._given, self._ended = 0, 0, False
        self._threads = [self._thread(f"plait-data-{number}") for number in range(threads)]
        self._started = False
        self.hungry = False  # whether somebody waits for the next thing

    def _thread(self, name: str) -> threading.Thread:
        context = contextvars.copy_context()  # a thread of its own would not see what `with scope(...)` says
        return threading.Thread(target=context.run, args=(self._work,), name=name, daemon=True)

    def _work(self) -> None:
        while (place := self._next_place()) is not None:
            try:
                outcome = self._make(place), None
            except BaseException as error:  # raised again where the thing is asked for
                outcome = None, error
            self._lay_down(place, outcome)
            del outcome

    def _next_place(self) -> int | None:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._taken - self._given < self._window)
            if self._ended:
                return None
            self._taken += 1
            return self._taken - 1

    def _lay_down(self, place: int, outcome: tuple) -> None:
        with self._changed:
            self._ready[place] = outcome
            if outcome[1] is not None:
                self._ended = True  # nobody begins a place after this one
            self._changed.notify_all()

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        if not self._started:  # here, and not in the constructor: an interrupt of this is heard where `close` follows
            self._started = True
            for thread in self._threads:
                thread.start()
        with self._changed:
            self.hungry = True
            self._changed.wait_for(lambda: self._given in self._ready or (self._ended and self._given >= self._taken))
            self.hungry = False
            if self._given not in self._ready:
                raise StopIteration
            thing, error = self._ready.pop(self._given)
            self._given += 1
            self._changed.notify_all()
        if error is None:
            return thing
        self.close()
        try:
            raise error
        finally:
            del error  # its traceback holds this frame

    def close(self) -> None:
        """Asks the threads to stop, and waits for them; nothing more is handed out."""
        with self._changed:
            self._ended = True
            self._ready.clear()
            self._given, self._started = self._taken, True
            self._changed.notify_all()
        for thread in self._threads:
            if thread is not threading.current_thread():
                with contextlib.suppress(RuntimeError):  # it has never been started
                    thread.join(_PATIENCE)

    def __enter__(self) -> "ahead":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def iterated_ahead(items: Iterator, prepare: Callable[[Any], Any], window: int = 2) -> ahead:
    """An iterator's items, prepared, one thread running it ahead of time."""
    return ahead(lambda _: prepare(next(items)), threads=1, window=window)


def places(length: int | None) -> Iterator[int]:
    """0, 1, 2, ... up to a length, or without end."""
    return itertools.count() if length is None else iter(range(length))
