"""One step of any optimizer, as pure functions of lists of arrays.

A step, in this order: weights that are replaced by their gradients; the loss scale; the accumulation of gradients, which
goes on at every k-th step only; the update: clipping, decay of the weights, the rule (or `update_step` of a class written
for Keras), moving averages; constraints; the counter. So k accumulated steps are one step of a batch k times as large.

Verbs: `update` is the whole step; the others are its parts, and each returns `(weights, state)`.

Life under jit: traced as it is. What is decided in Python depends on options and on which gradients are None; what
depends on values is decided by `lax.cond` and `where`. Each result has the dtype of what it replaces.

What it is not: a method of `Optimizer`, only to keep that file short; it reads the optimizer's options and slots.

Differs from Keras: where gradients are accumulated, schedules and moving averages count updates (Keras: steps, so that
accumulation isn't the same as a large batch). A weight without a gradient keeps its slots and isn't decayed; the scalars of
a step are computed once, not for each weight.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import tree_flatten_with_path

from plait.common.scope import scope
from plait.core.pure import pure
from plait.core.variable import convert_to_tensor
from plait.errors import StateError
from plait.optimizers.slots import Key
from plait.optimizers.transforms import clip_all_by_norm, clip_each_by_norm, per_precision


def update(optimizer: Any, state: Sequence, gradients: Sequence, weights: Sequence) -> tuple[list, list]:
    """The whole step: see `Optimizer.update`."""
    variables, before, held = optimizer._trainable_variables, list(weights), list(state)
    gradients = in_dtypes_of(weights, gradients)
    weights, state, gradients = overwrite(optimizer, held, gradients, before)
    if optimizer.loss_scale_factor is not None:
        gradients = [g if g is None else g / optimizer.loss_scale_factor for g in gradients]
    go_on = accumulate if optimizer.gradient_accumulation_steps else descend
    weights, state = go_on(optimizer, state, gradients, weights)
    weights = [
        w if g is None or v.constraint is None else v.constraint(w)
        for v, g, w in zip(variables, gradients, weights, strict=True)
    ]
    return like(weights, before), like([state[0] + 1, *state[1:]], held)


def like(values: Sequence, before: Sequence) -> list:
    """Values in the dtypes of others, so that a loop can carry them."""
    return [jnp.asarray(v).astype(b.dtype) for v, b in zip(values, before, strict=True)]


def in_dtypes_of(weights: Sequence, gradients: Sequence) -> list:
    """Gradients in the dtypes of their weights; None stays None."""
    return [g if g is None else convert_to_tensor(g, w.dtype) for g, w in zip(gradients, weights, strict=True)]


def count(optimizer: Any, state: Sequence) -> Any:
    """How many updates a state has seen."""
    return state[0] // optimizer.gradient_accumulation_steps if optimizer.gradient_accumulation_steps else state[0]


def overwrite(optimizer: Any, state: Sequence, gradients: list, weights: Sequence) -> tuple[list, list, list]:
    """Replaces the weights that are marked so by their gradients, which the other parts don't see then.

    Such weights are statistics of layers of low precision, so that of accumulated gradients the largest counts.
    """
    state, gradients, weights = list(state), list(gradients), list(weights)
    marked = [
        index for index, variable in enumerate(optimizer._trainable_variables) if variable.overwrite_with_gradient
    ]
    for index in marked:
        gradient, gradients[index] = gradients[index], None
        if gradient is not None and optimizer.gradient_accumulation_steps:
            place = optimizer._places("gradient_accumulator")[optimizer._trainable_variables[index]]
            due, largest = is_due(optimizer, state), jnp.maximum(gradient, state[place])
            state[place] = jnp.where(due, jnp.zeros_like(largest), largest)
            gradient = jnp.where(due, largest, weights[index])
        weights[index] = weights[index] if gradient is None else gradient
    return weights, state, gradients


def is_due(optimizer: Any, state: Sequence) -> Any:
    """Whether this is a k-th step."""
    return (state[0] + 1) % optimizer.gradient_accumulation_steps == 0


def accumulate(optimizer: Any, state: Sequence, gradients: list, weights: Sequence) -> tuple[list, list]:
    """Adds the gradients up; at every k-th step, goes on with their mean and starts again."""
    steps, places = optimizer.gradient_accumulation_steps, optimizer._places("gradient_accumulator")
    places = [places[variable] for variable in optimizer._trainable_variables]
    sums, empty = list(state), list(state)
    for place, gradient in zip(places, gradients, strict=True):
        if gradient is not None:
            sums[place] = state[place] + gradient
            empty[place] = jnp.zeros_like(state[place])
    means = [g if g is None else sums[place] / steps for place, g in zip(places, gradients, strict=True)]

    def go_on() -> tuple[list, list]:
        moved, after = descend(optimizer, empty, means, weights)
        return like(moved, weights), like(after, state)

    return jax.lax.cond(is_due(optimizer, state), go_on, lambda: (like(weights, weights), like(sums, state)))


def descend(optimizer: Any, state: Sequence, gradients: list, weights: Sequence) -> tuple[list, list]:
    """Clips, decays, applies the rule, and moves the averages on."""
    rate = optimizer._rate_in(state)
    gradients = clip(optimizer, gradients)
    weights = [
        w if g is None else decay(optimizer, v, w, rate)
        for v, w, g in zip(optimizer._trainable_variables, weights, gradients, strict=True)
    ]
    go_on = run_update_steps if optimizer.steps_by_variable else run_rule
    weights, state = go_on(optimizer, state, gradients, weights, rate)
    return average(optimizer, state, weights) if optimizer.use_ema else (weights, state)


def clip(optimizer: Any, gradients: list) -> list:
    """Limits the gradients as the options say."""
    if optimizer.clipnorm and optimizer.clipnorm > 0:
        pair = clip_each_by_norm(optimizer.clipnorm)
    elif optimizer.global_clipnorm and optimizer.global_clipnorm > 0:
        pair = clip_all_by_norm(optimizer.global_clipnorm)
    elif optimizer.clipvalue and optimizer.clipvalue > 0:
        pair = optax.clip(optimizer.clipvalue)
    else:
        return gradients
    return pair.update(gradients, optax.EmptyState())[0]  # type: ignore[return-value]


def decay(optimizer: Any, variable: Any, weight: Any, rate: Any) -> Any:
    """Decays one weight, unless it is excluded."""
    share = optimizer.weight_decay_of(variable)
    return weight if share is None else weight - weight * (share * jnp.asarray(rate)).astype(weight.dtype)


def run_rule(optimizer: Any, state: Sequence, gradients: list, weights: list, rate: Any) -> tuple[list, list]:
    """Applies the rule to all weights that have a gradient; the others stay as they are, and so do their slots."""
    places = {variable: place for place, variable in enumerate(optimizer._trainable_variables)}
    live = {path: places[owner] for path, owner in optimizer._owners().items() if gradients[places[owner]] is not None}
    moved, after = list(weights), list(state)
    groups = optimizer.cohorts(live)
    for number, paths in enumerate(groups):
        given, held = {path: gradients[live[path]] for path in paths}, {path: weights[live[path]] for path in paths}
        updates, after = apply_rule(optimizer, after, given, held, rate, last=number == len(groups) - 1)
        for path in paths:
            moved[live[path]] = held[path] + updates[path].astype(held[path].dtype)
    return moved, after


def apply_rule(
    optimizer: Any, state: Sequence, gradients: dict, weights: dict, rate: Any, last: bool
) -> tuple[Any, list]:
    """Runs the rule on one cohort of weights, by path: gives the updates, and the state after it.

    The last one in a step also writes what belongs to all, so that each reads what was there before the step.

    Raises:
        StateError: a class with neither a rule nor an `update_step`.
    """
    rule, owners, after = optimizer.rule(), optimizer._owners(), list(state)
    if rule is None:
        raise StateError(f"{type(optimizer).__name__}: an optimizer must define `update_step` or `rule`.")
    leaves, structure = tree_flatten_with_path(jax.eval_shape(rule.init, weights))
    known = optimizer._slots.places(len(optimizer._own_variables()))
    keys = [Key(*optimizer.place(path, owners)) for path, _ in leaves]
    born = optimizer.born(owners[next(iter(weights))])
    updates, inner = optax.with_extra_args_support(rule).update(
        gradients,
        structure.unflatten([state[known[key]] for key in keys]),
        weights,
        learning_rate=rate,
        step=jnp.maximum(count(optimizer, state) - born, 0) + 1,  # the counter may be set back below
    )
    for key, value in zip(keys, jax.tree.leaves(inner), strict=True):
        if key.owner is not None or last:
            after[known[key]] = value
    return updates, after


def run_update_steps(optimizer: Any, state: Sequence, gradients: list, weights: list, rate: Any) -> tuple[list, list]:
    """Runs the `update_step` of a class written for Keras, which assigns variables, as a pure function."""
    variables = optimizer._trainable_variables

    def run() -> None:
        for gradient, variable in zip(gradients, variables, strict=True):
            if gradient is not None:
                optimizer.update_step(gradient, variable, rate)

    with scope(compute_dtype=None):
        _, values = pure(run, [*optimizer.variables, *variables])([*state, *weights])
    return values[len(state) :], values[: len(state)]


def average(optimizer: Any, state: Sequence, weights: Sequence) -> tuple[list, list]:
    """Moves the averages on, and puts them in the weights' place when it is time."""
    state, weights = list(state), list(weights)
    updates, frequency, places = (
        count(optimizer, state),
        optimizer.ema_overwrite_frequency,
        optimizer._places("average"),
    )

    def momentum_in(dtype: str) -> Any:  # the first average is a copy
        return jnp.where(updates == 0, jnp.zeros((), dtype), jnp.asarray(optimizer.ema_momentum, dtype))

    momentum = per_precision(momentum_in)
    for index, variable in enumerate(optimizer._trainable_variables):
        if variable in places:
            place, weight = places[variable], weights[index]
            kept = momentum(weight)
            state[place] = kept * state[place] + (1.0 - kept) * weight
            if frequency:
                weights[index] = jnp.where((updates + 1) % frequency == 0, state[place], weight)
    return weights, state
