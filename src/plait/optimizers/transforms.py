"""The arithmetic of Keras's optimizers, as Optax pairs: `init(weights) -> state`, `update(gradients, state, weights)`.

Each pair does one thing to a tree of updates, so that an optimizer is a chain of them (`algorithms.py`). They stand
here only where Keras differs from Optax, or where Optax has no such pair; the rest is Optax's own. States are
NamedTuples whose fields are trees parallel to the weights, called as Keras calls the variables they become.

Two things reach a pair as extra arguments, by name, because they belong to the whole optimizer: `learning_rate`, a
scalar, and `step`, the number of the update counted from 1. `optax.chain` passes them on.

Verbs: the pairs; `per_precision` computes a scalar of the step once for all weights.

Life under jit: pure arithmetic. Every update has the dtype of its weight, and every state keeps its dtype.

What it is not: a place that knows Variables, names or options such as weight decay; `base.py` does.

Differs from Optax: there, each pair counts its own steps, and the rate is applied last; Keras counts once for all.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from optax import EmptyState, GradientTransformationExtraArgs

from plait.core.variable import zeros_like

Tree = Any


def per_precision(scalar: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Computes a scalar at most twice for all weights: in float64 for those that are, in float32 for all others.

    Args:
        scalar: computes it in the dtype that it is given by name.

    Returns:
        a function of a weight that returns the scalar in the weight's dtype.

    >>> half = per_precision(lambda dtype: jnp.asarray(0.5, dtype))
    >>> half(jnp.ones((2,), "bfloat16")).dtype.name
    'bfloat16'
    """
    known: dict[str, Any] = {}

    def of(weight: Any) -> Any:
        dtype = "float64" if weight.dtype.name in ("float64", "complex128") else "float32"
        if dtype not in known:
            known[dtype] = scalar(dtype)
        return known[dtype].astype(weight.dtype)

    return of


def zeros(weights: Tree) -> Tree:
    """Zeros like the weights: where most states start."""
    return jax.tree.map(zeros_like, weights)


def pair(init: Callable[..., Any], update: Callable[..., Any]) -> GradientTransformationExtraArgs:
    """An Optax pair of two functions."""
    return GradientTransformationExtraArgs(init, update)


def stateless(function: Callable) -> GradientTransformationExtraArgs:
    """A pair without state from `function(updates, weights, learning_rate, step) -> updates`."""

    def update(updates: Tree, state: EmptyState, weights: Tree = None, *, learning_rate: Any = 1.0, step: Any = 1, **_):
        return function(updates, weights, learning_rate, step), state

    return pair(lambda _: EmptyState(), update)


def moving(average: Any, value: Any, share: Any) -> Any:
    """An exponential moving average, one step on; `share` is how much the new value counts."""
    return average + (value - average) * share


def norm(*tensors: Any) -> Any:
    """The Euclidean norm of tensors taken as one vector, computed in float32 at least."""
    dtype = "float64" if any(x.dtype.name == "float64" for x in tensors) else "float32"
    return jnp.sqrt(sum(jnp.sum(jnp.square(x.astype(dtype))) for x in tensors))


def root_mean_square(x: Any) -> Any:
    """The square root of the mean of the squares."""
    return jnp.sqrt(jnp.mean(jnp.square(x)))


# ---------------------------------------------------------------------------- for every optimizer


def descend() -> GradientTransformationExtraArgs:
    """Turns directions into steps: `-learning_rate * update`."""

    def step_down(updates: Tree, _weights: Tree, learning_rate: Any, _step: Any) -> Tree:
        rate = per_precision(lambda dtype: jnp.asarray(learning_rate, dtype))
        return jax.tree.map(lambda u: -rate(u) * u, updates)

    return stateless(step_down)


