"""Loops report to JAX's listeners how long they ran, as JAX reports its compilation; see `compat/report`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from jax import monitoring

BEGIN, STEPS = "/plait/steps/begin", "/plait/steps/duration"


@contextmanager
def counted() -> Iterator[None]:
    """A block in which steps run."""
    monitoring.record_event(BEGIN)
    started = time.perf_counter()
    try:
        yield
    finally:
        monitoring.record_event_duration_secs(STEPS, time.perf_counter() - started)
