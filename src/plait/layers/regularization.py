"""Layers that do something only while training: dropouts and noises; and the penalty on activations."""

from typing import Any, Unpack

import jax.numpy as jnp

from plait import random, regularizers
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.errors import ArgumentError
from plait.layers.argument_checks import data_format_name
from plait.layers.argument_types import LayerOptions, OptionsBesidesActivity
from plait.layers.base import Layer
from plait.layers.input_spec import InputSpec


@of_plait
class _Random(Layer):
    """A layer that draws while it trains, and returns its input otherwise."""

    _family = "regularization"

    def __init__(self, seed: int | None = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.seed = seed
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self._draw(inputs) if training and self._draws else inputs

    def _draw(self, inputs: Any) -> Any:
        return inputs

    @property
    def _draws(self) -> bool:
        return True


def _rate(rate: Any, who: str) -> Any:
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        raise ArgumentError(
            f"{who}: Invalid value received for argument `rate`: Expected a float value between 0 and 1, but got {rate!r}."
        )
    return rate


@of_plait
class _Dropout(_Random):
    def __init__(self, rate: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(seed=seed, **kwargs)
        self.rate = _rate(rate, type(self).__name__)
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)

    @property
    def _draws(self) -> bool:
        return self.rate > 0


@builtin("layers")
class Dropout(_Dropout):
    """While training, sets elements to zero at random, and makes up for it with the others.

    Args:
        rate: the share that is set to zero.
        noise_shape: a shape that broadcasts to the input's; what is drawn there holds for all along the axes of size 1.
        seed: for the draws.

    Source: Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting, 2014.
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(rate, seed, **kwargs)
        self.noise_shape = None if noise_shape is None else _noise_shape(noise_shape)

    def _draw(self, inputs: Any) -> Any:
        return random.dropout(inputs, self.rate, noise_shape=self.noise_shape, seed=random.generator_of(self))


def _noise_shape(value: Any) -> tuple:
    sizes: tuple[Any, ...] = tuple(value) if isinstance(value, (list, tuple)) else ("not a shape",)
    integers = all(size is None or isinstance(size, int) for size in sizes)
    if not integers or any(size is not None and size <= 0 for size in sizes):
        if not isinstance(value, (list, tuple)):
            raise ArgumentError(
                f"Dropout: Invalid value received for argument `noise_shape`: Expected a tuple or list of integers or None, but got {value!r}."
            )
        wanted = "dimensions to be positive integers or None" if integers else "elements to be integers or None"
        raise ArgumentError(
            f"Dropout: Invalid value received for argument `noise_shape`: Expected all {wanted}, but got {value!r}."
        )
    return sizes


@of_plait
class _SpatialDropout(_Dropout):
    rank = 1

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(rate, seed, name=name, dtype=dtype, **kwargs)
        self.data_format = data_format_name(data_format, type(self).__name__)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _draw(self, inputs: Any) -> Any:
        last = self.data_format == "channels_last"
        shape = (inputs.shape[0], *[1] * self.rank, inputs.shape[-1]) if last else (*inputs.shape[:2], *[1] * self.rank)
        return random.dropout(inputs, self.rate, noise_shape=shape, seed=random.generator_of(self))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        own = ("rate", "seed") if self.rank == 1 else ("rate", "seed", "data_format")
        config = {**super().get_config(), **{name: getattr(self, name) for name in own}}
        del config["trainable"]  # Keras's constructors don't take it
        return config


@builtin("layers")
class SpatialDropout1D(_SpatialDropout):
    """While training, drops whole channels of series.

    Args:
        rate: the share of channels.
        seed: for the draws.
    """

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(rate, "channels_last", seed, name, dtype, **kwargs)


@builtin("layers")
class SpatialDropout2D(_SpatialDropout):
    """While training, drops whole channels of images.

    Args:
        rate: the share of channels.
        data_format: where the channels are.
        seed: for the draws.
    """

    rank = 2


@builtin("layers")
class SpatialDropout3D(_SpatialDropout):
    """While training, drops whole channels of volumes.

    Args:
        rate: the share of channels.
        data_format: where the channels are.
        seed: for the draws.
    """

    rank = 3


@builtin("layers")
class GaussianNoise(_Random):
    """While training, adds normal noise.

    Args:
        stddev: its standard deviation.
        seed: for the draws.
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(seed=seed, **kwargs)
        if not 0 <= stddev <= 1:
            raise ArgumentError(f"GaussianNoise: `stddev` must be a number from 0 to 1, but got {stddev!r}.")
        self.stddev = stddev
        if stddev > 0:
            self.seed_generator = random.SeedGenerator(seed)

    @property
    def _draws(self) -> bool:
        return self.stddev > 0

    def _draw(self, inputs: Any) -> Any:
        noise = random.normal(inputs.shape, 0.0, self.stddev, dtype=self.compute_dtype, seed=random.generator_of(self))
        return inputs + noise


@builtin("layers")
class GaussianDropout(_Dropout):
    """While training, multiplies by normal noise around 1, of the same spread as a dropout of that rate.

    Args:
        rate: the rate.
        seed: for the draws.
    """

    def _draw(self, inputs: Any) -> Any:
        spread = (self.rate / (1.0 - self.rate)) ** 0.5
        return inputs * random.normal(
            inputs.shape, 1.0, spread, dtype=self.compute_dtype, seed=random.generator_of(self)
        )


@builtin("layers")
class AlphaDropout(_Dropout):
    """A dropout for SELU networks: while training, sets elements to SELU's lowest value, and keeps mean and variance.

    Args:
        rate: the share.
        noise_shape: a shape that broadcasts to the input's.
        seed: for the draws.

    Source: Klambauer et al., Self-Normalizing Neural Networks, 2017.
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(rate, seed, **kwargs)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def _draw(self, inputs: Any) -> Any:
        lowest = -1.7580993408473766
        given = inputs.shape if self.noise_shape is None else self.noise_shape
        shape = tuple(own if size is None else size for size, own in zip(given, inputs.shape, strict=True))
        kept = random.uniform(shape, seed=random.generator_of(self)) > self.rate
        kept = kept.astype(self.compute_dtype)
        scale = ((1 - self.rate) * (1 + self.rate * lowest**2)) ** -0.5
        return scale * (inputs * kept + lowest * (1 - kept)) - scale * lowest * self.rate


@builtin("layers")
class ActivityRegularization(Layer):
    """Gives its input back, and adds a penalty on it to the loss.

    Args:
        l1: the factor of the sum of absolute values.
        l2: the factor of the sum of squares.
    """

    _family = "regularization"

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Unpack[OptionsBesidesActivity]):
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1, self.l2 = l1, l2
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return jnp.asarray(inputs)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return {**config, "l1": self.l1, "l2": self.l2}
