"""Convolutional recurrent layers: masks, kept states, and what they need to know."""

import numpy as np
import pytest

import plait
from plait.errors import ArgumentError, NameUnknownError, ShapeError

FRAMES = np.random.default_rng(0).normal(size=(2, 4, 5, 5, 2)).astype("float32")


def test_masked_steps_change_nothing():
    layer = plait.layers.ConvLSTM2D(3, 2, return_sequences=True, return_state=True)
    mask = np.array([[True, True, False, False], [True, True, True, True]])
    outputs, *states = layer(FRAMES, mask=mask)
    shorter, *earlier = layer(FRAMES[:, :2])
    np.testing.assert_allclose(outputs[0, :2], shorter[0], atol=1e-6)
    np.testing.assert_allclose(outputs[0, 3], shorter[0, 1], atol=1e-6)
    for state, before in zip(states, earlier, strict=True):
        np.testing.assert_allclose(state[0], before[0], atol=1e-6)


def test_stateful_layers_go_on_where_they_were():
    layer = plait.layers.ConvLSTM2D(3, 2, stateful=True)
    layer(FRAMES[:, :2])
    second = layer(FRAMES[:, 2:])
    whole = plait.layers.ConvLSTM2D(3, 2)
    whole.build(FRAMES.shape)
    whole.set_weights(layer.get_weights())
    np.testing.assert_allclose(second, whole(FRAMES), atol=1e-6)
    layer.reset_state()
    np.testing.assert_allclose(layer(FRAMES), whole(FRAMES), atol=1e-6)


def test_initial_states_are_used():
    layer = plait.layers.ConvLSTM2D(3, 2, return_state=True)
    _, h, c = layer(FRAMES[:, :2])
    continued, _, _ = layer(FRAMES[:, 2:], initial_state=[h, c])
    np.testing.assert_allclose(continued, layer(FRAMES)[0], atol=1e-6)


def test_both_directions():
    layer = plait.layers.Bidirectional(plait.layers.ConvLSTM2D(3, 2, return_sequences=True))
    assert layer(FRAMES).shape == (2, 4, 4, 4, 6)


def test_spatial_sizes_must_be_known():
    with pytest.raises(ShapeError, match="must be known"):
        plait.layers.ConvLSTM2D(3, 2)(plait.Input((4, None, None, 3)))


@pytest.mark.parametrize(
    "error, wrong",
    [
        (ArgumentError, {"kernel_size": 0}),
        (NameUnknownError, {"padding": "sane"}),
        (ArgumentError, {"strides": 2, "dilation_rate": 2}),
        (NameUnknownError, {"data_format": "last"}),
    ],
)
def test_wrong_arguments_are_refused(error, wrong):
    with pytest.raises(error, match="ConvLSTM2D"):
        plait.layers.ConvLSTM2D(**{"filters": 2, "kernel_size": 2, **wrong})
