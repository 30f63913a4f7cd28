"""Weightings from the gradients of the tasks: one gradient a task, of the weights that tasks share or of the features.

Those that need only the inner products of the gradients define `update`; the others define `combine`. At "weights" a step goes
back through the shared part once a task, in one vectorised pass; at "features" once.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from plait.weightings.base import GradientWeighting, key_of, products_of, weighed, weighting
from plait.weightings.by_loss import Step
from plait.weightings.solvers import above, balanced, on_simplex, shortest

_TINY = 1e-8


class _Drawn(GradientWeighting):
    """A weighting that draws in each step."""

    def __init__(self, seed: int = 0, at: str = "weights"):
        super().__init__(at)
        self.seed = seed

    def init(self, tasks: int) -> Step:
        """No step yet."""
        return Step(jnp.zeros((), "int32"))


def _order(key: Any, tasks: int, task: int) -> Any:
    """The other tasks, in random order."""
    return jax.random.permutation(jax.random.fold_in(key, task), jnp.array([t for t in range(tasks) if t != task]))


@weighting
class PCGrad(_Drawn):
    """Takes from each task's gradient what points against another's, one after another in random order, and adds them up.

    Good for: few tasks that fight now and then.

    Args:
        seed: of the order, which is a function of it and the step.
        at: as for `GradientWeighting`.

    Source: Yu et al., "Gradient Surgery for Multi-Task Learning", 2020.
    """

    def update(self, products: Any, losses: Any, state: Step, epoch: Any) -> tuple[Any, Step]:  # type: ignore[override]
        """What each gradient counts in the sum of the projected ones."""
        tasks, key = len(losses), key_of(self.seed, state.step)
        total = jnp.zeros(tasks, products.dtype)
        for task in range(tasks):
            mixture = jnp.zeros(tasks, products.dtype).at[task].set(1.0)
            for other in _order(key, tasks, task) if tasks > 1 else ():
                against = jnp.minimum(mixture @ products[other], 0.0)
                mixture = mixture.at[other].add(-against / jnp.maximum(products[other, other], _TINY**2))
            total = total + mixture
        return total, Step(state.step + 1)


class Angles(NamedTuple):
    """The cosines that pairs of tasks should have, and how many steps were made."""

    cosines: Any
    step: Any


@weighting
class GradVac(_Drawn):
    """Like `PCGrad`, but turns gradients until the cosine of a pair is at least its moving average.

    Good for: many related tasks, such as languages.

    Args:
        share: how much a new cosine counts in the average.
        seed: of the order.
        at: as for `GradientWeighting`.

    Source: Wang et al., "Gradient Vaccine", 2021.
    """

    def __init__(self, share: float = 0.5, seed: int = 0, at: str = "weights"):
        super().__init__(seed, at)
        self.share = share

    def init(self, tasks: int) -> Angles:  # type: ignore[override]
        """All cosines 0."""
        return Angles(jnp.zeros((tasks, tasks), "float32"), jnp.zeros((), "int32"))

    def update(self, products: Any, losses: Any, state: Angles, epoch: Any) -> tuple[Any, Angles]:  # type: ignore[override]
        """What each gradient counts in the sum of the turned ones."""
        tasks, key, wanted = len(losses), key_of(self.seed, state.step), state.cosines
        total = jnp.zeros(tasks, products.dtype)
        for task in range(tasks):
            mixture = jnp.zeros(tasks, products.dtype).at[task].set(1.0)
            for other in _order(key, tasks, task) if tasks > 1 else ():
                mine, its = _length(mixture @ products @ mixture), _length(products[other, other])
                cosine, least = mixture @ products[other] / (mine * its + _TINY), wanted[task, other]
                sine, sine_least = _length(1 - cosine**2), _length(1 - least**2)
                share = mine * (least * sine - cosine * sine_least) / (its * sine_least + _TINY)
                turns = cosine < least
                mixture = mixture.at[other].add(jnp.where(turns, share, 0.0))
                moved = (1 - self.share) * least + self.share * cosine
                wanted = wanted.at[task, other].set(moved)
            total = total + mixture
        return total, Angles(wanted, state.step + 1)


def _length(square: Any) -> Any:
    return jnp.sqrt(jnp.maximum(square, 0.0))


@weighting
class GradDrop(_Drawn):
    """Keeps of each coordinate the gradients of one sign, which is drawn by how much of the whole has it.

    Good for: many tasks on large models.

    Args:
        leak: the share of the other sign that stays.
        seed: of the draws.
        at: as for `GradientWeighting`.

    Source: Chen et al., "Just Pick a Sign", 2020.
    """

    def __init__(self, leak: float = 0.0, seed: int = 0, at: str = "weights"):
        super().__init__(seed, at)
        self.leak = leak

    def combine(self, rows: list, losses: Any, state: Step, epoch: Any) -> tuple[list, Any, Step]:
        """The gradients of one sign, added up."""
        key = key_of(self.seed, state.step)
        kept = [self._kept(row, jax.random.fold_in(key, place)) for place, row in enumerate(rows)]
        return kept, jnp.ones_like(losses), Step(state.step + 1)

    def _kept(self, row: Any, key: Any) -> Any:
        purity = 0.5 * (1 + jnp.sum(row, 0) / jnp.maximum(jnp.sum(jnp.abs(row), 0), _TINY**2))
        positive = purity > jax.random.uniform(key, purity.shape)
        stays = jnp.where(positive, row > 0, row < 0)
        return jnp.sum(row * (self.leak + (1 - self.leak) * stays), 0)


@weighting
class MGDA(GradientWeighting):
    """The shortest mixture of the gradients with weights that sum to 1: a direction in which no loss rises.

    Good for: a Pareto point without tuning; a task with a small gradient wins.

    Source: Sener & Koltun, "Multi-Task Learning as Multi-Objective Optimization", 2018.
    """

    def update(self, products: Any, losses: Any, state: Any, epoch: Any) -> tuple[Any, Any]:  # type: ignore[override]
        """The weights of the shortest mixture."""
        return shortest(products), state


@weighting
class CAGrad(GradientWeighting):
    """The direction near the mean gradient, at most c of its length away, in which the worst task gains most.

    Good for: staying near the sum of the losses while no task is left behind.

    Args:
        distance: c, from 0 up; 0 is the mean gradient.
        at: as for `GradientWeighting`.

    Source: Liu et al., "Conflict-Averse Gradient Descent for Multi-Task Learning", 2021; scaled by 1 / (1 + c²) as there.
    """

    def __init__(self, distance: float = 0.5, at: str = "weights"):
        super().__init__(at)
        self.distance = distance

    def update(self, products: Any, losses: Any, state: Any, epoch: Any) -> tuple[Any, Any]:  # type: ignore[override]
        """The mean's weights, and those of the correction."""
        tasks = len(losses)
        size = jnp.maximum(jnp.trace(products), _TINY**2)
        scaled = products / size
        radius = self.distance * _length(jnp.mean(scaled))

        def worst(w: Any) -> Any:
            return jnp.mean(scaled @ w) + radius * jnp.sqrt(jnp.maximum(w @ scaled @ w, 0.0) + _TINY)

        w = on_simplex(worst, tasks)
        correction = radius / (_length(w @ scaled @ w) + _TINY)
        return (1.0 / tasks + correction * w) / (1 + self.distance**2), state


