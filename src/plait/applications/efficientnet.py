"""EfficientNet: width, depth and size of picture grow together, by one table."""

import math
from functools import partial
from typing import Any, NamedTuple

from plait import layers
from plait.applications.classifier import (
    Options,
    Published,
    activated,
    channel_axis,
    checked_shape,
    classifier,
    dense_top,
    divisible,
    normalized,
    odd_padding,
    variant,
)
from plait.applications.efficient import KERNELS, TOP_KERNEL, added, convolved_efficiently, squeezed
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.pixels import unchanged
from plait.models import Model

__all__ = [
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "decode_predictions",
    "preprocess_input",
]

preprocess_input = unchanged

_FOLDER = "https://storage.googleapis.com/keras-applications/"
_SOURCE = 'Mingxing Tan, Quoc Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019.'
_DEVIATIONS = (0.229, 0.224, 0.225)
_DROPPED = 0.2  # the last block's rate; the first has none


class _Stage(NamedTuple):
    kernel: int
    repeats: int
    entering: int
    leaving: int
    expansion: int
    strides: int


_STAGES = (
    _Stage(3, 1, 32, 16, 1, 1),
    _Stage(3, 2, 16, 24, 6, 2),
    _Stage(5, 2, 24, 40, 6, 2),
    _Stage(3, 3, 40, 80, 6, 2),
    _Stage(5, 3, 80, 112, 6, 1),
    _Stage(5, 4, 112, 192, 6, 2),
    _Stage(3, 1, 192, 320, 6, 1),
)


class _Size(NamedTuple):
    width: float
    depth: float
    side: int
    dropout: float
    hashes: tuple[str, str]


def _build(options: Options, size: _Size) -> Model:
    def body(x: Any) -> Any:
        x = _scaled(x, options.weights == "imagenet")
        x = layers.ZeroPadding2D(odd_padding(x, 3), name="stem_conv_pad")(x)
        x = convolved_efficiently(x, divisible(32 * size.width), 3, "stem_conv", strides=2, padding="valid")
        x = activated(normalized(x, "stem_bn"), "swish", "stem_activation")
        for stage, rate, name in _blocks(size):
            x = _block(x, stage, rate, name)
        x = convolved_efficiently(x, divisible(1280 * size.width), 1, "top_conv")
        return activated(normalized(x, "top_bn"), "swish", "top_activation")

    def top(x: Any) -> Any:
        return dense_top(x, options, dropout=size.dropout, kernel_initializer=TOP_KERNEL)

    address = f"{_FOLDER}{options.name}"
    files = (Published(f"{address}.h5", size.hashes[0]), Published(f"{address}_notop.h5", size.hashes[1]))
    return classifier(options, checked_shape(options, size.side), body, files, top)


def _scaled(x: Any, published: bool) -> Any:
    """Pixels from 0 to 255 as the network wants them; the published weights were made with one more scaling."""
    x = layers.Rescaling(1.0 / 255.0)(x)
    x = layers.Normalization(axis=channel_axis() % 4)(x)
    return layers.Rescaling([1.0 / math.sqrt(deviation) for deviation in _DEVIATIONS])(x) if published else x


def _blocks(size: _Size) -> list[tuple[_Stage, float, str]]:
    """Each block's numbers, its rate of dropping, and how its layers' names begin."""
    found = []
    for number, stage in enumerate(_STAGES, 1):
        entering, leaving = (divisible(filters * size.width) for filters in (stage.entering, stage.leaving))
        for repeat in range(math.ceil(size.depth * stage.repeats)):
            place = {"entering": entering} if repeat == 0 else {"entering": leaving, "strides": 1}
            found.append((stage._replace(leaving=leaving, **place), f"block{number}{chr(97 + repeat)}_"))
    return [(stage, _DROPPED * index / len(found), name) for index, (stage, name) in enumerate(found)]


def _block(x: Any, stage: _Stage, rate: float, name: str) -> Any:
    entered = x
    filters = stage.entering * stage.expansion
    if stage.expansion != 1:
        x = convolved_efficiently(x, filters, 1, f"{name}expand_conv")
        x = activated(normalized(x, f"{name}expand_bn"), "swish", f"{name}expand_activation")
    if stage.strides == 2:
        x = layers.ZeroPadding2D(odd_padding(x, stage.kernel), name=f"{name}dwconv_pad")(x)
    x = layers.DepthwiseConv2D(
        stage.kernel,
        strides=stage.strides,
        padding="valid" if stage.strides == 2 else "same",
        use_bias=False,
        depthwise_initializer=KERNELS,
        name=f"{name}dwconv",
    )(x)
    x = activated(normalized(x, f"{name}bn"), "swish", f"{name}activation")
    x = squeezed(x, filters, max(1, stage.entering // 4), name)
    x = normalized(convolved_efficiently(x, stage.leaving, 1, f"{name}project_conv"), f"{name}project_bn")
    return added(x, entered, rate, name) if stage.strides == 1 and stage.entering == stage.leaving else x


def _variant(title: str, width: float, depth: float, side: int, dropout: float, top: str, bare: str) -> Any:
    build = partial(_build, size=_Size(width, depth, side, dropout, (top, bare)))
    return variant(title, title.lower(), build, __name__, _SOURCE)


EfficientNetB0 = _variant(
    "EfficientNetB0", 1.0, 1.0, 224, 0.2, "902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"
)
EfficientNetB1 = _variant(
    "EfficientNetB1", 1.0, 1.1, 240, 0.2, "1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"
)
EfficientNetB2 = _variant(
    "EfficientNetB2", 1.1, 1.2, 260, 0.3, "b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"
)
EfficientNetB3 = _variant(
    "EfficientNetB3", 1.2, 1.4, 300, 0.3, "ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"
)
EfficientNetB4 = _variant(
    "EfficientNetB4", 1.4, 1.8, 380, 0.4, "18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"
)
EfficientNetB5 = _variant(
    "EfficientNetB5", 1.6, 2.2, 456, 0.4, "ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"
)
EfficientNetB6 = _variant(
    "EfficientNetB6", 1.8, 2.6, 528, 0.5, "165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"
)
EfficientNetB7 = _variant(
    "EfficientNetB7", 2.0, 3.1, 600, 0.5, "8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"
)
