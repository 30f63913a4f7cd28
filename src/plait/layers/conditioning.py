"""Layers that a second input conditions: it scales, shifts, gates, normalises or attends, or makes the weights.

Each is called with two tensors, `layer(inputs, condition)`. Where nothing else is said, the inputs have any rank with the channels
last, (B, ..., C), and the condition is a vector for each sample, (B, D): an embedding of a class, of a time step, of a text.

    FiLM, ConditionalBatchNormalization, ConditionalLayerNormalization, ConditionalInstanceNormalization    scale and shift
    AdaLNZero                                                                                               and a gate
    GatedConditioning, CrossAttentionConditioning                                                           gate, attend
    HyperDense, HyperConv1D, HyperConv2D, HyperConv3D                                                       make weights

All but GatedConditioning begin as if there were no condition, and learn what it does: what depends on it starts at zero.

What it is not: the embedding of the condition (`Embedding`, `Dense`), or a way to sample from a conditional model.
"""

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from plait import activations, initializers, ops
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.errors import ShapeError
from plait.layers.argument_checks import numbers, positive_integer
from plait.layers.attention import MultiHeadAttention
from plait.layers.base import Layer
from plait.layers.normalization import BatchNormalization, GroupNormalization, LayerNormalization


@of_plait
class _Conditioned(Layer):
    """A layer of two inputs whose last axes are known."""

    _family = "conditioning"

    def _sizes(self, inputs_shape: tuple, condition_shape: tuple, rank: int | None = 2) -> tuple[int, int]:
        """The channels of the inputs and of the condition.

        Raises:
            ShapeError: one isn't known, or the condition has another rank.
        """
        who = f"{type(self).__name__} {self.name!r}"
        if rank is not None and len(condition_shape) != rank:
            raise ShapeError(
                f"{who}: the condition must have {rank} axes, a vector for each sample, but got shape {condition_shape}. Embed "
                "class numbers first, as Embedding does, and flatten what has more axes."
            )
        for name, shape in (("inputs", inputs_shape), ("condition", condition_shape)):
            if len(shape) < 2 or shape[-1] is None:
                raise ShapeError(f"{who}: the last axis of the {name} must be known, but got shape {shape}.")
        return inputs_shape[-1], condition_shape[-1]


def _over_channels(values: Any, rank: int) -> Any:
    """Numbers for each sample and channel, (B, C), in the place of these among more axes, (B, 1, ..., C)."""
    return jnp.reshape(values, (values.shape[0], *(1,) * (rank - 2), values.shape[-1]))


@of_plait
class _Modulated(_Conditioned):
    """Channels that are scaled and shifted by affine functions of the condition, after a normalization if there is one."""

    _parts = 2

    def __init__(self, kernel_initializer: Any = "zeros", **kwargs: Any):
        super().__init__(**kwargs)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.normalization: Layer | None = None
        self.supports_masking = True

    def build(self, inputs_shape: tuple, condition_shape: tuple) -> None:
        channels, size = self._sizes(inputs_shape, condition_shape)
        width = self._parts * channels
        self.kernel = self.add_weight(name="kernel", shape=(size, width), initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=(width,), initializer="zeros")
        if self.normalization is not None:
            self.normalization.build(inputs_shape)

    def call(self, inputs: Any, condition: Any) -> Any:
        scale, shift = self._modulation(condition, inputs.ndim)
        x = inputs if self.normalization is None else self.normalization(inputs)
        return x * (1 + scale) + shift

    def _modulation(self, condition: Any, rank: int) -> list:
        values = condition @ self.kernel.value + self.bias.value
        return [_over_channels(part, rank) for part in jnp.split(values, self._parts, axis=-1)]


@builtin("layers")
class FiLM(_Modulated):
    """Feature-wise linear modulation: `x · (1 + γ(c)) + β(c)`, with γ and β affine in the condition, a number a channel.

    Call: `layer(inputs, condition)`, (B, ..., C) and (B, D). Returns (B, ..., C).

    Args:
        kernel_initializer: for the kernel, (D, 2C); at zero the layer begins as the identity.

    Raises:
        ShapeError: a condition that isn't a vector for each sample.

    Source: Perez et al., FiLM: Visual Reasoning with a General Conditioning Layer, 2018.

    >>> import numpy as np
    >>> FiLM()(np.ones((2, 8, 8, 3)), np.ones((2, 5))).shape
    (2, 8, 8, 3)
    """


