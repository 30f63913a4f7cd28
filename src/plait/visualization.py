"""Pictures with what a model says about them: boxes, masks, and galleries of them.

`draw_segmentation_masks` is NumPy. `draw_bounding_boxes` draws with OpenCV and the galleries with matplotlib, as Keras does.

Differs from Keras: a gallery shows all of its images, with empty places in the last row; `draw_bounding_boxes` draws on images
with the channels first, too, and galleries turn them round once; masks may be `[B, H, W]`, as Keras's documentation says.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plait.common.messages import describe
from plait.common.settings import settings
from plait.errors import ArgumentError, ArgumentTypeError, ShapeError
from plait.utils.bounding_boxes import convert_format

__all__ = [
    "draw_bounding_boxes",
    "draw_segmentation_masks",
    "plot_bounding_box_gallery",
    "plot_image_gallery",
    "plot_segmentation_mask_gallery",
]

_CHANNELS_LAST, _CHANNELS_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def draw_bounding_boxes(
    images: Any,
    bounding_boxes: Mapping[str, Any],
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Sequence[int] = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:
    """Images with boxes drawn on them, and with the names of their classes.

    Args:
        images: [B, H, W, C]: 0 to 255, or floats 0 to 1.
        bounding_boxes: `"boxes"` [B, N, 4] and `"labels"` [B, N]; a box of the label -1 isn't drawn. `"confidences"` [B, N]
            are written beside the names.
        bounding_box_format: what the four numbers are, such as `"xyxy"` or `"rel_yxyx"`.
        class_mapping: names by label.
        color: of lines and names: red, green and blue from 0 to 255.
        line_thickness: in pixels.
        text_thickness: in pixels.
        font_scale: the size of names.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        the images, `uint8`.

    Raises:
        ImportError: OpenCV isn't installed.
        ShapeError: images that aren't [B, H, W, C].
        ArgumentError: no boxes or no labels.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError("Boxes are drawn by `cv2` (OpenCV): pip install plait[opencv].") from error
    first = _has_channels_first(data_format)
    images = _as_images(images, first)
    if not isinstance(bounding_boxes, Mapping):
        raise ArgumentTypeError(
            f"draw_bounding_boxes: `bounding_boxes` should be a dict, but got bounding_boxes={describe(bounding_boxes)}."
        )
    if "boxes" not in bounding_boxes or "labels" not in bounding_boxes:
        raise ArgumentError(
            "draw_bounding_boxes: `bounding_boxes` should be a dict containing 'boxes' and 'labels' keys, but got "
            f"{list(bounding_boxes)}."
        )
    height, width = images.shape[1:3]
    boxes = np.asarray(convert_format(bounding_boxes["boxes"], bounding_box_format, "xyxy", height, width))
    labels = np.asarray(bounding_boxes["labels"]).astype("int32")
    confidences = bounding_boxes.get("confidences")
    confidences = None if confidences is None else np.asarray(confidences)
    drawn = np.ascontiguousarray(_as_bytes(images))
    text_thickness = text_thickness or line_thickness
    for place in np.ndindex(*labels.shape):
        label, image = int(labels[place]), drawn[place[0]]
        if label == -1:
            continue
        left, top, right, bottom = map(int, boxes[place].astype("int32"))
        cv2.rectangle(image, (left, top), (right, bottom), color, line_thickness)
        if class_mapping and label in class_mapping:
            text = class_mapping[label]
            text = text if confidences is None else f"{text} | {confidences[place]:.2f}"
            corner = _text_corner(left, top, font_scale, text_thickness)
            cv2.putText(image, text, corner, cv2.FONT_HERSHEY_SIMPLEX, font_scale, color, text_thickness)
    return drawn.transpose(_CHANNELS_FIRST) if first else drawn


def _text_corner(x: int, y: int, font_scale: float, thickness: int) -> tuple[int, int]:
    """Where a name begins: above the box, or inside it where there is no room above."""
    height = int(font_scale * 12)
    return (x, y - 8) if y - 8 - 2 * height > 0 else (x + 3, y + 2 * height + thickness + 3)


