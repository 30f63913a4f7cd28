"""Normalizations: over the batch, over each sample, over groups of channels."""

from typing import Any, Unpack

import jax.numpy as jnp

from plait import constraints, initializers, ops, regularizers
from plait.common.messages import describe
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.errors import ArgumentError, ArgumentTypeError, ShapeError
from plait.layers.argument_checks import positive_integer
from plait.layers.argument_types import LayerOptions
from plait.layers.base import Layer
from plait.layers.input_spec import InputSpec


def _known(size: Any, axis: int, layer: Layer, shape: tuple) -> int:
    if size is None:
        raise ShapeError(
            f"{type(layer).__name__} {layer.name!r}: axis {axis} of the input tensor should have a defined dimension but the layer "
            f"received an input with shape {shape}. Give Input(shape=(...)) a number there."
        )
    return size


def a_number(value: Any, name: str) -> float:
    """A number, or what says one.

    Raises:
        ArgumentError: something else.
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"BatchNormalization: `{name}` must be a number, but got {name}={value!r}.") from None


def _check_clipping(limits: dict) -> None:
    """Refuses limits of renormalization that contradict themselves."""
    unknown = set(limits) - {"rmin", "rmax", "dmax"}
    if unknown:
        raise ArgumentError(
            f"BatchNormalization: `renorm_clipping` takes rmin, rmax and dmax. Received invalid keys: {sorted(unknown)}"
        )
    if limits.get("rmin") is not None and limits.get("rmax") is not None and limits["rmax"] < limits["rmin"]:
        raise ArgumentError(f"BatchNormalization: rmax should be at least rmin in `renorm_clipping`, but got {limits}.")
    if limits.get("dmax") is not None and limits["dmax"] < 0:
        raise ArgumentError(f"BatchNormalization: dmax should be non-negative in `renorm_clipping`, but got {limits}.")


def _axes(
    axis: Any, who: str, text: str = "Expected an int or a list/tuple of ints for the argument 'axis'"
) -> int | list[int]:
    """An axis, or a list of them.

    Raises:
        ArgumentTypeError: something else.
    """
    if isinstance(axis, int):
        return axis
    if isinstance(axis, (list, tuple)) and all(isinstance(one, int) for one in axis):
        return list(axis)
    raise ArgumentTypeError(f"{who}: {text}, but got {describe(axis)}.")


def _in_order(axis: int | list[int], rank: int) -> int | list[int]:
    """Axes from the first to the last, as the axes of the weights stand."""
    return axis if isinstance(axis, int) else sorted(axis, key=lambda one: one % rank)


@of_plait
class _Scaled(Layer):
    """A normalization with a learnt scale, gamma, and a learnt offset, beta."""

    _family = "normalization"

    def _take_scale(
        self, center: bool, scale: bool, beta_initializer: Any, gamma_initializer: Any, beta_regularizer: Any,
        gamma_regularizer: Any, beta_constraint: Any, gamma_constraint: Any,
    ) -> None:  # fmt: skip
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True

    def _add_scale(self, shape: tuple) -> None:
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                name="gamma",
                shape=shape,
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                autocast=False,
            )
        if self.center:
            self.beta = self.add_weight(
                name="beta",
                shape=shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                autocast=False,
            )

    @property
    def _gamma_and_beta(self) -> tuple[Any, Any]:
        gamma = None if self.gamma is None else self.gamma.value
        return gamma, None if self.beta is None else self.beta.value


@builtin("layers")
class BatchNormalization(_Scaled):
    """Makes each channel's mean 0 and variance 1: over the batch while training, by moving statistics otherwise.

    Training: y = gamma · (x - mean(x)) / sqrt(var(x) + epsilon) + beta, and the moving statistics go on by
    `moving · momentum + batch · (1 - momentum)`. A frozen layer (`trainable=False`) always uses the moving statistics, and
    leaves them alone.

    Args:
        axis: the axis of the channels.
        momentum: how much of the moving statistics stays.
        epsilon: a small number that keeps the division finite.
        center: whether beta is added.
        scale: whether gamma is multiplied by.
        beta_initializer: for beta.
        gamma_initializer: for gamma.
        moving_mean_initializer: for the moving mean.
        moving_variance_initializer: for the moving variance.
        renorm: whether training corrects the batch's statistics towards the moving ones.
        renorm_clipping: limits of the correction: "rmin", "rmax", "dmax".
        renorm_momentum: how much of the statistics for the correction stays.
        synchronized: has no effect: over several devices the batch is whole for XLA anyway.

    Source: Ioffe and Szegedy, Batch Normalization, 2015.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(**kwargs)
        self.axis = int(a_number(axis[0] if isinstance(axis, (list, tuple)) and axis else axis, "axis"))
        self.momentum, self.epsilon = a_number(momentum, "momentum"), a_number(epsilon, "epsilon")
        self.synchronized = synchronized
        if renorm and renorm_clipping:
            _check_clipping(renorm_clipping)
        self.renorm, self.renorm_clipping, self.renorm_momentum = renorm, renorm_clipping, renorm_momentum
        self._take_scale(
            center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
            beta_constraint, gamma_constraint,
        )  # fmt: skip
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def build(self, input_shape: tuple) -> None:
        shape = (_known(input_shape[self.axis], self.axis, self, input_shape),)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})
        self._add_scale(shape)
        self.moving_mean = self._statistic("moving_mean", shape, self.moving_mean_initializer)
        self.moving_variance = self._statistic("moving_variance", shape, self.moving_variance_initializer)
        if self.renorm:
            first = jnp.sqrt(self.moving_variance.value)
            self.moving_stddev = self._statistic("moving_stddev", shape, lambda *_, **__: first)
            self.renorm_mean = self._statistic("renorm_mean", shape, "zeros")
            self.renorm_stddev = self._statistic("renorm_stddev", shape, lambda *_, **__: first)
        self._reduced = tuple(a for a in range(len(input_shape)) if a != self.axis % len(input_shape))

    def _statistic(self, name: str, shape: tuple, initializer: Any) -> Any:
        return self.add_weight(name=name, shape=shape, initializer=initializer, trainable=False, autocast=False)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        x = inputs.astype("float32") if inputs.dtype in ("float16", "bfloat16") else inputs
        gamma, beta = self._gamma_and_beta
        if training and self.trainable:
            mean, variance = self._moments(x, mask)
            self.moving_mean.assign(self._moved(self.moving_mean.value, mean))
            if self.renorm:
                gamma, beta = self._corrected(mean, variance, gamma, beta)
            else:
                self.moving_variance.assign(self._moved(self.moving_variance.value, variance))
        else:
            mean, variance = self.moving_mean.value, self.moving_variance.value
        out = ops.batch_normalization(
            x, mean.astype(x.dtype), variance.astype(x.dtype), self.axis, offset=beta, scale=gamma, epsilon=self.epsilon
        )
        return out.astype(self.compute_dtype)

    def _moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        if mask is None:
            return ops.moments(x, axes=self._reduced)
        weights = mask.astype(x.dtype)
        weights = jnp.reshape(weights, (*weights.shape, *[1] * (x.ndim - weights.ndim)))
        weights = jnp.broadcast_to(weights, (*x.shape[: mask.ndim], *[1] * (x.ndim - mask.ndim)))
        count = jnp.sum(jnp.broadcast_to(weights, x.shape), self._reduced, keepdims=True)
        mean = jnp.sum(x * weights, self._reduced, keepdims=True) / (count + 1e-7)
        variance = jnp.sum(weights * (x - mean) ** 2, self._reduced, keepdims=True) / (count + 1e-7)
        return jnp.squeeze(mean, self._reduced), jnp.squeeze(variance, self._reduced)

    def _moved(self, moving: Any, value: Any) -> Any:
        return moving * self.momentum + value.astype(moving.dtype) * (1.0 - self.momentum)

    def _corrected(self, mean: Any, variance: Any, gamma: Any, beta: Any) -> tuple[Any, Any]:
        """Gamma and beta with the correction of batch renormalization in them (Ioffe, Batch Renormalization, 2017)."""
        stddev = jnp.sqrt(variance + self.epsilon)
        limits = self.renorm_clipping or {}
        r = stddev / self.renorm_stddev.value
        d = (mean - self.renorm_mean.value) / self.renorm_stddev.value
        if limits.get("rmin") is not None:
            r = jnp.maximum(r, limits["rmin"])
        if limits.get("rmax") is not None:
            r = jnp.minimum(r, limits["rmax"])
        if limits.get("dmax") is not None:
            d = jnp.clip(d, -limits["dmax"], limits["dmax"])
        keep = self.renorm_momentum
        self.renorm_mean.assign(self.renorm_mean.value * keep + mean * (1 - keep))
        self.renorm_stddev.assign(self.renorm_stddev.value * keep + stddev * (1 - keep))
        self.moving_stddev.assign(self._moved(self.moving_stddev.value, stddev))
        self.moving_variance.assign(jnp.maximum(self.moving_stddev.value**2 - self.epsilon, 0))
        scale = r if gamma is None else gamma * r
        offset = d if gamma is None else gamma * d
        return scale, offset if beta is None else beta + offset


