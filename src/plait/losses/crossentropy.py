"""Losses of classes: the cross-entropies, plain, focal and generalised.

Outputs are probabilities, or logits where `from_logits` says so. Probabilities are clipped to [epsilon, 1 - epsilon], and
those of several classes are first divided by their sum.

Shapes: C is the axis of classes, the last one unless `axis` says otherwise; the functions give the shape without it.
"""

from typing import Any

import jax
import jax.numpy as jnp

from plait import ops
from plait.common.messages import describe, warn
from plait.common.registry import builtin
from plait.common.settings import settings
from plait.core.mask import set_mask
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, ShapeError
from plait.losses.base import Loss, LossFunctionWrapper, as_pair, comparison
from plait.ops.crossentropy import pick_class


@comparison("bce", "BCE", by_element=True)
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """The mean over an axis of `-y_true log(p) - (1 - y_true) log(1 - p)`.

    Args:
        y_true: labels between 0 and 1.
        y_pred: probabilities p, or logits.
        from_logits: whether the outputs are logits.
        label_smoothing: how far labels are moved to 1/2.
        axis: the axis of the mean.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...), without the axis.

    >>> binary_crossentropy([[0.0], [1.0]], [[0.5], [0.5]]).round(4).tolist()
    [0.6930999755859375, 0.6930999755859375]

    Raises:
        ShapeError: labels and outputs have other shapes.
    """
    y_true, y_pred = _same_shape(*as_pair(y_true, y_pred))
    return jnp.mean(_binary(_smooth_binary(y_true, label_smoothing), y_pred, from_logits), axis=axis)


@comparison(by_element=True)
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """The binary cross-entropy times `(1 - p_t)^gamma`, where p_t is the probability that the label's class got.

    Args:
        y_true: labels between 0 and 1.
        y_pred: probabilities, or logits.
        apply_class_balancing: whether class 1 is weighed by alpha, and class 0 by 1 - alpha.
        alpha: see there.
        gamma: how much less easy examples count.
        from_logits: whether the outputs are logits.
        label_smoothing: how far labels are moved to 1/2.
        axis: the axis of the mean.

    Shapes: (B, ..., D) and (B, ..., D) to (B, ...), without the axis.

    Source: Lin, Goyal, Girshick, He & Dollár, "Focal Loss for Dense Object Detection", 2017.
    """
    y_true, y_pred = _same_shape(*as_pair(y_true, y_pred))
    y_true = _smooth_binary(y_true, label_smoothing)
    if from_logits:
        y_pred = jax.nn.sigmoid(y_pred)
    p_label = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    loss = jnp.power(1.0 - p_label, gamma) * _binary(y_true, y_pred, from_logits=False)
    if apply_class_balancing:
        loss = loss * (y_true * alpha + (1.0 - y_true) * (1.0 - alpha))
    return jnp.mean(loss, axis=axis)


@comparison()
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """`-Σ y_true log(p)` over the classes.

    Args:
        y_true: the labels' distributions, mostly one-hot.
        y_pred: probabilities p, or logits.
        from_logits: whether the outputs are logits.
        label_smoothing: which part of the labels is spread over all classes.
        axis: the axis of the classes.

    Shapes: (B, ..., C) and (B, ..., C) to (B, ...), without the axis.

    Raises:
        ShapeError: labels and outputs have other shapes.

    Differs: smoothing divides by the size of the last axis, as in Keras, also where `axis` is another one.
    """
    y_true, y_pred = _classes("categorical_crossentropy", y_true, y_pred, axis)
    y_true = _smooth_classes(y_true, label_smoothing)
    return -jnp.sum(y_true * _log_probabilities(y_pred, from_logits, axis), axis=axis)


@comparison()
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """`-Σ alpha (1 - p)^gamma y_true log(p)` over the classes.

    Args:
        y_true: the labels' distributions, mostly one-hot.
        y_pred: probabilities p, or logits.
        alpha: a weight: one, or one a class.
        gamma: how much less easy examples count.
        from_logits: whether the outputs are logits.
        label_smoothing: which part of the labels is spread over all classes.
        axis: the axis of the classes.

    Shapes: (B, ..., C) and (B, ..., C) to (B, ...), without the axis.

    Source: Lin, Goyal, Girshick, He & Dollár, "Focal Loss for Dense Object Detection", 2017.
    """
    y_true, y_pred = _classes("categorical_focal_crossentropy", y_true, y_pred, axis)
    y_true = _smooth_classes(y_true, label_smoothing)
    if from_logits:
        y_pred = jax.nn.softmax(y_pred, axis=axis)
    p = _clip_probabilities(y_pred, axis)
    weights = jnp.power(1.0 - p, gamma) * convert_to_tensor(alpha, p.dtype)
    return -jnp.sum(weights * y_true * jnp.log(p), axis=axis)


