"""plait.quantizers beside Keras's: values, gradients, configs and their files."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import plait
from plait import quantizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 5, 4)).astype("float32")


def same(ours, theirs, atol=0.0):
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a.astype("float64"), b.astype("float64"), rtol=1e-6, atol=atol)


@pytest.mark.parametrize("to_numpy", [True, False])
@pytest.mark.parametrize("axis", [-1, 0, (0, 2)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_by_the_absolute_maximum(axis, to_numpy, dtype):
    x, step = jnp.asarray(X, dtype), 0.0
    if dtype == "bfloat16" and to_numpy:  # half-way cases: processors differ in how exactly they divide such numbers
        step = 1.0
    for options in ({}, {"value_range": (-8, 7)}, {"epsilon": 0.1}):
        theirs = keras.quantizers.abs_max_quantize(x, axis, to_numpy=to_numpy, **options)
        same(quantizers.abs_max_quantize(x, axis, to_numpy=to_numpy, **options), theirs, atol=step)
        same(quantizers.AbsMaxQuantizer(**options)(x, axis, to_numpy=to_numpy), theirs, atol=step)
        same(quantizers.AbsMaxQuantizer(axis=axis, **options)(x), quantizers.abs_max_quantize(x, axis, **options))


@pytest.mark.parametrize("to_numpy", [True, False])
@pytest.mark.parametrize("block", [2, 3, 4])
def test_blocks_with_a_zero_point(block, to_numpy):
    x = X.reshape(7, 20)
    options = {"block_size": block, "to_numpy": to_numpy}
    ours = quantizers.abs_max_quantize_grouped_with_zero_point(x, **options)
    same(ours, keras.quantizers.abs_max_quantize_grouped_with_zero_point(jnp.asarray(x), **options))
    with pytest.raises(ValueError, match="expected a matrix"):
        quantizers.abs_max_quantize_grouped_with_zero_point(X, **options)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_two_numbers_in_a_byte(axis, dtype):
    x = (
        RNG.integers(0, 16, (3, 4, 5)).astype(dtype)
        if dtype == "uint8"
        else RNG.integers(-8, 8, (3, 4, 5)).astype(dtype)
    )
    ours, theirs = quantizers.pack_int4(x, axis, dtype), keras.quantizers.pack_int4(jnp.asarray(x), axis, dtype)
    same(ours, theirs)
    np.testing.assert_array_equal(quantizers.unpack_int4(ours[0], ours[2], axis, dtype), x)
    for function in (quantizers.pack_int4, lambda *a: quantizers.unpack_int4(a[0], 3, *a[1:])):
        with pytest.raises(ValueError, match="'int8' or 'uint8'"):
            function(x, axis, "int16")
        with pytest.raises(TypeError, match="tensor"):
            function(X, axis, "int8")


@pytest.mark.parametrize("axis", [None, 1])
@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("bits", [4, 8])
def test_rounding_as_if_there_were_few_bits(bits, narrow, axis):
    low = np.array([-1.0] if axis is None else [-1.0, 0.0, -0.5, -2.0, -0.1], "float32")
    high = np.array([1.5] if axis is None else [1.0, 1.2, 0.3, 2.0, 0.4], "float32")
    found = []
    for lib in (plait, keras):

        def loss(x, low, high, lib=lib):
            shape = (1, -1, 1) if axis is not None and lib is plait else low.shape
            if axis is not None:
                shape = (1, 5, 1)
            options = {"num_bits": bits, "narrow_range": narrow, "axis": axis}
            y = lib.quantizers.fake_quant_with_min_max_vars(x, low.reshape(shape), high.reshape(shape), **options)
            return jnp.sum(y * jnp.cos(X * 3)), y

        found.append(
            jax.grad(loss, argnums=(0, 1, 2), has_aux=True)(jnp.asarray(X), jnp.asarray(low), jnp.asarray(high))
        )
    same(*found, atol=1e-5)
    symbolic = quantizers.fake_quant_with_min_max_vars(plait.Input((5, 4)), 0.0, 1.0)
    assert symbolic.shape == (None, 5, 4)


def test_numbers_of_8_bits():
    history = jnp.asarray(np.abs(X[0, 0]))
    same(quantizers.compute_float8_amax_history(X, history), keras.quantizers.compute_float8_amax_history(X, history))
    for amax in (0.0, 3.0, np.inf):
        arguments = jnp.float32(amax), jnp.float32(0.7), jnp.float32(448)
        same(quantizers.compute_float8_scale(*arguments), keras.quantizers.compute_float8_scale(*arguments))
        same(quantizers.compute_float8_scale(*arguments, 2), keras.quantizers.compute_float8_scale(*arguments, 2))
    for dtype in ("float8_e4m3fn", "float8_e5m2"):
        arguments = jnp.asarray(X * 300), jnp.float32(0.7), dtype, "float32"
        same(quantizers.quantize_and_dequantize(*arguments), keras.quantizers.quantize_and_dequantize(*arguments))


CONFIGS = {
    "int8": lambda q: q.Int8QuantizationConfig(),
    "int8, weights only": lambda q: q.Int8QuantizationConfig(q.AbsMaxQuantizer(axis=0), None),
    "int4": lambda q: q.Int4QuantizationConfig(),
    "int4 whole": lambda q: q.Int4QuantizationConfig(
        q.AbsMaxQuantizer(axis=0, value_range=(-8, 7)), q.AbsMaxQuantizer(), block_size=None
    ),
    "float8": lambda q: q.Float8QuantizationConfig(),
}


@pytest.mark.parametrize("which", list(CONFIGS))
def test_configs_are_kerases(which):
    ours, theirs = CONFIGS[which](quantizers), CONFIGS[which](keras.quantizers)
    assert ours.mode == theirs.mode == which[:6].rstrip(", w")
    data, other = quantizers.serialize(ours), keras.saving.serialize_keras_object(theirs)
    assert as_lists(data) == as_lists(other)
    again = quantizers.deserialize(other)
    assert type(again) is type(ours)
    assert as_lists(quantizers.serialize(again)) == as_lists(data)


def as_lists(value):
    if isinstance(value, dict):
        return {key: as_lists(item) for key, item in value.items()}
    return [as_lists(item) for item in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("which", ["int8, weights only", "int4 whole"])
def test_a_config_says_who_quantises(which):
    made = []
    for lib in (plait, keras):
        layer = lib.layers.Dense(6)
        layer.build((None, 8))
        made.append(layer)
    made[0].set_weights(made[1].get_weights())
    for layer, lib in zip(made, (plait, keras), strict=True):
        layer.quantize(config=CONFIGS[which](lib.quantizers))
    x = RNG.normal(size=(3, 8)).astype("float32")
    same(made[0](x), np.asarray(made[1](x)), atol=1e-6)
    for a, b in zip(made[0].get_weights(), made[1].get_weights(), strict=True):
        same(a, b)


def test_names_and_what_is_none():
    assert quantizers.get(None) is None
    assert quantizers.get("abs_max_quantizer", axis=1).axis == (1,)
    assert quantizers.get(quantizers.serialize(quantizers.AbsMaxQuantizer(axis=0))).axis == (0,)
    with pytest.raises(ValueError, match="A quantizer must be a name"):
        quantizers.get("typo")
    for wrong in (
        lambda: quantizers.AbsMaxQuantizer(value_range=(-200, 200)),
        lambda: quantizers.Int4QuantizationConfig(block_size=0),
        lambda: quantizers.Int4QuantizationConfig(quantizers.AbsMaxQuantizer(value_range=(-8, 7))),
        lambda: quantizers.Int4QuantizationConfig(quantizers.AbsMaxQuantizer(), block_size=None),
        lambda: quantizers.Int8QuantizationConfig(quantizers.AbsMaxQuantizer(output_dtype="int16")),
    ):
        with pytest.raises(ValueError, match=r"requires|must be None, -1|does not support"):
            wrong()
    for abstract in (quantizers.Quantizer().get_config, lambda: quantizers.QuantizationConfig().mode):
        with pytest.raises(NotImplementedError):
            abstract()
