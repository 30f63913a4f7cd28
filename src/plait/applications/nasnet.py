"""NASNet: a search found the cells, of which there are two kinds; one keeps the size of the picture, one halves it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from plait import layers
from plait.applications.classifier import (
    Options,
    Published,
    activated,
    channels_last_only,
    checked_shape,
    classifier,
    convolved,
    dense_top,
    documented,
    normalized,
    odd_padding,
)
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.pixels import to_one
from plait.common.scope import name_scope
from plait.errors import ShapeError
from plait.models import Model

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]

preprocess_input = to_one

_FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications/nasnet/"
_SOURCE = 'Barret Zoph and others, "Learning transferable architectures for scalable image recognition", 2017.'
_KERNELS = "he_normal"


class _Size(NamedTuple):
    title: str
    side: int
    stem: int  # filters of the first convolution
    filters: int  # of each branch in the first cells; each of the two halvings that follow doubles them
    depth: int  # cells that keep the size, in each of three groups
    skips: bool  # whether the cell after a halving sees what came two cells before it, and not what was halved
    hashes: tuple[str, str]


class _Branch(NamedTuple):
    kind: str  # "separable", "max", "mean" or "same", which does nothing
    source: str  # what came in "here" or the time "before", both made narrow; "padded" is here with zeros; or a sum
    side: str = ""  # in the names of its layers
    kernel: int = 3


class _Sum(NamedTuple):
    name: str | None
    branches: tuple[_Branch, _Branch]


class _Cell(NamedTuple):
    name: str
    sums: tuple[_Sum, ...]
    joined: tuple[str, ...]
    halves: bool


_KEEPING = _Cell(
    "normal",
    (
        _Sum("normal_add_1", (_Branch("separable", "here", "left1", 5), _Branch("separable", "before", "right1"))),
        _Sum("normal_add_2", (_Branch("separable", "before", "left2", 5), _Branch("separable", "before", "right2"))),
        _Sum("normal_add_3", (_Branch("mean", "here", "left3"), _Branch("same", "before"))),
        _Sum("normal_add_4", (_Branch("mean", "before", "left4"), _Branch("mean", "before", "right4"))),
        _Sum("normal_add_5", (_Branch("separable", "here", "left5"), _Branch("same", "here"))),
    ),
    ("before", "sum1", "sum2", "sum3", "sum4", "sum5"),
    halves=False,
)
_HALVING = _Cell(
    "reduction",
    (
        _Sum(
            "reduction_add_1", (_Branch("separable", "here", "left1", 5), _Branch("separable", "before", "right1", 7))
        ),
        _Sum("reduction_add_2", (_Branch("max", "padded", "left2"), _Branch("separable", "before", "right2", 7))),
        _Sum("reduction_add3", (_Branch("mean", "padded", "left3"), _Branch("separable", "before", "right3", 5))),
        _Sum(None, (_Branch("same", "sum2"), _Branch("mean", "sum1", "left4"))),
        _Sum("reduction_add4", (_Branch("separable", "sum1", "left4"), _Branch("max", "padded", "right5"))),
    ),
    ("sum2", "sum3", "sum4", "sum5"),
    halves=True,
)


def _build(options: Options, size: _Size) -> Model:
    channels_last_only("NASNet")
    if options.weights == "imagenet" and None in (options.input_shape or ()):
        raise ShapeError(
            "NASNet: with `imagenet` weights `input_shape` must be all known numbers, but got "
            f"{options.input_shape}. Put numbers for None."
        )

    def body(x: Any) -> Any:
        x = convolved(x, size.stem, 3, "stem_conv1", strides=2, padding="valid", kernel_initializer=_KERNELS)
        x, before, halved = _normalized(x, "stem_bn1"), None, False
        for cell, filters, number in _cells(size):
            made = _cell(cell, x, _fitted(before, x, halved, filters, f"{cell.name}_A_block", number), filters, number)
            skipped = size.skips and number.startswith("reduce")
            x, before, halved = made, before if skipped else x, cell.halves
        return activated(x)

    address = f"{_FOLDER}NASNet-{size.title}"
    files = (
        Published(f"{address}.h5", size.hashes[0], f"nasnet_{size.title}.h5"),
        Published(f"{address}-no-top.h5", size.hashes[1], f"nasnet_{size.title}_no_top.h5"),
    )
    shape = checked_shape(options, size.side, fixed=options.include_top or options.input_shape is None)
    return classifier(options, shape, body, files, lambda x: dense_top(x, options, pool=None), (None, None))


def _cells(size: _Size) -> Iterator[tuple[_Cell, int, str]]:
    """The cells in order: each with its filters, and what ends its layers' names."""
    yield _HALVING, size.filters // 4, "stem_1"
    yield _HALVING, size.filters // 2, "stem_2"
    for group in range(3):
        filters, first = size.filters * 2**group, group * size.depth
        if group:
            yield _HALVING, filters, f"reduce_{first}"
        for place in range(size.depth):
            yield _KEEPING, filters, str(first + place + (group > 0))


