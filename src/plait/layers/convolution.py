"""Convolutions: one abstract parent for all ranks; a class for each rank says only its rank.

Letters: B batch, L spatial axes, C channels in, F filters (channels out), k window. Inputs are (B, *L, C), or (B, C, *L) with
`data_format="channels_first"`.
"""

from typing import Any

import jax.numpy as jnp

from plait import activations, constraints, initializers, ops, regularizers
from plait.common.messages import describe
from plait.common.numbers import is_whole
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.errors import ArgumentError, ShapeError
from plait.layers.argument_checks import data_format_name, numbers, padding_name, positive_integer
from plait.layers.base import Layer
from plait.layers.input_spec import InputSpec
from plait.layers.lora import Adaptable

_TOO_FEW = "Invalid value for argument `{name}`. Expected a strictly positive value. Received {name}={value!r}."


@of_plait
class _Convolution(Layer):
    """What all convolutions share: their arguments, a bias, an activation."""

    _family = "convolution"

    _slow_in_loops = True

    rank = 2
    paddings: tuple[str, ...] = ("valid", "same")

    def _take_arguments(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        bias_initializer: Any,
        bias_regularizer: Any,
        bias_constraint: Any,
    ) -> None:
        who = type(self).__name__
        self.kernel_size = numbers(kernel_size, self.rank, who, "kernel_size")
        self.strides = numbers(strides, self.rank, who, "strides")
        self.dilation_rate = numbers(dilation_rate, self.rank, who, "dilation_rate")
        self.padding = padding_name(padding, self.paddings, who)
        self.data_format = data_format_name(data_format, who)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.bias_constraint = constraints.get(bias_constraint)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ArgumentError(
                f"{who}: `strides > 1` not supported in conjunction with `dilation_rate > 1`. Received: strides={self.strides} and "
                f"dilation_rate={self.dilation_rate}."
            )
        self.input_spec = InputSpec(min_ndim=self.rank + 2, max_ndim=self.rank + 2)

    def _channels(self, input_shape: tuple) -> int:
        axis = channel_axis(self)
        channels = input_shape[axis]
        if channels is None:
            raise ShapeError(
                f"{type(self).__name__} {self.name!r}: the number of channels must be known, but got shape {input_shape}. Give "
                "Input(shape=(...)) a number there."
            )
        self.input_spec = InputSpec(min_ndim=self.rank + 2, max_ndim=self.rank + 2, axes={axis: channels})
        return channels

    def _add_bias(self, size: int) -> None:
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(size,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def _check_window(self, inputs: Any) -> None:
        """Refuses inputs that are smaller than the window.

        Raises:
            ShapeError: there would be no output.
        """
        if self.padding != "valid":
            return
        sizes = inputs.shape[1:-1] if self.data_format == "channels_last" else inputs.shape[2:]
        for size, kernel, dilation in zip(sizes, self.kernel_size, self.dilation_rate, strict=True):
            if isinstance(size, int) and size < (kernel - 1) * dilation + 1:
                raise ShapeError(
                    f"{type(self).__name__} {self.name!r}: Computed output size would be zero or negative: the windows reach over "
                    f"{tuple((k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True))}, for which the "
                    f"inputs are too small: {describe(inputs)}. Give larger inputs, or padding='same'."
                )

    def _finish(self, x: Any) -> Any:
        if self.bias is not None:
            bias = self.bias.value
            last = self.data_format == "channels_last"
            x = x + (bias if last else bias.reshape((-1,) + (1,) * self.rank))
        return self.activation(x)


def channel_axis(layer: Any) -> int:
    """Where a layer's inputs carry their channels: -1 or 1."""
    return -1 if layer.data_format == "channels_last" else 1


@of_plait
class _Conv(Adaptable, _Convolution):
    """`activation(conv(x, kernel) + bias)`; kernel (k, C / groups, F)."""

    _family = "convolution"

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._take_arguments(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            bias_initializer, bias_regularizer, bias_constraint,
        )  # fmt: skip
        self.filters = positive_integer(filters, type(self).__name__, "filters", _TOO_FEW)
        if not is_whole(groups, 1):
            raise ArgumentError(
                f"{type(self).__name__}: The number of groups must be a positive integer. Received: groups={groups!r}."
            )
        self.groups = int(groups)
        if self.filters % self.groups:
            raise ArgumentError(
                f"{type(self).__name__}: The number of filters must be evenly divisible by the number of groups. Received: "
                f"groups={groups}, filters={filters}."
            )
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self._take_lora(lora_rank, lora_alpha)

    def build(self, input_shape: tuple) -> None:
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ShapeError(
                f"{type(self).__name__} {self.name!r}: the number of input channels must be divisible by groups={self.groups}, "
                f"but the input has {channels} channels, in the shape {input_shape}."
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, channels // self.groups, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self._add_bias(self.filters)
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def call(self, inputs: Any) -> Any:
        self._check_window(inputs)
        return self._finish(self.convolution_op(inputs, self.kernel.value))

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """The convolution itself, without bias and activation: what a subclass may replace."""
        padding = self.padding
        if padding == "causal":
            inputs, padding = self._pad_past(inputs), "valid"
        options = {"padding": padding, "data_format": self.data_format, "dilation_rate": self.dilation_rate}
        return ops.conv(inputs, kernel, self.strides, **options)

    def _pad_past(self, inputs: Any) -> Any:
        before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
        margins = [(0, 0), (0, 0), (0, 0)]
        margins[1 if self.data_format == "channels_last" else 2] = (before, 0)
        return jnp.pad(inputs, margins)


@builtin("layers", "Convolution1D")
class Conv1D(_Conv):
    """A convolution over one axis, such as time.

    Args:
        filters: how many channels come out.
        kernel_size: the window, one number or one an axis.
        strides: by how much the window moves.
        padding: "valid" for windows that lie inside, "same" for one output a stride, "causal" for outputs that don't see the future.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.
        groups: into how many parts the channels are divided, each with filters of its own.
        activation: a function of the result.
        use_bias: whether a bias is added.

    >>> import numpy as np
    >>> Conv1D(4, 3)(np.ones((1, 8, 3))).shape
    (1, 6, 4)
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@builtin("layers", "Convolution2D")
class Conv2D(_Conv):
    """A convolution over two axes: images.

    Args:
        filters: how many channels come out.
        kernel_size: the window, one number or one an axis.
        strides: by how much the window moves.
        padding: "valid" for windows that lie inside, "same" for one output a stride.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.
        groups: into how many parts the channels are divided, each with filters of its own.
        activation: a function of the result.
        use_bias: whether a bias is added.

    >>> import numpy as np
    >>> Conv2D(4, 3)(np.ones((1, 8, 8, 3))).shape
    (1, 6, 6, 4)
    """

    rank = 2


@builtin("layers", "Convolution3D")
class Conv3D(_Conv):
    """A convolution over three axes: volumes.

    Args:
        filters: how many channels come out.
        kernel_size: the window, one number or one an axis.
        strides: by how much the window moves.
        padding: "valid" for windows that lie inside, "same" for one output a stride.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.
        groups: into how many parts the channels are divided, each with filters of its own.
        activation: a function of the result.
        use_bias: whether a bias is added.

    >>> import numpy as np
    >>> Conv3D(4, 3)(np.ones((1, 8, 8, 8, 3))).shape
    (1, 6, 6, 6, 4)
    """

    rank = 3


@of_plait
class _ConvTranspose(_Convolution):
    """`activation(transpose of conv(x, kernel) + bias)`; kernel (k, F, C)."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        drop_groups(kwargs, type(self).__name__)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._take_arguments(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            bias_initializer, bias_regularizer, bias_constraint,
        )  # fmt: skip
        who = type(self).__name__
        self.filters = positive_integer(filters, who, "filters", _TOO_FEW)
        self.output_padding = (
            None if output_padding is None else numbers(output_padding, self.rank, who, "output_padding", 0)
        )
        if self.output_padding is not None and any(
            p >= s for p, s in zip(self.output_padding, self.strides, strict=True)
        ):
            raise ArgumentError(
                f"{who}: The argument `output_padding` must be strictly less than `strides`, but got output_padding="
                f"{self.output_padding} and strides={self.strides}."
            )
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)

    def build(self, input_shape: tuple) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, self.filters, self._channels(input_shape)),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        options = {"padding": self.padding, "output_padding": self.output_padding, "data_format": self.data_format}
        x = ops.conv_transpose(inputs, self.kernel.value, self.strides, dilation_rate=self.dilation_rate, **options)
        return self._finish(x)


