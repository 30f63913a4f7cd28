"""Weightings from the tasks' losses alone: they cost nothing.

Each is a pair, `init` and `update` (`weightings/base`). Where a publication trains numbers of its own beside the weights,
they are trained by Adam here, with a rate of their own.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from plait.weightings.base import Weighting, key_of, weighting

_LEAST = 1e-20


class Scales(NamedTuple):
    """Numbers that are trained beside the weights, one a task, and their Adam's state."""

    scales: Any
    adam: Any


def _descend(state: Scales, slope: Any, rate: float) -> Scales:
    moved, adam = optax.adam(rate).update(slope, state.adam, state.scales)
    return Scales(state.scales + moved, adam)


@weighting
class Equal(Weighting):
    """All tasks count 1: what `loss_weights=None` does, with the weights in the logs."""

    def update(self, losses: Any, state: Any, epoch: Any) -> tuple[Any, Any]:
        """1 for each."""
        return jnp.ones_like(losses), state


@weighting
class Uncertainty(Weighting):
    """`Σ L / (2 exp s) + s / 2`, with a trained number s a task: its weight is 1 / (2 exp s).

    Good for: tasks of different scale and noise. It follows the scale of a loss, not how hard its task is.

    Args:
        learning_rate: of the numbers.
        start: their first value.

    Source: Kendall, Gal & Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses", 2018.
    """

    def __init__(self, learning_rate: float = 1e-3, start: float = -0.5):
        self.learning_rate, self.start = learning_rate, start

    def init(self, tasks: int) -> Scales:
        """The numbers at their first value."""
        scales = jnp.full(tasks, self.start, "float32")
        return Scales(scales, optax.adam(self.learning_rate).init(scales))

    def update(self, losses: Any, state: Scales, epoch: Any) -> tuple[Any, Scales]:
        """1 / (2 exp s); s goes down its gradient."""
        weights = 0.5 * jnp.exp(-state.scales)
        return weights, _descend(state, 0.5 - weights * losses, self.learning_rate)


@weighting
class UncertaintySoftmax(Weighting):
    """`softmax(1 / (L T))`: the best weights of `Uncertainty`, made to sum to 1.

    Good for: the same, without numbers to train; T must suit the scale of the losses.

    Args:
        temperature: T.

    Source: Kirchdorfer et al., "Analytical Uncertainty-Based Loss Weighting in Multi-Task Learning" (UW-SO), 2024.
    """

    def __init__(self, temperature: float = 1.0):
        self.temperature = temperature

    def update(self, losses: Any, state: Any, epoch: Any) -> tuple[Any, Any]:
        """The softmax."""
        return jax.nn.softmax(1.0 / (jnp.maximum(losses, _LEAST) * self.temperature)), state


class Averages(NamedTuple):
    """The tasks' mean losses of the epoch under way and of the two before it."""

    total: Any
    count: Any
    last: Any
    before: Any
    epoch: Any


@weighting
class DWA(Weighting):
    """`n softmax(r / T)`, with r the ratio of a task's mean losses in the last two epochs; 1 in the first two.

    Good for: tasks that learn at different speeds, over many epochs.

    Args:
        temperature: T.

    Source: Liu, Johns & Davison, "End-to-End Multi-Task Learning with Attention", 2019.
    """

    def __init__(self, temperature: float = 2.0):
        self.temperature = temperature

    def init(self, tasks: int) -> Averages:
        """No losses yet."""
        nothing = jnp.zeros(tasks, "float32")
        return Averages(nothing, nothing, nothing, nothing, jnp.zeros((), "int32"))

    def update(self, losses: Any, state: Averages, epoch: Any) -> tuple[Any, Averages]:
        """The weights of the epoch; adds the losses to its means."""
        new = epoch != state.epoch
        mean = state.total / jnp.maximum(state.count, 1)
        last, before = jnp.where(new, mean, state.last), jnp.where(new, state.last, state.before)
        total, count = jnp.where(new, 0.0, state.total), jnp.where(new, 0.0, state.count)
        ratios = last / jnp.maximum(before, _LEAST)
        weights = len(losses) * jax.nn.softmax(ratios / self.temperature)
        known = epoch > 1
        after = Averages(total + losses, count + 1, last, before, jnp.asarray(epoch, "int32"))
        return jnp.where(known, weights, jnp.ones_like(losses)), after


class Step(NamedTuple):
    """How many steps were made."""

    step: Any


@weighting
class RLW(Weighting):
    """`softmax(z)`, with z drawn anew from the normal distribution in each step.

    Good for: a baseline that every other weighting should beat.

    Args:
        seed: of the draws, which are a function of it and the step.

    Source: Lin et al., "Reasonable Effectiveness of Random Weighting", 2022.
    """

    def __init__(self, seed: int = 0):
        self.seed = seed

    def init(self, tasks: int) -> Step:
        """No step yet."""
        return Step(jnp.zeros((), "int32"))

    def update(self, losses: Any, state: Step, epoch: Any) -> tuple[Any, Step]:
        """The softmax of a draw."""
        drawn = jax.random.normal(key_of(self.seed, state.step), losses.shape)
        return jax.nn.softmax(drawn), Step(state.step + 1)


