"""How the tasks of a model get along: lengths and angles of their gradients, and what a step for one does to the others.

    relations(model, x, y)    gradients of what the tasks share: lengths and cosines
    affinity(model, x, y)     by how much a step for one task lowers the loss of each
    groups(matrix, names, n)  tasks that should be trained together

Life under jit: one program a compiled model, that only reads variables.

What it is not: part of the step. It computes each task's gradient anew, without dropout and with the moving statistics.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.scope import current, scope
from plait.errors import ArgumentError
from plait.training.data import ArraySource, DataOf
from plait.training.data.arrays import as_arrays, as_weights
from plait.training.parting import Parting
from plait.training.protocols import TrainedModel
from plait.weightings.base import products_of

_MOST_TASKS = 12


class Relations(NamedTuple):
    """The gradients of some tasks.

    Attributes:
        names: the tasks.
        lengths: the length of each one's gradient, (n,).
        cosines: the cosines of the angles between them, (n, n).
    """

    names: list[str]
    lengths: np.ndarray
    cosines: np.ndarray


def relations(model: TrainedModel, x: Any, y: Any, sample_weight: Any = None) -> Relations:
    """The lengths of the tasks' gradients of what they share, and the cosines between them.

    Args:
        model: a compiled model of inputs and outputs, with several losses.
        x: inputs, one batch.
        y: labels of all tasks.
        sample_weight: weights of the samples.

    Raises:
        ArgumentError: a model without a graph, or whose tasks share nothing.
    """
    products = np.asarray(_program(model, "products", _products)(*_batch(model, x, y, sample_weight)))
    lengths = np.sqrt(np.maximum(np.diag(products), 0))
    scale = np.maximum(np.outer(lengths, lengths), 1e-30)
    return Relations([name for name, _ in model._compilation.tasks], lengths, np.clip(products / scale, -1, 1))


def affinity(
    model: TrainedModel,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    batch_size: int = 256,
    learning_rate: float | None = None,
) -> np.ndarray:
    """By how much a step for one task lowers each task's loss: `1 - L_j(θ - rate ∂L_i) / L_j(θ)`, (n, n), i in rows.

    θ are the weights that tasks share. The mean over batches; the model isn't changed. Above 0, task i helps task j.

    Args:
        model: a compiled model of inputs and outputs, with several losses.
        x: inputs, arrays.
        y: labels of all tasks.
        sample_weight: weights of the samples.
        batch_size: rows of a step.
        learning_rate: of the step; None is the optimizer's.

    Raises:
        ArgumentError: a model without a graph, or whose tasks share nothing.

    Source: Fifty et al., "Efficiently Identifying Task Groupings for Multi-Task Learning", 2021.
    """
    rate = float(np.asarray(model.optimizer.learning_rate)) if learning_rate is None else learning_rate
    program, read = _program(model, "affinity", _gains), DataOf(model)
    source = ArraySource(*read(x, y), sample_weight, batch_size)
    found = [np.asarray(program(*batch, rate)) for batch in source.batches(0)]
    return np.mean(found, axis=0)


def groups(matrix: Any, names: Sequence[str], most: int) -> list[list[str]]:
    """The grouping into at most so many groups in which the tasks help each other most.

    A task gains the mean affinity of the others of its group; alone, it gains nothing.

    Args:
        matrix: what `affinity` gave.
        names: the tasks, in its order.
        most: how many groups there may be.

    Raises:
        ArgumentError: more tasks than all groupings can be tried of.

    >>> groups([[0, 0.2, -0.1], [0.3, 0, -0.2], [-0.1, -0.1, 0]], ["depth", "normals", "age"], 2)
    [['depth', 'normals'], ['age']]
    """
    if len(names) > _MOST_TASKS:
        raise ArgumentError(f"groups: it tries all groupings, of at most {_MOST_TASKS} tasks, but got {len(names)}.")
    matrix = np.asarray(matrix)

    def gain(group: Sequence[int]) -> float:
        others = matrix[np.ix_(group, group)].sum(0) - np.diag(matrix)[list(group)]
        return float(others.sum() / max(len(group) - 1, 1))

    best = max(_partitions(list(range(len(names))), most), key=lambda parts: sum(map(gain, parts)))
    return [[str(names[task]) for task in group] for group in best]


def _partitions(tasks: list[int], most: int) -> Any:
    """All ways to part tasks into at most so many groups."""
    if not tasks:
        yield []
        return
    first, rest = tasks[0], tasks[1:]
    for size in range(len(rest), -1, -1):
        for others in itertools.combinations(rest, size):
            left = [task for task in rest if task not in others]
            if left and most < 2:
                continue
            for more in _partitions(left, most - 1):
                yield [[first, *others], *more]


def _batch(model: TrainedModel, x: Any, y: Any, sample_weight: Any) -> tuple:
    return (*map(as_arrays, DataOf(model)(x, y)), as_weights(sample_weight))


def _program(model: TrainedModel, kind: str, make: Callable) -> Callable:
    compilation = model._needs_compile()
    if model._graph is None or not compilation.tasks:
        raise ArgumentError(
            f"{model.name}: what tasks share is read from the graph: it must be a model of inputs and outputs, with a loss."
        )
    parting = Parting(model.opened_graph(), [places for _, places in compilation.tasks])
    if not parting.shared_weights:
        raise ArgumentError(f"{model.name}: its tasks share no weight.")
    model._calls.program(False)
    return model._calls.kept((kind, compilation), lambda: make(model, parting.shared_weights))


def _losses(model: TrainedModel, shared: list, x: Any, y: Any, weights: Any) -> Callable:
    """A function of the shared weights' values to the tasks' losses."""

    def losses(values: list) -> Any:
        bindings = {**(current().bindings or {}), **dict(zip(shared, values, strict=True))}
        with scope(bindings=bindings, training=False, losses=[]):
            found = model._compilation.task_losses(y, model(x), weights)
        return jnp.stack([jnp.asarray(value, "float32") for value in found])

    return losses


def _products(model: TrainedModel, shared: list) -> Callable:
    def run(x: Any, y: Any, weights: Any) -> Any:
        losses, back = jax.vjp(_losses(model, shared, x, y, weights), [variable.value for variable in shared])
        return products_of(jax.vmap(back)(jnp.eye(len(losses)))[0])

    return run


def _gains(model: TrainedModel, shared: list) -> Callable:
    def run(x: Any, y: Any, weights: Any, rate: Any) -> Any:
        values, function = [variable.value for variable in shared], _losses(model, shared, x, y, weights)
        losses, back = jax.vjp(function, values)
        rows = jax.vmap(back)(jnp.eye(len(losses)))[0]
        moved = [
            function([v - rate * row[task] for v, row in zip(values, rows, strict=True)]) for task in range(len(losses))
        ]
        return 1 - jnp.stack(moved) / jnp.maximum(losses, 1e-30)

    return run
