"""A weighting in a training: its state as variables, and what it makes of the losses or gradients of a step.

A `Balance` belongs to one `compile(loss_weights=...)` with a weighting. Its variables are the optimizer's, so that the step
carries them, and files and backups keep them. `weigh` weighs losses in the forward pass; `combine` combines the gradients of a
weighting by gradients behind it (`training/task_gradients`).

A task without a label in a batch has a loss of 0 and no gradient: its own part of the state then stays as it is, and the
gradients of the others are added up plainly.

Life under jit: both run inside the step's trace, and assign variables that the step has bound.

What it is not: a weighting (`weightings/`).
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.scope import current
from plait.core.holder import keep
from plait.core.variable import Variable
from plait.errors import ArgumentError
from plait.training.parting import Parting
from plait.training.protocols import TrainedModel
from plait.weightings.base import GradientWeighting, Weighting


class Balance:
    """A weighting of some tasks.

    Args:
        weighting: the weighting.
        tasks: how many tasks there are.
        parting: where the tasks part; None for a weighting by losses.

    Attributes:
        at_features: whether gradients are compared where the tasks part.
        weights: the weights of the last step, (n,).
        variables: all of its variables.
        losses: in a trace, the tasks' losses.
        added: in a trace, what is added to them.
    """

    def __init__(self, weighting: Weighting, tasks: int, parting: Parting | None):
        self.weighting, self.parting = weighting, parting
        self.by_gradients = isinstance(weighting, GradientWeighting)
        self.at_features = isinstance(weighting, GradientWeighting) and weighting.at == "features"
        if isinstance(weighting, GradientWeighting):
            shared = parting.shared_weights if parting is not None else []
            rows = [jax.ShapeDtypeStruct((tasks, *weight.shape), "float32") for weight in shared]
            state = weighting.state_of(rows)
        else:
            state = weighting.init(tasks)
        leaves, self._structure = jax.tree.flatten(state)
        made = [np.ones(tasks, "float32"), np.zeros((), "int32"), *map(np.asarray, leaves)]
        names = ["task_weights", "task_epoch", *(f"task_state_{place}" for place in range(len(leaves)))]
        self.variables = [
            Variable(value, trainable=False, dtype=str(value.dtype), name=name)
            for value, name in zip(made, names, strict=True)
        ]
        self.weights, self._epoch, *self._state = self.variables
        self.losses: list[Any] = []
        self.added: list[Any] = []
        self._present: list[Any] = []

    def begin_epoch(self, epoch: int) -> None:
        """Notes the epoch's number."""
        self._epoch.assign(np.int32(epoch))

    def weigh(self, losses: Sequence[Any], present: Sequence[Any], added: Sequence[Any]) -> Any:
        """The weights of the tasks' losses in the forward pass.

        Args:
            losses: the tasks' losses.
            present: whether each has a label in the batch; True where none may be missing.
            added: what else the loss is made of.
        """
        if not current().training:
            return self.weights.value
        if self.by_gradients:
            self.losses[:], self.added[:], self._present[:] = losses, added, present
            return jnp.ones(len(losses), "float32")
        values = jax.lax.stop_gradient(_vector(losses))
        weights, state = self.weighting.update(values, self._values(), self._epoch.value)
        weights = jax.lax.stop_gradient(weights)
        self._assign(weights, state, self._all_present(present))
        return weights

    def combine(self, rows: list, losses: Any) -> list:
        """The gradient of what tasks share.

        Args:
            rows: the tasks' gradients, a list of (n, ...).
            losses: their losses, (n,).
        """
        weighting = self.weighting
        assert isinstance(weighting, GradientWeighting)
        combined, weights, state = weighting.combine(rows, losses, self._values(), self._epoch.value)
        present = self._all_present(self._present)
        if present is not None:
            complete = jnp.all(present)
            combined = [jnp.where(complete, one, jnp.sum(row, 0)) for one, row in zip(combined, rows, strict=True)]
            weights = jnp.where(complete, weights, present.astype(weights.dtype))
            present = jnp.broadcast_to(complete, present.shape)
        self._assign(weights, state, present)
        return combined

    @staticmethod
    def _all_present(present: Sequence[Any]) -> Any:
        """Which tasks have labels; None where all have, whatever the batch."""
        if all(one is True for one in present):
            return None
        return jnp.stack([jnp.asarray(one, bool) for one in present])

    def _values(self) -> Any:
        return self._structure.unflatten([variable.value for variable in self._state])

    def _assign(self, weights: Any, state: Any, present: Any) -> None:
        self.weights.assign(weights.astype("float32"))
        for variable, new in zip(self._state, jax.tree.leaves(state), strict=True):
            if present is not None:
                old = variable.value
                stays = present if new.shape[:1] == present.shape else jnp.any(present)
                new = jnp.where(stays.reshape(stays.shape + (1,) * (new.ndim - stays.ndim)), new, old)
            variable.assign(new)


def _vector(losses: Sequence[Any]) -> Any:
    return jnp.stack([jnp.asarray(loss, "float32") for loss in losses])


def balance_for(model: TrainedModel) -> None:
    """Makes the balance of a compiled model, as soon as its tasks are known, and hands its variables to the optimizer.

    Raises:
        ArgumentError: a weighting by gradients of a model without a graph, or whose tasks share nothing.
    """
    compilation, optimizer = model._compilation, model.optimizer
    if compilation.optimizer is not optimizer:
        compilation.optimizer = optimizer
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of one that scales the loss
    if optimizer is None or (compilation.weighting is None and "task_balance" not in vars(optimizer)):
        return
    if compilation.weighting is None:
        del optimizer.task_balance
    elif compilation.balance is None and compilation.tasks:
        parting = None
        if isinstance(compilation.weighting, GradientWeighting):
            parting = _parting(model, compilation)
        compilation.balance = Balance(compilation.weighting, len(compilation.tasks), parting)
        keep(optimizer, task_balance=compilation.balance.variables)


def _parting(model: TrainedModel, compilation: Any) -> Parting:
    who = f"{model.name}.compile: {type(compilation.weighting).__name__}"
    if model._graph is None or compilation.own_loss:
        raise ArgumentError(
            f"{who} compares gradients of what tasks share, which is read from the graph: it must be a model of inputs and "
            "outputs, without a `compute_loss` of its own. Use a weighting by losses."
        )
    parting = Parting(model.opened_graph(), [places for _, places in compilation.tasks])
    if not parting.shared_weights:
        raise ArgumentError(
            f"{who} compares gradients of what tasks share, but the tasks of {model.name!r} share no weight."
        )
    return parting
