"""Saving memory in training: what is computed again in the backward pass instead of being stored.

`remat` does it for a function, `RematScope` for the layers that are made in its block. Values and gradients stay what
they are; a step takes longer, and needs less memory.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax

from plait.common.messages import did_you_mean, listing
from plait.common.scope import current, scope
from plait.common.tree import flatten, map_structure
from plait.core.infer import infer
from plait.core.pure import pure
from plait.core.tensor import KerasTensor
from plait.core.variable import Variable
from plait.errors import NameUnknownError

_MODES = ("full", "activations", "larger_than", "list_of_layers")


def remat(f: Callable) -> Callable:
    """A function whose inner results are computed again in the backward pass: `jax.checkpoint`."""
    return jax.checkpoint(f)


class RematScope(scope):
    """Says which of the layers made in the block compute again.

    Args:
        mode: "full" for all of them, "activations" for those that are or have an activation, "larger_than" for those whose
            output is larger than `output_size_threshold`, "list_of_layers" for those in `layer_names`; None for none.
        output_size_threshold: a number of elements of one output, batch included.
        layer_names: names of layers.

    Raises:
        NameUnknownError: no such mode.

    >>> import plait
    >>> with RematScope("list_of_layers", layer_names=["big"]):
    ...     layer = plait.layers.Dense(64, name="big")
    """

    def __init__(
        self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Sequence[str] | None = None
    ):
        if mode is not None and mode not in _MODES:
            raise NameUnknownError(
                f"RematScope: `mode` must be one of {listing(_MODES)}, but got {mode!r}.{did_you_mean(mode, _MODES)}"
            )
        self.mode, self.output_size_threshold = mode, output_size_threshold
        self.layer_names = list(layer_names or [])
        super().__init__(remat=None if mode is None else self)

    def covers(self, layer: Any, args: tuple, kwargs: dict) -> bool:
        """Whether a layer is to compute again in this call."""
        if self.mode == "larger_than":
            symbols = map_structure(_symbol, list(args)), map_structure(_symbol, kwargs)
            outputs = flatten(infer(layer.call, tuple(symbols[0]), symbols[1]))
            return any(math.prod(output.shape) > self.output_size_threshold for output in outputs)
        if self.mode == "list_of_layers":
            return layer.name in self.layer_names
        return self.mode == "full" or hasattr(layer, "activation")


def _symbol(leaf: Any) -> Any:
    return KerasTensor(leaf.shape, str(leaf.dtype)) if hasattr(leaf, "shape") else leaf


def run_again(
    call: Callable, variables: Sequence[Variable], args: tuple, kwargs: dict, add_loss: Callable[[list], None]
) -> Any:
    """Calls a function that reads and assigns variables, so that the backward pass computes it again.

    What it assigns, and the losses it adds, come out as results, and are assigned here and handed to `add_loss`: nothing that
    JAX traces inside may outlive the inner trace.
    """
    others: list[Variable] = []

    def inner(values: list, args: tuple) -> tuple:
        added, bindings = [], dict(current().bindings or {})  # type: ignore[var-annotated]
        before = dict(bindings)
        with scope(losses=added, bindings=bindings):
            outputs, after = pure(lambda *given: call(*given, **kwargs), variables)(values, *args)
        others[:] = [variable for variable, value in bindings.items() if value is not before.get(variable)]
        return outputs, after, [bindings[variable] for variable in others], added

    with scope(compute_dtype=None):
        values = [variable.value for variable in variables]
    outputs, after, besides, added = jax.checkpoint(inner)(values, args)
    for variable, value in zip(variables, after, strict=True):
        if not variable.trainable:
            variable.assign(value)
    for variable, value in zip(others, besides, strict=True):
        variable.assign(value)
    add_loss(added)
    return outputs
