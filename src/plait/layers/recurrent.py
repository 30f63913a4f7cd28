"""Recurrent layers: a cell says what happens in one step; RNN runs it over time.

Letters: B batch, T time, D features, U units. Sequences are (B, T, D).
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from plait import activations, constraints, initializers, random, regularizers
from plait._errors import ArgumentError, ShapeError, describe
from plait._registry import builtin, deserialize, plain
from plait._traits import is_usual, of_plait
from plait.core.variable import Variable
from plait.layers.base import Layer
from plait.layers.core import last_axis, positive_integer
from plait.layers.input_spec import InputSpec
from plait.lowering.recurrent import GRUGates, LSTMGates, SimpleGates, Weights, recur


@of_plait
class _Cell(Layer):
    """What the cells share: units, weights of `gates` parts side by side, and dropout of inputs and states."""

    _family = "recurrent"

    gates = 1
    state_count = 1
    draws_seed_first = False
    _drawn: tuple | None = None  # the dropout of the pass that runs

    def __init__(
        self, units: int, *, activation: Any, use_bias: bool, kernel_initializer: Any, recurrent_initializer: Any,
        bias_initializer: Any, kernel_regularizer: Any, recurrent_regularizer: Any, bias_regularizer: Any,
        kernel_constraint: Any, recurrent_constraint: Any, bias_constraint: Any, dropout: float,
        recurrent_dropout: float, seed: int | None, **kwargs: Any,
    ):  # fmt: skip
        by_gate = kwargs.pop("implementation", 2) == 1 or recurrent_dropout > 0
        super().__init__(**kwargs)
        self.masks_by_gate = by_gate and self.gates > 1
        if self.draws_seed_first:  # where Keras does, so that a seeded script gets the same weights
            self.seed_generator = random.SeedGenerator(seed)
        self.units = positive_integer(units, type(self).__name__, "units")
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        if not self.draws_seed_first:
            self.seed_generator = random.SeedGenerator(seed)
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
        states = list(states) if isinstance(states, (list, tuple)) else [states]
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


def _weight_arguments(layer: Any) -> dict:
    names = (
        "activation use_bias kernel_initializer recurrent_initializer bias_initializer kernel_regularizer "
        "recurrent_regularizer bias_regularizer kernel_constraint recurrent_constraint bias_constraint dropout "
        "recurrent_dropout seed"
    ).split()
    return {name: layer[name] for name in names}


@builtin("layers")
class SimpleRNNCell(_Cell):
    """`activation(x @ kernel + h @ recurrent_kernel + bias)`."""

    draws_seed_first = True

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(units, **_weight_arguments(locals()), **kwargs)

    def elementwise(self) -> Any:
        return SimpleGates(self.activation)


@of_plait
class _Gated(_Cell):
    def __init__(self, units: int, *, recurrent_activation: Any, **kwargs: Any):
        super().__init__(units, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)


@builtin("layers")
class LSTMCell(_Gated):
    """Long short-term memory; the gates stand side by side in the kernels: input, forget, candidate, output.

    Source: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997.
    """

    gates, state_count = 4, 2

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(units, recurrent_activation=recurrent_activation, **_weight_arguments(locals()), **kwargs)
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
class GRUCell(_Gated):
    """Gated recurrent unit; the gates stand side by side: update z, reset r, candidate h.

    Args:
        reset_after: whether the reset gate is applied after the product (with a bias of its own, as cuDNN does) or before.

    Source: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, 2014.
    """

    gates = 3

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0, reset_after: bool = True,
        seed: int | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(units, recurrent_activation=recurrent_activation, **_weight_arguments(locals()), **kwargs)
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

    def __init__(self, cells: Sequence, **kwargs: Any):
        super().__init__(**kwargs)
        self.cells = [deserialize(cell, None, "layers") if isinstance(cell, dict) else cell for cell in cells]
        for cell in self.cells:
            if not hasattr(cell, "state_size") or not callable(cell):
                raise ArgumentError(f"StackedRNNCells: All cells must have a `state_size` attribute. Received: {cell}")

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
        return [_states_of(cell, batch_size) for cell in self.cells]

    def build(self, input_shape: tuple) -> None:
        for cell in self.cells:
            if not cell.built:
                cell.build(input_shape)
            size = getattr(cell, "output_size", None) or _first(cell.state_size)
            input_shape = (input_shape[0], size)

    def call(self, inputs: Any, states: Any, training: bool = False, **kwargs: Any) -> Any:
        after = []
        for cell, state in zip(self.cells, states, strict=True):
            inputs, state = cell(inputs, state, **kwargs)
            after.append(list(state) if isinstance(state, (list, tuple)) else [state])
        return inputs, after

    def advance_for(self, x: Any, states: Sequence, training: bool) -> Callable:
        """One step as a function of inputs and states, with the dropout of all cells drawn: it is the same at each step."""
        steps = []
        for cell, state in zip(self.cells, states, strict=True):
            steps.append(_step_of(cell, x, state, training))
            size = getattr(cell, "output_size", None) or _first(cell.state_size)
            x = jnp.ones((x.shape[0], size), x.dtype)

        def advance(inputs: Any, states: Sequence) -> tuple[Any, list]:
            after = []
            for step, state in zip(steps, states, strict=True):
                inputs, state = step(inputs, state)
                after.append(list(state) if isinstance(state, (list, tuple)) else [state])
            return inputs, after

        return advance


def _step_of(cell: Any, x: Any, states: Any, training: bool) -> Callable:
    """One step of a cell as a function of inputs and states."""
    if hasattr(cell, "advance_for") and _has_own_call(cell):
        return cell.advance_for(x, states, training)
    options = {"training": training} if _takes_training(cell) else {}
    masks = cell.draw_masks(x, states[0]) if training and hasattr(cell, "draw_masks") else (None, None)
    if masks == (None, None):
        return lambda x, states: cell(x, states, **options)

    def step(x: Any, states: Any) -> Any:
        cell._drawn = masks  # what `call` would draw anew at each step
        try:
            return cell(x, states, **options)
        finally:
            cell._drawn = None

    return step


def _is_own(cell: Any) -> bool:
    """Whether a cell is one of plait's, with plait's `call`."""
    return isinstance(cell, _Cell) and _has_own_call(cell)


def _has_own_call(cell: Any) -> bool:
    return is_usual(type(cell), "call")


def _first(size: Any) -> Any:
    return _first(size[0]) if isinstance(size, (list, tuple)) else size


def _states_of(cell: Any, batch_size: Any) -> list:
    if hasattr(cell, "get_initial_state"):
        states = cell.get_initial_state(batch_size=batch_size)
        return list(states) if isinstance(states, (list, tuple)) else [states]
    sizes = cell.state_size if isinstance(cell.state_size, (list, tuple)) else [cell.state_size]
    return [
        jnp.zeros((batch_size, *((size,) if isinstance(size, int) else size)), cell.compute_dtype) for size in sizes
    ]


@builtin("layers")
class RNN(Layer):
    """Runs a cell over time.

    Args:
        cell: a cell, or a list of them.
        return_sequences: whether the outputs of all steps come out, or the last one only.
        return_state: whether the last states come out too.
        go_backwards: whether time runs backwards.
        stateful: whether a batch begins with the states that the one before ended with.
        unroll: kept for Keras's sake: steps masked from the start give zeros then, and else the first state. The loop
            stays one: that is as fast, and compiles in less time.
        zero_output_for_mask: whether masked steps give zeros instead of the output before.

    Masked steps leave the states as they are.
    """

    _family = "recurrent"

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ):
        if kwargs.pop("time_major", False):
            raise ArgumentError(
                f"{type(self).__name__}: `time_major=True` isn't supported. Permute((2, 1, ...)) around the layer does it."
            )
        kwargs.pop("implementation", None)
        super().__init__(**kwargs)
        cell = deserialize(cell, None, "layers") if isinstance(cell, dict) else cell
        cell = StackedRNNCells(cell) if isinstance(cell, (list, tuple)) else cell
        if not hasattr(cell, "state_size") or not callable(cell):
            raise ArgumentError(
                f"RNN: Argument `cell` must have a `call` method and a `state_size`. Received: cell={cell}"
            )
        self.cell = cell
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.supports_masking = True
        self.states: Any = None

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        if len(sequences_shape) < 3:
            raise ShapeError(
                f"{type(self).__name__} {self.name!r}: needs sequences (B, T, D), but got shape {sequences_shape}."
            )
        if not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        if self.stateful:
            if sequences_shape[0] is None:
                raise ShapeError(
                    f"{type(self).__name__} {self.name!r}: When using `stateful=True` in a RNN, the batch size must be static. Give "
                    "Input(batch_shape=(...)) or Input(..., batch_size=...)."
                )
            first = _states_of(self.cell, sequences_shape[0])
            self.states = [Variable(s, trainable=False, name="rnn_state") for s in jax.tree.leaves(first)]

    @property
    def _stored_states(self) -> list:
        return self.states or []

    def get_initial_state(self, batch_size: Any) -> list:
        """States of zeros."""
        return _states_of(self.cell, batch_size)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        states = self._first_states(sequences, initial_state)
        if mask is not None:
            mask = self._checked(mask, sequences)
        outputs, last, states = self._run_cell(sequences, states, mask, training)
        if self.stateful and self.states is not None:
            for variable, value in zip(self.states, jax.tree.leaves(states), strict=True):
                variable.assign(value)
        result = outputs if self.return_sequences else last
        return (result, *self._states_that_come_out(states)) if self.return_state else result

    def _states_that_come_out(self, states: list) -> list:
        """The last states: of several cells a list for each that has several."""
        if not isinstance(self.cell, StackedRNNCells):
            return jax.tree.leaves(states)
        several = [isinstance(size, (list, tuple)) for size in self.cell.state_size]
        return [state if list_of_them else state[0] for state, list_of_them in zip(states, several, strict=True)]

    def _first_states(self, sequences: Any, initial_state: Any) -> list:
        start = _states_of(self.cell, sequences.shape[0])
        given = initial_state
        if given is None and self.stateful and self.states is not None:
            self._check_batch(sequences.shape[0])
            given = [variable.value for variable in self.states]
        if given is None:
            return start
        leaves, structure = jax.tree.flatten(start)
        values = jax.tree.leaves(given)
        if len(values) != len(leaves):
            raise ShapeError(
                f"{type(self).__name__} {self.name!r}: has {len(leaves)} states, but got {len(values)} initial ones."
            )
        return jax.tree.unflatten(
            structure, [value.astype(leaf.dtype) for value, leaf in zip(values, leaves, strict=True)]
        )

    def _check_batch(self, size: Any) -> None:
        """Refuses a batch of another size than that of the states that are kept."""
        kept = self.states[0].shape[0]
        if isinstance(size, int) and size != kept:
            raise ShapeError(
                f"{type(self).__name__} {self.name!r}: is stateful and keeps states for a batch size of {kept}, but got a batch "
                f"size of {size}. Give batches of that size; a state of its own comes by `initial_state`."
            )

    def _checked(self, mask: Any, sequences: Any) -> Any:
        steps = mask[..., 0] if mask.ndim > 2 else mask
        if steps.shape != sequences.shape[:2]:
            raise ShapeError(
                f"{type(self).__name__} {self.name!r}: the mask must have the first two axes (B, T) of the sequences, which are "
                f"{describe(sequences)}, but got {describe(mask)}. Cut or pad the mask as the sequences were."
            )
        return steps

    def _run_cell(self, sequences: Any, states: list, mask: Any, training: bool) -> tuple[Any, Any, list]:
        """Runs the cell: `(outputs (B, T, ...), the last output, the last states)`."""
        cell: Any = self.cell
        if _is_own(cell):
            x_masks, h_masks = cell.draw_masks(sequences[:, 0], states[0]) if training else (None, None)
            if _apart(cell, x_masks, h_masks) and _one_dtype(sequences, *states, *cell.weights_in_step()):
                return self._run_gates(sequences if x_masks is None else sequences * x_masks[0][:, None], states, mask)

            def advance(x: Any, states: list) -> tuple[Any, list]:
                # the product with the inputs is made step by step: for all at once it would leave the processor's cache
                after = cell.step(cell.project(x, x_masks), states, h_masks)
                return after[0], after
        else:
            step = _step_of(cell, sequences[:, 0], states, training)

            def advance(x: Any, states: list) -> tuple[Any, list]:
                out, after = step(x, states)
                return out, list(after) if isinstance(after, (list, tuple)) else [after]

        steps = jnp.moveaxis(sequences, 1, 0)
        before = (
            None if self.unroll else jax.tree.leaves(states[-1] if isinstance(cell, StackedRNNCells) else states)[0]
        )
        return _scan(advance, steps, states, mask, self.go_backwards, self.zero_output_for_mask, before)

    def _run_gates(self, sequences: Any, states: list, mask: Any) -> tuple[Any, Any, list]:
        """`_run_cell`, for cells that `plait.lowering` can run."""
        steps, counts = (None if x is None else jnp.moveaxis(x, 1, 0) for x in (sequences, mask))
        counts = None if counts is None else counts.astype(bool)
        gates, weights = self.cell.elementwise(), self.cell.weights_in_step()
        outputs, states = recur(gates, steps, weights, states, counts, self.go_backwards)
        if counts is not None and (self.unroll or self.zero_output_for_mask):
            once = lax.cummax(counts.astype("int8"), reverse=self.go_backwards) > 0
            outputs = jnp.where((once if self.unroll else counts)[..., None], outputs, 0)
        outputs = jnp.moveaxis(jnp.flip(outputs, 0) if self.go_backwards else outputs, 0, 1)
        return outputs, states[0] if counts is None else outputs[:, -1], states

    def compute_mask(self, sequences: Any, previous_mask: Any = None) -> Any:
        """The input's, where sequences come out."""
        mask = previous_mask[0] if isinstance(previous_mask, (list, tuple)) else previous_mask
        output = mask if self.return_sequences else None
        if not self.return_state:
            return output
        return [output, *[None] * len(jax.tree.leaves(self.cell.state_size))]

    def reset_state(self) -> None:
        """Sets the kept states to zeros."""
        for variable in self._stored_states:
            variable.assign(jnp.zeros(variable.shape, variable.dtype))

    reset_states = reset_state

    def _own_variables(self) -> list:
        kept = {id(variable) for variable in self._stored_states}
        return [variable for variable in super()._own_variables() if id(variable) not in kept]

    def _seed_states(self) -> list:
        return [*super()._seed_states(), *self._stored_states]

    def get_config(self) -> dict:
        """The constructor's arguments."""
        names = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}, "cell": plain(self.cell)}


