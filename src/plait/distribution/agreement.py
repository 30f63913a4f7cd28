"""How the processes of one job agree: small plain data, through JAX's coordination service, never through the devices.

All processes reach the same calls in the same order, in the thread that runs the program: the n-th of one process meets the
n-th of the others. `of_first` takes the word of one, `gathered` hears all. Each says what it is at, so that a program that
makes a call in one process only (`if is_first(): model.save(...)`) ends with an error, where it would wait for ever.

Life under jit: none.

What it is not: fast. A round takes about a millisecond, so the loop asks for some every so often, not at each step
(`training/in_step`).
"""

import itertools
import json
from typing import Any

import jax
from jax.experimental import multihost_utils

from plait.errors import StateError

_PATIENCE_MS = 3_600_000  # how long the others may be at work before they come to the same call

_rounds = itertools.count()


def several() -> bool:
    """Whether this process is one of several of a job."""
    return jax.distributed.is_initialized() and jax.process_count() > 1


def is_first() -> bool:
    """Whether this process is the one that writes files and prints: the first of its job, or alone."""
    return not several() or jax.process_index() == 0


def gathered(value: Any, place: str) -> list[Any]:
    """What each process gives, in their order, on all: plain data that JSON holds.

    Args:
        value: what this one gives.
        place: what the program is at, "fit of 'a'"; all processes must be at the same.

    Raises:
        StateError: another process has ended, or is elsewhere.
    """
    if not several():
        return [value]
    number = next(_rounds)
    folder = f"plait/{number}/"
    _meet(lambda client: client.key_value_set(f"{folder}{jax.process_index()}", json.dumps([place, value])))
    _meet(lambda client: client.wait_at_barrier(f"plait-{number}", _PATIENCE_MS))
    found = _meet(lambda client: client.key_value_dir_get(folder))
    if jax.process_index() == 0 and number:  # all have read the round before
        _meet(lambda client: client.key_value_delete(f"plait/{number - 1}/"))
    by_process = {int(key.rpartition("/")[2]): json.loads(text) for key, text in found}
    places = [by_process[index][0] for index in range(jax.process_count())]
    if len(set(places)) > 1:
        where = ", ".join(f"process {index} is at {name}" for index, name in enumerate(places))
        raise StateError(
            f"The processes of this job are at different places: {where}. All must make the same calls in the same order; of "
            "files and prints plait itself has one process do them."
        )
    return [by_process[index][1] for index in range(jax.process_count())]


def of_first(value: Any, place: str) -> Any:
    """What the first process gives, on all: plain data that JSON holds.

    Args:
        value: what this one would give.
        place: what the program is at; all processes must be at the same.

    Raises:
        StateError: another process has ended, or is elsewhere.
    """
    return gathered(value if is_first() else None, place)[0]


def _meet(call: Any) -> Any:
    try:
        return call(multihost_utils.distributed.global_state.client)  # type: ignore[attr-defined]
    except jax.errors.JaxRuntimeError as error:
        raise StateError(
            f"Process {jax.process_index()} of {jax.process_count()} can't reach the others of its job: {error}"
        ) from error
