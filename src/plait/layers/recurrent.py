"""Recurrent layers: RNN runs a cell over time; SimpleRNN, LSTM and GRU make their cell themselves.

Letters: B batch, T time, D features, U units. Sequences are (B, T, D).
"""

from typing import Any, Unpack

import jax
import jax.numpy as jnp
from jax import lax

from plait import activations
from plait.common.messages import describe
from plait.common.numbers import as_list
from plait.common.registry import builtin
from plait.common.serialization import deserialize, plain
from plait.common.traits import of_plait
from plait.core.variable import Variable
from plait.errors import ArgumentError, ShapeError
from plait.layers.argument_types import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    LayerOptions,
    OptionsBesidesActivity,
    RegularizerLike,
)
from plait.layers.base import Layer
from plait.layers.input_spec import InputSpec
from plait.layers.recurrent_cells import (
    Cell,
    GRUCell,
    LSTMCell,
    SimpleRNNCell,
    StackedRNNCells,
    initial_states,
    is_own,
    step_of,
)
from plait.lowering.recurrent import recur


@builtin("layers")
class RNN(Layer):
    """Runs a cell over time.

    Args:
        cell: a cell, or a list of them.
        return_sequences: whether the outputs of all steps come out, or the last one only.
        return_state: whether the last states come out too.
        go_backwards: whether time runs backwards.
        stateful: whether a batch begins with the states that the one before ended with.
        unroll: whether steps masked from the start are zeros, as in Keras's unrolled loop, instead of the first state. The
            loop stays a loop: that is as fast, and compiles in less time.
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
        **kwargs: Unpack[LayerOptions],
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
                f"RNN: Argument `cell` must have a `call` method and a `state_size`, but got cell={cell}."
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
            first = initial_states(self.cell, sequences_shape[0])
            self.states = [Variable(s, trainable=False, name="rnn_state") for s in jax.tree.leaves(first)]

    @property
    def _stored_states(self) -> list:
        return self.states or []

    def get_initial_state(self, batch_size: Any) -> list:
        """States of zeros."""
        return initial_states(self.cell, batch_size)

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
        start = initial_states(self.cell, sequences.shape[0])
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
        if is_own(cell):
            x_masks, h_masks = cell.draw_masks(sequences[:, 0], states[0]) if training else (None, None)
            if _apart(cell, x_masks, h_masks) and _one_dtype(sequences, *states, *cell.weights_in_step()):
                return self._run_gates(sequences if x_masks is None else sequences * x_masks[0][:, None], states, mask)

            def advance(x: Any, states: list) -> tuple[Any, list]:
                # the product with the inputs is made step by step: for all at once it would leave the processor's cache
                after = cell.step(cell.project(x, x_masks), states, h_masks)
                return after[0], after
        else:
            step = step_of(cell, sequences[:, 0], states, training)

            def advance(x: Any, states: list) -> tuple[Any, list]:
                out, after = step(x, states)
                return out, as_list(after)

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


def _apart(cell: Cell, x_masks: list | None, h_masks: list | None) -> bool:
    """Whether a cell's step is two products and plait's own activations: no code of the program's, no dropout between."""
    functions = cell.activation, getattr(cell, "recurrent_activation", cell.activation)
    own = all(getattr(activations, getattr(one, "__name__", ""), None) is one for one in functions)
    plainly = h_masks is None and (x_masks is None or len(x_masks) == 1)
    return type(cell) in _OWN_CELLS and own and plainly and cell.elementwise() is not None


def _one_dtype(*arrays: Any) -> bool:
    return len({array.dtype for array in arrays if array is not None}) == 1


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


class OfCell:
    """An attribute of a recurrent layer that its cell holds."""

    def __set_name__(self, owner: type, name: str):
        self.name = name
        self.__doc__ = f"The cell's `{name}`."

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        return self if layer is None else getattr(layer.cell, self.name)


@of_plait
class OneCell(RNN):
    """A recurrent layer that makes its cell itself, and takes the cell's arguments."""

    activation = OfCell()
    use_bias = OfCell()
    kernel_initializer = OfCell()
    recurrent_initializer = OfCell()
    bias_initializer = OfCell()
    kernel_regularizer = OfCell()
    recurrent_regularizer = OfCell()
    bias_regularizer = OfCell()
    kernel_constraint = OfCell()
    recurrent_constraint = OfCell()
    bias_constraint = OfCell()
    dropout = OfCell()
    recurrent_dropout = OfCell()

    def get_config(self) -> dict:
        """The constructor's arguments, the cell's among them."""
        config = super().get_config()
        del config["cell"]
        return {**self.cell.get_config(), **config}


@of_plait
class _Recurrent(OneCell):
    """Of vectors: with units."""

    units = OfCell()

    def __init__(self, cell: Cell, *args: Any, **kwargs: Unpack[LayerOptions]):
        super().__init__(cell, *args, **kwargs)
        self.input_spec = InputSpec(ndim=3)

    def get_config(self) -> dict:
        """The constructor's arguments, the cell's among them."""
        config = super().get_config()
        del config["zero_output_for_mask"]
        return config


def for_cell(kwargs: Any) -> dict:
    """Those of a layer's further arguments that go to its cell too."""
    return {name: kwargs[name] for name in ("dtype", "trainable", "implementation") if name in kwargs}


@builtin("layers")
class SimpleRNN(_Recurrent):
    """A recurrent layer without gates: `h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Shapes: (B, T, D) becomes (B, U), or (B, T, U) with `return_sequences`.
    """

    def __init__(
        self, units: int, activation: ActivationLike = "tanh", use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None, recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None, activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None, recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, seed: int | None = None, **kwargs: Unpack[OptionsBesidesActivity],
    ):  # fmt: skip
        cell = SimpleRNNCell(
            units, activation, use_bias,
            kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **for_cell(kwargs), name="simple_rnn_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip


@builtin("layers")
class LSTM(_Recurrent):
    """Long short-term memory over a sequence.

    Shapes: (B, T, D) becomes (B, U), or (B, T, U) with `return_sequences`.

    >>> import numpy as np
    >>> LSTM(4)(np.ones((2, 5, 3))).shape
    (2, 4)
    """

    recurrent_activation = OfCell()
    unit_forget_bias = OfCell()

    def __init__(
        self, units: int, activation: ActivationLike = "tanh", recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True, kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True, kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None, bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None, kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None, bias_constraint: ConstraintLike = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, use_cudnn: Any = "auto", **kwargs: Unpack[OptionsBesidesActivity],
    ):  # fmt: skip
        cell = LSTMCell(
            units, activation, recurrent_activation, use_bias,
            kernel_initializer, recurrent_initializer, bias_initializer, unit_forget_bias,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **for_cell(kwargs), name="lstm_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip


@builtin("layers")
class GRU(_Recurrent):
    """A gated recurrent unit over a sequence.

    Shapes: (B, T, D) becomes (B, U), or (B, T, U) with `return_sequences`.
    """

    recurrent_activation = OfCell()
    reset_after = OfCell()

    def __init__(
        self, units: int, activation: ActivationLike = "tanh", recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True, kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None, recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None, activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None, recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: int | None = None, return_sequences: bool = False, return_state: bool = False,
        go_backwards: bool = False, stateful: bool = False, unroll: bool = False, reset_after: bool = True,
        use_cudnn: Any = "auto", **kwargs: Unpack[OptionsBesidesActivity],
    ):  # fmt: skip
        cell = GRUCell(
            units, activation, recurrent_activation, use_bias,
            kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, reset_after, seed, **for_cell(kwargs), name="gru_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
