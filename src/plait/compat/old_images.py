"""`ImageDataGenerator` and its result: batches of pictures, each changed by chance, as before Keras 3.

The draws are those of Keras's own, in its order, from NumPy's global generator: a seeded program sees the same pictures. Turning and
stretching is one sampling of each picture, along straight lines between its points.
"""

import math
import os
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.scipy.ndimage import map_coordinates

from plait.common.messages import listing
from plait.common.settings import settings
from plait.errors import ArgumentError, DataError, MissingError
from plait.training.data import PyDataset
from plait.utils.image import array_to_img, img_to_array, load_img

_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff", ".gif", ".webp")


class ImageDataGenerator:
    """Makes batches of pictures that are changed by chance.

    Args:
        featurewise_center: takes the mean of the data (`fit`) away.
        samplewise_center: takes each picture's mean away.
        featurewise_std_normalization: divides by the deviation of the data (`fit`).
        samplewise_std_normalization: divides each picture by its deviation.
        zca_whitening: isn't here.
        zca_epsilon: likewise.
        rotation_range: turned by up to so many degrees.
        width_shift_range: moved across by up to so many points, or below 1 by such a part of the width.
        height_shift_range: moved down, likewise.
        brightness_range: the bounds of a factor of brightness.
        shear_range: sheared by up to so many degrees.
        zoom_range: the bounds of the zoom, or how far from 1.
        channel_shift_range: each channel moved by up to so much.
        fill_mode: what stands outside: "nearest", "constant", "reflect" or "wrap".
        cval: the value for "constant".
        horizontal_flip: half of the pictures turned over.
        vertical_flip: half of the pictures upside down.
        rescale: a factor of all values, after the changes.
        preprocessing_function: is called with each picture before that.
        data_format: where the channels are; None is the setting.
        validation_split: the part of the data that is for validation.
        interpolation_order: 0 or 1.
        dtype: of the batches.
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: Any = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Any = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: Any = None,
        preprocessing_function: Any = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: Any = None,
    ):
        if zca_whitening:
            raise MissingError("ImageDataGenerator: zca_whitening isn't here. Whiten the data before, with NumPy.")
        self.featurewise_center = featurewise_center or featurewise_std_normalization
        self.samplewise_center = samplewise_center or samplewise_std_normalization
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.rotation_range, self.shear_range = rotation_range, shear_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.brightness_range, self.channel_shift_range = brightness_range, channel_shift_range
        scalar = isinstance(zoom_range, (int, float))
        self.zoom_range = [1 - zoom_range, 1 + zoom_range] if scalar else list(zoom_range)
        self.fill_mode, self.cval, self.interpolation_order = fill_mode, cval, interpolation_order
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.data_format = data_format or settings().image_data_format
        if not 0 <= validation_split < 1:
            raise ArgumentError(
                f"ImageDataGenerator: validation_split must be from 0 to below 1, but got {validation_split}."
            )
        self.validation_split = validation_split
        self.dtype = dtype or settings().floatx
        self.mean = self.std = None

    # ------------------------------------------------------------------------ where pictures come from

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: Any = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: Any = None,
    ) -> "Batches":
        """Batches of pictures in an array, and of what belongs to them.

        Raises:
            DataError: x isn't of four axes, or the arrays have different lengths.
        """
        x, *others = x if isinstance(x, (tuple, list)) else (x,)
        arrays = [np.asarray(x), *(np.asarray(other) for other in others)]
        y, weights = None if y is None else np.asarray(y), None if sample_weight is None else np.asarray(sample_weight)
        counts = {len(array) for array in (*arrays, y, weights) if array is not None}
        if arrays[0].ndim != 4 or len(counts) != 1:
            raise DataError(
                f"ImageDataGenerator.flow: expected pictures (B, H, W, C) and arrays of one length, but got x of shape "
                f"{arrays[0].shape} and lengths {sorted(counts)}."
            )
        places = self._part(len(arrays[0]), subset)
        arrays, y, weights = ([a[places] for a in arrays], *(None if a is None else a[places] for a in (y, weights)))
        saved = (save_to_dir, save_prefix, save_format)

        def make(rows: np.ndarray) -> Any:
            pictures = self._changed([arrays[0][row] for row in rows], saved, rows)
            inputs = pictures if len(arrays) == 1 else [pictures, *(other[rows] for other in arrays[1:])]
            parts = [inputs, *(a[rows] for a in (y, weights) if a is not None)]
            return inputs if y is None else tuple(parts)

        return Batches(make, len(arrays[0]), batch_size, shuffle, seed, {"x": arrays[0], "y": y})

    def _part(self, count: int, subset: Any) -> slice:
        """The rows of a part of the data: those for validation stand first."""
        border = int(self.validation_split * count)
        return {"validation": slice(0, border), "training": slice(border, None), None: slice(None)}[subset]

    def flow_from_directory(
        self,
        directory: Any,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: Any = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: Any = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: Any = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> "Batches":
        """Batches of the pictures in the folders of a folder; each folder is a class.

        Raises:
            DataError: no such folder.
        """
        folder = Path(directory)
        if not folder.is_dir():
            raise DataError(f"ImageDataGenerator.flow_from_directory: there is no folder {str(folder)!r}.")
        names = list(classes) if classes else sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
        files, numbers = [], []
        for number, name in enumerate(names):
            own = sorted(
                os.path.join(base, file)
                for base, _, found in os.walk(folder / name, followlinks=follow_links)
                for file in found
                if file.lower().endswith(_ENDINGS)
            )
            own = own[self._part(len(own), subset)]
            files += own
            numbers += [number] * len(own)
        print(f"Found {len(files)} images belonging to {len(names)} classes.")
        reader = _Reader(target_size, color_mode, interpolation, keep_aspect_ratio, self.data_format)
        labels = _labels(class_mode, np.array(numbers), len(names))
        saved = (save_to_dir, save_prefix, save_format)
        batches = self._of_files(files, labels, None, reader, (batch_size, shuffle, seed), saved, class_mode)
        batches.filenames = [os.path.relpath(file, folder) for file in files]
        batches.filepaths, batches.classes = files, np.array(numbers, "int32")
        batches.class_indices = {name: number for number, name in enumerate(names)}
        batches.num_classes = len(names)
        return batches

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: Any = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: Any = None,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: Any = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: Any = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: Any = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        **kwargs: Any,
    ) -> "Batches":
        """Batches of the pictures that a column of a frame names, and of what other columns tell of them.

        Raises:
            DataError: a class that is not among `classes`.
        """
        frame = dataframe.reset_index(drop=True)
        paths = [os.path.join(str(directory or ""), str(name)) for name in frame[x_col]]
        if validate_filenames:
            there = [
                place for place, path in enumerate(paths) if os.path.isfile(path) and path.lower().endswith(_ENDINGS)
            ]
            frame, paths = frame.iloc[there], [paths[place] for place in there]
        by_class = class_mode in ("categorical", "binary", "sparse")
        names, numbers = _numbered(list(frame[y_col]), classes) if by_class else (None, np.zeros(len(frame), int))
        print(
            f"Found {len(paths)} validated image filenames" + (f" belonging to {len(names)} classes." if names else ".")
        )
        part = self._part(len(paths), subset)
        frame, paths, numbers = frame.iloc[part], paths[part], numbers[part]
        raw = class_mode in ("raw", "multi_output")
        labels = _columns(frame, y_col, class_mode) if raw else _labels(class_mode, numbers, len(names or []))
        weights = None if weight_col is None else frame[weight_col].to_numpy()
        reader = _Reader(target_size, color_mode, interpolation, False, self.data_format)
        saved = (save_to_dir, save_prefix, save_format)
        batches = self._of_files(paths, labels, weights, reader, (batch_size, shuffle, seed), saved, class_mode)
        batches.filenames, batches.filepaths, batches.classes = list(frame[x_col]), paths, numbers
        batches.class_indices = {name: number for number, name in enumerate(names or [])}
        return batches

    def _of_files(
        self, files: list, labels: Any, weights: Any, reader: "_Reader", order: tuple, saved: tuple, class_mode: Any
    ) -> "Batches":
        def make(rows: np.ndarray) -> Any:
            pictures = self._changed([reader(files[row]) for row in rows], saved, rows)
            if class_mode is None:
                return pictures
            y = pictures.copy() if class_mode == "input" else _rows_of(labels, rows)
            return (pictures, y) if weights is None else (pictures, y, weights[rows])

        batch_size, shuffle, seed = order
        return Batches(make, len(files), batch_size, shuffle, seed, {"image_shape": reader.shape})

    # ------------------------------------------------------------------------ changes

    def _changed(self, pictures: list, saved: tuple, rows: np.ndarray) -> np.ndarray:
        changed = [self.standardize(self.random_transform(picture.astype(self.dtype))) for picture in pictures]
        folder, prefix, ending = saved
        for row, picture in zip(rows, changed) if folder else ():
            name = f"{prefix}_{row}_{np.random.randint(10**7)}.{ending}"  # noqa: NPY002  (the generator that scripts seed)
            array_to_img(picture, self.data_format).save(Path(folder) / name)
        return np.stack(changed) if changed else np.zeros((0,), self.dtype)

    def get_random_transform(self, img_shape: Any, seed: Any = None) -> dict:
        """What is drawn for one picture."""
        if seed is not None:
            np.random.seed(seed)  # noqa: NPY002
        rows, columns = (1, 2) if self.data_format == "channels_first" else (0, 1)
        draw = np.random.uniform
        theta = draw(-self.rotation_range, self.rotation_range) if self.rotation_range else 0
        down = self._shift(self.height_shift_range, img_shape[rows])
        across = self._shift(self.width_shift_range, img_shape[columns])
        shear = draw(-self.shear_range, self.shear_range) if self.shear_range else 0
        zoom = (1, 1) if self.zoom_range == [1, 1] else draw(self.zoom_range[0], self.zoom_range[1], 2)
        flips = [bool(np.random.random() < 0.5) and flip for flip in (self.horizontal_flip, self.vertical_flip)]  # noqa: NPY002
        moved = draw(-self.channel_shift_range, self.channel_shift_range) if self.channel_shift_range else None
        bright = draw(*self.brightness_range) if self.brightness_range is not None else None
        return {
            "theta": theta,
            "tx": down,
            "ty": across,
            "shear": shear,
            "zx": zoom[0],
            "zy": zoom[1],
            "flip_horizontal": flips[0],
            "flip_vertical": flips[1],
            "channel_shift_intensity": moved,
            "brightness": bright,
        }

    def _shift(self, limit: Any, size: int) -> float:
        if not np.any(limit):
            return 0
        if np.ndim(limit) or isinstance(limit, int):
            drawn = np.random.choice(limit) * np.random.choice([-1, 1])  # noqa: NPY002
        else:
            drawn = np.random.uniform(-limit, limit)  # noqa: NPY002
        return drawn * size if np.max(limit) < 1 else drawn

    def apply_transform(self, x: Any, transform_parameters: dict) -> np.ndarray:
        """A picture changed as was drawn."""
        drawn, first = transform_parameters.get, self.data_format == "channels_first"
        x = np.asarray(x)
        x = np.moveaxis(x, 0, -1) if first else x
        matrix = _matrix(
            drawn("theta", 0), drawn("tx", 0), drawn("ty", 0), drawn("shear", 0), drawn("zx", 1), drawn("zy", 1)
        )
        if not np.array_equal(matrix, np.eye(3)):
            x = _sampled(x, matrix, self.fill_mode, self.cval, self.interpolation_order)
        if drawn("channel_shift_intensity") is not None:
            x = np.clip(x + drawn("channel_shift_intensity"), x.min(), x.max())
        x = x[:, ::-1] if drawn("flip_horizontal") else x
        x = x[::-1] if drawn("flip_vertical") else x
        if drawn("brightness") is not None:
            x = _brightened(x, transform_parameters["brightness"])
        return np.moveaxis(x, -1, 0) if first else x

    def random_transform(self, x: Any, seed: Any = None) -> np.ndarray:
        """A picture changed by chance."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def standardize(self, x: Any) -> Any:
        """A picture rescaled, and with means and deviations taken out."""
        x = self.preprocessing_function(x) if self.preprocessing_function else x
        x = x * self.rescale if self.rescale else x
        x = x - np.mean(x, keepdims=True) if self.samplewise_center else x
        x = x / (np.std(x, keepdims=True) + 1e-6) if self.samplewise_std_normalization else x
        x = x - self.mean if self.featurewise_center and self.mean is not None else x
        x = x / (self.std + 1e-6) if self.featurewise_std_normalization and self.std is not None else x
        return np.asarray(x, self.dtype)

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: Any = None) -> None:
        """Takes the mean and the deviation of data."""
        if seed is not None:
            np.random.seed(seed)  # noqa: NPY002
        x = np.array(x, self.dtype)
        if augment:
            x = np.stack([self.random_transform(picture) for _ in range(rounds) for picture in x])
        axes = (0, 2, 3) if self.data_format == "channels_first" else (0, 1, 2)
        shape = (-1, 1, 1) if self.data_format == "channels_first" else (1, 1, -1)
        if self.featurewise_center:
            self.mean = x.mean(axes).reshape(shape)
            x = x - self.mean
        if self.featurewise_std_normalization:
            self.std = x.std(axes).reshape(shape)


