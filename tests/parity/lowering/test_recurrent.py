"""Recurrent layers with a transposition of their own do what JAX makes of the plain loop, and what Keras's layers do."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax

import plait
from parity.lowering.stock import agrees, array, close, few
from plait.lowering.recurrent import GRUGates, LSTMGates, SimpleGates, Weights, recur

KINDS = {
    "simple": (SimpleGates(jnp.tanh), 1, 1),
    "lstm": (LSTMGates(jnp.tanh, jax.nn.sigmoid), 4, 2),
    "gru": (GRUGates(jnp.tanh, jax.nn.sigmoid), 3, 1),
    "other activations": (LSTMGates(jax.nn.softplus, jax.nn.softmax), 4, 2),
}


def stock(gates, inputs, weights, states, mask, backwards):
    """The plain loop."""

    def body(states, item):
        x, counts = item
        projected = x @ weights.kernel + (0 if weights.bias is None else weights.bias)
        inner = states[0] @ weights.recurrent_kernel
        inner = inner + (0 if weights.recurrent_bias is None else weights.recurrent_bias)
        after = [new.astype(old.dtype) for new, old in zip(gates(gates.join(projected, inner), states), states)]
        if counts is not None:
            after = [jnp.where(counts[:, None], new, old) for new, old in zip(after, states)]
        return after, after[0]

    states, outputs = lax.scan(body, states, (inputs, mask), reverse=backwards)
    return outputs, states


def setting(kind, steps=4, rows=3, features=2, units=3, biases=2, masked=False, dtype="float32"):
    """Gates, operands, and a mask."""
    gates, parts, count = KINDS[kind]
    shapes = [(steps, rows, features), *[(rows, units)] * count, (features, parts * units), (units, parts * units)]
    shapes += [(parts * units,)] * biases
    operands = [array(shape, index, dtype) * 0.5 for index, shape in enumerate(shapes)]
    mask = array((steps, rows), 9) > -0.5 if masked else None
    return gates, operands, mask


def run(function, gates, mask, backwards):
    """A function of the operands that gives outputs and states in one array."""
    count = 2 if isinstance(gates, LSTMGates) else 1

    def flat(inputs, *rest):
        states, weights = list(rest[:count]), Weights(*rest[count:])
        outputs, states = function(gates, inputs, weights, states, mask, backwards)
        return jnp.concatenate([outputs, jnp.stack(states)])

    return flat


@pytest.mark.slow
@few
@given(
    st.sampled_from(list(KINDS)),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
)
def test_recurrence(kind, steps, rows, features, units, biases, masked, backwards):
    gates, operands, mask = setting(kind, steps, rows, features, units, biases, masked)
    agrees(run(recur, gates, mask, backwards), run(stock, gates, mask, backwards), *operands)


@pytest.mark.parametrize(
    "kind", ["lstm", "gru", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("simple", "other activations"))]
)
def test_every_kind(kind):
    gates, operands, mask = setting(kind, masked=True)
    agrees(run(recur, gates, mask, True), run(stock, gates, mask, True), *operands)


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_other_dtypes(dtype):
    with jax.enable_x64(dtype == "float64"):
        gates, operands, mask = setting("lstm", masked=True, dtype=dtype)

        @jax.jit
        def both(operands):
            functions = [run(one, gates, mask, False) for one in (recur, stock)]
            return [
                (function(*operands), jax.grad(lambda x, f=function: jnp.sum(f(*x) ** 2))(operands))
                for function in functions
            ]

        found, expected = both(operands)
        tolerance = 1e-12 if dtype == "float64" else 5e-2
        jax.tree.map(lambda a, b: close(a, b, tolerance, dtype), found, expected)


def transformed(function):
    """Gradients under and over `jit`, `vmap`, `checkpoint` and a loop, and by some of the operands only."""

    def loss(*operands):
        return jnp.sum(function(*operands) ** 2)

    def wholes(*operands):
        twice = [jnp.stack([operand, 0.5 * operand]) for operand in operands]
        _, carried = lax.scan(
            lambda inputs, _: (inputs - 0.1 * jax.grad(loss)(inputs, *operands[1:]),) * 2, operands[0], length=2
        )
        return {
            "of jit": jax.grad(jax.jit(loss))(*operands),
            "of checkpoint": jax.grad(jax.checkpoint(loss))(*operands),
            "of vmap": jax.grad(lambda *args: jnp.sum(jax.vmap(loss)(*args)), (0, 2))(*twice),
            "in vmap": jax.vmap(jax.grad(loss, 1))(*twice),
            "of a jitted tangent": jax.grad(lambda x: jnp.sum(jax.jit(jax.jvp, static_argnums=0)(
                lambda inputs: function(inputs, *operands[1:]), (x,), (operands[0],))[1]))(operands[0]),
            "by a weight of a jitted tangent": jax.grad(lambda kernel: jnp.sum(jax.jit(jax.jvp, static_argnums=0)(
                lambda kernel: function(*operands[:-3], kernel, *operands[-2:]), (kernel,), (kernel,))[1] ** 2))(
                operands[-3]),
            "in a loop": carried,
            "by linearize": jax.linearize(function, *operands)[1](*operands),
        }  # fmt: skip

    return wholes


def test_under_every_transformation():
    gates, operands, mask = setting("gru", masked=True)
    found, expected = (transformed(run(one, gates, mask, False))(*operands) for one in (recur, stock))
    for name in expected:
        jax.tree.map(lambda a, b, name=name: close(a, b, 1e-4, name), found[name], expected[name])


def test_what_is_not_finite_stays_in_its_row():
    gates, operands, _ = setting("lstm")
    operands[0] = operands[0].at[1, 0, 0].set(np.nan)
    found, expected = (run(one, gates, None, False)(*operands) for one in (recur, stock))
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))


@pytest.mark.parametrize("shown", ["", "zero_output_for_mask", "unroll"])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_layers_with_masks_and_first_states(name, backwards, shown):
    own, theirs = (
        lib.layers.RNN(
            getattr(lib.layers, f"{name}Cell")(3),
            return_sequences=True,
            return_state=True,
            go_backwards=backwards,
            **({shown: True} if shown else {}),
        )
        for lib in (plait, keras)
    )
    x = np.asarray(array((4, 5, 2)))
    mask = np.array([[1, 1, 1, 1, 1], [0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 0, 1, 0, 1]], bool)
    states = [np.asarray(array((4, 3), 3 + index)) for index in range(2 if name == "LSTM" else 1)]
    theirs.build(x.shape)
    own.build(x.shape)
    own.set_weights(theirs.get_weights())
    found, expected = (layer(x, initial_state=states, mask=mask) for layer in (own, theirs))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
