"""NumPy's functions: values, dtypes, signatures, recorded calls, files and gradients are Keras's.

One row a call. Flags: `differs` where what Keras records is wrong or raises (the comment says what), `eager` where no
graph can hold it, `known` where sizes must be, `rough` where gradients aren't compared, `typed` where dtypes aren't,
`still` where it runs outside of compiled programs only, `broken` where Keras records it and cannot run that.
"""

import itertools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import plait
from parity.op_checks import (
    Fixed,
    assert_same,
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
from plait.errors import ArgumentError, ShapeError

A = np.linspace(-2.0, 2.2, 12, dtype="float32").reshape(3, 4)
B = np.linspace(0.3, 0.9, 12, dtype="float32")[::-1].reshape(3, 4).copy()
P = np.linspace(1.1, 3.0, 12, dtype="float32").reshape(3, 4)
V = np.array([0.5, -1.0, 2.0], "float32")
W = np.array([1.5, 0.25, -2.0], "float32")
C = np.linspace(-1.0, 1.0, 24, dtype="float32").reshape(2, 3, 4)
S = np.array([[2.0, 0.5, 0.1], [0.3, 1.5, -0.2], [0.0, 0.4, 1.0]], "float32")
N = np.array([[1.0, np.nan, 3.0, -2.0], [np.nan, 0.5, np.nan, 4.0], [2.0, 1.0, 7.0, np.nan]], "float32")
SPECIAL = np.array([[0.0, -0.0, np.inf], [-np.inf, np.nan, 1.5]], "float32")
I = np.array([[1, 5, 2, 9], [3, 3, 0, 7], [8, 4, 6, 2]], "int32")  # noqa: E741
J = np.array([[2, 1, 3, 1], [1, 2, 2, 3], [3, 1, 2, 2]], "int32")
T = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, True]])
Z = np.array([[1 + 2j, -1j], [3.0, -2 + 0.5j]], "complex64")

UNARY_WITHIN_ONE = "arccos arcsin arctanh"
UNARY_ABOVE_ONE = "arccosh log log10 log2 sqrt reciprocal"
UNARY = (
    "abs absolute arcsinh arctan cbrt ceil copy cos cosh deg2rad exp exp2 expm1 fabs floor i0 isfinite isinf isnan isneginf "
    "isposinf isreal logical_not nan_to_num negative rad2deg real round sign signbit sin sinc sinh square tan tanh trunc "
    "angle conj conjugate"
)
UNARY_INTEGER = "bitwise_invert bitwise_not"
BINARY = (
    "add subtract multiply divide true_divide divide_no_nan floor_divide mod fmod maximum minimum fmax fmin arctan2 equal "
    "not_equal less less_equal greater greater_equal logical_and logical_or logical_xor hypot heaviside logaddexp "
    "logaddexp2 isclose allclose"
)
BINARY_INTEGER = (
    "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift left_shift right_shift gcd lcm"
)
REDUCTIONS = "all any amax amin max min mean median prod ptp std sum var nanmax nanmin nanmean nanmedian nanprod nanstd nansum nanvar"
INDICES = "argmax argmin nanargmax nanargmin"
METHODS = "lower higher midpoint nearest"
RUNNING = "cumsum cumprod nancumsum nancumprod"

