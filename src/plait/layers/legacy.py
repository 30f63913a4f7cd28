"""Layers that Keras had and has no more, so that files that hold them open with their own numbers, and old programs run.

They aren't among `plait.layers`: a new model has better ones. Files name them as Keras did.

Letters: B batch, L spatial axes, P places in the output, C channels in, F filters, k window.
"""

import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from plait import activations, constraints, initializers, regularizers
from plait.common.registry import builtin
from plait.common.serialization import deserialize
from plait.common.traits import of_plait
from plait.errors import ArgumentError, FileError, ShapeError
from plait.layers.argument_checks import data_format_name, last_axis, numbers
from plait.layers.base import Layer
from plait.layers.input_spec import InputSpec
from plait.layers.reshaping import Cropping1D, Cropping2D, Cropping3D


@of_plait
class _LocallyConnected(Layer):
    """A convolution with a kernel of its own at each place: `out[b, p] = activation(window[b, p] @ kernel[p] + bias[p])`.

    Args:
        filters: how many channels come out.
        kernel_size: the window.
        strides: the step from window to window.
        padding: "valid", or "same": a window begins half its size before its place.
        data_format: where the channels are.
        activation: a function of the result.
        use_bias: whether a bias is added.
        kernel_initializer: for the kernel; `bias_initializer` for the bias.

    Shapes: (B, *L, C) becomes (B, *places, F); the kernel is (P, k * C, F), the bias (*places, F).

    Files of tf.keras hold the kernel in one of three ways: as here; as a matrix from all inputs to all outputs, mostly zeros;
    or as the list of those entries of its transpose that aren't zero by construction. `of_old` makes the first of each.
    """

    rank = 1

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
        activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None,
        kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(**kwargs)
        who = type(self).__name__
        if padding not in ("valid", "same"):
            raise ArgumentError(f"{who}: `padding` must be 'valid' or 'same', but got {padding!r}.")
        self.filters = filters
        self.kernel_size = numbers(kernel_size, self.rank, who, "kernel_size")
        self.strides = numbers(strides, self.rank, who, "strides")
        self.padding, self.data_format = padding, data_format_name(data_format, who)
        self.activation, self.use_bias = activations.get(activation), use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def build(self, input_shape: tuple) -> None:
        first = self.data_format == "channels_first"
        self.sizes, self.channels = (input_shape[2:], input_shape[1]) if first else (input_shape[1:-1], input_shape[-1])
        if None in (*self.sizes, self.channels):
            raise ShapeError(
                f"{type(self).__name__} {self.name!r}: has a kernel for each place, so all sizes must be known, but got shape "
                f"{input_shape}. Give Input(shape=(...)) numbers there."
            )
        self.places = tuple(len(starts) for starts in self._starts())
        self.kernel = self.add_weight(
            name="kernel",
            shape=(math.prod(self.places), math.prod(self.kernel_size) * self.channels, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(*self.places, self.filters),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def _starts(self) -> list[range]:
        """Where windows begin, for each axis; before the input where it is padded."""
        found = []
        for size, window, stride in zip(self.sizes, self.kernel_size, self.strides, strict=True):
            count = (size - window) // stride + 1 if self.padding == "valid" else -(-size // stride)
            before = 0 if self.padding == "valid" else window // 2
            found.append(range(-before, count * stride - before, stride))
        return found

    def call(self, inputs: Any) -> Any:
        first = self.data_format == "channels_first"
        x = jnp.moveaxis(inputs, 1, -1) if first else inputs
        if self.padding == "same":
            x = jnp.pad(x, [(0, 0), *((window // 2, window) for window in self.kernel_size), (0, 0)])
        out = jnp.einsum("bpk,pkf->bpf", self._windows(x), self.kernel.value)
        out = jnp.reshape(out, (-1, *self.places, self.filters))
        out = jnp.moveaxis(out, -1, 1) if first else out
        if self.bias is not None:  # with the channels first, Keras read the same numbers in that order
            out = out + jnp.reshape(self.bias.value, out.shape[1:])
        return self.activation(out)

    def _windows(self, x: Any) -> Any:
        """The windows (B, P, k * C) of padded inputs (B, *L, C)."""
        index, rank = [], self.rank
        for axis, starts in enumerate(self._starts()):
            begin = np.asarray(starts) - starts[0] if len(starts) else np.zeros(0, int)
            positions = begin[:, None] + np.arange(self.kernel_size[axis])
            index.append(positions.reshape(self._spread(axis, positions.shape)))
        windows = x[(slice(None), *index)]
        if self.data_format == "channels_first":
            windows = jnp.moveaxis(windows, -1, rank + 1)
        return jnp.reshape(windows, (x.shape[0], math.prod(self.places), -1))

    def of_old(self, values: list[np.ndarray]) -> list[np.ndarray]:
        """The kernel and bias of a file, as they are here."""
        kernel, rest = values[0], values[1:]
        if kernel.ndim != 3 or kernel.shape != self.kernel.shape:
            kernel = self._gathered(kernel)
        return [kernel, *(bias.reshape(*self.places, self.filters) for bias in rest)]

    def _gathered(self, kernel: np.ndarray) -> np.ndarray:
        """The kernels of all places, from a matrix of inputs by outputs or the list of its entries.

        Raises:
            FileError: another number of values than either has.
        """
        into, out = math.prod(self.sizes) * self.channels, math.prod(self.places) * self.filters
        entries = math.prod(int(inside.sum()) for _, inside in self._positions()) * self.channels * self.filters
        if kernel.size != (entries if kernel.ndim == 1 else into * out):
            raise FileError(
                f"{type(self).__name__} {self.name!r}: its kernel should have {entries:,} entries, or be a matrix of {into:,} by "
                f"{out:,}, but the file has the shape {kernel.shape}."
            )
        outputs, inputs = self._pairs()
        there = inputs >= 0
        if kernel.ndim == 1:
            places = np.argsort(outputs[there] * into + inputs[there])
            found = np.empty(entries, kernel.dtype)
            found[places] = kernel
            gathered = np.zeros(there.shape, kernel.dtype)
            gathered[there] = found
        else:
            gathered = np.where(there, kernel.reshape(into, out)[np.maximum(inputs, 0), outputs], 0)
        return gathered.astype(kernel.dtype).reshape(self.kernel.shape)

    def _positions(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each axis where each window's entries lie (places, k), and which of them lie inside of the input."""
        found = []
        for size, window, starts in zip(self.sizes, self.kernel_size, self._starts(), strict=True):
            positions = np.asarray(starts, "int64").reshape(-1, 1) + np.arange(window)
            found.append((positions, (positions >= 0) & (positions < size)))
        return found

    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """For each entry of the kernel the output and the input that it joins, as flat numbers; -1 outside of the input."""
        spots, inside = np.zeros((), "int64"), np.ones((), bool)
        for axis, (positions, within) in enumerate(self._positions()):
            shape = self._spread(axis, positions.shape)
            spots = spots * self.sizes[axis] + positions.reshape(shape)
            inside = inside & within.reshape(shape)
        places, window = math.prod(self.places), math.prod(self.kernel_size)
        spots, inside = spots.reshape(places, window, 1), inside.reshape(places, window, 1)
        channels, filters = np.arange(self.channels), np.arange(self.filters)
        if self.data_format == "channels_first":
            inputs = np.where(inside, channels * math.prod(self.sizes) + spots, -1).transpose(0, 2, 1)
            outputs = filters * places + np.arange(places)[:, None]
        else:
            inputs = np.where(inside, spots * self.channels + channels, -1)
            outputs = np.arange(places)[:, None] * self.filters + filters
        inputs = inputs.reshape(places, -1, 1)
        shape = (places, inputs.shape[1], self.filters)
        return np.broadcast_to(outputs[:, None], shape), np.broadcast_to(inputs, shape)

    def _spread(self, axis: int, shape: tuple[int, ...]) -> list[int]:
        """The shape in which an axis's windows broadcast with the other axes': all places first, then all windows."""
        spread = [1] * (2 * self.rank)
        spread[axis], spread[self.rank + axis] = shape
        return spread

    def load_own_variables(self, store: Mapping) -> None:
        """Reads the kernel and bias, in any of the forms that files hold."""
        values = self.of_old([np.asarray(store[str(index)]) for index in range(len(store))])
        for variable, value in zip(self._own_variables(), values, strict=True):
            variable.assign(value)


@builtin("layers")
class LocallyConnected1D(_LocallyConnected):
    """A convolution over time, with a kernel of its own at each step."""


@builtin("layers")
class LocallyConnected2D(_LocallyConnected):
    """A convolution over images, with a kernel of its own at each place."""

    rank = 2


@builtin("layers")
class MaxoutDense(Layer):
    """The largest of several linear functions: `max_i(x @ kernel[i] + bias[i])`; of Keras 1.

    Args:
        units: how many outputs.
        features: how many linear functions.
        use_bias: whether each has a bias.
        kernel_initializer: for the kernels.

    Shapes: (B, D) becomes (B, units).

    Source: Goodfellow et al., Maxout Networks, 2013.
    """

    def __init__(
        self, units: int, features: int = 4, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.units, self.features, self.use_bias = units, features, use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=2)

    def build(self, input_shape: tuple) -> None:
        shape = (self.features, last_axis(input_shape, self), self.units)
        options = {"regularizer": self.kernel_regularizer, "constraint": self.kernel_constraint}
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer, **options)
        options = {"regularizer": self.bias_regularizer, "constraint": self.bias_constraint}
        shape = (self.features, self.units)
        self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros", **options) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        out = jnp.einsum("bd,fdu->bfu", inputs, self.kernel.value)
        return jnp.max(out if self.bias is None else out + self.bias.value, axis=1)


@builtin("layers")
class Highway(Layer):
    """A dense layer that a gate mixes with its input: `t * activation(x @ W + b) + (1 - t) * x`; of Keras 1.

    The gate is `t = sigmoid(x @ W_carry + b_carry)`.

    Args:
        activation: a function of the dense part.
        use_bias: whether both have a bias.
        kernel_initializer: for both kernels.

    Shapes: (B, D) becomes (B, D).

    Source: Srivastava, Greff and Schmidhuber, Highway Networks, 2015.
    """

    def __init__(
        self, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.activation, self.use_bias = activations.get(activation), use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=2)

    def build(self, input_shape: tuple) -> None:
        size = last_axis(input_shape, self)
        options = {"regularizer": self.kernel_regularizer, "constraint": self.kernel_constraint}
        self.kernel = self.add_weight(name="kernel", shape=(size, size), initializer=self.kernel_initializer, **options)
        self.carry = self.add_weight(name="carry_kernel", shape=(size, size), initializer=self.kernel_initializer)
        self.bias: Any = None
        self.carry_bias: Any = None
        if self.use_bias:
            options = {"regularizer": self.bias_regularizer, "constraint": self.bias_constraint}
            self.bias = self.add_weight(name="bias", shape=(size,), initializer="zeros", **options)
            self.carry_bias = self.add_weight(name="carry_bias", shape=(size,), initializer="ones")

    def call(self, inputs: Any) -> Any:
        gate, out = inputs @ self.carry.value, inputs @ self.kernel.value
        if self.bias is not None:
            gate, out = gate + self.carry_bias.value, out + self.bias.value
        share = activations.sigmoid(gate)
        return share * self.activation(out) + (1 - share) * inputs


# ---------------------------------------------------------------------------- layers that allowed more


def _former_cropping(cls: type) -> type:
    """A Cropping that may leave nothing, as it could before Keras 3; files call it so only where it does."""

    class Former(cls):
        """A Cropping that may leave nothing, as it could before Keras 3."""

        may_leave_nothing = True

        def file_identity(self) -> tuple[str, str, str | None]:
            """What files call it."""
            shape = self.output.shape if self.nodes else ()
            return "keras.layers", type(self).__name__ if 0 in shape else cls.__name__, None

    Former.__name__ = Former.__qualname__ = FORMER_NAMES[cls.__name__]
    return builtin("layers")(Former)


FORMER_NAMES = {cls.__name__: f"Former{cls.__name__}" for cls in (Cropping1D, Cropping2D, Cropping3D)}
for _cls in (Cropping1D, Cropping2D, Cropping3D):
    _former_cropping(_cls)


@of_plait
class _Aside(Layer):
    """Hands one tensor on as it is, and does something with another one, so that a graph's outputs lead to both."""

    passes_on = True  # an output that it hands on keeps the name of the layer before

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        handed_on, value = inputs if isinstance(inputs, (list, tuple)) else (inputs, inputs)
        self.take(jnp.mean(value))
        return handed_on

    def take(self, value: Any) -> None:
        """Does what is to be done with the mean of the second tensor."""
        raise NotImplementedError

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the tensor that is handed on."""
        return previous_mask[0] if isinstance(previous_mask, (list, tuple)) else previous_mask


@builtin("layers")
class AddLoss(_Aside):
    """Adds the mean of a tensor of the graph to what training minimises: `model.add_loss(tensor)` puts it in; of Keras 2.

    Shapes: (B, ...) and any; the first comes out.
    """

    def take(self, value: Any) -> None:
        """Adds it to the losses."""
        self.add_loss(value)


@builtin("layers")
class AddMetric(_Aside):
    """Reports the mean of a tensor of the graph: `model.add_metric(tensor, name)` puts it in; of Keras 2.

    Args:
        metric: the metric that is updated with it.

    Shapes: (B, ...) and any; the first comes out.
    """

    def __init__(self, metric: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.metric = deserialize(metric, None, "metrics") if isinstance(metric, dict) else metric

    def take(self, value: Any) -> None:
        """Updates the metric."""
        self.metric.update_state(lax.stop_gradient(value))
