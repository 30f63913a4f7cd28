"""Published files: where they are kept, and how they are read without running anything.

`published` gives the path of a file, fetched and checked. `read_arrays` reads an `.npz`, `read_pickled` the pickled batches of
CIFAR. Sequences of unequal length are kept as pickles in these files, and a pickle may name any function to call: here only
the three that put an array together are known, and another name ends the reading.
"""

import os
import pickle
import zipfile
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from plait.common.messages import warn
from plait.common.settings import settings
from plait.errors import FileError, UnsafeFileError
from plait.utils.download import get_file

BUCKET = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_MOST_BYTES = 4 << 30  # what the arrays of one file may take, unpacked


def home() -> Path:
    """The folder that `datasets` is in: PLAIT_HOME, KERAS_HOME, or `~/.keras`."""
    return Path(os.environ.get("PLAIT_HOME") or os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def published(
    name: str, origin: str, file_hash: str | None = None, folder: str = "datasets", extract: bool = False
) -> Path:
    """The path of a published file, or of the folder that its archive was unpacked into.

    What lies there already under this name, but isn't what was published, is fetched anew as in Keras. If that can't be
    done, it is taken as it is, with a warning: so your own file, of the same form, serves where there is no network.

    Raises:
        FileError: it isn't there and can't be fetched; the message says from where, and which folder it belongs in.
    """
    try:
        found = get_file(name, origin, file_hash=file_hash, cache_subdir=folder, extract=extract, cache_dir=home())
    except FileError as error:
        place = home() / folder / name
        if not place.exists():
            raise FileError(
                f"The data set {name!r} isn't there and can't be fetched: {error} Fetch {origin} where there is a network, "
                f"and put it into {place.parent} as {name + '_archive' if extract else name!r}."
            ) from error
        warn(f"{place} isn't the published file, and that can't be fetched ({error}). It is read as it is.")
        found = place
    return Path(found)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` by name.

    Raises:
        FileError: no such file, or it is cut short.
        UnsafeFileError: it names a function to call, or unpacks to more than 4 GiB.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            if sum(member.file_size for member in members) > _MOST_BYTES:
                raise UnsafeFileError(f"{path}: its arrays would take more than {_MOST_BYTES >> 30} GiB.")
            return {member.filename[:-4]: _read_array(archive, member, path) for member in members}
    except (zipfile.BadZipFile, EOFError, pickle.UnpicklingError) as error:
        raise FileError(f"{path} is no .npz, or is cut short ({error}). Remove it, and it is fetched again.") from error


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> np.ndarray:
    with archive.open(member) as file:
        shape, _, dtype = _read_header(file)
        if dtype.hasobject:
            return np.asarray(_ArraysOnly(file, path).load(), dtype=object).reshape(shape)
    with archive.open(member) as file:
        return npy.read_array(file, allow_pickle=False)


def _read_header(file: IO[bytes]) -> Any:
    old = npy.read_magic(file)[0] == 1
    return npy.read_array_header_1_0(file) if old else npy.read_array_header_2_0(file)


def read_pickled(path: Path) -> dict[str, Any]:
    """A pickled dict of arrays and lists, its keys as text.

    Raises:
        FileError: no such file, or it is cut short.
        UnsafeFileError: it names a function to call.
    """
    try:
        with open(path, "rb") as file:
            values = _ArraysOnly(file, path, encoding="bytes").load()
    except (OSError, EOFError, pickle.UnpicklingError) as error:
        raise FileError(f"{path} can't be read ({error}). Remove its folder, and it is fetched again.") from error
    return {name.decode() if isinstance(name, bytes) else name: value for name, value in values.items()}


def pictures(path: Path, labels: str = "labels") -> tuple[np.ndarray, np.ndarray]:
    """A batch of CIFAR: pictures, uint8 (B, 32, 32, 3) or with the channels first if so set, and labels, uint8 (B, 1)."""
    batch = read_pickled(path)
    x = batch["data"].reshape(-1, 3, 32, 32)
    return x.transpose(0, 2, 3, 1) if settings().image_data_format == "channels_last" else x, np.asarray(
        batch[labels], "uint8"
    ).reshape(-1, 1)


class _ArraysOnly(pickle.Unpickler):
    """Reads what is made of arrays, lists, numbers and text, and calls nothing but what puts an array together."""

    def __init__(self, file: BinaryIO | IO[bytes], path: Path, **options: Any):
        super().__init__(file, **options)
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may name: three things.

        Raises:
            UnsafeFileError: it names another one.
        """
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise UnsafeFileError(
                f"{self._path} names {module}.{name}, which data has no need of. It is not read."
            ) from None


_RECONSTRUCT = np.empty(0).__reduce__()[0]  # by itself: NumPy has moved it from one module to another
_KNOWN = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
}
