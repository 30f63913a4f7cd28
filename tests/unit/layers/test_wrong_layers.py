"""What layers refuse, and how they say it; found by Keras's own tests."""

import warnings

import numpy as np
import pytest

import plait
from plait import layers

WRONG = {
    "trainable": (lambda: layers.Dense(2, trainable="yes"), "expected `trainable` to be a boolean, but got 'yes'"),
    "trainable None": (lambda: layers.Dense(2, trainable=None), "expected `trainable` to be a boolean"),
    "noise_shape": (
        lambda: layers.Dropout(0.5, noise_shape="2"),
        "argument `noise_shape`: Expected a tuple or list of integers",
    ),
    "n": (lambda: layers.RepeatVector("3"), "Expected an integer value for `n`"),
    "cropping": (lambda: layers.Cropping1D((1,)), "`cropping` should have two elements, before and after"),
    "padding": (lambda: layers.ZeroPadding1D((1, 2, 3)), "`padding` should have two elements, before and after"),
    "kernel_size": (
        lambda: layers.Conv2D(2, (1, 0)),
        "a tuple of 2 integers. Received kernel_size=(1, 0), including values {0} that do not satisfy `value > 0`",
    ),
    "flash and dropout": (
        lambda: layers.MultiHeadAttention(2, 2, flash_attention=True, dropout=0.1),
        "Dropout is not supported when flash attention is enabled",
    ),
    "flash and dropout, grouped": (
        lambda: layers.GroupQueryAttention(2, 2, 2, flash_attention=True, dropout=0.1),
        "Dropout is not supported when flash attention is enabled",
    ),
    "flash and scores": (
        lambda: layers.MultiHeadAttention(2, 2, flash_attention=True)(
            *[np.ones((1, 2, 4))] * 2, return_attention_scores=True
        ),
        "Returning attention scores is not supported when flash attention is enabled",
    ),
    "keys without values": (
        lambda: layers.MultiHeadAttention(2, 2)(np.ones((1, 2, 4)), np.ones((1, 2, 4)), np.ones((1, 3, 4))),
        "must be equal, as each key has its value",
    ),
    "keys without values, grouped": (
        lambda: layers.GroupQueryAttention(2, 2, 2)(np.ones((1, 2, 4)), np.ones((1, 2, 4)), np.ones((1, 3, 4))),
        "must be equal, as each key has its value",
    ),
    "no room for the window": (
        lambda: layers.Conv2D(1, 5)(np.ones((1, 4, 9, 1))),
        "for which the inputs are too small",
    ),
    "no room, symbolic": (
        lambda: layers.Conv1D(1, 2, dilation_rate=10)(plait.Input((10, 3))),
        "the windows reach over (11,), for which the inputs are too small",
    ),
    "no room, depthwise": (
        lambda: layers.DepthwiseConv1D(11)(np.ones((4, 10, 3))),
        "for which the inputs are too small",
    ),
    "no room, separable": (
        lambda: layers.SeparableConv1D(2, 11)(np.ones((4, 10, 3))),
        "for which the inputs are too small",
    ),
    "a name by position": (
        lambda: layers.Dense(1).add_weight("kernel"),
        "Give the name of a weight as a keyword argument: name='kernel'",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name):
    make, told = WRONG[name]
    with pytest.raises(ValueError) as caught:
        make()
    assert told in str(caught.value)


def test_a_window_as_long_as_the_input_fits():
    assert layers.Conv1D(1, 10)(np.ones((2, 10, 3))).shape == (2, 1, 1)


def test_a_policy_is_set_by_name():
    layer = layers.Dense(2)
    layer.dtype_policy = "mixed_bfloat16"
    assert (layer.dtype_policy.name, layer.compute_dtype, layer.dtype) == ("mixed_bfloat16", "bfloat16", "float32")
    assert layer(np.ones((1, 2), "float32")).dtype == "bfloat16"


def test_attention_takes_masks_without_a_warning():
    attention = layers.MultiHeadAttention(2, 2)
    query = layers.Embedding(4, 8, mask_zero=True)(np.array([[1, 2, 0]]))
    value = layers.Embedding(4, 8, mask_zero=True)(np.array([[3, 0]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attention(query=query, value=value)


def test_losses_after_a_call_of_a_model_are_numbers():
    class Added(layers.Layer):
        def call(self, x):
            self.add_loss(plait.ops.sum(x))
            return x

    inner = plait.Sequential([Added()])
    outer = plait.Sequential([inner])
    for value in (1.0, 2.0):
        outer(np.full((1, 3), value, "float32"))
        assert [float(loss) for loss in outer.losses] == [3.0 * value]


def test_regularised_activities_of_no_rows():
    layer = layers.Dense(2, activity_regularizer="l2")
    layer(np.ones((0, 3), "float32"))
    assert [float(loss) for loss in layer.losses] == [0.0]


@pytest.mark.parametrize("axis", [3, -4])
def test_axes_of_normalization_lie_in_the_inputs(axis):
    with pytest.raises(ValueError, match="All `axis` values must be in the range"):
        layers.Normalization(axis=axis).build((2, 2))


def test_normalization_adapts_to_the_inputs_of_batches_with_labels():
    x = np.arange(24.0, dtype="float32").reshape(8, 3)
    layer, other = layers.Normalization(), layers.Normalization()
    layer.adapt([(x[:4], np.zeros(4)), (x[4:], np.zeros(4))])
    other.adapt(x)
    np.testing.assert_allclose(layer.mean, other.mean, rtol=1e-6)


def test_normalization_refuses_batches_of_other_shapes():
    layer = layers.Normalization()
    with pytest.raises(ValueError, match="an incompatible shape"):
        layer.adapt(iter([np.ones((8, 4)), np.ones((8, 6))]))
    with pytest.raises(ValueError, match="an empty iterable"):
        layers.Normalization().adapt([])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_perspectives_in_short_floats(dtype):
    corners = plait.ops.array([[0.0, 0], [3, 0], [0, 3], [3, 3]], dtype)
    image = plait.ops.ones((4, 4, 1), dtype)
    assert plait.ops.image.perspective_transform(image, corners, corners).dtype == dtype
