"""Losses that see more than one entry at a time: overlaps of regions, pairs of a batch, alignments of sequences."""

from typing import Any

import jax
import jax.numpy as jnp
from optax import ctc_loss

from plait.common.dtypes import result_type
from plait.common.registry import builtin
from plait.common.settings import settings
from plait.core.mask import set_mask
from plait.core.variable import convert_to_tensor
from plait.errors import ShapeError
from plait.losses.base import LossFunctionWrapper, as_pair, comparison


@comparison(by_sum=True)
def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """`1 - 2 Σ y_true y_pred / (Σ y_true + Σ y_pred)`: 0 where labels and outputs overlap fully.

    Shapes: any two equal ones; the result is without the axes that are summed over, so one number where axis is None.

    Source: Dice, "Measures of the Amount of Ecologic Association Between Species", 1945.

    >>> float(dice([1.0, 0.0], [1.0, 0.0]).round(3))
    0.0
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    axis = _axes(axis)
    total = jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis)
    return 1.0 - 2.0 * jnp.sum(y_true * y_pred, axis=axis) / (total + settings().epsilon)


@comparison(by_sum=True)
def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """`1 - overlap / (overlap + alpha missed + beta wrong)`: `dice` with two kinds of errors weighed apart.

    Args:
        y_true: labels between 0 and 1.
        y_pred: outputs between 0 and 1.
        alpha: the weight of what the labels have and the outputs lack.
        beta: the weight of what the outputs have and the labels lack.
        axis: which axes are summed over; None is all.

    Shapes: any two equal ones; the result is without the axes that are summed over, so one number where axis is None.

    Source: Salehi, Erdogmus & Gholipour, "Tversky Loss Function for Image Segmentation Using 3D Fully Convolutional Deep
    Networks", 2017.

    Differs: alpha weighs what was missed (false negatives), beta the false positives, as Keras computes it; Keras's own
    words, and the paper, say it the other way round.
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    axis = _axes(axis)
    overlap = jnp.sum(y_true * y_pred, axis=axis)
    missed = jnp.sum(y_true * (1.0 - y_pred), axis=axis)
    wrong = jnp.sum((1.0 - y_true) * y_pred, axis=axis)
    return 1.0 - overlap / (overlap + alpha * missed + beta * wrong + settings().epsilon)


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


@comparison(by_pairs=True)
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """The circle loss of each sample: near to its own class, far from the others, each pair weighed by how wrong it is.

    Args:
        y_true: class numbers.
        y_pred: embeddings of length 1.
        ref_labels: class numbers of what the samples are compared with; None is the batch itself.
        ref_embeddings: likewise.
        remove_diagonal: whether a sample is not compared with the one at its own place.
        gamma: a scale.
        margin: how near and far they should be.

    Shapes: (B,) or (B, 1), and (B, D), to (B,); references (R,) and (R, D). A loss of 0 is masked, so that a mean is one
    over the samples that can still learn.

    Source: Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", 2020.

    Differs: the gradient of a sample with no pair of one kind is 0; Keras's is NaN.
    """
    y_pred, labels = convert_to_tensor(y_pred), convert_to_tensor(y_true, "int32").reshape(-1)
    others = labels if ref_labels is None else convert_to_tensor(ref_labels, "int32").reshape(-1)
    embeddings = y_pred if ref_embeddings is None else convert_to_tensor(ref_embeddings, y_pred.dtype)
    distances = jnp.maximum(1.0 - y_pred @ embeddings.T, 0.0)
    same = labels[:, None] == others[None, :]
    positive, negative = same, ~same
    if remove_diagonal:
        positive = same & (jnp.arange(labels.shape[0])[:, None] != jnp.arange(others.shape[0])[None, :])
    near = -gamma * (margin + distances) * (margin - distances)
    far = gamma * jnp.maximum(1.0 + margin - distances, 0.0) * (1.0 - margin - distances)
    has_pairs = jnp.any(positive, axis=1) & jnp.any(negative, axis=1)
    sums = _logsumexp(near, positive) + _logsumexp(far, negative)
    losses = jnp.where(has_pairs, jax.nn.softplus(sums), 0.0)
    set_mask(losses, losses > 0)
    return losses