@weighting
class NashMTL(GradientWeighting):
    """The weights α with `G Gᵀ α = 1 / α`, of gradients G scaled as a whole: the solution of a bargaining game.

    Good for: tasks of very different scale; it doesn't change if a loss is multiplied.

    Args:
        most: the longest gradient of the shared part; None for any.
        at: as for `GradientWeighting`.

    Source: Navon et al., "Multi-Task Learning as a Bargaining Game", 2022. The equation is solved exactly, in each step.
    """

    def __init__(self, most: float | None = 1.0, at: str = "weights"):
        super().__init__(at)
        self.most = most

    def update(self, products: Any, losses: Any, state: Any, epoch: Any) -> tuple[Any, Any]:  # type: ignore[override]
        """The weights of the bargain."""
        scaled = products / jnp.maximum(jnp.linalg.norm(products), _TINY**2)
        weights = balanced(scaled + 1e-7 * jnp.eye(len(losses)))
        if self.most is not None:
            weights = weights * jnp.minimum(1.0, self.most / (_length(weights @ products @ weights) + 1e-6))
        return weights, state


@weighting
class IMTLG(GradientWeighting):
    """The weights, with a sum of 1, of the mixture that has the same projection on the direction of each task's gradient.

    Good for: tasks that should count alike whatever the length of their gradients.

    Source: Liu et al., "Towards Impartial Multi-Task Learning" (IMTL-G), 2021.
    """

    def update(self, products: Any, losses: Any, state: Any, epoch: Any) -> tuple[Any, Any]:  # type: ignore[override]
        """The solution of `products @ w = lengths`, scaled to a sum of 1."""
        size = jnp.maximum(jnp.trace(products), _TINY**2)
        lengths = _length(jnp.diag(products) / size)
        weights = jnp.linalg.pinv(products / size, hermitian=True) @ lengths
        total = jnp.sum(weights)
        return jnp.where(jnp.abs(total) < 1e-12, 0.0, weights / jnp.where(total == 0, 1.0, total)), state


