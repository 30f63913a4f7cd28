"""Residual networks: blocks whose result is added to what went in; `resnet_v2` normalizes before, not after."""

from functools import partial
from typing import Any

from plait import layers
from plait.applications.classifier import (
    Options,
    activated,
    checked_shape,
    classifier,
    convolved,
    normalized,
    variant,
)
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.pixels import blue_first
from plait.applications.residual import EPSILON, WIDTHS, residual_files, stem, stem_pool
from plait.models import Model

__all__ = ["ResNet101", "ResNet152", "ResNet50", "decode_predictions", "preprocess_input"]

preprocess_input = blue_first

_SOURCE = 'Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun, "Deep residual learning for image recognition", 2015.'


def _build(options: Options, title: str, depths: tuple[int, ...], hashes: tuple[str, str]) -> Model:
    def body(x: Any) -> Any:
        x = activated(normalized(stem(x), "conv1_bn", epsilon=EPSILON), name="conv1_relu")
        x = stem_pool(x)
        for stage, (width, depth) in enumerate(zip(WIDTHS, depths), 2):
            for place in range(1, depth + 1):
                strides = 2 if place == 1 and stage > 2 else 1
                x = _block(x, width, strides, place == 1, f"conv{stage}_block{place}")
        return x

    return classifier(options, checked_shape(options, 224), body, residual_files(title, hashes))


def _block(x: Any, width: int, strides: int, projected: bool, name: str) -> Any:
    shortcut = x
    if projected:
        shortcut = convolved(x, 4 * width, 1, f"{name}_0_conv", strides=strides, padding="valid", use_bias=True)
        shortcut = normalized(shortcut, f"{name}_0_bn", epsilon=EPSILON)
    for place, (filters, kernel) in enumerate(((width, 1), (width, 3), (4 * width, 1)), 1):
        x = convolved(x, filters, kernel, f"{name}_{place}_conv", strides=strides if place == 1 else 1, use_bias=True)
        x = normalized(x, f"{name}_{place}_bn", epsilon=EPSILON)
        if place < 3:
            x = activated(x, name=f"{name}_{place}_relu")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return activated(x, name=f"{name}_out")


def _variant(title: str, depths: tuple[int, ...], top: str, bare: str) -> Any:
    build = partial(_build, title=title.lower(), depths=depths, hashes=(top, bare))
    return variant(title, title.lower(), build, __name__, _SOURCE)


ResNet50 = _variant("ResNet50", (3, 4, 6, 3), "2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626")
ResNet101 = _variant("ResNet101", (3, 4, 23, 3), "f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21")
ResNet152 = _variant("ResNet152", (3, 8, 36, 3), "100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c")