@weighting
class GLS(Weighting):
    """The geometric mean of the losses, `(Π L) ** (1 / n)`: a task's weight is that, divided by n L.

    Good for: losses of any scale; all must be above 0.

    Source: Chennupati et al., "MultiNet++: Multi-Stream Feature Aggregation and Geometric Loss Strategy", 2019.
    """

    def update(self, losses: Any, state: Any, epoch: Any) -> tuple[Any, Any]:
        """The gradient of the geometric mean."""
        losses = jnp.maximum(losses, _LEAST)
        return jnp.exp(jnp.mean(jnp.log(losses))) / (len(losses) * losses), state


@weighting
class IMTLL(Weighting):
    """`Σ exp(s) L - s`, with a trained number s a task, so that the weighted losses become equal.

    Good for: losses of different scale.

    Args:
        learning_rate: of the numbers.

    Source: Liu et al., "Towards Impartial Multi-Task Learning" (IMTL-L), 2021.
    """

    def __init__(self, learning_rate: float = 1e-3):
        self.learning_rate = learning_rate

    def init(self, tasks: int) -> Scales:
        """Zeros."""
        scales = jnp.zeros(tasks, "float32")
        return Scales(scales, optax.adam(self.learning_rate).init(scales))

    def update(self, losses: Any, state: Scales, epoch: Any) -> tuple[Any, Scales]:
        """exp(s); s goes down its gradient."""
        weights = jnp.exp(state.scales)
        return weights, _descend(state, weights * losses - 1.0, self.learning_rate)


class Famous(NamedTuple):
    """Logits of the weights, their Adam's state, the losses of the step before, and how many steps were made."""

    scales: Any
    adam: Any
    losses: Any
    step: Any


@weighting
class FAMO(Weighting):
    """`z / L`, scaled to a sum of 1, where z = softmax(s), and s moves so that all losses fall at the same rate.

    Good for: many tasks, at the price of one loss.

    Args:
        learning_rate: of s, which Adam trains.
        decay: of s, added to its gradient.

    Source: Liu et al., "FAMO: Fast Adaptive Multitask Optimization", 2023.

    Differs: the publication computes the losses of the same batch again after the step; here they are compared with those
    of the next batch. With one batch an epoch both are the same.
    """

    def __init__(self, learning_rate: float = 0.025, decay: float = 1e-3):
        self.learning_rate, self.decay = learning_rate, decay

    def _adam(self) -> Any:
        return optax.chain(optax.add_decayed_weights(self.decay), optax.adam(self.learning_rate))

    def init(self, tasks: int) -> Famous:
        """Equal weights."""
        scales = jnp.zeros(tasks, "float32")
        return Famous(scales, self._adam().init(scales), jnp.ones(tasks, "float32"), jnp.zeros((), "int32"))

    def update(self, losses: Any, state: Famous, epoch: Any) -> tuple[Any, Famous]:
        """The weights after a step of s by how the losses fell."""
        fell = jnp.log(state.losses + 1e-8) - jnp.log(losses + 1e-8)
        slope = jax.vjp(jax.nn.softmax, state.scales)[1](fell)[0]
        moved, adam = self._adam().update(slope, state.adam, state.scales)
        known = state.step > 0
        scales = jnp.where(known, state.scales + moved, state.scales)
        adam = jax.tree.map(lambda new, old: jnp.where(known, new, old), adam, state.adam)
        shares = jax.nn.softmax(scales) / (losses + 1e-8)
        return shares / jnp.sum(shares), Famous(scales, adam, losses, state.step + 1)


class Nadir(NamedTuple):
    """The sum of the losses in the epoch that they are scaled by, and of how many steps."""

    total: Any
    count: Any


@weighting
class STCH(Weighting):
    """`n μ log Σ exp(log(L / L₀) / μ)`: a smooth maximum of the losses, each scaled by its mean L₀ in one early epoch.

    Until that epoch has ended it is `Σ log L`. Good for: reaching the worst task.

    Args:
        smoothness: μ.
        warmup: the number of the epoch whose losses are L₀, from 0.

    Source: Lin et al., "Smooth Tchebycheff Scalarization for Multi-Objective Optimization", 2024.
    """

    def __init__(self, smoothness: float = 1.0, warmup: int = 4):
        self.smoothness, self.warmup = smoothness, warmup

    def init(self, tasks: int) -> Nadir:
        """No losses yet."""
        return Nadir(jnp.zeros(tasks, "float32"), jnp.zeros(tasks, "float32"))

    def update(self, losses: Any, state: Nadir, epoch: Any) -> tuple[Any, Nadir]:
        """The gradient of the smooth maximum."""
        safe = jnp.maximum(losses, _LEAST)
        scaled = jnp.log(safe * jnp.maximum(state.count, 1) / jnp.maximum(state.total, _LEAST))
        smooth = len(losses) * jax.nn.softmax(scaled / self.smoothness) / safe
        counts = epoch == self.warmup
        after = Nadir(state.total + jnp.where(counts, losses, 0.0), state.count + counts)
        return jnp.where(epoch > self.warmup, smooth, 1.0 / safe), after