def clip_each_by_norm(limit: float) -> GradientTransformationExtraArgs:
    """Scales each tensor down to a Euclidean norm of at most `limit`.

    Differs: Optax clips by the norm of all tensors together, which here is `clip_all_by_norm`.
    """

    def clip(updates: Tree, *_: Any) -> Tree:
        return jax.tree.map(lambda u: u * (limit / jnp.maximum(norm(u), limit)).astype(u.dtype), updates)

    return stateless(clip)


def clip_all_by_norm(limit: float) -> GradientTransformationExtraArgs:
    """Scales all tensors by one factor, so that their Euclidean norm as one vector is at most `limit`.

    Differs: `optax.clip_by_global_norm` adds up in the dtypes of the tensors; this one in float32 at least, as dtypes
    may be mixed.
    """

    def clip(updates: Tree, *_: Any) -> Tree:
        factor = per_precision((limit / jnp.maximum(norm(*jax.tree.leaves(updates)), limit)).astype)
        return jax.tree.map(lambda u: u * factor(u), updates)

    return stateless(clip)


class MomentumState(NamedTuple):
    """What `accumulate` remembers.

    Attributes:
        momentum: the decayed sum of the updates.
    """

    momentum: Tree


def accumulate(momentum: float, nesterov: bool = False) -> GradientTransformationExtraArgs:
    """`m <- momentum * m + u`; gives `m`, or with `nesterov` what it will be if the next update is the same.

    Differs: `optax.trace` is the same arithmetic; Keras applies it to steps, with the rate inside, and not to
    gradients, so that a change of the rate takes `1 / (1 - momentum)` updates to be felt.
    """

    def update(updates: Tree, state: MomentumState, weights: Tree = None, **_: Any) -> tuple[Tree, MomentumState]:
        total = jax.tree.map(lambda m, u: momentum * m + u, state.momentum, updates)
        if nesterov:
            return jax.tree.map(lambda m, u: momentum * m + u, total, updates), MomentumState(total)
        return total, MomentumState(total)

    return pair(lambda weights: MomentumState(zeros(weights)), update)


# ---------------------------------------------------------------------------- the Adam family


class MomentsState(NamedTuple):
    """What the Adam family remembers.

    Attributes:
        momentum: the moving average of the gradients.
        velocity: the moving average of their squares.
        velocity_hat: the highest velocity so far; empty without `amsgrad`.
    """

    momentum: Tree
    velocity: Tree
    velocity_hat: Tree = ()


def next_moments(gradients: Tree, state: MomentsState, beta_1: float, beta_2: float) -> MomentsState:
    """Both moving averages, one step on."""
    momentum = jax.tree.map(lambda m, g: _moved(m, g, 1.0 - beta_1), state.momentum, gradients)
    velocity = jax.tree.map(lambda v, g: _moved_square(v, g, 1.0 - beta_2), state.velocity, gradients)
    return state._replace(momentum=momentum, velocity=velocity)


# Traced once for each shape, not once for each weight: XLA sees through the call, and computes the same.


@partial(jax.jit, static_argnums=2)
def _moved(average: Any, value: Any, share: float) -> Any:
    return moving(average, value, share)


@partial(jax.jit, static_argnums=2)
def _moved_square(average: Any, value: Any, share: float) -> Any:
    return moving(average, jnp.square(value), share)


@partial(jax.jit, static_argnums=3)
def _adam_update(momentum: Any, velocity: Any, correction: Any, epsilon: float) -> Any:
    return correction * momentum / (jnp.sqrt(velocity) + epsilon)


def power(base: float, step: Any, dtype: str) -> Any:
    """`base ** step` in a dtype."""
    return jnp.asarray(base, dtype) ** jnp.asarray(step).astype(dtype)


def complement(beta: float) -> Callable[[Any], Any]:
    """`1 - beta` with beta rounded as in `power(beta, step)`, so that the first corrected average is the gradient."""
    return per_precision(lambda dtype: 1.0 - jnp.asarray(beta, dtype))


