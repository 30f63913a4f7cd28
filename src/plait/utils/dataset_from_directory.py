"""Data sets of the files in a folder, one sub-folder a class: images, texts, sounds.

    folder/cats/1.jpg   class 0, "cats"
    folder/dogs/1.jpg   class 1, "dogs"

Files are found and split once, in an order that a seed repeats; they are read when somebody iterates, by a few threads,
ahead of time. With `shuffle` each iteration has an order of its own.
"""

import functools
import itertools
import math
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from plait.common.messages import did_you_mean
from plait.common.settings import settings
from plait.errors import ArgumentError, FileError
from plait.training.data.ahead import ahead
from plait.utils.audio import fit_length, load_wav
from plait.utils.dataset import Dataset, check_format, check_size, new_seed, stacked
from plait.utils.image import check_interpolation, cropped_to_ratio, img_to_array, load_img, padded_to_ratio, resized

_IMAGE_FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_LABEL_MODES = ("int", "categorical", "binary", None)
_SUBSETS = ("training", "validation", "both", None)
_THREADS = 4


class _Files(NamedTuple):
    """Files, their labels (None without), and the names of the classes (None without)."""

    paths: list[str]
    labels: list[int] | None
    class_names: list[str] | None


class _Plan(NamedTuple):
    """What all kinds of files have in common: the arguments of the public functions, checked."""

    kind: str
    formats: tuple[str, ...]
    label_mode: str | None
    batch_size: int | None
    shuffle: bool
    seed: int
    validation_split: float | None
    subset: str | None
    verbose: bool


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str | None = None,
    verbose: bool = True,
) -> Any:
    """Batches of images (BMP, GIF, JPEG, PNG), all of one size, with the class of each.

    Args:
        directory: the folder.
        labels: "inferred" takes the sub-folders as classes; or a list of class numbers, one a file in the order of their
            sorted paths; or None for none.
        label_mode: "int" gives class numbers (B,), "categorical" rows with a single one (B, classes), "binary" floats
            (B, 1), None no labels.
        class_names: the sub-folders to take, in the order of their class numbers; all, sorted, if None.
        color_mode: "grayscale", "rgb" or "rgba": 1, 3 or 4 channels.
        batch_size: images in a batch; None gives single ones.
        image_size: (height, width) to resize to.
        shuffle: whether files come in a random order, another one each iteration; else sorted.
        seed: makes the order and the split repeatable.
        validation_split: the share of files that are set aside for validation.
        subset: "training", "validation", or "both" for two data sets.
        interpolation: how to resize: see `plait.utils.image.resized`.
        follow_links: whether to enter folders that are links; one that leads back is entered once.
        crop_to_aspect_ratio: cuts what is too long off both ends, instead of changing proportions.
        pad_to_aspect_ratio: adds zeros at both ends of what is too short, likewise.
        data_format: "channels_last" or "channels_first"; the setting if None.
        format: has no effect: there is only one kind of data set here.
        verbose: whether to say how many files were found.

    Returns:
        a `Dataset` of (images, labels), or of images; it has `class_names` and `file_paths`. For `subset="both"` a pair.
        Images are float32 from 0 to 255, (B, height, width, channels).

    Raises:
        ArgumentError: arguments that don't fit each other or the files.
        FileError: a folder without such files; a file that is no image.
        ImportError: Pillow isn't installed.

    Differs: `class_names` and `labels` as in Keras; the order within an iteration isn't that of Keras.
    """
    if color_mode not in ("rgb", "rgba", "grayscale"):
        raise ArgumentError(
            f'`color_mode` must be one of {{"rgb", "rgba", "grayscale"}}, but got color_mode={color_mode}'
        )
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError("Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`.")
    check_interpolation(interpolation)
    check_format(format)
    fit = cropped_to_ratio if crop_to_aspect_ratio else padded_to_ratio if pad_to_aspect_ratio else None
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    plan = _plan("image", _IMAGE_FORMATS, label_mode, batch_size, shuffle, seed, validation_split, subset, verbose)
    files = _find(directory, plan, labels, class_names, follow_links)
    first = (data_format or settings().image_data_format) == "channels_first"
    read = functools.partial(
        _image, color_mode=color_mode, size=size, interpolation=interpolation, fit=fit, first=first
    )
    return _datasets(files, plan, directory, read, stacked)


