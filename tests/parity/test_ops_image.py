"""Operations on images: values, dtypes, signatures, recorded calls, files and gradients are Keras's.

The flags of the rows are those of `test_ops_numpy`.
"""

import keras
import numpy as np
import pytest

from parity.op_checks import (
    check_gradients,
    check_signature,
    check_symbolic,
    check_values,
    ids,
    row,
)
from plait.ops import image


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.05, 0.95, shape).astype("float32")


X = numbers(2, 6, 8, 3)
FRONT = np.ascontiguousarray(X.transpose(0, 3, 1, 2))
BIG = numbers(2, 14, 13, 3)
BYTES = (X * 255).astype("uint8")
VOLUME = numbers(2, 5, 6, 7, 2)
TURN = np.float32([[0.9, 0.3, -1.0, -0.25, 1.1, 0.5, 0, 0], [1.2, 0, 0.4, 0.1, 0.8, -2.3, 0, 0]])
CORNERS = np.float32([[[0, 0], [7, 0], [0, 5], [7, 5]]] * 2)
MOVED = CORNERS + np.random.default_rng(3).uniform(-1, 1, (2, 4, 2)).astype("float32")
PLACES = np.random.default_rng(4).uniform(-3, 9, (3, 4, 5)).astype("float32")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")

ROWS = [
    *(row("image.resize", X, (3, 11), interpolation=name) for name in INTERPOLATIONS),
    *(row("image.resize", X, (4, 5), interpolation=name, antialias=True) for name in INTERPOLATIONS[1:]),
    *(row("image.resize", BYTES, (4, 5), interpolation=name, flags="typed") for name in INTERPOLATIONS),
    *(row("image.resize", X, size, crop_to_aspect_ratio=True) for size in ((3, 5), (7, 3), (9, 20))),
    *(row("image.resize", X, size, pad_to_aspect_ratio=True, fill_value=0.5) for size in ((3, 5), (7, 3), (9, 20))),
    row("image.resize", FRONT, (3, 4), data_format="channels_first"),
    row("image.resize", FRONT, (3, 7), data_format="channels_first", pad_to_aspect_ratio=True),
    row("image.resize", X[0], [3, 4], flags="known"),
    row("image.crop_images", X, 1, 2, 3, 1),
    row("image.crop_images", X, 1, 2, target_height=3, target_width=2),
    row("image.crop_images", X, bottom_cropping=1, right_cropping=2, target_height=3, target_width=2),
    row("image.crop_images", FRONT, 1, 2, 0, 1, data_format="channels_first"),
    row("image.crop_images", X[0], 1, 2, 3, 1, flags="known"),
    row("image.pad_images", X, 1, 2, 3, 1),
    row("image.pad_images", X, 1, 2, target_height=12, target_width=12),
    row("image.pad_images", X, bottom_padding=1, right_padding=2, target_height=12, target_width=12),
    row("image.pad_images", FRONT, 1, 2, 3, 1, data_format="channels_first"),
    row("image.pad_images", X[0], 1, 2, 3, 1, flags="known"),
    row("image.rgb_to_grayscale", X),
    row("image.rgb_to_grayscale", BYTES),
    row("image.rgb_to_grayscale", X[..., :1]),
    row("image.rgb_to_grayscale", FRONT, data_format="channels_first"),
    row("image.rgb_to_hsv", X, flags="rough"),
    row(
        "image.rgb_to_hsv", np.float32([[[[0, 0, 0], [1, 1, 1], [1, 1, 0], [1, 0, 1], [0.5, 0, 0.25]]]]), flags="rough"
    ),
    row("image.rgb_to_hsv", FRONT, data_format="channels_first", flags="rough"),
    row("image.hsv_to_rgb", X, flags="rough"),
    row("image.hsv_to_rgb", FRONT[0], data_format="channels_first", flags="rough known"),
    *(row("image.affine_transform", X, TURN, fill_mode=mode, flags="rough") for mode in FILL_MODES),
    row("image.affine_transform", X, TURN, interpolation="nearest", fill_value=0.5, flags="rough"),
    row("image.affine_transform", FRONT, TURN, data_format="channels_first", flags="rough"),
    row("image.affine_transform", X[0], TURN[0], flags="known rough"),
    row("image.affine_transform", X[:1], np.float32([1, 0.1, 0, 0, 1, 0, 0, 0]), flags="known rough"),
    row("image.perspective_transform", X, CORNERS, MOVED, flags="rough"),
    row("image.perspective_transform", X, CORNERS, MOVED, interpolation="nearest", fill_value=0.5, flags="rough"),
    row("image.perspective_transform", FRONT, CORNERS, MOVED, data_format="channels_first", flags="rough"),
    row("image.perspective_transform", X[0], CORNERS[0], MOVED[0], flags="known rough"),
    *(row("image.map_coordinates", X[0], PLACES, 1, fill_mode=mode, flags="known") for mode in FILL_MODES),
    row("image.map_coordinates", X[0], PLACES, 0, fill_value=3.0, flags="known rough"),
    row("image.map_coordinates", np.int32([1, 5, 9]), np.float32([[0.3, 1.5, 9]]), 1, flags="known rough"),
    row("image.gaussian_blur", X, data_format="channels_last"),
    row("image.gaussian_blur", X, kernel_size=(5, 2), sigma=(2.0, 0.7), data_format="channels_last"),
    row("image.gaussian_blur", FRONT, kernel_size=[3, 5], sigma=[1.0, 2.0], data_format="channels_first"),
    *(
        row("image.elastic_transform", X, alpha=3.0, sigma=1.0, seed=3, fill_mode=mode, flags="rough")
        for mode in FILL_MODES
    ),
    row("image.elastic_transform", X, seed=3, interpolation="nearest", flags="rough"),
    row("image.elastic_transform", FRONT, 2.0, 1.5, seed=3, data_format="channels_first", flags="rough"),
    row("image.elastic_transform", X[0], 2.0, 1.5, seed=3, flags="rough known"),
    row("image.sobel_edges", X, data_format="channels_last"),
    row("image.sobel_edges", FRONT, data_format="channels_first"),
    row("image.ssim", BIG, BIG[::-1].copy(), flags="known"),
    row("image.ssim", X, X * 0.5, filter_size=5, filter_sigma=2.0, k1=0.1, k2=0.2, max_val=2.0, flags="known"),
    row("image.ssim", FRONT, FRONT * 0.5, filter_size=5, data_format="channels_first", flags="known"),
    row("image.ssim", X[0], X[1], filter_size=4, flags="known"),
    row("image.extract_patches", X, 2, flags="differs"),
    row("image.extract_patches", X, (3, 2), strides=(1, 2), flags="differs"),
    row("image.extract_patches", X, (3, 2), strides=1, padding="same", flags="differs"),
    row("image.extract_patches", X, 3, strides=2, padding="same", flags="differs"),
    row("image.extract_patches", X, 2, strides=1, dilation_rate=2, flags="differs"),
    row("image.extract_patches", X, 2, strides=2, dilation_rate=2, flags="differs"),
    row(
        "image.extract_patches", X, (3, 2), strides=(1, 2), flags="differs"
    ),  # Keras writes the data format of the program
    row("image.extract_patches", FRONT, 3, data_format="channels_first", flags="differs"),
    row("image.extract_patches", X[0], 3, flags="known differs"),
    row("image.extract_patches", VOLUME, (2, 3, 2), flags="differs"),
    row("image.extract_patches_3d", VOLUME, 2, flags="differs"),
    row("image.extract_patches_3d", VOLUME, (2, 3, 2), strides=(1, 2, 2), padding="same", flags="differs"),
    row("image.extract_patches_3d", VOLUME[0], 2, flags="known differs"),
    *(
        row(
            "image.scale_and_translate",
            X,
            (2, 9, 5, 3),
            np.float32([1.5, 0.6]),
            np.float32([0.5, -1]),
            (1, 2),
            method,
            flags="known",
        )
        for method in ("linear", "cubic", "lanczos3", "lanczos5")
    ),
    row(
        "image.scale_and_translate",
        X,
        (2, 3, 5, 3),
        np.float32([0.5, 0.6]),
        np.float32([0.5, -1]),
        (1, 2),
        "linear",
        antialias=False,
        flags="known",
    ),
]
NAMES = sorted(name for name in dir(keras.ops.image) if not name.startswith("_"))


@pytest.mark.parametrize("found", ROWS, ids=ids(ROWS))
def test_values(found):
    check_values(found, rtol=2e-4, atol=2e-5)


SYMBOLIC = [found for found in ROWS if found.symbolic]


@pytest.mark.parametrize("found", SYMBOLIC, ids=ids(SYMBOLIC))
def test_symbolic_calls(found):
    check_symbolic(found)


SMOOTH = [found for found in ROWS if found.smooth and found.dtypes]


@pytest.mark.parametrize("found", SMOOTH, ids=ids(SMOOTH))
def test_gradients(found):
    check_gradients(found, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name):
    check_signature(f"image.{name}")


def test_every_function_is_there_and_has_a_row():
    assert image.__all__ == NAMES == sorted({found.name.removeprefix("image.") for found in ROWS})
