"""Bounding boxes: from one format to another, clipped, moved, compared, and as differences from anchors.

Formats, by what the four numbers of a box are:

| format | numbers |
| --- | --- |
| xyxy | left, top, right, bottom |
| yxyx | top, left, bottom, right |
| xywh | left, top, width, height |
| center_xywh | the centre's x and y, width, height |
| center_yxhw | the centre's y and x, height, width |

`rel_xyxy`, `rel_yxyx`, `rel_xywh` and `rel_center_xywh` are the same in parts of the image's width and height. Boxes are
an array (..., 4), or a dict of it as "boxes" and of "labels" (...).
"""

from typing import Any

import jax
import jax.numpy as jnp

from plait.common.messages import describe, did_you_mean, listing
from plait.common.registry import builtin
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, NameUnknownError, ShapeError

__all__ = [
    "FORMATS",
    "affine_transform",
    "around_corners",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]

FORMATS = (
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "center_yxhw",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
    "rel_center_xywh",
)
_TINY = 1e-7  # keeps divisions finite


def _format(who: str, name: Any) -> str:
    if name not in FORMATS:
        raise NameUnknownError(
            f"{who}: Invalid source or target format {name!r}. Supported formats: {listing(FORMATS)}."
            f"{did_you_mean(name, FORMATS)}"
        )
    return name


def _to_corners(boxes: jax.Array, name: str) -> tuple:
    first, second, third, fourth = (boxes[..., index] for index in range(4))
    match name.removeprefix("rel_"):
        case "xyxy":
            return first, second, third, fourth
        case "yxyx":
            return second, first, fourth, third
        case "xywh":
            return first, second, first + third, second + fourth
        case "center_xywh":
            return first - third / 2, second - fourth / 2, first + third / 2, second + fourth / 2
        case _:
            return second - fourth / 2, first - third / 2, second + fourth / 2, first + third / 2


def _from_corners(left: Any, top: Any, right: Any, bottom: Any, name: str) -> jax.Array:
    width, height = right - left, bottom - top
    match name.removeprefix("rel_"):
        case "xyxy":
            numbers = left, top, right, bottom
        case "yxyx":
            numbers = top, left, bottom, right
        case "xywh":
            numbers = left, top, width, height
        case "center_xywh":
            numbers = left + width / 2, top + height / 2, width, height
        case _:
            numbers = top + height / 2, left + width / 2, height, width
    return jnp.stack(numbers, axis=-1)


def _size(value: Any, dtype: Any) -> Any:
    """A height or width, or one an image as (B, 1)."""
    value = convert_to_tensor(value).astype(dtype)
    return value[..., None] if value.ndim else value