def scale_by_adam(
    beta_1: float, beta_2: float, epsilon: float, amsgrad: bool = False
) -> GradientTransformationExtraArgs:
    """`c * m / (sqrt(v) + epsilon)` with `c = sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)`.

    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2014, the formula before section 2.1; `amsgrad`
    from Reddi, Kale and Kumar, On the Convergence of Adam and Beyond, 2018.

    Differs: this epsilon is the paper's "epsilon hat", which isn't corrected for bias; Optax has the epsilon of the
    paper's algorithm 1, after the correction, and so takes smaller steps at first for the same number.
    """

    def init(weights: Tree) -> MomentsState:
        return MomentsState(zeros(weights), zeros(weights), zeros(weights) if amsgrad else ())

    def update(gradients: Tree, state: MomentsState, weights: Tree = None, *, step: Any, **_: Any):
        correction = per_precision(
            lambda dtype: jnp.sqrt(1.0 - power(beta_2, step, dtype)) / (1.0 - power(beta_1, step, dtype))
        )
        state = next_moments(gradients, state, beta_1, beta_2)
        if amsgrad:
            state = state._replace(velocity_hat=jax.tree.map(jnp.maximum, state.velocity_hat, state.velocity))
        return jax.tree.map(
            lambda m, v: _adam_update(m, v, correction(m), epsilon),
            state.momentum,
            state.velocity_hat if amsgrad else state.velocity,
        ), state

    return pair(init, update)


def scale_by_corrected_adam(beta_1: float, beta_2: float, epsilon: float) -> GradientTransformationExtraArgs:
    """`m' / (sqrt(v') + epsilon)`, where m' and v' are the averages corrected for bias: the paper's algorithm 1.

    Differs: not from `optax.scale_by_adam`, but the step comes from outside.
    """

    def update(gradients: Tree, state: MomentsState, weights: Tree = None, *, step: Any, **_: Any):
        first = per_precision(lambda dtype: 1.0 - power(beta_1, step, dtype))
        second = per_precision(lambda dtype: 1.0 - power(beta_2, step, dtype))
        state = next_moments(gradients, state, beta_1, beta_2)
        return jax.tree.map(
            lambda m, v: m / first(m) / (jnp.sqrt(v / second(v)) + epsilon), state.momentum, state.velocity
        ), state

    return pair(lambda weights: MomentsState(zeros(weights), zeros(weights)), update)


class AdamaxState(NamedTuple):
    """What `scale_by_adamax` remembers.

    Attributes:
        momentum: the moving average of the gradients.
        norm: the decayed maximum of their absolute values.
    """

    momentum: Tree
    norm: Tree


def scale_by_adamax(beta_1: float, beta_2: float, epsilon: float) -> GradientTransformationExtraArgs:
    """`m / ((1 - beta_1 ** t) * (u + epsilon))` with `u <- max(beta_2 * u, |g|)`.

    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2014, section 7.1.
    Differs: Optax adds epsilon to `|g|` inside the maximum.
    """

    def update(gradients: Tree, state: AdamaxState, weights: Tree = None, *, step: Any, **_: Any):
        correction = per_precision(lambda dtype: 1.0 - power(beta_1, step, dtype))
        momentum = jax.tree.map(lambda m, g: moving(m, g, 1.0 - beta_1), state.momentum, gradients)
        largest = jax.tree.map(lambda u, g: jnp.maximum(beta_2 * u, jnp.abs(g)), state.norm, gradients)
        updates = jax.tree.map(lambda m, u: m / (correction(m) * (u + epsilon)), momentum, largest)
        return updates, AdamaxState(momentum, largest)

    return pair(lambda weights: AdamaxState(zeros(weights), zeros(weights)), update)


class NadamState(NamedTuple):
    """What `scale_by_nadam` remembers.

    Attributes:
        momentum: the moving average of the gradients.
        velocity: the moving average of their squares.
        product: the product of all momentum coefficients so far, a scalar.
    """

    momentum: Tree
    velocity: Tree
    product: Any


