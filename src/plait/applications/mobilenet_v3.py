"""MobileNetV3: MobileNetV2's blocks, some of them with squeeze and excitation, found by a search."""

from collections.abc import Callable
from typing import Any, NamedTuple

from plait import layers
from plait.applications.classifier import (
    Options,
    Published,
    channel_axis,
    check_tensor,
    checked_shape,
    classifier,
    convolved,
    divisible,
    documented,
    normalized,
    odd_padding,
    sides,
)
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.pixels import unchanged
from plait.common.messages import warn
from plait.errors import ArgumentError
from plait.models import Model

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

preprocess_input = unchanged

_FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v3/weights_mobilenet_v3_"
_SOURCE = 'Andrew Howard and others, "Searching for MobileNetV3", 2019.'
_HASHES = {
    "large_224_0.75_float": ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0_float": ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0_float": ("675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    "small_224_0.75_float": ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0_float": ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0_float": ("99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}


class _Block(NamedTuple):
    expansion: float
    width: int
    kernel: int  # 3 everywhere if minimalistic
    strides: int
    squeezed: bool  # nowhere if minimalistic
    swish: bool  # likewise


_SMALL = (
    _Block(1, 16, 3, 2, True, False),
    _Block(72 / 16, 24, 3, 2, False, False),
    _Block(88 / 24, 24, 3, 1, False, False),
    _Block(4, 40, 5, 2, True, True),
    *(_Block(6, 40, 5, 1, True, True),) * 2,
    *(_Block(3, 48, 5, 1, True, True),) * 2,
    _Block(6, 96, 5, 2, True, True),
    *(_Block(6, 96, 5, 1, True, True),) * 2,
)
_LARGE = (
    _Block(1, 16, 3, 1, False, False),
    _Block(4, 24, 3, 2, False, False),
    _Block(3, 24, 3, 1, False, False),
    _Block(3, 40, 5, 2, True, False),
    *(_Block(3, 40, 5, 1, True, False),) * 2,
    _Block(6, 80, 3, 2, False, True),
    _Block(2.5, 80, 3, 1, False, True),
    *(_Block(2.3, 80, 3, 1, False, True),) * 2,
    *(_Block(6, 112, 3, 1, True, True),) * 2,
    _Block(6, 160, 5, 2, True, True),
    *(_Block(6, 160, 5, 1, True, True),) * 2,
)


def _variant(title: str, kind: str, blocks: tuple[_Block, ...], last: int) -> Callable[..., Model]:
    def architecture(
        input_shape: Any = None,
        alpha: float = 1.0,
        minimalistic: bool = False,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        classes: int = 1000,
        pooling: str | None = None,
        dropout_rate: float = 0.2,
        classifier_activation: Any = "softmax",
        include_preprocessing: bool = True,
        name: str = title,
    ) -> Model:
        options = Options(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )
        check_tensor(options)
        shape = checked_shape(options, 224, fixed=False)
        if weights == "imagenet":
            _check_published(alpha, minimalistic, shape)
        published = f"{kind}{'_minimalistic' if minimalistic else ''}_224_{alpha}_float"
        plan = [_simple(block) for block in blocks] if minimalistic else list(blocks)

        def body(x: Any) -> Any:
            return _body(x, plan, alpha, "relu" if minimalistic else "hard_swish", include_preprocessing)

        def top(x: Any) -> Any:
            filters = divisible(last * alpha) if alpha > 1.0 else last
            return _top(x, options, filters, "relu" if minimalistic else "hard_swish", dropout_rate)

        return classifier(options, shape, body, _files(published), top)

    architecture.__doc__ = (
        f"{title}, a classifier of pictures, as a Model.\n\n    `alpha` widens each layer; `minimalistic` leaves away what "
        "some devices are slow at;\n    `include_preprocessing` scales pixels from 0 to 255 in the model."
    )
    return documented(architecture, title, __name__, _SOURCE)


def _files(published: str) -> tuple[Published, Published]:
    hashes = _HASHES.get(published, (None, None))
    return (
        Published(f"{_FOLDER}{published}.h5", hashes[0]),
        Published(f"{_FOLDER}{published}_no_top_v2.h5", hashes[1]),
    )


def _simple(block: _Block) -> _Block:
    return block._replace(kernel=3, squeezed=False, swish=False)


def _check_published(alpha: float, minimalistic: bool, shape: tuple) -> None:
    allowed = (1.0,) if minimalistic else (0.75, 1.0)
    if alpha not in allowed:
        raise ArgumentError(f"With imagenet weights, `alpha` must be one of {list(allowed)} here, but got {alpha}.")
    if sides(shape) != (224, 224):
        warn(
            "`input_shape` is undefined or non-square, or its side is not 224. "
            "Weights for input shape (224, 224) will be loaded as the default."
        )


def _body(x: Any, blocks: list[_Block], alpha: float, activation: str, scaled: bool) -> Any:
    if scaled:
        x = layers.Rescaling(1.0 / 127.5, offset=-1.0)(x)
    x = _activated(_normalized(convolved(x, 16, 3, "conv", strides=2), "conv_bn"), activation)
    for number, block in enumerate(blocks):
        x = _block(x, block, divisible(block.width * alpha), number)
    x = convolved(x, divisible(x.shape[channel_axis()] * 6), 1, "conv_1")
    return _activated(_normalized(x, "conv_1_bn"), activation)


def _top(x: Any, options: Options, filters: int, activation: str, dropout: float) -> Any:
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = _activated(convolved(x, filters, 1, "conv_2", use_bias=True), activation)
    x = layers.Dropout(dropout)(x) if dropout > 0 else x
    x = layers.Flatten()(convolved(x, options.classes, 1, "logits", use_bias=True))
    return layers.Activation(options.classifier_activation, name="predictions")(x)


def _block(x: Any, block: _Block, filters: int, number: int) -> Any:
    entered = x
    entering = x.shape[channel_axis()]
    inner = divisible(entering * block.expansion)
    name = f"expanded_conv_{number}_" if number else "expanded_conv_"
    activation = "hard_swish" if block.swish else "relu"
    if number:
        x = _activated(_normalized(convolved(x, inner, 1, f"{name}expand"), f"{name}expand_bn"), activation)
    if block.strides == 2:
        x = layers.ZeroPadding2D(odd_padding(x, block.kernel), name=f"{name}depthwise_pad")(x)
    x = layers.DepthwiseConv2D(
        block.kernel,
        strides=block.strides,
        padding="same" if block.strides == 1 else "valid",
        use_bias=False,
        name=f"{name}depthwise",
    )(x)
    x = _activated(_normalized(x, f"{name}depthwise_bn"), activation)
    if block.squeezed:
        x = _squeezed(x, inner, name)
    x = _normalized(convolved(x, filters, 1, f"{name}project"), f"{name}project_bn")
    return layers.Add(name=f"{name}add")([entered, x]) if block.strides == 1 and entering == filters else x


def _squeezed(x: Any, filters: int, name: str) -> Any:
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}squeeze_excite_avg_pool")(x)
    weights = convolved(weights, divisible(filters * 0.25), 1, f"{name}squeeze_excite_conv", use_bias=True)
    weights = layers.ReLU(name=f"{name}squeeze_excite_relu")(weights)
    weights = convolved(weights, filters, 1, f"{name}squeeze_excite_conv_1", use_bias=True)
    weights = layers.ReLU(6.0)(weights + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{name}squeeze_excite_mul")([x, weights])


def _normalized(x: Any, name: str) -> Any:
    return normalized(x, name, epsilon=1e-3, momentum=0.999)


def _activated(x: Any, activation: str) -> Any:
    return layers.ReLU()(x) if activation == "relu" else layers.Activation(activation)(x)


MobileNetV3Small = _variant("MobileNetV3Small", "small", _SMALL, 1024)
MobileNetV3Large = _variant("MobileNetV3Large", "large", _LARGE, 1280)