_OWN_CELLS = (SimpleRNNCell, LSTMCell, GRUCell)


def _apart(cell: _Cell, x_masks: list | None, h_masks: list | None) -> bool:
    """Whether a cell's step is two products and plait's own activations: no code of the program's, no dropout between."""
    functions = cell.activation, getattr(cell, "recurrent_activation", cell.activation)
    own = all(getattr(activations, getattr(one, "__name__", ""), None) is one for one in functions)
    plainly = h_masks is None and (x_masks is None or len(x_masks) == 1)
    return type(cell) in _OWN_CELLS and own and plainly and cell.elementwise() is not None


def _one_dtype(*arrays: Any) -> bool:
    return len({array.dtype for array in arrays if array is not None}) == 1


def _takes_training(cell: Any) -> bool:
    return "training" in type(cell).call.__code__.co_varnames


def _scan(
    advance: Any, steps: Any, states: list, mask: Any, backwards: bool, zeros: bool, before: Any
) -> tuple[Any, Any, list]:
    """Runs a step function over time (T, B, ...), leaving states as they are where the mask (B, T) says so.

    `before` is what masked steps show ahead of the first that counts; None for zeros.
    """
    masks = None if mask is None else jnp.moveaxis(mask.astype(bool), 1, 0)

    def body(carry: tuple, item: tuple) -> tuple[tuple, Any]:
        states, before = carry
        x, counts = item
        out, after = advance(x, states)
        if counts is not None:
            after = jax.tree.map(lambda new, old: jnp.where(_wide(counts, new), new, old), after, states)
            shown = jnp.where(_wide(counts, out), out, jnp.zeros_like(out) if zeros else before)
            before = jnp.where(_wide(counts, out), out, before)
            out = shown
        return (jax.tree.map(lambda new, old: new.astype(old.dtype), after, states), before), out

    nothing: Any = None
    if masks is not None:
        first, _ = jax.eval_shape(advance, steps[0], states)
        known = before is not None and before.shape == first.shape
        nothing = jnp.asarray(before, first.dtype) if known else jnp.zeros(first.shape, first.dtype)
    (states, last), outputs = lax.scan(body, (states, nothing), (steps, masks), reverse=backwards)
    outputs = jnp.moveaxis(outputs, 0, 1)
    if backwards:
        outputs = jnp.flip(outputs, axis=1)
    return outputs, (outputs[:, -1] if masks is None or zeros else last), states