def scale_by_nadam(beta_1: float, beta_2: float, epsilon: float) -> GradientTransformationExtraArgs:
    """Adam with Nesterov momentum, whose coefficient grows as `u(t) = beta_1 * (1 - 0.96 ** t / 2)`.

    Source: Dozat, Incorporating Nesterov Momentum into Adam, 2015, with the schedule of Sutskever et al., 2013.
    Differs: Optax's Nadam has a constant coefficient.
    """

    def init(weights: Tree) -> NadamState:
        wide = any(weight.dtype.name == "float64" for weight in jax.tree.leaves(weights))
        return NadamState(zeros(weights), zeros(weights), jnp.ones((), "float64" if wide else "float32"))

    def update(gradients: Tree, state: NadamState, weights: Tree = None, *, step: Any, **_: Any):
        dtype = state.product.dtype.name
        now = beta_1 * (1.0 - 0.5 * power(0.96, step, dtype))
        later = beta_1 * (1.0 - 0.5 * power(0.96, step + 1, dtype))
        product = state.product * now
        of_momentum, of_gradient = later / (1.0 - product * later), (1.0 - now) / (1.0 - product)
        a, b = per_precision(of_momentum.astype), per_precision(of_gradient.astype)
        second = per_precision(lambda dtype: 1.0 - power(beta_2, step, dtype))
        share_1, share_2 = complement(beta_1), complement(beta_2)
        momentum = jax.tree.map(lambda m, g: moving(m, g, share_1(m)), state.momentum, gradients)
        velocity = jax.tree.map(lambda v, g: moving(v, jnp.square(g), share_2(v)), state.velocity, gradients)
        updates = jax.tree.map(
            lambda g, m, v: (a(m) * m + b(g) * g) / (jnp.sqrt(v / second(v)) + epsilon), gradients, momentum, velocity
        )
        return updates, NadamState(momentum, velocity, product)

    return pair(init, update)


def scale_by_lion(beta_1: float, beta_2: float) -> GradientTransformationExtraArgs:
    """The sign of a blend of momentum and gradient.

    Source: Chen et al., Symbolic Discovery of Optimization Algorithms, 2023.
    Differs: not from `optax.scale_by_lion`, but there is no counter.
    """

    def update(gradients: Tree, state: MomentumState, weights: Tree = None, **_: Any) -> tuple[Tree, MomentumState]:
        updates = jax.tree.map(lambda m, g: jnp.sign(beta_1 * m + (1.0 - beta_1) * g), state.momentum, gradients)
        momentum = jax.tree.map(lambda m, g: beta_2 * m + (1.0 - beta_2) * g, state.momentum, gradients)
        return updates, MomentumState(momentum)

    return pair(lambda weights: MomentumState(zeros(weights)), update)


def scale_by_trust_ratio() -> GradientTransformationExtraArgs:
    """Gives each update the norm of its weight; those of zero norm, or of weights of zero norm, stay as they are.

    Source: You et al., Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, 2019.
    """

    def scale(updates: Tree, weights: Tree, *_: Any) -> Tree:
        def one(u: Any, w: Any) -> Any:
            of_weight, of_update = norm(w), norm(u)
            known = (of_weight > 0) & (of_update > 0)
            return u * jnp.where(known, of_weight / jnp.where(known, of_update, 1.0), 1.0).astype(u.dtype)

        return jax.tree.map(one, updates, weights)

    return stateless(scale)


