"""`tf.image`: pictures decoded with Pillow, resized, cropped, turned and coloured.

Pictures on the host stay in NumPy, as data sets hold them in many sizes; arrays of JAX's are computed with there. Resizing is
two products with matrices of weights, the same for both.
"""

import io
from collections.abc import Callable
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np

from plait import ops
from plait.compat.tensorflow_calls import as_tensor, either, is_on_host, sizes
from plait.compat.tensors import HostTensor, on_host
from plait.errors import ArgumentError, DataError
from plait.utils.image import pillow

# ---------------------------------------------------------------------------- files


_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def decode_image(
    contents: Any,
    channels: Any = None,
    dtype: Any = "uint8",
    name: str | None = None,
    expand_animations: bool = True,
    **_: Any,
) -> Any:
    """A picture from the bytes of a file, (H, W, channels), or (frames, H, W, channels) of a GIF.

    Raises:
        DataError: the bytes aren't a picture.
    """
    data = np.asarray(contents).item() if not isinstance(contents, bytes) else contents
    try:
        picture = pillow().open(io.BytesIO(data))
        frames = [_pixels(picture, channels or 0)]
        if picture.format == "GIF" and expand_animations:
            frames = []
            for place in range(getattr(picture, "n_frames", 1)):
                picture.seek(place)
                frames.append(_pixels(picture, 3))
    except (OSError, SyntaxError) as error:
        raise DataError(f"tf.image: {len(data)} bytes that begin with {data[:8]!r} are no picture: {error}") from error
    pixels = np.stack(frames) if picture.format == "GIF" and expand_animations else frames[0]
    return convert_image_dtype(on_host(pixels), dtype)


def _pixels(picture: Any, channels: int) -> np.ndarray:
    if picture.mode.startswith(("I", "F")):
        return np.asarray(picture)[..., None].astype(np.uint16)
    if picture.mode == "P":
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    elif picture.mode in ("1", "CMYK", "YCbCr"):
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    mode = _MODES[int(channels)] if channels else picture.mode
    array = np.asarray(picture if picture.mode == mode else picture.convert(mode))
    return array[..., None] if array.ndim == 2 else array


def _decode_plain(
    contents: Any, channels: Any = 0, dtype: Any = "uint8", name: str | None = None, **options: Any
) -> Any:
    """A picture from the bytes of a file, (H, W, channels)."""
    return decode_image(contents, channels, dtype, expand_animations=False)


def _encode(kind: str) -> Callable:
    def encode(image: Any, *_: Any, quality: int = 95, **options: Any) -> Any:
        """The bytes of a file of a picture (H, W, channels)."""
        array = np.asarray(image)
        picture = pillow().fromarray(array[..., 0] if array.shape[-1] == 1 else array)
        stream = io.BytesIO()
        picture.save(stream, kind, **({"quality": quality} if kind == "JPEG" else {}))
        return on_host(stream.getvalue())

    return encode


# ---------------------------------------------------------------------------- dtypes


