"""InceptionV3: several convolutions of different reach beside each other, and their results in one."""

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
from plait.models import Model

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

preprocess_input = to_one

_ADDRESS = (
    "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"
    "inception_v3_weights_tf_dim_ordering_tf_kernels"
)
_FILES = (
    Published(f"{_ADDRESS}.h5", "9a0d58056eeedaa3f26cb7ebd46da564"),
    Published(f"{_ADDRESS}_notop.h5", "bcbd6486424b2319ff4ef7d526e38f63"),
)
_SOURCE = 'Christian Szegedy and others, "Rethinking the Inception architecture for computer vision", 2016.'
_HALVING = {"strides": 2, "padding": "valid"}

# A chain is convolutions one after the other: width, height and width of the kernel.
_Chain = tuple[tuple[int, int, int], ...]


def _build(options: Options) -> Model:
    return classifier(options, checked_shape(options, 299, 75), _body, _FILES, pools=(None, None))


def _body(x: Any) -> Any:
    x = _convolved(_convolved(x, 32, 3, 3, **_HALVING), 32, 3, 3, padding="valid")
    x = layers.MaxPooling2D(3, strides=2)(_convolved(x, 64, 3, 3))
    x = _convolved(_convolved(x, 80, 1, 1, padding="valid"), 192, 3, 3, padding="valid")
    x = layers.MaxPooling2D(3, strides=2)(x)
    for number, width in enumerate((32, 64, 64)):
        x = _mixed(x, _near(), width, f"mixed{number}")
    x = _halved(x, ((384, 3, 3),), ((64, 1, 1), (96, 3, 3), (96, 3, 3)), "mixed3")
    for number, width in enumerate((128, 160, 160, 192), 4):
        x = _mixed(x, _far(width), 192, f"mixed{number}")
    corner = ((192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3))
    x = _halved(x, ((192, 1, 1), (320, 3, 3)), corner, "mixed8")
    for number in range(2):
        x = _forked(x, number)
    return x


def _near() -> tuple[_Chain, ...]:
    return ((64, 1, 1),), ((48, 1, 1), (64, 5, 5)), ((64, 1, 1), (96, 3, 3), (96, 3, 3))


def _far(width: int) -> tuple[_Chain, ...]:
    long = ((width, 1, 1), (width, 7, 1), (width, 1, 7), (width, 7, 1), (192, 1, 7))
    return ((192, 1, 1),), ((width, 1, 1), (width, 1, 7), (192, 7, 1)), long


def _mixed(x: Any, chains: tuple[_Chain, ...], pooled: int, name: str) -> Any:
    return _beside([*(_chained(x, chain) for chain in chains), _averaged(x, pooled)], name)


def _halved(x: Any, first: _Chain, second: _Chain, name: str) -> Any:
    branches = [_convolved(_chained(x, chain[:-1]), *chain[-1], **_HALVING) for chain in (first, second)]
    return _beside([*branches, layers.MaxPooling2D(3, strides=2)(x)], name)


def _forked(x: Any, number: int) -> Any:
    """The last blocks, whose chains end in a flat and a tall convolution beside each other."""
    branches = [_convolved(x, 320, 1, 1)]
    for chain, name in ((((384, 1, 1),), f"mixed9_{number}"), (((448, 1, 1), (384, 3, 3)), None)):
        end = _chained(x, chain)
        branches.append(_beside([_convolved(end, 384, 1, 3), _convolved(end, 384, 3, 1)], name))
    return _beside([*branches, _averaged(x, 192)], f"mixed{9 + number}")


def _chained(x: Any, chain: _Chain) -> Any:
    for width, height, breadth in chain:
        x = _convolved(x, width, height, breadth)
    return x


def _averaged(x: Any, width: int) -> Any:
    return _convolved(layers.AveragePooling2D(3, strides=1, padding="same")(x), width, 1, 1)


def _beside(branches: list, name: str | None) -> Any:
    return layers.Concatenate(axis=channel_axis(), name=name)(branches)


def _convolved(x: Any, width: int, height: int, breadth: int, **more: Any) -> Any:
    return activated(normalized(convolved(x, width, (height, breadth), **more), scale=False))


InceptionV3 = variant("InceptionV3", "inception_v3", _build, __name__, _SOURCE)