ROWS = [
    *(row(name, B) for name in UNARY_WITHIN_ONE.split()),
    *(row(name, P) for name in UNARY_ABOVE_ONE.split()),
    *(row(name, A) for name in UNARY.split()),
    row("log1p", B),
    row("imag", A, flags="rough"),  # the gradient of the zero that Keras makes is refused by JAX
    *(row(name, I, flags="typed") for name in UNARY_INTEGER.split()),
    *(row(name, Z, flags="typed") for name in "conj isreal square exp sqrt".split()),
    *(
        row(name, Z, flags="typed differs") for name in "real imag angle abs".split()
    ),  # Keras says that they are complex
    *(
        row(name, SPECIAL, flags="rough")
        for name in "isfinite isinf isnan isneginf isposinf signbit nan_to_num".split()
    ),
    row("nan_to_num", SPECIAL, nan=1.0, posinf=2.0, neginf=-3.0, flags="rough"),
    row("round", A, decimals=1),
    row("round", np.int32([[14, 15, 25], [-15, 126, -34]]), decimals=-1, flags="typed"),
    *(row(name, A, B) for name in BINARY.split()),
    *(row(name, A, V[:, None]) for name in "add multiply maximum arctan2 less".split()),
    *(row(name, A, 2.0) for name in "add divide maximum fmod logaddexp".split()),
    *(row(name, 2.0, P) for name in "subtract power true_divide arctan2".split()),
    *(row(name, A, 2) for name in "multiply power divide_no_nan greater".split()),
    row("power", P, B),
    row("ldexp", A, J, flags="typed"),
    row("nextafter", A, B, flags="rough"),
    row("isclose", A, A + 1e-3, rtol=1e-2),
    row("isclose", N, N, equal_nan=True, flags="rough"),
    row("allclose", A, A + 1e-3, atol=1e-2),
    *(row(name, I, J, flags="typed") for name in BINARY_INTEGER.split()),
    row("clip", A, -0.5, 1.0),
    row("clip", A, Fixed(np.float32([-1, 0, 0, 1])), 1.0, flags="differs"),  # Keras's config cannot hold an array
    row("clip", A, None, 1.0),
    row("clip", I, 2, 6),
    row("where", T, A, B),
    row("where", T, A, 0.0),
    row("where", T, 1, 2),
    row("where", T, flags="differs still"),  # Keras tells one tensor of the condition's shape
    row("select", [T, ~T], [A, B], 0.5),
    row("select", [A > 1, A > 0], [A, B]),
    row("isin", A, [A[0, 0], 7.0]),
    row("isin", I, J, invert=True),
    row("view", A, dtype="int32", flags="typed"),
    row("view", A, dtype="int16", flags="typed"),
    row("view", A),
    # reductions
    *(row(name, A) for name in REDUCTIONS.split()),
    *(row(name, C, axis=1) for name in REDUCTIONS.split()),
    *(row(name, C, axis=(0, -1), keepdims=True) for name in REDUCTIONS.split()),
    *(row(name, N, axis=1, flags="rough") for name in REDUCTIONS.split()),
    *(row(name, A) for name in INDICES.split()),
    *(row(name, C, axis=1, keepdims=True) for name in INDICES.split()),
    *(row(name, N, axis=-1) for name in INDICES.split()),
    *(row(name, np.float32([-0.0, 0.0, -0.0])) for name in "argmax argmin".split()),
    row("max", A, axis=1, initial=1.0),
    row("min", A, axis=0, initial=-1.0),
    row("prod", I, axis=1, dtype="float32"),
    row("count_nonzero", I),
    row("count_nonzero", C, axis=1),
    row("average", A, axis=1),
    row("average", A, axis=1, weights=Fixed(np.float32([1, 2, 3, 4]))),
    row("average", A, axis=0, weights=B),
    row("average", A, weights=P),
    *(row(name, A, 0.3) for name in "quantile nanquantile".split()),
    *(row(name, C, [0.2, 0.55], axis=1, flags="broken") for name in "quantile nanquantile".split()),
    *(row("quantile", A, 0.3, axis=1, method=m, keepdims=True, flags="broken") for m in METHODS.split()),
    row("quantile", A, np.float32([0.2, 0.5]), axis=1, flags="typed rough broken"),
    *(row(name, A, 30, axis=1) for name in "percentile nanpercentile".split()),
    *(row(name, N, 30.0, axis=1, flags="rough") for name in "percentile nanpercentile".split()),
    row("percentile", A, [25, 50], axis=(0, 1), keepdims=True),
    *(row(name, A, axis=1) for name in RUNNING.split()),
    *(row(name, A) for name in RUNNING.split()),
    *(row(name, N, axis=0, flags="rough") for name in RUNNING.split()),
    row("cumsum", A, axis=1, dtype="float16", flags="rough"),
    row("diff", A),
    row("diff", A, n=2, axis=1),
    row("diff", A, axis=0),
    row("trapezoid", A),
    row("trapezoid", A, dx=0.5, axis=0),
    row("trapezoid", A, x=Fixed(np.float32([0, 1, 3, 4])), flags="differs"),  # Keras's config cannot hold an array
    row("histogram", V, flags="rough broken"),
    row("histogram", V, bins=3, range=(-1, 3), flags="rough broken"),
    row("bincount", np.int32([1, 2, 2, 0]), flags="typed still"),
    row("bincount", np.int32([1, 2, 2]), minlength=6, flags="typed still"),
    row("bincount", np.int32([1, 2, 2]), weights=Fixed(V), flags="typed still differs"),  # likewise
    row("bincount", np.int32([[1, 2, 2], [0, 1, 2]]), flags="typed still"),
    row("bincount", np.int32([[1, 2, 2], [0, 1, 2]]), weights=Fixed(A[:2, :3]), flags="typed still differs"),
    row("corrcoef", A, flags="rough differs"),  # Keras tells the input's shape
    row("correlate", V, W, flags="known"),
    row("correlate", V, W[:2], mode="same", flags="known"),
    row("correlate", V, W[:2], mode="full", flags="known"),
    # shapes
    row("append", A, B),
    row("append", A, B, axis=1),
    row("append", A, B, axis=0, flags="differs"),  # Keras adds None and None
    row("concatenate", [A, B], axis=1),
    row("concatenate", [A, B, C[0]], axis=0),
    row("concatenate", (I, A), axis=-1),
    row("stack", [A, B], axis=1),
    row("stack", [V, W]),
    row("hstack", [A, B]),
    row("hstack", [V, W], flags="differs"),  # Keras fails
    row("vstack", [A, B]),
    row("vstack", [V, W], flags="differs"),  # Keras joins them to one
    row("dstack", [A, B]),
    row("split", A, 2, axis=1),
    row("split", A, 3, flags="known"),
    row("split", C, 2),
    row("split", A, [1, 3], axis=1),
    row("split", A, [1, 2], flags="known"),
    row("array_split", A, 3, axis=1),
    row("array_split", A, 2, flags="known"),
    row("hsplit", A, 2),
    row("hsplit", A, [1, 2]),
    row("vsplit", C, 2),
    row("dsplit", C, 2),
    row("expand_dims", A, 1),
    row("expand_dims", A, (0, -1)),
    row("moveaxis", C, 0, -1),
    row("moveaxis", C, [0, 1], [1, 2]),
    row("swapaxes", C, 0, 2),
    row("transpose", C),
    row("transpose", C, axes=(1, 0, 2)),
    row("reshape", A, (4, 3), flags="known"),
    row("reshape", A, (-1, 2, 2)),
    row("squeeze", A[:, None]),
    row("squeeze", A[:, None, :, None], axis=1),
    row("ravel", A),
    row("ndim", A, flags="differs"),  # Keras tells a float32 tensor of the input's shape's shape
    row("size", A),
    row("flip", A),
    row("flip", C, axis=(0, 1)),
    row("fliplr", A, flags="differs known"),
    row("flipud", A, flags="differs known"),
    row("roll", A, 1),
    row("roll", A, (1, 2), axis=(0, 1)),
    row("rot90", A),
    row("rot90", C, k=2, axes=(1, 2), flags="differs"),  # Keras exchanges the sizes
    row("rot90", C, k=-1, axes=(2, 1)),
    row("broadcast_to", A[:, None], (3, 2, 4), flags="known"),
    row("repeat", A, 2),
    row("repeat", A, 2, axis=0),
    row("repeat", A, Fixed(np.array([1, 2, 0, 3])), axis=1, flags="differs"),  # likewise
    row("tile", A, (2, 1)),
    row("tile", A, (2, 1, 2)),
    row("tile", A, 2),
    row("pad", A, 1),
    row("pad", A, (1, 2)),
    row("pad", A, ((0, 1), (2, 0))),
    row("pad", A, [[0, 1], [2, 0]], constant_values=2.0),
    *(row("pad", A, ((0, 0), (1, 2)), mode=mode) for mode in ("reflect", "symmetric", "edge", "wrap", "linear_ramp")),
    *(row("pad", A, ((0, 0), (1, 2)), mode=mode) for mode in ("maximum", "mean", "median", "minimum")),
    # places and order
    row("get_item", A, 1),
    row("get_item", C, (slice(None), slice(0, 2), 1)),
    row("take", A, np.int32([[0, 2], [1, -1]]), axis=1),
    row("take", A, 2, axis=1),
    row("take", A, [0, 5, -1, 99]),
    row("take", A, np.int32([0, 7]), axis=1),
    row("take_along_axis", A, np.int32([[0], [2], [-1]]), axis=1),
    row("take_along_axis", A, np.int32([0, 5, 99])),
    row("nonzero", T, flags="still typed"),
    row("unravel_index", np.int32([5, 7]), (2, 6), flags="typed differs"),  # Keras tells a list, and gives a tuple
    row("sort", A[::-1]),
    row("sort", A, axis=0),
    row("sort", A, axis=None),
    row("argsort", A),
    row("argsort", I, axis=0),
    row("argsort", I, axis=None),
    row("argsort", np.array(2.0, "float32"), flags="differs"),  # Keras tells (), and gives (1,)
    row("argpartition", I, 2),
    row("argpartition", V, 1, axis=None),
    row("argpartition", A, 1, axis=0),
    row("unique", I, flags="still"),
    row("unique", I, size=12, fill_value=-1),
    row("unique", SPECIAL.T, flags="still typed"),
    row("unique", N[0, [1, 1, 0]], flags="still typed"),
    row("unique", J, return_index=True, return_inverse=True, return_counts=True, flags="still"),
    row("unique", J, return_inverse=True, return_counts=True, axis=1, flags="still"),
    row("unique", J, return_counts=True, size=3),
    row("searchsorted", np.sort(V), A, flags="typed differs"),  # Keras says int64
    row("searchsorted", np.sort(V), A, side="right", flags="typed differs"),
    row("digitize", A, np.float32([-1, 0, 1])),
    row("digitize", A, [-1.0, 0.0, 1.0], flags="differs"),  # Keras fails
    row("tril", A),
    row("triu", C, k=-1),
    row("diag", V),
    row("diag", V, k=-1),
    row("diag", A, k=1, flags="known"),
    row("diagflat", A, k=1, flags="known"),
    row("diagonal", C, flags="known"),
    row("diagonal", C, offset=1, axis1=1, axis2=2),
    row("trace", A),
    row("trace", C, offset=-1, axis1=1, axis2=2),
    row("vander", V),
    row("vander", V, N=2, increasing=True),
    # products
    row("matmul", A, A.T.copy(), flags="known typed"),  # TYPED
    row("matmul", I.astype("int8"), I.T.astype("int8"), flags="known typed"),
    row("dot", A, A.T.copy(), flags="known"),
    row("dot", V, W),
    row("dot", A, 2.0),
    row("vdot", V, W),
    row("inner", A, B),
    row("outer", A, V),
    row("kron", A, S),
    row("tensordot", A, A.T.copy(), axes=1, flags="known"),
    row("tensordot", A, B, axes=([1], [1])),
    row("cross", A[:, :3], B[:, :3]),
    row("cross", A[:, :2], B[:, :2]),
    row("cross", A[:, :3].T.copy(), B[:, :3].T.copy(), axis=0, flags="known"),
    row("einsum", "ab,cb->ac", A, B),
    row("einsum", "a,a", V, W),
    row("einsum", "abc->ca", C),
    row("slogdet", S, flags="known differs"),  # Keras tells another shape for the logarithm
    row("slogdet", np.stack([S, -S]), flags="differs"),
    # making
    row("array", A),
    row("array", A, dtype="int32", flags="rough"),
    row("arange", 5, flags="eager"),
    row("arange", 1, 3.0, flags="eager"),
    row("arange", 5, 0, -2, flags="eager"),
    row("arange", 3, dtype="float16", flags="eager"),
    row("meshgrid", V, W[:2]),
    row("meshgrid", V, W[:2], C[0, 0], indexing="ij"),
    *(row(name, (2, 3), flags="eager") for name in "empty ones zeros".split()),
    *(row(name, 3, dtype="int8", flags="eager") for name in "ones zeros identity eye tri".split()),
    row("eye", 2, 4, k=1, flags="eager"),
    row("tri", 2, 4, k=-1, flags="eager"),
    row("full", (2, 3), V, flags="known"),
    row("full", 2, 7, dtype="int32", flags="eager"),
    row("full", [2], 7, flags="eager"),
    *(row(name, A) for name in "empty_like ones_like zeros_like".split()),
    *(row(name, A, dtype="int8", flags="rough") for name in "ones_like zeros_like".split()),
    row("full_like", A, 2),
    row("full_like", A, B[0], dtype="float16", flags="typed known"),
    row("full_like", I, 2.7),
    row("linspace", V, W, num=4),
    row("linspace", 0, 10, 5, dtype="int32", flags="eager"),
    row("linspace", 0, 10, 5, endpoint=False, flags="eager"),
    row("linspace", 0.0, 10.0, 5, retstep=True, flags="eager"),
    row("linspace", V, W, num=4, axis=1),
    row("logspace", V, W, num=4),
    row("logspace", 0, 2, 3, base=2, flags="eager"),
    row("geomspace", P[0], P[1], num=4, flags="known"),
    row("geomspace", 1, 100, 3, flags="eager"),
    *(row(name, 6, flags="eager") for name in "bartlett blackman hamming hanning".split()),
    row("kaiser", 6, 2.5, flags="eager"),
]
IDS = ids(ROWS)
SYMBOLIC = [found for found in ROWS if found.symbolic]
NAMES = sorted(n for n in dir(keras.ops) if getattr(getattr(keras.ops, n), "__module__", "") == "keras.src.ops.numpy")


