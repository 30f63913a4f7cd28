"""Initializers: the same seed gives Keras's values, and configs go both ways."""

import random as python_random

import jax
import keras
import numpy as np
import pytest
import scipy.signal

import plait
from compiling import assert_same_bits
from plait import initializers
from plait.core.pure import pure
from plait.errors import ArgumentError
from plait.ops.window_functions import window_values

SHAPES = [(), (5,), (3, 4), (3, 3, 2, 4), (200, 100)]
RANDOM = [
    ("RandomNormal", {}),
    ("RandomNormal", {"mean": 1.0, "stddev": 2.0}),
    ("TruncatedNormal", {"stddev": 0.5}),
    ("RandomUniform", {}),
    ("RandomUniform", {"minval": 2.0, "maxval": 7.0}),
    ("VarianceScaling", {}),
    ("VarianceScaling", {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"}),
    ("VarianceScaling", {"mode": "fan_avg", "distribution": "untruncated_normal"}),
    ("GlorotNormal", {}),
    ("GlorotUniform", {}),
    ("HeNormal", {}),
    ("HeUniform", {}),
    ("LecunNormal", {}),
    ("LecunUniform", {}),
]
FIXED = [
    ("Zeros", {}, (2, 3)),
    ("Ones", {}, (2, 3)),
    ("Constant", {"value": 2.5}, (2, 3)),
    ("Constant", {"value": [1, 2, 3]}, (2, 3)),
    ("Identity", {"gain": 2.0}, (2, 3)),
    ("STFT", {}, (8, 1, 5)),
    ("STFT", {"side": "imag", "window": "hamming", "scaling": "spectrum", "periodic": True}, (6, 1, 9)),
    ("STFT", {"window": None, "scaling": None}, (3, 1, 3)),
    ("STFT", {"window": "blackman"}, (16, 1, 9)),
    ("STFT", {"window": None}, (4, 1, 3)),
    ("STFT", {"window": "flattop", "scaling": "spectrum"}, (16, 1, 9)),
    ("STFT", {"side": "imag", "window": "tukey"}, (16, 1, 9)),
    ("STFT", {"window": [1.0, -2.0, 3.0, 4.0], "scaling": "spectrum"}, (4, 1, 3)),
]


def named(rows: list) -> list[str]:
    return [f"{index}-{row[0]}" for index, row in enumerate(rows)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name, options", RANDOM, ids=named(RANDOM))
def test_a_seed_gives_the_same_values(name, options, shape):
    got = getattr(initializers, name)(seed=1337, **options)(shape)
    expected = getattr(keras.initializers, name)(seed=1337, **options)(shape)
    assert got.dtype == expected.dtype
    if "niform" in name or options.get("distribution") == "uniform":
        assert_same_bits(got, expected)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6 * float(np.abs(expected).max(initial=0)))


@pytest.mark.parametrize("name, options, shape", FIXED, ids=named(FIXED))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_values_without_chance_are_the_same(name, options, shape, dtype):
    got = getattr(initializers, name)(**options)(shape, dtype=dtype)
    expected = getattr(keras.initializers, name)(**options)(shape, dtype=dtype)
    assert got.dtype == expected.dtype
    atol = 1e-6 if dtype == "float32" else 3e-2  # Keras computes in bfloat16
    np.testing.assert_allclose(got.astype("float32"), expected.astype("float32"), atol=atol)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (2, 2, 3, 5)], ids=str)
def test_orthogonal_matrices_are_the_same(shape):
    got, expected = (x.initializers.Orthogonal(gain=1.5, seed=3)(shape) for x in (plait, keras))
    np.testing.assert_allclose(got, expected, atol=2e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_floats_are_the_same(dtype):
    got, expected = (x.initializers.HeNormal(seed=3)((4, 5), dtype=dtype) for x in (plait, keras))
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got.astype("float32"), expected.astype("float32"))