def _wide(mask: Any, like: Any) -> Any:
    return jnp.reshape(mask, (*mask.shape, *[1] * (like.ndim - mask.ndim)))


@of_plait
class _Recurrent(RNN):
    """A recurrent layer with a cell of its own, whose arguments it takes."""

    cell_class: type[_Cell] = SimpleRNNCell

    def __init__(
        self, units: int, cell_options: dict, return_sequences: bool, return_state: bool, go_backwards: bool,
        stateful: bool, unroll: bool, activity_regularizer: Any, **kwargs: Any,
    ):  # fmt: skip
        options = {name: kwargs.get(name) for name in ("dtype", "trainable", "implementation") if name in kwargs}
        cell_name = self.cell_class.__name__
        cell = self.cell_class(units, **cell_options, **options, name=_cell_name(cell_name))
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.input_spec = InputSpec(ndim=3)

    def get_config(self) -> dict:
        """The constructor's arguments, the cell's among them."""
        config = super().get_config()
        del config["cell"], config["zero_output_for_mask"]
        own = self.cell.get_config()
        return {**own, **config}


def _cell_name(cls: str) -> str:
    return {"LSTMCell": "lstm_cell", "GRUCell": "gru_cell"}.get(cls, "simple_rnn_cell")


_CELL_ATTRIBUTES = (
    "units activation recurrent_activation use_bias kernel_initializer recurrent_initializer bias_initializer "
    "unit_forget_bias kernel_regularizer recurrent_regularizer bias_regularizer kernel_constraint recurrent_constraint "
    "bias_constraint dropout recurrent_dropout reset_after"
).split()


