"""`python -m plait --report script.py`: at exit, where the time went, and which names of Keras's weren't there.

JAX reports to its listeners what it traces, lowers, compiles or reads from disk, and plait's loops report how long they ran. What is
neither compiled in them nor outside of them is the steps' own time.
"""

import atexit
import sys
import time
from typing import Any

from jax import monitoring

from plait.compat.outside import asked_for
from plait.training.counted import BEGIN, STEPS

_TRACING = "/jax/core/compile/jaxpr_trace_duration"
_LOWERING = "/jax/core/compile/jaxpr_to_mlir_module_duration"
_COMPILING = "/jax/core/compile/backend_compile_duration"
_FROM_DISK = "/jax/compilation_cache/cache_hits"


class Report:
    """Listens from when it is made on.

    Args:
        started: when the program began, by `time.perf_counter`.
    """

    def __init__(self, started: float | None = None):
        self._started = time.perf_counter() if started is None else started
        self.tracing = self.compiling = self.steps = 0.0
        self.programs = self.from_disk = 0
        self._before: list[float] = []
        monitoring.register_event_listener(self._event)
        monitoring.register_event_duration_secs_listener(self._duration)

    def _event(self, event: str, **_: Any) -> None:
        if event == _FROM_DISK:
            self.from_disk += 1
        elif event == BEGIN:
            self._before.append(self.tracing + self.compiling)

    def _duration(self, event: str, duration_secs: float, **_: Any) -> None:
        if event in (_TRACING, _LOWERING):
            self.tracing += duration_secs
        elif event == _COMPILING:
            self.compiling += duration_secs
            self.programs += 1
        elif event == STEPS and self._before:
            self.steps += max(duration_secs - (self.tracing + self.compiling - self._before.pop()), 0.0)

    def stop(self) -> None:
        """Listens no longer."""
        monitoring.unregister_event_listener(self._event)
        monitoring.unregister_event_duration_listener(self._duration)

    def text(self) -> str:
        """What was found, in a few lines."""
        total = time.perf_counter() - self._started
        rest = max(total - self.tracing - self.compiling - self.steps, 0.0)
        lines = [
            f"plait: {total:.2f} s in all",
            f"  {self.steps:8.2f} s  in the steps of fit, evaluate and predict",
            f"  {self.tracing:8.2f} s  tracing and lowering",
            f"  {self.compiling:8.2f} s  compiling {self.programs} programs, {self.from_disk} of them read from disk",
            f"  {rest:8.2f} s  the rest: imports, data, the script itself",
        ]
        if asked_for:
            lines.append("Asked for, and not there:")
            lines += [f"  {name} ({count} times)" for name, count in sorted(asked_for.items())]
        else:
            lines.append("Every name that was asked for was there.")
        return "\n".join(lines)


def report_at_exit() -> Report:
    """Prints a report to the standard error when the program ends, however it ends."""
    report = Report()
    atexit.register(lambda: print(report.text(), file=sys.stderr))
    return report
