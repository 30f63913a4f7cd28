"""Recurrent layers: a loop over time whose gradients by its weights are one product each.

Letters: B batch, T time, D features, U units, G the columns of a kernel (gates * U).

What a gated layer does in a step is two products and much elementwise work:

    z = join(x @ kernel + bias, h @ recurrent_kernel + recurrent_bias)
    states = gates(z, states)

JAX transposes the loop as it stands, and so adds to the gradient of each weight in each step: T small products and T
passes over the kernels. Here the way forward keeps z and the states of each step; the loop back carries only the
gradients of the states, and stacks those of z. After it, the gradients of both kernels, of the biases and of the
inputs are one product each, over B * T rows. The gates are differentiated by JAX, from z: keeping z and computing the
gates again is as fast as keeping the gates.

It is the tangent that is written by hand, with its transposition (see `linear`), so forward mode, `vmap` and second
derivatives work. There is less work this way on any device, so it is used on all.

Measured, forward and gradients, float32, 2 cores with AVX-512, D = U = 128, T 80, B 32: LSTM 49 ms -> 31 ms, GRU
41 ms -> 30 ms on a loaded machine, medians of 15 rounds in turn (`benchmarks/lowering.py`).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from plait.lowering.linear import linear_map


class Weights(NamedTuple):
    """What a recurrent layer learns: kernel (D, G), recurrent_kernel (U, G), and biases (G,) or None."""

    kernel: Any
    recurrent_kernel: Any
    bias: Any = None
    recurrent_bias: Any = None


class SimpleGates(NamedTuple):
    """`activation(z)`: one state, h."""

    activation: Callable

    def join(self, projected: Any, inner: Any) -> Any:
        """z out of what inputs and states give."""
        return projected + inner

    def part(self, slope: Any) -> tuple[Any, Any]:
        """The transposition of `join`."""
        return slope, slope

    def __call__(self, z: Any, states: Sequence) -> list:
        """The states after a step."""
        return [self.activation(z)]


class LSTMGates(NamedTuple):
    """Input, forget, candidate, output: two states, h and c."""

    activation: Callable
    gate: Callable

    join = SimpleGates.join
    part = SimpleGates.part

    def __call__(self, z: Any, states: Sequence) -> list:
        """The states after a step."""
        i, f, g, o = jnp.split(z, 4, axis=-1)
        c = self.gate(f) * states[1] + self.gate(i) * self.activation(g)
        return [self.gate(o) * self.activation(c), c]


class GRUGates(NamedTuple):
    """Update, reset, candidate; the reset gate is applied after the product: one state, h."""

    activation: Callable
    gate: Callable

    def join(self, projected: Any, inner: Any) -> Any:
        """The update and reset gates' sums, and both parts of the candidate: (..., 4 U)."""
        gates = projected.shape[-1] // 3 * 2
        return jnp.concatenate(
            [projected[..., :gates] + inner[..., :gates], projected[..., gates:], inner[..., gates:]], axis=-1
        )

    def part(self, slope: Any) -> tuple[Any, Any]:
        """The transposition of `join`."""
        units = slope.shape[-1] // 4
        inner = jnp.concatenate([slope[..., : 2 * units], slope[..., 3 * units :]], axis=-1)
        return slope[..., : 3 * units], inner

    def __call__(self, z: Any, states: Sequence) -> list:
        """The states after a step."""
        update, reset, outer, inner = jnp.split(z, 4, axis=-1)
        update = self.gate(update)
        candidate = self.activation(outer + self.gate(reset) * inner)
        return [update * states[0] + (1 - update) * candidate]


def recur(
    gates: Any, inputs: Any, weights: Weights, states: Sequence, mask: Any = None, backwards: bool = False
) -> tuple[Any, list]:
    """Runs gates over time.

    Args:
        gates: `SimpleGates`, `LSTMGates` or `GRUGates`, with activations that are pure functions without weights.
        inputs: (T, B, D).
        weights: what the layer learns.
        states: the states before the first step, each (B, U); the first one is what comes out.
        mask: which steps count, (T, B) booleans; the others leave the states as they are.
        backwards: whether time runs from T to 0.

    Returns:
        the first state after each step (T, B, U), at the place of its input, and all states after the last step.

    >>> gates = SimpleGates(jnp.tanh)
    >>> weights = Weights(jnp.ones((3, 2)), jnp.zeros((2, 2)))
    >>> outputs, states = recur(gates, jnp.zeros((5, 4, 3)), weights, [jnp.ones((4, 2))])
    >>> outputs.shape, len(states)
    ((5, 4, 2), 1)
    """
    return _recur(gates, backwards, inputs, weights, list(states), mask)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _recur(gates: Any, backwards: bool, inputs: Any, weights: Weights, states: list, mask: Any) -> tuple[Any, list]:
    def body(states: list, item: tuple) -> tuple[list, Any]:
        x, counts = item
        states = _advance(gates, _sums(gates, weights, x, states), states, counts)
        return states, states[0]

    states, outputs = lax.scan(body, states, (inputs, mask), reverse=backwards)
    return outputs, states


