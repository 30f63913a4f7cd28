"""MobileNet: each convolution is one over places, channel by channel, and one over channels, place by place."""

from dataclasses import replace
from typing import Any

from plait import layers
from plait.applications.classifier import (
    Options,
    Published,
    checked_shape,
    classifier,
    convolved,
    documented,
    normalized,
    sides,
)
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.mobile import published_side, usual_side
from plait.applications.pixels import to_one
from plait.errors import ArgumentError
from plait.models import Model

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

preprocess_input = to_one

_FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/"
_SOURCE = 'Andrew Howard and others, "MobileNets: efficient convolutional neural networks for mobile vision", 2017.'
_ALPHAS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}  # as the files' names write them
_SIDES = (128, 160, 192, 224)
_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))


def MobileNet(
    input_shape: Any = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 0.001,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """MobileNet, a classifier of pictures, as a Model.

    `alpha` widens each layer, `depth_multiplier` the convolutions over places, `dropout` is the top's rate.
    """
    options = Options(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    shape = checked_shape(options, usual_side(input_shape, _SIDES))
    side = sides(shape)[0]
    if weights == "imagenet":
        _check_published(alpha, depth_multiplier)
        side = published_side(shape, _SIDES)

    def body(x: Any) -> Any:
        x = _relu(convolved(x, int(32 * alpha), 3, "conv1", strides=2), "conv1")
        for number, (filters, strides) in enumerate(_BLOCKS, 1):
            x = _block(x, int(filters * alpha), depth_multiplier, strides, number)
        return x

    def top(x: Any) -> Any:
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        x = layers.Conv2D(classes, 1, padding="same", name="conv_preds")(x)
        x = layers.Reshape((classes,), name="reshape_2")(x)
        return layers.Activation(classifier_activation, name="predictions")(x)

    address = f"{_FOLDER}mobilenet_{_ALPHAS.get(alpha)}_{side}_tf"
    files = (Published(f"{address}.h5"), Published(f"{address}_no_top.h5"))
    options = replace(options, name=name or f"mobilenet_{alpha:0.2f}_{side}")
    return classifier(options, shape, body, files, top, (None, None))


documented(MobileNet, "MobileNet", __name__, _SOURCE)


def _check_published(alpha: float, depth_multiplier: int) -> None:
    if depth_multiplier != 1:
        raise ArgumentError(f"With imagenet weights, `depth_multiplier` must be 1, but got {depth_multiplier}.")
    if alpha not in _ALPHAS:
        raise ArgumentError(f"With imagenet weights, `alpha` must be one of {list(_ALPHAS)}, but got {alpha}.")


def _block(x: Any, filters: int, depth_multiplier: int, strides: int, number: int) -> Any:
    if strides == 2:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
    x = layers.DepthwiseConv2D(
        3,
        padding="same" if strides == 1 else "valid",
        depth_multiplier=depth_multiplier,
        strides=strides,
        use_bias=False,
        name=f"conv_dw_{number}",
    )(x)
    x = _relu(x, f"conv_dw_{number}")
    return _relu(convolved(x, filters, 1, f"conv_pw_{number}"), f"conv_pw_{number}")


def _relu(x: Any, name: str) -> Any:
    return layers.ReLU(6.0, name=f"{name}_relu")(normalized(x, f"{name}_bn"))
