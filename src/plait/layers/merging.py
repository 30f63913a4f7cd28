"""Merging: several tensors become one."""

from collections.abc import Callable
from functools import reduce
from typing import Any, Unpack

import jax.numpy as jnp

from plait import ops
from plait.common.messages import describe
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.core.mask import get_mask
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, ShapeError
from plait.layers.argument_types import LayerOptions
from plait.layers.base import Layer


@of_plait
class _Merge(Layer):
    """Combines a list of tensors element by element, with broadcasting; one with fewer axes gets them behind the batch axis."""

    _takes_structures = True

    _family = "merging"

    _combine: Any = None

    def __init__(self, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        check_several(self, input_shape, 1)

    def call(self, inputs: Any) -> Any:
        rank, masks = max(x.ndim for x in inputs), [get_mask(x) for x in inputs]
        tensors = [_with_rank(x, rank) for x in inputs]
        return self._merge(tensors) if all(mask is None for mask in masks) else self._merge_masked(tensors, masks)

    def _merge(self, tensors: list) -> Any:
        return reduce(self._combine, tensors)

    def _merge_masked(self, tensors: list, masks: list) -> Any:
        """The result where some tensors have masks; what doesn't count is as good as anything else in a sum."""
        return self._merge(tensors)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """What counts in any of the inputs; None where one has no mask."""
        if previous_mask is None:
            return None
        masks = _list_of_masks(self, inputs, previous_mask)
        if any(mask is None for mask in masks):
            return None
        return reduce(ops.logical_or, masks)


def _list_of_masks(layer: Layer, inputs: Any, masks: Any) -> Any:
    """The masks, if they are a list with one for each input.

    Raises:
        ShapeError: they aren't.
    """
    who = f"{type(layer).__name__} {layer.name!r}"
    if not isinstance(masks, (list, tuple)):
        raise ShapeError(f"{who}: `mask` should be a list, but got mask={describe(masks)}.")
    if not isinstance(inputs, (list, tuple)):
        raise ShapeError(f"{who}: `inputs` should be a list, but got inputs={describe(inputs)}.")
    if len(masks) != len(inputs):
        raise ShapeError(
            f"{who}: The lists `inputs` and `mask` should have the same length, but got {len(inputs)} inputs and "
            f"{len(masks)} masks."
        )
    return masks


def check_several(layer: Layer, shapes: Any, least: int) -> None:
    """Refuses what isn't a list of shapes.

    Raises:
        ShapeError: one tensor, or too few.
    """
    one = not isinstance(shapes, (list, tuple)) or not all(isinstance(shape, (list, tuple)) for shape in shapes)
    if one or len(shapes) < least:
        raise ShapeError(
            f"{type(layer).__name__} {layer.name!r}: it takes a list of {'two' if least == 2 else 'one'} or more tensors, but got the "
            f"shape {shapes}. Put the tensors into a list."
        )


def _as_wide(mask: Any, x: Any) -> Any:
    return None if mask is None else jnp.broadcast_to(mask[..., None], x.shape)


def _with_rank(x: Any, rank: int) -> Any:
    return jnp.reshape(x, (x.shape[0], *[1] * (rank - x.ndim), *x.shape[1:])) if 0 < x.ndim < rank else x


@builtin("layers")
class Add(_Merge):
    """The sum.

    >>> import numpy as np
    >>> Add()([np.ones((1, 2)), np.ones((1, 2))]).tolist()
    [[2.0, 2.0]]
    """

    _combine = staticmethod(jnp.add)


@builtin("layers")
class Subtract(_Merge):
    """The first less the second, of two tensors."""

    _combine = staticmethod(jnp.subtract)

    def build(self, input_shape: Any) -> None:
        check_several(self, input_shape, 1)
        if len(input_shape) != 2:
            raise ShapeError(
                f"Subtract {self.name!r}: this layer should be called on exactly 2 inputs, but got the shapes {input_shape}."
            )


@builtin("layers")
class Multiply(_Merge):
    """The product. What is masked in one input counts as 1 there; what is masked in all of them is 0."""

    _combine = staticmethod(jnp.multiply)

    def _merge_masked(self, tensors: list, masks: list) -> Any:
        counts = [_as_wide(mask, x) for mask, x in zip(masks, tensors, strict=True)]
        product = self._merge([x if m is None else jnp.where(m, x, 1) for x, m in zip(tensors, counts, strict=True)])
        return product if None in masks else jnp.where(reduce(jnp.logical_or, counts), product, 0)


@builtin("layers")
class Average(_Merge):
    """The mean."""

    _combine = staticmethod(jnp.add)

    def _merge(self, tensors: list) -> Any:
        return super()._merge(tensors) / len(tensors)


@of_plait
class _Extreme(_Merge):
    """The largest or smallest, of those inputs that count at a place."""

    def _merge_masked(self, tensors: list, masks: list) -> Any:
        result, seen = tensors[0], _as_wide(masks[0], tensors[0])
        for x, mask in zip(tensors[1:], masks[1:], strict=True):
            counts = _as_wide(mask, x)
            x = x if counts is None else jnp.where(counts, x, result)
            result = result if seen is None else jnp.where(seen, result, x)
            seen = None if seen is None or counts is None else seen | counts
            result = self._combine(result, x)
        return result


@builtin("layers")
class Maximum(_Extreme):
    """The largest, of the inputs that aren't masked at a place."""

    _combine = staticmethod(jnp.maximum)


@builtin("layers")
class Minimum(_Extreme):
    """The smallest, of the inputs that aren't masked at a place."""

    _combine = staticmethod(jnp.minimum)


@builtin("layers")
class Concatenate(Layer):
    """Puts tensors one after the other along an axis.

    Args:
        axis: the axis.

    Raises:
        ShapeError: tensors that differ in another axis.

    >>> import numpy as np
    >>> Concatenate()([np.ones((1, 2)), np.ones((1, 3))]).shape
    (1, 5)
    """

    _takes_structures = True

    _family = "merging"

    def __init__(self, axis: int = -1, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        check_several(self, input_shape, 1)
        ranks = {len(shape) for shape in input_shape}
        others = [[size for i, size in enumerate(shape) if i != self.axis % len(shape)] for shape in input_shape]
        fits = len(ranks) == 1 and all(
            len({s for s in sizes if s is not None}) <= 1 for sizes in zip(*others, strict=True)
        )
        if not fits:
            raise ShapeError(
                f"Concatenate {self.name!r}: A `Concatenate` layer requires inputs with matching shapes except for the "
                f"concatenation axis {self.axis}, but got input_shape={input_shape}."
            )

    def call(self, inputs: Any) -> Any:
        return jnp.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The masks one after the other; those that lack one count whole."""
        if previous_mask is None:
            return None
        given = _list_of_masks(self, inputs, previous_mask)
        if all(mask is None for mask in given):
            return None
        masks = []
        for x, mask in zip(inputs, given, strict=True):
            if mask is None:
                masks.append(ops.cast(ops.ones_like(x), "bool"))
                continue
            if not isinstance(mask, KerasTensor) and tuple(mask.shape[1:]) == tuple(x.shape[1:]):
                masks.append(ops.cast(mask, "bool"))
                continue
            while len(mask.shape) < len(x.shape):
                mask = ops.expand_dims(mask, axis=-1)
            masks.append(ops.logical_or(ops.zeros_like(ops.cast(x, "bool")), mask))
        return ops.any(ops.concatenate(masks, axis=self.axis), axis=-1, keepdims=False)


@builtin("layers")
class Dot(Layer):
    """The products of two tensors along an axis of each.

    Args:
        axes: the axis of both, or one of each; the batch axis doesn't count as one.
        normalize: whether they are brought to length one first, so that the product is the cosine.

    Shapes: (B, ..., n, ...) twice gives (B, what is left of the first, what is left of the second).
    """

    _takes_structures = True

    _family = "merging"

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        if not isinstance(axes, int):
            if not isinstance(axes, (list, tuple)) or len(axes) != 2 or not all(isinstance(a, int) for a in axes):
                raise ArgumentError(f"Dot: `axes` must be a number or two of them, but got {describe(axes)}.")
        self.axes, self.normalize = axes, normalize
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        check_several(self, input_shape, 2)
        if len(input_shape) != 2:
            raise ShapeError(f"Dot {self.name!r}: it takes a list of two inputs, but got the shapes {input_shape}.")
        first, second = input_shape
        a, b = self._axes(len(first), len(second))
        if first[a] != second[b] and None not in (first[a], second[b]):
            raise ShapeError(
                f"Dot {self.name!r}: Incompatible input shapes: axis values {first[a]} (at axis {a}) != {second[b]} (at axis {b}). "
                f"Full input shapes: {first}, {second}"
            )

    def _axes(self, first: int, second: int) -> tuple[int, int]:
        a, b = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        return a % first, b % second

    def call(self, inputs: Any) -> Any:
        x, y = inputs
        a, b = self._axes(x.ndim, y.ndim)
        if self.normalize:
            x, y = ops.normalize(x, axis=a), ops.normalize(y, axis=b)
        return batch_dot(x, y, a, b)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None."""
        return None


def batch_dot(x: Any, y: Any, x_axis: int, y_axis: int) -> Any:
    """The products of two tensors along an axis of each, sample by sample; at least (B, 1)."""
    x, y = jnp.moveaxis(x, x_axis, -1), jnp.moveaxis(y, y_axis, 1)
    left, right = x.shape[1:-1], y.shape[2:]
    x = jnp.reshape(x, (x.shape[0], -1, x.shape[-1]))
    y = jnp.reshape(y, (y.shape[0], y.shape[1], -1))
    out = jnp.reshape(x @ y, (x.shape[0], *left, *right))
    return jnp.expand_dims(out, -1) if out.ndim == 1 else out


def _function(layer: Callable) -> Callable:
    def merge(inputs: Any, **kwargs: Any) -> Any:
        return layer(**kwargs)(inputs)

    merge.__name__ = merge.__qualname__ = layer.__name__.lower()
    merge.__doc__ = f"Calls a new `{layer.__name__}` on a list of tensors."
    return merge


add = _function(Add)
subtract = _function(Subtract)
multiply = _function(Multiply)
average = _function(Average)
maximum = _function(Maximum)
minimum = _function(Minimum)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Calls a new `Concatenate` on a list of tensors."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Calls a new `Dot` on two tensors."""
    return Dot(axes=axes, **kwargs)(inputs)
