"""Images: files to arrays and back (with Pillow, an optional package), and resizing in NumPy.

Resizing on the host samples exactly as `ops.image.resize` does without antialiasing, so a picture is the same whether it
is resized while it is loaded or in the model.
"""

import importlib
import io
import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from plait.common.messages import did_you_mean, listing
from plait.common.settings import settings
from plait.errors import ArgumentError

_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_PILLOW_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def pillow() -> Any:
    """Pillow's module `Image`.

    Raises:
        ImportError: Pillow isn't installed.
    """
    try:
        return importlib.import_module("PIL.Image")
    except ImportError:
        raise ImportError(
            "Reading and writing image files needs Pillow, which isn't installed. Install it with `pip install pillow`."
        ) from None


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: str | None = None) -> Any:
    """A Pillow image of an array.

    Args:
        x: the image, (height, width, channels) with 1, 3 or 4 channels.
        data_format: "channels_last" or "channels_first"; the setting if None.
        scale: whether to stretch the values to the range from 0 to 255.
        dtype: what to compute in; `floatx` if None.

    Raises:
        ArgumentError: a rank other than 3, another number of channels, an unknown data format.
        ImportError: Pillow isn't installed.
    """
    image = pillow()
    x = np.asarray(x, dtype=dtype or settings().floatx)
    if x.ndim != 3:
        raise ArgumentError(
            f"Expected image array to have rank 3 (single image). Got array with shape: {x.shape}. Pass one image of a batch."
        )
    if _format(data_format) == "channels_first":
        x = x.transpose(1, 2, 0)
    if scale:
        x = x - np.min(x)
        x = x / np.max(x) * 255 if np.max(x) != 0 else x
    channels = x.shape[2]
    if channels in (3, 4):
        return image.fromarray(x.astype("uint8"))
    if channels == 1:
        wide = np.max(x) > 255
        return image.fromarray(x[:, :, 0].astype("int32" if wide else "uint8"))
    raise ArgumentError(f"Unsupported channel number: {channels}. An image has 1, 3 or 4 channels.")


def img_to_array(img: Any, data_format: str | None = None, dtype: str | None = None) -> np.ndarray:
    """The array of a Pillow image: (height, width, channels), or channels first.

    Args:
        img: the image.
        data_format: "channels_last" or "channels_first"; the setting if None.
        dtype: the array's dtype; `floatx` if None.

    Raises:
        ArgumentError: an image of another rank; an unknown data format.
    """
    x = np.asarray(img, dtype=dtype or settings().floatx)
    if x.ndim not in (2, 3):
        raise ArgumentError(
            f"Unsupported image shape: {x.shape}. An image is (height, width) or (height, width, channels)."
        )
    x = x if x.ndim == 3 else x[:, :, None]
    return x.transpose(2, 0, 1) if _format(data_format) == "channels_first" else x


