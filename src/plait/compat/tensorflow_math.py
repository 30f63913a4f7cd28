"""`tf.math`, `tf.linalg`, `tf.nn` and their like: thin tables over plait.ops, and what has other arguments there."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait import ops, random
from plait.compat.tensorflow_calls import as_tensor, either, is_on_host, plain, sizes
from plait.compat.tensors import on_host

# Functions under the same name in TensorFlow and plait.ops.
_SAME = (
    "abs add angle ceil conj cos cosh cross cumprod divide_no_nan equal erf erfinv exp expm1 floor greater greater_equal imag "
    "less less_equal log log1p logical_and logical_not logical_or logical_xor maximum minimum multiply negative not_equal polar "
    "real reciprocal round rsqrt sigmoid sign sin sinh softplus sqrt square stop_gradient subtract tan tanh nextafter"
).split()
_RENAMED = {
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "erfc": "erfc",
    "floordiv": "floor_divide",
    "floormod": "mod",
    "is_finite": "isfinite",
    "is_inf": "isinf",
    "is_nan": "isnan",
    "log_sigmoid": "log_sigmoid",
    "mod": "mod",
    "pow": "power",
    "reduce_all": "all",
    "reduce_any": "any",
    "reduce_logsumexp": "logsumexp",
    "reduce_max": "max",
    "reduce_min": "min",
    "reduce_prod": "prod",
    "reduce_std": "std",
    "reduce_sum": "sum",
    "reduce_variance": "var",
    "truediv": "divide",
    "divide": "divide",
}


def reduce_mean(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The mean; of whole numbers a whole number."""
    mean = either("mean", input_tensor, axis=axis, keepdims=keepdims)
    whole = getattr(getattr(input_tensor, "dtype", None), "kind", "f") in "iu"
    return mean.astype(input_tensor.dtype) if whole else mean


