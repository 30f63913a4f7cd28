"""`tf.nn`: what layers are made of, under TensorFlow's names of arguments and with its order of axes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait import ops, random
from plait.compat.tensorflow_calls import as_tensor, plain, sizes
from plait.compat.tensorflow_math import MATH
from plait.compat.tensorflow_shapes import gather, transpose


def _strides(value: Any, rank: int) -> Any:
    """The steps along the axes of places; TensorFlow's may name those of batch and channels too."""
    if isinstance(value, int):
        return value
    value = tuple(int(v) for v in value)
    return value[1:-1] if len(value) == rank + 2 else value[0] if len(value) == 1 else value


def _format(data_format: Any) -> str:
    return "channels_first" if str(data_format).startswith("NC") and data_format is not None else "channels_last"


def _conv(rank: int) -> Callable:
    def convolve(
        input: Any,
        filters: Any,
        strides: Any = 1,
        padding: Any = "VALID",
        data_format: Any = None,
        dilations: Any = 1,
        name: str | None = None,
        stride: Any = None,
    ) -> Any:
        """A convolution; explicit paddings are for each axis a pair."""
        x, strides = as_tensor(input), strides if stride is None else stride
        if not isinstance(padding, str):
            x, padding = ops.pad(x, [tuple(pair) for pair in np.asarray(padding).tolist()]), "VALID"
        options = {"data_format": _format(data_format), "dilation_rate": _strides(dilations or 1, rank)}
        return ops.conv(x, as_tensor(filters), _strides(strides, rank), padding.lower(), **options)

    return convolve


def conv2d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: str = "SAME",
    data_format: str = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The transpose of a convolution, whose output has a given shape."""
    x, filters = jnp.asarray(input), jnp.asarray(filters)
    shape = jax.ShapeDtypeStruct(sizes(output_shape), x.dtype)
    forward = lambda image: _conv(2)(image, filters, strides, padding, data_format)  # noqa: E731  (transposed below)
    return jax.linear_transpose(forward, shape)(x)[0]


def depthwise_conv2d(
    input: Any,
    filter: Any,
    strides: Any,
    padding: str,
    data_format: Any = None,
    dilations: Any = None,
    name: Any = None,
) -> Any:
    """A convolution of each channel by itself."""
    options = {"data_format": _format(data_format), "dilation_rate": _strides(dilations or 1, 2)}
    return ops.depthwise_conv(as_tensor(input), as_tensor(filter), _strides(strides, 2), padding.lower(), **options)


def _pool(name: str, rank: int) -> Callable:
    def pool(
        input: Any, ksize: Any, strides: Any, padding: str = "VALID", data_format: Any = None, name: str | None = None
    ) -> Any:
        """The largest value, or the mean, of each window."""
        window = _strides(ksize, rank)
        return function(as_tensor(input), window, _strides(strides, rank), padding.lower(), _format(data_format))

    function = getattr(ops, name)
    return pool


def bias_add(value: Any, bias: Any, data_format: Any = None, name: str | None = None) -> Any:
    """A number added to each channel."""
    if _format(data_format) == "channels_last":
        return value + bias
    return value + ops.reshape(bias, (1, -1) + (1,) * (len(value.shape) - 2))


def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The mean and the variance along axes."""
    return ops.moments(as_tensor(x), axes, keepdims)


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: float, name: str | None = None
) -> Any:
    """Values less a mean, by the root of a variance, scaled and moved."""
    factor = ops.rsqrt(variance + variance_epsilon)
    factor = factor if scale is None else factor * scale
    return x * factor + ((0 if offset is None else offset) - mean * factor)


def dropout(x: Any, rate: Any, noise_shape: Any = None, seed: Any = None, name: str | None = None) -> Any:
    """Some values as 0, the others as much larger."""
    return random.dropout(as_tensor(x), rate, noise_shape, seed)


def embedding_lookup(params: Any, ids: Any, max_norm: Any = None, name: str | None = None) -> Any:
    """The rows of a table."""
    return gather(params, ids, axis=0)


def l2_loss(t: Any, name: str | None = None) -> Any:
    """Half the sum of squares."""
    return ops.sum(ops.square(t)) / 2


def sigmoid_cross_entropy_with_logits(labels: Any = None, logits: Any = None, name: str | None = None) -> Any:
    """The cross-entropy of each number, of its logit."""
    labels, logits = jnp.asarray(labels), jnp.asarray(logits)
    return jnp.maximum(logits, 0) - logits * labels + jnp.log1p(jnp.exp(-jnp.abs(logits)))