def test_without_a_seed_one_is_drawn_from_python():
    python_random.seed(11)
    ours = [initializers.GlorotUniform()((3, 4)), initializers.get("he_normal")((3, 4))]
    python_random.seed(11)
    theirs = [keras.initializers.GlorotUniform()((3, 4)), keras.initializers.get("he_normal")((3, 4))]
    for got, expected in zip(ours, theirs):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_an_instance_repeats_and_a_generator_goes_on():
    once = initializers.GlorotUniform()
    np.testing.assert_array_equal(once((2, 2)), once((2, 2)))
    ours = initializers.HeUniform(seed=plait.random.SeedGenerator(5))
    theirs = keras.initializers.HeUniform(seed=keras.random.SeedGenerator(5))
    for _ in range(2):
        assert_same_bits(ours((3, 2)), theirs((3, 2)))


def test_they_work_in_a_trace():
    seeded = initializers.GlorotUniform(seed=1)
    generator = initializers.TruncatedNormal(seed=plait.random.SeedGenerator(2))
    inside = jax.jit(lambda: (seeded((2, 3)), generator((2,)), initializers.Orthogonal(seed=1)((2, 2))))()
    np.testing.assert_array_equal(inside[0], seeded((2, 3)))
    traced = plait.random.SeedGenerator(2)
    draw = jax.jit(pure(lambda: initializers.TruncatedNormal(seed=traced)((2,)), [traced.state]))
    np.testing.assert_allclose(draw([traced.state.value])[0], inside[1], rtol=1e-6)


ALL = [(name, {"seed": 3}) for name, _ in RANDOM] + [(name, options) for name, options, _ in FIXED]


@pytest.mark.parametrize("name, options", [*ALL, ("Orthogonal", {"seed": None})])
def test_configs_are_those_of_files(name, options):
    ours, theirs = (getattr(x.initializers, name)(**options) for x in (plait, keras))
    expected = keras.initializers.serialize(theirs)
    if name == "Identity":
        expected["config"] = {"gain": 2.0}  # Keras forgets it
    assert initializers.serialize(ours) == expected
    again = initializers.deserialize(keras.initializers.serialize(theirs))
    assert type(again) is type(ours)
    assert ours.clone().get_config() == ours.get_config()


def test_every_name_finds_its_class():
    from keras.src.initializers import ALL_OBJECTS_DICT

    for name in [*ALL_OBJECTS_DICT, "normal", "uniform"]:
        if name.lower() not in ("initializer", "constant"):
            assert type(initializers.get(name)).__name__ == type(keras.initializers.get(name)).__name__
    names = {name for name in vars(keras.initializers) if not name.startswith("_")}
    assert names - {"ABCMeta"} <= set(initializers.__all__)
    assert initializers.get(None) is None
    np.testing.assert_array_equal(initializers.get(np.ones(3))((3,)), np.ones(3))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: initializers.GlorotUniform(seed=1.5),
        lambda: initializers.VarianceScaling(scale=-1.0),
        lambda: initializers.VarianceScaling(mode="fan"),
        lambda: initializers.VarianceScaling(distribution="gauss"),
        lambda: initializers.Identity()((3,)),
        lambda: initializers.Orthogonal()((3,)),
        lambda: initializers.STFT("left"),
        lambda: initializers.STFT(window="han"),
        lambda: initializers.Constant([1, 2])((3,)),
        lambda: initializers.GlorotUniform()((2, 2), dtype="int32"),
        lambda: initializers.get("glorot_unifrom"),
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ArgumentError):
        wrong()


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("length", [1, 2, 7, 8])
def test_windows_are_those_of_scipy(length, periodic):
    names = "bartlett barthann blackman blackmanharris bohman boxcar cosine exponential flattop hamming hann lanczos nuttall"
    windows = [*names.split(), "parzen", "triang", "tukey", ("kaiser", 3.0), ("gaussian", 2.0), ("tukey", 0.3)]
    for window in windows:
        expected = scipy.signal.get_window(window, length, periodic)
        np.testing.assert_allclose(
            window_values(window, length, periodic, "here"), expected, atol=1e-12, err_msg=str(window)
        )
