"""Spectral normalization: a layer around another that holds the largest singular value of its kernel at 1."""

from typing import Any, Unpack

import jax.numpy as jnp
from jax import lax

from plait import initializers
from plait.common.registry import builtin
from plait.errors import ArgumentError
from plait.layers.argument_types import LayerOptions
from plait.layers.input_spec import InputSpec
from plait.layers.wrappers import Wrapper


@builtin("layers")
class SpectralNormalization(Wrapper):
    """Divides the kernel of a layer by its largest singular value, whenever the layer is called in training.

    The singular value is that of the kernel (..., F) seen as a matrix with F columns, by power iteration: `vector_u` is
    kept from call to call, so that one step of it is enough.

    Args:
        layer: a layer with a kernel, or an embedding.
        power_iterations: how many steps of the iteration a call makes.

    Raises:
        ArgumentError: fewer than one step; a layer without a kernel.

    Source: Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018.

    >>> import numpy as np
    >>> from plait.layers.core import Dense
    >>> SpectralNormalization(Dense(2))(np.ones((3, 4)), training=True).shape
    (3, 2)
    """

    _family = "normalization"

    def __init__(self, layer: Any, power_iterations: int = 1, **kwargs: Unpack[LayerOptions]):
        super().__init__(layer, **kwargs)
        if power_iterations < 1:
            raise ArgumentError(
                "SpectralNormalization: `power_iterations` should be greater than zero, but got "
                f"power_iterations={power_iterations}."
            )
        self.power_iterations = power_iterations

    def build(self, input_shape: tuple) -> None:
        super().build(input_shape)
        self.input_spec = InputSpec(shape=(None, *input_shape[1:]))
        names = [name for name in ("kernel", "embeddings") if hasattr(self.layer, name)]
        if not names:
            raise ArgumentError(
                f"SpectralNormalization: {type(self.layer).__name__} object has no attribute 'kernel' nor 'embeddings', so there "
                "is nothing to normalise."
            )
        self.kernel = getattr(self.layer, names[0])
        self.vector_u = self.add_weight(
            name="vector_u",
            shape=(1, self.kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            vector_u, kernel = self.normalized_weights()
            self.vector_u.assign(vector_u)
            self.kernel.assign(kernel)
        return self.layer(inputs)

    def normalized_weights(self) -> tuple[Any, Any]:
        """`vector_u` after the iteration, and the kernel divided by the singular value that it finds."""
        kernel = self.kernel.value
        matrix = jnp.reshape(kernel, (-1, kernel.shape[-1]))
        u = self.vector_u.value
        for _ in range(self.power_iterations):
            v = _unit(u @ matrix.T)
            u = _unit(v @ matrix)
        u, v = lax.stop_gradient(u), lax.stop_gradient(v)
        singular = v @ matrix @ u.T
        return u.astype(self.vector_u.dtype), (kernel / singular[0, 0]).astype(self.kernel.dtype)


def _unit(row: Any) -> Any:
    return row * lax.rsqrt(jnp.maximum(jnp.sum(row * row), 1e-12))