def schedule_free_adam(
    beta_1: float, beta_2: float, epsilon: float, warmup_steps: int = 0
) -> GradientTransformationExtraArgs:
    """Adam on a hidden sequence z, whose mean x is blended with it: the weights are `beta_1 * x + (1 - beta_1) * z`.

    x isn't stored: the weights and z tell it. `momentum` in the state is z, which starts as the weights.

    Source: Defazio et al., The Road Less Scheduled, 2024.
    Differs: the paper's mean gives steps weights by their squared rates, and Optax's too; Keras's is the plain mean,
    also during the warm-up.
    """

    def init(weights: Tree) -> MomentsState:
        return MomentsState(jax.tree.map(jnp.array, weights), zeros(weights))

    def update(gradients: Tree, state: MomentsState, weights: Tree, *, learning_rate: Any, step: Any, **_: Any):
        second = per_precision(lambda dtype: 1.0 - power(beta_2, step, dtype))
        share = per_precision(lambda dtype: 1.0 / jnp.asarray(step).astype(dtype))
        ready = per_precision(lambda dtype: jnp.minimum(jnp.asarray(step).astype(dtype) / max(warmup_steps, 1), 1.0))
        rate = per_precision(lambda dtype: jnp.asarray(learning_rate, dtype))
        share_2 = complement(beta_2)
        velocity = jax.tree.map(lambda v, g: moving(v, jnp.square(g), share_2(v)), state.velocity, gradients)
        z = jax.tree.map(
            lambda z, g, v: z - rate(z) * ready(z) * g / (jnp.sqrt(v / second(v)) + epsilon),
            state.momentum,
            gradients,
            velocity,
        )

        def blended(weight: Any, old: Any, new: Any) -> Any:
            x = (weight - (1.0 - beta_1) * old) / beta_1
            x = x + share(x) * (new - x)
            return beta_1 * x + (1.0 - beta_1) * new - weight

        return jax.tree.map(blended, weights, state.momentum, z), MomentsState(z, velocity)

    return pair(init, update)


# ---------------------------------------------------------------------------- the Adagrad family


class SquaresState(NamedTuple):
    """What `scale_by_accumulated_squares` remembers.

    Attributes:
        accumulator: the sum of the squares of all gradients so far.
    """

    accumulator: Tree


def scale_by_accumulated_squares(initial: float, epsilon: float) -> GradientTransformationExtraArgs:
    """`g / sqrt(a + epsilon)` with `a <- a + g ** 2`.

    Source: Duchi, Hazan and Singer, Adaptive Subgradient Methods, 2011.
    Differs: `optax.scale_by_rss` gives no update where the sum is 0.
    """

    def init(weights: Tree) -> SquaresState:
        return SquaresState(jax.tree.map(lambda w: jnp.full_like(w, initial), weights))

    def update(gradients: Tree, state: SquaresState, weights: Tree = None, **_: Any) -> tuple[Tree, SquaresState]:
        accumulator = jax.tree.map(lambda a, g: a + jnp.square(g), state.accumulator, gradients)
        updates = jax.tree.map(lambda g, a: g / jnp.sqrt(a + epsilon), gradients, accumulator)
        return updates, SquaresState(accumulator)

    return pair(init, update)


class AdadeltaState(NamedTuple):
    """What `scale_by_adadelta` remembers.

    Attributes:
        accumulated_grad: the moving average of the squares of the gradients.
        accumulated_delta_var: that of the squares of the updates.
    """

    accumulated_grad: Tree
    accumulated_delta_var: Tree


def scale_by_adadelta(rho: float, epsilon: float) -> GradientTransformationExtraArgs:
    """`g * sqrt(d + epsilon) / sqrt(a + epsilon)`, with the moving averages a of `g ** 2` and d of the updates' squares.

    Source: Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012.
    Differs: not from `optax.scale_by_adadelta`, but the states have Keras's names.
    """

    def update(gradients: Tree, state: AdadeltaState, weights: Tree = None, **_: Any) -> tuple[Tree, AdadeltaState]:
        squares = jax.tree.map(lambda a, g: rho * a + (1.0 - rho) * jnp.square(g), state.accumulated_grad, gradients)
        updates = jax.tree.map(
            lambda g, a, d: g * jnp.sqrt(d + epsilon) / jnp.sqrt(a + epsilon),
            gradients,
            squares,
            state.accumulated_delta_var,
        )
        deltas = jax.tree.map(lambda d, u: rho * d + (1.0 - rho) * jnp.square(u), state.accumulated_delta_var, updates)
        return updates, AdadeltaState(squares, deltas)

    return pair(lambda weights: AdadeltaState(zeros(weights), zeros(weights)), update)


