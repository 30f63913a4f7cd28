"""The generators of random numbers that programs and data draw from: Python's, NumPy's, and PyTorch's where it is loaded."""

import random
import sys
from typing import Any

import numpy as np


def generators_now() -> dict[str, Any]:
    """The states of the generators that programs and data draw from, as plain data and arrays."""
    states = {"python": random.getstate(), "numpy": np.random.get_state()}  # noqa: NPY002  (the generator that scripts seed)
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        states["torch"] = torch.get_rng_state().numpy()
    return states


def set_generators(states: dict[str, Any]) -> None:
    """Gives the generators the states that they had."""
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])  # noqa: NPY002
    torch = sys.modules.get("torch")
    if torch is not None and "torch" in states:
        torch.set_rng_state(torch.from_numpy(states["torch"]))
