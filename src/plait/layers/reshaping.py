"""Layers that move elements around: flatten, reshape, permute, repeat, crop, pad, enlarge."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from plait.common.numbers import is_whole
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.errors import ArgumentError, ArgumentTypeError, ShapeError
from plait.layers.argument_checks import data_format_name, numbers, positive_integer
from plait.layers.argument_types import LayerOptions
from plait.layers.base import Layer
from plait.layers.input_spec import InputSpec


def _times(value: Any, who: str, name: str) -> int:
    """How often a layer repeats, checked.

    Raises:
        ArgumentError: no whole number from 1 up.
    """
    if not is_whole(value):
        raise ArgumentTypeError(f"{who}: Expected an integer value for `{name}`, but got {value!r}.")
    return positive_integer(value, who, name, "the argument `{name}` should be a positive integer, but got {value!r}.")


@builtin("layers")
class Flatten(Layer):
    """Makes one axis of all but the batch axis.

    Args:
        data_format: where the channels are; they come last in the result.

    >>> import numpy as np
    >>> Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    _family = "reshaping"

    def __init__(self, data_format: str | None = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.data_format = data_format_name(data_format, "Flatten")
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        if inputs.ndim < 2:
            return jnp.expand_dims(inputs, -1)
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = jnp.moveaxis(inputs, 1, -1)
        return jnp.reshape(inputs, (inputs.shape[0], -1))


@builtin("layers")
class Reshape(Layer):
    """The same elements in another shape; the batch axis stays.

    Args:
        target_shape: the shape of one sample; one size may be -1.

    Raises:
        ShapeError: another number of elements.

    >>> import numpy as np
    >>> Reshape((2, -1))(np.ones((5, 6))).shape
    (5, 2, 3)
    """

    _family = "reshaping"

    def __init__(self, target_shape: Any, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        target = (target_shape,) if isinstance(target_shape, int) else tuple(target_shape)
        if sum(size in (-1, None) for size in target) > 1:
            raise ArgumentError(
                "Reshape: there can be at most one unknown dimension (-1) in `target_shape`, "
                f"but got target_shape={target_shape}."
            )
        if any(size is not None and size < -1 for size in target):
            raise ArgumentError(
                f"Reshape: each size must be a non-negative integer, or -1 once, but got target_shape={target_shape}."
            )
        self.target_shape = target

    def build(self, input_shape: tuple) -> None:
        sizes, target = input_shape[1:], self.target_shape
        if None in sizes or -1 in target or None in target:
            return
        have, want = 1, 1
        for size in sizes:
            have *= size
        for size in target:
            want *= size
        if have != want:
            raise ShapeError(
                f"Reshape {self.name!r}: The total size of the tensor must be unchanged, but got input_shape={sizes}, "
                f"target_shape={target}, which have {have} and {want} elements."
            )

    def call(self, inputs: Any) -> Any:
        return jnp.reshape(inputs, (inputs.shape[0], *(-1 if size is None else size for size in self.target_shape)))


@builtin("layers")
class Permute(Layer):
    """Reorders the axes of a sample.

    Args:
        dims: the axes in their new order, counted from 1.

    >>> import numpy as np
    >>> Permute((2, 1))(np.ones((5, 2, 3))).shape
    (5, 3, 2)
    """

    _family = "reshaping"

    def __init__(self, dims: Any, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ArgumentError(
                f"Permute: Invalid permutation argument `dims`, which must hold each number from 1 to the number of axes "
                f"once, without the batch axis, but got {dims}."
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return jnp.transpose(inputs, (0, *self.dims))


@builtin("layers")
class RepeatVector(Layer):
    """Repeats each row along a new axis.

    Args:
        n: how often.

    Shapes: (B, D) becomes (B, n, D).
    """

    _family = "reshaping"

    def __init__(self, n: int, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.n = _times(n, "RepeatVector", "n")
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        return jnp.repeat(jnp.expand_dims(inputs, 1), self.n, axis=1)


def _margins(value: Any, rank: int, who: str, name: str) -> tuple[tuple[int, int], ...]:
    """Two numbers, before and after, for each of some axes: from one for all, one an axis, or both."""
    if isinstance(value, int):
        return (_pair(value, who, name),) * rank
    values = tuple(value) if isinstance(value, (list, tuple)) else ()
    if rank == 1 and len(values) == 2 and all(isinstance(item, int) for item in values):
        return (_pair(values, who, name),)
    if len(values) != rank or rank == 1:
        raise ArgumentError(
            f"{who}: `{name}` should have {'two elements' if rank < 3 else '3 elements'}, "
            f"{'before and after' if rank == 1 else 'one for each of its axes'}, but got {name}={value!r}."
        )
    return tuple(_pair(item, who, name) for item in values)


def _pair(value: Any, who: str, name: str) -> tuple[int, int]:
    return numbers(value, 2, who, name, least=0)  # type: ignore[return-value]


@of_plait
class _Margins(Layer):
    """Takes away from, or adds to, the ends of the spatial axes."""

    _family = "reshaping"

    rank = 2
    data_format = "channels_last"

    def _spatial(self) -> range:
        first = 1 if self.data_format == "channels_last" else 2
        return range(first, first + self.rank)


@of_plait
class _Cropping(_Margins):
    may_leave_nothing = False

    def _take(self, cropping: Any, data_format: str | None) -> None:
        self.data_format = data_format_name(data_format, type(self).__name__)
        self._margins = _margins(cropping, self.rank, type(self).__name__, "cropping")
        self.cropping = self._margins if self.rank > 1 else self._margins[0]
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        index = [slice(None)] * inputs.ndim
        for axis, (before, after) in zip(self._spatial(), self._margins, strict=True):
            size = inputs.shape[axis]
            if isinstance(size, int) and before + after >= size and not self.may_leave_nothing:
                name, single = type(self).__name__, len(self._margins) == 1
                limit = (
                    f"`cropping` parameter of `{name}` layer must be smaller than the axis"
                    if single
                    else "Values in `cropping` argument should be smaller than the corresponding spatial dimension of the input"
                )
                raise ShapeError(
                    f"{name} {self.name!r}: {limit}, but {before} and {after} are cut from an axis of size {size}."
                )
            index[axis] = slice(before, -after if after else None)
        return inputs[tuple(index)]


@builtin("layers")
class Cropping1D(_Cropping):
    """Takes steps away from both ends of the time axis.

    Args:
        cropping: how many, one number or (before, after).

    Shapes: (B, T, C) becomes (B, T - before - after, C).
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self._take(cropping, "channels_last")


@builtin("layers")
class Cropping2D(_Cropping):
    """Takes rows and columns away from images.

    Args:
        cropping: one number, one an axis, or (before, after) for each.
        data_format: where the channels are.
    """

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ):
        super().__init__(**kwargs)
        self._take(cropping, data_format)


@builtin("layers")
class Cropping3D(_Cropping):
    """Takes slices away from volumes.

    Args:
        cropping: one number, one an axis, or (before, after) for each.
        data_format: where the channels are.
    """

    rank = 3

    def __init__(
        self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ):
        super().__init__(**kwargs)
        self._take(cropping, data_format)


@of_plait
class _ZeroPadding(_Margins):
    def _take(self, padding: Any, data_format: str | None) -> None:
        self.data_format = data_format_name(data_format, type(self).__name__)
        self._margins = _margins(padding, self.rank, type(self).__name__, "padding")
        self.padding = self._margins if self.rank > 1 else self._margins[0]
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        margins = [(0, 0)] * inputs.ndim
        for axis, pair in zip(self._spatial(), self._margins, strict=True):
            margins[axis] = pair
        return jnp.pad(inputs, margins)


@builtin("layers")
class ZeroPadding1D(_ZeroPadding):
    """Adds steps of zeros to both ends of the time axis.

    Args:
        padding: how many, one number or (before, after).
        data_format: where the channels are.
    """

    rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self._take(padding, data_format)


@builtin("layers")
class ZeroPadding2D(_ZeroPadding):
    """Adds rows and columns of zeros to images.

    Args:
        padding: one number, one an axis, or (before, after) for each.
        data_format: where the channels are.
    """

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self._take(padding, data_format)


@builtin("layers")
class ZeroPadding3D(_ZeroPadding):
    """Adds slices of zeros to volumes.

    Args:
        padding: one number, one an axis, or (before, after) for each.
        data_format: where the channels are.
    """

    rank = 3

    def __init__(
        self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ):
        super().__init__(**kwargs)
        self._take(padding, data_format)


@builtin("layers")
class UpSampling1D(Layer):
    """Repeats each time step.

    Args:
        size: how often.
    """

    _family = "reshaping"

    def __init__(self, size: int = 2, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.size = _times(size, "UpSampling1D", "size")
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Any) -> Any:
        return jnp.repeat(inputs, self.size, axis=1)


@builtin("layers")
class UpSampling2D(Layer):
    """Enlarges images.

    Args:
        size: how many times, one number or one an axis.
        data_format: where the channels are.
        interpolation: "nearest" repeats; "bilinear", "bicubic", "lanczos3" and "lanczos5" interpolate.
    """

    _family = "reshaping"

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(**kwargs)
        self.size = numbers(size, 2, "UpSampling2D", "size")
        self.data_format = data_format_name(data_format, "UpSampling2D")
        self.interpolation = interpolation.lower()
        if self.interpolation not in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
            raise ArgumentError(
                f"UpSampling2D: `interpolation` argument should be one of nearest, bilinear, .., but got {interpolation!r}."
            )
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        first = 1 if self.data_format == "channels_last" else 2
        if self.interpolation == "nearest":
            return _repeat(inputs, self.size, first)
        shape = list(inputs.shape)
        for axis, times in enumerate(self.size, first):
            shape[axis] = shape[axis] * times
        method = {"bicubic": "cubic"}.get(self.interpolation, self.interpolation)
        return jax.image.resize(inputs, shape, method).astype(inputs.dtype)


@builtin("layers")
class UpSampling3D(Layer):
    """Enlarges volumes by repeating.

    Args:
        size: how many times, one number or one an axis.
        data_format: where the channels are.
    """

    _family = "reshaping"

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.size = numbers(size, 3, "UpSampling3D", "size")
        self.data_format = data_format_name(data_format, "UpSampling3D")
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs: Any) -> Any:
        return _repeat(inputs, self.size, 1 if self.data_format == "channels_last" else 2)


def _repeat(x: Any, times: tuple[int, ...], first: int) -> Any:
    for axis, count in enumerate(times, first):
        x = jnp.repeat(x, count, axis=axis)
    return x
