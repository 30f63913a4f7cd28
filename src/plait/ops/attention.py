"""Attention: weighted means of values, the weights being how well keys match queries."""

from typing import Any

import jax
import jax.numpy as jnp

from plait.common.dtypes import result_type
from plait.common.messages import describe
from plait.common.settings import settings
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ShapeError


@op(module="keras.src.ops.nn", options=("is_causal", "flash_attention", "attn_logits_soft_cap"))
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """softmax(scale · query keyᵀ + bias) value, for each head.

    Letters: B batch, T queries, S source, N heads, K heads of keys (N is a multiple), H size of a head.

    Args:
        query: (B, T, N, H).
        key: (B, S, K, H).
        value: (B, S, K, H).
        bias: added to the logits, broadcast to (B, N, T, S).
        mask: which logits count, booleans broadcast to (B, N, T, S). A row without any is the mean of the values.
        scale: the factor of the logits; None is 1 / sqrt(H).
        is_causal: whether a query sees only the keys up to its own place.
        flash_attention: True asks for cuDNN's fused kernel; None takes the setting of the program.
        attn_logits_soft_cap: where tanh bends the logits off; None doesn't.

    Returns:
        (B, T, N, H).

    Raises:
        ShapeError: tensors of another rank, or heads that don't fit.

    Source: Vaswani et al., "Attention Is All You Need", 2017.

    >>> dot_product_attention(*[jnp.ones((1, 3, 2, 4))] * 3).shape
    (1, 3, 2, 4)
    """
    query, key, value = (convert_to_tensor(tensor) for tensor in (query, key, value))
    _check(query, key, value)
    if not query.dtype == key.dtype == value.dtype:
        query, key, value = (x.astype(result_type(query.dtype, key.dtype, value.dtype)) for x in (query, key, value))
    bias = None if bias is None else convert_to_tensor(bias)
    mask = None if mask is None else convert_to_tensor(mask).astype(bool)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    flash = settings().flash_attention if flash_attention is None else flash_attention
    if flash and attn_logits_soft_cap is None:
        return jax.nn.dot_product_attention(
            query, key, value, bias, mask, scale=scale, is_causal=is_causal, implementation="cudnn"
        )
    return _attend(query, key, value, bias, mask, scale, is_causal, attn_logits_soft_cap)


def _attend(
    query: Any, key: Any, value: Any, bias: Any, mask: Any, scale: Any, is_causal: bool, soft_cap: float | None
) -> Any:
    heads, repeats = query.shape[2], query.shape[2] // key.shape[2]
    queries, keys, values = (
        jnp.swapaxes(tensor, 1, 2) for tensor in (query, key, value)
    )  # (B, N, T, H): plain products
    if repeats > 1:
        keys, values = (jnp.repeat(tensor, repeats, axis=1, total_repeat_length=heads) for tensor in (keys, values))
    exact = jnp.promote_types(query.dtype, "float32")
    logits = jnp.matmul(queries, jnp.swapaxes(keys, -1, -2), preferred_element_type=exact) * scale
    if soft_cap is not None:
        logits = soft_cap * jnp.tanh(logits / soft_cap)
    if bias is not None:
        logits = logits + bias
    lowest = jnp.asarray(-0.7 * jnp.finfo(logits.dtype).max, logits.dtype)
    if mask is not None:
        logits = jnp.where(mask, logits, lowest)
    if is_causal:
        seen = jnp.tril(jnp.ones((query.shape[1], key.shape[1]), bool))
        logits = jnp.where(seen, logits, lowest)
    weights = jax.nn.softmax(logits, axis=-1).astype(value.dtype)
    return jnp.swapaxes(weights @ values, 1, 2)


def _check(query: Any, key: Any, value: Any) -> None:
    if not query.ndim == key.ndim == value.ndim == 4:
        raise ShapeError(
            "dot_product_attention: query, key and value must be of shape (batch, time, heads, size), but got "
            f"{describe(query)}, {describe(key)} and {describe(value)}."
        )
    if query.shape[2] % key.shape[2]:
        raise ShapeError(
            f"dot_product_attention: the query's heads must be a multiple of the key's, but got {describe(query)} and "
            f"{describe(key)}."
        )
