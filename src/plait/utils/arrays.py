"""Arrays for scripts: constants, one-hot labels, rows of length one."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.dtypes import dtype_name
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError


def constant(value: Any, dtype: Any = None, shape: Any = None) -> jax.Array:
    """An array of the value; with a shape, filled with it.

    >>> constant([[5, 2], [1, 3]])
    Array([[5, 2],
           [1, 3]], dtype=int32)
    """
    tensor = convert_to_tensor(value, dtype)
    return tensor if shape is None else jnp.broadcast_to(tensor, shape) if tensor.size == 1 else tensor.reshape(shape)


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Class numbers as rows with a single one: of a JAX array one of JAX, else one of NumPy.

    Raises:
        ArgumentError: a class number that is negative, or not less than `num_classes`.

    >>> to_categorical([0, 2]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    classes = np.asarray(x, dtype="int64")
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    count = int(classes.max()) + 1 if num_classes is None else num_classes
    if classes.size and not (classes.min() >= 0 and classes.max() < count):
        raise ArgumentError(
            f"to_categorical: class numbers must be from 0 to {count - 1}, but go from {classes.min()} to {classes.max()}."
        )
    rows = np.eye(count, dtype=dtype_name(None) if dtype_name(None) != "bfloat16" else "float32")[classes]
    return convert_to_tensor(rows) if isinstance(x, jax.Array) else rows


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """The array with rows of length one in some norm; rows of zeros stay. Of a JAX array it is one of JAX.

    >>> import numpy as np
    >>> normalize(np.array([[3.0, 4.0]])).tolist()
    [[0.6, 0.8]]
    """
    maths: Any = jnp if isinstance(x, jax.Array) else np
    x = maths.atleast_1d(maths.asarray(x))
    length = maths.atleast_1d(maths.linalg.norm(x, order, axis))
    return x / maths.expand_dims(maths.where(length == 0, 1, length), axis)