def weighted_cross_entropy_with_logits(labels: Any, logits: Any, pos_weight: Any, name: str | None = None) -> Any:
    """The same with another weight for ones."""
    weight = 1 + (pos_weight - 1) * labels
    return (1 - labels) * logits + weight * (jnp.log1p(jnp.exp(-jnp.abs(logits))) + jnp.maximum(-logits, 0))


def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1, name: str | None = None) -> Any:
    """The cross-entropy of distributions, of logits."""
    return -jnp.sum(jnp.asarray(labels) * jax.nn.log_softmax(jnp.asarray(logits), axis), axis)


def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Any:
    """The cross-entropy of class numbers, of logits."""
    told = jax.nn.log_softmax(jnp.asarray(logits), -1)
    return -jnp.take_along_axis(told, jnp.asarray(labels)[..., None], -1)[..., 0]


def ctc_loss(
    labels: Any,
    logits: Any,
    label_length: Any,
    logit_length: Any,
    logits_time_major: bool = True,
    unique: Any = None,
    blank_index: Any = None,
    name: str | None = None,
) -> Any:
    """Connectionist temporal classification; dense labels."""
    logits = transpose(logits, (1, 0, 2)) if logits_time_major else as_tensor(logits)
    blank = 0 if blank_index is None else int(blank_index) % logits.shape[-1]
    return ops.ctc_loss(as_tensor(labels), logits, as_tensor(label_length), as_tensor(logit_length), mask_index=blank)


def zero_fraction(value: Any, name: str | None = None) -> Any:
    """How many of the values are 0."""
    return jnp.mean(jnp.asarray(value) == 0)


def compute_average_loss(per_example_loss: Any, sample_weight: Any = None, global_batch_size: Any = None) -> Any:
    """The sum of the losses of samples by the size of the whole batch."""
    losses = per_example_loss if sample_weight is None else per_example_loss * sample_weight
    return ops.sum(losses) / (losses.shape[0] if global_batch_size is None else global_batch_size)


NN: dict[str, Any] = {
    **{
        name: plain(name)
        for name in "elu log_softmax relu relu6 selu sigmoid silu softmax softplus softsign tanh".split()
    },
    "avg_pool": _pool("average_pool", 2),
    "avg_pool1d": _pool("average_pool", 1),
    "avg_pool2d": _pool("average_pool", 2),
    "avg_pool3d": _pool("average_pool", 3),
    "batch_normalization": batch_normalization,
    "bias_add": bias_add,
    "compute_average_loss": compute_average_loss,
    "conv1d": _conv(1),
    "conv2d": _conv(2),
    "conv2d_transpose": conv2d_transpose,
    "conv3d": _conv(3),
    "convolution": lambda input, filters, strides=1, padding="VALID", data_format=None, dilations=1, name=None: _conv(
        len(input.shape) - 2
    )(input, filters, strides or 1, padding, data_format, dilations or 1),
    "ctc_loss": ctc_loss,
    "depth_to_space": lambda input, block_size, data_format="NHWC", name=None: ops.depth_to_space(
        as_tensor(input), block_size, _format(data_format)
    ),
    "depthwise_conv2d": depthwise_conv2d,
    "dropout": dropout,
    "embedding_lookup": embedding_lookup,
    "gelu": lambda features, approximate=False, name=None: ops.gelu(as_tensor(features), approximate),
    "l2_loss": l2_loss,
    "leaky_relu": lambda features, alpha=0.2, name=None: ops.leaky_relu(as_tensor(features), alpha),
    "max_pool": _pool("max_pool", 2),
    "max_pool1d": _pool("max_pool", 1),
    "max_pool2d": _pool("max_pool", 2),
    "max_pool3d": _pool("max_pool", 3),
    "moments": moments,
    "scale_regularization_loss": lambda regularization_loss: ops.sum(regularization_loss),
    "sigmoid_cross_entropy_with_logits": sigmoid_cross_entropy_with_logits,
    "softmax_cross_entropy_with_logits": softmax_cross_entropy_with_logits,
    "space_to_depth": lambda input, block_size, data_format="NHWC", name=None: ops.space_to_depth(
        as_tensor(input), block_size, _format(data_format)
    ),
    "sparse_softmax_cross_entropy_with_logits": sparse_softmax_cross_entropy_with_logits,
    "swish": plain("silu"),
    "weighted_cross_entropy_with_logits": weighted_cross_entropy_with_logits,
    "zero_fraction": zero_fraction,
    **{name: MATH[name] for name in ("in_top_k", "l2_normalize", "top_k")},
}
