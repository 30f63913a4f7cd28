"""Linear algebra: values, dtypes, signatures, recorded calls, files and gradients are Keras's.

The flags of the rows are those of `test_ops_numpy`.
"""

import jax
import keras
import numpy as np
import pytest

import plait
from parity.op_checks import (
    check_dtypes,
    check_gradients,
    check_signature,
    check_symbolic,
    check_values,
    ids,
    refuses,
    row,
)
from plait import ops

M = np.array([[2.0, 0.5, 0.1], [0.3, 1.5, -0.2], [0.0, 0.4, 1.0]], "float32")
G = (M @ M.T + np.eye(3)).astype("float32")
STACK = np.stack([M, M.T + 0.3])
POSITIVE = np.stack([G, 2 * G])
A = np.cos(np.arange(12, dtype="float32")).reshape(3, 4)
C = np.cos(np.arange(24, dtype="float32") * 1.3).reshape(2, 3, 4)
V = np.array([0.5, -1.0, 2.0], "float32")
K = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]], "float32")
LOWER = np.tril(M) + 1e-3

ROWS = [
    row("cholesky", POSITIVE),
    row("cholesky", G, upper=True, flags="known"),
    row("cholesky_inverse", G, flags="known"),
    row("cholesky_inverse", G, upper=True, flags="known"),
    row("det", STACK),
    row("det", M, flags="known"),
    row("eig", STACK, flags="differs rough typed"),  # Keras says float, and gives complex
    row("eigh", POSITIVE),
    row("inv", STACK),
    row("lu_factor", STACK, flags="differs rough"),  # Keras says that the swaps are float
    row("lu_factor", A, flags="differs rough known"),
    row("matrix_rank", STACK),
    row("matrix_rank", C, tol=1.5),
    row("matrix_rank", np.ones((3, 4), "float32"), flags="known"),
    row("norm", A),
    row("norm", M, ord="fro", flags="known"),
    *(row("norm", M, ord=order, axis=(0, 1), keepdims=True) for order in ("nuc", 1, -1, 2, -2)),
    row("norm", C, axis=-1, flags="broken"),
    *(row("norm", C, ord=order, axis=1, flags="broken") for order in (1, 2, 3, 0)),
    row("norm", C, ord=np.inf, axis=(1, 2)),
    row("pinv", C),
    row("pinv", STACK, rcond=0.3),
    row("qr", C),
    row("qr", np.swapaxes(C, 1, 2).copy(), mode="complete", flags="rough"),
    row("solve", M, V, flags="known"),
    row("solve", M, K, flags="known"),
    row("solve", STACK, np.stack([K, K + 1])),
    row("solve_triangular", LOWER, V, lower=True, flags="known"),
    row("solve_triangular", LOWER.T.copy(), K, flags="known"),
    row("solve_triangular", np.stack([LOWER, LOWER]), np.stack([K, K + 1]), lower=True),
    row("lstsq", np.swapaxes(C, 1, 2)[0].copy(), A.T[:, :2].copy(), flags="known"),
    row("lstsq", np.swapaxes(C, 1, 2)[0].copy(), A[0], flags="known"),
    row("lstsq", A, V, rcond=0.1, flags="known"),
    row("svd", C, flags="rough"),
    row("svd", C, full_matrices=False),
    row("svd", C, compute_uv=False),
]
SYMBOLIC = [found for found in ROWS if found.symbolic]
NAMES = sorted(n for n in dir(keras.ops) if getattr(getattr(keras.ops, n), "__module__", "") == "keras.src.ops.linalg")


@pytest.mark.parametrize("found", ROWS, ids=ids(ROWS))
def test_values(found):
    check_values(found)


@pytest.mark.parametrize("found", [r for r in ROWS if r.dtypes], ids=ids([r for r in ROWS if r.dtypes]))
def test_dtypes(found):
    check_dtypes(found)


@pytest.mark.parametrize("found", SYMBOLIC, ids=ids(SYMBOLIC))
def test_symbolic_calls(found):
    check_symbolic(found)


@pytest.mark.parametrize("found", [r for r in ROWS if r.smooth], ids=ids([r for r in ROWS if r.smooth]))
def test_gradients(found):
    check_gradients(found, rtol=5e-4, atol=5e-5)


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name):
    check_signature(name)


def test_every_function_is_there_and_has_a_row():
    assert NAMES == plait.ops.linalg.__all__ == sorted({found.name for found in ROWS} | {"jvp"})
    assert all(getattr(ops.linalg, name) is getattr(ops, name) for name in NAMES)


def test_jvp():
    x, direction = A, np.ones_like(A)
    for library in (ops, keras.ops):
        value, change = library.jvp(lambda a: a**2, (x,), (direction,))
        np.testing.assert_allclose(value, x**2)
        np.testing.assert_allclose(change, 2 * x)
    found = [library.jvp(lambda a, b: (a * b, a), [2.0, 3.0], [1.0, 0.0], has_aux=True) for library in (ops, keras.ops)]
    assert [float(value) for value in found[0]] == [float(value) for value in found[1]] == [6.0, 3.0, 2.0]


def test_jvp_of_symbolic_tensors():
    def cube(a):
        return a**3

    x = plait.KerasTensor((None, 4))
    value, change = ops.jvp(cube, (x,), (x,))
    assert value.shape == change.shape == (None, 4)
    operation = value._keras_history.operation
    assert type(operation).__name__ == "JVP" and operation.config == {"has_aux": False}
    result = plait.core.graph.Graph([x], [value, change]).run([jax.numpy.asarray(A)])
    np.testing.assert_allclose(result[1], 3 * A**3, rtol=1e-5)


def test_what_works_where_keras_fails():
    inverse = ops.cholesky_inverse(ops.cholesky(POSITIVE))
    np.testing.assert_allclose(inverse, np.linalg.inv(POSITIVE), rtol=1e-4, atol=1e-6)
    vectors = np.stack([V, V + 1])
    solved = ops.solve(STACK, np.stack([V, V + 1]))
    np.testing.assert_allclose(solved, np.linalg.solve(STACK, np.stack([V, V + 1])[..., None])[..., 0], rtol=1e-4)
    solved = ops.solve_triangular(np.stack([LOWER, LOWER]), vectors, lower=True)
    np.testing.assert_allclose(solved, np.linalg.solve(np.tril(LOWER), vectors[..., None])[..., 0], rtol=1e-4)
    assert ops.norm(plait.KerasTensor((None, 4)), axis=-1).shape == (None,)
    np.testing.assert_allclose(ops.norm(A, "fro", axis=[0, 1]), np.linalg.norm(A), rtol=1e-6)


def test_what_is_refused():
    for name in ("cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv"):
        refuses(name, A, match="square matrix")
        refuses(name, V, match="rank >= 2")
    refuses("cholesky", -G, match="positive definite")
    refuses("qr", A, mode="r", match="complete")
    refuses("solve", A, V, match="square")
    refuses("norm", A, "foo")
    refuses("svd", V, match="rank >= 2")
    with pytest.raises(ValueError, match="square"):
        ops.det(plait.KerasTensor((None, 4)))
    assert np.isnan(jax.jit(ops.cholesky)(-G)).any()
