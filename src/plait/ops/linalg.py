"""Linear algebra: decompositions, inverses, equations, norms. Matrices are the last two axes; all before are batch axes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from plait.common.messages import describe
from plait.common.tree import map_structure
from plait.core.op import op
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, ShapeError
from plait.ops.operands import axes, floating

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "jvp",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "solve",
    "solve_triangular",
    "svd",
]

_LINALG = "keras.src.ops.linalg"


def _matrices(name: str, x: Any) -> Any:
    x = floating(x)
    if x.ndim < 2:
        raise ShapeError(f"{name}: Expected input to have rank >= 2, for matrices, but got {describe(x)}.")
    return x


def _squares(name: str, x: Any) -> Any:
    x = _matrices(name, x)
    rows, columns = x.shape[-2:]
    if isinstance(rows, int) != isinstance(columns, int) or (isinstance(rows, int) and rows != columns):
        raise ShapeError(f"{name}: Expected a square matrix, but got {describe(x)}.")
    return x


# ---------------------------------------------------------------------------- decompositions


@op(module=_LINALG)
def cholesky(x: Any, upper: bool = False) -> Any:
    """Cholesky's factor L of a symmetric positive definite matrix A = L Lᵀ; or U with A = Uᵀ U. Shapes: (..., N, N).

    Raises: ArgumentError for values known not to be positive definite; inside a compiled program they give NaN.
    """
    factor = jnp.linalg.cholesky(_squares("cholesky", x), upper=upper)
    if not isinstance(factor, Tracer) and bool(jnp.any(jnp.isnan(factor))):
        raise ArgumentError(
            f"cholesky: the decomposition failed, because the matrix isn't positive definite, or holds NaN: {describe(x)}."
        )
    return factor


@op(module=_LINALG)
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of A from its Cholesky factor, A = L Lᵀ or A = Uᵀ U. Shapes: (..., N, N)."""
    factor = _squares("cholesky_inverse", x)
    whole = jnp.promote_types(factor.dtype, jnp.float32)  # no solver knows half precision
    ones = jnp.broadcast_to(jnp.eye(factor.shape[-1], dtype=whole), factor.shape)
    inverse = jax.scipy.linalg.solve_triangular(factor.astype(whole), ones, lower=not upper)
    transposed = jnp.matrix_transpose(inverse)
    return (inverse @ transposed if upper else transposed @ inverse).astype(factor.dtype)


@op(module=_LINALG)
def eig(x: Any) -> Any:
    """The eigenvalues and eigenvectors of square matrices, both complex. Shapes: (..., N, N) becomes (..., N), (..., N, N).

    Column i of the vectors belongs to value i. JAX has it on CPUs only. Differs: on a symbolic tensor the results are
    complex too, as they are when it runs; Keras says float.
    """
    values, vectors = jnp.linalg.eig(_squares("eig", x))
    return values, vectors


@op(module=_LINALG)
def eigh(x: Any) -> Any:
    """The eigenvalues, in rising order, and eigenvectors of symmetric or Hermitian matrices.

    Shapes: (..., N, N) becomes (..., N) and (..., N, N), column i of the vectors belonging to value i.
    """
    values, vectors = jnp.linalg.eigh(_squares("eigh", x))
    return values, vectors


@op(module=_LINALG)
def lu_factor(x: Any) -> Any:
    """The factors of A = P L U in one matrix (L's ones are left out), and the row swaps P (int32).

    Shapes: (..., M, N) becomes (..., M, N) and (..., min(M, N)).
    """
    factors, swaps = jax.scipy.linalg.lu_factor(_matrices("lu_factor", x))
    return factors, swaps


@op(module=_LINALG)
def qr(x: Any, mode: str = "reduced") -> Any:
    """A = Q R with orthonormal columns in Q, and zeros below R's diagonal.

    Shapes: (..., M, N) becomes (..., M, K) and (..., K, N), K = min(M, N); for the mode "complete" K = M.
    Raises: ArgumentError for another mode.
    """
    if mode not in ("reduced", "complete"):
        raise ArgumentError(f"qr: no such `mode`. Expected one of {{'reduced', 'complete'}}, but got mode={mode}.")
    q, r = jnp.linalg.qr(_matrices("qr", x), mode=mode)
    return q, r


