"""Activation functions by name: `get("relu")`, and what layers take as `activation=`.

They are the operations of `plait.ops`, under Keras's names and defaults, so one called on symbolic tensors is recorded
and written to files as Keras does.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from plait.common.registry import builtin
from plait.common.serialization import deserialize as deserialize_any
from plait.common.serialization import get as get_any
from plait.common.serialization import serialize as serialize_any
from plait.core.op import op
from plait.core.operators import multiply
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError
from plait.ops import activation as _operations
from plait.ops.activation import celu as celu
from plait.ops.activation import elu as elu
from plait.ops.activation import glu as glu
from plait.ops.activation import hard_shrink as hard_shrink
from plait.ops.activation import hard_sigmoid as hard_sigmoid
from plait.ops.activation import hard_silu as hard_silu
from plait.ops.activation import hard_tanh as hard_tanh
from plait.ops.activation import leaky_relu as leaky_relu
from plait.ops.activation import log_sigmoid as log_sigmoid
from plait.ops.activation import log_softmax as log_softmax
from plait.ops.activation import relu6 as relu6
from plait.ops.activation import selu as selu
from plait.ops.activation import sigmoid as sigmoid
from plait.ops.activation import silu as silu
from plait.ops.activation import soft_shrink as soft_shrink
from plait.ops.activation import softmax as softmax
from plait.ops.activation import softplus as softplus
from plait.ops.activation import softsign as softsign
from plait.ops.activation import sparse_plus as sparse_plus
from plait.ops.activation import sparse_sigmoid as sparse_sigmoid
from plait.ops.activation import sparsemax as sparsemax
from plait.ops.activation import squareplus as squareplus
from plait.ops.activation import tanh_shrink as tanh_shrink
from plait.ops.activation import threshold as threshold
from plait.ops.elementwise import exp as _exp
from plait.ops.elementwise import tanh as tanh

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]


@builtin("activations")
@op(module="keras.src.activations.activations", name="ReLU")
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """x from the threshold up to max_value, and negative_slope (x - threshold) below.

    Args:
        x: a tensor of any shape.
        negative_slope: the slope below the threshold.
        max_value: where it stops growing; None lets it grow.
        threshold: where the slope changes.

    Raises:
        ArgumentError: a negative max_value.

    >>> relu(jnp.array([-2.0, 1.0, 9.0]), max_value=6.0).tolist()
    [0.0, 1.0, 6.0]
    """
    x = convert_to_tensor(x)
    if negative_slope and max_value is None and threshold == 0.0:
        return jax.nn.leaky_relu(x, negative_slope)
    above = jnp.where(x > threshold, x, jnp.zeros_like(x)) if threshold else jax.nn.relu(x)
    above = _bounded(above, max_value)
    return above - negative_slope * jax.nn.relu(threshold - x) if negative_slope else above


def _bounded(x: Any, max_value: float | None) -> Any:
    if max_value is None:
        return x
    if max_value < 0:
        raise ArgumentError(f"relu: `max_value` must not be negative, but got {max_value}.")
    return jnp.minimum(x, jnp.asarray(max_value, x.dtype))


@builtin("activations")
def linear(x: Any) -> Any:
    """x itself."""
    return x


@builtin("activations")
def exponential(x: Any) -> Any:
    """exp(x)."""
    return _exp(x)


@builtin("activations")
def gelu(x: Any, approximate: bool = False) -> Any:
    """x Φ(x), Φ being the normal distribution's function; or an approximation of it by a tanh.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
    """
    return _operations.gelu(x, approximate=approximate)


@builtin("activations")
def mish(x: Any) -> Any:
    """x tanh(softplus(x)). Source: Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019."""
    return multiply(x, tanh(softplus(x)))


swish = silu
hard_swish = hard_silu

for _function, *_aliases in (
    (celu,),
    (elu,),
    (glu,),
    (hard_shrink,),
    (hard_sigmoid,),
    (hard_silu, "hard_swish"),
    (hard_tanh,),
    (leaky_relu,),
    (log_sigmoid,),
    (log_softmax,),
    (relu6,),
    (selu,),
    (sigmoid,),
    (silu, "swish"),
    (soft_shrink,),
    (softmax,),
    (softplus,),
    (softsign,),
    (sparse_plus,),
    (sparse_sigmoid,),
    (sparsemax,),
    (squareplus,),
    (tanh,),
    (tanh_shrink,),
    (threshold,),
):
    builtin("activations", *_aliases)(_function)


def get(identifier: Any) -> Any:
    """An activation from None (`linear`), a name, a config, a layer or a function.

    Raises:
        NameUnknownError: no activation of that name.

    >>> get("relu") is relu, get(None) is linear
    (True, True)
    """
    return linear if identifier is None else get_any("activations", identifier)


def serialize(activation: Any) -> Any:
    """An activation as plain data: the name of one of plait's, the config of a layer or of the program's own function.

    >>> serialize(swish)
    'silu'
    """
    return serialize_any(activation)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """An activation from plain data."""
    return (
        get_any("activations", config, custom_objects)
        if isinstance(config, str)
        else deserialize_any(config, custom_objects, "activations")
    )