@builtin("layers")
class LayerNormalization(_Scaled):
    """Makes the mean of each sample 0 and its variance 1, over some axes.

    Args:
        axis: the axis, or several.
        epsilon: a small number that keeps the division finite.
        center: whether beta is added.
        scale: whether gamma is multiplied by.
        beta_initializer: for beta.
        gamma_initializer: for gamma.
        rms_scaling: out of use: x · gamma / sqrt(variance + epsilon), without beta, which is no RMS normalization.

    Source: Ba et al., Layer Normalization, 2016.
    """

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        *,
        rms_scaling: bool = False,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(**kwargs)
        self.axis = _axes(axis, "LayerNormalization")
        self.epsilon, self.rms_scaling = epsilon, rms_scaling
        self._take_scale(
            center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
            beta_constraint, gamma_constraint,
        )  # fmt: skip

    def build(self, input_shape: tuple) -> None:
        self.axis = _in_order(self.axis, len(input_shape))
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        if self.rms_scaling:
            self.scale, self.center = True, False
        self._add_scale(tuple(_known(input_shape[axis], axis, self, input_shape) for axis in axes))

    def call(self, inputs: Any) -> Any:
        gamma, beta = self._gamma_and_beta
        out = ops.layer_normalization(
            inputs, gamma, beta, axis=self.axis, epsilon=self.epsilon, rms_scaling=self.rms_scaling
        )
        return out.astype(self.compute_dtype)


