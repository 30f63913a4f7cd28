"""Residual networks that normalize before each convolution, so that the sum is never touched."""

from functools import partial
from typing import Any

from plait import layers
from plait.applications.classifier import Options, activated, checked_shape, classifier, convolved, normalized, variant
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.pixels import to_one
from plait.applications.residual import EPSILON, WIDTHS, residual_files, stem, stem_pool
from plait.models import Model

__all__ = ["ResNet101V2", "ResNet152V2", "ResNet50V2", "decode_predictions", "preprocess_input"]

preprocess_input = to_one

_SOURCE = 'Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun, "Identity mappings in deep residual networks", 2016.'


def _build(options: Options, title: str, depths: tuple[int, ...], hashes: tuple[str, str]) -> Model:
    def body(x: Any) -> Any:
        x = stem_pool(stem(x))
        for stage, (width, depth) in enumerate(zip(WIDTHS, depths), 2):
            for place in range(1, depth + 1):
                strides = 2 if place == depth and stage < 5 else 1
                x = _block(x, width, strides, place == 1, f"conv{stage}_block{place}")
        return activated(normalized(x, "post_bn", epsilon=EPSILON), name="post_relu")

    return classifier(options, checked_shape(options, 224), body, residual_files(title, hashes))


def _block(x: Any, width: int, strides: int, projected: bool, name: str) -> Any:
    before = activated(normalized(x, f"{name}_preact_bn", epsilon=EPSILON), name=f"{name}_preact_relu")
    if projected:
        shortcut = layers.Conv2D(4 * width, 1, strides=strides, name=f"{name}_0_conv")(before)
    else:
        shortcut = layers.MaxPooling2D(1, strides=strides)(x) if strides > 1 else x
    x = convolved(before, width, 1, f"{name}_1_conv")
    x = activated(normalized(x, f"{name}_1_bn", epsilon=EPSILON), name=f"{name}_1_relu")
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = convolved(x, width, 3, f"{name}_2_conv", strides=strides, padding="valid")
    x = activated(normalized(x, f"{name}_2_bn", epsilon=EPSILON), name=f"{name}_2_relu")
    x = layers.Conv2D(4 * width, 1, name=f"{name}_3_conv")(x)
    return layers.Add(name=f"{name}_out")([shortcut, x])


def _variant(title: str, depths: tuple[int, ...], top: str, bare: str) -> Any:
    build = partial(_build, title=title.lower(), depths=depths, hashes=(top, bare))
    return variant(title, title.lower(), build, __name__, _SOURCE)


ResNet50V2 = _variant(
    "ResNet50V2", (3, 4, 6, 3), "3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"
)
ResNet101V2 = _variant(
    "ResNet101V2", (3, 4, 23, 3), "6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"
)
ResNet152V2 = _variant(
    "ResNet152V2", (3, 8, 36, 3), "a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"
)