@pytest.mark.parametrize("found", ROWS, ids=IDS)
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
    check_gradients(found)


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name):
    check_signature(name)


def test_every_function_is_there_and_has_a_row():
    assert plait.ops.numpy.__all__ == NAMES
    assert not set(NAMES) - {found.name for found in ROWS} - {"vectorize"}


OPERANDS = (True, 3, 2.5, *(jnp.array([1, 2], dtype) for dtype in ("int8", "uint8", "int32", "float16", "float32")))
MIXED = (
    "add multiply divide power maximum fmin arctan2 hypot logaddexp where_ concatenate_ stack_ matmul_ clip_ linspace"
)


@pytest.mark.parametrize("name", MIXED.split())
def test_dtypes_of_mixed_operands(name):
    for pair in itertools.product(OPERANDS, OPERANDS):
        ours, theirs = (mixed(library.ops, name, *pair) for library in (plait, keras))
        assert theirs is None or ours == theirs, pair


def mixed_call(library, name, a, b):
    calls = {
        "where_": lambda: library.where(jnp.array([True, False]), a, b),
        "concatenate_": lambda: library.concatenate([jnp.atleast_1d(a), jnp.atleast_1d(b)]),
        "stack_": lambda: library.stack([jnp.broadcast_to(a, 2), jnp.broadcast_to(b, 2)]),
        "matmul_": lambda: library.einsum("i,i->i", jnp.broadcast_to(a, 2), jnp.broadcast_to(b, 2)),
        "clip_": lambda: library.clip(a, b, 5),
    }
    return calls.get(name, lambda: getattr(library, name)(a, b))()


