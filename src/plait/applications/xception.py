"""Xception: separable convolutions, with shortcuts around each block."""

from typing import Any

from plait import layers
from plait.applications.classifier import (
    Options,
    Published,
    activated,
    checked_shape,
    classifier,
    convolved,
    normalized,
    variant,
)
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.pixels import to_one
from plait.models import Model

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

preprocess_input = to_one

_ADDRESS = (
    "https://storage.googleapis.com/tensorflow/keras-applications/xception/xception_weights_tf_dim_ordering_tf_kernels"
)
_FILES = (
    Published(f"{_ADDRESS}.h5", "0a58e3b7378bc2990ea3b43d5981f1f6"),
    Published(f"{_ADDRESS}_notop.h5", "b0042744bf5b25fce3cb969f33bebb97"),
)
_SOURCE = 'François Chollet, "Xception: deep learning with depthwise separable convolutions", 2017.'
_HALVING = {2: (128, 128), 3: (256, 256), 4: (728, 728), 13: (728, 1024)}  # block: widths; the others keep 728


def _build(options: Options) -> Model:
    return classifier(options, checked_shape(options, 299, 71), _body, _FILES, pools=(None, None))


def _body(x: Any) -> Any:
    for place, width, strides in ((1, 32, 2), (2, 64, 1)):
        name = f"block1_conv{place}"
        x = convolved(x, width, 3, name, strides=strides, padding="valid")
        x = activated(normalized(x, f"{name}_bn"), name=f"{name}_act")
    for block in range(2, 14):
        x = _block(x, block, _HALVING.get(block))
    for place, width in ((1, 1536), (2, 2048)):
        x = activated(_separable(x, width, f"block14_sepconv{place}"), name=f"block14_sepconv{place}_act")
    return x


def _block(x: Any, block: int, halving: tuple[int, int] | None) -> Any:
    shortcut = x
    if halving:
        shortcut = normalized(convolved(x, halving[1], 1, strides=2))
    for place, width in enumerate(halving or (728, 728, 728), 1):
        name = f"block{block}_sepconv{place}"
        if (block, place) != (2, 1):  # the stem's last activation stands before it
            x = activated(x, name=f"{name}_act")
        x = _separable(x, width, name)
    if halving:
        x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
    return layers.Add()([x, shortcut])


def _separable(x: Any, width: int, name: str) -> Any:
    x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False, name=name)(x)
    return normalized(x, f"{name}_bn")


Xception = variant("Xception", "xception", _build, __name__, _SOURCE)
