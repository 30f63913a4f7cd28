"""Preprocessing of numbers: another scale, learnt from data or given."""

from collections.abc import Iterable
from typing import Any, Unpack

import jax.numpy as jnp
import numpy as np

from plait._long_work import LongWork
from plait.common.messages import describe
from plait.common.registry import builtin
from plait.common.settings import settings
from plait.errors import ArgumentError, ShapeError, StateError
from plait.layers.argument_types import LayerOptions
from plait.layers.base import Layer


@builtin("layers")
class Rescaling(Layer):
    """`x * scale + offset`.

    Args:
        scale: the factor, or one for each channel.
        offset: what is added.

    >>> import numpy as np
    >>> Rescaling(1 / 2)(np.array([[51.0]])).tolist()
    [[25.5]]
    """

    _family = "preprocessing"

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        dtype = self.compute_dtype
        scale = jnp.asarray(self.scale, dtype)
        if scale.ndim and settings().image_data_format == "channels_first":
            scale = scale.reshape(scale.shape + (1,) * (3 - scale.ndim))
        return inputs.astype(dtype) * scale + jnp.asarray(self.offset, dtype)


@builtin("layers")
class Normalization(Layer):
    """`(x - mean) / sqrt(variance)`, with a mean and a variance that `adapt` learns from data, or that are given.

    Args:
        axis: the axes that have a mean and a variance for each place; None has one for all.
        mean: the mean, if it is known.
        variance: the variance, if it is known.
        invert: whether to do the opposite.

    Raises:
        StateError: called before `adapt`, and without a mean.

    >>> import numpy as np
    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0], [2.0]]))
    >>> layer(np.array([[3.0]])).tolist()
    [[2.0]]
    """

    _family = "preprocessing"

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ArgumentError(
                f"Normalization: When setting values directly, both `mean` and `variance` must be set, but got mean={mean} and "
                f"variance={variance}."
            )
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.invert = invert
        self.input_mean, self.input_variance = mean, variance
        self.supports_masking = True
        self.mean = self.variance = None

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape)
        if any(not -len(shape) <= axis < len(shape) for axis in self.axis):
            raise ShapeError(
                f"Normalization {self.name!r}: All `axis` values must be in the range [{-len(shape)}, {len(shape)}) for inputs of "
                f"the shape {shape}, but got axis={self.axis}."
            )
        self._keep = sorted(axis % len(shape) for axis in self.axis)
        unknown = [axis for axis in self._keep if shape[axis] is None]
        if unknown:
            raise ShapeError(
                f"Normalization {self.name!r}: All `axis` values to be kept must have known sizes. Got axis={self.axis}, "
                f"shape={shape}."
            )
        self._reduced = tuple(axis for axis in range(len(shape)) if axis not in self._keep)
        self._broadcast = tuple(shape[axis] if axis in self._keep else 1 for axis in range(len(shape)))
        kept = tuple(shape[axis] for axis in self._keep)
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(name="mean", shape=kept, initializer="zeros", trainable=False)
            self.adapt_variance = self.add_weight(name="variance", shape=kept, initializer="ones", trainable=False)
            self.count = self.add_weight(name="count", shape=(), initializer="zeros", dtype="int32", trainable=False)
            self.finalize_state()
        else:
            self.mean = np.broadcast_to(np.asarray(self.input_mean, self.compute_dtype), kept).reshape(self._broadcast)
            self.variance = np.broadcast_to(np.asarray(self.input_variance, self.compute_dtype), kept).reshape(
                self._broadcast
            )

    def adapt(self, data: Any) -> None:
        """Learns the mean and the variance of some data: an array, or an iterable of batches."""
        if self.input_mean is not None:
            raise StateError(
                "Normalization: Cannot `adapt` a Normalization layer that is initialized with static `mean` and `variance`."
            )
        batches = [np.asarray(data)] if hasattr(data, "__array__") else map(_inputs_of, data)
        with LongWork(f"Adapting {self.name}") as work:
            total, mean, square = self._moments(work.through(batches))
        if not total:
            raise ArgumentError(
                f"Normalization: there is no data to adapt to, but an empty iterable: {describe(data)}."
            )
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(square / total)
        self.count.assign(total)
        self.finalize_state()

    def _moments(self, batches: Iterable[np.ndarray]) -> tuple[int, Any, Any]:
        """How many numbers there are of each, their mean, and the sum of the squares of their distances from it."""
        total, mean, square = 0, 0.0, 0.0
        for batch in batches:
            batch = batch.astype("float64").reshape((-1, 1)) if batch.ndim == 1 else batch.astype("float64")
            if not self.built:
                self.build((None, *batch.shape[1:]))
            self._check_batch(batch.shape)
            count = int(np.prod([batch.shape[axis] for axis in self._reduced]))
            mean_of_batch, var_of_batch = batch.mean(self._reduced), batch.var(self._reduced)
            whole = total + count
            shift = mean_of_batch - mean
            square = square + var_of_batch * count + shift**2 * total * count / whole
            mean, total = mean + shift * count / whole, whole
        return total, mean, square

    def _check_batch(self, shape: tuple) -> None:
        kept = [shape[axis] if axis < len(shape) else None for axis in self._keep]
        if len(shape) != len(self._broadcast) or kept != [self._broadcast[axis] for axis in self._keep]:
            expected = tuple(size if axis in self._keep else None for axis, size in enumerate(self._broadcast))
            raise ShapeError(
                f"Normalization {self.name!r}: cannot adapt to data of an incompatible shape: the layer is built for {expected}, "
                f"but a batch has the shape {shape}."
            )

    def finalize_state(self) -> None:
        """Takes over what was learnt or loaded."""
        if self.input_mean is None and self.built_variables:
            self.mean = self.adapt_mean.numpy().reshape(self._broadcast)
            self.variance = self.adapt_variance.numpy().reshape(self._broadcast)

    @property
    def built_variables(self) -> bool:
        """Whether the learnt statistics exist."""
        return hasattr(self, "adapt_variance")

    def call(self, inputs: Any) -> Any:
        dtype = self.compute_dtype
        if self.input_mean is None:
            mean = jnp.reshape(self.adapt_mean.value, self._broadcast).astype(dtype)
            variance = jnp.reshape(self.adapt_variance.value, self._broadcast).astype(dtype)
        else:
            mean, variance = jnp.asarray(self.mean, dtype), jnp.asarray(self.variance, dtype)
        deviation = jnp.maximum(jnp.sqrt(variance), jnp.asarray(1e-7, dtype))
        x = inputs.astype(dtype)
        return mean + x * deviation if self.invert else (x - mean) / deviation

    def load_own_variables(self, store: Any) -> None:
        """Reads the statistics."""
        super().load_own_variables(store)
        self.finalize_state()

    def get_config(self) -> dict:
        """The constructor's arguments."""

        def plain(value: Any) -> Any:
            return value if value is None else np.asarray(value).tolist()

        config = super().get_config()
        config.update(
            axis=self.axis, invert=self.invert, mean=plain(self.input_mean), variance=plain(self.input_variance)
        )
        return config


def _inputs_of(batch: Any) -> np.ndarray:
    """The inputs of a batch: all of it, or the first part of `(x, y)` and `(x, y, sample_weight)`."""
    is_parts = isinstance(batch, tuple) and batch and getattr(batch[0], "ndim", 0) > 0
    return np.asarray(batch[0] if is_parts else batch)