def mixed(library, name, a, b):
    arrays = [value for value in (a, b) if isinstance(value, jax.Array)]

    def call(*traced):
        remaining = iter(traced)
        first, second = (next(remaining) if isinstance(value, jax.Array) else value for value in (a, b))
        return mixed_call(library, name, first, second)

    try:
        return jax.eval_shape(call, *arrays).dtype
    except Exception:
        return None


def test_operands_of_all_kinds():
    variable = plait.Variable([1.0, 2.0])
    for x in ([1.0, 2.0], (1.0, 2.0), np.array([1.0, 2.0]), jnp.array([1.0, 2.0]), variable):
        assert ops.sum(x) == 3 and ops.sum(x).dtype == "float32"
        assert ops.maximum(x, 1.5).tolist() == [1.5, 2.0]
        assert ops.stack([x, variable]).shape == (2, 2)
        assert ops.einsum("i,i", x, x) == 5
        assert ops.where([True, False], x, 0).tolist() == [1, 0]


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_floatx_is_what_integers_become(kind):
    plait.config.set_floatx(kind)
    try:
        for name in "sin mean sqrt std".split():
            assert getattr(ops, name)(np.arange(3)).dtype == kind
        assert ops.zeros(2).dtype == ops.arange(2.0).dtype == ops.linspace(0, 1, 3).dtype == kind
    finally:
        plait.config.set_floatx("float32")