def _logsumexp(values: Any, mask: Any) -> Any:
    """`log Σ exp(values)` over the last axis where the mask is True; anything finite, without NaN, where it never is."""
    some = jnp.any(mask, axis=1, keepdims=True)
    return jax.nn.logsumexp(jnp.where(mask | ~some, values, -jnp.inf), axis=1)


@comparison(of_classes=True)
def ctc(y_true: Any, y_pred: Any) -> Any:
    """The negative log likelihood of label sequences under all alignments with the outputs' time steps.

    Args:
        y_true: class numbers from 1; 0 stands for the blank, and fills up what is shorter.
        y_pred: logits; all time steps count.

    Shapes: (B, S) and (B, T, C) to (B,).

    Raises:
        ShapeError: other ranks.

    Source: Graves, Fernández, Gomez & Schmidhuber, "Connectionist Temporal Classification", 2006.
    """
    y_pred, labels = convert_to_tensor(y_pred), convert_to_tensor(y_true)
    if labels.ndim != 2:
        raise ShapeError(
            f"CTC: the labels must have the shape (B, S), one row of class numbers a sample, but got {labels.shape}."
        )
    if y_pred.ndim != 3:
        raise ShapeError(f"CTC: the outputs must have the shape (B, T, C), but got {y_pred.shape}.")
    y_pred = y_pred.astype(result_type(y_pred.dtype, "float32"))
    lengths = jnp.sum(labels != 0, axis=-1, keepdims=True)
    is_padding = (jnp.arange(labels.shape[1])[None, :] >= lengths).astype(y_pred.dtype)
    return ctc_loss(y_pred, jnp.zeros(y_pred.shape[:2], y_pred.dtype), labels.astype("int32"), is_padding)


@builtin("losses")
class Dice(LossFunctionWrapper):
    """How little labels and outputs overlap (`dice`).

    Args:
        reduction: as for `Loss`; of no effect where axis is None, which gives one number.
        name: as for `Loss`.
        axis: which axes are summed over; None is all.
        dtype: as for `Loss`.

    Shapes: any two equal ones, to one number.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(dice, reduction, name, dtype, axis=axis)


@builtin("losses")
class Tversky(LossFunctionWrapper):
    """How little labels and outputs overlap, with two kinds of errors weighed apart (`tversky`).

    Args:
        alpha: the weight of what the labels have and the outputs lack.
        beta: the weight of what the outputs have and the labels lack.
        reduction: as for `Loss`; of no effect where axis is None, which gives one number.
        name: as for `Loss`.
        axis: which axes are summed over; None is all.
        dtype: as for `Loss`.

    Shapes: any two equal ones, to one number.

    Source: Salehi, Erdogmus & Gholipour, "Tversky Loss Function for Image Segmentation Using 3D Fully Convolutional Deep
    Networks", 2017.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


@builtin("losses")
class Circle(LossFunctionWrapper):
    """The circle loss of embeddings of length 1 (`circle`), compared within the batch.

    Args:
        gamma: a scale.
        margin: how near and far they should be.
        remove_diagonal: whether a sample is not compared with itself.
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B,) or (B, 1), and (B, D), weights (B,), to one number.

    Source: Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", 2020.
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ):
        super().__init__(circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)


@builtin("losses")
class CTC(LossFunctionWrapper):
    """The loss of label sequences whose alignment with the time steps isn't known (`ctc`).

    Args:
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.

    Shapes: (B, S), class numbers from 1 filled up with 0, and (B, T, C), logits, weights (B,), to one number.

    Source: Graves, Fernández, Gomez & Schmidhuber, "Connectionist Temporal Classification", 2006.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "ctc", dtype: Any = None):
        super().__init__(ctc, reduction, name, dtype)
