"""Recurrent layers whose states are images: LSTMs with convolutions in place of products.

Letters: B batch, T time, L spatial axes, C channels in, F filters. Sequences are (B, T, *L, C), or (B, T, C, *L) with
`data_format="channels_first"`.
"""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from plait import ops
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.errors import ArgumentError, ShapeError
from plait.layers.argument_checks import data_format_name, numbers, padding_name
from plait.layers.argument_types import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    OptionsBesidesActivity,
    RegularizerLike,
    Sizes,
)
from plait.layers.input_spec import InputSpec
from plait.layers.recurrent import OfCell, OneCell, for_cell
from plait.layers.recurrent_cells import LSTMCell


@of_plait
class ConvLSTMCell(LSTMCell):
    """One step of a convolutional LSTM; the gates stand side by side in the kernels: input, forget, candidate, output.

    Its arguments are those of `ConvLSTM2D`, with `rank` for the number of spatial axes.
    """

    _slow_in_loops = True

    draws_seed_first = True

    def __init__(
        self, rank: int, filters: int, kernel_size: Sizes, strides: Sizes = 1, padding: str = "valid",
        data_format: str | None = None, dilation_rate: Sizes = 1, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(filters, **kwargs)
        self.masks_by_gate = True
        who = f"ConvLSTM{rank}D"
        self.rank, self.filters = rank, filters
        self.kernel_size = numbers(kernel_size, rank, who, "kernel_size")
        self.strides = numbers(strides, rank, who, "strides")
        self.dilation_rate = numbers(dilation_rate, rank, who, "dilation_rate")
        self.padding = padding_name(padding, ("valid", "same"), who)
        self.data_format = data_format_name(data_format, who)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ArgumentError(
                f"{who}: Specifying `strides > 1` is not compatible with `dilation_rate > 1`, but got "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}."
            )

    def build(self, input_shape: tuple) -> None:
        channels = input_shape[self._channel_axis]
        if None in input_shape[1:]:
            raise ShapeError(
                f"ConvLSTM{self.rank}D: all sizes but the batch's and the time's must be known, but got steps of shape "
                f"{input_shape}. Give Input(shape=(...)) numbers there."
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, channels, 4 * self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(*self.kernel_size, self.filters, 4 * self.filters),
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(4 * self.filters,),
                initializer=self._bias_initializer(),
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.state_shape = self._shape_of_states(input_shape)

    def _shape_of_states(self, input_shape: tuple) -> tuple:
        """The shape of a state without the batch: what the convolution of the inputs gives, with F channels."""
        kernel = jax.ShapeDtypeStruct((*self.kernel.shape[:-1], self.filters), jnp.float32)
        step = jax.ShapeDtypeStruct((1, *input_shape[1:]), jnp.float32)
        return jax.eval_shape(self._convolve, step, kernel).shape[1:]

    def _convolve(self, x: Any, kernel: Any) -> Any:
        options = {"padding": self.padding, "data_format": self.data_format, "dilation_rate": self.dilation_rate}
        return ops.conv(x, kernel, self.strides, **options)

    def get_initial_state(self, batch_size: Any = None) -> list:
        """States of zeros: the output and the memory."""
        return [jnp.zeros((batch_size, *self.state_shape), self.compute_dtype) for _ in range(2)]

    def project(self, x: Any, masks: list | None = None) -> Any:
        """What the inputs (..., B, *L, C) give, for any number of steps at once."""
        steps, step = x.shape[: -self.rank - 1], x.shape[-self.rank - 1 :]

        def convolve(x: Any, kernel: Any) -> Any:
            out = self._convolve(jnp.reshape(x, (-1, *step)), kernel)
            return jnp.reshape(out, (*steps, *out.shape[1:]))

        out = self.for_gates(convolve, x, self.kernel.value, masks, self._channel_axis)
        if self.bias is None:
            return out
        last = self.data_format == "channels_last"
        return out + (self.bias.value if last else jnp.reshape(self.bias.value, (-1, *[1] * self.rank)))

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else -self.rank - 1

    def step(self, projected: Any, states: list, masks: list | None) -> list:
        """The states after a step."""
        h, c = states

        def convolve(x: Any, kernel: Any) -> Any:
            return ops.conv(x, kernel, 1, padding="same", data_format=self.data_format)

        inner = self.for_gates(convolve, h, self.recurrent_kernel.value, masks, self._channel_axis)
        i, f, g, o = jnp.split(projected + inner, 4, axis=self._channel_axis)
        gate = self.recurrent_activation
        c = gate(f) * c + gate(i) * self.activation(g)
        return [gate(o) * self.activation(c), c]


@of_plait
class _ConvLSTM(OneCell):
    """A convolutional LSTM over a sequence, for any number of spatial axes."""

    _slow_in_loops = True

    rank = 2

    filters = OfCell()
    kernel_size = OfCell()
    strides = OfCell()
    padding = OfCell()
    data_format = OfCell()
    dilation_rate = OfCell()
    recurrent_activation = OfCell()
    unit_forget_bias = OfCell()
    seed = OfCell()

    def __init__(
        self, filters: int, kernel_size: Sizes, strides: Sizes = 1, padding: str = "valid",
        data_format: str | None = None, dilation_rate: Sizes = 1, activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid", use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal", bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True, kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None, bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None, kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None, bias_constraint: ConstraintLike = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, **kwargs: Unpack[OptionsBesidesActivity],
    ):  # fmt: skip
        cell = ConvLSTMCell(
            self.rank, filters, kernel_size, strides, padding, data_format, dilation_rate, activation=activation,
            recurrent_activation=recurrent_activation, use_bias=use_bias, kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer, bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias, kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint, dropout=dropout, recurrent_dropout=recurrent_dropout, seed=seed,
            **for_cell(kwargs), name="conv_lstm_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, activity_regularizer=activity_regularizer,
            **kwargs,
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=self.rank + 3)

    def get_config(self) -> dict:
        """The constructor's arguments, the cell's among them."""
        config = super().get_config()
        del config["rank"]
        return config


@builtin("layers")
class ConvLSTM1D(_ConvLSTM):
    """A convolutional LSTM over a sequence of rows.

    Args:
        filters: how many channels come out.
        kernel_size: the window, one number or one an axis.
        strides: by how much the window moves over the inputs.
        padding: "valid" or "same", for the inputs; states are padded so that they keep their size.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window over the inputs.
        activation: of the candidate and the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        unit_forget_bias: whether the forget gate's bias begins with ones.
        dropout: the share of inputs that are dropped while training, the same ones at each step.
        recurrent_dropout: the same for the states.
        return_sequences: whether the outputs of all steps come out, or the last one only.
        return_state: whether the last states come out too.
        go_backwards: whether time runs backwards.
        stateful: whether a batch begins with the states that the one before ended with.

    Shapes: (B, T, L, C) becomes (B, L', F), or (B, T, L', F) with `return_sequences`.

    Raises:
        ShapeError: a spatial size isn't known.

    Source: Shi et al., Convolutional LSTM Network: A Machine Learning Approach for Precipitation Nowcasting, 2015.

    >>> import numpy as np
    >>> ConvLSTM1D(2, 3)(np.ones((1, 4, 6, 3))).shape
    (1, 4, 2)
    """

    rank = 1


@builtin("layers")
class ConvLSTM2D(_ConvLSTM):
    """A convolutional LSTM over a sequence of images.

    Args:
        filters: how many channels come out.
        kernel_size: the window, one number or one an axis.
        strides: by how much the window moves over the inputs.
        padding: "valid" or "same", for the inputs; states are padded so that they keep their size.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window over the inputs.
        activation: of the candidate and the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        unit_forget_bias: whether the forget gate's bias begins with ones.
        dropout: the share of inputs that are dropped while training, the same ones at each step.
        recurrent_dropout: the same for the states.
        return_sequences: whether the outputs of all steps come out, or the last one only.
        return_state: whether the last states come out too.
        go_backwards: whether time runs backwards.
        stateful: whether a batch begins with the states that the one before ended with.

    Shapes: (B, T, L, M, C) becomes (B, L', M', F), or (B, T, L', M', F) with `return_sequences`.

    Raises:
        ShapeError: a spatial size isn't known.

    Source: Shi et al., Convolutional LSTM Network: A Machine Learning Approach for Precipitation Nowcasting, 2015.

    >>> import numpy as np
    >>> ConvLSTM2D(2, 3)(np.ones((1, 4, 6, 6, 3))).shape
    (1, 4, 4, 2)
    """

    rank = 2


@builtin("layers")
class ConvLSTM3D(_ConvLSTM):
    """A convolutional LSTM over a sequence of volumes.

    Args:
        filters: how many channels come out.
        kernel_size: the window, one number or one an axis.
        strides: by how much the window moves over the inputs.
        padding: "valid" or "same", for the inputs; states are padded so that they keep their size.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window over the inputs.
        activation: of the candidate and the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        unit_forget_bias: whether the forget gate's bias begins with ones.
        dropout: the share of inputs that are dropped while training, the same ones at each step.
        recurrent_dropout: the same for the states.
        return_sequences: whether the outputs of all steps come out, or the last one only.
        return_state: whether the last states come out too.
        go_backwards: whether time runs backwards.
        stateful: whether a batch begins with the states that the one before ended with.

    Shapes: (B, T, L, M, N, C) becomes (B, L', M', N', F), or (B, T, L', M', N', F) with `return_sequences`.

    Raises:
        ShapeError: a spatial size isn't known.

    Source: Shi et al., Convolutional LSTM Network: A Machine Learning Approach for Precipitation Nowcasting, 2015.

    >>> import numpy as np
    >>> ConvLSTM3D(2, 3)(np.ones((1, 4, 6, 6, 6, 3))).shape
    (1, 4, 4, 4, 2)
    """

    rank = 3