def _image(path: str, color_mode: str, size: tuple, interpolation: str, fit: Any, first: bool) -> np.ndarray:
    try:
        image = img_to_array(load_img(path, color_mode), "channels_last", "float32")
    except OSError as error:
        raise FileError(f"{path} is no image that can be read: {error}") from error
    image = resized(image if fit is None else fit(image, size), size, interpolation)
    return image.transpose(2, 0, 1) if first else image


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str | None = None,
    verbose: bool = True,
) -> Any:
    """Batches of the texts of `.txt` files, with the class of each.

    Args:
        directory: the folder.
        labels: see `image_dataset_from_directory`, as for all that isn't named here.
        label_mode: likewise.
        class_names: likewise.
        batch_size: likewise.
        max_length: the number of characters to keep of each text; all if None.
        shuffle: likewise.
        seed: likewise.
        validation_split: likewise.
        subset: likewise.
        follow_links: likewise.
        format: likewise.
        verbose: likewise.

    Returns:
        a `Dataset` of (texts, labels), or of texts: object arrays of str, (B,). For `subset="both"` a pair.

    Raises:
        ArgumentError: arguments that don't fit each other or the files.
        FileError: a folder without such files; a file that isn't UTF-8.
    """
    check_size("text_dataset_from_directory", "max_length", max_length)
    check_format(format)
    plan = _plan("text", (".txt",), label_mode, batch_size, shuffle, seed, validation_split, subset, verbose)
    files = _find(directory, plan, labels, class_names, follow_links)
    return _datasets(files, plan, directory, functools.partial(_text, max_length=max_length), stacked)


def _text(path: str, max_length: int | None) -> str:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read() if max_length is None else file.read(max_length)
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is no text in UTF-8: {error}.") from error