def draw_segmentation_masks(
    images: Any,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Sequence[int]] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """Images with the class of each pixel laid over them as a color.

    Args:
        images: [B, H, W, C], 0 to 255.
        segmentation_masks: [B, H, W] or [B, H, W, 1]: integers; those below `num_classes` have a color.
        num_classes: how many classes; None is the greatest in the masks.
        color_mapping: colors by class.
        alpha: how much of the color there is, from 0 to 1.
        blend: whether the image shines through.
        ignore_index: the class that is left as it is.
        data_format: `"channels_last"` or `"channels_first"`; the result has the channels last.

    Returns:
        the images: `uint8`, or `float32` where nothing is blended.

    Raises:
        ShapeError: images that aren't [B, H, W, C], masks that don't fit them.
        ArgumentTypeError: masks that aren't integers.

    >>> draw_segmentation_masks(np.full((1, 1, 2, 3), 100.0), np.array([[[0, 1]]]), num_classes=2, alpha=0.5)[
    ...     0, 0
    ... ].tolist()
    [[50, 50, 50], [50, 113, 65]]
    """
    first = _has_channels_first(data_format)
    images = _as_images(images, first).astype("float32")
    masks = np.asarray(segmentation_masks)
    if masks.dtype.kind not in "iu":
        raise ArgumentTypeError(
            "draw_segmentation_masks: `segmentation_masks` must be in integer dtype, but got "
            f"segmentation_masks.dtype={masks.dtype}."
        )
    masks = masks[:, 0] if first and masks.ndim == 4 else masks[..., 0] if masks.ndim == 4 else masks
    if masks.shape != images.shape[:3]:
        raise ShapeError(
            f"draw_segmentation_masks: there must be a class for each pixel, but the images are {describe(images)} and the masks "
            f"{describe(np.asarray(segmentation_masks))}."
        )
    num_classes = int(masks.max()) if num_classes is None else num_classes
    colors = [_color(index) if color_mapping is None else color_mapping[index] for index in range(num_classes)]
    drawn = images.copy()
    for index, color in enumerate(colors):
        drawn[masks == index] = np.asarray(color, "float32")
    if not blend:
        return drawn
    mixed = images * np.float32(1 - alpha) + drawn * np.float32(alpha)
    return np.where((masks != ignore_index)[..., None], mixed, images).astype("uint8")


def _color(index: int) -> list[int]:
    """Keras's color of a class."""
    return [index * prime % 255 for prime in (2**25 - 1, 2**15 - 1, 2**21 - 1)]


# ---------------------------------------------------------------------------- galleries


def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Mapping[Any, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: Sequence[float] = (0, 255),
    scale: float = 2,
    path: Any = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: Sequence[Any] | None = None,
    data_format: str | None = None,
) -> None:
    """Shows images in rows and columns, or writes them to a file.

    Args:
        images: [B, H, W, C].
        y_true: [B], labels that are written above the images.
        y_pred: [B], predicted labels, likewise.
        label_map: names by label; needed for labels.
        rows: how many rows; a square's side, if neither is given.
        cols: how many columns.
        value_range: the lowest and the highest value of the images.
        scale: the side of an image, in inches.
        path: where to write the picture.
        show: whether to show it; so it is where no path is given.
        transparent: whether the file has no background.
        dpi: pixels an inch, in the file.
        legend_handles: matplotlib's, for a legend below.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ImportError: matplotlib isn't installed.
        ShapeError: images that aren't [B, H, W, C].
        ArgumentError: labels without names; a path, and also `show=True`.
    """
    plt = _pyplot("plot_image_gallery")
    if path is not None and show:
        raise ArgumentError("plot_image_gallery() expects either `path` to be set, or `show` to be true, not both.")
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ArgumentError(
            "plot_image_gallery: If `y_true` or `y_pred` are provided, a `label_map` must also be provided."
        )
    images = _in_bytes(_as_images(images, _has_channels_first(data_format)), value_range)
    rows = rows or math.ceil(len(images) / cols if cols else math.sqrt(len(images)))
    cols = cols or math.ceil(len(images) / rows)
    figure, axes = plt.subplots(
        rows, cols, figsize=(cols * scale, rows * scale), frameon=False, layout="tight", squeeze=False
    )
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    for index, panel in enumerate(axes.ravel()):
        panel.axis("off")
        if index < len(images):
            panel.imshow(images[index], cmap="gray" if images.shape[-1] == 1 else None)
            panel.margins(x=0, y=0)
            panel.set_title(_title(index, y_true, y_pred, label_map or {}), fontsize=8)
    if path is not None:
        figure.savefig(path, pad_inches=0, bbox_inches="tight", transparent=transparent, dpi=dpi)
    elif show is None or show:
        plt.show()
    if path is not None or show is None or show:
        plt.close(figure)


def _title(index: int, y_true: Any, y_pred: Any, label_map: Mapping[Any, str]) -> str:
    named = [("Label", y_true), ("Pred", y_pred)]
    return "  ".join(
        f"{kind}: {label_map.get(np.asarray(labels)[index].item(), 'Unknown')}"
        for kind, labels in named
        if labels is not None and index < len(labels)
    )