class Batches(PyDataset):
    """Batches without end, or by number: what `flow` gives."""

    def __init__(self, make: Any, count: int, batch_size: int, shuffle: bool, seed: Any, facts: dict):
        super().__init__()
        self._make, self.n, self.samples = make, count, count
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, seed
        self.total_batches_seen = self._place = 0
        self.index_array: Any = None
        self.filenames: list = []
        self.filepaths: list = []
        self.classes: Any = None
        self.class_indices: dict = {}
        self.num_classes = 0
        vars(self).update(facts)

    def __len__(self) -> int:
        return math.ceil(self.n / self.batch_size)

    def _order(self) -> Any:
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)  # noqa: NPY002
        return self.index_array

    def __getitem__(self, index: int) -> Any:
        if index >= len(self):
            raise ArgumentError(f"There are {len(self)} batches, and none has the number {index}.")
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)  # noqa: NPY002
        self.total_batches_seen += 1
        order = self._order() if self.index_array is None else self.index_array
        return self._make(order[self.batch_size * index :][: self.batch_size])

    def on_epoch_end(self) -> None:
        """Draws a new order."""
        self._order()

    def reset(self) -> None:
        """Begins anew."""
        self._place = 0

    def __iter__(self) -> "Batches":
        return self

    def __next__(self) -> Any:
        if self._place == 0:
            if self.seed is not None:
                np.random.seed(self.seed + self.total_batches_seen)  # noqa: NPY002
            self._order()
        elif self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)  # noqa: NPY002
        rows = self.index_array[self.batch_size * self._place :][: self.batch_size]
        self._place = (self._place + 1) % len(self)
        self.total_batches_seen += 1
        return self._make(rows)

    def next(self) -> Any:
        """The next batch."""
        return self.__next__()


