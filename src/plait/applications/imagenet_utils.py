"""ImageNet's pictures and classes: how its models want their pixels, and what their 1,000 outputs mean."""

import json
from typing import Any

import numpy as np

from plait import ops
from plait.applications.files import fetched
from plait.common.messages import did_you_mean
from plait.common.settings import settings
from plait.errors import NameUnknownError, ShapeError

__all__ = ["decode_predictions", "preprocess_input"]

_MODES = ("caffe", "tf", "torch")
_FORMATS = ("channels_first", "channels_last")
_BLUE_GREEN_RED = (103.939, 116.779, 123.68)  # means of ImageNet's pixels, 0 to 255
_MEANS = (0.485, 0.456, 0.406)  # red, green, blue, of pixels from 0 to 1
_DEVIATIONS = (0.229, 0.224, 0.225)
_CLASSES = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
_CLASSES_HASH = "c2c37ea517e94d9795004a39431a14cb"


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Pixels from 0 to 255, as a model was trained to see them.

    Args:
        x: (B, H, W, 3), or one picture (H, W, 3), in red, green, blue; an array or symbolic. An array of floats is
            written over, as in Keras.
        data_format: "channels_last", "channels_first", or None for the setting.
        mode: "tf" scales to [-1, 1]; "torch" scales to [0, 1], then by ImageNet's means and deviations; "caffe" swaps to
            blue, green, red and takes ImageNet's means away.

    Returns:
        the same shape.

    Raises:
        NameUnknownError: another mode or data format.

    >>> preprocess_input(np.full((1, 1, 3), 255.0), mode="tf").tolist()
    [[[1.0, 1.0, 1.0]]]
    """
    _check("mode", mode, _MODES)
    data_format = _check("data_format", data_format or settings().image_data_format, _FORMATS)
    if isinstance(x, np.ndarray) and not np.issubdtype(x.dtype, np.floating):
        x = x.astype(settings().floatx)
    if mode == "tf":
        x /= 127.5
        x -= 1.0
        return x
    channels = -1 if data_format == "channels_last" else -3
    if mode == "torch":
        x /= 255.0
        x -= _along(channels, _MEANS, x)
        x /= _along(channels, _DEVIATIONS, x)
        return x
    x = np.flip(x, channels) if isinstance(x, np.ndarray) else ops.flip(x, channels)
    x -= _along(channels, _BLUE_GREEN_RED, x)
    return x


def _along(axis: int, values: tuple[float, ...], x: Any) -> np.ndarray:
    return np.asarray(values, dtype=getattr(x.dtype, "name", x.dtype)).reshape((-1,) + (1,) * (-1 - axis))


def _check(argument: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        hint = did_you_mean(str(value), known)
        raise NameUnknownError(f"`{argument}` must be one of {', '.join(known)}, but got {value!r}.{hint}")
    return value


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, Any]]]:
    """The likeliest classes of each picture: (WordNet's number, name, probability), the likeliest first.

    The names are fetched once; see `plait.utils.get_file`.

    Args:
        preds: (B, 1000), what a model with ImageNet's top predicts.
        top: how many classes a picture.

    Raises:
        ShapeError: another shape.
        FileError: the names aren't there and can't be fetched.
    """
    preds = ops.convert_to_numpy(preds)
    if preds.ndim != 2 or preds.shape[1] != 1000:
        raise ShapeError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape (samples, 1000)), but got "
            f"{preds.shape}. It knows ImageNet's classes only."
        )
    with open(fetched("imagenet_class_index.json", _CLASSES, _CLASSES_HASH), encoding="utf-8") as file:
        names = json.load(file)
    likeliest = np.argsort(preds, axis=1)[:, ::-1][:, :top]
    return [[(*names[str(index)], row[index]) for index in chosen] for row, chosen in zip(preds, likeliest)]
