"""One step of any optimizer, as a pure function of lists of arrays and a frozen Plan.

A `Plan` is all that a step has to know besides arrays: the weights, where in the state each slot is, the rule, and the
options. `Optimizer` makes one; here nobody reads an optimizer.

A step, in this order: weights that are replaced by their gradients; the loss scale; the accumulation of gradients, which
goes on at every k-th step only; the update: clipping, decay of the weights, the rule (or the `update_step` of a class
written for Keras), moving averages; constraints; the counter. So k accumulated steps are one step of a batch k times as
large.

Verbs: `update` is the whole step; the others are its parts, and each returns `(weights, state)`.

Life under jit: traced as it is. What is decided in Python depends on the plan and on which gradients are None; what
depends on values is decided by `lax.cond` and `where`. Each result has the dtype of what it replaces.

Differs from Keras: where gradients are accumulated, schedules and moving averages count updates (Keras: steps, so that
accumulation isn't the same as a large batch). A weight without a gradient keeps its slots and isn't decayed; the scalars of
a step are computed once, not for each weight.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import tree_flatten_with_path

from plait.core.variable import Variable, convert_to_tensor
from plait.errors import StateError
from plait.optimizers.slots import Key
from plait.optimizers.transforms import per_precision

Arrays = Sequence[Any]


@dataclass(frozen=True)
class Plan:
    """What a step has to know besides arrays.

    Attributes:
        owner: the class of the optimizer, for errors.
        weights: the weights, in the order of gradients.
        owners: those that the rule updates, by path; not those that are replaced by their gradients.
        places: where in the state each slot is.
        births: after how many updates each weight came.
        rule: from gradients to updates; None where `update_steps` does it.
        update_steps: the update of a class written for Keras: from state, gradients, weights and rate.
        place: which weight and field an array of the rule's state belongs to, from its path in that state.
        cohorts: groups paths of weights; each group is updated by itself, the last one with what belongs to all.
        rate: the learning rate, from a state.
        shares: by how much each weight decays, times the rate; None for not at all.
        clipping: limits gradients; None where they may be anything.
        accumulated: over how many steps gradients are added up; None for one.
        loss_scale: what gradients are divided by; None for nothing.
        averaging: how much of the moving averages stays, and after how many updates they replace the weights (None for
            never); None where no averages are kept.
    """

    owner: str
    weights: tuple[Variable, ...]
    owners: Mapping[str, Variable]
    places: Mapping[Key, int]
    births: Mapping[Variable, int]
    rule: optax.GradientTransformation | None
    update_steps: Callable[[Arrays, Arrays, Arrays, Any], tuple[list, list]] | None
    place: Callable[[tuple, Mapping[str, Variable]], tuple[Variable | None, str]]
    cohorts: Callable[[Iterable[str]], list[list[str]]]
    rate: Callable[[Arrays], Any]
    shares: tuple[float | None, ...]
    clipping: optax.GradientTransformation | None
    accumulated: int | None
    loss_scale: float | None
    averaging: tuple[float, int | None] | None


def update(plan: Plan, state: Arrays, gradients: Arrays, weights: Arrays) -> tuple[list, list]:
    """The whole step: see `Optimizer.update`."""
    before, held = list(weights), list(state)
    weights, state, gradients = overwrite(plan, held, in_dtypes_of(before, gradients), before)
    if plan.loss_scale is not None:
        gradients = [g if g is None else g / plan.loss_scale for g in gradients]
    weights, state = (accumulate if plan.accumulated else descend)(plan, state, gradients, weights)
    weights = [
        w if g is None or v.constraint is None else v.constraint(w)
        for v, g, w in zip(plan.weights, gradients, weights, strict=True)
    ]
    return like(weights, before), like([state[0] + 1, *state[1:]], held)


def like(values: Arrays, before: Arrays) -> list:
    """Values in the dtypes of others, so that a loop can carry them."""
    return [jnp.asarray(v).astype(b.dtype) for v, b in zip(values, before, strict=True)]


def in_dtypes_of(weights: Arrays, gradients: Arrays) -> list:
    """Gradients in the dtypes of their weights; None stays None."""
    return [g if g is None else convert_to_tensor(g, w.dtype) for g, w in zip(gradients, weights, strict=True)]


def count(iteration: Any, accumulated: int | None) -> Any:
    """How many updates there were after so many steps."""
    return iteration // accumulated if accumulated else iteration


def overwrite(plan: Plan, state: Arrays, gradients: Arrays, weights: Arrays) -> tuple[list, list, list]:
    """Replaces the weights that are marked so by their gradients, which the other parts don't see then.

    Such weights are statistics of layers of low precision, so that of accumulated gradients the largest counts.
    """
    state, gradients, weights = list(state), list(gradients), list(weights)
    marked = [index for index, variable in enumerate(plan.weights) if variable.overwrite_with_gradient]
    for index in marked:
        gradient, gradients[index] = gradients[index], None
        if gradient is not None and plan.accumulated:
            place = plan.places[Key(plan.weights[index], "gradient_accumulator")]
            due, largest = is_due(plan, state), jnp.maximum(gradient, state[place])
            state[place] = jnp.where(due, jnp.zeros_like(largest), largest)
            gradient = jnp.where(due, largest, weights[index])
        weights[index] = weights[index] if gradient is None else gradient
    return weights, state, gradients


def is_due(plan: Plan, state: Arrays) -> Any:
    """Whether this is a k-th step."""
    return (state[0] + 1) % plan.accumulated == 0


def accumulate(plan: Plan, state: Arrays, gradients: Arrays, weights: Arrays) -> tuple[list, list]:
    """Adds the gradients up; at every k-th step, goes on with their mean and starts again."""
    places = [plan.places[Key(variable, "gradient_accumulator")] for variable in plan.weights]
    sums, empty = list(state), list(state)
    for place, gradient in zip(places, gradients, strict=True):
        if gradient is not None:
            sums[place] = state[place] + gradient
            empty[place] = jnp.zeros_like(state[place])
    means = [g if g is None else sums[place] / plan.accumulated for place, g in zip(places, gradients, strict=True)]

    def go_on() -> tuple[list, list]:
        moved, after = descend(plan, empty, means, weights)
        return like(moved, weights), like(after, state)

    return jax.lax.cond(is_due(plan, state), go_on, lambda: (like(weights, weights), like(sums, state)))


def descend(plan: Plan, state: Arrays, gradients: Arrays, weights: Arrays) -> tuple[list, list]:
    """Clips, decays, applies the rule, and moves the averages on."""
    rate = plan.rate(state)
    if plan.clipping is not None:
        gradients = plan.clipping.update(list(gradients), optax.EmptyState())[0]  # type: ignore[assignment]
    weights = [
        w if g is None or share is None else w - w * (share * jnp.asarray(rate)).astype(w.dtype)
        for share, w, g in zip(plan.shares, weights, gradients, strict=True)
    ]
    if plan.update_steps is not None:
        weights, state = plan.update_steps(state, gradients, weights, rate)
    else:
        weights, state = run_rule(plan, state, gradients, weights, rate)
    return average(plan, state, weights, plan.averaging) if plan.averaging is not None else (weights, list(state))


def run_rule(plan: Plan, state: Arrays, gradients: Arrays, weights: list, rate: Any) -> tuple[list, list]:
    """Applies the rule to all weights that have a gradient; the others stay as they are, and so do their slots."""
    at = {variable: index for index, variable in enumerate(plan.weights)}
    live = {path: at[owner] for path, owner in plan.owners.items() if gradients[at[owner]] is not None}
    moved, after = list(weights), list(state)
    groups = plan.cohorts(live)
    for number, paths in enumerate(groups):
        given, held = {path: gradients[live[path]] for path in paths}, {path: weights[live[path]] for path in paths}
        updates, after = apply_rule(plan, after, given, held, rate, last=number == len(groups) - 1)
        for path in paths:
            moved[live[path]] = held[path] + updates[path].astype(held[path].dtype)
    return moved, after


def apply_rule(plan: Plan, state: Arrays, gradients: dict, weights: dict, rate: Any, last: bool) -> tuple[Any, list]:
    """Runs the rule on one cohort of weights, by path, and returns the updates, and the state after it.

    The last one in a step also writes what belongs to all, so that each reads what was there before the step.

    Raises:
        StateError: a class with neither a rule nor an `update_step`.
    """
    if plan.rule is None:
        raise StateError(f"{plan.owner}: an optimizer must define `update_step` or `rule`.")
    after = list(state)
    leaves, structure = tree_flatten_with_path(jax.eval_shape(plan.rule.init, weights))
    keys = [Key(*plan.place(path, plan.owners)) for path, _ in leaves]
    born = plan.births[plan.owners[next(iter(weights))]]
    updates, inner = optax.with_extra_args_support(plan.rule).update(
        gradients,
        structure.unflatten([state[plan.places[key]] for key in keys]),
        weights,
        learning_rate=rate,
        step=jnp.maximum(count(state[0], plan.accumulated) - born, 0) + 1,  # the counter may be set back below
    )
    for key, value in zip(keys, jax.tree.leaves(inner), strict=True):
        if key.owner is not None or last:
            after[plan.places[key]] = value
    return updates, after


def average(plan: Plan, state: Arrays, weights: list, averaging: tuple[float, int | None]) -> tuple[list, list]:
    """Moves the averages on, and puts them in the weights' place when it is time."""
    state, weights, updates = list(state), list(weights), count(state[0], plan.accumulated)
    staying, frequency = averaging

    def momentum_in(dtype: str) -> Any:  # the first average is a copy
        return jnp.where(updates == 0, jnp.zeros((), dtype), jnp.asarray(staying, dtype))

    momentum = per_precision(momentum_in)
    for index, variable in enumerate(plan.weights):
        place = plan.places.get(Key(variable, "average"))
        if place is not None:
            weight = weights[index]
            kept = momentum(weight)
            state[place] = kept * state[place] + (1.0 - kept) * weight
            if frequency:
                weights[index] = jnp.where((updates + 1) % frequency == 0, state[place], weight)
    return weights, state
