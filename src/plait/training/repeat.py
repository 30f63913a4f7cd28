"""Runs that repeat: with `fit(seed=...)`, all that a run draws is a function of the seed and of its place in the run.

The order of the data is one of (seed, epoch); what a layer draws, one of (seed, epoch, step, layer). So epoch 3 is the same
whether epochs 0 to 2 were run just before, or yesterday (`initial_epoch=3`). The weights a run starts from are not its
business: those come from the layers' initializers (`plait.utils.set_random_seed`).

Scripts draw from Python's and NumPy's global generators too. These are seeded for each epoch, so data sets that draw from
them repeat, and are put back at the end.
"""

import contextlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from plait.core.variable import Variable
from plait.errors import ArgumentError


@contextlib.contextmanager
def own_randomness(seed: int | None) -> Iterator[None]:
    """Leaves the global generators as they were, if a run has a seed of its own.

    Raises:
        ArgumentError: a seed that isn't a whole number from 0 up.
    """
    if seed is None:
        yield
        return
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0:
        raise ArgumentError(f"fit: `seed` must be a whole number from 0 up, but got {seed!r}.")
    before = random.getstate(), np.random.get_state()  # noqa: NPY002  (the generators that scripts use)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002


def begin_epoch(seed: int | None, epoch: int, variables: Sequence[Variable], data: bool = True) -> None:
    """Seeds what an epoch draws.

    Args:
        seed: the run's; None leaves all as it is.
        epoch: its number.
        variables: the model's, among them the states of its layers' generators; none where these are as they should be.
        data: whether to seed what the data draws.
    """
    if seed is None:
        return
    states = [variable for variable in variables if variable.name == "seed_generator_state"]
    numbers: Any = np.random.SeedSequence([int(seed), epoch]).generate_state(len(states) + 1)
    if data:
        random.seed(int(numbers[0]))
        np.random.seed(numbers[0])  # noqa: NPY002
    for state, number in zip(states, numbers[1:], strict=True):
        state.assign(np.array([number, 0], "uint32"))