@comparison(of_classes=True)
def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """`-log(p[y_true])`: the cross-entropy with labels that are class numbers.

    Args:
        y_true: class numbers. What is no class counts as 0.
        y_pred: probabilities p, or logits.
        from_logits: whether the outputs are logits.
        ignore_class: a number whose entries give 0 and are masked, so that a mean is one over the others.
        axis: the axis of the classes.

    Shapes: (B, ...) or (B, ..., 1), and (B, ..., C), to (B, ...).

    >>> sparse_categorical_crossentropy([1, 0], [[0.5, 0.5], [1.0, 0.0]]).round(4).tolist()
    [0.6930999755859375, 0.0]

    Raises:
        ShapeError: the shape of the labels isn't that of the outputs without the classes.
    """
    y_pred, labels = convert_to_tensor(y_pred), convert_to_tensor(y_true)
    if labels.ndim == y_pred.ndim and labels.shape[axis] == 1:
        labels = jnp.squeeze(labels, axis)
    if labels.shape != _without_axis(y_pred.shape, axis):
        raise ShapeError(
            f"sparse_categorical_crossentropy: labels are class numbers, of shape {_without_axis(y_pred.shape, axis)} for "
            f"outputs {describe(y_pred)}, but got {describe(labels)}. One-hot labels are for categorical_crossentropy."
        )
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(labels, y_pred, from_logits, axis)
    valid = labels != ignore_class
    y_pred = jnp.where(jnp.expand_dims(valid, axis), y_pred, 1)  # no NaN can come from what doesn't count
    losses = jnp.where(valid, ops.sparse_categorical_crossentropy(labels, y_pred, from_logits, axis), 0)
    set_mask(losses, valid)
    return losses


@comparison(of_classes=True)
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """`(1 - p[y_true]^q) / q`: between the cross-entropy (q to 0) and the absolute error (q = 1); noisy labels pull less.

    Args:
        y_true: class numbers.
        y_pred: probabilities p.
        q: in (0, 1].

    Shapes: (B, ...) or (B, ..., 1), and (B, ..., C), to (B, ...).

    Source: Zhang & Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels", 2018.

    Differs: labels (B, 1) are (B,); in Keras they give (B, B) losses.
    """
    y_pred, labels = convert_to_tensor(y_pred), convert_to_tensor(y_true)
    if labels.ndim == y_pred.ndim and labels.shape[-1] == 1:
        labels = jnp.squeeze(labels, -1)
    return (1.0 - jnp.power(pick_class(y_pred, labels, -1), q)) / q


def _binary(y_true: Any, y_pred: Any, from_logits: bool) -> Any:
    """The binary cross-entropy, entry by entry."""
    if from_logits:
        return jnp.maximum(y_pred, 0) - y_true * y_pred + jnp.log1p(jnp.exp(-jnp.abs(y_pred)))
    p = jnp.clip(y_pred, settings().epsilon, 1.0 - settings().epsilon)
    return -(y_true * jnp.log(p) + (1.0 - y_true) * jnp.log(1.0 - p))


def _log_probabilities(y_pred: Any, from_logits: bool, axis: int) -> Any:
    return jax.nn.log_softmax(y_pred, axis) if from_logits else jnp.log(_clip_probabilities(y_pred, axis))


def _clip_probabilities(y_pred: Any, axis: int) -> Any:
    """Probabilities that sum to 1, clipped."""
    return jnp.clip(y_pred / jnp.sum(y_pred, axis, keepdims=True), settings().epsilon, 1.0 - settings().epsilon)


def _smooth_binary(y_true: Any, amount: float) -> Any:
    return y_true * (1.0 - amount) + 0.5 * amount if amount else y_true


def _smooth_classes(y_true: Any, amount: float) -> Any:
    return y_true * (1.0 - amount) + amount / y_true.shape[-1] if amount else y_true


def _same_shape(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"Labels and outputs must have the same shape, but got {describe(y_true)} and {describe(y_pred)}."
            + (" Class numbers are for sparse_categorical_crossentropy." if y_true.ndim < y_pred.ndim else "")
        )
    return y_true, y_pred


def _classes(name: str, y_true: Any, y_pred: Any, axis: int) -> tuple[Any, Any]:
    if isinstance(axis, bool):
        raise ArgumentError(f"{name}: `axis` must be of type `int`, but got axis={axis} of type bool.")
    y_true, y_pred = _same_shape(*as_pair(y_true, y_pred))
    if y_pred.shape[-1] == 1:
        warn(
            f"In loss {name}, expected y_pred.shape to be (batch_size, num_classes) with num_classes > 1, but got "
            f"y_pred.shape={y_pred.shape}. Consider using 'binary_crossentropy' if you only have 2 classes.",
            SyntaxWarning,
        )
    return y_true, y_pred


def _without_axis(shape: tuple, axis: int) -> tuple:
    axis %= len(shape)
    return shape[:axis] + shape[axis + 1 :]


