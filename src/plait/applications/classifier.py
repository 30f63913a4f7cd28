"""What all architectures share: their arguments, the picture that goes in, the top, and published weights.

An architecture is a body, a function of one symbolic tensor, between `checked_shape` and `classifier`. Its public functions
come from `variant`, or are written out where they take more than the usual arguments. Layers have Keras's names, and stand
in its order, so that its published files fit.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from plait import activations, layers
from plait.applications.files import fetched
from plait.common.messages import warn
from plait.common.settings import settings
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, FileError, ShapeError
from plait.models import Model
from plait.utils.source_inputs import get_source_inputs

Body = Callable[[Any], Any]


@dataclass(frozen=True)
class Options:
    """The arguments of every architecture."""

    include_top: bool = True
    weights: Any = "imagenet"
    input_tensor: Any = None
    input_shape: Any = None
    pooling: str | None = None
    classes: int = 1000
    classifier_activation: Any = "softmax"
    name: str | None = None


class Published(NamedTuple):
    """A file of weights: its address, checksum, and name where that is another than the address ends with."""

    address: str
    file_hash: str | None = None
    name: str | None = None


def variant(title: str, name: str, build: Callable[[Options], Model], module: str, source: str) -> Callable[..., Model]:
    """A public function with Keras's eight arguments, that builds one size of an architecture."""

    def architecture(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = name,
    ) -> Model:
        return build(
            Options(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
        )

    return documented(architecture, title, module, source)


ARGUMENTS = """

    Args:
        include_top: whether the classifier stands on top; without it, the last features come out.
        weights: "imagenet" for the published ones, None for random ones, or the path of a file.
        input_tensor: a symbolic tensor to take as the picture.
        input_shape: the shape of a picture with its channels; None for the usual one, or for any size without the top.
        pooling: without the top, "avg" or "max" over all places, or None.
        classes: how many classes; the published top has 1,000.
        classifier_activation: of the top; None for logits.
        name: the model's name.

    Raises:
        ArgumentError: arguments that don't go together, or a picture that is too small.
        FileError: the weights aren't there and can't be fetched.

    Source: """


def documented(function: Callable[..., Model], title: str, module: str, source: str) -> Callable[..., Model]:
    """The function under its public name, with the description of the common arguments."""
    function.__name__ = function.__qualname__ = title
    function.__module__ = module
    begin = function.__doc__ or f"{title}, a classifier of pictures, as a Model."
    function.__doc__ = f"{begin.rstrip()}{ARGUMENTS}{source}\n    "
    return function


def channel_axis() -> int:
    """The axis of channels in a batch of pictures, by the setting."""
    return 1 if settings().image_data_format == "channels_first" else -1


def sides(shape: Any) -> tuple[Any, Any]:
    """Height and width in the shape of one picture."""
    return tuple(shape[:2] if channel_axis() == -1 else shape[1:3])


def channels_last_only(architecture: str) -> None:
    """Refuses the other image data format, for which Keras has no such architecture either."""
    if channel_axis() == 1:
        raise ArgumentError(
            f"{architecture} does not support the `channels_first` image data format. "
            'Switch with plait.config.set_image_data_format("channels_last").'
        )


def checked_shape(options: Options, size: int, smallest: int = 32, fixed: bool | None = None) -> tuple:
    """The shape of one picture, with None for sides of any size; refuses arguments that don't go together.

    Args:
        options: what the user said.
        size: the usual side.
        smallest: the smallest side that the body doesn't shrink to nothing.
        fixed: whether sides have to be known; by default if there is a top.
    """
    _check_weights(options)
    fixed = options.include_top if fixed is None else fixed
    published = options.weights == "imagenet"
    shape = None if options.input_shape is None else tuple(options.input_shape)
    if shape is not None and len(shape) != 3:
        raise ShapeError(f"`input_shape` must be a tuple of three integers, but got {shape}.")
    channels = 3 if shape is None or published else shape[channel_axis()] if channel_axis() == -1 else shape[0]
    usual = _picture(size, size, channels)
    if shape is None:
        return usual if fixed else _picture(None, None, 3)
    if published and fixed and shape != usual:
        raise ShapeError(
            "When setting `include_top=True` and loading `imagenet` weights, "
            f"`input_shape` should be {usual}, but got {shape}. Leave the top away for pictures of another size."
        )
    _check_sides(shape, smallest, published, fixed)
    return shape


def _picture(height: Any, width: Any, channels: int) -> tuple:
    return (height, width, channels) if channel_axis() == -1 else (channels, height, width)


def _check_weights(options: Options) -> None:
    weights = options.weights
    if weights is None:
        return
    if weights != "imagenet" and not os.path.exists(weights):
        raise FileError(
            "The `weights` argument should be either `None` (random initialization), `imagenet` (pre-training on ImageNet), "
            f"or the path to the weights file to be loaded, but got {weights!r}, and there is no such file."
        )
    if not options.include_top:
        return
    if weights == "imagenet" and options.classes != 1000:
        raise ArgumentError(
            f'With `weights="imagenet"` and `include_top=True`, `classes` should be 1000, but got {options.classes}. '
            "Leave the top away, and put one of your own on what comes out."
        )
    allowed = (activations.get("softmax"), activations.get(None))
    if activations.get(options.classifier_activation) not in allowed:
        raise ArgumentError(
            "Only `None` and `softmax` activations are allowed for the `classifier_activation` argument when using "
            f"pretrained weights, with `include_top=True`, but got {options.classifier_activation!r}."
        )


def _check_sides(shape: tuple, smallest: int, published: bool, fixed: bool) -> None:
    channels = shape[0] if channel_axis() == 1 else shape[-1]
    if published and channels != 3:
        raise ShapeError(f"With `imagenet` weights the input must have 3 channels, but got `input_shape={shape}`.")
    if channels not in (1, 3):
        warn(f"This model usually expects 1 or 3 input channels, but `input_shape={shape}` has {channels}.")
    if any(side is not None and side < smallest for side in sides(shape)):
        raise ShapeError(f"Input size must be at least {smallest}x{smallest}, but got `input_shape={shape}`.")
    if fixed and None in shape:
        raise ShapeError(
            f"If `include_top` is True, you should specify a static `input_shape`, but got {shape}. Put numbers for None."
        )


def check_tensor(options: Options) -> None:
    """Refuses a tensor and a shape that contradict each other."""
    tensor, shape = options.input_tensor, options.input_shape
    if tensor is None:
        return
    if not isinstance(tensor, KerasTensor):
        raise ArgumentError(f"`input_tensor` must be symbolic, as Input() gives, but got {type(tensor).__name__}.")
    if shape is not None and tuple(tensor.shape[1:]) != tuple(shape):
        raise ShapeError(
            f"`input_shape` is {tuple(shape)}, but `input_tensor` has pictures of {tuple(tensor.shape[1:])}."
        )


def classifier(
    options: Options,
    shape: tuple,
    body: Body,
    files: tuple[Published, Published],
    top: Body | None = None,
    pools: tuple[str | None, str | None] = ("avg_pool", "max_pool"),
    bare: Body | None = None,
) -> Model:
    """The model: a picture, the body, the top or a pooling, and the weights that are asked for.

    Args:
        options: what the user said.
        shape: of one picture.
        body: from the picture to the last features.
        files: the published weights, with the top and without.
        top: from the features to the classes, if it isn't a mean and a Dense.
        pools: names of the layers that pool without a top.
        bare: what comes last without a top.
    """
    picture = _picture_of(options, shape)
    features = body(picture)
    if options.include_top:
        outputs = (top or (lambda x: dense_top(x, options)))(features)
    else:
        outputs = _pooled(features, options.pooling, pools)
        outputs = bare(outputs) if bare else outputs
    inputs = picture if options.input_tensor is None else get_source_inputs(picture)
    model = Model(inputs, outputs, name=options.name)
    if options.weights == "imagenet":
        model.load_weights(_fetched(files[0 if options.include_top else 1]))
    elif options.weights is not None:
        model.load_weights(options.weights)
    return model


def _picture_of(options: Options, shape: tuple) -> Any:
    if options.input_tensor is None:
        return layers.Input(shape)
    if not isinstance(options.input_tensor, KerasTensor):
        return layers.Input(shape, tensor=options.input_tensor)
    return options.input_tensor


def _pooled(x: Any, pooling: str | None, names: tuple[str | None, str | None]) -> Any:
    if pooling == "avg":
        return layers.GlobalAveragePooling2D(name=names[0])(x)
    return layers.GlobalMaxPooling2D(name=names[1])(x) if pooling == "max" else x


def _fetched(file: Published) -> str:
    return fetched(file.name or file.address.rsplit("/", 1)[1], file.address, file.file_hash)


def dense_top(x: Any, options: Options, pool: str | None = "avg_pool", dropout: float = 0.0, **more: Any) -> Any:
    """The mean over all places, dropout, and a Dense named "predictions"."""
    x = layers.GlobalAveragePooling2D(name=pool)(x)
    if dropout:
        x = layers.Dropout(dropout, name="top_dropout")(x)
    return layers.Dense(options.classes, activation=options.classifier_activation, name="predictions", **more)(x)


def odd_padding(x: Any, kernel: int) -> tuple:
    """The zeros around a picture before a convolution that halves it: fewer in front where its side is even."""
    height, width = x.shape[1:3] if channel_axis() == -1 else x.shape[2:4]
    half = kernel // 2
    before = (half - 1, half - 1) if height is None else (half - 1 + height % 2, half - 1 + width % 2)
    return ((before[0], half), (before[1], half))


def divisible(filters: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor` that is at least nine tenths of `filters`."""
    nearest = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * filters else nearest


def normalized(x: Any, name: str | None = None, **more: Any) -> Any:
    """Batch normalization over channels."""
    return layers.BatchNormalization(axis=channel_axis(), name=name, **more)(x)


def convolved(x: Any, filters: int, kernel: Any, name: str | None = None, **more: Any) -> Any:
    """A convolution without a bias that keeps the size, unless `more` says otherwise."""
    options: dict[str, Any] = {"padding": "same", "use_bias": False, **more}
    return layers.Conv2D(filters, kernel, name=name, **options)(x)


def activated(x: Any, activation: Any = "relu", name: str | None = None) -> Any:
    """An Activation layer."""
    return layers.Activation(activation, name=name)(x)
