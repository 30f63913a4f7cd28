"""Cells of recurrent layers: what happens in one step.

Letters: B batch, D features, U units. Inputs are (B, D), states (B, U).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import jax.numpy as jnp

from plait import activations, constraints, initializers, random, regularizers
from plait.common.numbers import as_list
from plait.common.registry import builtin
from plait.common.serialization import deserialize
from plait.common.traits import is_usual, of_plait
from plait.errors import ArgumentError
from plait.layers.argument_checks import last_axis, positive_integer
from plait.layers.argument_types import ActivationLike, ConstraintLike, InitializerLike, LayerOptions, RegularizerLike
from plait.layers.base import Layer
from plait.lowering.recurrent import GRUGates, LSTMGates, SimpleGates, Weights


@dataclass(frozen=True)
class CellOptions:
    """What every cell is told beside its units; the names, defaults and meanings are Keras's."""

    activation: ActivationLike = "tanh"
    use_bias: bool = True
    kernel_initializer: InitializerLike = "glorot_uniform"
    recurrent_initializer: InitializerLike = "orthogonal"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    recurrent_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    kernel_constraint: ConstraintLike = None
    recurrent_constraint: ConstraintLike = None
    bias_constraint: ConstraintLike = None
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    seed: int | None = None


@of_plait
class Cell(Layer):
    """What the cells share: units, weights of `gates` parts side by side, and dropout of inputs and states."""

    _family = "recurrent"

    gates = 1
    state_count = 1
    draws_seed_first = False
    _drawn: tuple | None = None  # the dropout of the pass that runs

    def __init__(self, units: int, options: CellOptions, implementation: int = 2, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.masks_by_gate = (implementation == 1 or options.recurrent_dropout > 0) and self.gates > 1
        if self.draws_seed_first:  # where Keras does, so that a seeded script gets the same weights
            self.seed_generator = random.SeedGenerator(options.seed)
        self.units = positive_integer(units, type(self).__name__, "units")
        self.activation = activations.get(options.activation)
        self.use_bias = options.use_bias
        self.kernel_initializer = initializers.get(options.kernel_initializer)
        self.recurrent_initializer = initializers.get(options.recurrent_initializer)
        self.bias_initializer = initializers.get(options.bias_initializer)
        self.kernel_regularizer = regularizers.get(options.kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(options.recurrent_regularizer)
        self.bias_regularizer = regularizers.get(options.bias_regularizer)
        self.kernel_constraint = constraints.get(options.kernel_constraint)
        self.recurrent_constraint = constraints.get(options.recurrent_constraint)
        self.bias_constraint = constraints.get(options.bias_constraint)
        self.dropout = min(1.0, max(0.0, options.dropout))
        self.recurrent_dropout = min(1.0, max(0.0, options.recurrent_dropout))
        self.seed = options.seed
        if not self.draws_seed_first:
            self.seed_generator = random.SeedGenerator(options.seed)
        self.state_size = self.units if self.state_count == 1 else [self.units] * self.state_count
        self.output_size = self.units

    def build(self, input_shape: tuple) -> None:
        features = last_axis(input_shape, self)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(features, self.gates * self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(self.units, self.gates * self.units),
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=self._bias_shape(),
                initializer=self._bias_initializer(),
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def _bias_shape(self) -> tuple:
        return (self.gates * self.units,)

    def _bias_initializer(self) -> Any:
        return self.bias_initializer

    def get_initial_state(self, batch_size: Any = None) -> list:
        """States of zeros."""
        return [jnp.zeros((batch_size, self.units), self.compute_dtype) for _ in range(self.state_count)]

    def draw_masks(self, x: Any, state: Any) -> tuple[Any, Any]:
        """The dropout of inputs and of states for one pass, the same at each step: one mask, or one for each gate."""
        if self._drawn is not None:
            return self._drawn
        return self._masks(x, self.dropout), self._masks(state, self.recurrent_dropout)

    def _masks(self, like: Any, rate: float) -> list | None:
        if rate == 0:
            return None
        ones = jnp.ones_like(like)
        count = self.gates if self.masks_by_gate else 1
        return [random.dropout(ones, rate, seed=self.seed_generator) for _ in range(count)]

    def for_gates(self, product: Callable, x: Any, kernel: Any, masks: list | None, axis: int = -1) -> Any:
        """`product(x, kernel)` for all gates at once; where each gate has a mask of its own, one for each."""
        if masks is None:
            return product(x, kernel)
        parts = zip(masks, jnp.split(kernel, len(masks), axis=-1), strict=True)
        return jnp.concatenate([product(x * mask, part) for mask, part in parts], axis=axis)

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        """One step: `(output, states)`."""
        states = as_list(states)
        x_masks, h_masks = self.draw_masks(inputs, states[0]) if training else (None, None)
        states = self.step(self.project(inputs, x_masks), states, h_masks)
        return states[0], (states if self.state_count > 1 else states[:1])

    def project(self, x: Any, masks: list | None = None) -> Any:
        """What the inputs give."""
        out = self.for_gates(jnp.matmul, x, self.kernel.value, masks)
        return out if self.bias is None else out + self.bias.value

    def elementwise(self) -> Any:
        """What a step does after its two products, as `plait.lowering.recurrent` takes it; None where there is more to it."""
        return None

    def weights_in_step(self) -> Weights:
        """The weights' values, for `plait.lowering.recurrent`."""
        bias = None if self.bias is None else self.bias.value
        return Weights(self.kernel.value, self.recurrent_kernel.value, bias)

    def step(self, projected: Any, states: list, masks: list | None) -> list:
        """The states after a step."""
        gates = self.elementwise()
        return gates(gates.join(projected, self._inner(states[0], masks)), states)

    def _inner(self, h: Any, masks: list | None) -> Any:
        return self.for_gates(jnp.matmul, h, self.recurrent_kernel.value, masks)


@builtin("layers")
class SimpleRNNCell(Cell):
    """`activation(x @ kernel + h @ recurrent_kernel + bias)`."""

    draws_seed_first = True

    def __init__(
        self, units: int, activation: ActivationLike = "tanh", use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None, recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None, kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None, bias_constraint: ConstraintLike = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Unpack[LayerOptions],
    ):  # fmt: skip
        options = CellOptions(
            activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed,
        )  # fmt: skip
        super().__init__(units, options, **kwargs)

    def elementwise(self) -> Any:
        return SimpleGates(self.activation)


@of_plait
class _GatedCell(Cell):
    def __init__(
        self, units: int, options: CellOptions, recurrent_activation: ActivationLike, **kwargs: Unpack[LayerOptions]
    ):
        super().__init__(units, options, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)


@builtin("layers")
class LSTMCell(_GatedCell):
    """Long short-term memory; the gates stand side by side in the kernels: input, forget, candidate, output.

    Source: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997.
    """

    gates, state_count = 4, 2

    def __init__(
        self, units: int, activation: ActivationLike = "tanh", recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True, kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True, kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None, bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None, recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: int | None = None, **kwargs: Unpack[LayerOptions],
    ):  # fmt: skip
        options = CellOptions(
            activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed,
        )  # fmt: skip
        super().__init__(units, options, recurrent_activation, **kwargs)
        self.unit_forget_bias = unit_forget_bias

    def _bias_initializer(self) -> Any:
        if not self.unit_forget_bias:
            return self.bias_initializer
        units, first = self.units, self.bias_initializer

        def initialize(shape: tuple, dtype: Any = None) -> Any:
            parts = [first((units,), dtype=dtype), jnp.ones((units,), dtype), first((units * 2,), dtype=dtype)]
            return jnp.concatenate(parts)

        return initialize

    def elementwise(self) -> Any:
        return LSTMGates(self.activation, self.recurrent_activation)


@builtin("layers")
class GRUCell(_GatedCell):
    """Gated recurrent unit; the gates stand side by side: update z, reset r, candidate h.

    Args:
        reset_after: whether the reset gate is applied after the product (with a bias of its own, as cuDNN does) or before.

    Source: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, 2014.
    """

    gates = 3

    def __init__(
        self, units: int, activation: ActivationLike = "tanh", recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True, kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None, recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None, kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None, bias_constraint: ConstraintLike = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, reset_after: bool = True, seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ):  # fmt: skip
        options = CellOptions(
            activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed,
        )  # fmt: skip
        super().__init__(units, options, recurrent_activation, **kwargs)
        self.reset_after = reset_after

    def _bias_shape(self) -> tuple:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def project(self, x: Any, masks: list | None = None) -> Any:
        out = self.for_gates(jnp.matmul, x, self.kernel.value, masks)
        if self.bias is None:
            return out
        return out + (self.bias.value[0] if self.reset_after else self.bias.value)

    def elementwise(self) -> Any:
        return GRUGates(self.activation, self.recurrent_activation) if self.reset_after else None

    def weights_in_step(self) -> Weights:
        weights = super().weights_in_step()
        return (
            weights if weights.bias is None else weights._replace(bias=weights.bias[0], recurrent_bias=weights.bias[1])
        )

    def _inner(self, h: Any, masks: list | None) -> Any:
        inner = super()._inner(h, masks)
        return inner if self.bias is None else inner + self.bias.value[1]

    def step(self, projected: Any, states: list, masks: list | None) -> list:
        if self.reset_after:
            return super().step(projected, states, masks)
        (h,) = states
        kernel, units = self.recurrent_kernel.value, self.units
        xz, xr, xh = jnp.split(projected, 3, axis=-1)
        gate = self.recurrent_activation
        gates, own = (None, 1) if masks is None else (masks[:2], masks[2])
        hz, hr = jnp.split(self.for_gates(jnp.matmul, h, kernel[:, : 2 * units], gates), 2, axis=-1)
        z, r = gate(xz + hz), gate(xr + hr)
        candidate = self.activation(xh + (r * h * own) @ kernel[:, 2 * units :])
        return [z * h + (1 - z) * candidate]


@builtin("layers")
class StackedRNNCells(Layer):
    """Several cells as one, each fed by the one before.

    Args:
        cells: the cells.
    """

    _family = "recurrent"

    def __init__(self, cells: Sequence, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.cells = [deserialize(cell, None, "layers") if isinstance(cell, dict) else cell for cell in cells]
        for cell in self.cells:
            if not hasattr(cell, "state_size") or not callable(cell):
                raise ArgumentError(f"StackedRNNCells: All cells must have a `state_size` attribute, but got {cell}.")

    @property
    def state_size(self) -> list:
        """The sizes of the cells' states."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The size of the last cell's output."""
        return getattr(self.cells[-1], "output_size", self.cells[-1].state_size)

    def get_initial_state(self, batch_size: Any = None) -> list:
        """States of zeros, a list for each cell."""
        return [initial_states(cell, batch_size) for cell in self.cells]

    def build(self, input_shape: tuple) -> None:
        for cell in self.cells:
            if not cell.built:
                cell.build(input_shape)
            size = getattr(cell, "output_size", None) or first_size(cell.state_size)
            input_shape = (input_shape[0], size)

    def call(self, inputs: Any, states: Any, training: bool = False, **kwargs: Any) -> Any:
        after = []
        for cell, state in zip(self.cells, states, strict=True):
            inputs, state = cell(inputs, state, **kwargs)
            after.append(as_list(state))
        return inputs, after

    def advance_for(self, x: Any, states: Sequence, training: bool) -> Callable:
        """One step as a function of inputs and states, with the dropout of all cells drawn: it is the same at each step."""
        steps = []
        for cell, state in zip(self.cells, states, strict=True):
            steps.append(step_of(cell, x, state, training))
            size = getattr(cell, "output_size", None) or first_size(cell.state_size)
            x = jnp.ones((x.shape[0], size), x.dtype)

        def advance(inputs: Any, states: Sequence) -> tuple[Any, list]:
            after = []
            for step, state in zip(steps, states, strict=True):
                inputs, state = step(inputs, state)
                after.append(as_list(state))
            return inputs, after

        return advance


def step_of(cell: Any, x: Any, states: Any, training: bool) -> Callable:
    """One step of a cell as a function of inputs and states."""
    if isinstance(cell, StackedRNNCells) and has_own_call(cell):
        return cell.advance_for(x, states, training)
    options = {"training": training} if _takes_training(cell) else {}
    masks = cell.draw_masks(x, states[0]) if training and isinstance(cell, Cell) else (None, None)
    if masks == (None, None):
        return lambda x, states: cell(x, states, **options)

    def step(x: Any, states: Any) -> Any:
        cell._drawn = masks  # what `call` would draw anew at each step
        try:
            return cell(x, states, **options)
        finally:
            cell._drawn = None

    return step


def _takes_training(cell: Any) -> bool:
    return "training" in type(cell).call.__code__.co_varnames


def is_own(cell: Any) -> bool:
    """Whether a cell is one of plait's, with plait's `call`."""
    return isinstance(cell, Cell) and has_own_call(cell)


def has_own_call(cell: Any) -> bool:
    """Whether a cell's `call` is one of plait's."""
    return is_usual(type(cell), "call")


def first_size(size: Any) -> Any:
    """The first of nested sizes."""
    return first_size(size[0]) if isinstance(size, (list, tuple)) else size


def initial_states(cell: Any, batch_size: Any) -> list:
    """A cell's own states at the start, or zeros where it has none."""
    if hasattr(cell, "get_initial_state"):
        states = cell.get_initial_state(batch_size=batch_size)
        return as_list(states)
    sizes = as_list(cell.state_size)
    return [
        jnp.zeros((batch_size, *((size,) if isinstance(size, int) else size)), cell.compute_dtype) for size in sizes
    ]