@weighting
class AlignedMTL(GradientWeighting):
    """Makes the gradients orthogonal and of one length, the shortest principal one, and adds them up.

    Good for: gradients of different length that conflict.

    Source: Senushkin et al., "Independent Component Alignment for Multi-Task Learning", 2023.
    """

    def update(self, products: Any, losses: Any, state: Any, epoch: Any) -> tuple[Any, Any]:  # type: ignore[override]
        """The column sums of `σ V Σ⁻¹ Vᵀ`, over the eigenvalues Σ² of the products."""
        squares, vectors = jnp.linalg.eigh(products)
        counts = squares > jnp.max(squares) * len(losses) * jnp.finfo("float32").eps
        least = jnp.sqrt(jnp.min(jnp.where(counts, squares, jnp.inf)))
        inverse = jnp.where(counts, 1 / jnp.sqrt(jnp.where(counts, squares, 1.0)), 0.0)
        weights = least * jnp.sum((vectors * inverse) @ vectors.T, 0)
        return jnp.where(jnp.any(counts), weights, 0.0), state


@weighting
class FairGrad(GradientWeighting):
    """The weights w with `G Gᵀ w = w ** (-1 / a)`: a fair share of the gain, the fairer the larger a.

    Good for: choosing between the sum of the losses (small a) and the worst task (large a).

    Args:
        fairness: a; 1 is proportional fairness, which is `NashMTL` without its scaling.
        at: as for `GradientWeighting`.

    Source: Ban & Ji, "Fair Resource Allocation in Multi-Task Learning", 2024. The equation is solved exactly.
    """

    def __init__(self, fairness: float = 1.0, at: str = "weights"):
        super().__init__(at)
        self.fairness = fairness

    def update(self, products: Any, losses: Any, state: Any, epoch: Any) -> tuple[Any, Any]:  # type: ignore[override]
        """The fair weights."""
        size = jnp.maximum(jnp.trace(products), _TINY**2)
        power = 1.0 / self.fairness
        weights = balanced(products / size + 1e-7 * jnp.eye(len(losses)), power)
        return weights * size ** (-1 / (1 + power)), state