def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches of the sounds of `.wav` files, with the class of each.

    Args:
        directory: the folder.
        labels: see `image_dataset_from_directory`, as for all that isn't named here.
        label_mode: likewise.
        class_names: likewise.
        batch_size: likewise.
        sampling_rate: samples a second to change to; None keeps each file's.
        output_sequence_length: samples to cut each sound at, or fill it up to with silence. None fills the sounds of a batch
            up to its longest.
        ragged: must be False: there are no ragged arrays here.
        shuffle: likewise.
        seed: likewise.
        validation_split: likewise.
        subset: likewise.
        follow_links: likewise.
        verbose: likewise.

    Returns:
        a `Dataset` of (sounds, labels), or of sounds: float32 from -1 to 1, (B, samples, channels). For `subset="both"` a
        pair.

    Raises:
        ArgumentError: arguments that don't fit each other or the files.
        FileError: a folder without such files; a file that is no WAV file of whole numbers.
    """
    if ragged:
        raise ArgumentError(
            "`ragged=True` isn't possible: JAX has no ragged arrays. Sounds of a batch are padded instead."
        )
    check_size("audio_dataset_from_directory", "sampling_rate", sampling_rate)
    check_size("audio_dataset_from_directory", "output_sequence_length", output_sequence_length)
    plan = _plan("audio", (".wav",), label_mode, batch_size, shuffle, seed, validation_split, subset, verbose)
    files = _find(directory, plan, labels, class_names, follow_links)
    read = functools.partial(_sound, sampling_rate=sampling_rate, length=output_sequence_length)
    return _datasets(files, plan, directory, read, _padded)


def _sound(path: str, sampling_rate: int | None, length: int | None) -> np.ndarray:
    samples = load_wav(path, sampling_rate)
    return samples if length is None else fit_length(samples, length)


def _padded(sounds: list) -> Any:
    longest = max(len(sound) for sound in sounds)
    return stacked([fit_length(sound, longest) for sound in sounds])


# ---------------------------------------------------------------------------- the plan


def _plan(kind: str, formats: tuple, label_mode: Any, batch_size: Any, shuffle: Any, seed: Any, *rest: Any) -> _Plan:
    validation_split, subset, verbose = rest
    check_size(f"{kind}_dataset_from_directory", "batch_size", batch_size)
    if label_mode not in _LABEL_MODES:
        raise ArgumentError(
            f'`label_mode` argument must be one of "int", "categorical", "binary", or None, but got label_mode={label_mode}'
            f"{did_you_mean(label_mode, _LABEL_MODES[:3])}"
        )
    if validation_split and not 0 < validation_split < 1:
        raise ArgumentError(f"`validation_split` must be between 0 and 1, received: {validation_split}")
    if bool(validation_split) != bool(subset):
        raise ArgumentError("If `subset` is set, `validation_split` must be set, and inversely.")
    if subset not in _SUBSETS:
        raise ArgumentError(
            f'`subset` must be either "training", "validation" or "both", received: {subset}'
            f"{did_you_mean(subset, _SUBSETS[:3])}"
        )
    if validation_split and shuffle and seed is None:
        raise ArgumentError(
            "If using `validation_split` and shuffling the data, you must provide a `seed` argument, to make sure that there is "
            "no overlap between the training and validation subset."
        )
    seed = new_seed() if seed is None else seed
    return _Plan(kind, formats, label_mode, batch_size, shuffle, seed, validation_split, subset, verbose)


# ---------------------------------------------------------------------------- finding files


def _find(directory: Any, plan: _Plan, labels: Any, class_names: Any, follow_links: bool) -> _Files:
    """The files with their labels, shuffled if that is asked for."""
    directory = os.fspath(directory)
    if not isinstance(labels, (list, tuple)) and labels not in ("inferred", None):
        raise ArgumentError(
            f"`labels` argument should be a list/tuple of integer labels, of the same size as the number of {plan.kind} files in "
            "the target directory. If you wish to infer the labels from the subdirectory names in the target directory, pass "
            f'`labels="inferred"`. If you wish to get a dataset that only contains {plan.kind} files (no labels), pass '
            f"`labels=None`, but got labels={labels}."
        )
    if class_names and labels != "inferred":
        raise ArgumentError(
            f'You can only pass `class_names` if `labels="inferred"`, but got labels={labels}, and class_names={class_names}'
        )
    if labels is None or plan.label_mode is None:
        paths = list(_walk(directory, plan.formats, follow_links))
        files = _Files(paths, None, None)
    elif labels == "inferred":
        files = _by_folders(directory, plan, class_names, follow_links)
    else:
        files = _with_labels(list(_walk(directory, plan.formats, follow_links)), labels, directory)
    if plan.label_mode == "binary" and files.class_names is not None and len(files.class_names) != 2:
        raise ArgumentError(
            f'When passing `label_mode="binary"`, there must be exactly 2 class_names, but got class_names={files.class_names}'
        )
    if plan.verbose:
        classes = "" if files.class_names is None else f" belonging to {len(files.class_names)} classes"
        print(f"Found {len(files.paths)} files{classes}.")
    return _shuffled(files, plan.seed) if plan.shuffle else files


def _by_folders(directory: str, plan: _Plan, class_names: Any, follow_links: bool) -> _Files:
    folders = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir() and not entry.name.startswith("."))
    if class_names is not None and not set(class_names) <= set(folders):
        raise ArgumentError(
            "The `class_names` passed did not match the names of the subdirectories of the target directory. Expected: "
            f"{folders} (or a subset of it), but received: class_names={class_names}"
        )
    names = folders if class_names is None else list(class_names)
    found = [
        (path, number) for number, name in enumerate(names) for path in _walk_class(directory, name, plan, follow_links)
    ]
    return _Files([path for path, _ in found], [number for _, number in found], names)


def _walk_class(directory: str, name: str, plan: _Plan, follow_links: bool) -> Iterator[str]:
    return _walk(os.path.join(directory, name), plan.formats, follow_links)


def _with_labels(paths: list[str], labels: Sequence, directory: str) -> _Files:
    if len(labels) != len(paths):
        raise ArgumentError(
            "Expected the lengths of `labels` to match the number of files in the target directory. len(labels) is "
            f"{len(labels)} while we found {len(paths)} files in directory {directory}."
        )
    return _Files(paths, list(labels), [str(label) for label in sorted(set(labels))])


def _walk(directory: str, formats: tuple[str, ...], follow_links: bool) -> Iterator[str]:
    """The paths of files of some formats, sorted by folder and name; no folder is entered twice."""
    entered: set[str] = set()
    found = []
    for folder, inner, names in os.walk(directory, followlinks=follow_links, onerror=_raise):
        real = os.path.realpath(folder)
        if real in entered:
            inner.clear()
            continue
        entered.add(real)
        found.append((folder, sorted(names)))
    for folder, names in sorted(found):
        yield from (os.path.join(folder, name) for name in names if name.lower().endswith(formats))


def _raise(error: OSError) -> None:
    raise error


def _shuffled(files: _Files, seed: int) -> _Files:
    """Another order, the one that Keras gives for a seed."""
    order = np.arange(len(files.paths))
    np.random.RandomState(seed).shuffle(order)
    labels = files.labels
    paths = [files.paths[place] for place in order]
    return _Files(paths, labels if labels is None else [labels[place] for place in order], files.class_names)


# ---------------------------------------------------------------------------- the data sets


def _datasets(files: _Files, plan: _Plan, directory: Any, read: Callable, join: Callable) -> Any:
    if not plan.validation_split:
        return _dataset(files, plan, directory, "", read, join)
    last = int(plan.validation_split * len(files.paths))
    parts = {"training": slice(None, len(files.paths) - last), "validation": slice(len(files.paths) - last, None)}
    found = []
    for name in parts if plan.subset == "both" else (plan.subset,):
        rows = parts[str(name)]
        part = _Files(files.paths[rows], files.labels[rows] if files.labels else None, files.class_names)
        if plan.verbose:
            print(f"Using {len(part.paths)} files for {name}.")
        found.append(_dataset(part, plan, directory, f"{name} ", read, join))
    return tuple(found) if plan.subset == "both" else found[0]


def _dataset(files: _Files, plan: _Plan, directory: Any, which: str, read: Callable, join: Callable) -> Dataset:
    if not files.paths:
        kind = "images" if plan.kind == "image" else f"{plan.kind} files"
        raise FileError(f"No {which}{kind} found in directory {directory}. Allowed formats: {plan.formats}")
    labels = _labels(files, plan.label_mode)
    iterations, size = itertools.count(), plan.batch_size

    def element(rows: np.ndarray) -> Any:
        content = [read(files.paths[row]) for row in rows]
        content = content[0] if size is None else join(content)
        return content if labels is None else (content, labels[rows[0] if size is None else rows])

    def make() -> Iterator:
        order = np.arange(len(files.paths))
        turn = next(iterations)
        if plan.shuffle:
            np.random.default_rng((plan.seed, turn)).shuffle(order)
        batches = [order[start : start + (size or 1)] for start in range(0, len(order), size or 1)]
        with ahead(lambda place: element(_at(batches, place)), _THREADS, 2 * _THREADS) as made:
            yield from made

    return Dataset(make, math.ceil(len(files.paths) / (size or 1)), files.class_names, files.paths, size)


def _at(batches: list, place: int) -> Any:
    if place >= len(batches):
        raise StopIteration
    return batches[place]


def _labels(files: _Files, label_mode: str | None) -> np.ndarray | None:
    if files.labels is None:
        return None
    if label_mode == "categorical":
        return np.eye(len(files.class_names or ()), dtype="float32")[files.labels]
    if label_mode == "binary":
        return np.array(files.labels, "float32")[:, None]
    return np.array(files.labels, "int32")
