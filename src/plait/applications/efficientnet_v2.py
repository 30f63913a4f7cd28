"""EfficientNetV2: the first blocks are plain convolutions, which are faster where pictures are large."""

import math
from collections.abc import Callable
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
    documented,
    normalized,
)
from plait.applications.efficient import KERNELS, TOP_KERNEL, added, convolved_efficiently, squeezed
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.pixels import unchanged
from plait.models import Model

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "decode_predictions",
    "preprocess_input",
]

preprocess_input = unchanged

_FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/"
_SOURCE = 'Mingxing Tan, Quoc Le, "EfficientNetV2: smaller models and faster training", 2021.'
_MEANS = (0.485, 0.456, 0.406)
_VARIANCES = (0.229**2, 0.224**2, 0.225**2)
_MOMENTUM = 0.9
_DROPPED = 0.2  # the last block's rate, nearly; the first has none


class _Stage(NamedTuple):
    repeats: int
    entering: int
    leaving: int
    expansion: int
    strides: int
    fused: bool  # plain convolutions, and no squeeze


_BASE = (
    _Stage(1, 32, 16, 1, 1, True),
    _Stage(2, 16, 32, 4, 2, True),
    _Stage(2, 32, 48, 4, 2, True),
    _Stage(3, 48, 96, 4, 2, False),
    _Stage(5, 96, 112, 6, 1, False),
    _Stage(8, 112, 192, 6, 2, False),
)
_SMALL = (
    _Stage(2, 24, 24, 1, 1, True),
    _Stage(4, 24, 48, 4, 2, True),
    _Stage(4, 48, 64, 4, 2, True),
    _Stage(6, 64, 128, 4, 2, False),
    _Stage(9, 128, 160, 6, 1, False),
    _Stage(15, 160, 256, 6, 2, False),
)
_MEDIUM = (
    _Stage(3, 24, 24, 1, 1, True),
    _Stage(5, 24, 48, 4, 2, True),
    _Stage(5, 48, 80, 4, 2, True),
    _Stage(7, 80, 160, 4, 2, False),
    _Stage(14, 160, 176, 6, 1, False),
    _Stage(18, 176, 304, 6, 2, False),
    _Stage(5, 304, 512, 6, 1, False),
)
_LARGE = (
    _Stage(4, 32, 32, 1, 1, True),
    _Stage(7, 32, 64, 4, 2, True),
    _Stage(7, 64, 96, 4, 2, True),
    _Stage(10, 96, 192, 4, 2, False),
    _Stage(19, 192, 224, 6, 1, False),
    _Stage(25, 224, 384, 6, 2, False),
    _Stage(7, 384, 640, 6, 1, False),
)


class _Size(NamedTuple):
    stages: tuple[_Stage, ...]
    width: float
    depth: float
    side: int
    hashes: tuple[str, str]


def _build(options: Options, size: _Size, scaled: bool) -> Model:
    def body(x: Any) -> Any:
        x = _scaled(x, size.stages is _BASE) if scaled else x
        x = convolved_efficiently(x, _width(size.stages[0].entering, size), 3, "stem_conv", strides=2)
        x = activated(_normalized(x, "stem_bn"), "swish", "stem_activation")
        for stage, rate, name in _blocks(size):
            x = (_fused if stage.fused else _separated)(x, stage, name)
            if stage.strides == 1 and stage.entering == stage.leaving:
                x = added(x[0], x[1], rate, name)
            else:
                x = x[0]
        x = convolved_efficiently(x, _width(1280, size), 1, "top_conv")
        return activated(_normalized(x, "top_bn"), "swish", "top_activation")

    def top(x: Any) -> Any:
        return dense_top(x, options, dropout=0.2, kernel_initializer=TOP_KERNEL)

    address = f"{_FOLDER}{options.name}"
    files = (Published(f"{address}.h5", size.hashes[0]), Published(f"{address}_notop.h5", size.hashes[1]))
    return classifier(options, checked_shape(options, size.side), body, files, top)