@weighting
class UPGrad(GradientWeighting):
    """Projects each task's gradient onto the directions in which no loss rises, and takes the mean.

    Good for: never working against a task, at the weights' own scale.

    Args:
        regularization: what is added to the diagonal of the products, whose trace is 1.
        at: as for `GradientWeighting`.

    Source: Quinton & Rey, "Jacobian Descent for Multi-Objective Optimization", 2024.
    """

    def __init__(self, regularization: float = 1e-4, at: str = "weights"):
        super().__init__(at)
        self.regularization = regularization

    def update(self, products: Any, losses: Any, state: Any, epoch: Any) -> tuple[Any, Any]:  # type: ignore[override]
        """The sum of the projections' weights."""
        tasks = len(losses)
        scaled = products / jnp.maximum(jnp.trace(products), _TINY**2)
        return jnp.sum(above(scaled + self.regularization * jnp.eye(tasks), jnp.eye(tasks) / tasks), 0), state


class Norms(NamedTuple):
    """Trained logits of the weights, their Adam's state, the first losses, and how many steps were made."""

    scales: Any
    adam: Any
    first: Any
    step: Any


@weighting
class GradNorm(GradientWeighting):
    """`w = n softmax(s)`, with s trained so that the length of each weighted gradient follows how far its task is behind.

    Good for: tasks that learn at different speeds.

    Args:
        restoring: how strongly tasks are pulled to one rate.
        learning_rate: of s, which Adam trains.
        at: as for `GradientWeighting`.

    Source: Chen et al., "GradNorm", 2018; with the softmax of LibMTL.
    """

    def __init__(self, restoring: float = 1.5, learning_rate: float = 1e-3, at: str = "weights"):
        super().__init__(at)
        self.restoring, self.learning_rate = restoring, learning_rate

    def init(self, tasks: int) -> Norms:
        """Equal weights."""
        scales = jnp.ones(tasks, "float32")
        return Norms(scales, optax.adam(self.learning_rate).init(scales), scales, jnp.zeros((), "int32"))

    def update(self, products: Any, losses: Any, state: Norms, epoch: Any) -> tuple[Any, Norms]:  # type: ignore[override]
        """The weights; s goes down the gradient of how far the lengths are from where they should be."""
        first = jnp.where(state.step == 0, losses, state.first)
        ratios = losses / jnp.maximum(first, _TINY)
        wanted = (ratios / jnp.mean(ratios)) ** self.restoring
        lengths = _length(jnp.diag(products))

        def apart(scales: Any) -> Any:
            weighted = len(losses) * jax.nn.softmax(scales) * lengths
            return jnp.sum(jnp.abs(weighted - jax.lax.stop_gradient(jnp.mean(weighted) * wanted)))

        moved, adam = optax.adam(self.learning_rate).update(jax.grad(apart)(state.scales), state.adam, state.scales)
        weights = len(losses) * jax.nn.softmax(state.scales)
        return weights, Norms(state.scales + moved, adam, first, state.step + 1)  # type: ignore[operator]


class _Gathered(GradientWeighting):
    """A weighting whose state is as large as the gradients."""

    only_weights = True


class Excess(NamedTuple):
    """The sums of squared gradients, the weights, the first risks, and how many steps were made."""

    squares: list
    weights: Any
    first: Any
    step: Any


@weighting
class ExcessMTL(_Gathered):
    """Multiplies a task's weight by `exp(η e)`, with e an estimate of its excess risk: what could still be gained.

    Good for: tasks with noisy labels, whose loss stays large without there being anything to learn.

    Args:
        rate: η.

    Source: He et al., "Robust Multi-Task Learning with Excess Risks", 2024.
    """

    def __init__(self, rate: float = 1e-2):
        super().__init__()
        self.rate = rate

    def state_of(self, rows: Sequence[Any]) -> Excess:
        """No gradients yet."""
        ones = jnp.ones(rows[0].shape[0], "float32")
        return Excess([jnp.zeros(row.shape, "float32") for row in rows], ones, ones, jnp.zeros((), "int32"))

    def combine(self, rows: list, losses: Any, state: Excess, epoch: Any) -> tuple[list, Any, Excess]:
        """The sum by the new weights."""
        squares = [kept + row**2 for kept, row in zip(state.squares, rows, strict=True)]
        risks = sum(
            jnp.sum((row**2 / jnp.sqrt(kept + 1e-7)).reshape(len(losses), -1), -1)
            for kept, row in zip(squares, rows, strict=True)
        )
        begins = state.step == 0
        first = jnp.where(begins, risks, state.first)
        grown = state.weights * jnp.exp(self.rate * risks / jnp.maximum(first, _TINY**2))
        weights = jnp.where(begins, state.weights, grown / jnp.sum(grown) * len(losses))
        return weighed(weights, rows), weights, Excess(squares, weights, first, state.step + 1)


