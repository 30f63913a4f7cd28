"""Crossentropies between labels and predictions, and labels as vectors.

Predictions are probabilities, or logits (`from_logits=True`): what a softmax or sigmoid would make probabilities of.
Probabilities are kept an epsilon away from 0 and 1, so that logarithms stay finite; logits are more exact.
"""

from typing import Any

import jax
import jax.numpy as jnp

from plait.common.dtypes import dtype_name, narrow
from plait.common.messages import describe
from plait.common.settings import settings
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, ShapeError

_NN = "keras.src.ops.nn"


@op(module=_NN)
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-Σ target · log(output) over the classes.

    Args:
        target: probabilities of the classes, as one-hot labels or soft ones.
        output: predictions of the same shape; probabilities are scaled to sum to 1 first.
        from_logits: whether predictions are logits.
        axis: the axis of the classes.

    Returns:
        the shape without that axis.

    Raises:
        ShapeError: shapes that differ, or no axis.

    >>> round(float(categorical_crossentropy([0.0, 1.0], [0.5, 0.5])), 4)
    0.6931
    """
    target, output = convert_to_tensor(target), convert_to_tensor(output)
    _check_same("categorical_crossentropy", target, output)
    if output.ndim < 1:
        raise ShapeError("categorical_crossentropy: target and output must be at least of rank 1, but got scalars.")
    return -jnp.sum(_labels(target, output) * _log_probabilities(output, from_logits, axis), axis=axis)


@op(module=_NN)
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-log(output) of the class that is right.

    Args:
        target: class indices, of the output's shape without the axis of the classes, or with size 1 there.
        output: predictions; probabilities are scaled to sum to 1 first.
        from_logits: whether predictions are logits.
        axis: the axis of the classes.

    Returns:
        the shape without that axis. An index that is no class counts as 0.

    Raises:
        ShapeError: shapes that don't fit.

    >>> round(float(sparse_categorical_crossentropy(1, [0.5, 0.5])), 4)
    0.6931
    """
    target, output = convert_to_tensor(target).astype("int32"), convert_to_tensor(output)
    if output.ndim < 1:
        raise ShapeError(
            f"sparse_categorical_crossentropy: output must be at least of rank 1, but got {describe(output)}."
        )
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = jnp.squeeze(target, -1)
    axis = axis % output.ndim
    expected = output.shape[:axis] + output.shape[axis + 1 :]
    if not _same_shape(target.shape, expected):
        raise ShapeError(
            "sparse_categorical_crossentropy: target must have the shape of output without the axis of the classes, but "
            f"got target {describe(target)} and output {describe(output)} with axis={axis}."
        )
    if from_logits:
        picked = pick_class(jax.nn.log_softmax(output, axis=axis), target, axis)
    else:  # the class that counts first, then the logarithm: only the sum's gradient goes to all classes
        picked = jnp.log(_inside(pick_class(output, target, axis) / jnp.sum(output, axis)))
    return jnp.where((target >= 0) & (target < output.shape[axis]), -picked, jnp.zeros_like(picked))


@op(module=_NN)
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-(target · log(output) + (1 - target) · log(1 - output)), element by element.

    Args:
        target: labels from 0 to 1.
        output: predictions of the same shape.
        from_logits: whether they are logits.

    Raises:
        ShapeError: shapes that differ.

    >>> [round(float(loss), 4) for loss in binary_crossentropy([1.0, 0.0], [0.5, 0.5])]
    [0.6931, 0.6931]
    """
    target, output = convert_to_tensor(target), convert_to_tensor(output)
    _check_same("binary_crossentropy", target, output)
    target = _labels(target, output)
    if from_logits:
        positive, negative = jax.nn.log_sigmoid(output), jax.nn.log_sigmoid(-output)
    else:
        output = _inside(output)
        positive, negative = jnp.log(output), jnp.log(1.0 - output)
    return -(target * positive + (1.0 - target) * negative)


def pick_class(values: Any, labels: Any, axis: int) -> Any:
    """The values of the labels' classes, 0 for what is no class: a masked sum, whose gradient is no scatter."""
    classes = jax.lax.broadcasted_iota("int32", values.shape, axis % values.ndim)
    is_label = classes == jnp.expand_dims(labels.astype("int32"), axis)
    return jnp.sum(jnp.where(is_label, values, 0), axis=axis)


def _labels(target: Any, output: Any) -> Any:
    return target if jnp.issubdtype(target.dtype, jnp.floating) else target.astype(output.dtype)


def _log_probabilities(output: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return jax.nn.log_softmax(output, axis=axis)
    return jnp.log(_inside(output / jnp.sum(output, axis, keepdims=True)))


def _inside(probabilities: Any) -> Any:
    epsilon = settings().epsilon
    return jnp.clip(probabilities, epsilon, 1.0 - epsilon)


def _check_same(who: str, target: Any, output: Any) -> None:
    if not _same_shape(target.shape, output.shape):
        raise ShapeError(
            f"{who}: target and output must have the same shape, but got target {describe(target)} and output "
            f"{describe(output)}."
        )


def _same_shape(first: tuple, second: tuple) -> bool:
    return len(first) == len(second) and all(
        m == n for m, n in zip(first, second, strict=True) if isinstance(m, int) and isinstance(n, int)
    )


# ---------------------------------------------------------------------------- labels as vectors


@op(module=_NN, options=("num_classes", "axis", "dtype", "sparse"))
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """Class indices as vectors with a single 1; an index that is no class becomes zeros.

    Args:
        x: indices of any shape.
        num_classes: the length of the vectors.
        axis: where in the result they lie.
        dtype: the dtype of the result; None is `floatx`.
        sparse: has no effect: the result is dense.

    >>> one_hot([0, 2, -1], 3, dtype="int32").tolist()
    [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    """
    x = convert_to_tensor(x)
    x = x if jnp.issubdtype(x.dtype, jnp.integer) else x.astype("int32")
    return jax.nn.one_hot(x, num_classes, dtype=narrow(dtype_name(dtype)), axis=axis)


def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
    num_tokens: int | None = None,
) -> Any:
    """Sets of class indices as vectors with a 1 for each member.

    Args:
        inputs: indices; the second axis (of a vector, the only one) holds the members of a set.
        num_classes: the length of the vectors.
        axis: where in the result they lie.
        dtype: the dtype of the result; None is `floatx`.
        sparse: has no effect: the result is dense.
        num_tokens: an old name of `num_classes`.

    Raises:
        ArgumentError: no number of classes.

    >>> multi_hot([[0, 2], [1, 1]], 3, dtype="int32").tolist()
    [[1, 0, 1], [0, 1, 0]]
    """
    num_classes = num_tokens if num_classes is None else num_classes
    if num_classes is None:
        raise ArgumentError("multi_hot: `num_classes` must be given.")
    return _multi_hot(inputs, num_classes=num_classes, axis=axis, dtype=dtype, sparse=sparse)


@op(module=_NN, name="MultiHot", options=("num_classes", "axis", "dtype", "sparse"))
def _multi_hot(inputs: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    inputs = convert_to_tensor(inputs)
    members = 1 if inputs.ndim > 1 else 0
    return jnp.max(one_hot(inputs, num_classes, axis, dtype), axis=members)