def drop_groups(kwargs: dict, who: str) -> None:
    """Takes `groups=1` away, which Keras 2 wrote for layers that have no groups.

    Raises:
        ArgumentError: another number of groups.
    """
    groups = kwargs.pop("groups", 1)
    if groups != 1:
        raise ArgumentError(f"{who} has no groups, but got groups={groups}.")


@builtin("layers", "Convolution1DTranspose")
class Conv1DTranspose(_ConvTranspose):
    """The transpose of a convolution over one axis: it makes inputs larger.

    Args:
        filters: how many channels come out.
        kernel_size: the window, one number or one an axis.
        strides: by how much the window moves in the output.
        padding: "valid" or "same".
        output_padding: how much longer the output is than it must be.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.
        activation: a function of the result.
        use_bias: whether a bias is added.

    >>> import numpy as np
    >>> Conv1DTranspose(2, 2, strides=2)(np.ones((1, 4, 3))).shape
    (1, 8, 2)
    """

    rank = 1


@builtin("layers", "Convolution2DTranspose")
class Conv2DTranspose(_ConvTranspose):
    """The transpose of a convolution over two axes: it makes inputs larger.

    Args:
        filters: how many channels come out.
        kernel_size: the window, one number or one an axis.
        strides: by how much the window moves in the output.
        padding: "valid" or "same".
        output_padding: how much longer the output is than it must be.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.
        activation: a function of the result.
        use_bias: whether a bias is added.

    >>> import numpy as np
    >>> Conv2DTranspose(2, 2, strides=2)(np.ones((1, 4, 4, 3))).shape
    (1, 8, 8, 2)
    """

    rank = 2