@builtin("layers")
class RMSNormalization(Layer):
    """Divides each sample by the root of its mean square, over some axes, and multiplies by a learnt scale.

    Args:
        axis: the axis, or several.
        epsilon: a small number that keeps the division finite.

    Source: Zhang and Sennrich, Root Mean Square Layer Normalization, 2019.
    """

    _family = "normalization"

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.axis = _axes(axis, "RMSNormalization")
        self.epsilon = epsilon
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        self.axis = _in_order(self.axis, len(input_shape))
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        shape = tuple(_known(input_shape[axis], axis, self, input_shape) for axis in axes)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones", autocast=False)

    def call(self, inputs: Any) -> Any:
        axis = self.axis if isinstance(self.axis, int) else tuple(self.axis)
        out = ops.rms_normalization(inputs, self.scale.value, axis=axis, epsilon=self.epsilon)
        return out.astype(self.compute_dtype)


@builtin("layers")
class UnitNormalization(Layer):
    """Divides each sample by its length, along some axes.

    Args:
        axis: the axis, or several.
    """

    _family = "normalization"

    def __init__(self, axis: Any = -1, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.axis = _axes(
            axis,
            "UnitNormalization",
            "Invalid value for `axis` argument: expected an int or a list/tuple of ints",
        )
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        axis = self.axis if isinstance(self.axis, int) else tuple(self.axis)
        return ops.normalize(inputs, axis=axis, order=2, epsilon=1e-12)


@builtin("layers")
class GroupNormalization(_Scaled):
    """Divides the channels into groups, and makes each group's mean 0 and variance 1 in each sample.

    Args:
        groups: how many groups; -1 makes each channel one.
        axis: the axis of the channels.
        epsilon: a small number that keeps the division finite.
        center: whether beta is added.
        scale: whether gamma is multiplied by.

    Source: Wu and He, Group Normalization, 2018.
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(**kwargs)
        if groups != -1:
            positive_integer(groups, "GroupNormalization", "groups")
        self.autocast = False  # the computation is in float32 at least: half floats would overflow on the way in
        self.groups, self.axis, self.epsilon = groups, axis, epsilon
        self._take_scale(
            center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
            beta_constraint, gamma_constraint,
        )  # fmt: skip

    def build(self, input_shape: tuple) -> None:
        channels = _known(input_shape[self.axis], self.axis, self, input_shape)
        if self.groups == -1:
            self.groups = channels
        if channels < self.groups:
            raise ShapeError(
                f"GroupNormalization {self.name!r}: the number of groups ({self.groups}) cannot be more than the number of channels "
                f"({channels})."
            )
        if channels % self.groups:
            raise ShapeError(
                f"GroupNormalization {self.name!r}: the number of channels must be a multiple of groups={self.groups}, but the "
                f"input has {channels} channels."
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self._add_scale((channels,))

    def call(self, inputs: Any) -> Any:
        x = jnp.moveaxis(inputs, self.axis, -1).astype("float32" if inputs.dtype != "float64" else "float64")
        grouped = jnp.reshape(x, (x.shape[0], -1, self.groups, x.shape[-1] // self.groups))
        mean, variance = ops.moments(grouped, axes=(1, 3), keepdims=True)
        x = jnp.reshape((grouped - mean) / jnp.sqrt(variance + self.epsilon), x.shape)
        gamma, beta = self._gamma_and_beta
        x = x if gamma is None else x * gamma
        x = x if beta is None else x + beta
        return jnp.moveaxis(x, -1, self.axis).astype(self.compute_dtype)
