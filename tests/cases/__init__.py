"""THE table: one row a layer. From its row a layer gets every contract test and its parity test against Keras.

A row's `make` gets a module of layers (`plait.layers` or `keras.layers`) and makes the layer, so both sides are made by
the same words. Rows stand in one file a family, each with a list `CASES`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Input:
    """What goes in: a shape with its batch axis, a dtype, and the range of its numbers."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    low: float = -1.0
    high: float = 1.0

    def array(self, seed: int = 0) -> np.ndarray:
        """The same numbers for the same seed."""
        rng = np.random.default_rng(seed)
        if self.dtype == "bool":
            return rng.random(self.shape) < 0.5
        if "int" in self.dtype:
            return rng.integers(int(self.low), int(self.high), self.shape).astype(self.dtype)
        return rng.uniform(self.low, self.high, self.shape).astype(self.dtype)


@dataclass(frozen=True)
class Case:
    """A row: how to make a layer, what goes in, and what is special about it.

    Attributes:
        name: unique; by convention the class and what is special.
        make: makes the layer from a module of layers.
        inputs: one Input, or a list of them for layers that take a list.
        call: keyword arguments of the call, besides the input: values, or Inputs.
        training: whether the layer does something else while training.
        random: whether what it does while training is drawn at random.
        masked: whether an input mask (batch, time) makes a difference that is to be compared.
        batchwise: whether a sample's result depends on the other samples (no vmap test).
        differentiable: whether it has gradients with respect to its inputs.
        atol: how far from Keras its values may be.
        skip: names of contract tests that don't apply, each with the reason.
        in_keras: whether Keras has the layer too, so that it is compared with Keras's.
    """

    name: str
    make: Callable[[Any], Any]
    inputs: Any
    call: dict[str, Any] = field(default_factory=dict)
    training: bool = False
    random: bool = False
    masked: bool = False
    batchwise: bool = False
    differentiable: bool = True
    atol: float = 1e-5
    skip: dict[str, str] = field(default_factory=dict)
    in_keras: bool = True


def all_cases() -> list[Case]:
    """Every row of every family, names unique."""
    import importlib
    import pkgutil

    rows: list[Case] = []
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        rows += importlib.import_module(f"{__name__}.{module}").CASES
    names = [row.name for row in rows]
    assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)
    return rows