def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: str | None = None) -> Any:
    """A picture in another dtype: whole numbers go up to the largest there is, fractions from 0 to 1."""
    name = str(dtype)
    array = np.asarray(image) if is_on_host([image]) else as_tensor(image)
    wrap = on_host if is_on_host([image]) else (lambda value: value)
    before, after = array.dtype.kind in "iu", "int" in name
    if array.dtype == name:
        return wrap(array)
    if before and after:
        most, wanted = np.iinfo(array.dtype).max, np.iinfo(name).max
        scaled = (
            array // ((most + 1) // (wanted + 1))
            if most > wanted
            else array.astype(name) * ((wanted + 1) // (most + 1))
        )
        return wrap(scaled.astype(name))
    if before:
        return wrap(array.astype(name) * np.asarray(1 / np.iinfo(array.dtype).max, name))
    if not after:
        return wrap(array.astype(name))
    most = np.iinfo(name).max
    scaled = array * (most + 0.5)
    return wrap((scaled.clip(0, most) if saturate else scaled).astype(name))


# ---------------------------------------------------------------------------- sizes


class ResizeMethod:
    """The names of the ways to resize."""

    BILINEAR = "bilinear"
    NEAREST_NEIGHBOR = "nearest"
    BICUBIC = "bicubic"
    AREA = "area"
    LANCZOS3 = "lanczos3"
    LANCZOS5 = "lanczos5"
    GAUSSIAN = "gaussian"
    MITCHELLCUBIC = "mitchellcubic"


def _cubic(b: float, c: float) -> Callable:
    def weigh(x: np.ndarray) -> np.ndarray:
        near = ((12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + (6 - 2 * b)) / 6
        far = ((-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x + (8 * b + 24 * c)) / 6
        return np.where(x < 1, near, np.where(x < 2, far, 0))

    return weigh


def _lanczos(radius: int) -> Callable:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


_KERNELS: dict[str, Callable] = {
    "bilinear": lambda x: np.maximum(1 - x, 0),
    "bicubic": _cubic(0, 0.5),
    "mitchellcubic": _cubic(1 / 3, 1 / 3),
    "lanczos3": _lanczos(3),
    "lanczos5": _lanczos(5),
    "gaussian": lambda x: np.where(x < 1.5, np.exp(-(x**2) / 0.5), 0),
}


@cache
def _weights(before: int, after: int, method: str, antialias: bool) -> np.ndarray:
    """What each old place counts in each new one, (after, before)."""
    scale = before / after
    if method == "area":
        edges, places = np.arange(after + 1) * scale, np.arange(before)
        overlap = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
        weights = np.maximum(overlap, 0)
    else:
        centers = (np.arange(after) + 0.5) * scale - 0.5
        if method == "bicubic" and not antialias:  # TensorFlow looks these weights up in a table
            centers = np.floor(centers) + np.round((centers - np.floor(centers)) * 1024) / 1024
        weights = _KERNELS[method](
            np.abs(centers[:, None] - np.arange(before)) / (max(scale, 1.0) if antialias else 1.0)
        )
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def resize(
    images: Any,
    size: Any,
    method: Any = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
    name: str | None = None,
) -> Any:
    """Pictures (H, W, C) or (B, H, W, C) of another size, in float32; `"nearest"` keeps the dtype.

    Raises:
        ArgumentError: no such method.
    """
    height, width = sizes(size)
    if preserve_aspect_ratio:
        ratio = min(height / images.shape[-3], width / images.shape[-2])
        height, width = round(images.shape[-3] * ratio), round(images.shape[-2] * ratio)
    if method == "nearest":
        rows = np.minimum(((np.arange(height) + 0.5) * images.shape[-3] / height).astype(int), images.shape[-3] - 1)
        columns = np.minimum(((np.arange(width) + 0.5) * images.shape[-2] / width).astype(int), images.shape[-2] - 1)
        return either("take", either("take", images, rows, axis=-3), columns, axis=-2)
    if method not in _KERNELS and method != "area":
        raise ArgumentError(
            f"tf.image.resize: no method is called {method!r}. There are {[*_KERNELS, 'area', 'nearest']}."
        )
    maths: Any = np if is_on_host([images]) or isinstance(images, np.ndarray) else jnp
    array = maths.asarray(images).astype("float32")
    array = maths.einsum("yh,...hwc->...ywc", _weights(array.shape[-3], height, method, antialias), array)
    array = maths.einsum("xw,...ywc->...yxc", _weights(array.shape[-2], width, method, antialias), array)
    return on_host(array) if maths is np else array


def resize_with_pad(
    image: Any, target_height: Any, target_width: Any, method: Any = "bilinear", antialias: bool = False
) -> Any:
    """Pictures of another size, with zeros around so that their proportions stay."""
    ratio = max(image.shape[-3] / int(target_height), image.shape[-2] / int(target_width))
    height, width = image.shape[-3] / ratio, image.shape[-2] / ratio
    scaled = resize(image, (int(height), int(width)), method, False, antialias)
    top, left = int((int(target_height) - height) / 2), int((int(target_width) - width) / 2)
    return pad_to_bounding_box(scaled, top, left, target_height, target_width)


def resize_with_crop_or_pad(image: Any, target_height: Any, target_width: Any) -> Any:
    """The middle of pictures, with zeros around where they are too small."""
    height, width = min(int(target_height), image.shape[-3]), min(int(target_width), image.shape[-2])
    top, left = (image.shape[-3] - height) // 2, (image.shape[-2] - width) // 2
    return _centered_pad(crop_to_bounding_box(image, top, left, height, width), int(target_height), int(target_width))


def _centered_pad(image: Any, height: int, width: int) -> Any:
    top, left = (height - image.shape[-3]) // 2, (width - image.shape[-2]) // 2
    return pad_to_bounding_box(image, top, left, height, width)


def crop_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Any:
    """A part of pictures."""
    top, left = int(offset_height), int(offset_width)
    return image[..., top : top + int(target_height), left : left + int(target_width), :]


def pad_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Any:
    """Pictures within larger ones of zeros."""
    top, left = int(offset_height), int(offset_width)
    below, right = int(target_height) - image.shape[-3] - top, int(target_width) - image.shape[-2] - left
    return either("pad", image, [(0, 0)] * (len(image.shape) - 3) + [(top, below), (left, right), (0, 0)])


def central_crop(image: Any, central_fraction: float) -> Any:
    """The middle part of pictures."""
    top, left = (int((size - size * central_fraction) / 2) for size in image.shape[-3:-1])
    return image[..., top : image.shape[-3] - top, left : image.shape[-2] - left, :]


def crop_and_resize(
    image: Any,
    boxes: Any,
    box_indices: Any,
    crop_size: Any,
    method: str = "bilinear",
    extrapolation_value: float = 0.0,
    **_: Any,
) -> Any:
    """Parts of pictures, given by edges from 0 to 1, each resized."""
    array, found = np.asarray(image, np.float32), []
    height, width = sizes(crop_size)
    for (top, left, bottom, right), place in zip(np.asarray(boxes), np.asarray(box_indices), strict=True):
        rows = _spread(top, bottom, height, array.shape[1])
        columns = _spread(left, right, width, array.shape[2])
        found.append(_sampled(array[int(place)], rows, columns, method, extrapolation_value))
    return on_host(np.stack(found))


def _spread(first: float, last: float, count: int, size: int) -> np.ndarray:
    return np.linspace(first, last, count) * (size - 1) if count > 1 else np.array([(first + last) / 2 * (size - 1)])


def _sampled(picture: np.ndarray, rows: np.ndarray, columns: np.ndarray, method: str, outside: float) -> np.ndarray:
    limits = (np.array(picture.shape[:2]) - 1).tolist()
    if method == "nearest":
        rows, columns = np.round(rows), np.round(columns)
    low = [np.clip(np.floor(at), 0, most).astype(int) for at, most in zip((rows, columns), limits)]
    high = [np.clip(np.ceil(at), 0, most).astype(int) for at, most in zip((rows, columns), limits)]
    down, across = (rows - np.floor(rows))[:, None, None], (columns - np.floor(columns))[None, :, None]
    above, below = (
        picture[at][:, low[1]] * (1 - across) + picture[at][:, high[1]] * across for at in (low[0], high[0])
    )
    inside = ((rows >= 0) & (rows <= limits[0]))[:, None, None] & ((columns >= 0) & (columns <= limits[1]))[
        None, :, None
    ]
    return np.where(inside, above * (1 - down) + below * down, outside).astype(np.float32)


# ---------------------------------------------------------------------------- turning


def _flip(axis: int) -> Callable:
    return lambda image: either("flip", image, axis=axis)


def rot90(image: Any, k: Any = 1, name: str | None = None) -> Any:
    """Pictures turned to the left by quarters."""
    return either("rot90", image, int(k), axes=(-3, -2))


def _rng(seed: Any) -> np.random.Generator:
    """What draws: of a seed, or of the generator that scripts seed."""
    return np.random.default_rng(np.random.randint(2**31) if seed is None else np.asarray(seed).ravel())  # noqa: NPY002


def _random_flip(axis: int) -> Callable:
    def flip(image: Any, seed: Any = None) -> Any:
        """Half of the pictures turned over."""
        if len(image.shape) == 3:
            return either("flip", image, axis=axis) if _rng(seed).random() < 0.5 else image
        chosen = _rng(seed).random((image.shape[0], 1, 1, 1)) < 0.5
        return either("where", chosen, either("flip", image, axis=axis), image)

    return flip


def random_crop(value: Any, size: Any, seed: Any = None, name: str | None = None) -> Any:
    """A part of a tensor at a place of chance."""
    wanted, rng = sizes(size), _rng(seed)
    wanted = tuple(most if want == -1 else want for want, most in zip(wanted, value.shape, strict=True))
    if any(want > most for want, most in zip(wanted, value.shape, strict=True)):
        raise ArgumentError(f"tf.image.random_crop: {wanted} is larger than the tensor's {tuple(value.shape)}.")
    starts = [int(rng.integers(most - want + 1)) for want, most in zip(wanted, value.shape, strict=True)]
    return value[tuple(slice(start, start + want) for start, want in zip(starts, wanted, strict=True))]


# ---------------------------------------------------------------------------- colours


def adjust_brightness(image: Any, delta: Any) -> Any:
    """A number added to all values, of fractions from 0 to 1."""
    return _in_fractions(image, lambda pixels: pixels + delta)


def adjust_contrast(images: Any, contrast_factor: Any) -> Any:
    """Each channel's values further from, or nearer to, their mean."""

    def adjust(pixels: Any) -> Any:
        mean = pixels.mean((-3, -2), keepdims=True)
        return (pixels - mean) * contrast_factor + mean

    return _in_fractions(images, adjust)


def adjust_saturation(image: Any, saturation_factor: Any, name: str | None = None) -> Any:
    """Colours stronger or weaker."""
    return _in_fractions(image, lambda pixels: _in_hsv(pixels, 1, lambda value: (value * saturation_factor).clip(0, 1)))


def adjust_hue(image: Any, delta: Any, name: str | None = None) -> Any:
    """Colours turned around the circle of colours."""
    return _in_fractions(image, lambda pixels: _in_hsv(pixels, 0, lambda value: (value + delta) % 1))


def adjust_gamma(image: Any, gamma: Any = 1, gain: Any = 1) -> Any:
    """Values to a power."""
    return _in_fractions(image, lambda pixels: gain * pixels**gamma)


def _in_fractions(image: Any, change: Callable) -> Any:
    """Changes a picture in fractions from 0 to 1, and gives it back in its dtype."""
    dtype = image.dtype
    found = change(convert_image_dtype(image, "float32"))
    return convert_image_dtype(found, dtype.name, saturate=True)


def _in_hsv(pixels: Any, channel: int, change: Callable) -> Any:
    hsv = ops.image.rgb_to_hsv(np.asarray(pixels) if isinstance(pixels, HostTensor) else pixels)
    parts = [hsv[..., place : place + 1] for place in range(3)]
    parts[channel] = change(parts[channel])
    found = ops.image.hsv_to_rgb(jnp.concatenate(parts, -1))
    return on_host(np.asarray(found)) if isinstance(pixels, HostTensor) else found


def _random(adjust: Callable, bounds: Callable) -> Callable:
    def change(image: Any, *limits: Any, seed: Any = None, **named: Any) -> Any:
        """Changed by a factor, or by a number, between two bounds."""
        low, high = bounds(*limits, *named.values())
        return adjust(image, np.float32(_rng(seed).uniform(low, high)))

    return change


def rgb_to_grayscale(images: Any, name: str | None = None) -> Any:
    """One channel of three, by how bright each looks."""
    return _in_fractions(images, lambda pixels: (pixels * _GRAY).sum(-1, keepdims=True))


_GRAY = np.array([0.2989, 0.587, 0.114], np.float32)
_YUV = np.array([[0.299, -0.14714119, 0.61497538], [0.587, -0.28886916, -0.51496512], [0.114, 0.43601035, -0.10001026]])


def grayscale_to_rgb(images: Any, name: str | None = None) -> Any:
    """Three equal channels of one."""
    return either("repeat", images, 3, axis=-1)


def rgb_to_yuv(images: Any) -> Any:
    """Brightness and two differences of colour."""
    return images @ _YUV.astype(np.float32)


def yuv_to_rgb(images: Any) -> Any:
    """Colours of brightness and two differences of colour."""
    return images @ np.linalg.inv(_YUV).astype(np.float32)


def per_image_standardization(image: Any) -> Any:
    """Each picture with mean 0 and variance 1."""
    array = image.astype("float32")
    mean, deviation = array.mean((-3, -2, -1), keepdims=True), array.std((-3, -2, -1), keepdims=True)
    smallest = np.float32(1 / np.sqrt(np.prod(array.shape[-3:])))
    return (array - mean) / either("maximum", deviation, smallest)


# ---------------------------------------------------------------------------- comparing, patches, boxes


def psnr(a: Any, b: Any, max_val: Any, name: str | None = None) -> Any:
    """The ratio of the largest value to the error of pictures, in decibels; one number each."""
    a, b = (jnp.asarray(np.asarray(x) if isinstance(x, HostTensor) else x).astype("float32") for x in (a, b))
    error = jnp.mean(jnp.square(a - b), (-3, -2, -1))
    return 20 * jnp.log10(float(max_val)) - 10 * jnp.log10(error)


def ssim(
    img1: Any,
    img2: Any,
    max_val: Any,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    return_index_map: bool = False,
) -> Any:
    """How alike pictures are in structure; one number each."""
    a, b = (jnp.asarray(np.asarray(x) if isinstance(x, HostTensor) else x).astype("float32") for x in (img1, img2))
    single = a.ndim == 3
    found = ops.image.ssim(
        a[None] if single else a, b[None] if single else b, max_val, filter_size, filter_sigma, k1, k2
    )
    return found[0] if single else found


def total_variation(images: Any, name: str | None = None) -> Any:
    """The sum of the differences of neighbours; one number each."""
    x = as_tensor(images)
    down, across = abs(x[..., 1:, :, :] - x[..., :-1, :, :]), abs(x[..., :, 1:, :] - x[..., :, :-1, :])
    return down.sum((-3, -2, -1)) + across.sum((-3, -2, -1))


def sobel_edges(image: Any) -> Any:
    """The slopes of pictures, down and across, in a last axis."""
    x = jnp.asarray(image)
    across = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    return jnp.stack([_slope(padded, across.T), _slope(padded, across)], -1)


def _slope(x: Any, kernel: np.ndarray) -> Any:
    height, width = x.shape[1] - 2, x.shape[2] - 2
    parts = [weight * x[:, r : r + height, c : c + width] for (r, c), weight in np.ndenumerate(kernel) if weight]
    return sum(parts[1:], parts[0])


def image_gradients(image: Any) -> tuple:
    """The differences of neighbours, down and across, with zeros at the end."""
    x = as_tensor(image)
    down = jnp.pad(x[:, 1:] - x[:, :-1], ((0, 0), (0, 1), (0, 0), (0, 0)))
    return down, jnp.pad(x[:, :, 1:] - x[:, :, :-1], ((0, 0), (0, 0), (0, 1), (0, 0)))


def extract_patches(
    images: Any, sizes: Any, strides: Any, rates: Any = (1, 1, 1, 1), padding: str = "VALID", name: Any = None
) -> Any:
    """Parts of pictures (B, H, W, C), each as a vector."""
    options = {"strides": tuple(strides[1:3]), "dilation_rate": tuple(rates[1:3]), "padding": padding.lower()}
    if options["dilation_rate"] == (1, 1):
        options["dilation_rate"] = 1  # type: ignore[assignment]
    return ops.image.extract_patches(as_tensor(images), tuple(sizes[1:3]), **options)


def draw_bounding_boxes(images: Any, boxes: Any, colors: Any = None, name: str | None = None) -> Any:
    """Pictures with frames around boxes, whose edges go from 0 to 1."""
    drawn = np.array(images)
    shades = np.asarray([[1.0] * drawn.shape[-1]] if colors is None else colors)
    for picture, of_picture in zip(drawn, np.asarray(boxes), strict=True):
        height, width = picture.shape[0] - 1, picture.shape[1] - 1
        for place, (top, left, bottom, right) in enumerate(of_picture):
            upper, first, lower, last = (int(at) for at in (top * height, left * width, bottom * height, right * width))
            shade = shades[place % len(shades)][: drawn.shape[-1]]
            picture[[upper, lower], first : last + 1] = shade
            picture[upper : lower + 1, [first, last]] = shade
    return on_host(drawn)


def non_max_suppression(
    boxes: Any,
    scores: Any,
    max_output_size: Any,
    iou_threshold: float = 0.5,
    score_threshold: float = -np.inf,
    name: Any = None,
) -> Any:
    """The places of the boxes that stay when those that overlap a better one are left out."""
    boxes, scores = np.asarray(boxes, np.float32), np.asarray(scores)
    rest = [int(place) for place in np.argsort(-scores, kind="stable") if scores[place] > score_threshold]
    kept: list[int] = []
    while rest and len(kept) < int(max_output_size):
        best = rest.pop(0)
        kept.append(best)
        rest = [place for place in rest if _overlap(boxes[best], boxes[place]) <= iou_threshold]
    return on_host(np.asarray(kept, np.int32))


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    shared = float(sides[0] * sides[1])
    return shared / max(float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - shared, 1e-12)


def combined_non_max_suppression(
    boxes: Any,
    scores: Any,
    max_output_size_per_class: Any,
    max_total_size: Any,
    iou_threshold: float = 0.5,
    score_threshold: float = -np.inf,
    pad_per_class: bool = False,
    clip_boxes: bool = True,
    name: str | None = None,
) -> tuple:
    """The best boxes of pictures over all classes: boxes, scores, classes and how many there are, filled up with zeros."""
    boxes, scores, total = np.asarray(boxes, np.float32), np.asarray(scores, np.float32), int(max_total_size)
    shape = len(boxes), total
    found = np.zeros((*shape, 4), np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    counts = np.zeros(len(boxes), np.int32)
    for picture in range(len(boxes)):
        kept = []
        for number in range(scores.shape[-1]):
            own = boxes[picture, :, number % boxes.shape[2]]
            stay = non_max_suppression(
                own, scores[picture, :, number], max_output_size_per_class, iou_threshold, score_threshold
            )
            kept += [(float(scores[picture, place, number]), number, own[place]) for place in np.asarray(stay)]
        kept.sort(key=lambda item: -item[0])
        counts[picture] = len(kept[:total])
        for place, (score, number, box) in enumerate(kept[:total]):
            found[0][picture, place] = np.clip(box, 0, 1) if clip_boxes else box
            found[1][picture, place], found[2][picture, place] = score, number
    return (*map(on_host, found), on_host(counts))


def _brightness(max_delta: Any) -> tuple:
    return -max_delta, max_delta


def _between(lower: Any, upper: Any) -> tuple:
    return lower, upper


_RANDOM = {
    "brightness": _random(adjust_brightness, _brightness),
    "contrast": _random(adjust_contrast, _between),
    "saturation": _random(adjust_saturation, _between),
    "hue": _random(adjust_hue, _brightness),
    "flip_left_right": _random_flip(-2),
    "flip_up_down": _random_flip(-3),
    "crop": random_crop,
}
IMAGE: dict[str, Any] = {
    **{f"random_{name}": change for name, change in _RANDOM.items()},
    **{f"stateless_random_{name}": change for name, change in _RANDOM.items()},
    **{f"decode_{kind}": _decode_plain for kind in ("jpeg", "png", "bmp", "and_crop_jpeg")},
    **{f"encode_{kind}": _encode(kind.upper()) for kind in ("jpeg", "png")},
    "ResizeMethod": ResizeMethod,
    "adjust_brightness": adjust_brightness,
    "adjust_contrast": adjust_contrast,
    "adjust_gamma": adjust_gamma,
    "adjust_hue": adjust_hue,
    "adjust_saturation": adjust_saturation,
    "central_crop": central_crop,
    "combined_non_max_suppression": combined_non_max_suppression,
    "convert_image_dtype": convert_image_dtype,
    "crop_and_resize": crop_and_resize,
    "crop_to_bounding_box": crop_to_bounding_box,
    "decode_gif": decode_image,
    "decode_image": decode_image,
    "draw_bounding_boxes": draw_bounding_boxes,
    "extract_patches": extract_patches,
    "flip_left_right": _flip(-2),
    "flip_up_down": _flip(-3),
    "grayscale_to_rgb": grayscale_to_rgb,
    "hsv_to_rgb": lambda images, name=None: ops.image.hsv_to_rgb(as_tensor(images)),
    "image_gradients": image_gradients,
    "non_max_suppression": non_max_suppression,
    "pad_to_bounding_box": pad_to_bounding_box,
    "per_image_standardization": per_image_standardization,
    "psnr": psnr,
    "resize": resize,
    "resize_with_crop_or_pad": resize_with_crop_or_pad,
    "resize_with_pad": resize_with_pad,
    "rgb_to_grayscale": rgb_to_grayscale,
    "rgb_to_hsv": lambda images, name=None: ops.image.rgb_to_hsv(as_tensor(images)),
    "rgb_to_yuv": rgb_to_yuv,
    "rot90": rot90,
    "sobel_edges": sobel_edges,
    "ssim": ssim,
    "total_variation": total_variation,
    "transpose": lambda image, name=None: either("swapaxes", image, -3, -2),
    "yuv_to_rgb": yuv_to_rgb,
}
