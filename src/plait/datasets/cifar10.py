"""CIFAR-10: 60,000 colour pictures of 32 x 32 pixels in ten classes."""

import numpy as np

from plait.datasets.files import pictures, published
from plait.datasets.splits import Arrays

__all__ = ["load_data"]


def load_data() -> tuple[Arrays, Arrays]:
    """The pictures, uint8 (50000, 32, 32, 3), with labels, uint8 (50000, 1), and 10,000 more for testing.

    Labels: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck. With the image data format
    "channels_first" the pictures are (N, 3, 32, 32).

    Returns:
        `(x_train, y_train), (x_test, y_test)`.

    Raises:
        FileError: the archive isn't there and can't be fetched.

    Source: Alex Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    file_hash = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
    origin = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    folder = published("cifar-10-batches-py-target", origin, file_hash, extract=True) / "cifar-10-batches-py"
    batches = [pictures(folder / f"data_batch_{number}") for number in range(1, 6)]
    x, y = (np.concatenate(parts) for parts in zip(*batches))
    return (x, y), pictures(folder / "test_batch")
