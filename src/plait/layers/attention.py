"""Attention: each position of one sequence gathers from all positions of another.

Letters: B batch, T positions that ask, S positions that answer, H heads, D features of a head.
"""

import functools
import operator
from typing import Any, Unpack

import jax.numpy as jnp

from plait import constraints, initializers, ops, random, regularizers
from plait.common.numbers import as_list
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.errors import ArgumentError, ShapeError
from plait.layers.argument_checks import positive_integer
from plait.layers.argument_types import (
    ConstraintLike,
    InitializerLike,
    LayerOptions,
    OptionsBesidesActivity,
    RegularizerLike,
)
from plait.layers.base import Layer
from plait.layers.einsum_dense import EinsumDense
from plait.layers.quantized import policy_with_inner
from plait.layers.regularization import Dropout
from plait.lowering.attention import softmax_product


def _called(name: str) -> Any:
    """Another name for an attribute."""
    return property(lambda layer: getattr(layer, name))


@of_plait
class HeadsAttention(Layer):
    """What layers of several heads share: their dense layers' options, masks, and the way from query to output."""

    _family = "attention"
    _saved_policy = policy_with_inner
    _title = "MultiHeadAttention"  # what Keras calls it in errors
    _query_dense: Any
    _key_dense: Any
    _value_dense: Any
    _gate_dense: Any
    _output_dense: Any
    _attend: Any

    def _take_options(
        self, dropout: float, use_bias: bool, sliding_window: int | None, flash_attention: bool | None,
        kernel_initializer: InitializerLike, bias_initializer: InitializerLike, kernel_regularizer: RegularizerLike,
        bias_regularizer: RegularizerLike, kernel_constraint: ConstraintLike, bias_constraint: ConstraintLike,
        use_gate: bool, seed: int | None,
    ) -> None:  # fmt: skip
        if sliding_window is not None:
            positive_integer(sliding_window, self._title, "sliding_window")
        if flash_attention and dropout > 0:
            raise ArgumentError(
                f"{self._title}: Dropout is not supported when flash attention is enabled, but got dropout={dropout}."
            )
        self.dropout, self.use_bias, self.use_gate, self.seed = dropout, use_bias, use_gate, seed
        self.sliding_window, self.flash_attention = sliding_window, flash_attention
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.supports_masking = True

    def _dense(self, equation: str, output_shape: tuple, bias_axes: str, name: str) -> EinsumDense:
        dense = EinsumDense(
            equation,
            output_shape=output_shape,
            bias_axes=bias_axes if self.use_bias else None,
            kernel_initializer=type(self.kernel_initializer).from_config(self.kernel_initializer.get_config()),
            bias_initializer=type(self.bias_initializer).from_config(self.bias_initializer.get_config()),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            name=name,
            dtype=self.dtype_policy,
        )
        dense.supports_masking = True  # `call` takes account of the masks itself
        return dense

    def call(
        self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None,
        key_mask: Any = None, attention_mask: Any = None, return_attention_scores: bool = False,
        training: bool | None = None, use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        key = value if key is None else key
        if return_attention_scores and self.flash_attention:
            raise ArgumentError(
                f"{self._title} {self.name!r}: Returning attention scores is not supported when flash attention is enabled. "
                "Make the layer with flash_attention=False."
            )
        masks = query_mask, value_mask, key_mask
        mask = whole_mask(query, key, masks, attention_mask, use_causal_mask, self.sliding_window)
        q, k, v = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        out, scores = self._attend(q, k, v, mask, training)
        if self._gate_dense is not None:
            out = out * ops.sigmoid(self._gate_dense(query))
        out = self._output_dense(out)
        return (out, scores) if return_attention_scores else out

    def compute_mask(self, query: Any, previous_mask: Any = None) -> Any:
        """The query's mask."""
        return previous_mask


@builtin("layers")
class MultiHeadAttention(HeadsAttention):
    """Attention with several heads: softmax(q kᵀ / sqrt(D)) v for each, joined by a dense layer.

    Args:
        num_heads: how many heads.
        key_dim: the features of queries and keys in each head.
        value_dim: the features of values; by default as many.
        dropout: the share of scores that are dropped while training.
        use_bias: whether the dense layers have biases.
        output_shape: the features that come out; by default the query's.
        attention_axes: the axes of the positions; by default all between batch and features.
        seed: for the dropout.

    Shapes: query (B, T, E), value and key (B, S, E) give (B, T, E).

    Source: Vaswani et al., Attention Is All You Need, 2017.
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Unpack[OptionsBesidesActivity],
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.num_heads = positive_integer(num_heads, self._title, "num_heads")
        self.key_dim = positive_integer(key_dim, self._title, "key_dim")
        self.value_dim = key_dim if value_dim is None else positive_integer(value_dim, self._title, "value_dim")
        for name, value in (("output_shape", output_shape), ("attention_axes", attention_axes)):
            if value is not None and not isinstance(value, (int, list, tuple)):
                raise ArgumentError(
                    f"{self._title}: Invalid `{name}`: expected an int, a list or tuple of ints, or None, but got {value!r}."
                )
        self.output_shape = (output_shape,) if isinstance(output_shape, int) else output_shape
        self.attention_axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        self._take_options(
            dropout, use_bias, sliding_window, flash_attention, kernel_initializer, bias_initializer,
            kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint, use_gate, seed,
        )  # fmt: skip

    def build(self, query_shape: tuple, value_shape: tuple, key_shape: tuple | None = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        check_positions(self.name, value_shape, key_shape)
        self.query_dense = self._projection(query_shape, self.key_dim, "query")
        self.key_dense = self._projection(key_shape, self.key_dim, "key")
        self._gate_dense = self._projection(query_shape, self.value_dim, "gate") if self.use_gate else None
        self.value_dense = self._projection(value_shape, self.value_dim, "value")
        if self.dropout > 0:  # its seed is drawn before the last kernel, as in Keras
            self.dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype_policy)
        rank = len(query_shape)
        letters = "abcdefghijklm"[: rank - 1]
        out = tuple(self.output_shape) if self.output_shape else (query_shape[-1],)
        last = "rstuvw"[: len(out)]
        self.output_dense = self._dense(
            f"{letters}xy,xy{last}->{letters}{last}", (*[None] * (rank - 2), *out), last, "attention_output"
        )
        self.output_dense.build((*query_shape[:-1], self.num_heads, self.value_dim))
        self._axes = tuple(axis % rank for axis in self.attention_axes or range(1, rank - 1))

    def _projection(self, shape: tuple, size: int, name: str) -> EinsumDense:
        letters = "abcdefghijklm"[: len(shape) - 1]
        output = (*[None] * (len(shape) - 2), self.num_heads, size)
        dense = self._dense(f"{letters}z,zxy->{letters}xy", output, "xy", name)
        dense.build(shape)
        return dense

    def _attend(self, q: Any, k: Any, v: Any, mask: Any, training: bool | None) -> tuple[Any, Any]:
        """Attends over the attention axes; all other axes but heads and features are batch axes."""
        rank, axes = q.ndim, self._axes
        batch = tuple(axis for axis in range(rank - 2) if axis not in axes)
        order = (*batch, rank - 2, *axes, rank - 1)  # batch, heads, positions, features
        q, k, v = (jnp.transpose(x, order) for x in (q, k, v))
        many = len(axes)
        lead, positions = q.shape[: -many - 1], q.shape[-many - 1 : -1]
        asked = jnp.reshape(q, (*lead, -1, q.shape[-1]))
        keys = jnp.reshape(k, (*lead, -1, k.shape[-1]))
        values = jnp.reshape(v, (*lead, -1, v.shape[-1]))
        logits = (asked * jnp.asarray(1.0 / float(self.key_dim) ** 0.5, asked.dtype)) @ jnp.swapaxes(keys, -1, -2)
        if mask is not None:
            mask = jnp.reshape(mask, (*mask.shape[: mask.ndim - 2 * many], *logits.shape[-2:])) if many > 1 else mask
        scores = masked_softmax(logits, mask)
        if self.dropout > 0 and training:
            out = self.dropout_layer(scores, training=training) @ values
        else:
            out = gathered(logits, values, mask)
        out = jnp.reshape(out, (*lead, *positions, v.shape[-1]))
        back = [order.index(axis) for axis in range(rank)]
        if many > 1:
            scores = jnp.reshape(scores, (*lead, *positions, *k.shape[-many - 1 : -1]))
        return jnp.transpose(out, back), scores

    # The names that Keras's subclasses know these parts by: attention with a cache calls them one by one.
    _query_dense, _key_dense, _value_dense, _output_dense, _dropout_layer, _num_heads, _key_dim = map(
        _called, ("query_dense", "key_dense", "value_dense", "output_dense", "dropout_layer", "num_heads", "key_dim")
    )

    def _compute_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
    ) -> tuple[Any, Any]:
        return self._attend(query, key, value, attention_mask, training)


def masked_softmax(logits: Any, mask: Any) -> Any:
    """The softmax over the last axis of what a mask (B, T, S) lets pass, zeros where it lets nothing; logits (B, ..., T, S)."""
    logits, seen = _masked(logits, mask)
    return _where(seen, ops.softmax(logits, axis=-1))


def gathered(logits: Any, values: Any, mask: Any) -> Any:
    """`masked_softmax(logits, mask) @ values`, values (B, ..., S, V)."""
    logits, seen = _masked(logits, mask)
    return _where(seen, softmax_product(logits, values))


def _masked(logits: Any, mask: Any) -> tuple[Any, Any]:
    """Logits that are low where the mask lets nothing pass, and which rows see anything; None for all."""
    if mask is None:
        return logits, None
    while mask.ndim < logits.ndim:
        mask = jnp.expand_dims(mask, -3)
    low = jnp.asarray(-3e4 if logits.dtype == "float16" else -3.4028235e38 / 2, logits.dtype)
    return jnp.where(mask, logits, logits + low), jnp.any(mask, axis=-1, keepdims=True)


def _where(seen: Any, out: Any) -> Any:
    return out if seen is None else jnp.where(seen, out, jnp.zeros_like(out))


def whole_mask(query: Any, key: Any, masks: tuple, attention_mask: Any, causal: bool, window: int | None) -> Any:
    """One mask (B, T, S) out of all that are given, None for no limits.

    Args:
        query: what asks, (B, T, ...).
        key: what answers, (B, S, ...).
        masks: which positions of query, value and key count, each (B, T) or (B, S) or None.
        attention_mask: which pairs count, (B, T, S).
        causal: whether a position sees only those before it, and itself.
        window: how far it sees, if not everywhere: itself and the `window - 1` positions on either side.
    """
    query_mask, value_mask, key_mask = masks
    parts = []
    if query_mask is not None:
        parts.append(jnp.expand_dims(query_mask.astype(bool), -1))
    parts.extend(jnp.expand_dims(mask.astype(bool), -2) for mask in (value_mask, key_mask) if mask is not None)
    if causal or window:
        rows = jnp.arange(query.shape[1])[:, None]
        columns = jnp.arange(key.shape[1])[None, :]
        band = rows >= columns if causal else jnp.ones_like(rows >= columns)
        parts.append((band & (jnp.abs(rows - columns) < window) if window else band)[None])
    if attention_mask is not None:
        parts.append(attention_mask.astype(bool))
    return functools.reduce(operator.and_, parts) if parts else None


@of_plait
class _Attention(Layer):
    """Attention without weights of its own for queries and values: what both kinds share."""

    _takes_structures = True

    _family = "attention"

    def __init__(self, dropout: float = 0.0, seed: int | None = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.dropout, self.seed = dropout, seed
        if dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def _scores(self, query: Any, key: Any) -> Any:
        raise ArgumentError(f"{type(self).__name__}: an attention defines `_scores`.")

    def call(
        self, inputs: Any, mask: Any = None, training: bool = False, return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        self._check(inputs, mask)
        query, value, key = inputs if len(inputs) > 2 else (inputs[0], inputs[1], inputs[1])
        query_mask, value_mask = (mask[0], mask[1]) if mask else (None, None)
        scores = self._scores(query, key)
        counts = None if value_mask is None else jnp.expand_dims(value_mask.astype(bool), -2)
        if use_causal_mask:
            past = jnp.tril(jnp.ones(scores.shape[-2:], bool))[None]
            counts = past if counts is None else counts & past
        if counts is not None:
            low = 65504.0 if scores.dtype == "float16" else 1e9
            scores = scores - low * (~counts).astype(scores.dtype)
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=random.generator_of(self))
        out = weights @ value
        if query_mask is not None:
            out = out * jnp.expand_dims(query_mask, -1).astype(out.dtype)
        return (out, weights) if return_attention_scores else out

    def _check(self, inputs: Any, mask: Any) -> None:
        """Refuses what isn't a list of query and value, or of query, value and key; the same for the masks."""
        who = type(self).__name__
        if not isinstance(inputs, (list, tuple)):
            raise ArgumentError(
                f"{who} layer must be called on a list of inputs: [query, value] or [query, value, key]."
            )
        if not 2 <= len(inputs) <= 3:
            raise ArgumentError(
                f"{who} layer takes inputs in a list of length 2 or 3, [query, value] or [query, value, key], but got {len(inputs)}."
            )
        if mask is None:
            return
        if not isinstance(mask, (list, tuple)):
            raise ArgumentError(f"{who} layer mask must be a list: [query mask, value mask].")
        if not 2 <= len(mask) <= 3:
            raise ArgumentError(
                f"{who} layer takes masks in a list of length 2 or 3, [query mask, value mask] or with that of the key, but got {len(mask)}."
            )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The query's mask."""
        masks = as_list(mask)
        return None if masks[0] is None else ops.convert_to_tensor(masks[0])


@builtin("layers")
class Attention(_Attention):
    """Luong's attention: softmax(query · key) · value.

    Args:
        use_scale: whether scores are multiplied by a learnt number.
        score_mode: "dot", or "concat" for the sum of tanh(query + key).
        dropout: the share of weights that are dropped while training.
        seed: for the dropout.

    Inputs are [query (B, T, D), value (B, S, D)] or [query, value, key].
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(dropout, seed, **kwargs)
        if score_mode not in ("dot", "concat"):
            raise ArgumentError(
                f"Invalid value for argument score_mode: Expected one of {{'dot', 'concat'}}, but got {score_mode!r}."
            )
        self.use_scale, self.score_mode = use_scale, score_mode

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones") if self.use_scale else None
        self.concat_score_weight = None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(name="concat_score_weight", shape=(), initializer="ones")

    def _scores(self, query: Any, key: Any) -> Any:
        scale = 1.0 if self.scale is None else self.scale.value
        if self.concat_score_weight is None:
            return query @ jnp.swapaxes(key, -1, -2) * scale
        summed = jnp.expand_dims(query, -2) + jnp.expand_dims(key, -3)
        return self.concat_score_weight.value * jnp.sum(jnp.tanh(scale * summed), axis=-1)


@builtin("layers")
class AdditiveAttention(_Attention):
    """Bahdanau's attention: softmax(sum of scale · tanh(query + key)) · value.

    Args:
        use_scale: whether each feature is multiplied by a learnt number.
        dropout: the share of weights that are dropped while training.
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(dropout, kwargs.pop("seed", None), **kwargs)
        self.use_scale = use_scale

    def build(self, input_shape: Any) -> None:
        self._check([*input_shape] if all(isinstance(shape, (list, tuple)) for shape in input_shape) else None, None)
        features = input_shape[0][-1]
        self.scale = (
            self.add_weight(name="scale", shape=(features,), initializer="glorot_uniform") if self.use_scale else None
        )

    def _scores(self, query: Any, key: Any) -> Any:
        summed = jnp.tanh(jnp.expand_dims(query, -2) + jnp.expand_dims(key, -3))
        return jnp.sum(summed if self.scale is None else self.scale.value * summed, axis=-1)


def check_positions(name: str, value_shape: tuple, key_shape: tuple) -> None:
    """Refuses keys and values that don't go together.

    Raises:
        ShapeError: other numbers of positions.
    """
    if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
        raise ShapeError(
            f"{name!r}: all axes of value and key but the first and the last must be equal, as each key has its value, but the "
            f"shapes are value {tuple(value_shape)} and key {tuple(key_shape)}."
        )