def test_divisions_by_zero_have_finite_gradients():
    assert jax.grad(lambda x: ops.divide_no_nan(1.0, x))(0.0) == 0
    assert jax.grad(lambda x: ops.divide_no_nan(x, 0.0))(1.0) == 0


def test_vectorize():
    ours = ops.vectorize(lambda a, b: a @ b, signature="(n),(n)->()")(A, A[0])
    theirs = keras.ops.vectorize(lambda a, b: a @ b, signature="(n),(n)->()")(A, A[0])
    assert_same(ours, theirs)
    assert ops.vectorize(lambda x, k: x + k, excluded={1})([1, 2], 3).tolist() == [4, 5]


def test_tensors_as_options_are_wired():
    x, low, weights = (plait.KerasTensor((3, 4)) for _ in range(3))
    graph = plait.core.graph.Graph([x, low, weights], ops.average(ops.clip(x, low, 1.0), 1, weights))
    expected = np.average(np.clip(A, B, 1.0), 1, P)
    np.testing.assert_allclose(graph.run([jnp.asarray(v) for v in (A, B, P)]), expected, rtol=1e-5)


def test_unknown_sizes():
    x = plait.KerasTensor((None, 4))
    assert [part.shape for part in ops.split(x, 2)] == [(None, 4)] * 2
    assert [part.shape for part in ops.split(x, [1, 3])] == [(1, 4), (2, 4), (None, 4)]
    assert ops.append(x, x, axis=0).shape == (None, 4)
    assert ops.ndim(x).dtype == "int32"
    assert [part.shape for part in ops.where(ops.greater(x, 0))] == [(None,), (None,)]


