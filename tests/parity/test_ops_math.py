"""Mathematics and signals: values, dtypes, signatures, recorded calls, files and gradients are Keras's.

The flags of the rows are those of `test_ops_numpy`.
"""

import jax
import jax.numpy as jnp
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
from plait.errors import ArgumentError

A = np.linspace(-2.0, 2.2, 12, dtype="float32").reshape(3, 4)
B = np.linspace(0.1, 0.9, 12, dtype="float32")[::-1].reshape(3, 4).copy()
C = np.cos(np.arange(24, dtype="float32")).reshape(2, 3, 4)
D = np.sin(np.arange(24, dtype="float32") * 0.7).reshape(2, 3, 4)
E = np.sin(np.arange(10, dtype="float32")).reshape(2, 5)
SIGNAL = np.sin(np.arange(64, dtype="float32") * 0.37).reshape(2, 32)
FRAMES = tuple(np.cos(np.arange(2 * 9 * 9, dtype="float32") * k).reshape(2, 9, 9) for k in (0.21, 0.13))
S = np.array([[2.0, 0.5, 0.1], [0.3, 1.5, -0.2], [0.0, 0.4, 1.0]], "float32")
IDS = np.int32([2, 0, 2])
SCORES = np.float32([[0.1, 0.7, 0.2, 0.7], [1.0, 1.0, 1.0, 1.0], [0.3, 0.1, 0.5, 0.4]])
COMPLEX = np.complex64([[1 + 2j, -1j], [3.0, -2 + 0.5j]])

ROWS = [
    row("erf", A),
    row("erfc", A),
    row("erfinv", B),
    row("rsqrt", B),
    row("logsumexp", A),
    row("logsumexp", C, axis=1),
    row("logsumexp", C, axis=(0, 2), keepdims=True),
    row("logsumexp", np.float32([[-np.inf, -np.inf], [np.inf, 1.0]]), axis=1, flags="rough"),
    row("logdet", S, flags="known"),
    row("logdet", np.stack([S, -S])),
    row("cdist", A, B[:2], flags="known"),
    row("cdist", C, D),
    row("top_k", A, 2, flags="differs"),  # Keras tells a tuple, and gives a list
    row("top_k", np.int32([[3, 1, 2, 5]]), 3, sorted=False, flags="typed differs"),
    row("in_top_k", np.int32([3, 0, 1]), SCORES, 1, flags="typed"),
    row("in_top_k", np.int32([0, -1, 9]), SCORES, 3, flags="typed"),
    *(
        row(
            f"segment_{kind}",
            C[0],
            IDS,
            num_segments=4,
            sorted=False,
            flags="typed" if kind != "prod" else "typed rough",
        )
        for kind in ("sum", "prod", "max", "min")  # JAX has no gradient of products
    ),
    *(row(f"segment_{kind}", np.int32([5, 6, 7]), np.int32([0, -1, 9]), 3, flags="typed") for kind in ("sum", "max")),
    row("segment_sum", A, np.int32([0, 1, 1]), num_segments=2, sorted=True, flags="typed"),
    row("fft", (C, D), flags="typed"),
    row("fft2", (C, D), flags="typed"),
    row("ifft2", (C, D), flags="typed"),
    row("rfft", C),
    row("rfft", E),
    row("rfft", C, fft_length=6),
    row("rfft", C, fft_length=3),
    row("irfft", (C, D), flags="typed"),
    row("irfft", (C, D), fft_length=5, flags="typed"),
    row("extract_sequences", SIGNAL, 8, 4),
    row("extract_sequences", SIGNAL[0], 7, 3, flags="known"),
    row("extract_sequences", SIGNAL[0, :3], 4, 3, flags="known differs"),  # Keras tells a negative number of windows
    row("stft", SIGNAL, 8, 4, 8),
    row("stft", SIGNAL, 7, 4, 16),
    row("stft", SIGNAL, 8, 3, 16, window="hamming", center=False),
    row("stft", SIGNAL, 8, 4, 8, window=None),
    row("stft", SIGNAL[0], 8, 4, 9, flags="known"),
    row("istft", FRAMES, 8, 4, 16, flags="typed"),
    row("istft", FRAMES, 16, 4, 16, length=30, window="hamming", flags="typed"),
    row("istft", FRAMES, 12, 4, 16, length=60, flags="typed differs"),  # Keras tells 60, and gives 40
    row("istft", FRAMES, 16, 5, 16, center=False, flags="typed"),
    row("view_as_complex", C[..., :2]),
    row("view_as_real", COMPLEX),
]
SYMBOLIC = [found for found in ROWS if found.symbolic]
NAMES = sorted(n for n in dir(keras.ops) if getattr(getattr(keras.ops, n), "__module__", "") == "keras.src.ops.math")


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
    check_gradients(found)


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name):
    check_signature(name)


def test_every_function_is_there_and_has_a_row():
    assert NAMES == plait.ops.math.__all__ == sorted({found.name for found in ROWS})


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_in_top_k_of_odd_values(k):
    nan, inf = np.nan, np.inf
    scores = np.float32(
        [[nan, 1, 2], [1, 2, 3], [1, 2, 3], [nan, 1, nan], [inf, 1, nan], [inf, inf, 1], [1, 2, inf], [3, nan, 1]]
    )
    targets = np.int32([0, 7, -1, 1, 0, 1, 0, 0])
    np.testing.assert_array_equal(ops.in_top_k(targets, scores, k), keras.ops.in_top_k(targets, scores, k))


def test_a_signal_comes_back():
    for options in ({}, {"window": None}, {"window": "hamming"}, {"window": np.hanning(18)[1:-1]}):
        spectrum = ops.stft(SIGNAL, 16, 4, 16, **options)
        np.testing.assert_allclose(ops.istft(spectrum, 16, 4, 16, length=32, **options), SIGNAL, atol=1e-5)


def test_distances_of_equal_rows_have_finite_gradients():
    gradient = jax.grad(lambda x: jnp.sum(ops.cdist(x, x)))(jnp.asarray(A))
    assert np.all(np.isfinite(gradient))


def test_segments_are_counted_outside_of_graphs():
    assert ops.segment_sum([1, 2, 3], [0, 0, 3]).tolist() == [3, 0, 0, 3]
    with pytest.raises(ArgumentError, match="num_segments"):
        ops.segment_sum(plait.KerasTensor((None, 3)), plait.KerasTensor((None,), "int32"))


def test_what_is_refused():
    refuses("fft", A, match="tuple of two tensors")
    refuses("fft", (A, A[:2]), match="same shape")
    refuses("segment_sum", A, np.int32([[0], [1]]), 2, match="1-D vector")
    refuses("stft", SIGNAL, 8, 4, 4, match="fft_length")
    refuses("stft", SIGNAL, 8, 4, 8, window="han", match="Did you mean 'hann'")
    refuses("stft", SIGNAL, 8, 4, 8, window=np.ones(3, "float32"), match="shape of `window`")
    refuses("stft", SIGNAL, 8, 0, 8, match="positive integer")
    refuses("extract_sequences", SIGNAL, 8, -1, match="positive integer")
    refuses("fft2", (SIGNAL[0], SIGNAL[0]), match="rank >= 2")
    refuses("segment_sum", A, np.int32([0, 1]), 2, match="same leading dimension")
    refuses("cdist", A, A[:, :3], match="one size")
    refuses("top_k", A, 9, match="at least")
    refuses("view_as_complex", A[:, :3], match="size 2")
