"""DenseNet: each layer sees all before it, beside each other."""

from functools import partial
from typing import Any

from plait import layers
from plait.applications.classifier import (
    Options,
    Published,
    activated,
    channel_axis,
    channels_last_only,
    checked_shape,
    classifier,
    convolved,
    normalized,
    variant,
)
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.pixels import by_deviation
from plait.models import Model

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

preprocess_input = by_deviation

_FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications/densenet/"
_SOURCE = 'Gao Huang, Zhuang Liu, Laurens van der Maaten, Kilian Weinberger, "Densely connected networks", 2017.'
_EPSILON = 1.001e-5
_GROWTH = 32


def _build(options: Options, title: str, depths: tuple[int, ...], hashes: tuple[str, str]) -> Model:
    def body(x: Any) -> Any:
        x = layers.ZeroPadding2D(3)(x)
        x = convolved(x, 64, 7, "conv1_conv", strides=2, padding="valid")
        x = _normalized_relu(x, "conv1")
        x = layers.ZeroPadding2D(1)(x)
        x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
        for stage, depth in enumerate(depths, 2):
            for place in range(1, depth + 1):
                x = _grown(x, f"conv{stage}_block{place}")
            x = _halved(x, f"pool{stage}") if stage < 5 else x
        return activated(normalized(x, "bn", epsilon=_EPSILON), name="relu")

    channels_last_only("DenseNet")
    address = f"{_FOLDER}{title}_weights_tf_dim_ordering_tf_kernels"
    files = (Published(f"{address}.h5", hashes[0]), Published(f"{address}_notop.h5", hashes[1]))
    return classifier(options, checked_shape(options, 224), body, files)


def _normalized_relu(x: Any, name: str) -> Any:
    return activated(normalized(x, f"{name}_bn", epsilon=_EPSILON), name=f"{name}_relu")


def _grown(x: Any, name: str) -> Any:
    new = convolved(_normalized_relu(x, f"{name}_0"), 4 * _GROWTH, 1, f"{name}_1_conv")
    new = convolved(_normalized_relu(new, f"{name}_1"), _GROWTH, 3, f"{name}_2_conv")
    return layers.Concatenate(axis=channel_axis(), name=f"{name}_concat")([x, new])


def _halved(x: Any, name: str) -> Any:
    x = convolved(_normalized_relu(x, name), x.shape[channel_axis()] // 2, 1, f"{name}_conv")
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def _variant(title: str, depths: tuple[int, ...], top: str, bare: str) -> Any:
    build = partial(_build, title=title.lower(), depths=depths, hashes=(top, bare))
    return variant(title, title.lower(), build, __name__, _SOURCE)


DenseNet121 = _variant(
    "DenseNet121", (6, 12, 24, 16), "9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"
)
DenseNet169 = _variant(
    "DenseNet169", (6, 12, 32, 32), "d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"
)
DenseNet201 = _variant(
    "DenseNet201", (6, 12, 48, 32), "1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"
)