def plot_bounding_box_gallery(
    images: Any,
    bounding_box_format: str,
    y_true: Mapping[str, Any] | None = None,
    y_pred: Mapping[str, Any] | None = None,
    value_range: Sequence[float] = (0, 255),
    true_color: Sequence[int] = (0, 188, 212),
    pred_color: Sequence[int] = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Sequence[Any] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Shows images with true and predicted boxes.

    Args:
        images: [B, H, W, C].
        bounding_box_format: what the four numbers of a box are.
        y_true: the true boxes, as `draw_bounding_boxes` takes them.
        y_pred: the predicted ones, likewise.
        value_range: the lowest and the highest value of the images.
        true_color: of the true boxes.
        pred_color: of the predicted ones.
        line_thickness: in pixels.
        font_scale: the size of names.
        text_thickness: in pixels; None is that of lines.
        class_mapping: names by label.
        ground_truth_mapping: names of the true labels, if they are others.
        prediction_mapping: names of the predicted ones, likewise.
        legend: whether to tell which color is which.
        legend_handles: matplotlib's, for another legend.
        rows: how many rows.
        cols: how many columns.
        data_format: `"channels_last"` or `"channels_first"`.
        kwargs: what else `plot_image_gallery` takes.

    Raises:
        ImportError: matplotlib or OpenCV isn't installed.
        ArgumentError: `legend` and `legend_handles`.
    """
    _pyplot("plot_bounding_box_gallery")
    if legend and legend_handles:
        raise ArgumentError("plot_bounding_box_gallery: Only pass `legend` OR `legend_handles`.")
    pictures = _in_bytes(_as_images(images, _has_channels_first(data_format)), value_range)
    for boxes, color, names in (
        (y_true, true_color, ground_truth_mapping or class_mapping),
        (y_pred, pred_color, prediction_mapping or class_mapping),
    ):
        if boxes is not None:
            pictures = draw_bounding_boxes(
                pictures,
                boxes,
                bounding_box_format,
                names,
                color,
                line_thickness,
                text_thickness or line_thickness,
                font_scale,
                "channels_last",
            )
    if legend:
        legend_handles = _patches({"Ground Truth": true_color, "Prediction": pred_color})
    plot_image_gallery(
        pictures, rows=rows, cols=cols, legend_handles=legend_handles, data_format="channels_last", **kwargs
    )


def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int,
    value_range: Sequence[float] = (0, 255),
    y_true: Any = None,
    y_pred: Any = None,
    color_mapping: Mapping[int, Sequence[int]] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Shows each image in a row, beside it the true and the predicted classes of its pixels.

    Args:
        images: [B, H, W, C].
        num_classes: how many classes there are.
        value_range: the lowest and the highest value of the images.
        y_true: the true classes, as `draw_segmentation_masks` takes them.
        y_pred: the predicted ones, likewise.
        color_mapping: colors by class.
        blend: whether the image shines through.
        alpha: how much of the color there is.
        ignore_index: the class that is left as it is.
        data_format: `"channels_last"` or `"channels_first"`.
        kwargs: what else `plot_image_gallery` takes.

    Raises:
        ImportError: matplotlib isn't installed.
        ShapeError: images that aren't [B, H, W, C], masks that don't fit them.
    """
    first = _has_channels_first(data_format)
    pictures = _in_bytes(_as_images(images, first), value_range)
    columns = [pictures]
    for masks in (y_true, y_pred):
        if masks is not None:
            masks = np.asarray(masks).astype("int32")
            masks = masks.transpose(_CHANNELS_LAST) if first and masks.ndim == 4 else masks
            drawn = draw_segmentation_masks(
                pictures, masks, num_classes, color_mapping, alpha, blend, ignore_index, "channels_last"
            )
            columns.append(drawn.astype("uint8"))
    gallery = np.stack(columns, axis=1).reshape((-1, *pictures.shape[1:]))
    plot_image_gallery(gallery, rows=len(pictures), cols=len(columns), data_format="channels_last", **kwargs)


# ---------------------------------------------------------------------------- images


def _has_channels_first(data_format: str | None) -> bool:
    data_format = data_format or settings().image_data_format
    if data_format not in ("channels_last", "channels_first"):
        raise ArgumentError(
            f"`data_format` must be 'channels_last' or 'channels_first', but got data_format={data_format}."
        )
    return data_format == "channels_first"


def _as_images(images: Any, channels_first: bool) -> np.ndarray:
    """Images [B, H, W, C] on the host."""
    images = np.asarray(images)
    if images.ndim != 4:
        raise ShapeError(f"`images` must be batched 4D tensor, but got images.shape={images.shape}.")
    return images.transpose(_CHANNELS_LAST) if channels_first else images


def _as_bytes(images: np.ndarray) -> np.ndarray:
    """A copy from 0 to 255; floats up to 1 are taken for shares of it."""
    if images.dtype.kind == "f" and images.size:
        images = np.clip(images, 0, 1) * 255 if images.max() <= 1.0 else np.clip(images, 0, 255)
    return images.astype("uint8")


def _in_bytes(images: np.ndarray, value_range: Sequence[float]) -> np.ndarray:
    """Images of a range of values, from 0 to 255."""
    low, high = value_range
    if (low, high) != (0, 255):
        images = (images.astype("float32") - low) / (high - low) * 255
    return np.clip(images, 0, 255).astype("uint8")


def _pyplot(who: str) -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(f"`{who}` draws with matplotlib: pip install plait[plot].") from error
    return pyplot


def _patches(colors: Mapping[str, Sequence[int]]) -> list[Any]:
    """Colors and their names, for a legend."""
    try:
        from matplotlib.patches import Patch
    except ImportError as error:
        raise ImportError("Legends are drawn by matplotlib: pip install plait[plot].") from error
    return [Patch(color=tuple(np.array(color) / 255.0), label=name) for name, color in colors.items()]