@builtin("layers", "Convolution3DTranspose")
class Conv3DTranspose(_ConvTranspose):
    """The transpose of a convolution over three axes: it makes inputs larger.

    Args:
        filters: how many channels come out.
        kernel_size: the window, one number or one an axis.
        strides: by how much the window moves in the output.
        padding: "valid" or "same".
        output_padding: how much longer the output is than it must be.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.
        activation: a function of the result.
        use_bias: whether a bias is added.

    >>> import numpy as np
    >>> Conv3DTranspose(2, 2, strides=2)(np.ones((1, 4, 4, 4, 3))).shape
    (1, 8, 8, 8, 2)
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = (1, 1, 1),
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


@of_plait
class _DepthwiseConv(_Convolution):
    """`activation(conv of each channel by itself + bias)`; kernel (k, C, depth_multiplier)."""

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        drop_groups(kwargs, type(self).__name__)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._take_arguments(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            bias_initializer, bias_regularizer, bias_constraint,
        )  # fmt: skip
        self.depth_multiplier = positive_integer(depth_multiplier, type(self).__name__, "depth_multiplier", _TOO_FEW)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)

    def build(self, input_shape: tuple) -> None:
        channels = self._channels(input_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, channels, self.depth_multiplier),
            initializer=self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )
        self._add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        self._check_window(inputs)
        options = {"padding": self.padding, "data_format": self.data_format, "dilation_rate": self.dilation_rate}
        return self._finish(ops.depthwise_conv(inputs, self.kernel.value, self.strides, **options))


@builtin("layers")
class DepthwiseConv1D(_DepthwiseConv):
    """A convolution over one axis, of each channel by itself.

    Args:
        kernel_size: the window, one number or one an axis.
        strides: by how much the window moves.
        padding: "valid" or "same".
        depth_multiplier: how many channels come out for each that goes in.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.
        activation: a function of the result.
        use_bias: whether a bias is added.

    >>> import numpy as np
    >>> DepthwiseConv1D(3)(np.ones((1, 8, 3))).shape
    (1, 6, 3)
    """

    rank = 1


@builtin("layers")
class DepthwiseConv2D(_DepthwiseConv):
    """A convolution over two axes, of each channel by itself.

    Args:
        kernel_size: the window, one number or one an axis.
        strides: by how much the window moves.
        padding: "valid" or "same".
        depth_multiplier: how many channels come out for each that goes in.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.
        activation: a function of the result.
        use_bias: whether a bias is added.

    >>> import numpy as np
    >>> DepthwiseConv2D(3)(np.ones((1, 8, 8, 3))).shape
    (1, 6, 6, 3)
    """

    rank = 2


@of_plait
class _SeparableConv(_Convolution):
    """A depthwise convolution, then one over the channels alone: kernels (k, C, m) and (1, C · m, F)."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        drop_groups(kwargs, type(self).__name__)
        for old in ("kernel_initializer", "kernel_regularizer", "kernel_constraint"):
            kwargs.pop(old, None)  # Keras 2 wrote them, and never used them
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._take_arguments(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            bias_initializer, bias_regularizer, bias_constraint,
        )  # fmt: skip
        self.filters = positive_integer(filters, type(self).__name__, "filters", _TOO_FEW)
        self.depth_multiplier = positive_integer(depth_multiplier, type(self).__name__, "depth_multiplier", _TOO_FEW)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    def build(self, input_shape: tuple) -> None:
        channels = self._channels(input_shape)
        self.depthwise_kernel = self.add_weight(
            name="depthwise_kernel",
            shape=(*self.kernel_size, channels, self.depth_multiplier),
            initializer=self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )
        self.pointwise_kernel = self.add_weight(
            name="pointwise_kernel",
            shape=(*[1] * self.rank, channels * self.depth_multiplier, self.filters),
            initializer=self.pointwise_initializer,
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
        )
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        self._check_window(inputs)
        options = {"padding": self.padding, "data_format": self.data_format, "dilation_rate": self.dilation_rate}
        kernels = self.depthwise_kernel.value, self.pointwise_kernel.value
        return self._finish(ops.separable_conv(inputs, *kernels, self.strides, **options))