@pytest.mark.parametrize(
    "name, shapes, options",
    [
        ("add", [(None, 3), (2, None)], {}),
        ("multiply", [(None, None, 8), (4, 8)], {}),
        ("where", [(2, None, 1), (None, 1), (None, 3)], {}),
        ("matmul", [(None, None), (3, 4)], {}),
        ("inner", [(5, None), (4, 3)], {}),
        ("tensordot", [(None, 3, 4), (4, 3)], {"axes": [[2, 1], [0, 1]]}),
        ("cross", [(2, 3, 3), (None, 1, 2)], {}),
        ("linspace", [(None, 3, 4), (2, 3, 4)], {"num": 10, "axis": 1}),
        ("broadcast_to", [(None, 3)], {"shape": (2, 3, 3)}),
        ("diag", [(None, 3)], {}),
        ("diagonal", [(None, 3, 3)], {}),
        ("einsum", ["ii", (None, 3)], {}),
    ],
)
def test_unknown_sizes_are_those_of_the_others(name, shapes, options):
    ours, theirs = (
        getattr(library.ops, name)(*(library.KerasTensor(s) if isinstance(s, tuple) else s for s in shapes), **options)
        for library in (plait, keras)
    )
    assert ours.shape == theirs.shape


def test_a_size_that_may_be_another_stays_unknown():
    images = plait.KerasTensor((None, None, None, 3))
    assert ops.image.extract_patches(images, 100).shape == (None, None, None, 30000)
    assert ops.image.pad_images(images, 2, 3, target_height=20, target_width=30).shape == (None, 20, 30, 3)
    with pytest.raises(ValueError, match="squeeze"):
        ops.squeeze(plait.KerasTensor((None, 1)), axis=0)
    with pytest.raises(ValueError, match=r"called on float32.None, 3., float32.4, 5."):
        ops.matmul(plait.KerasTensor((None, 3)), plait.KerasTensor((4, 5)))