def _format(data_format: str | None) -> str:
    data_format = data_format or settings().image_data_format
    if data_format not in ("channels_last", "channels_first"):
        raise ArgumentError(
            f"Invalid data_format: {data_format}. It must be 'channels_last' or 'channels_first'."
            f"{did_you_mean(data_format, ('channels_last', 'channels_first'))}"
        )
    return data_format


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: Any = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Reads an image file.

    Args:
        path: a path, or an open binary file.
        color_mode: "grayscale", "rgb" or "rgba".
        target_size: (height, width) to resize to.
        interpolation: how Pillow resizes: "nearest", "bilinear", "bicubic", "hamming", "box", "lanczos".
        keep_aspect_ratio: crops the middle of the image to the aspect ratio of `target_size` before resizing.

    Returns:
        a Pillow image.

    Raises:
        ArgumentError: a color mode or interpolation that doesn't exist; a path that can't be one.
        ImportError: Pillow isn't installed.
    """
    if color_mode not in _MODES:
        raise ArgumentError('color_mode must be "grayscale", "rgb", or "rgba"' + f", but got {color_mode!r}.")
    img = _opened(path)
    keeps = color_mode == "grayscale" and img.mode in ("I;16", "I")  # 16 and 32 bits stay as they are
    if img.mode != _MODES[color_mode] and not keeps:
        img = img.convert(_MODES[color_mode])
    if target_size is None:
        return img
    height, width = target_size
    if img.size == (width, height):
        return img
    if interpolation not in _PILLOW_INTERPOLATIONS:
        raise ArgumentError(
            f"Invalid interpolation method {interpolation} specified. Supported methods are {', '.join(_PILLOW_INTERPOLATIONS)}"
        )
    box = _middle_box(img.size, width, height) if keep_aspect_ratio else None
    return img.resize((width, height), pillow().Resampling[interpolation.upper()], box=box)


def _opened(path: Any) -> Any:
    image = pillow()
    if isinstance(path, (str, bytes, os.PathLike)):
        with open(path, "rb") as file:
            path = io.BytesIO(file.read())
    elif not hasattr(path, "read"):
        raise ArgumentError(f"path should be path-like or an open binary file, not {type(path).__name__}.")
    return image.open(path)


def _middle_box(size: tuple[int, int], width: int, height: int) -> tuple[int, int, int, int]:
    across, down = size
    crop_height = min(down, across * height // width)
    crop_width = min(across, down * width // height)
    top, left = (down - crop_height) // 2, (across - crop_width) // 2
    return left, top, left + crop_width, top + crop_height


def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any
) -> None:
    """Writes an array as an image file.

    Args:
        path: where to, or an open binary file.
        x: the image, (height, width, channels) or channels first.
        data_format: "channels_last" or "channels_first"; the setting if None.
        file_format: "png", "jpeg", ...; the path's extension if None.
        scale: whether to stretch the values to the range from 0 to 255.
        **kwargs: options for Pillow's `save`.

    Raises:
        ArgumentError: an array that is no image.
        ImportError: Pillow isn't installed.
    """
    img = array_to_img(x, data_format=data_format, scale=scale)
    jpeg = (file_format or os.path.splitext(str(path))[1].lstrip(".")).lower() in ("jpg", "jpeg")
    if img.mode == "RGBA" and jpeg:
        img = img.convert("RGB")
    img.save(path, format="jpeg" if jpeg and file_format else file_format, **kwargs)


# ---------------------------------------------------------------------------- resizing


def smart_resize(
    x: Any, size: Any, interpolation: str = "bilinear", data_format: str = "channels_last", **kwargs: Any
) -> np.ndarray:
    """Resizes without changing proportions: what is too long of the image is cut off at both ends first.

    Args:
        x: an image (height, width, channels) or a batch of such; channels first if `data_format` says so.
        size: (height, width) to resize to.
        interpolation: a name that `resized` knows.
        data_format: "channels_last" or "channels_first".
        **kwargs: `backend_module`, which changes nothing here.

    Returns:
        an array of floats.

    Raises:
        ArgumentError: a size or rank that can't be one; an unknown interpolation.
    """
    if len(size) != 2:
        raise ArgumentError(f"Expected `size` to be a tuple of 2 integers, but got: {size}.")
    x = np.asarray(x)
    if x.ndim not in (3, 4):
        raise ArgumentError(
            f"Expected an image array with shape `(height, width, channels)`, or `(batch, height, width, channels)`, but got "
            f"input with incorrect rank, of shape {x.shape}."
        )
    first = _format(data_format) == "channels_first"
    x = np.moveaxis(x, -3, -1) if first else x
    found = resized(cropped_to_ratio(x, size), size, interpolation)
    return np.moveaxis(found, -1, -3) if first else found


def cropped_to_ratio(image: np.ndarray, size: Any) -> np.ndarray:
    """The largest middle part of (..., height, width, channels) in the proportions of a size."""
    (height, width), (target_height, target_width) = image.shape[-3:-1], size
    crop_height = min(height, int(width * target_height / target_width))
    crop_width = min(width, int(height * target_width / target_height))
    top, left = (height - crop_height) // 2, (width - crop_width) // 2
    return image[..., top : top + crop_height, left : left + crop_width, :]


def padded_to_ratio(image: np.ndarray, size: Any) -> np.ndarray:
    """The image (height, width, channels) between zeros, as many on both sides, in about the proportions of a size."""
    (height, width), (target_height, target_width) = image.shape[:2], size
    down = max(0, int(width * target_height / target_width) - height) // 2
    across = max(0, int(height * target_width / target_height) - width) // 2
    return np.pad(image, ((down, down), (across, across), (0, 0)))


def resized(image: np.ndarray, size: Any, interpolation: str = "bilinear") -> np.ndarray:
    """Resizes the two axes before the last one, without antialiasing.

    Args:
        image: (..., height, width, channels).
        size: (height, width) to resize to.
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian" or "mitchellcubic".

    Returns:
        floats, (..., size[0], size[1], channels).

    Raises:
        ArgumentError: an unknown interpolation.

    >>> resized(np.array([[[0.0], [4.0]]]), (1, 4))[0, :, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    check_interpolation(interpolation)
    image = np.asarray(image, "float32")
    for axis, length in zip((-3, -2), size, strict=True):
        image = _resample(image, image.ndim + axis, int(length), interpolation)
    return image


def check_interpolation(interpolation: str) -> None:
    """Refuses names that `resized` doesn't know.

    Raises:
        ArgumentError: an unknown name.
    """
    if interpolation not in INTERPOLATIONS:
        raise ArgumentError(
            f"`interpolation` must be one of {listing(INTERPOLATIONS)}, but got {interpolation!r}.{did_you_mean(interpolation, INTERPOLATIONS)}"
        )


def _resample(image: np.ndarray, axis: int, length: int, interpolation: str) -> np.ndarray:
    if image.shape[axis] == length:
        return image
    places, weights = _taps(image.shape[axis], length, interpolation)
    shape = [1] * image.ndim
    shape[axis] = length
    found = np.zeros((), "float32")
    for place, weight in zip(places.T, weights.T, strict=True):
        found = found + np.take(image, place, axis=axis) * weight.reshape(shape)
    return found


def _taps(size: int, length: int, interpolation: str) -> tuple[np.ndarray, np.ndarray]:
    """For each new pixel the old ones that it is made of, and their weights: two arrays (length, taps)."""
    scale = size / length
    centers = (np.arange(length) + 0.5) * scale
    if interpolation == "nearest":
        return np.floor(centers).astype(int)[:, None], np.ones((length, 1), "float32")
    if interpolation == "area":
        first = np.floor(centers - scale / 2).astype(int)
        places = first[:, None] + np.arange(math.ceil(scale) + 1)
        start, end = (centers - scale / 2)[:, None], (centers + scale / 2)[:, None]
        weights = np.clip(np.minimum(places + 1, end) - np.maximum(places, start), 0, None)
    else:
        kernel, radius = _KERNELS[interpolation]
        reach = math.ceil(radius)
        places = np.floor(centers - 0.5).astype(int)[:, None] + np.arange(1 - reach, reach + 1)
        weights = kernel(np.abs(places - (centers - 0.5)[:, None]))
    weights = np.where((places >= 0) & (places < size), weights, 0)
    weights = weights / weights.sum(axis=1, keepdims=True)
    return np.clip(places, 0, size - 1), weights.astype("float32")


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0, 1 - x)


def _cubic(b: float, c: float) -> Callable[[np.ndarray], np.ndarray]:
    """The cubic filters of Mitchell and Netravali (1988); b = 0 gives those of Keys (1981), with a = -c."""

    def kernel(x: np.ndarray) -> np.ndarray:
        near = ((12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + 6 - 2 * b) / 6
        far = ((-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x + 8 * b + 24 * c) / 6
        return np.where(x < 1, near, np.where(x < 2, far, 0))

    return kernel


def _lanczos(radius: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


def _gaussian(x: np.ndarray) -> np.ndarray:
    return np.where(x < 1.5, np.exp(-(x**2) / (2 * 0.5**2)), 0)


_KERNELS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "bilinear": (_triangle, 1),
    "bicubic": (_cubic(0, 0.5), 2),
    "mitchellcubic": (_cubic(1 / 3, 1 / 3), 2),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
    "gaussian": (_gaussian, 1.5),
}
INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
