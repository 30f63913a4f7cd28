"""Labels that are missing: what losses and metrics make of the rest.

`compile(missing_labels=np.nan)` says what stands for a label that isn't there. In the step, `split_labels` puts a harmless
label in its place and notes which entries are labelled; losses and metrics then count these only. Masked arrays and nulls get
that value on the host (`data/nulls`).

    labels with the missing value -> split_labels -> labels, labelled
    losses                        -> loss_of_labelled
    metrics                       -> update_with_labelled

Which entries a loss can leave out depends on what it compares. One that compares element by element leaves out elements; one
that compares rows (classes, cosines, one of the program's own) leaves out rows that lack any of their labels.

Life under jit: all of it is traced. A batch without a label has a loss of exactly 0, and gradients of 0.

What it is not: a mask of time steps (`core/mask`), though it acts together with one.
"""

import functools
import inspect
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from plait import losses, metrics
from plait.common.traits import is_usual
from plait.core.mask import get_mask
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError
from plait.losses.base import as_pair, match_ranks, options_of, reduce_weighted, weights_with_mask
from plait.training.data.nulls import whole
from plait.training.nested_losses import LossSum


def split_labels(labels: Any, output: Any, missing: float) -> tuple[Any, Any]:
    """Labels with a harmless one wherever one is missing, and where they are there.

    Args:
        labels: the labels of one output, (B, ...); None where a batch has none, which gives None and an array of False.
        output: what they are compared with.
        missing: what stands for a missing one.
    """
    if labels is None:
        return None, jnp.zeros((1,), bool)
    labels = convert_to_tensor(labels)
    inexact = jnp.issubdtype(labels.dtype, jnp.inexact)
    if missing != missing:
        labelled = ~jnp.isnan(labels) if inexact else jnp.ones(labels.shape, bool)
    elif not inexact and whole(missing) is None:
        labelled = jnp.ones(labels.shape, bool)
    else:
        labelled = labels.astype("float32" if labels.dtype == bool or not inexact else labels.dtype) != missing
    # 0 is a class that there is. As a number, 1 is harmless: nothing is divided by 0, and it is a yes of any yes and no.
    first, second = match_ranks(labels, output)
    harmless = 1 if first.shape == second.shape else 0
    return jnp.where(labelled, labels, jnp.asarray(harmless, labels.dtype)), labelled


def loss_of_labelled(loss: Any, y_true: Any, y_pred: Any, labelled: Any, weights: Any) -> Any:
    """The loss of what is labelled, reduced as the loss says; means are over what is labelled.

    Args:
        loss: a `Loss`, or the name of one whose meaning depends on shapes.
        y_true: labels, harmless ones where some are missing; None where a batch has none, whose loss is 0.
        y_pred: the output.
        labelled: where labels are there, of their shape.
        weights: weights of the samples, or None.

    Raises:
        ArgumentError: a loss of the batch as a whole, which no entry can be left out of.
    """
    if y_true is None:
        return jnp.zeros(())
    if isinstance(loss, str):
        loss = losses.crossentropy_for(y_true.shape, y_pred.shape)
    if isinstance(loss, LossSum):
        parts = [(loss_of_labelled(part, y_true, y_pred, labelled, weights), weight) for part, weight in loss.parts]
        return sum(value if weight is None else value * weight for value, weight in parts)
    if not is_usual(type(loss), "__call__"):
        return loss(y_true, y_pred, sample_weight=weights_of_rows(weights, [labelled])[0])
    function, options = getattr(loss, "fn", None), options_of(loss, getattr(loss, "options", {}))
    if getattr(function, "by_pairs", False):
        raise ArgumentError(f"{loss.name} compares the rows of a batch with each other, and so can't leave any out.")
    mask = get_mask(y_pred)
    by_sum = getattr(function, "by_sum", False)
    if by_sum:  # what is 0 on both sides adds nothing to a sum
        y_true, y_pred = as_pair(y_true, y_pred)
        labelled = jnp.broadcast_to(match_ranks(labelled, y_pred)[0], y_pred.shape)
        y_true, y_pred = (jnp.where(labelled, value, 0) for value in (y_true, y_pred))
    elif _by_element(function, options):
        y_true, y_pred, labelled, mask = _elements(y_true, y_pred, labelled, mask)
    values = loss.call(loss._tensors(y_true), loss._tensors(y_pred))
    if values.ndim == 0 and not by_sum:
        raise _of_all("loss", loss.name)
    counts = jnp.any(labelled, axis=tuple(range(values.ndim, labelled.ndim))) if by_sum else labelled
    counts = _both(_of_rank(counts, values.ndim), _both(mask, get_mask(values)))
    if values.ndim == 0:
        return jnp.where(counts, values, 0)
    values = jnp.where(_with_axes(counts, values.ndim), values, 0)
    return reduce_weighted(values, weights, counts, loss.reduction, loss.dtype)