@builtin("losses")
class BinaryCrossentropy(LossFunctionWrapper):
    """The cross-entropy of outputs that are each a yes or a no (`binary_crossentropy`).

    Args:
        from_logits: whether the outputs are logits.
        label_smoothing: how far labels are moved to 1/2.
        axis: the axis of the mean.
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., D) and (B, ..., D), weights (B,) up to (B, ...), to one number.

    >>> round(float(BinaryCrossentropy(from_logits=True)([[1.0], [0.0]], [[50.0], [-50.0]])), 4)
    0.0
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_crossentropy, reduction, name, dtype, **options)


@builtin("losses")
class BinaryFocalCrossentropy(LossFunctionWrapper):
    """The binary cross-entropy in which easy examples count less (`binary_focal_crossentropy`).

    Args:
        apply_class_balancing: whether class 1 is weighed by alpha, and class 0 by 1 - alpha.
        alpha: see there.
        gamma: how much less easy examples count.
        from_logits: whether the outputs are logits.
        label_smoothing: how far labels are moved to 1/2.
        axis: the axis of the mean.
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., D) and (B, ..., D), weights (B,) up to (B, ...), to one number.

    Source: Lin, Goyal, Girshick, He & Dollár, "Focal Loss for Dense Object Detection", 2017.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        focus = {"apply_class_balancing": apply_class_balancing, "alpha": alpha, "gamma": gamma}
        super().__init__(binary_focal_crossentropy, reduction, name, dtype, **options, **focus)


@builtin("losses")
class CategoricalCrossentropy(LossFunctionWrapper):
    """The cross-entropy of outputs of which one class is right, with one-hot labels (`categorical_crossentropy`).

    Args:
        from_logits: whether the outputs are logits.
        label_smoothing: which part of the labels is spread over all classes.
        axis: the axis of the classes.
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., C) and (B, ..., C), weights (B,) up to (B, ...), to one number.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, reduction, name, dtype, **options)


@builtin("losses")
class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """The categorical cross-entropy in which easy examples count less (`categorical_focal_crossentropy`).

    Args:
        alpha: a weight: one, or one a class.
        gamma: how much less easy examples count.
        from_logits: whether the outputs are logits.
        label_smoothing: which part of the labels is spread over all classes.
        axis: the axis of the classes.
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ..., C) and (B, ..., C), weights (B,) up to (B, ...), to one number.

    Source: Lin, Goyal, Girshick, He & Dollár, "Focal Loss for Dense Object Detection", 2017.
    """

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_focal_crossentropy, reduction, name, dtype, **options, alpha=alpha, gamma=gamma)


@builtin("losses")
class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """The cross-entropy of outputs of which one class is right, with class numbers (`sparse_categorical_crossentropy`).

    Args:
        from_logits: whether the outputs are logits.
        ignore_class: a number whose entries don't count.
        reduction: as for `Loss`.
        axis: the axis of the classes.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, ...) or (B, ..., 1), and (B, ..., C), weights (B,) up to (B, ...), to one number.

    >>> round(float(SparseCategoricalCrossentropy(ignore_class=-1)([1, -1], [[0.5, 0.5], [0.9, 0.1]])), 4)
    0.6931

    Differs: Keras's config lacks `axis`, so a file forgets it; here it is written where it isn't -1.
    """

    _unwritten = ("axis",)

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, **options)


@builtin("losses")
class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """A cross-entropy that noisy labels pull less, with class numbers (`categorical_generalized_cross_entropy`).

    Args:
        q: near 0 it is the cross-entropy, at 1 the absolute error.
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Raises:
        ArgumentError: q isn't between 0 and 1.

    Shapes: (B, ...) or (B, ..., 1), and (B, ..., C), weights (B,) up to (B, ...), to one number.

    Source: Zhang & Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels", 2018.
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ):
        if not 0 < q < 1:
            raise ArgumentError(f"CategoricalGeneralizedCrossEntropy: q must be between 0 and 1, but got {q}.")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)


def crossentropy_for(y_true_shape: tuple, y_pred_shape: tuple) -> Loss:
    """The loss that `"crossentropy"` stands for, by the shapes of labels and outputs.

    Outputs of one number are a yes or a no; labels of a lower rank, or of last size 1, are class numbers; else they are
    one-hot.

    >>> crossentropy_for((None,), (None, 10)).name, crossentropy_for((None, 10), (None, 10)).name
    ('sparse_categorical_crossentropy', 'categorical_crossentropy')
    """
    kind = kind_of_labels(y_true_shape, y_pred_shape)
    return {"binary": BinaryCrossentropy, "sparse": SparseCategoricalCrossentropy, "one-hot": CategoricalCrossentropy}[
        kind
    ]()


def kind_of_labels(y_true_shape: tuple, y_pred_shape: tuple) -> str:
    """How labels name classes, by shapes alone: `"binary"`, `"sparse"` or `"one-hot"`."""
    if not y_pred_shape or y_pred_shape[-1] == 1:
        return "binary"
    if len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1:
        return "sparse"
    return "one-hot"
