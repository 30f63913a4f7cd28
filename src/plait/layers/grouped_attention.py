"""Attention in which several heads of the query share the keys and values of one.

Letters: B batch, T positions that ask, S positions that answer, N heads of the query, G heads of keys and values,
R = N / G heads of the query to one of those, D features of a head, E features of the inputs.
"""

from typing import Any, Unpack

import jax.numpy as jnp

from plait.common.registry import builtin
from plait.errors import ArgumentError
from plait.layers.argument_checks import positive_integer
from plait.layers.argument_types import ConstraintLike, InitializerLike, OptionsBesidesActivity, RegularizerLike
from plait.layers.attention import HeadsAttention, check_positions, masked_softmax
from plait.layers.einsum_dense import EinsumDense
from plait.layers.regularization import Dropout


@builtin("layers", "GroupQueryAttention")
class GroupedQueryAttention(HeadsAttention):
    """Attention with fewer heads for keys and values than for queries: softmax(q kᵀ / sqrt(D)) v for each query head.

    Args:
        head_dim: the features of a head.
        num_query_heads: how many heads ask.
        num_key_value_heads: how many answer: as many is multi-head attention, 1 is multi-query attention.
        dropout: the share of scores that are dropped while training.
        use_bias: whether the dense layers have biases.
        sliding_window: how far a position sees, itself counted; None is everywhere.
        flash_attention: refused beside dropout, and with scores, as in Keras; XLA decides how attention is computed.
        kernel_initializer: for all kernels.
        bias_initializer: for all biases.
        kernel_regularizer: a penalty on each kernel.
        bias_regularizer: a penalty on each bias.
        activity_regularizer: a penalty on the output.
        kernel_constraint: what each kernel is mapped to after an update.
        bias_constraint: the same for the biases.
        use_gate: whether the result is multiplied by sigmoid(a dense layer of the query) before the last one.
        seed: for the dropout.

    Shapes: query (B, T, E), value and key (B, S, E) give (B, T, E); scores are (B, N, T, S).

    Raises:
        ArgumentError: heads that cannot be shared out evenly; numbers below 1.

    Source: Ainslie et al., GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints, 2023.

    >>> import numpy as np
    >>> x = np.ones((2, 5, 6))
    >>> GroupedQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)(x, x).shape
    (2, 5, 6)
    """

    _title = "GroupQueryAttention"
    _file_stem = "grouped_query_attention"  # what Keras calls this class inside

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
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
        self.head_dim = positive_integer(head_dim, self._title, "head_dim")
        self.num_query_heads = positive_integer(num_query_heads, self._title, "num_query_heads")
        self.num_key_value_heads = positive_integer(num_key_value_heads, self._title, "num_key_value_heads")
        if num_query_heads % num_key_value_heads:
            raise ArgumentError(
                f"{self._title}: `num_query_heads` must be divisible by `num_key_value_heads`, but got "
                f"num_query_heads={num_query_heads}, num_key_value_heads={num_key_value_heads}."
            )
        self._take_options(
            dropout, use_bias, sliding_window, flash_attention, kernel_initializer, bias_initializer,
            kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint, use_gate, seed,
        )  # fmt: skip

    def build(self, query_shape: tuple, value_shape: tuple, key_shape: tuple | None = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        check_positions(self.name, value_shape, key_shape)
        many, few = self.num_query_heads, self.num_key_value_heads
        self._query_dense = self._projection(query_shape, many, "query")
        self._key_dense = self._projection(key_shape, few, "key")
        self._gate_dense = self._projection(query_shape, many, "gate") if self.use_gate else None
        self._value_dense = self._projection(value_shape, few, "value")
        self._output_dense = self._dense("btnd,nde->bte", (None, query_shape[-1]), "e", "attention_output")
        self._output_dense.build((*query_shape[:-1], many, self.head_dim))
        if self.dropout > 0:
            self._dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype_policy)

    def _projection(self, shape: tuple, heads: int, name: str) -> EinsumDense:
        dense = self._dense("bte,end->btnd", (None, heads, self.head_dim), "nd", name)
        dense.build(shape)
        return dense

    def _attend(self, q: Any, k: Any, v: Any, mask: Any, training: bool | None) -> tuple[Any, Any]:
        """What the heads (B, T, N, D) gather, and the scores (B, N, T, S) they do it by."""
        batch, asked, heads, size = q.shape
        q = jnp.reshape(q, (batch, asked, k.shape[2], -1, size)) * jnp.asarray(size**-0.5, q.dtype)
        logits = jnp.einsum("btgrd,bsgd->bgrts", q, k)
        scores = masked_softmax(jnp.reshape(logits, (batch, heads, *logits.shape[-2:])), mask)
        used = self._dropout_layer(scores, training=training) if self.dropout > 0 and training else scores
        out = jnp.einsum("bgrts,bsgd->btgrd", jnp.reshape(used, logits.shape), v)
        return jnp.reshape(out, (batch, asked, heads, size)), scores

    def file_identity(self) -> tuple[str, str, None]:
        """What Keras's files call it."""
        return "keras.layers", "GroupQueryAttention", None