@builtin("layers")
class ConditionalBatchNormalization(_Modulated):
    """Batch normalization whose scale and offset come from a condition: `norm(x) · (1 + γ(c)) + β(c)`.

    Call: `layer(inputs, condition)`, (B, ..., C) and (B, D). Returns (B, ..., C). Masked steps don't count in the statistics.

    Args:
        momentum: how much of the moving statistics stays.
        epsilon: a small number that keeps the division finite.
        kernel_initializer: for the kernel, (D, 2C); at zero the layer begins as plain batch normalization.

    Raises:
        ShapeError: a condition that isn't a vector for each sample.

    Source: de Vries et al., Modulating Early Visual Processing by Language, 2017.

    >>> import numpy as np
    >>> ConditionalBatchNormalization()(np.ones((2, 8, 8, 3)), np.ones((2, 5))).shape
    (2, 8, 8, 3)
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, kernel_initializer: Any = "zeros", **kwargs: Any):
        super().__init__(kernel_initializer, **kwargs)
        self.momentum, self.epsilon = momentum, epsilon
        self.normalization = BatchNormalization(
            momentum=momentum, epsilon=epsilon, center=False, scale=False, dtype=self.dtype_policy, name="normalization"
        )

    def call(self, inputs: Any, condition: Any, inputs_mask: Any = None) -> Any:
        scale, shift = self._modulation(condition, inputs.ndim)
        assert self.normalization is not None
        return self.normalization(inputs, mask=inputs_mask) * (1 + scale) + shift


@builtin("layers")
class ConditionalLayerNormalization(_Modulated):
    """Layer normalization over the channels whose scale and offset come from a condition.

    `(x - mean) / sqrt(var + epsilon) · (1 + γ(c)) + β(c)`, with γ and β affine in the condition.

    Call: `layer(inputs, condition)`, (B, ..., C) and (B, D). Returns (B, ..., C).

    Args:
        epsilon: a small number that keeps the division finite.
        kernel_initializer: for the kernel, (D, 2C); at zero the layer begins as plain layer normalization.

    Raises:
        ShapeError: a condition that isn't a vector for each sample.

    Source: Chen et al., AdaSpeech: Adaptive Text to Speech for Custom Voice, 2021.

    >>> import numpy as np
    >>> ConditionalLayerNormalization()(np.ones((2, 7, 3)), np.ones((2, 5))).shape
    (2, 7, 3)
    """

    def __init__(self, epsilon: float = 1e-3, kernel_initializer: Any = "zeros", **kwargs: Any):
        super().__init__(kernel_initializer, **kwargs)
        self.epsilon = epsilon
        self.normalization = LayerNormalization(
            epsilon=epsilon, center=False, scale=False, dtype=self.dtype_policy, name="normalization"
        )


@builtin("layers")
class ConditionalInstanceNormalization(_Modulated):
    """Instance normalization, each channel of each sample by itself, whose scale and offset come from a condition.

    `(x - mean) / sqrt(var + epsilon) · (1 + γ(c)) + β(c)`, mean and variance over the middle axes.

    Call: `layer(inputs, condition)`, (B, ..., C) and (B, D). Returns (B, ..., C).

    Args:
        epsilon: a small number that keeps the division finite.
        kernel_initializer: for the kernel, (D, 2C); at zero the layer begins as plain instance normalization.

    Raises:
        ShapeError: a condition that isn't a vector for each sample.

    Source: Dumoulin et al., A Learned Representation for Artistic Style, 2017; with the condition of a style's vector, Huang and
    Belongie, Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization, 2017.

    >>> import numpy as np
    >>> ConditionalInstanceNormalization()(np.ones((2, 8, 8, 3)), np.ones((2, 5))).shape
    (2, 8, 8, 3)
    """

    def __init__(self, epsilon: float = 1e-3, kernel_initializer: Any = "zeros", **kwargs: Any):
        super().__init__(kernel_initializer, **kwargs)
        self.epsilon = epsilon
        self.normalization = GroupNormalization(
            groups=-1, epsilon=epsilon, center=False, scale=False, dtype=self.dtype_policy, name="normalization"
        )


@builtin("layers")
class AdaLNZero(_Modulated):
    """The adaptive normalization of diffusion transformers: scaled and shifted by the condition, and a gate for the block behind.

    With s, b, g = W·silu(c) + w: returns `norm(x) · (1 + s) + b` and `g`. The block is then `x + g · f(normalized)`, which begins as
    the identity because g begins at 0.

    Call: `layer(inputs, condition)`, (B, ..., C) and (B, D). Returns (B, ..., C) and (B, 1, ..., C).

    Args:
        epsilon: a small number that keeps the division finite.
        kernel_initializer: for the kernel, (D, 3C).

    Raises:
        ShapeError: a condition that isn't a vector for each sample.

    Source: Peebles and Xie, Scalable Diffusion Models with Transformers, 2023.

    >>> import numpy as np
    >>> x = np.ones((2, 7, 3))
    >>> normalized, gate = AdaLNZero()(x, np.ones((2, 5)))
    >>> normalized.shape, gate.shape
    ((2, 7, 3), (2, 1, 3))
    """

    _parts = 3

    def __init__(self, epsilon: float = 1e-6, kernel_initializer: Any = "zeros", **kwargs: Any):
        super().__init__(kernel_initializer, **kwargs)
        self.epsilon = epsilon
        self.normalization = LayerNormalization(
            epsilon=epsilon, center=False, scale=False, dtype=self.dtype_policy, name="normalization"
        )

    def call(self, inputs: Any, condition: Any) -> Any:
        scale, shift, gate = self._modulation(jax.nn.silu(condition), inputs.ndim)
        assert self.normalization is not None
        return self.normalization(inputs) * (1 + scale) + shift, gate

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The inputs', for the first output."""
        return [previous_mask, None]


