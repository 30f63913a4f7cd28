"""Functions that move values about and leave them as they are: joining, splitting, repeating, turning, padding."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.messages import describe
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, ShapeError
from plait.ops.operands import axes, check_axis, operand, tensors

_NUMPY = "keras.src.ops.numpy"

# ---------------------------------------------------------------------------- joining


@op(module=_NUMPY, text=lambda xs, axis=0: np.concatenate(xs, axis))
def concatenate(xs: Any, axis: int = 0) -> Any:
    """Several tensors one after the other along an axis. Shapes: equal but for that axis.

    >>> concatenate([[1], [2, 3]]).tolist()
    [1, 2, 3]
    """
    return jnp.concatenate(tensors(xs), axis)


@op(module=_NUMPY, text=lambda x, axis=0: np.stack(x, axis))
def stack(x: Any, axis: int = 0) -> Any:
    """Several tensors of one shape side by side along a new axis. Shapes: n of (2, 3) give (n, 2, 3) for axis 0."""
    return jnp.stack(tensors(x), axis)


@op(module=_NUMPY)
def hstack(xs: Any) -> Any:
    """Several tensors one after the other along the second axis; the first, if they have one."""
    return jnp.hstack(tensors(xs))


@op(module=_NUMPY)
def vstack(xs: Any) -> Any:
    """Several tensors one below the other along the first axis; tensors of one axis become rows."""
    return jnp.vstack(tensors(xs))


@op(module=_NUMPY)
def dstack(xs: Any) -> Any:
    """Several tensors one behind the other along the third axis, which is made where missing."""
    return jnp.dstack(tensors(xs))


@op(module=_NUMPY)
def append(x1: Any, x2: Any, axis: Any = None) -> Any:
    """x2 behind x1 along an axis; without one, both are made flat before."""
    return jnp.append(convert_to_tensor(x1), convert_to_tensor(x2), axis)


# ---------------------------------------------------------------------------- splitting


@op(
    module=_NUMPY,
    options=("indices_or_sections", "axis"),
    text=lambda x, indices_or_sections, axis=0: np.split(np.asarray(x), indices_or_sections, axis),
)
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """A list of parts of a tensor: so many of equal size, or those between some places.

    Args:
        x: a tensor.
        indices_or_sections: a number of parts, or a list of the places where to cut.
        axis: along which axis.

    Raises:
        ShapeError: the parts would not be equal.

    >>> [part.shape for part in split(jnp.zeros((5, 6)), [2, 5], axis=1)]
    [(5, 2), (5, 3), (5, 1)]
    """
    x = convert_to_tensor(x)
    size = x.shape[check_axis("split", axis, x)]
    if isinstance(indices_or_sections, int) and isinstance(size, int) and size % indices_or_sections:
        raise ShapeError(
            f"split: the axis {axis} of {describe(x)} cannot be split into {indices_or_sections} equal parts. Use "
            "ops.array_split for parts of different sizes."
        )
    return list(jnp.split(x, _places(indices_or_sections), axis))


def _places(indices_or_sections: Any) -> Any:
    return indices_or_sections if isinstance(indices_or_sections, int) else np.asarray(indices_or_sections)


@op(module=_NUMPY, options=("indices_or_sections", "axis"))
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Like `split`, but the parts may differ: the first ones are one larger where the size doesn't divide."""
    return list(jnp.array_split(convert_to_tensor(x), _places(indices_or_sections), axis))


@op(module=_NUMPY, options=("indices_or_sections",))
def hsplit(x: Any, indices_or_sections: Any) -> Any:
    """A list of parts along the second axis; the first, if it has one."""
    return list(jnp.hsplit(convert_to_tensor(x), _places(indices_or_sections)))


@op(module=_NUMPY, options=("indices_or_sections",))
def vsplit(x: Any, indices_or_sections: Any) -> Any:
    """A list of parts along the first axis."""
    return list(jnp.vsplit(convert_to_tensor(x), _places(indices_or_sections)))


@op(module=_NUMPY, options=("indices_or_sections",))
def dsplit(x: Any, indices_or_sections: Any) -> Any:
    """A list of parts along the third axis."""
    return list(jnp.dsplit(convert_to_tensor(x), _places(indices_or_sections)))


# ---------------------------------------------------------------------------- axes


@op(module=_NUMPY, options=("axis",), text=lambda x, axis: np.expand_dims(x, axes(axis)))
def expand_dims(x: Any, axis: Any) -> Any:
    """New axes of size 1 at some places of the result. Shapes: (2, 3) with axis 1 gives (2, 1, 3)."""
    return jnp.expand_dims(convert_to_tensor(x), axes(axis))


@op(
    module=_NUMPY,
    options=("source", "destination"),
    text=lambda x, source, destination: np.moveaxis(np.asarray(x), source, destination),
)
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Some axes at other places; the rest stay in order. Shapes: (2, 3, 4), 0 to -1, gives (3, 4, 2)."""
    return jnp.moveaxis(convert_to_tensor(x), axes(source), axes(destination))


@op(module=_NUMPY, options=("axis1", "axis2"), text=lambda x, axis1, axis2: np.swapaxes(x, axis1, axis2))
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged. Shapes: (2, 3, 4), 0 and 2, gives (4, 3, 2)."""
    x = convert_to_tensor(x)
    return jnp.swapaxes(x, check_axis("swapaxes", axis1, x), check_axis("swapaxes", axis2, x))