class _Reader:
    """Reads pictures of one size."""

    def __init__(self, size: Any, color_mode: str, interpolation: str, keep: bool, data_format: str):
        self._options = {"target_size": tuple(size), "color_mode": color_mode, "interpolation": interpolation}
        self._keep, self._format = keep, data_format
        channels = {"grayscale": 1, "rgb": 3, "rgba": 4}[color_mode]
        self.shape = (channels, *size) if data_format == "channels_first" else (*size, channels)

    def __call__(self, path: str) -> np.ndarray:
        return img_to_array(load_img(path, keep_aspect_ratio=self._keep, **self._options), self._format)


def _numbered(told: list, classes: Any) -> tuple[list, np.ndarray]:
    """The names of the classes in a column, and the number of each row's."""
    names = [str(name) for name in classes] if classes else sorted({str(each) for each in told})
    unknown = {str(each) for each in told} - set(names)
    if unknown:
        raise DataError(f"ImageDataGenerator.flow_from_dataframe: {listing(sorted(unknown))} isn't among the classes.")
    return names, np.array([names.index(str(each)) for each in told], int)


def _columns(frame: Any, y_col: Any, mode: str) -> Any:
    """The columns of a frame as labels: side by side, or each by itself."""
    columns = y_col if isinstance(y_col, (list, tuple)) else [y_col]
    if mode == "multi_output":
        return [np.stack(list(frame[column])) for column in columns]
    values = [frame[column].to_numpy() for column in columns]
    return values[0] if len(values) == 1 else np.stack(values, 1)


