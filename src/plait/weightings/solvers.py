"""The small problems that weightings by gradients solve, with as many unknowns as tasks.

Verbs: `shortest` (the point of the simplex whose mixture of gradients is shortest), `on_simplex` (the least value of a convex
function there), `balanced` (M x = 1 / x^p), `above` (the shortest mixture with weights above some bounds).

Life under jit: loops that end when they have converged, or after a fixed number of rounds.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

_TINY = 1e-12


def _until(step: Callable, start: Any, most: int, enough: float) -> Any:
    """Repeats `step(x) -> x` until nothing changes by more than `enough`, or so many times."""

    def go_on(carry: tuple) -> Any:
        _, change, count = carry
        return (change > enough) & (count < most)

    def one(carry: tuple) -> tuple:
        x, _, count = carry
        after = step(x)
        return after, jnp.max(jnp.abs(after - x)), count + 1

    return lax.while_loop(go_on, one, (start, jnp.asarray(jnp.inf, start.dtype), 0))[0]


def shortest(products: Any) -> Any:
    """The weights of at least 0 and with a sum of 1 whose mixture of gradients is shortest.

    Args:
        products: the gradients' inner products, (n, n).

    >>> shortest(jnp.array([[1.0, 0.0], [0.0, 1.0]])).tolist()
    [0.5, 0.5]
    """
    products = products / jnp.maximum(jnp.trace(products), _TINY)

    def step(w: Any) -> Any:  # moves weight between the two tasks where this shortens most
        slope = products @ w
        gains, loses = jnp.argmin(slope), jnp.argmax(jnp.where(w > 0, slope, -jnp.inf))
        bend = products[gains, gains] + products[loses, loses] - 2 * products[gains, loses]
        share = jnp.clip((slope[loses] - slope[gains]) / jnp.maximum(bend, _TINY), 0.0, w[loses])
        return w.at[gains].add(share).at[loses].add(-share)

    n = products.shape[0]
    return _until(step, jnp.full(n, 1.0 / n, products.dtype), 500, 1e-7)


def on_simplex(value: Callable[[Any], Any], n: int) -> Any:
    """Where in the simplex of n weights a convex function is least, by projected gradients.

    >>> on_simplex(lambda w: jnp.sum((w - jnp.array([0.2, 0.8])) ** 2), 2).round(3).tolist()
    [0.20000000298023224, 0.800000011920929]
    """
    slope = jax.grad(value)
    rates = 2.0 ** jnp.arange(-14.0, 4.0)

    def step(w: Any) -> Any:
        direction = slope(w)
        tried = jax.vmap(lambda rate: _to_simplex(w - rate * direction))(rates)
        values = jax.vmap(value)(tried)
        best = jnp.argmin(values)
        return jnp.where(values[best] < value(w), tried[best], w)

    return _until(step, jnp.full(n, 1.0 / n), 200, 1e-7)


def _to_simplex(w: Any) -> Any:
    """The nearest point of the simplex."""
    ordered = jnp.sort(w)[::-1]
    excess = (jnp.cumsum(ordered) - 1.0) / jnp.arange(1, len(w) + 1)
    kept = jnp.sum(ordered > excess)
    return jnp.maximum(w - excess[kept - 1], 0.0)


def balanced(products: Any, power: float = 1.0) -> Any:
    """The positive weights for which `products @ w = 1 / w ** power`, by Newton's method.

    >>> balanced(jnp.diag(jnp.array([4.0, 1.0]))).tolist()
    [0.5, 1.0]
    """

    def step(w: Any) -> Any:
        wrong = products @ w - w**-power
        move = jnp.linalg.solve(products + jnp.diag(power * w ** (-power - 1)), wrong)
        return w - move / jnp.maximum(1.0, 2.0 * jnp.max(move / w))  # no weight is more than halved

    start = jnp.maximum(jnp.diag(products), _TINY) ** (-1 / (1 + power))
    return _until(step, start / len(start) ** (1 / (1 + power)), 60, 1e-7)


def above(products: Any, bounds: Any) -> Any:
    """For each row of bounds, the weights of at least that much whose mixture of gradients is shortest.

    Args:
        products: the gradients' inner products, (n, n), positive definite.
        bounds: (m, n).

    >>> above(jnp.array([[1.0, -0.5], [-0.5, 1.0]]), jnp.eye(2)).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """

    def step(w: Any) -> Any:
        for task in range(products.shape[0]):
            better = w[:, task] - w @ products[:, task] / products[task, task]
            w = w.at[:, task].set(jnp.maximum(better, bounds[:, task]))
        return w

    return _until(step, bounds, 1000, 1e-8)
