"""A weighting: what each task counts in the step, as a pure pair, `init(tasks) -> state` and `update`.

`compile(loss_weights=Uncertainty())` hands one to the training, which keeps its state among the optimizer's variables, so that
it is saved, restored and resumed with them. There are two kinds:

    Weighting            update(losses, state, epoch) -> weights, state         from the tasks' losses alone
    GradientWeighting    update(products, losses, state, epoch) -> weights, state    from the products of their gradients

A gradient weighting acts on what the tasks share; the parts of the graph that lead to one task alone get that task's own gradient.
What needs more than the products of gradients, n x n for n tasks, defines `combine` instead.

Life under jit: `update` is traced into the step. States are any structure of arrays, and keep their shapes and dtypes.

What it is not: a place for variables (`training/balance`).
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from plait.common import constructors
from plait.common.messages import describe
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.common.watched import Watched
from plait.errors import ArgumentError, MissingError

weighting = builtin("weightings", module="plait.multitask")


@of_plait
class Weighting(Watched):
    """The parent of all weightings by losses. One of your own defines `update`, and `init` if it has state.

    >>> class Inverse(Weighting):
    ...     def update(self, losses, state, epoch):
    ...         return jnp.sum(losses) / losses, state
    >>> Inverse().update(jnp.array([1.0, 3.0]), (), 0)[0].tolist()
    [4.0, 1.3333333730697632]
    """

    def init(self, tasks: int) -> Any:
        """The state before the first step, for so many tasks."""
        return ()

    def update(self, losses: Any, state: Any, epoch: Any) -> tuple[Any, Any]:
        """The weights of a step, and the state after it.

        Args:
            losses: the tasks' losses, (n,).
            state: the state before.
            epoch: the epoch's number, from 0.
        """
        raise MissingError(f"{type(self).__name__}: a weighting defines `update(losses, state, epoch)`.")

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return constructors.kept_arguments(self, type(self))

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """A weighting from its config."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


@of_plait
class GradientWeighting(Weighting):
    """The parent of all weightings by gradients. One of your own defines `update`, or `combine`.

    Args:
        at: where gradients are compared: "weights", those that tasks share, or "features", the tensors where tasks part,
            so that the shared part is gone back through once.

    Raises:
        ArgumentError: another place.

    >>> class Shortest(GradientWeighting):
    ...     def update(self, products, losses, state, epoch):
    ...         return jax.nn.one_hot(jnp.argmin(jnp.diag(products)), len(losses)), state
    >>> rows = [jnp.array([[3.0, 0.0], [1.0, 1.0]])]
    >>> Shortest().combine(rows, jnp.ones(2), (), 0)[0][0].tolist()
    [1.0, 1.0]
    """

    only_weights = False  # whether its state is as large as the shared weights

    def __init__(self, at: str = "weights"):
        if at not in ("weights", "features"):
            raise ArgumentError(f"{type(self).__name__}: `at` must be 'weights' or 'features', but got {describe(at)}.")
        if at == "features" and self.only_weights:
            raise ArgumentError(
                f"{type(self).__name__} keeps gradients from step to step, which those of features can't be: use at='weights'."
            )
        self.at = at

    def state_of(self, rows: Sequence[Any]) -> Any:
        """The state before the first step.

        Args:
            rows: the gradients of n tasks, (n, ...) each, or their shapes.
        """
        return self.init(rows[0].shape[0])

    def update(self, products: Any, losses: Any, state: Any, epoch: Any) -> tuple[Any, Any]:  # type: ignore[override]
        """The weights of a step, and the state after it.

        Args:
            products: the inner products of the tasks' gradients, (n, n).
            losses: the tasks' losses, (n,).
            state: the state before.
            epoch: the epoch's number, from 0.
        """
        raise MissingError(f"{type(self).__name__}: it defines `update(products, losses, state, epoch)`.")

    def combine(self, rows: list, losses: Any, state: Any, epoch: Any) -> tuple[list, Any, Any]:
        """The gradient of the shared part, the weights that the tasks have in it, and the state after the step.

        Args:
            rows: the gradients of n tasks, a list of (n, ...).
            losses: the tasks' losses, (n,).
            state: the state before.
            epoch: the epoch's number, from 0.
        """
        weights, state = self.update(products_of(rows), losses, state, epoch)
        return weighed(weights, rows), weights, state


def products_of(rows: Sequence[Any]) -> Any:
    """The inner products of the tasks' gradients, (n, n), from a list of (n, ...).

    >>> products_of([jnp.array([[1.0, 2.0], [0.0, 3.0]])]).tolist()
    [[5.0, 6.0], [6.0, 9.0]]
    """
    flat = [row.reshape(row.shape[0], -1).astype("float32") for row in rows]
    return sum(jnp.matmul(row, row.T, precision="highest") for row in flat)


def weighed(weights: Any, rows: Sequence[Any]) -> list:
    """The weighted sums of the tasks' gradients."""
    return [jnp.tensordot(weights.astype(row.dtype), row, axes=1, precision="highest") for row in rows]


def key_of(seed: int, step: Any) -> Any:
    """The random key of a step."""
    return jax.random.fold_in(jax.random.key(seed), step)
