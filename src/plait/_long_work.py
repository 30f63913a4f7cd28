"""Long work shows that it goes on: a line in the terminal, after a second, that goes away at the end.

Nothing shows without a terminal, where `plait.config` or verbose=0 says so, or while another display is live, such as the
bar of `fit`. Short work pays for a clock that is set and stopped; without a terminal it pays nothing.
"""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from rich.console import Console
from rich.file_proxy import FileProxy
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from plait.common.settings import settings

_PATIENCE = 1.0  # seconds before anything shows
_REFRESHES = 4  # a second
Item = TypeVar("Item")


class LongWork:
    """Work that may take long, as a context.

    Args:
        title: what is done.
        total: how many steps it has; None where nobody knows, and then only the time shows.
        verbose: 0 says nothing.

    >>> with LongWork("Counting") as work:
    ...     sum(work.through([1, 2, 3]))
    6
    """

    def __init__(self, title: str, total: int | None = None, verbose: Any = "auto"):
        self.title, self.total, self.done = title, total, 0
        self._wanted = verbose != 0
        self._began = 0.0
        self._clock: threading.Timer | None = None
        self._bar: Progress | None = None

    def __enter__(self) -> "LongWork":
        if self._wanted and settings().interactive_logging and _may_show():
            self._began = time.monotonic()
            self._clock = threading.Timer(_PATIENCE, self._show)
            self._clock.daemon = True
            self._clock.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock.join()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def advance(self, steps: int = 1) -> None:
        """Says that some steps are done."""
        self.done += steps
        bar = self._bar
        if bar is not None:
            bar.update(bar.task_ids[0], completed=self.done)

    def through(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, each of which is a step."""
        if self.total is None and isinstance(items, (list, tuple)):
            self.total = len(items)
        for item in items:
            yield item
            self.advance()

    def _show(self) -> None:
        """Shows the line; on the clock's own thread."""
        console = Console(file=sys.stdout)
        if not _may_show() or console.is_dumb_terminal:
            return
        steps = [BarColumn(20), MofNCompleteColumn()] if self.total else []
        columns = TextColumn("{task.description}", markup=False), *steps, TimeElapsedColumn()
        bar = Progress(
            *columns, console=console, transient=True, refresh_per_second=_REFRESHES, get_time=time.monotonic
        )
        task = bar.add_task(self.title, total=self.total, completed=self.done)
        bar.tasks[task].start_time = self._began
        bar.start()
        self._bar = bar


def _may_show() -> bool:
    """Whether there is a terminal, and nothing else is live on it: rich puts a proxy in place of `sys.stdout` meanwhile."""
    out = sys.stdout
    return not isinstance(out, FileProxy) and hasattr(out, "isatty") and out.isatty()