def reduce_euclidean_norm(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The root of the sum of squares."""
    return either("sqrt", either("sum", either("square", input_tensor), axis=axis, keepdims=keepdims))


def _arg(name: str) -> Callable:
    def find(input: Any, axis: Any = None, output_type: Any = "int64", name: str | None = None) -> Any:
        """The place along an axis, by default the first; int64 where JAX has it, else int32."""
        found = either(which, input, axis=0 if axis is None else int(axis))
        return on_host(np.asarray(found, str(output_type))) if is_on_host([input]) else found

    which = name
    return find


def cumsum(x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Any:
    """Running sums along an axis; `exclusive` leaves each value out of its own, `reverse` begins at the end."""
    if reverse:
        return either("flip", cumsum(either("flip", x, axis=axis), axis, exclusive), axis=axis)
    total = either("cumsum", x, axis=axis)
    return total - x if exclusive else total


def count_nonzero(input: Any, axis: Any = None, keepdims: bool = False, dtype: Any = "int64", name: Any = None) -> Any:
    """How many values aren't 0."""
    return either("sum", either("not_equal", input, 0), axis=axis, keepdims=keepdims)


def add_n(inputs: Any, name: str | None = None) -> Any:
    """The sum of several tensors."""
    total = inputs[0]
    for other in inputs[1:]:
        total = total + other
    return total


def squared_difference(x: Any, y: Any, name: str | None = None) -> Any:
    """The square of the difference."""
    return either("square", either("subtract", x, y))


def multiply_no_nan(x: Any, y: Any, name: str | None = None) -> Any:
    """The product; 0 where y is 0, whatever x is."""
    return either("where", either("equal", y, 0), either("zeros_like", x), either("multiply", x, y))


def xlogy(x: Any, y: Any, name: str | None = None) -> Any:
    """x times the logarithm of y; 0 where x is 0."""
    return jax.scipy.special.xlogy(jnp.asarray(x), jnp.asarray(y))


def _special(name: str) -> Callable:
    def compute(x: Any, name: str | None = None) -> Any:
        """The function of `jax.scipy.special`."""
        return function(jnp.asarray(x))

    function = getattr(jax.scipy.special, name)
    return compute


def complex_of(real: Any, imag: Any, name: str | None = None) -> Any:
    """Complex numbers of their two parts."""
    return jax.lax.complex(jnp.asarray(real), jnp.asarray(imag))


# ---------------------------------------------------------------------------- segments


def _segments(reduce: str) -> Callable:
    def segment(data: Any, segment_ids: Any, num_segments: Any = None, name: str | None = None) -> Any:
        """The values of each segment together; segments without values are 0, or the lowest number there is."""
        data, ids = jnp.asarray(data), jnp.asarray(segment_ids)
        count = int(np.asarray(ids).max()) + 1 if num_segments is None else int(num_segments)
        if reduce in ("mean", "sqrt_n"):
            ones = jax.ops.segment_sum(jnp.ones(ids.shape, data.dtype), ids, count)
            total = jax.ops.segment_sum(data, ids, count)
            ones = jnp.maximum(ones, 1).reshape((-1,) + (1,) * (total.ndim - 1))
            return total / (ones if reduce == "mean" else jnp.sqrt(ones))
        found = getattr(jax.ops, f"segment_{reduce}")(data, ids, count)
        if reduce in ("max", "min") and jnp.issubdtype(data.dtype, jnp.floating):
            limit = jnp.finfo(data.dtype)
            return jnp.clip(found, limit.min, limit.max)
        return found

    return segment


# ---------------------------------------------------------------------------- norms


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None, dim: Any = None) -> Any:
    """Vectors of length 1: x by the root of the sum of its squares, which counts as at least `epsilon`."""
    axis = dim if axis is None else axis
    total = either("sum", either("square", x), axis=axis if axis is None else _axes(axis), keepdims=True)
    return x / either("sqrt", either("maximum", total, epsilon))


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The norm of a tensor, or along axes."""
    ord = None if ord == "euclidean" else ord
    if axis is None and ord is None:
        return reduce_euclidean_norm(tensor, None, keepdims)
    return ops.norm(as_tensor(tensor), ord, _axes(axis), keepdims)


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """The values, none below the first bound or above the second."""
    return either("minimum", either("maximum", t, clip_value_min), clip_value_max)


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """The values, made smaller where their norm is above a bound."""
    length = reduce_euclidean_norm(t, _axes(axes), True)
    return t * clip_norm / either("maximum", length, clip_norm)


def global_norm(t_list: Any, name: str | None = None) -> Any:
    """The norm of all values of several tensors; None counts as nothing."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(t)) for t in t_list if t is not None))


def clip_by_global_norm(t_list: Any, clip_norm: Any, use_norm: Any = None, name: str | None = None) -> tuple:
    """Several tensors, made smaller together where their norm is above a bound, and that norm."""
    length = global_norm(t_list) if use_norm is None else use_norm
    scale = clip_norm / jnp.maximum(length, clip_norm)
    return [None if t is None else t * scale for t in t_list], length


# ---------------------------------------------------------------------------- counting


def bincount(
    arr: Any, weights: Any = None, minlength: Any = None, maxlength: Any = None, dtype: Any = "int32", **_: Any
) -> Any:
    """How often each number occurs."""
    found = ops.bincount(jnp.asarray(arr), weights, minlength or 0)
    return found if maxlength is None else found[: int(maxlength)]


def confusion_matrix(
    labels: Any, predictions: Any, num_classes: Any = None, weights: Any = None, dtype: Any = "int32", name: Any = None
) -> Any:
    """How often each label (row) was predicted as each class (column)."""
    labels, predictions = np.asarray(labels).ravel(), np.asarray(predictions).ravel()
    count = int(num_classes or max(labels.max(initial=-1), predictions.max(initial=-1)) + 1)
    matrix = np.zeros((count, count), str(dtype))
    np.add.at(matrix, (labels.astype(int), predictions.astype(int)), 1 if weights is None else np.asarray(weights))
    return on_host(matrix)


def top_k(input: Any, k: Any = 1, sorted: bool = True, name: str | None = None) -> Any:
    """The largest values along the last axis, and their places."""
    return ops.top_k(as_tensor(input), int(k), sorted)


def in_top_k(targets: Any, predictions: Any, k: int, name: str | None = None) -> Any:
    """Whether each target is among the k largest predictions."""
    return ops.in_top_k(jnp.asarray(targets), jnp.asarray(predictions), k)


