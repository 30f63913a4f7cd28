"""Numbers of 8 bits with a point, and the scales that keep them in range.

A scale follows the largest magnitude of the last steps: `x / scale` lies within what the 8 bits can hold.

Source: Micikevicius et al., FP8 Formats for Deep Learning, 2022.
"""

from typing import Any

import jax.numpy as jnp

from plait.core.variable import convert_to_tensor


def compute_float8_scale(amax: Any, scale: Any, dtype_max: Any, margin: int = 0) -> Any:
    """The scale by which the largest magnitude becomes the largest number of 8 bits; the old one where there is none.

    Args:
        amax: the largest magnitude seen.
        scale: the scale so far.
        dtype_max: the largest number that the 8 bits can hold.
        margin: how many powers of two are left free above.

    >>> import jax.numpy as jnp
    >>> float(compute_float8_scale(jnp.array(896.0), jnp.array(1.0), 448.0))
    2.0
    """
    amax, scale = convert_to_tensor(amax), convert_to_tensor(scale)
    found = 1 / (dtype_max / amax / 2**margin)
    return jnp.where((amax > 0) & jnp.isfinite(amax), found, scale)


def compute_float8_amax_history(x: Any, amax_history: Any) -> Any:
    """The largest magnitudes of the last steps, with this one's in place of the oldest.

    >>> import jax.numpy as jnp
    >>> compute_float8_amax_history(jnp.array([-5.0, 2.0]), jnp.array([1.0, 2.0, 3.0])).tolist()
    [5.0, 3.0, 1.0]
    """
    x, history = convert_to_tensor(x), convert_to_tensor(amax_history)
    return jnp.roll(history, -1).at[0].set(jnp.max(jnp.abs(x)).astype(history.dtype))


def quantize_and_dequantize(inputs: Any, scale: Any, quantized_dtype: Any, compute_dtype: Any) -> Any:
    """Rounds numbers to those of 8 bits times a scale, and returns them in the dtype that is computed in.

    >>> import jax.numpy as jnp
    >>> quantize_and_dequantize(jnp.array([1.03, 999.0]), jnp.array(1.0), "float8_e4m3fn", "float32").tolist()
    [1.0, 448.0]
    """
    scale = convert_to_tensor(scale).astype(compute_dtype)
    most = jnp.asarray(float(jnp.finfo(quantized_dtype).max), compute_dtype)
    rounded = jnp.clip(convert_to_tensor(inputs) / scale, -most, most).astype(quantized_dtype)
    return rounded.astype(compute_dtype) * scale
