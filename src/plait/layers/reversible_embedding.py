"""An embedding that also goes the other way: from vectors to scores for each row of its table."""

from typing import Any

import jax.numpy as jnp

from plait.common.dtypes import dtype_name
from plait.common.registry import builtin
from plait.layers.core import Embedding
from plait.layers.quantized import AdaptedIntegers, Layout, Packing, integers_of, product
from plait.quantizers import AbsMaxQuantizer


@builtin("layers")
class ReversibleEmbedding(Embedding):
    """A table of vectors that is looked up by whole numbers, and with `reverse=True` multiplied by vectors.

    Language models use one for both ends: tokens to vectors, and vectors to a score for each token.

    Args:
        input_dim: how many vectors: one more than the largest number that comes in.
        output_dim: how long each is.
        tie_weights: whether both ways share one table.
        embeddings_initializer: for the tables.
        embeddings_regularizer: a penalty on the tables.
        embeddings_constraint: what the tables are mapped to after an update.
        mask_zero: whether 0 stands for padding, which later layers then leave out.
        reverse_dtype: the dtype of the projection back to the vocabulary; None takes the layer's.
        logit_soft_cap: keeps scores between its negative and itself: cap · tanh(score / cap).

    Shapes: (B, ...) of integers becomes (B, ..., output_dim); in reverse (B, ..., output_dim) becomes (B, ..., input_dim).

    >>> import numpy as np
    >>> layer = ReversibleEmbedding(10, 4)
    >>> vectors = layer(np.array([[1, 2, 3]]))
    >>> layer(vectors, reverse=True).shape
    (1, 3, 10)
    """

    reverse_embeddings: Any = None

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
            **kwargs,
        )
        self.tie_weights, self.logit_soft_cap = tie_weights, logit_soft_cap
        self.reverse_dtype = None if reverse_dtype is None else dtype_name(reverse_dtype)

    def build(self, inputs_shape: Any = None) -> None:
        super().build(inputs_shape)
        if not self.tie_weights and self.reverse_embeddings is None:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings",
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
                regularizer=self.embeddings_regularizer,
                constraint=self.embeddings_constraint,
            )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        return self._scores(inputs) if reverse else super().call(inputs)

    def _scores(self, vectors: Any) -> Any:
        own = self.reverse_embeddings
        table = self.embeddings.value.T if own is None else own.value
        dtype = self.reverse_dtype or self.compute_dtype
        return self._capped(vectors.astype(dtype) @ table.astype(dtype))

    def _capped(self, scores: Any) -> Any:
        cap = self.logit_soft_cap
        return scores if cap is None else jnp.tanh(scores / cap) * cap

    # In few bits: the projection back is a product with integers, as in a Dense.

    def quantized_call(self, inputs: Any, reverse: bool = False) -> Any:
        """What `call` computes, with the tables in few bits."""
        if not reverse:
            return super().quantized_call(inputs)
        x = inputs.astype(self.reverse_dtype or self.compute_dtype)
        if not self.tie_weights:
            return self._capped(product("...a,ab->...b", x, self.reverse_embeddings, self.inputs_quantizer))
        table = self.embeddings
        scores = product("...a,ba->...b", x, integers_of(table), self.inputs_quantizer)
        if isinstance(table, AdaptedIntegers):
            a, b = table.a.value.astype(x.dtype), table.b.value.astype(x.dtype)
            scores = scores + table.scale * (x @ b.T @ a.T)
        return self._capped(scores)

    def _own_quantizer(self, mode: str) -> Any:
        return AbsMaxQuantizer()

    def _packings(self, shape: tuple, mode: str, config: Any) -> dict[str, Packing]:
        packings = super()._packings(shape, mode, config)
        if not self.tie_weights:
            layout = Layout(shape[::-1], (0,), (0, 1), shape[:1], pairs=0)
            packings["reverse_embeddings"] = packings[self._kernel_name]._replace(layout=layout)
        return packings

    @property
    def variable_serialization_spec(self) -> dict:
        """The names of the weights that files hold, in their order, for each mode."""
        more = () if self.tie_weights else ("", "_scale", "_zero")
        extra = {None: more[:1], "int8": more[:2], "int4": more}
        spec = super().variable_serialization_spec
        return {mode: [*names, *(f"reverse_embeddings{end}" for end in extra[mode])] for mode, names in spec.items()}

    def compute_mask(self, inputs: Any, previous_mask: Any = None, reverse: bool = False) -> Any:
        """Where the number isn't 0, if 0 stands for padding; none for vectors."""
        return None if reverse or not jnp.issubdtype(inputs.dtype, jnp.integer) else super().compute_mask(inputs)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        own = {name: getattr(self, name) for name in ("tie_weights", "reverse_dtype", "logit_soft_cap")}
        return {**super().get_config(), **own}