@op(module=_LINALG, name="SVD")
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """The singular value decomposition A = U diag(S) Vᵀ, S falling.

    Shapes: (..., M, N) gives U (..., M, M), S (..., min(M, N)) and Vᵀ (..., N, N); without `full_matrices`, min(M, N)
    columns of U and rows of Vᵀ; without `compute_uv`, S alone.
    """
    result = jnp.linalg.svd(_matrices("svd", x), full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(result) if compute_uv else result


# ---------------------------------------------------------------------------- numbers of matrices


@op(module=_LINALG)
def det(x: Any) -> Any:
    """The determinant. Shapes: (..., N, N) becomes (...)."""
    return jnp.linalg.det(_squares("det", x))


@op(module=_LINALG)
def matrix_rank(x: Any, tol: Any = None) -> Any:
    """How many singular values are above `tol`, which is max(M, N) S_max epsilon for None. (..., M, N) gives int32 (...)."""
    x = _matrices("matrix_rank", x)
    values = jnp.linalg.svd(x, compute_uv=False)
    if tol is None:
        tol = jnp.max(values, axis=-1, keepdims=True) * max(x.shape[-2:]) * jnp.finfo(values.dtype).eps
    return jnp.sum(values > tol, axis=-1).astype("int32")


@op(module=_LINALG)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors, of matrices, or of all values.

    Args:
        x: a tensor.
        ord: None is the root of the sum of squares; a number p the p-norm of vectors; for matrices "fro", "nuc", 1, -1,
            2, -2, infinity or minus infinity.
        axis: the axis of vectors, or the two of matrices; None is all of x.
        keepdims: whether to keep the axes with size 1.
    """
    return jnp.linalg.norm(floating(x), ord=ord, axis=axes(axis), keepdims=keepdims)


# ---------------------------------------------------------------------------- inverses and equations


@op(module=_LINALG)
def inv(x: Any) -> Any:
    """The inverse of square matrices. Shapes: (..., N, N)."""
    return jnp.linalg.inv(_squares("inv", x))


@op(module=_LINALG)
def pinv(x: Any, rcond: Any = None) -> Any:
    """The Moore-Penrose inverse; singular values up to rcond times the largest count as 0. (..., M, N) becomes (..., N, M)."""
    return jnp.linalg.pinv(_matrices("pinv", x), rtol=rcond)


@op(module=_LINALG)
def solve(a: Any, b: Any) -> Any:
    """The X of A X = B. Shapes: (..., N, N) and (..., N, K), or vectors (..., N), give B's.

    >>> solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 8.0]).tolist()
    [1.0, 2.0]
    """
    a, b = _squares("solve", a), floating(b)
    if b.shape == a.shape[:-1]:
        return jnp.linalg.solve(a, b[..., None])[..., 0]
    return jnp.linalg.solve(a, b)


@op(module=_LINALG)
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The X of A X = B where A has zeros below its diagonal, or above it (`lower`).

    Shapes: (..., N, N) and (..., N, K), or (..., N), give B's.
    """
    a, b = _squares("solve_triangular", a), floating(b)
    if b.ndim == a.ndim - 1:
        return jax.scipy.linalg.solve_triangular(a, b[..., None], lower=lower)[..., 0]
    return jax.scipy.linalg.solve_triangular(a, b, lower=lower)


@op(module=_LINALG)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """The X with the least squares in A X - B. Shapes: (M, N) and (M, K), or (M,), give (N, K), or (N,).

    Singular values up to rcond times the largest count as 0; None is epsilon times the larger of M and N.
    """
    return jnp.linalg.lstsq(floating(a), floating(b), rcond=rcond)[0]


# ---------------------------------------------------------------------------- derivatives


@op(module=_LINALG, name="JVP", options=("has_aux",))
def jvp(fun: Callable, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """The value of a function, and how it changes along a direction: the Jacobian times a vector.

    Args:
        fun: a function of tensors.
        primals: its arguments, a tuple or list.
        tangents: the direction: for each argument a tensor of its shape.
        has_aux: whether the function gives a pair, its value and something else that comes back as it is.

    Returns:
        the value and its change, and what came along.

    >>> value, change = jvp(lambda x: x * x, (3.0,), (1.0,))
    >>> float(value), float(change)
    (9.0, 6.0)
    """
    arrays, directions = (map_structure(convert_to_tensor, tuple(part)) for part in (primals, tangents))
    return jax.jvp(fun, arrays, directions, has_aux=has_aux)