def _cell(cell: _Cell, x: Any, before: Any, filters: int, number: str) -> Any:
    """What a cell makes of (B, H, W, any) and of what came before it: its sums, one beside the other."""
    name = f"{cell.name}_{{}}_1_{number}"
    with name_scope(f"{cell.name}_A_block_{number}"):
        x = _narrowed(activated(x), filters, name.format("conv"), name.format("bn"))
        values = {"before": before, "here": x}
        if cell.halves:
            values["padded"] = layers.ZeroPadding2D(odd_padding(x, 3), name=name.format("pad"))(x)
        for place, (title, branches) in enumerate(cell.sums, 1):
            with name_scope(f"block_{place}"):
                both = [_branch(branch, values[branch.source], cell, filters, number) for branch in branches]
                values[f"sum{place}"] = layers.Add(name=title and f"{title}_{number}")(both)
        return layers.Concatenate(name=f"{cell.name}_concat_{number}")([values[title] for title in cell.joined])


def _branch(branch: _Branch, x: Any, cell: _Cell, filters: int, number: str) -> Any:
    name = f"{cell.name}_{branch.side}_{number}"
    strides = 2 if cell.halves and not branch.source.startswith("sum") else 1
    if branch.kind == "same":
        return x
    if branch.kind == "separable":
        with name_scope(f"separable_conv_block_{name}"):
            return _separable(x, filters, branch.kernel, strides, name)
    pool = layers.MaxPooling2D if branch.kind == "max" else layers.AveragePooling2D
    return pool(branch.kernel, strides=strides, padding="same" if strides == 1 else "valid", name=name)(x)


def _separable(x: Any, filters: int, kernel: int, strides: int, name: str) -> Any:
    """Two separable convolutions, of which the first may halve the picture; each after a ReLU and before a norm."""
    x = activated(x)
    if strides == 2:
        x = layers.ZeroPadding2D(odd_padding(x, kernel), name=f"separable_conv_1_pad_{name}")(x)
    for place in (1, 2):
        x = layers.SeparableConv2D(
            filters,
            kernel,
            strides=strides if place == 1 else 1,
            padding="valid" if strides == 2 and place == 1 else "same",
            use_bias=False,
            name=f"separable_conv_{place}_{name}",
        )(x)
        x = _normalized(x, f"separable_conv_{place}_bn_{name}")
        x = activated(x) if place == 1 else x
    return x


def _fitted(before: Any, x: Any, halved: bool, filters: int, outer: str, number: str) -> Any:
    """What came before, as small as what comes now, if that was halved, and as narrow as the branches."""
    if before is None:
        return x
    if not halved and before.shape[-1] == filters:
        return before
    kind = "reduction" if halved else "projection"
    with name_scope(f"{outer}_{number}"), name_scope("adjust_block"), name_scope(f"adjust_{kind}_block_{number}"):
        if halved:
            return _halved(before, filters, number)
        return _narrowed(activated(before), filters, f"adjust_conv_projection_{number}", f"adjust_bn_{number}")


def _halved(x: Any, filters: int, number: str) -> Any:
    """Half of the places: in one half of the channels the even ones, in the other those one further."""
    x = activated(x, name=f"adjust_relu_1_{number}")
    halves = []
    for place in (1, 2):
        if place == 2:
            x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
            x = layers.Cropping2D(((1, 0), (1, 0)))(x)
        half = layers.AveragePooling2D(1, strides=2, padding="valid", name=f"adjust_avg_pool_{place}_{number}")(x)
        name = f"adjust_conv_{place}_{number}"
        halves.append(convolved(half, filters // 2, 1, name, kernel_initializer=_KERNELS))
    return _normalized(layers.Concatenate()(halves), f"adjust_bn_{number}")


def _narrowed(x: Any, filters: int, name: str, norm: str) -> Any:
    return _normalized(convolved(x, filters, 1, name, kernel_initializer=_KERNELS), norm)


def _normalized(x: Any, name: str) -> Any:
    return normalized(x, name, momentum=0.9997)


def _variant(title: str, size: _Size) -> Any:
    def architecture(
        input_shape: Any = None,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = f"nasnet_{size.title}",
    ) -> Model:
        options = Options(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )
        return _build(options, size)

    return documented(architecture, title, __name__, _SOURCE)


_MOBILE = ("020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63")
_LARGE = ("11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5")

NASNetMobile = _variant("NASNetMobile", _Size("mobile", 224, 32, 44, 4, False, _MOBILE))
NASNetLarge = _variant("NASNetLarge", _Size("large", 331, 96, 168, 6, True, _LARGE))
