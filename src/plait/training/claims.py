"""Who trains what: two threads may not train one variable at a time."""

import contextlib
import threading
from collections.abc import Iterator, Sequence

from plait.common.messages import listing
from plait.core.variable import Variable
from plait.errors import StateError

_fits: list[tuple[int, str, frozenset[Variable]]] = []  # under way: thread, model's name, and what it trains


@contextlib.contextmanager
def claimed(variables: Sequence[Variable], name: str) -> Iterator[None]:
    """A block in which no other thread may train some variables.

    Raises:
        StateError: another thread is training one of them.
    """
    refuse_if_trained_elsewhere(variables, name)
    claim = threading.get_ident(), name, frozenset(v for v in variables if v.trainable)
    _fits.append(claim)
    try:
        yield
    finally:
        _fits.remove(claim)


def refuse_if_trained_elsewhere(variables: Sequence[Variable], name: str) -> None:
    """Refuses to train what the `fit` of another thread is training.

    Raises:
        StateError: one of the variables is.
    """
    for thread, other, theirs in _fits:
        if thread != threading.get_ident() and not theirs.isdisjoint(variables):
            shared = listing(v.path for v in variables if v in theirs)
            raise StateError(
                f"{name}: another thread is training {shared} in the `fit` of {other!r}. Wait until it has ended, or train both in "
                "one thread."
            )