class Tracked(NamedTuple):
    """Moving averages of the gradients, the weights, and how many steps were made."""

    gradients: list
    weights: Any
    step: Any


def _tracked(rows: Sequence[Any], weights: Any) -> Tracked:
    return Tracked([jnp.zeros(row.shape, "float32") for row in rows], weights, jnp.zeros((), "int32"))


@weighting
class MoCo(_Gathered):
    """Tracks each gradient, scaled to the length of its loss, and moves the weights towards the shortest mixture.

    Good for: small, noisy batches.

    Args:
        tracking: the share of a new gradient, divided by `step ** decay`.
        rate: of the weights, divided likewise.
        decay: the power.
        regularization: of the weights.

    Source: Fernando et al., "Mitigating Gradient Bias in Multi-Objective Learning", 2023.
    """

    def __init__(self, tracking: float = 0.5, rate: float = 0.1, decay: float = 0.5, regularization: float = 0.0):
        super().__init__()
        self.tracking, self.rate, self.decay, self.regularization = tracking, rate, decay, regularization

    def state_of(self, rows: Sequence[Any]) -> Tracked:
        """No gradients yet, and equal weights."""
        tasks = rows[0].shape[0]
        return _tracked(rows, jnp.full(tasks, 1.0 / tasks, "float32"))

    def combine(self, rows: list, losses: Any, state: Tracked, epoch: Any) -> tuple[list, Any, Tracked]:
        """The mixture of the tracked gradients."""
        step = state.step + 1
        scales = losses / (_length(jnp.diag(products_of(rows))) + _TINY)
        share = self.tracking / step**self.decay
        tracked = [
            kept + share * (row * _column(scales, row) - kept) for kept, row in zip(state.gradients, rows, strict=True)
        ]
        slope = (products_of(tracked) + self.regularization * jnp.eye(len(losses))) @ state.weights
        weights = jax.nn.softmax(state.weights - self.rate / step**self.decay * slope)
        return weighed(weights, tracked), weights, Tracked(tracked, weights, step)


@weighting
class DBMTL(_Gathered):
    """The gradients of the logarithms of the losses, tracked, and all stretched to the length of the longest.

    Good for: losses and gradients of different scale.

    Args:
        tracking: the share of what was tracked before, divided by `step ** decay`.
        decay: the power.

    Source: Lin et al., "Dual-Balancing for Multi-Task Learning", 2023.
    """

    def __init__(self, tracking: float = 0.9, decay: float = 0.0):
        super().__init__()
        self.tracking, self.decay = tracking, decay

    def state_of(self, rows: Sequence[Any]) -> Tracked:
        """No gradients yet."""
        return _tracked(rows, jnp.ones(rows[0].shape[0], "float32"))

    def combine(self, rows: list, losses: Any, state: Tracked, epoch: Any) -> tuple[list, Any, Tracked]:
        """The sum of the stretched gradients."""
        step = state.step + 1
        share = self.tracking / step**self.decay
        logarithms = [row / _column(losses + _TINY, row) for row in rows]
        tracked = [row + share * (kept - row) for kept, row in zip(state.gradients, logarithms, strict=True)]
        lengths = _length(jnp.diag(products_of(tracked)))
        weights = jnp.max(lengths) / (lengths + _TINY)
        return weighed(weights, tracked), weights, Tracked(tracked, weights, step)


def _column(values: Any, row: Any) -> Any:
    return values.reshape(-1, *(1,) * (row.ndim - 1))
