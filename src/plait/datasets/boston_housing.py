"""Boston housing: 506 parts of a city, and what their houses cost.

One of its thirteen features was made on the assumption that people pay to live apart by skin colour: use it to speak about
that, and `california_housing` for anything else.
"""

from plait.datasets.files import BUCKET, published, read_arrays
from plait.datasets.splits import Arrays, split

__all__ = ["load_data"]


def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> tuple[Arrays, Arrays]:
    """Features, float64 (N, 13), and prices in thousands of dollars, float64 (N,).

    Args:
        path: the name of the file in the folder of data sets.
        test_split: the part for testing.
        seed: of the order.

    Returns:
        `(x_train, y_train), (x_test, y_test)`.

    Raises:
        ArgumentError: a part outside of [0, 1).
        FileError: the file isn't there and can't be fetched.

    Source: David Harrison, Daniel Rubinfeld, "Hedonic housing prices and the demand for clean air", 1978.
    """
    file_hash = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"
    arrays = read_arrays(published(path, f"{BUCKET}boston_housing.npz", file_hash))
    return split(arrays["x"], arrays["y"], test_split, seed)
