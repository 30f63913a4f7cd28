"""California housing: 20,640 blocks of houses in 1990, and what they cost."""

from plait.datasets.files import BUCKET, published, read_arrays
from plait.datasets.splits import Arrays, split
from plait.errors import ArgumentError

__all__ = ["load_data"]

_SMALL = 600


def load_data(
    version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Arrays, Arrays]:
    """Features, float32 (N, 8), and prices in dollars, float32 (N,).

    Args:
        version: "large" for all blocks, "small" for the first 600.
        path: the name of the file in the folder of data sets.
        test_split: the part for testing.
        seed: of the order.

    Returns:
        `(x_train, y_train), (x_test, y_test)`.

    Raises:
        ArgumentError: another version, or a part outside of [0, 1).
        FileError: the file isn't there and can't be fetched.

    Source: Kelley Pace, Ronald Barry, "Sparse spatial autoregressions", 1997.
    """
    if version not in ("large", "small"):
        raise ArgumentError(f"`version` must be 'large' or 'small', but got {version!r}.")
    file_hash = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
    arrays = read_arrays(published(path, f"{BUCKET}california_housing.npz", file_hash))
    most = _SMALL if version == "small" else None
    return split(arrays["x"][:most], arrays["y"][:most], test_split, seed)