class RmsState(NamedTuple):
    """What `scale_by_rms` remembers.

    Attributes:
        velocity: the moving average of the squares of the gradients.
        average_gradient: that of the gradients; empty where not centered.
    """

    velocity: Tree
    average_gradient: Tree = ()


def scale_by_rms(rho: float, epsilon: float, centered: bool = False) -> GradientTransformationExtraArgs:
    """`g / sqrt(v + epsilon)`; centered, the square of the average gradient is taken off v.

    Source: Hinton, Neural Networks for Machine Learning, lecture 6e, 2012; centered: Graves, Generating Sequences with
    Recurrent Neural Networks, 2013.
    Differs: epsilon is inside the square root, as in `optax.scale_by_rms` by default.
    """

    def init(weights: Tree) -> RmsState:
        return RmsState(zeros(weights), zeros(weights) if centered else ())

    def update(gradients: Tree, state: RmsState, weights: Tree = None, **_: Any) -> tuple[Tree, RmsState]:
        velocity = jax.tree.map(lambda v, g: rho * v + (1.0 - rho) * jnp.square(g), state.velocity, gradients)
        if not centered:
            return jax.tree.map(lambda g, v: g / jnp.sqrt(v + epsilon), gradients, velocity), RmsState(velocity)
        average = jax.tree.map(lambda a, g: rho * a + (1.0 - rho) * g, state.average_gradient, gradients)
        updates = jax.tree.map(lambda g, v, a: g / jnp.sqrt(v - jnp.square(a) + epsilon), gradients, velocity, average)
        return updates, RmsState(velocity, average)

    return pair(init, update)


class FtrlState(NamedTuple):
    """What `follow_the_regularized_leader` remembers.

    Attributes:
        accumulator: the sum of the squares of all gradients so far.
        linear: the z of the paper.
    """

    accumulator: Tree
    linear: Tree


def follow_the_regularized_leader(
    rate_power: float, initial: float, l1: float, l2: float, shrinkage: float, beta: float
) -> GradientTransformationExtraArgs:
    """FTRL-proximal: the weights are the closed-form best for all gradients so far, under l1 and l2.

    Source: McMahan et al., Ad Click Prediction: a View from the Trenches, 2013.
    Differs: Optax has no such pair.
    """

    def init(weights: Tree) -> FtrlState:
        return FtrlState(jax.tree.map(lambda w: jnp.full_like(w, initial), weights), zeros(weights))

    def update(gradients: Tree, state: FtrlState, weights: Tree, *, learning_rate: Any, **_: Any):
        rate = per_precision(lambda dtype: jnp.asarray(learning_rate, dtype))
        accumulator = jax.tree.map(lambda a, g: a + jnp.square(g), state.accumulator, gradients)

        def next_linear(z: Any, g: Any, w: Any, old: Any, new: Any) -> Any:
            return z + g + 2.0 * shrinkage * w - (new**-rate_power - old**-rate_power) / rate(w) * w

        linear = jax.tree.map(next_linear, state.linear, gradients, weights, state.accumulator, accumulator)

        def step(w: Any, z: Any, a: Any) -> Any:
            quadratic = a**-rate_power / rate(w) + 2.0 * (l2 + beta / (2.0 * rate(w)))
            return (jnp.clip(z, -l1, l1) - z) / quadratic - w

        return jax.tree.map(step, weights, linear, accumulator), FtrlState(accumulator, linear)

    return pair(init, update)


# ---------------------------------------------------------------------------- matrices