@builtin("layers", "SeparableConvolution1D")
class SeparableConv1D(_SeparableConv):
    """A convolution over one axis in two parts: each channel by itself, then the channels alone.

    Args:
        filters: how many channels come out.
        kernel_size: the window, one number or one an axis.
        strides: by how much the window moves.
        padding: "valid" or "same".
        depth_multiplier: how many channels the first part makes of each.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.
        activation: a function of the result.
        use_bias: whether a bias is added.

    >>> import numpy as np
    >>> SeparableConv1D(4, 3)(np.ones((1, 8, 3))).shape
    (1, 6, 4)
    """

    rank = 1


@builtin("layers", "SeparableConvolution2D")
class SeparableConv2D(_SeparableConv):
    """A convolution over two axes in two parts: each channel by itself, then the channels alone.

    Args:
        filters: how many channels come out.
        kernel_size: the window, one number or one an axis.
        strides: by how much the window moves.
        padding: "valid" or "same".
        depth_multiplier: how many channels the first part makes of each.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: the distance between the elements of a window.
        activation: a function of the result.
        use_bias: whether a bias is added.

    >>> import numpy as np
    >>> SeparableConv2D(4, 3)(np.ones((1, 8, 8, 3))).shape
    (1, 6, 6, 4)
    """

    rank = 2
