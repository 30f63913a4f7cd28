"""MobileNetV2: blocks that are narrow outside and wide inside, with shortcuts between the narrow ends."""

from dataclasses import replace
from typing import Any

from plait import layers
from plait.applications.classifier import (
    Options,
    Published,
    channel_axis,
    check_tensor,
    checked_shape,
    classifier,
    convolved,
    dense_top,
    divisible,
    documented,
    normalized,
    odd_padding,
    sides,
)
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.mobile import published_side, usual_side
from plait.applications.pixels import to_one
from plait.errors import ArgumentError
from plait.models import Model

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

preprocess_input = to_one

_ADDRESS = (
    "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels"
)
_SOURCE = 'Mark Sandler and others, "MobileNetV2: inverted residuals and linear bottlenecks", 2018.'
_ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
_SIDES = (96, 128, 160, 192, 224)
_STAGES = (
    (16, 1, 1),
    (24, 2, 2),
    (32, 2, 3),
    (64, 2, 4),
    (96, 1, 3),
    (160, 2, 3),
    (320, 1, 1),
)  # width, strides, depth


def MobileNetV2(
    input_shape: Any = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """MobileNetV2, a classifier of pictures, as a Model.

    `alpha` widens each layer.
    """
    options = Options(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    check_tensor(options)
    seen = input_shape if input_tensor is None or input_shape is not None else tuple(input_tensor.shape[1:])
    shape = checked_shape(options, usual_side(seen, _SIDES))
    side = sides(shape)[0]
    if weights == "imagenet":
        if alpha not in _ALPHAS:
            raise ArgumentError(f"With imagenet weights, `alpha` must be one of {list(_ALPHAS)}, but got {alpha}.")
        side = published_side(shape, _SIDES)

    def body(x: Any) -> Any:
        x = _normalized(convolved(x, divisible(32 * alpha), 3, "Conv1", strides=2), "bn_Conv1", "Conv1_relu")
        number = 0
        for width, strides, depth in _STAGES:
            for place in range(depth):
                x = _block(x, divisible(int(width * alpha)), strides if place == 0 else 1, number)
                number += 1
        last = divisible(1280 * alpha) if alpha > 1.0 else 1280
        return _normalized(convolved(x, last, 1, "Conv_1"), "Conv_1_bn", "out_relu")

    files = (
        Published(f"{_ADDRESS}_{float(alpha)}_{side}.h5"),
        Published(f"{_ADDRESS}_{float(alpha)}_{side}_no_top.h5"),
    )
    options = replace(options, name=name or f"mobilenetv2_{alpha:0.2f}_{side}")
    return classifier(options, shape, body, files, lambda x: dense_top(x, options, None), (None, None))


documented(MobileNetV2, "MobileNetV2", __name__, _SOURCE)


def _block(x: Any, filters: int, strides: int, number: int) -> Any:
    entered = x
    entering = x.shape[channel_axis()]
    name = f"block_{number}_" if number else "expanded_conv_"
    if number:
        x = convolved(x, 6 * entering, 1, f"{name}expand")
        x = _normalized(x, f"{name}expand_BN", f"{name}expand_relu")
    if strides == 2:
        x = layers.ZeroPadding2D(odd_padding(x, 3), name=f"{name}pad")(x)
    x = layers.DepthwiseConv2D(
        3, strides=strides, use_bias=False, padding="same" if strides == 1 else "valid", name=f"{name}depthwise"
    )(x)
    x = _normalized(x, f"{name}depthwise_BN", f"{name}depthwise_relu")
    x = _normalized(convolved(x, filters, 1, f"{name}project"), f"{name}project_BN")
    return layers.Add(name=f"{name}add")([entered, x]) if strides == 1 and entering == filters else x


def _normalized(x: Any, name: str, relu: str | None = None) -> Any:
    x = normalized(x, name, epsilon=1e-3, momentum=0.999)
    return x if relu is None else layers.ReLU(6.0, name=relu)(x)