class AdafactorState(NamedTuple):
    """What `adafactor` remembers.

    Attributes:
        row: the moving average of the squared gradients' means over the last axis; an integer 0 for fewer than two axes.
        column: that over the last axis but one.
        velocity: the estimate of the squared gradients.
    """

    row: Tree
    column: Tree
    velocity: Tree


def adafactor(
    beta_2_decay: float, epsilon_1: float, epsilon_2: float, clip_threshold: float
) -> GradientTransformationExtraArgs:
    """Adam's scaling from row and column means only, clipped, with steps relative to the size of the weights.

    Source: Shazeer and Stern, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, 2018.
    Differs: Keras stores the velocity of factored weights too, so that its files have it; no update reads it.
    """

    def init(weights: Tree) -> AdafactorState:
        def mean(w: Any, axis: int) -> Any:
            return jnp.zeros_like(jnp.mean(w, axis)) if w.ndim > 1 else jnp.zeros((), "int32")

        rows = jax.tree.map(lambda w: mean(w, -1), weights)
        return AdafactorState(rows, jax.tree.map(lambda w: mean(w, -2), weights), zeros(weights))

    def update(gradients: Tree, state: AdafactorState, weights: Tree, *, learning_rate: Any, step: Any, **_: Any):
        decay = per_precision(lambda dtype: 1.0 - jnp.asarray(step).astype(dtype) ** beta_2_decay)
        limit = per_precision(lambda dtype: 1.0 / jnp.sqrt(jnp.asarray(step).astype(dtype)))
        rate = per_precision(lambda dtype: jnp.asarray(learning_rate, dtype))
        squares = jax.tree.map(lambda g: jnp.square(g) + epsilon_1, gradients)

        def averaged(average: Any, square: Any, axis: int) -> Any:
            if square.ndim < 2:
                return average
            return decay(square) * average + (1.0 - decay(square)) * jnp.mean(square, axis)

        def estimate(old: Any, square: Any, row: Any, column: Any) -> Any:
            if square.ndim < 2:
                return decay(square) * old + (1.0 - decay(square)) * square
            return (row / jnp.mean(row, -1, keepdims=True))[..., None] * column[..., None, :]

        rows = jax.tree.map(lambda a, s: averaged(a, s, -1), state.row, squares)
        columns = jax.tree.map(lambda a, s: averaged(a, s, -2), state.column, squares)
        velocity = jax.tree.map(estimate, state.velocity, squares, rows, columns)

        def step_down(g: Any, v: Any, w: Any) -> Any:
            u = g / jnp.sqrt(v)
            u = u / jnp.maximum(root_mean_square(u) / clip_threshold, 1.0)
            return -jnp.maximum(root_mean_square(w), epsilon_2) * jnp.minimum(rate(w), limit(w)) * u

        return jax.tree.map(step_down, gradients, velocity, weights), AdafactorState(rows, columns, velocity)

    return pair(init, update)


def orthogonalize(
    coefficients: tuple[float, float, float], steps: int, rms_rate: float | None
) -> GradientTransformationExtraArgs:
    """Moves the singular values of each matrix towards 1, by Newton-Schulz iteration.

    Args:
        coefficients: of the odd polynomial `a x + b x^3 + c x^5` that is iterated.
        steps: how often.
        rms_rate: scales the result by `rms_rate * sqrt(max(rows, columns))`, so that its size is like Adam's.

    Source: Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024; `rms_rate` from Liu et al.,
    Muon is Scalable for LLM Training, 2025.
    """
    a, b, c = coefficients

    def orthogonal(x: Any) -> Any:
        scale = 1.0 if rms_rate is None else rms_rate * max(x.shape) ** 0.5
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x
        x = x / (norm(x) + 1e-7).astype(x.dtype)
        for _ in range(steps):
            square = x @ x.T
            x = a * x + (b * square + c * square @ square) @ x
        return scale * (x.T if tall else x)

    return stateless(lambda updates, *_: jax.tree.map(orthogonal, updates))