# ---------------------------------------------------------------------------- products


def matmul(
    a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, name: str | None = None, **_: Any
) -> Any:
    """The product of matrices, either turned before."""
    a = either("swapaxes", a, -1, -2) if transpose_a else a
    return either("matmul", a, either("swapaxes", b, -1, -2) if transpose_b else b)


def matvec(a: Any, b: Any, transpose_a: bool = False, name: str | None = None, **_: Any) -> Any:
    """The product of matrices and vectors."""
    return matmul(a, either("expand_dims", b, -1), transpose_a)[..., 0]


def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Any:
    """Sums of products over some axes of both."""
    return ops.tensordot(as_tensor(a), as_tensor(b), axes)


def einsum(equation: str, *inputs: Any, **_: Any) -> Any:
    """Sums of products, as an equation says."""
    return ops.einsum(equation, *map(as_tensor, inputs))


def band_part(input: Any, num_lower: Any, num_upper: Any, name: str | None = None) -> Any:
    """Matrices with zeros outside of a band around the diagonal; -1 keeps a whole side."""
    x = as_tensor(input)
    row, column = jnp.arange(x.shape[-2])[:, None], jnp.arange(x.shape[-1])
    below = (num_lower < 0) | (row - column <= num_lower)
    return jnp.where(below & ((num_upper < 0) | (column - row <= num_upper)), x, jnp.zeros((), x.dtype))


def set_diag(input: Any, diagonal: Any, name: str = "set_diag", **_: Any) -> Any:
    """Matrices with another diagonal."""
    x = as_tensor(input)
    place = jnp.arange(min(x.shape[-2:]))
    return jnp.asarray(x).at[..., place, place].set(jnp.asarray(diagonal, x.dtype))


def diag_part(input: Any, name: str = "diag_part", **_: Any) -> Any:
    """The diagonals of matrices."""
    return jnp.diagonal(jnp.asarray(input), axis1=-2, axis2=-1)


def diag(diagonal: Any, name: str = "diag", **_: Any) -> Any:
    """Matrices with these diagonals."""
    values = jnp.asarray(diagonal)
    return values[..., None] * jnp.eye(values.shape[-1], dtype=values.dtype)


def matrix_transpose(a: Any, name: str | None = None, conjugate: bool = False) -> Any:
    """Matrices turned."""
    return either("swapaxes", a, -1, -2)


# ---------------------------------------------------------------------------- random


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", seed: Any = None, name: Any = None
) -> Any:
    """Draws from a normal distribution."""
    return random.normal(sizes(shape), dtype=str(dtype), seed=seed) * stddev + mean


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", seed: Any = None, name: Any = None
) -> Any:
    """Draws from a normal distribution, none further than two standard deviations away."""
    return random.truncated_normal(sizes(shape), dtype=str(dtype), seed=seed) * stddev + mean


def uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = "float32", seed: Any = None, name: Any = None
) -> Any:
    """Draws between two bounds; whole numbers for a dtype of such."""
    maxval = 1 if maxval is None else maxval
    if "int" in str(dtype):
        return random.randint(sizes(shape), int(minval), int(maxval), dtype=str(dtype), seed=seed)
    return random.uniform(sizes(shape), dtype=str(dtype), seed=seed) * (maxval - minval) + minval


def gamma(shape: Any, alpha: Any, beta: Any = None, dtype: Any = "float32", seed: Any = None, name: Any = None) -> Any:
    """Draws from a gamma distribution, `shape` of them for each alpha."""
    alpha = jnp.asarray(alpha, str(dtype))
    drawn = random.gamma((*sizes(shape), *alpha.shape), alpha, dtype=str(dtype), seed=seed)
    return drawn if beta is None else drawn / jnp.asarray(beta)


def categorical(logits: Any, num_samples: Any, dtype: Any = "int64", seed: Any = None, name: Any = None) -> Any:
    """Draws of classes by their logits."""
    return random.categorical(as_tensor(logits), int(num_samples), dtype="int32", seed=seed)


def shuffled(value: Any, seed: Any = None, name: str | None = None) -> Any:
    """The entries along the first axis in another order."""
    if is_on_host([value]):
        return on_host(value[np.random.permutation(len(value))])  # noqa: NPY002  (the generator that scripts seed)
    return random.shuffle(as_tensor(value), seed=seed)


