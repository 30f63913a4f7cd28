"""ConvNeXt: a convolutional net with the proportions of a vision transformer."""

from collections.abc import Callable
from typing import Any, NamedTuple

from plait import layers, ops, random
from plait.applications.classifier import (
    Options,
    Published,
    activated,
    channels_last_only,
    checked_shape,
    classifier,
    documented,
)
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.pixels import unchanged
from plait.common.registry import builtin
from plait.errors import ArgumentError
from plait.models import Model, Sequential

__all__ = [
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "LayerScale",
    "StochasticDepth",
    "decode_predictions",
    "preprocess_input",
]

preprocess_input = unchanged

_FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications/convnext/"
_SOURCE = 'Zhuang Liu and others, "A ConvNet for the 2020s", 2022.'
_MODULE = "keras.src.applications.convnext"
_MEANS = (0.485, 0.456, 0.406)
_DEVIATIONS = (0.229, 0.224, 0.225)
_FIRST_SCALE = 1e-6


@builtin("layers", module=_MODULE, registered_name="StochasticDepth")
class StochasticDepth(layers.Layer):
    """While training, sets whole samples to zero at random, and makes up for it with the others.

    Keras's sizes drop none; files of models that were made with a rate have this layer.

    Args:
        drop_path_rate: the share that is set to zero, from 0 to 1.

    Source: Gao Huang and others, "Deep networks with stochastic depth", 2016.

    >>> import numpy as np
    >>> StochasticDepth(0.5)(np.ones((2, 3), "float32")).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    def __init__(self, drop_path_rate: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.drop_path_rate = drop_path_rate

    def call(self, x: Any, training: bool | None = None) -> Any:
        if not training:
            return x
        kept = 1 - self.drop_path_rate
        draws = random.uniform((ops.shape(x)[0],) + (1,) * (len(x.shape) - 1))
        return x / kept * ops.floor(kept + draws)


@builtin("layers", module=_MODULE, registered_name="LayerScale")
class LayerScale(layers.Layer):
    """Multiplies each channel by a learned number that begins near zero.

    Args:
        init_values: what the numbers begin with.
        projection_dim: how many channels.

    Source: Hugo Touvron and others, "Going deeper with image transformers", 2021.

    >>> import numpy as np
    >>> LayerScale(0.5, 3)(np.ones((1, 3), "float32")).tolist()
    [[0.5, 0.5, 0.5]]
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.init_values = init_values
        self.projection_dim = projection_dim

    def build(self, input_shape: Any) -> None:
        start = {"class_name": "Constant", "config": {"value": self.init_values}}
        self.gamma = self.add_weight(shape=(self.projection_dim,), initializer=start)

    def call(self, x: Any) -> Any:
        return x * self.gamma


class _Size(NamedTuple):
    title: str
    depths: tuple[int, ...]
    widths: tuple[int, ...]
    hashes: tuple[str, str]


def _build(options: Options, size: _Size, scaled: bool) -> Model:
    channels_last_only("ConvNeXt")
    name = options.name or size.title

    def body(x: Any) -> Any:
        x = _normalized_pixels(x, name) if scaled and x.shape[-1] == 3 else x
        for stage, (depth, width) in enumerate(zip(size.depths, size.widths)):
            x = _narrowed(name, stage, width)(x)
            for block in range(depth):
                x = _block(x, width, f"{name}_stage_{stage}_block_{block}")
        return x

    def top(x: Any) -> Any:
        x = layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
        x = _layer_normalized(f"{name}_head_layernorm")(x)
        return layers.Dense(options.classes, activation=options.classifier_activation, name=f"{name}_head_dense")(x)

    address = f"{_FOLDER}{name}"
    files = (Published(f"{address}.h5", size.hashes[0]), Published(f"{address}_notop.h5", size.hashes[1]))
    shape = checked_shape(options, 224)
    if options.weights == "imagenet" and size.title not in name:
        raise ArgumentError(
            f"{size.title}: with `imagenet` weights the model's name must contain {size.title!r}, because the file is "
            f"called after it, but got {name!r}."
        )
    return classifier(options, shape, body, files, top, (None, None), _layer_normalized())


def _layer_normalized(name: str | None = None) -> layers.Layer:
    return layers.LayerNormalization(epsilon=1e-6, name=name)


def _normalized_pixels(x: Any, name: str) -> Any:
    """Pixels from 0 to 255 by ImageNet's statistics."""
    means = [255 * mean for mean in _MEANS]
    variances = [(255 * deviation) ** 2 for deviation in _DEVIATIONS]
    return layers.Normalization(mean=means, variance=variances, name=f"{name}_prestem_normalization")(x)


def _narrowed(name: str, stage: int, width: int) -> Sequential:
    """What makes the picture smaller before a stage: the first by four, the others by two."""
    if stage == 0:
        stem = layers.Conv2D(width, 4, strides=4, name=f"{name}_stem_conv")
        return Sequential([stem, _layer_normalized(f"{name}_stem_layernorm")], name=f"{name}_stem")
    place = stage - 1
    halved = layers.Conv2D(width, 2, strides=2, name=f"{name}_downsampling_conv_{place}")
    normalized = _layer_normalized(f"{name}_downsampling_layernorm_{place}")
    return Sequential([normalized, halved], name=f"{name}_downsampling_block_{place}")


def _block(x: Any, width: int, name: str) -> Any:
    entered = x
    x = layers.Conv2D(width, 7, padding="same", groups=width, name=f"{name}_depthwise_conv")(x)
    x = _layer_normalized(f"{name}_layernorm")(x)
    x = layers.Dense(4 * width, name=f"{name}_pointwise_conv_1")(x)
    x = activated(x, "gelu", f"{name}_gelu")
    x = layers.Dense(width, name=f"{name}_pointwise_conv_2")(x)
    x = LayerScale(_FIRST_SCALE, width, name=f"{name}_layer_scale")(x)
    return entered + activated(x, "linear", f"{name}_identity")


def _variant(part: str, depths: tuple[int, ...], widths: tuple[int, ...], top: str, bare: str) -> Callable[..., Model]:
    size = _Size(f"convnext_{part.lower()}", depths, widths, (top, bare))

    def architecture(
        include_top: bool = True,
        include_preprocessing: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = size.title,
    ) -> Model:
        options = Options(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )
        return _build(options, size, include_preprocessing)

    title = f"ConvNeXt{part}"
    architecture.__doc__ = (
        f"{title}, a classifier of pictures, as a Model.\n\n"
        "    `include_preprocessing` scales pixels from 0 to 255 in the model."
    )
    return documented(architecture, title, __name__, _SOURCE)


_SHORT, _LONG = (3, 3, 9, 3), (3, 3, 27, 3)

ConvNeXtTiny = _variant(
    "Tiny",
    _SHORT,
    (96, 192, 384, 768),
    "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
    "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
)
ConvNeXtSmall = _variant(
    "Small",
    _LONG,
    (96, 192, 384, 768),
    "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
    "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
)
ConvNeXtBase = _variant(
    "Base",
    _LONG,
    (128, 256, 512, 1024),
    "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
    "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
)
ConvNeXtLarge = _variant(
    "Large",
    _LONG,
    (192, 384, 768, 1536),
    "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
    "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
)
ConvNeXtXLarge = _variant(
    "XLarge",
    _LONG,
    (256, 512, 1024, 2048),
    "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
    "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
)