def test_a_broadcast_of_unknown_sizes_runs():
    x, y = plait.KerasTensor((None, None, 4)), plait.KerasTensor((None, 3, 4))
    graph = plait.core.graph.Graph([x, y], x + y)
    assert graph.run([jnp.ones((2, 3, 4)), jnp.ones((2, 3, 4))]).shape == (2, 3, 4)
    assert plait.layers.Add()([x, y]).shape == (x + y).shape == (None, 3, 4)
    with pytest.raises(TypeError, match="add got incompatible shapes"):
        plait.layers.Add()([x, plait.KerasTensor((None, 3, 5))])


def test_operations_have_a_call_and_their_options():
    operation = ops.top_k.operation(k=2)
    assert operation.call(np.float32([1, 3, 2]))[1].tolist() == operation(np.float32([1, 3, 2]))[1].tolist() == [1, 2]
    assert ops.mean(plait.KerasTensor((2, 3)), axis=1)._keras_history.operation.axis == 1


def test_symbolic_shapes_and_places():
    x = plait.KerasTensor((None, 5, 4))
    size = plait.KerasTensor((), "int32")
    assert ops.reshape(x, (None, size)).shape == ops.reshape(x, plait.KerasTensor((2,), "int32")).shape == (None, None)
    with pytest.raises(ShapeError, match="17 is out of bounds"):
        x[:, 17]
    assert ops.meshgrid(A, V)[0].shape == (3, 12)


def test_what_is_refused():
    for call, words in {
        lambda x: ops.transpose(x, [0, 0]): "must name each axis",
        lambda x: ops.reshape(x, (-2, 6)): "non-negative",
        lambda x: ops.reshape(x, (-1, -1)): "at most one",
        lambda x: ops.swapaxes(x, 5, 0): "axis 5 is out of bounds",
        lambda x: ops.split(x, 2, axis=5): "axis 5 is out of bounds",
        lambda x: ops.diagonal(x, axis1=1, axis2=-1): "must differ",
        lambda x: ops.inner(x, V): "last dimension",
        lambda x: ops.histogram(V, bins=-1): "non-negative integer",
    }.items():
        for x in (A, plait.KerasTensor(A.shape)):
            with pytest.raises(ShapeError if words != "non-negative integer" else ArgumentError, match=words):
                call(x)
    refuses("split", A, 5, match="array_split")
    refuses("where", T, A, match="go together")
    refuses("pad", A, 1, "reflect", constant_values=1, match="constant_values")
    refuses("rot90", V, match="at least 2 dimensions")
    refuses("rot90", A, axes=(0, 0), match="different")
    refuses("searchsorted", A, V, match="one axis")
    refuses("histogram", A, match="ravel")
    refuses("histogram", V, bins=[1.0, 2.0], match="number")
    refuses("histogram", V, range=(2, 1), match="greater")
    refuses("concatenate", [])
    refuses("max", A[:0])
    refuses("gcd", A, A)
    with pytest.raises(ArgumentError, match="one_hot"):
        jax.jit(ops.bincount)(np.arange(3))
    with pytest.raises(ShapeError):
        ops.split(A, 5)
    with pytest.raises(TypeError, match="symbolic"):
        ops.arange(plait.KerasTensor(()))
