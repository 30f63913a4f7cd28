"""MNIST: 70,000 handwritten digits of 28 x 28 grey pixels."""

from plait.datasets.files import BUCKET, published, read_arrays
from plait.datasets.splits import Arrays

__all__ = ["load_data"]


def load_data(path: str = "mnist.npz") -> tuple[Arrays, Arrays]:
    """The digits, uint8 (60000, 28, 28), with labels from 0 to 9, uint8 (60000,), and 10,000 more for testing.

    Args:
        path: the name of the file in the folder of data sets.

    Returns:
        `(x_train, y_train), (x_test, y_test)`.

    Raises:
        FileError: the file isn't there and can't be fetched.

    Source: Yann LeCun, Corinna Cortes, Christopher Burges, "The MNIST database of handwritten digits", 1998.
    """
    file_hash = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    arrays = read_arrays(published(path, f"{BUCKET}mnist.npz", file_hash))
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