def _width(filters: int, size: _Size) -> int:
    return max(8, int(filters * size.width + 4) // 8 * 8)


def _scaled(x: Any, base: bool) -> Any:
    """Pixels from 0 to 255 as the network wants them, by ImageNet's statistics in the base sizes."""
    if not base or x.shape[channel_axis()] != 3:
        return layers.Rescaling(1.0 / 128.0, offset=-1)(x)
    x = layers.Rescaling(1.0 / 255)(x)
    return layers.Normalization(mean=list(_MEANS), variance=list(_VARIANCES), axis=channel_axis() % 4)(x)


def _blocks(size: _Size) -> list[tuple[_Stage, float, str]]:
    """Each block's numbers, its rate of dropping, and how its layers' names begin."""
    found = []
    for number, stage in enumerate(size.stages, 1):
        entering, leaving = _width(stage.entering, size), _width(stage.leaving, size)
        for repeat in range(math.ceil(size.depth * stage.repeats)):
            place = {"entering": entering} if repeat == 0 else {"entering": leaving, "strides": 1}
            found.append((stage._replace(leaving=leaving, **place), f"block{number}{chr(97 + repeat)}_"))
    count = sum(stage.repeats for stage in size.stages)  # before depth multiplies them, as in the original
    return [(stage, _DROPPED * index / count, name) for index, (stage, name) in enumerate(found)]


def _separated(x: Any, stage: _Stage, name: str) -> tuple[Any, Any]:
    """A block's result and what entered it: a wide convolution channel by channel, then squeeze and excitation."""
    entered = x
    filters = stage.entering * stage.expansion
    x = convolved_efficiently(x, filters, 1, f"{name}expand_conv")
    x = activated(_normalized(x, f"{name}expand_bn"), "swish", f"{name}expand_activation")
    x = layers.DepthwiseConv2D(
        3,
        strides=stage.strides,
        padding="same",
        use_bias=False,
        depthwise_initializer=KERNELS,
        name=f"{name}dwconv2",
    )(x)
    x = activated(_normalized(x, f"{name}bn"), "swish", f"{name}activation")
    x = squeezed(x, filters, max(1, stage.entering // 4), name)
    x = _normalized(convolved_efficiently(x, stage.leaving, 1, f"{name}project_conv"), f"{name}project_bn")
    return x, entered


def _fused(x: Any, stage: _Stage, name: str) -> tuple[Any, Any]:
    """A block's result and what entered it: one plain convolution, made narrow again where it is wide."""
    entered = x
    if stage.expansion == 1:
        x = convolved_efficiently(x, stage.leaving, 3, f"{name}project_conv", strides=stage.strides)
        return activated(_normalized(x, f"{name}project_bn"), "swish", f"{name}project_activation"), entered
    filters = stage.entering * stage.expansion
    x = convolved_efficiently(x, filters, 3, f"{name}expand_conv", strides=stage.strides)
    x = activated(_normalized(x, f"{name}expand_bn"), "swish", f"{name}expand_activation")
    x = _normalized(convolved_efficiently(x, stage.leaving, 1, f"{name}project_conv"), f"{name}project_bn")
    return x, entered


def _normalized(x: Any, name: str) -> Any:
    return normalized(x, name, momentum=_MOMENTUM)


def _variant(part: str, size: _Size) -> Callable[..., Model]:
    def architecture(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        include_preprocessing: bool = True,
        name: str = f"efficientnetv2-{part.lower()}",
    ) -> Model:
        options = Options(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )
        return _build(options, size, include_preprocessing)

    title = f"EfficientNetV2{part}"
    architecture.__doc__ = (
        f"{title}, a classifier of pictures, as a Model.\n\n"
        "    `include_preprocessing` scales pixels from 0 to 255 in the model."
    )
    return documented(architecture, title, __name__, _SOURCE)


_B0 = ("21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff")
_B1 = ("069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37")
_B2 = ("424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb")
_B3 = ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856")
_S = ("e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070")
_M = ("a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342")
_L = ("27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615")

EfficientNetV2B0 = _variant("B0", _Size(_BASE, 1.0, 1.0, 224, _B0))
EfficientNetV2B1 = _variant("B1", _Size(_BASE, 1.0, 1.1, 240, _B1))
EfficientNetV2B2 = _variant("B2", _Size(_BASE, 1.1, 1.2, 260, _B2))
EfficientNetV2B3 = _variant("B3", _Size(_BASE, 1.2, 1.4, 300, _B3))
EfficientNetV2S = _variant("S", _Size(_SMALL, 1.0, 1.0, 384, _S))
EfficientNetV2M = _variant("M", _Size(_MEDIUM, 1.0, 1.0, 480, _M))
EfficientNetV2L = _variant("L", _Size(_LARGE, 1.0, 1.0, 480, _L))