@builtin("layers")
class GatedConditioning(_Conditioned):
    """A gated unit that sees the condition: `tanh(W x + V c + b) · sigmoid(W' x + V' c + b')`.

    Call: `layer(inputs, condition)`, (B, ..., C) and (B, D). Returns (B, ..., units).

    Args:
        units: how many channels come out.
        kernel_initializer: for both kernels, (C, 2·units) and (D, 2·units).

    Raises:
        ArgumentError: units that aren't a whole number from 1 up.
        ShapeError: a condition that isn't a vector for each sample.

    Source: van den Oord et al., Conditional Image Generation with PixelCNN Decoders, 2016.

    >>> import numpy as np
    >>> GatedConditioning(4)(np.ones((2, 7, 3)), np.ones((2, 5))).shape
    (2, 7, 4)
    """

    def __init__(self, units: int, kernel_initializer: Any = "glorot_uniform", **kwargs: Any):
        super().__init__(**kwargs)
        self.units = positive_integer(units, "GatedConditioning", "units")
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.supports_masking = True

    def build(self, inputs_shape: tuple, condition_shape: tuple) -> None:
        channels, size = self._sizes(inputs_shape, condition_shape)
        width, initializer = 2 * self.units, self.kernel_initializer
        self.kernel = self.add_weight(name="kernel", shape=(channels, width), initializer=initializer)
        self.condition_kernel = self.add_weight(name="condition_kernel", shape=(size, width), initializer=initializer)
        self.bias = self.add_weight(name="bias", shape=(width,), initializer="zeros")

    def call(self, inputs: Any, condition: Any) -> Any:
        shift = condition @ self.condition_kernel.value + self.bias.value
        content, gate = jnp.split(inputs @ self.kernel.value + _over_channels(shift, inputs.ndim), 2, axis=-1)
        return jnp.tanh(content) * jax.nn.sigmoid(gate)


