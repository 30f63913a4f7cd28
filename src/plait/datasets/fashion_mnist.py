"""Fashion-MNIST: 70,000 pictures of clothes, of 28 x 28 grey pixels."""

import gzip

import numpy as np

from plait.datasets.files import BUCKET, published
from plait.datasets.splits import Arrays
from plait.errors import FileError

__all__ = ["load_data"]


def load_data() -> tuple[Arrays, Arrays]:
    """The pictures, uint8 (60000, 28, 28), with labels from 0 to 9, uint8 (60000,), and 10,000 more for testing.

    Labels: T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.

    Returns:
        `(x_train, y_train), (x_test, y_test)`.

    Raises:
        FileError: a file isn't there and can't be fetched, or is cut short.

    Source: Han Xiao, Kashif Rasul, Roland Vollgraf, "Fashion-MNIST: a novel image dataset", 2017.
    """
    return _part("train"), _part("t10k")


def _part(part: str) -> Arrays:
    labels = _read(f"{part}-labels-idx1-ubyte.gz", 8)
    return _read(f"{part}-images-idx3-ubyte.gz", 16).reshape(len(labels), 28, 28), labels


def _read(name: str, header: int) -> np.ndarray:
    path = published(name, f"{BUCKET}{name}", folder="datasets/fashion-mnist")
    try:
        with gzip.open(path, "rb") as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)
    except (OSError, EOFError, ValueError) as error:
        raise FileError(
            f"{path} is no such file, or is cut short ({error}). Remove it, and it is fetched again."
        ) from error
