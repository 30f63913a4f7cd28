"""The gradients of a step with a weighting by gradients: each task's own for its part, a combined one for what tasks share.

At "weights" the shared part is gone back through once a task, in one vectorised pass. At "features" the gradients of the tasks are
taken at the tensors where they part (`training/parting`), in one pass through the tasks' own parts; their combination goes
back through the shared part once.

Life under jit: traced into the step. What nobody reads of a backward pass, XLA doesn't compute.

What it is not: a way of combining (`weightings/by_gradient`).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from plait.common.scope import scope
from plait.training.balance import Balance


def gradients_by_task(trainer: Any, compute: Callable, trainable: list, slots: list, features: bool) -> tuple:
    """The gradients of the trainable weights, and what the forward pass hands on beside the loss.

    Args:
        trainer: the model's.
        compute: a function of the trainable weights that returns the loss, and what else; it leaves the tasks' losses in the balance.
        trainable: their values.
        slots: the optimizer's variables.
        features: whether the gradients are compared where tasks part.
    """
    model = trainer.model
    balance, variables = model._compilation.balance, trainer.trainable_variables
    run = _at_features if features else _at_weights
    return run(balance, compute, trainable, variables, _Slots(slots, model.optimizer))


class _Slots:
    """The optimizer's variables, whose values are a list that the forward pass hands on."""

    def __init__(self, variables: list, optimizer: Any):
        self._variables, self._optimizer = variables, optimizer

    def scale(self, state: list) -> Any:
        """What losses are multiplied by, so that small gradients don't vanish in float16."""
        with scope(bindings=dict(zip(self._variables, state, strict=True))):
            return jnp.asarray(self._optimizer.scale_loss(jnp.ones(())), "float32")

    def combine(self, balance: Balance, rows: list, losses: Any, state: list) -> list:
        """The combined gradient; the balance's variables change in the state, unless gradients overflowed."""
        scale, bindings = self.scale(state), dict(zip(self._variables, state, strict=True))
        rows = [row.astype("float32") / scale for row in rows]
        with scope(bindings=bindings):
            combined = balance.combine(rows, jax.lax.stop_gradient(losses))
        finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(row)) for row in rows]))
        ours = {id(variable) for variable in balance.variables}
        for place, variable in enumerate(self._variables):
            if id(variable) in ours:
                state[place] = jnp.where(finite, bindings[variable], state[place])
        return [one * scale for one in combined]


def _losses_of(balance: Balance, compute: Callable, features: bool) -> Callable:
    """A function of the trainable weights, and of what is added where tasks part, to the losses and the tensors there."""
    parting = balance.parting
    assert parting is not None

    def tasks(trainable: list, perturbations: Any = None) -> tuple:
        parting.perturbations = perturbations
        _, besides = compute(trainable)
        losses = [jnp.asarray(loss, "float32") for loss in balance.losses]
        rest = sum((jnp.sum(value.astype("float32")) for value in balance.added), start=jnp.zeros(()))
        return (jnp.stack([*losses, rest]), parting.features if features else []), besides

    return tasks


def _places(balance: Balance, variables: list) -> list[int]:
    assert balance.parting is not None
    shared = {id(weight) for weight in balance.parting.shared_weights}
    return [place for place, variable in enumerate(variables) if id(variable) in shared]


def _at_weights(balance: Balance, compute: Callable, trainable: list, variables: list, slots: "_Slots") -> tuple:
    shared, tasks = _places(balance, variables), _losses_of(balance, compute, False)
    (losses, _), back, besides = jax.vjp(tasks, trainable, has_aux=True)
    scale = slots.scale(besides[2])
    gradients = back((jnp.full_like(losses, scale), []))[0]
    each = jax.vmap(lambda task: back((task, []))[0])(scale * jnp.eye(len(losses), dtype=losses.dtype))
    rows = [each[place] for place in shared]
    combined = slots.combine(balance, [row[:-1] for row in rows], losses[:-1], besides[2])
    for place, gradient, row in zip(shared, combined, rows, strict=True):
        gradients[place] = (gradient + row[-1]).astype(trainable[place].dtype)
    return gradients, besides


def _at_features(balance: Balance, compute: Callable, trainable: list, variables: list, slots: "_Slots") -> tuple:
    shared, tasks = _places(balance, variables), _losses_of(balance, compute, True)
    shapes = jax.eval_shape(lambda t: tasks(t)[0][1], trainable)
    count = len(balance.losses)
    perturbations = [jnp.zeros((count, *shape.shape), shape.dtype) for shape in shapes]
    (losses, tensors), back, besides = jax.vjp(tasks, trainable, perturbations, has_aux=True)
    gradients, rows = back(
        (jnp.full_like(losses, slots.scale(besides[2])), [jnp.zeros_like(tensor) for tensor in tensors])
    )
    adds = bool(balance.added)
    assert balance.parting is not None
    combined = slots.combine(balance, list(rows), losses[:-1], besides[2])
    cotangents = [one.astype(tensor.dtype) for one, tensor in zip(combined, tensors, strict=True)]
    through = back((jnp.zeros_like(losses), cotangents))[0]
    # Its own gradient is 0, unless something is added to the loss, or a task's own part uses it, too.
    for place in shared:
        also = adds or id(variables[place]) in balance.parting.reused
        gradients[place] = gradients[place] + through[place] if also else through[place]
    return gradients, besides