def _cell_options(given: dict, *more: str) -> dict:
    return {**_weight_arguments(given), **{name: given[name] for name in more}}


@builtin("layers")
class SimpleRNN(_Recurrent):
    """A recurrent layer without gates: `h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Shapes: (B, T, D) gives (B, U), or (B, T, U) with `return_sequences`.
    """

    cell_class = SimpleRNNCell

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, return_sequences: bool = False,
        return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        seed: int | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(
            units, _cell_options(locals()), return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer, **kwargs,
        )  # fmt: skip


@builtin("layers")
class LSTM(_Recurrent):
    """Long short-term memory over a sequence.

    Shapes: (B, T, D) gives (B, U), or (B, T, U) with `return_sequences`.

    >>> import numpy as np
    >>> LSTM(4)(np.ones((2, 5, 3))).shape
    (2, 4)
    """

    cell_class = LSTMCell

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None, return_sequences: bool = False,
        return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        use_cudnn: Any = "auto", **kwargs: Any,
    ):  # fmt: skip
        super().__init__(
            units, _cell_options(locals(), "recurrent_activation", "unit_forget_bias"), return_sequences, return_state,
            go_backwards, stateful, unroll, activity_regularizer, **kwargs,
        )  # fmt: skip


@builtin("layers")
class GRU(_Recurrent):
    """A gated recurrent unit over a sequence.

    Shapes: (B, T, D) gives (B, U), or (B, T, U) with `return_sequences`.
    """

    cell_class = GRUCell

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: int | None = None, return_sequences: bool = False,
        return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        reset_after: bool = True, use_cudnn: Any = "auto", **kwargs: Any,
    ):  # fmt: skip
        super().__init__(
            units, _cell_options(locals(), "recurrent_activation", "reset_after"), return_sequences, return_state,
            go_backwards, stateful, unroll, activity_regularizer, **kwargs,
        )  # fmt: skip


def _delegate(name: str) -> property:
    return property(lambda self: getattr(self.cell, name), doc=f"The cell's `{name}`.")


for _name in _CELL_ATTRIBUTES:
    for _cls in (SimpleRNN, LSTM, GRU):
        setattr(_cls, _name, _delegate(_name))
