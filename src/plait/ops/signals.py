"""Small things about signals: complex numbers from polar coordinates, how much of a signal is noise."""

from typing import Any

import jax
import jax.numpy as jnp

from plait.common.messages import describe
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ShapeError

_NN = "keras.src.ops.nn"


@op(module=_NN)
def polar(abs_: Any, angle: Any) -> Any:
    """Complex numbers of given lengths and angles.

    >>> polar(2.0, 0.0)
    Array(2.+0.j, dtype=complex64)
    """
    length, angle = convert_to_tensor(abs_), convert_to_tensor(angle)
    return jax.lax.complex(length * jnp.cos(angle), length * jnp.sin(angle))


@op(module=_NN, name="PSNR", options=("max_val",))
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """The peak signal-to-noise ratio between two signals, in decibels: 20 log10(max_val) - 10 log10(mean (x1 - x2)²).

    Args:
        x1: a signal.
        x2: another of the same shape.
        max_val: the largest value that a signal can have.

    Raises:
        ShapeError: shapes that differ.

    >>> float(psnr(jnp.zeros(2), jnp.ones(2), 1.0))
    0.0
    """
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    if x1.shape != x2.shape:
        raise ShapeError(f"psnr: both signals must have the same shape, but got {describe(x1)} and {describe(x2)}.")
    mean = jnp.mean(jnp.square(x1 - x2))
    return 20 * jnp.log10(convert_to_tensor(max_val).astype(mean.dtype)) - 10 * jnp.log10(mean)