@_recur.defjvp
def _recur_tangent(gates: Any, backwards: bool, primals: tuple, tangents: tuple) -> tuple:
    inputs, weights, states, mask = primals

    def body(states: list, item: tuple) -> tuple[list, tuple]:
        x, counts = item
        z = _sums(gates, weights, x, states)
        after = _advance(gates, z, states, counts)
        return after, (after[0], z, states)

    last, (outputs, sums, before) = lax.scan(body, states, (inputs, mask), reverse=backwards)
    moved = linear_map(
        partial(_forward, gates, backwards),
        partial(_transposed, gates, backwards),
        (inputs, weights, sums, before, mask),
        tangents[:3],
    )
    return (outputs, last), moved


def _sums(gates: Any, weights: Weights, x: Any, states: list) -> Any:
    # the product with the inputs is made step by step: for all at once it would leave the processor's cache
    return gates.join(
        _plus(x @ weights.kernel, weights.bias), _plus(states[0] @ weights.recurrent_kernel, weights.recurrent_bias)
    )


def _plus(x: Any, bias: Any) -> Any:
    return x if bias is None else x + bias


def _advance(gates: Any, z: Any, states: list, counts: Any) -> list:
    after = [new.astype(old.dtype) for new, old in zip(gates(z, states), states, strict=True)]
    if counts is None:
        return after
    return [jnp.where(counts[:, None], new, old) for new, old in zip(after, states, strict=True)]


def _forward(gates: Any, backwards: bool, residuals: tuple, tangents: tuple) -> tuple[Any, list]:
    """The tangents of outputs and last states."""
    inputs, weights, sums, before, mask = residuals
    moved_inputs, moved, moved_states = tangents
    projected = _plus(moved_inputs @ weights.kernel + inputs @ moved.kernel, moved.bias)
    inner = _plus(before[0] @ moved.recurrent_kernel, moved.recurrent_bias)

    def body(moved_states: list, item: tuple) -> tuple[list, Any]:
        projected, inner, z, states, counts = item
        moved_z = gates.join(projected, inner + moved_states[0] @ weights.recurrent_kernel)
        _, moved_states = jax.jvp(
            lambda z, states: _advance(gates, z, states, counts), (z, states), (moved_z, moved_states)
        )
        return moved_states, moved_states[0]

    last, outputs = lax.scan(body, moved_states, (projected, inner, sums, before, mask), reverse=backwards)
    return outputs, last


def _transposed(gates: Any, backwards: bool, residuals: tuple, cotangents: tuple) -> tuple[Any, Weights, list]:
    """The gradients by inputs, weights and first states."""
    inputs, weights, sums, before, mask = residuals
    slopes, last = cotangents
    turned = lax.optimization_barrier(weights.recurrent_kernel.T)  # once, and not in every step

    def body(carried: list, item: tuple) -> tuple[list, Any]:
        slope, z, states, counts = item
        _, back = jax.vjp(lambda z, states: _advance(gates, z, states, counts), z, states)
        slope_z, carried = back([carried[0] + slope, *carried[1:]])
        return [carried[0] + gates.part(slope_z)[1] @ turned, *carried[1:]], slope_z

    first, slope_z = lax.scan(body, last, (slopes, sums, before, mask), reverse=not backwards)
    projected, inner = gates.part(slope_z)
    found = Weights(
        _rows(inputs).T @ _rows(projected),
        _rows(before[0]).T @ _rows(inner),
        None if weights.bias is None else _rows(projected).sum(0),
        None if weights.recurrent_bias is None else _rows(inner).sum(0),
    )
    return projected @ weights.kernel.T, found, first


def _rows(x: Any) -> Any:
    """(T, B, F) -> (T * B, F)."""
    return x.reshape(-1, x.shape[-1])
