"""Activations that are layers because they have options or weights."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from plait import activations, constraints, initializers, regularizers
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.errors import ArgumentError, ShapeError
from plait.layers.argument_types import LayerOptions
from plait.layers.base import Layer
from plait.layers.input_spec import InputSpec


@of_plait
class _Elementwise(Layer):
    _family = "activation"

    def __init__(self, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.supports_masking = True


@builtin("layers")
class ReLU(_Elementwise):
    """max(x, 0), with options.

    Args:
        max_value: the largest value that comes out.
        negative_slope: the slope left of the threshold.
        threshold: where it begins.
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(**kwargs)
        for name, value in (("max_value", max_value), ("negative_slope", negative_slope), ("threshold", threshold)):
            if (value is None and name != "max_value") or (value is not None and value < 0):
                raise ArgumentError(
                    f"ReLU: {name} of a ReLU layer cannot be {'' if name == 'max_value' else 'None or '}a negative value, but got {value!r}."
                )
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def call(self, inputs: Any) -> Any:
        options = {"negative_slope": self.negative_slope, "max_value": self.max_value, "threshold": self.threshold}
        return activations.relu(inputs, **options)


@builtin("layers")
class LeakyReLU(_Elementwise):
    """x where it is positive, and a fraction of it elsewhere.

    Args:
        negative_slope: the fraction.
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ArgumentError(
                f"The negative_slope value of a Leaky ReLU layer cannot be None or a negative value, but got {negative_slope!r}."
            )
        self.negative_slope = negative_slope

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)


@builtin("layers")
class ELU(_Elementwise):
    """x where it is positive, alpha · (exp(x) - 1) elsewhere.

    Args:
        alpha: how far below zero it goes.
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, alpha=self.alpha)


@builtin("layers")
class PReLU(_Elementwise):
    """x where it is positive, and a learnt fraction of it elsewhere.

    Args:
        alpha_initializer: for the fractions.
        alpha_regularizer: a penalty on them.
        alpha_constraint: what they are mapped to after an update.
        shared_axes: axes along which the fractions are the same.
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = (
            shared_axes
            if shared_axes is None or isinstance(shared_axes, list)
            else (list(shared_axes) if isinstance(shared_axes, tuple) else [shared_axes])
        )

    def build(self, input_shape: tuple) -> None:
        shape = [1 if axis in (self.shared_axes or []) else size for axis, size in enumerate(input_shape)][1:]
        self.alpha = self.add_weight(
            name="alpha",
            shape=shape,
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        axes = {axis: size for axis, size in enumerate(input_shape) if axis and axis not in (self.shared_axes or [])}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs: Any) -> Any:
        return jax.nn.relu(inputs) - self.alpha.value * jax.nn.relu(-inputs)


@builtin("layers")
class Softmax(_Elementwise):
    """Shares that sum to one along an axis.

    Args:
        axis: the axis, or several.
    """

    def __init__(self, axis: Any = -1, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any, mask: Any = None) -> Any:
        axis = tuple(self.axis) if isinstance(self.axis, (list, tuple)) else self.axis
        if mask is None:
            return jax.nn.softmax(inputs, axis=axis)
        _check_mask(mask, inputs)
        mask = mask.astype(bool)
        shares = jax.nn.softmax(jnp.where(mask, inputs, jnp.asarray(-jnp.inf, inputs.dtype)), axis=axis, where=mask)
        return jnp.where(jnp.any(mask, axis, keepdims=True), shares, jnp.zeros_like(shares))


def _check_mask(mask: Any, inputs: Any) -> None:
    if mask.ndim > inputs.ndim:
        raise ShapeError(
            f"Softmax: the mask must not have more dimensions than the inputs: it has shape {mask.shape}, they {inputs.shape}."
        )
    pairs = zip(mask.shape[::-1], inputs.shape[::-1], strict=False)
    if any(own not in (1, size) for own, size in pairs):
        raise ShapeError(f"Softmax: the mask {mask.shape} must be broadcastable to the inputs {inputs.shape}.")