@builtin("utils.bounding_boxes", module="keras.utils.bounding_boxes")
def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: Any = "float32"
) -> Any:
    """Boxes in another format.

    Args:
        boxes: (..., 4), or a dict with them as "boxes".
        source: the format they are in.
        target: the format to give.
        height: the images' height, one or (B,); needed between relative and absolute formats.
        width: the images' width, likewise.
        dtype: the dtype of the result.

    Raises:
        NameUnknownError: no such format.
        ShapeError: a last axis that isn't of 4.
        ArgumentError: no height and width where they are needed.

    >>> convert_format([[1.0, 2.0, 5.0, 4.0]], "xyxy", "xywh").tolist()
    [[1.0, 2.0, 4.0, 2.0]]
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    source, target = _format("convert_format", source), _format("convert_format", target)
    boxes = convert_to_tensor(boxes)
    if boxes.shape[-1] != 4:
        raise ShapeError(
            f"convert_format: `boxes` must be a tensor with the last dimension of 4, but got {describe(boxes)}."
        )
    boxes = boxes.astype(dtype)
    left, top, right, bottom = _to_corners(boxes, source)
    was_relative, is_relative = source.startswith("rel_"), target.startswith("rel_")
    if was_relative != is_relative:
        if height is None or width is None:
            raise ArgumentError(
                f"convert_format: must receive `height` and `width` from {source!r} to {target!r}, but got height={height} and "
                f"width={width}."
            )
        high, wide = _size(height, dtype), _size(width, dtype)
        high, wide = (high, wide) if was_relative else (1 / high, 1 / wide)
        left, top, right, bottom = left * wide, top * high, right * wide, bottom * high
    return _from_corners(left, top, right, bottom, target)


@builtin("utils.bounding_boxes", module="keras.utils.bounding_boxes")
def clip_to_image_size(
    bounding_boxes: dict, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> dict:
    """Boxes cut to their images; the label of a box of which nothing is left becomes -1.

    Args:
        bounding_boxes: "boxes" (..., 4) and "labels" (...).
        height: the images' height; not needed for relative formats.
        width: the images' width, likewise.
        bounding_box_format: the boxes' format.

    Raises:
        ArgumentError: no height and width where they are needed.
    """
    boxes = convert_to_tensor(bounding_boxes["boxes"])
    relative = _format("clip_to_image_size", bounding_box_format).startswith("rel_")
    if relative:
        high, wide = jnp.ones((), boxes.dtype), jnp.ones((), boxes.dtype)
    elif height is None or width is None:
        raise ArgumentError(
            f"clip_to_image_size: `height` and `width` must be set if `format={bounding_box_format!r}`."
        )
    else:
        high, wide = _size(height, boxes.dtype), _size(width, boxes.dtype)
    left, top, right, bottom = _to_corners(boxes, bounding_box_format)
    left, right = (jnp.clip(x, 0, wide) for x in (left, right))
    top, bottom = (jnp.clip(y, 0, high) for y in (top, bottom))
    labels = convert_to_tensor(bounding_boxes["labels"])
    kept = (right - left) * (bottom - top) > 0
    return {
        **bounding_boxes,
        "boxes": _from_corners(left, top, right, bottom, bounding_box_format),
        "labels": jnp.where(kept, labels, jnp.asarray(-1, labels.dtype)),
    }


def around_corners(boxes: jax.Array, function: Any) -> jax.Array:
    """The boxes (..., 4), as xyxy, around where a function of x and y brings their four corners."""
    left, top, right, bottom = _to_corners(boxes, "xyxy")
    x, y = function(jnp.stack([left, right, left, right], axis=-1), jnp.stack([top, top, bottom, bottom], axis=-1))
    return jnp.stack([x.min(-1), y.min(-1), x.max(-1), y.max(-1)], axis=-1)


@builtin("utils.bounding_boxes", module="keras.utils.bounding_boxes")
def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> jax.Array:
    """The boxes around what boxes become that are moved, sheared, turned and scaled.

    Args:
        boxes: (B, N, 4).
        angle: (B,) by how many degrees they are turned, against the clock.
        translate_x: (B,) by which part of the width they are moved first.
        translate_y: (B,) by which part of the height.
        scale: (B,) the factor.
        shear_x: (B,) degrees.
        shear_y: (B,) degrees.
        height: the images' height.
        width: the images' width.
        center_x: what they are turned about; None is the middle.
        center_y: likewise.
        bounding_box_format: the boxes' format.

    Raises:
        NameUnknownError: no such format.
    """
    boxes = convert_to_tensor(boxes)
    dtype = boxes.dtype if jnp.issubdtype(boxes.dtype, jnp.floating) else jnp.dtype("float32")
    corners = convert_format(boxes, bounding_box_format, "xyxy", height, width, dtype)

    def each(value: Any) -> jax.Array:
        return jnp.reshape(convert_to_tensor(value).astype(dtype), (-1, 1, 1))

    about_x = each((width - 1) / 2 if center_x is None else center_x)
    about_y = each((height - 1) / 2 if center_y is None else center_y)
    shift_x, shift_y = each(translate_x) * (width - 1), each(translate_y) * (height - 1)
    turn, lean_x, lean_y = (jnp.deg2rad(each(value)) for value in (angle, shear_x, shear_y))
    a = jnp.cos(turn - lean_y) / jnp.cos(lean_y)
    c = jnp.sin(turn - lean_y) / jnp.cos(lean_y)
    b = a * jnp.tan(lean_x) + jnp.sin(turn)
    d = c * jnp.tan(lean_x) + jnp.cos(turn)

    def move(x: jax.Array, y: jax.Array) -> tuple:
        x, y = x - about_x + shift_x, y - about_y + shift_y
        return about_x + each(scale) * (d * x + b * y), about_y + each(scale) * (a * y - c * x)

    return convert_format(around_corners(corners, move), "xyxy", bounding_box_format, height, width, dtype)


@builtin("utils.bounding_boxes", module="keras.utils.bounding_boxes")
def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> jax.Array:
    """The boxes of images of which only a part is left.

    Args:
        boxes: (..., 4).
        top: how many rows fell away at the top.
        left: how many columns fell away on the left.
        height: the part's height.
        width: the part's width.
        bounding_box_format: the boxes' format, an absolute one.
    """
    boxes = convert_to_tensor(boxes)
    x1, y1, x2, y2 = _to_corners(boxes, _format("crop", bounding_box_format))
    x1, x2 = (jnp.clip(x - left, 0, width) for x in (x1, x2))
    y1, y2 = (jnp.clip(y - top, 0, height) for y in (y1, y2))
    return _from_corners(x1, y1, x2, y2, bounding_box_format)


@builtin("utils.bounding_boxes", module="keras.utils.bounding_boxes")
def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> jax.Array:
    """The boxes of images that got a border.

    Args:
        boxes: (..., 4).
        top: how many rows came on top.
        left: how many columns came on the left.
        height: has no effect.
        width: likewise.
        bounding_box_format: the boxes' format, an absolute one.
    """
    x1, y1, x2, y2 = _to_corners(convert_to_tensor(boxes), _format("pad", bounding_box_format))
    return _from_corners(x1 + left, y1 + top, x2 + left, y2 + top, bounding_box_format)


def _as_corners(who: str, boxes: Any, name: str, image_shape: Any) -> tuple:
    height, width = (None, None) if image_shape is None else image_shape[:2]
    if name.startswith("rel_") and image_shape is None:
        raise ArgumentError(f"{who}: for the relative format {name!r} `image_shape` must be given.")
    return _to_corners(convert_format(boxes, name, "xyxy", height, width), "xyxy")


def _overlap(first: tuple, second: tuple) -> tuple[jax.Array, jax.Array]:
    """The areas that boxes share, and that they cover together."""
    wide = jnp.maximum(jnp.minimum(first[2], second[2]) - jnp.maximum(first[0], second[0]), 0)
    high = jnp.maximum(jnp.minimum(first[3], second[3]) - jnp.maximum(first[1], second[1]), 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return wide * high, areas[0] + areas[1] - wide * high


@builtin("utils.bounding_boxes", module="keras.utils.bounding_boxes")
def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: Any = -1,
    image_shape: Any = None,
) -> jax.Array:
    """The area that boxes share, by what they cover together, of each with each.

    Args:
        boxes1: (..., N, 4).
        boxes2: (..., M, 4).
        bounding_box_format: the format of both.
        use_masking: whether boxes of `mask_val` only are no boxes.
        mask_val: what such boxes hold, and get.
        image_shape: the images' height, width and channels; needed for relative formats.

    Returns:
        (..., N, M).

    Raises:
        ArgumentError: a relative format without an image's shape.

    >>> compute_iou([[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 2.0]], "xyxy").round(4).tolist()
    [[0.33329999446868896]]
    """
    boxes1, boxes2 = convert_to_tensor(boxes1), convert_to_tensor(boxes2)
    first = tuple(x[..., :, None] for x in _as_corners("compute_iou", boxes1, bounding_box_format, image_shape))
    second = tuple(x[..., None, :] for x in _as_corners("compute_iou", boxes2, bounding_box_format, image_shape))
    shared, covered = _overlap(first, second)
    result = shared / (covered + _TINY)
    if not use_masking:
        return result
    absent1 = jnp.max(boxes1, axis=-1)[..., :, None] <= mask_val
    absent2 = jnp.max(boxes2, axis=-1)[..., None, :] <= mask_val
    return jnp.where(absent1 | absent2, jnp.asarray(mask_val, result.dtype), result)


@builtin("utils.bounding_boxes", module="keras.utils.bounding_boxes")
def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None) -> jax.Array:
    """The complete IoU of pairs of boxes: less for centres that are apart, and for other proportions.

    Args:
        boxes1: (..., 4).
        boxes2: (..., 4).
        bounding_box_format: the format of both.
        image_shape: the images' height, width and channels; needed for relative formats.

    Returns:
        (...).

    Raises:
        ArgumentError: a relative format without an image's shape.

    Source: Zheng et al., "Distance-IoU Loss: Faster and Better Learning for Bounding Box Regression", 2020.
    """
    first = _as_corners("compute_ciou", boxes1, bounding_box_format, image_shape)
    second = _as_corners("compute_ciou", boxes2, bounding_box_format, image_shape)
    shared, covered = _overlap(first, second)
    likeness = shared / (covered + _TINY)
    hull_wide = jnp.maximum(first[2], second[2]) - jnp.minimum(first[0], second[0])
    hull_high = jnp.maximum(first[3], second[3]) - jnp.minimum(first[1], second[1])
    apart_x, apart_y = ((second[i] + second[i + 2] - first[i] - first[i + 2]) / 2 for i in (0, 1))
    apart = (apart_x**2 + apart_y**2) / (hull_wide**2 + hull_high**2 + _TINY)
    angles = [jnp.arctan((box[2] - box[0]) / (box[3] - box[1] + _TINY)) for box in (first, second)]
    proportion = (2 / jnp.pi) ** 2 * (angles[1] - angles[0]) ** 2
    weight = proportion / (proportion - likeness + 1 + _TINY)
    return likeness - apart - weight * proportion


@builtin("utils.bounding_boxes", module="keras.utils.bounding_boxes")
def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> jax.Array:
    """Boxes as differences from anchors: of centres in parts of the anchor's size, of sizes as logarithms.

    Args:
        anchors: (N, 4).
        boxes: (..., N, 4).
        anchor_format: the anchors' format.
        box_format: the boxes' format.
        encoding_format: "center_yxhw" or "center_xywh": the order of the result.
        variance: four numbers to divide by.
        image_shape: the images' height, width and channels; needed where one format is relative.

    Raises:
        ArgumentError: another encoding, or another number of variances.
    """
    _check_encoding("encode_box_to_deltas", encoding_format, variance)
    height, width = (None, None) if image_shape is None else image_shape[:2]
    anchors = convert_format(anchors, anchor_format, encoding_format, height, width)
    boxes = convert_format(boxes, box_format, encoding_format, height, width)
    sizes = jnp.maximum(anchors[..., 2:], _TINY)
    centres = (boxes[..., :2] - anchors[..., :2]) / sizes
    deltas = jnp.concatenate([centres, jnp.log(jnp.maximum(boxes[..., 2:], _TINY) / sizes)], axis=-1)
    return deltas if variance is None else deltas / convert_to_tensor(variance, deltas.dtype)


@builtin("utils.bounding_boxes", module="keras.utils.bounding_boxes")
def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """Boxes from their differences from anchors: the inverse of `encode_box_to_deltas`.

    Args:
        anchors: (N, 4), or a dict of such by levels.
        boxes_delta: (..., N, 4), or likewise.
        anchor_format: the anchors' format.
        box_format: the format to give.
        encoded_format: "center_yxhw" or "center_xywh": the order of the differences.
        variance: four numbers that they were divided by.
        image_shape: the images' height, width and channels; needed where one format is relative.

    Raises:
        ArgumentError: another encoding, or another number of variances.
    """
    _check_encoding("decode_deltas_to_boxes", encoded_format, variance)
    height, width = (None, None) if image_shape is None else image_shape[:2]

    def decode(anchors: Any, deltas: Any) -> jax.Array:
        anchors = convert_format(anchors, anchor_format, encoded_format, height, width)
        deltas = convert_to_tensor(deltas, anchors.dtype)
        deltas = deltas if variance is None else deltas * convert_to_tensor(variance, deltas.dtype)
        centres = deltas[..., :2] * anchors[..., 2:] + anchors[..., :2]
        sizes = jnp.exp(deltas[..., 2:]) * anchors[..., 2:]
        boxes = jnp.concatenate([centres, sizes], axis=-1)
        return convert_format(boxes, encoded_format, box_format, height, width)

    if isinstance(anchors, dict):
        return {level: decode(anchors[level], boxes_delta[level]) for level in anchors}
    return decode(anchors, boxes_delta)


def _check_encoding(who: str, encoding: str, variance: Any) -> None:
    if encoding not in ("center_xywh", "center_yxhw"):
        raise ArgumentError(
            f"{who}: the encoding should be one of 'center_xywh' or 'center_yxhw', but got {encoding!r}."
        )
    if variance is not None and len(variance) != 4:
        raise ArgumentError(f"{who}: `variance` must have 4 numbers, but got {variance!r}.")
