"""`layers/conditioning.py` against its formulas in NumPy, for Keras has none of these layers."""

import jax.numpy as jnp
import numpy as np
import pytest

import plait
from plait import layers
from plait.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 5, 6)).astype("float32")
C = RNG.normal(size=(4, 3)).astype("float32")


def drawn(layer, *inputs):
    """The layer's output, all of its weights drawn anew, and these by name."""
    layer.build(*(x.shape for x in inputs))
    weights = {}
    for weight in layer.trainable_weights:
        weights[weight.path.split("/", 1)[1]] = value = RNG.normal(size=weight.shape).astype("float32")
        weight.assign(value)
    return layer(*inputs), weights


def halves(condition, weights, parts=2):
    values = condition @ weights["kernel"] + weights["bias"]
    return np.split(values[:, None], parts, axis=-1)


def normal(x, axes, epsilon):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


@pytest.mark.parametrize(
    "make, normalized",
    [
        (layers.FiLM, X),
        (layers.ConditionalLayerNormalization, normal(X, -1, 1e-3)),
        (layers.ConditionalInstanceNormalization, normal(X, 1, 1e-3)),
        (layers.ConditionalBatchNormalization, X / np.sqrt(1 + 1e-3)),
    ],
)
def test_what_scales_and_shifts(make, normalized):
    out, weights = drawn(make(), X, C)
    scale, shift = halves(C, weights)
    np.testing.assert_allclose(out, normalized * (1 + scale) + shift, rtol=1e-4, atol=1e-4)


def test_batch_statistics_are_those_of_the_steps_that_count():
    layer = layers.ConditionalBatchNormalization(momentum=0.0)
    mask = np.arange(5) < np.array([5, 3, 1, 2])[:, None]
    layer(jnp.asarray(X), C, inputs_mask=jnp.asarray(mask), training=True)
    np.testing.assert_allclose(layer.normalization.moving_mean, X[mask].mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.normalization.moving_variance, X[mask].var(0), rtol=1e-4)


def test_adaptive_normalization_has_a_gate():
    (out, gate), weights = drawn(layers.AdaLNZero(), X, C)
    scale, shift, expected = halves(C / (1 + np.exp(-C)), weights, 3)
    np.testing.assert_allclose(out, normal(X, -1, 1e-6) * (1 + scale) + shift, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(gate, expected, rtol=1e-5, atol=1e-5)


def test_a_gated_unit_sees_the_condition():
    out, weights = drawn(layers.GatedConditioning(2), X, C)
    values = X @ weights["kernel"] + (C @ weights["condition_kernel"])[:, None] + weights["bias"]
    expected = np.tanh(values[..., :2]) / (1 + np.exp(-values[..., 2:]))
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-5)


def test_attention_to_a_condition_is_added_behind_a_gate():
    layer, condition = layers.CrossAttentionConditioning(2, 3), RNG.normal(size=(4, 7, 3)).astype("float32")
    np.testing.assert_array_equal(layer(X, condition), X)
    layer.gate.assign(0.5)
    attended = layer.attention(layer.normalization(X), condition)
    np.testing.assert_allclose(layer(X, condition), X + np.tanh(0.5) * attended, rtol=1e-5, atol=1e-6)
    mask = np.arange(7) < 4
    masked = layer(X, condition, condition_mask=jnp.asarray(np.broadcast_to(mask, (4, 7))))
    np.testing.assert_allclose(masked, layer(X, condition[:, :4]), rtol=1e-4, atol=1e-5)


def test_a_dense_kernel_made_of_the_condition():
    out, weights = drawn(layers.HyperDense(2), X, C)
    for row in range(4):
        kernel = weights["kernel"] + (C[row] @ weights["hyper_kernel"]).reshape(6, 2)
        bias = weights["bias"] + C[row] @ weights["hyper_bias"]
        np.testing.assert_allclose(out[row], X[row] @ kernel + bias, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("strides, padding", [(1, "same"), (2, "valid")])
def test_a_convolution_kernel_made_of_the_condition(rank, strides, padding):
    x = RNG.normal(size=(4, *[5] * rank, 2)).astype("float32")
    layer = getattr(layers, f"HyperConv{rank}D")(3, 2, strides=strides, padding=padding)
    out, weights = drawn(layer, x, C)
    plain = getattr(layers, f"Conv{rank}D")(3, 2, strides=strides, padding=padding)
    plain.build(x.shape)
    for row in range(4):
        kernel = weights["kernel"] + (C[row] @ weights["hyper_kernel"]).reshape(weights["kernel"].shape)
        plain.set_weights([kernel, weights["bias"] + C[row] @ weights["hyper_bias"]])
        np.testing.assert_allclose(out[row], plain(x[row : row + 1])[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "conditioned, plain",
    [
        (layers.HyperDense(2), layers.Dense(2)),
        (layers.ConditionalLayerNormalization(), layers.LayerNormalization()),
        (layers.ConditionalInstanceNormalization(), layers.GroupNormalization(groups=-1)),
        (layers.FiLM(), layers.Identity()),
    ],
)
def test_each_begins_as_if_there_were_no_condition(conditioned, plain):
    out = conditioned(X, C)
    plain.build(X.shape)
    if isinstance(plain, layers.Dense):
        plain.set_weights([conditioned.kernel, conditioned.bias])
    np.testing.assert_allclose(out, plain(X), rtol=1e-5, atol=1e-6)


def test_conditions_go_through_models_files_and_training(tmp_path):
    inputs, label = plait.Input((6, 6, 3)), plait.Input((), dtype="int32")
    condition = layers.Embedding(5, 4)(label)
    x = layers.HyperConv2D(4, 3)(inputs, condition)
    x = layers.ConditionalBatchNormalization()(x, condition)
    outputs = layers.Dense(1)(layers.GlobalAveragePooling2D()(layers.FiLM()(x, condition)))
    model = plait.Model([inputs, label], outputs)
    model.compile(plait.optimizers.Adam(1e-2), "mse")
    data = [RNG.normal(size=(32, 6, 6, 3)).astype("float32"), RNG.integers(0, 5, 32)]
    y = (data[1] - 2.0)[:, None]
    before = model.evaluate(data, y, verbose=0)
    model.fit(data, y, epochs=60, verbose=0)
    assert model.evaluate(data, y, verbose=0) < before / 2
    model.save(tmp_path / "m.keras")
    again = plait.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(data, verbose=0), model.predict(data, verbose=0))


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: layers.FiLM()(X, X), ShapeError, "the condition must have 2 axes"),
        (lambda: layers.FiLM()(plait.Input((5, None)), plait.Input((3,))), ShapeError, "last axis of the inputs must"),
        (lambda: layers.HyperDense(2)(X, plait.ops.zeros((4,))), ShapeError, "a vector for each sample"),
        (lambda: layers.CrossAttentionConditioning(2, 3)(X, C), ShapeError, "must have 3 axes"),
        (lambda: layers.GatedConditioning(0), ArgumentError, "`units` must be a positive integer"),
        (lambda: layers.HyperConv2D(2, (3, 0)), ArgumentError, "kernel_size"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