@builtin("layers")
class CrossAttentionConditioning(_Conditioned):
    """Attention to a sequence of conditions, added behind a gate: `x + tanh(g) · attention(norm(x), c)`, where g begins at 0.

    Call: `layer(inputs, condition)`, (B, T, C) and (B, S, D). Returns (B, T, C). A mask of the condition, (B, S), is followed.

    Args:
        num_heads: how many heads.
        key_dim: the size of each head's queries and keys.
        dropout: how much of the attention is dropped while training.
        epsilon: a small number that keeps the normalization's division finite.

    Raises:
        ArgumentError: sizes that aren't whole numbers from 1 up.
        ShapeError: a condition that isn't a sequence of vectors.

    Source: Alayrac et al., Flamingo: a Visual Language Model for Few-Shot Learning, 2022.

    >>> import numpy as np
    >>> CrossAttentionConditioning(2, 3)(np.ones((2, 7, 4)), np.ones((2, 5, 6))).shape
    (2, 7, 4)
    """

    def __init__(self, num_heads: int, key_dim: int, dropout: float = 0.0, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_heads, self.key_dim, self.dropout, self.epsilon = num_heads, key_dim, dropout, epsilon
        policy = self.dtype_policy
        self.normalization = LayerNormalization(epsilon=epsilon, dtype=policy, name="normalization")
        self.attention = MultiHeadAttention(num_heads, key_dim, dropout=dropout, dtype=policy, name="attention")
        self.supports_masking = True

    def build(self, inputs_shape: tuple, condition_shape: tuple) -> None:
        self._sizes(inputs_shape, condition_shape, rank=3)
        self.normalization.build(inputs_shape)
        self.attention.build(inputs_shape, condition_shape)
        self.gate = self.add_weight(name="gate", shape=(), initializer="zeros")

    def call(self, inputs: Any, condition: Any, condition_mask: Any = None) -> Any:
        attended = self.attention(self.normalization(inputs), condition, value_mask=condition_mask)
        return inputs + jnp.tanh(self.gate.value) * attended


@of_plait
class _Hyper(_Conditioned):
    """A layer whose kernel and bias are affine in the condition: `W(c) = W + reshape(c · V)`."""

    def __init__(
        self,
        units: int,
        activation: Any = None,
        kernel_initializer: Any = "glorot_uniform",
        hyper_initializer: Any = "zeros",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._units = units
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.hyper_initializer = initializers.get(hyper_initializer)

    def _kernel_shape(self, channels: int) -> tuple[int, ...]:
        return channels, self._units

    def build(self, inputs_shape: tuple, condition_shape: tuple) -> None:
        channels, size = self._sizes(inputs_shape, condition_shape)
        shape, hyper = self._kernel_shape(channels), self.hyper_initializer
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=(self._units,), initializer="zeros")
        self.hyper_kernel = self.add_weight(name="hyper_kernel", shape=(size, math.prod(shape)), initializer=hyper)
        self.hyper_bias = self.add_weight(name="hyper_bias", shape=(size, self._units), initializer=hyper)

    def call(self, inputs: Any, condition: Any) -> Any:
        kernel = self.kernel.value
        kernels = kernel + jnp.reshape(condition @ self.hyper_kernel.value, (-1, *kernel.shape))
        x = self._apply(inputs, kernels)
        x = x + _over_channels(self.bias.value + condition @ self.hyper_bias.value, x.ndim)
        return self.activation(x)

    def _apply(self, x: Any, kernels: Any) -> Any:
        """Each sample with the kernel of its own."""
        return jnp.einsum("b...i,biu->b...u", x, kernels)


@builtin("layers")
class HyperDense(_Hyper):
    """A dense layer whose kernel and bias a small network makes of the condition: `f(x · W(c) + b(c))`, other for each sample.

    W(c) = W + c·V and b(c) = b + c·v, reshaped.

    Call: `layer(inputs, condition)`, (B, ..., C) and (B, D). Returns (B, ..., units). It has (D + 1) · (C + 1) · units weights.

    Args:
        units: how many channels come out.
        activation: a function of the result.
        kernel_initializer: for W.
        hyper_initializer: for V and v; at zero the layer begins as a plain Dense.

    Raises:
        ArgumentError: units that aren't a whole number from 1 up.
        ShapeError: a condition that isn't a vector for each sample.

    Source: Ha et al., HyperNetworks, 2017.

    >>> import numpy as np
    >>> HyperDense(4)(np.ones((2, 7, 3)), np.ones((2, 5))).shape
    (2, 7, 4)
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        kernel_initializer: Any = "glorot_uniform",
        hyper_initializer: Any = "zeros",
        **kwargs: Any,
    ):
        self.units = positive_integer(units, "HyperDense", "units")
        super().__init__(units, activation, kernel_initializer, hyper_initializer, **kwargs)


@of_plait
class _HyperConv(_Hyper):
    """A convolution with a kernel for each sample: what the ranks share. See HyperConv2D."""

    rank: ClassVar[int]

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        activation: Any = None,
        kernel_initializer: Any = "glorot_uniform",
        hyper_initializer: Any = "zeros",
        **kwargs: Any,
    ):
        who = type(self).__name__
        self.filters = positive_integer(filters, who, "filters")
        super().__init__(filters, activation, kernel_initializer, hyper_initializer, **kwargs)
        self.kernel_size = numbers(kernel_size, self.rank, who, "kernel_size")
        self.strides, self.padding = numbers(strides, self.rank, who, "strides"), padding

    def _kernel_shape(self, channels: int) -> tuple[int, ...]:
        return (*self.kernel_size, channels, self.filters)

    def _apply(self, x: Any, kernels: Any) -> Any:
        def one(sample: Any, kernel: Any) -> Any:
            return ops.conv(sample[None], kernel, self.strides, padding=self.padding, data_format="channels_last")[0]

        return jax.vmap(one)(x, kernels)


@builtin("layers")
class HyperConv1D(_HyperConv):
    """A convolution over one axis whose kernel is made of the condition, other for each sample: see HyperConv2D.

    Call: `layer(inputs, condition)`, (B, T, C) and (B, D). Returns (B, T', filters).

    >>> import numpy as np
    >>> HyperConv1D(4, 3, padding="same")(np.ones((2, 8, 3)), np.ones((2, 5))).shape
    (2, 8, 4)
    """

    rank = 1


@builtin("layers")
class HyperConv2D(_HyperConv):
    """A convolution whose kernel and bias a small network makes of the condition: `f(x ∗ W(c) + b(c))`, other for each sample.

    W(c) = W + c·V and b(c) = b + c·v, reshaped.

    Call: `layer(inputs, condition)`, (B, H, W, C) and (B, D). Returns (B, H', W', filters).

    Args:
        filters: how many channels come out.
        kernel_size: the window, a number or one for each axis.
        strides: how far the window moves, a number or one for each axis.
        padding: "valid", or "same" for zeros around.
        activation: a function of the result.
        kernel_initializer: for W.
        hyper_initializer: for V and v; at zero the layer begins as a plain convolution.

    Raises:
        ArgumentError: sizes that aren't whole numbers from 1 up.
        ShapeError: a condition that isn't a vector for each sample.

    Source: Ha et al., HyperNetworks, 2017; Jia et al., Dynamic Filter Networks, 2016.

    >>> import numpy as np
    >>> HyperConv2D(4, 3)(np.ones((2, 8, 8, 3)), np.ones((2, 5))).shape
    (2, 6, 6, 4)
    """

    rank = 2


@builtin("layers")
class HyperConv3D(_HyperConv):
    """A convolution over three axes whose kernel is made of the condition, other for each sample: see HyperConv2D.

    Call: `layer(inputs, condition)`, (B, X, Y, Z, C) and (B, D). Returns (B, X', Y', Z', filters).

    >>> import numpy as np
    >>> HyperConv3D(4, 2)(np.ones((2, 4, 4, 4, 3)), np.ones((2, 5))).shape
    (2, 3, 3, 3, 4)
    """

    rank = 3
