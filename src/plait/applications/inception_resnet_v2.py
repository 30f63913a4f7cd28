"""Inception-ResNet: what the branches of a block give is scaled, and added to what went in."""

from typing import Any

from plait import layers
from plait.applications.classifier import (
    Options,
    Published,
    activated,
    channel_axis,
    checked_shape,
    classifier,
    convolved,
    normalized,
    variant,
)
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.pixels import to_one
from plait.common.registry import builtin
from plait.models import Model

__all__ = ["CustomScaleLayer", "InceptionResNetV2", "decode_predictions", "preprocess_input"]

preprocess_input = to_one

_ADDRESS = (
    "https://storage.googleapis.com/tensorflow/keras-applications/inception_resnet_v2/"
    "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels"
)
_FILES = (
    Published(f"{_ADDRESS}.h5", "e693bd0210a403b3192acc6073ad2e96"),
    Published(f"{_ADDRESS}_notop.h5", "d19885ff4a710c122648d3b5c3b684e4"),
)
_SOURCE = 'Christian Szegedy and others, "Inception-v4, Inception-ResNet and the impact of residual connections", 2017.'
_HALVING = {"strides": 2, "padding": "valid"}

# A chain is convolutions one after the other: width and kernel.
_Chain = tuple[tuple[int, Any], ...]
_START: tuple[_Chain, ...] = (((96, 1),), ((48, 1), (64, 5)), ((64, 1), (96, 3), (96, 3)))
_BLOCKS: dict[str, tuple[_Chain, ...]] = {
    "block35": (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))),
    "block17": (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1)))),
    "block8": (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1)))),
}
_HALVED: dict[str, tuple[_Chain, ...]] = {
    "mixed_6a": (((384, 3),), ((256, 1), (256, 3), (384, 3))),
    "mixed_7a": (((256, 1), (384, 3)), ((256, 1), (288, 3)), ((256, 1), (288, 3), (320, 3))),
}


@builtin("layers", module="keras.src.applications.inception_resnet_v2", registered_name="CustomScaleLayer")
class CustomScaleLayer(layers.Layer):
    """first + second * scale.

    Args:
        scale: what the second input is multiplied by.
    """

    def __init__(self, scale: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        return inputs[0] + inputs[1] * self.scale


def _build(options: Options) -> Model:
    return classifier(options, checked_shape(options, 299, 75), _body, _FILES, pools=(None, None))


def _body(x: Any) -> Any:
    x = _convolved(_convolved(x, 32, 3, **_HALVING), 32, 3, padding="valid")
    x = layers.MaxPooling2D(3, strides=2)(_convolved(x, 64, 3))
    x = _convolved(_convolved(x, 80, 1, padding="valid"), 192, 3, padding="valid")
    x = layers.MaxPooling2D(3, strides=2)(x)
    branches = [_chained(x, chain) for chain in _START]
    mean = layers.AveragePooling2D(3, strides=1, padding="same")(x)
    x = _beside([*branches, _convolved(mean, 64, 1)], "mixed_5b")
    for number in range(1, 11):
        x = _block(x, "block35", number, 0.17)
    x = _halved(x, "mixed_6a")
    for number in range(1, 21):
        x = _block(x, "block17", number, 0.1)
    x = _halved(x, "mixed_7a")
    for number in range(1, 10):
        x = _block(x, "block8", number, 0.2)
    return _convolved(_block(x, "block8", 10, 1.0, None), 1536, 1, "conv_7b")


def _block(x: Any, kind: str, number: int, scale: float, activation: str | None = "relu") -> Any:
    name = f"{kind}_{number}"
    mixed = _beside([_chained(x, chain) for chain in _BLOCKS[kind]], f"{name}_mixed")
    mixed = convolved(mixed, x.shape[channel_axis()], 1, f"{name}_conv", use_bias=True)
    x = CustomScaleLayer(scale)([x, mixed])
    return activated(x, activation, f"{name}_ac") if activation else x


def _halved(x: Any, name: str) -> Any:
    branches = [_convolved(_chained(x, chain[:-1]), *chain[-1], **_HALVING) for chain in _HALVED[name]]
    return _beside([*branches, layers.MaxPooling2D(3, strides=2)(x)], name)


def _chained(x: Any, chain: _Chain) -> Any:
    for width, kernel in chain:
        x = _convolved(x, width, kernel)
    return x


def _beside(branches: list, name: str) -> Any:
    return layers.Concatenate(axis=channel_axis(), name=name)(branches)


def _convolved(x: Any, width: int, kernel: Any, name: str | None = None, **more: Any) -> Any:
    x = convolved(x, width, kernel, name, **more)
    return activated(normalized(x, name and f"{name}_bn", scale=False), name=name and f"{name}_ac")


InceptionResNetV2 = variant("InceptionResNetV2", "inception_resnet_v2", _build, __name__, _SOURCE)