class Generator:
    """`tf.random.Generator`: draws with a state of its own. The numbers aren't TensorFlow's."""

    def __init__(self, seed: Any = None):
        self._seed = random.SeedGenerator(seed)

    @classmethod
    def from_seed(cls, seed: int, alg: Any = None) -> "Generator":
        """A generator of a seed."""
        return cls(seed)

    @classmethod
    def from_non_deterministic_state(cls, alg: Any = None) -> "Generator":
        """A generator of a seed that chance makes."""
        return cls()

    def normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", name: Any = None) -> Any:
        """Draws from a normal distribution."""
        return normal(shape, mean, stddev, dtype, self._seed)

    def uniform(self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = "float32", name: Any = None) -> Any:
        """Draws between two bounds."""
        return uniform(shape, minval, maxval, dtype, self._seed)

    def make_seeds(self, count: int = 1) -> Any:
        """Seeds for `tf.image.stateless_*` and the like: (2, count)."""
        return uniform((2, count), 0, 2**31 - 1, "int32", self._seed)


def _stateless(draw: Callable) -> Callable:
    def stateless(shape: Any, seed: Any, *args: Any, **kwargs: Any) -> Any:
        """The same draws for the same seed, which is a pair of numbers."""
        first, second = np.asarray(seed).ravel().tolist()[:2]
        return draw(shape, *args, seed=(int(first) * 1_000_003 + int(second)) % 2**31, **kwargs)

    return stateless


MATH: dict[str, Any] = {
    **{name: plain(name) for name in _SAME},
    **{name: plain(ours) for name, ours in _RENAMED.items()},
    **{f"unsorted_segment_{name}": _segments(name) for name in ("sum", "mean", "max", "min", "prod", "sqrt_n")},
    **{f"segment_{name}": _segments(name) for name in ("sum", "mean", "max", "min", "prod")},
    "digamma": _special("digamma"),
    "lgamma": _special("gammaln"),
    "add_n": add_n,
    "argmax": _arg("argmax"),
    "argmin": _arg("argmin"),
    "bincount": bincount,
    "confusion_matrix": confusion_matrix,
    "count_nonzero": count_nonzero,
    "cumsum": cumsum,
    "in_top_k": in_top_k,
    "l2_normalize": l2_normalize,
    "multiply_no_nan": multiply_no_nan,
    "reduce_euclidean_norm": reduce_euclidean_norm,
    "reduce_mean": reduce_mean,
    "scalar_mul": plain("multiply"),
    "squared_difference": squared_difference,
    "top_k": top_k,
    "xlogy": xlogy,
}
LINALG: dict[str, Any] = {
    **{
        name: plain(name)
        for name in ("cholesky", "det", "eigh", "logdet", "pinv", "qr", "slogdet", "solve", "svd", "trace")
    },
    "band_part": band_part,
    "cross": plain("cross"),
    "diag": diag,
    "diag_part": diag_part,
    "einsum": einsum,
    "expm": lambda input, name=None: jax.scipy.linalg.expm(jnp.asarray(input)),
    "inv": plain("inv"),
    "l2_normalize": l2_normalize,
    "matmul": matmul,
    "matrix_transpose": matrix_transpose,
    "matvec": matvec,
    "norm": norm,
    "normalize": lambda tensor, ord="euclidean", axis=None, name=None: (
        tensor / norm(tensor, ord, axis, True),
        norm(tensor, ord, axis, True),
    ),
    "set_diag": set_diag,
    "tensordot": tensordot,
    "trace": lambda x, name=None: jnp.trace(jnp.asarray(x), axis1=-2, axis2=-1),
}
RANDOM: dict[str, Any] = {
    **{f"stateless_{draw.__name__}": _stateless(draw) for draw in (normal, uniform, truncated_normal)},
    "Generator": Generator,
    "categorical": categorical,
    "gamma": gamma,
    "get_global_generator": Generator,
    "normal": normal,
    "shuffle": shuffled,
    "truncated_normal": truncated_normal,
    "uniform": uniform,
}