def _labels(mode: Any, numbers: np.ndarray, count: int) -> Any:
    if mode == "categorical":
        return np.eye(count, dtype="float32")[numbers]
    return numbers.astype("float32") if mode in ("binary", "sparse") else numbers


def _rows_of(labels: Any, rows: np.ndarray) -> Any:
    return [part[rows] for part in labels] if isinstance(labels, list) else labels[rows]


def _matrix(theta: float, down: float, across: float, shear: float, zx: float, zy: float) -> np.ndarray:
    """Where each point comes from, around the middle: turned, moved, sheared and zoomed."""
    turn, slant = np.deg2rad(theta), np.deg2rad(shear)
    turned = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    moved = np.array([[1, 0, down], [0, 1, across], [0, 0, 1]])
    sheared = np.array([[1, -np.sin(slant), 0], [0, np.cos(slant), 0], [0, 0, 1]])
    return turned @ moved @ sheared @ np.diag([zx, zy, 1.0])


_MODES = {"nearest": "nearest", "constant": "constant", "reflect": "reflect", "wrap": "wrap"}


def _sampled(x: np.ndarray, matrix: np.ndarray, fill_mode: str, fill: float, order: int) -> np.ndarray:
    middle = np.array([[1, 0, x.shape[0] / 2 - 0.5], [0, 1, x.shape[1] / 2 - 0.5], [0, 0, 1]])
    around = middle @ matrix @ np.linalg.inv(middle)
    around = around[[1, 0, 2]][:, [1, 0, 2]]  # Keras turns rows and columns, the middle of them too
    grid = np.stack(np.meshgrid(*map(np.arange, x.shape[:2]), indexing="ij")).reshape(2, -1)
    places = (around[:2, :2] @ grid + around[:2, 2:]).astype(np.float32)
    mode = _MODES[fill_mode]
    channels = [map_coordinates(jnp.asarray(x[..., c]), list(places), order, mode, fill) for c in range(x.shape[-1])]
    return np.stack([np.asarray(channel).reshape(x.shape[:2]) for channel in channels], -1).astype(x.dtype)


def _brightened(x: np.ndarray, factor: float) -> np.ndarray:
    """A picture brighter or darker, as Pillow does it; its values are stretched over a picture's while that is done."""
    low, high = x.min(), x.max()
    stretched = low < 0 or high > 255
    picture = array_to_img(x, "channels_last", scale=stretched)
    shone = np.clip(np.asarray(picture, np.float32) * np.float32(factor), 0, 255).astype(np.uint8)
    changed = (
        img_to_array(shone, "channels_last") if shone.ndim == 3 else img_to_array(shone[..., None], "channels_last")
    )
    return changed / 255 * (high - low) + low if stretched else changed
