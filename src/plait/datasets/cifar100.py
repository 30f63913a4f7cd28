"""CIFAR-100: 60,000 colour pictures of 32 x 32 pixels in a hundred classes, or in twenty groups of these."""

from plait.datasets.files import pictures, published
from plait.datasets.splits import Arrays
from plait.errors import ArgumentError

__all__ = ["load_data"]


def load_data(label_mode: str = "fine") -> tuple[Arrays, Arrays]:
    """The pictures, uint8 (50000, 32, 32, 3), with labels, uint8 (50000, 1), and 10,000 more for testing.

    Args:
        label_mode: "fine" for a hundred classes, "coarse" for twenty groups of them.

    Returns:
        `(x_train, y_train), (x_test, y_test)`.

    Raises:
        ArgumentError: another `label_mode`.
        FileError: the archive isn't there and can't be fetched.

    Source: Alex Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    if label_mode not in ("fine", "coarse"):
        raise ArgumentError(f"`label_mode` must be 'fine' or 'coarse', but got {label_mode!r}.")
    file_hash = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
    origin = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    folder = published("cifar-100-python-target", origin, file_hash, extract=True) / "cifar-100-python"
    train, test = (pictures(folder / part, f"{label_mode}_labels") for part in ("train", "test"))
    return train, test