def update_with_labelled(metric: Any, y_true: Any, y_pred: Any, labelled: Any, weights: Any = None) -> None:
    """Adds a batch to a metric, what is labelled only.

    Args:
        metric: a metric that takes `sample_weight`.
        y_true: labels, harmless ones where some are missing.
        y_pred: the output.
        labelled: where labels are there, of their shape.
        weights: weights of the samples, or None.

    Raises:
        ArgumentError: a metric that takes no weights, or whose function gives one number for the whole batch.
    """
    if "sample_weight" not in inspect.signature(metric.update_state).parameters:
        raise ArgumentError(
            f"{type(metric).__name__} takes no `sample_weight`, and so can't leave out what has no label. Give its "
            "`update_state` one."
        )
    function = getattr(metric, "_fn", None)
    options = options_of(metric, getattr(metric, "_options", {})) if function is not None else {}
    mask = get_mask(y_pred)
    if _by_element(function, options) or isinstance(metric, metrics.RootMeanSquaredError):
        y_true, y_pred, labelled, mask = _elements(y_true, y_pred, labelled, mask)
        counts = labelled
    elif function is not None and is_usual(type(metric), "update_state"):
        rank = jnp.ndim(function(y_true, y_pred, **options))
        if rank == 0:
            raise _of_all("metric", metric.name)
        counts = _of_rank(labelled, rank)
    else:
        counts = _of_values(metric, y_true, y_pred, labelled)
    if function is not None:
        counts = _both(counts, mask)
    metric.update_state(y_true, y_pred, sample_weight=weights_with_mask(weights, counts, metric.dtype))


def _of_values(metric: Any, y_true: Any, y_pred: Any, labelled: Any) -> Any:
    """Where entries count, in the shape in which a metric without a function takes weights."""
    if isinstance(metric, metrics.IoU):
        return labelled if metric.sparse_y_true else jnp.all(labelled, axis=metric.axis)
    if is_usual(type(metric), "update_state"):
        return match_ranks(labelled, y_pred)[0]
    by_row = y_true.ndim == y_pred.ndim and y_true.ndim > 1
    return _of_rank(labelled, max(labelled.ndim - by_row, 1))


def how_many(labelled: Any, output: Any) -> Any:
    """How many entries of an output are labelled, what a mask leaves out not counted."""
    mask = get_mask(output)
    return jnp.sum((labelled if mask is None else _both(labelled, mask)).astype("float32"))


def weights_of_rows(weights: Any, labelled: Sequence[Any]) -> tuple[Any, Any]:
    """Weights by which a mean over all rows is one over those that have all their labels, and how many these are.

    Args:
        weights: weights of the samples, or None.
        labelled: where labels are there, for one or several outputs.
    """
    counts = functools.reduce(jnp.logical_and, [_of_rank(where, 1) for where in labelled])
    return weights_with_mask(weights, counts, "float32", rescale=True), jnp.sum(counts.astype("float32"))


def _by_element(function: Any, options: dict) -> bool:
    return getattr(function, "by_element", False) and options.get("axis", -1) == -1


def _elements(y_true: Any, y_pred: Any, labelled: Any, mask: Any) -> tuple[Any, Any, Any, Any]:
    """Labels, outputs and what counts, with an axis of size 1 at the end, so that a mean over it is an element's own."""
    y_true, y_pred = convert_to_tensor(y_true), convert_to_tensor(y_pred)
    labelled, _ = match_ranks(labelled, y_pred)
    y_true, y_pred = match_ranks(y_true, y_pred)
    labelled = jnp.broadcast_to(labelled, jnp.broadcast_shapes(y_true.shape, y_pred.shape))
    if mask is not None and mask.ndim > labelled.ndim:
        mask = jnp.squeeze(mask, -1)
    return y_true[..., None], y_pred[..., None], labelled, mask


def _of_rank(labelled: Any, rank: int) -> Any:
    """Which rows, or entries of this rank, have all of their labels."""
    return jnp.all(labelled, axis=tuple(range(rank, labelled.ndim))) if labelled.ndim > rank else labelled


def _with_axes(mask: Any, rank: int) -> Any:
    """A mask of leading axes with axes of size 1 behind them, up to a rank."""
    return mask.reshape(mask.shape + (1,) * max(rank - mask.ndim, 0))


def _both(labelled: Any, mask: Any) -> Any:
    """What counts by two masks, one of which may be of fewer axes, or None."""
    if mask is None or labelled is None:
        return labelled if mask is None else mask
    rank = max(labelled.ndim, mask.ndim)
    return _with_axes(labelled, rank).astype(bool) & _with_axes(mask, rank).astype(bool)


def _of_all(what: str, name: str) -> ArgumentError:
    return ArgumentError(
        f"the {what} {name!r} gives one number for the whole batch, so no entry can be left out where labels are missing. Let it "
        "give one number a row."
    )