@op(module=_NUMPY, text=lambda x: np.ravel(x))
def ravel(x: Any) -> Any:
    """The values in one axis. Shapes: (2, 3) becomes (6,)."""
    return jnp.ravel(convert_to_tensor(x))


@op(module=_NUMPY)
def ndim(x: Any) -> Any:
    """The number of axes, a Python integer.

    Differs: on a symbolic tensor the result is a symbolic int32 (); Keras returns one of another shape and dtype.
    """
    return convert_to_tensor(x).ndim


@op(module=_NUMPY)
def size(x: Any) -> Any:
    """The number of values, a Python integer; on a symbolic tensor a symbolic int32 ()."""
    return convert_to_tensor(x).size


# ---------------------------------------------------------------------------- turning


@op(module=_NUMPY, text=lambda x, axis=None: np.flip(x, axes(axis)))
def flip(x: Any, axis: Any = None) -> Any:
    """The values in reverse order along one axis, several, or all."""
    return jnp.flip(convert_to_tensor(x), axes(axis))


@op(module=_NUMPY)
def fliplr(x: Any) -> Any:
    """The values in reverse order along the second axis. Shapes: at least two axes."""
    return jnp.fliplr(convert_to_tensor(x))


@op(module=_NUMPY)
def flipud(x: Any) -> Any:
    """The values in reverse order along the first axis."""
    return jnp.flipud(convert_to_tensor(x))


@op(module=_NUMPY, options=("shift", "axis"), text=lambda x, shift, axis=None: np.roll(x, axes(shift), axes(axis)))
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """The values moved along one axis, several, or the flat tensor; what falls out comes in at the other end."""
    return jnp.roll(convert_to_tensor(x), axes(shift), axes(axis))


@op(module=_NUMPY)
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """The values turned by k times 90 degrees in the plane of two axes, from the first towards the second.

    Shapes: (N, M) becomes (M, N) for odd k. Raises: ShapeError with less than two axes.
    """
    array = convert_to_tensor(array)
    if array.ndim < 2:
        raise ShapeError(f"rot90: the tensor must have at least 2 dimensions, but got {describe(array)}.")
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ArgumentError(f"rot90: `axes` must be two different axes, but got {axes}.")
    return jnp.rot90(array, k, tuple(axes))


# ---------------------------------------------------------------------------- repeating


@op(module=_NUMPY, options=("shape",), text=lambda x, shape: np.broadcast_to(x, shape))
def broadcast_to(x: Any, shape: Any) -> Any:
    """The values repeated along axes of size 1, and new first axes, to fill a shape."""
    return jnp.broadcast_to(convert_to_tensor(x), (shape,) if isinstance(shape, int) else tuple(shape))


@op(module=_NUMPY, options=("repeats", "axis"), text=lambda x, repeats, axis=None: np.repeat(x, repeats, axis))
def repeat(x: Any, repeats: Any, axis: Any = None) -> Any:
    """Each value several times in a row, along an axis, or in the flat tensor.

    Args:
        x: a tensor.
        repeats: how many times; one number, or one for each place along the axis.
        axis: the axis; None makes x flat before.

    >>> repeat([1, 2], [1, 3]).tolist()
    [1, 2, 2, 2]
    """
    if not isinstance(repeats, (int, jax.Array)):
        repeats = np.asarray(repeats)  # not a JAX array: in a trace the size of the result could not depend on it
    return jnp.repeat(convert_to_tensor(x), repeats, axis)


@op(module=_NUMPY, options=("repeats",), text=lambda x, repeats: np.tile(x, repeats))
def tile(x: Any, repeats: Any) -> Any:
    """The whole tensor several times, along each axis. Shapes: (2, 3) with (2, 1, 2) becomes (2, 2, 6)."""
    return jnp.tile(convert_to_tensor(x), repeats)


# ---------------------------------------------------------------------------- padding


@op(module=_NUMPY, options=("pad_width", "mode"))
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """A tensor with more values around it.

    Args:
        x: a tensor.
        pad_width: how many before and after: ((before, after), ...) for each axis, one such pair, or one number for all.
        mode: "constant", "reflect" (around the last value), "symmetric" (around its edge), "edge", "wrap", "linear_ramp",
            "maximum", "mean", "median", "minimum" or "empty".
        constant_values: the value for the mode "constant", which is 0 by default.

    Raises:
        ArgumentError: `constant_values` with another mode.

    >>> pad([1, 2], (1, 2), constant_values=9).tolist()
    [9, 1, 2, 9, 9]
    """
    x = convert_to_tensor(x)
    if constant_values is None:
        return jnp.pad(x, _pairs(pad_width), mode)
    if mode != "constant":
        raise ArgumentError(
            "pad: Argument `constant_values` can only be provided when `mode == 'constant'`, but got "
            f"mode={mode!r}. Leave one of them out."
        )
    return jnp.pad(x, _pairs(pad_width), mode, constant_values=_fill(constant_values))


def _pairs(pad_width: Any) -> Any:
    return pad_width if isinstance(pad_width, int) else np.asarray(pad_width).tolist()


def _fill(constant_values: Any) -> Any:
    return constant_values if isinstance(constant_values, (list, tuple)) else operand(constant_values)
