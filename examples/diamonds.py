"""The data of the examples: 53,940 diamonds, their measurements, grades and prices.

Two kinds of input (numbers, and grades to embed) and two kinds of target (a price, and one of five classes) make it a
small but honest multi-task problem. Where the table comes from, what its columns mean, its licence: `data/README.md`.

Only NumPy and the standard library are needed:

>>> diamonds = load()
>>> len(diamonds), diamonds.measurements.shape, diamonds.grades.shape
(53940, (53940, 6), (53940, 2))
>>> train, validation, test = split(diamonds, seed=0)
>>> len(train), len(validation), len(test)
(43152, 5394, 5394)
"""

import csv
import gzip
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

MEASUREMENTS = ("carat", "depth", "table", "x", "y", "z")
GRADES = ("color", "clarity")

# Worst to best, so that a larger index is a better stone.
COLORS = ("J", "I", "H", "G", "F", "E", "D")
CLARITIES = ("I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF")
CUTS = ("Fair", "Good", "Very Good", "Premium", "Ideal")

DATA = Path(__file__).parent / "data" / "diamonds.csv.gz"


@dataclass(frozen=True)
class Diamonds:
    """A table of N diamonds, as arrays whose first axis is the diamond."""

    measurements: np.ndarray
    """float32 (N, 6): the columns of MEASUREMENTS, in carat, percent and millimetres."""
    grades: np.ndarray
    """int32 (N, 2): the columns of GRADES, as indices into COLORS and CLARITIES."""
    price: np.ndarray
    """float32 (N,): US dollars."""
    cut: np.ndarray
    """int32 (N,): indices into CUTS."""

    def __len__(self) -> int:
        return len(self.price)

    def take(self, rows: np.ndarray) -> "Diamonds":
        """The diamonds with these row numbers, in this order."""
        return Diamonds(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def load(path: Path | str = DATA) -> Diamonds:
    """Reads the whole table, in the order of the file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    column = dict(zip(header, zip(*rows, strict=True), strict=True))
    return Diamonds(
        measurements=np.stack([np.asarray(column[name], np.float32) for name in MEASUREMENTS], axis=1),
        grades=np.stack([_indices(column["color"], COLORS), _indices(column["clarity"], CLARITIES)], axis=1),
        price=np.asarray(column["price"], np.float32),
        cut=_indices(column["cut"], CUTS),
    )


def split(
    diamonds: Diamonds, seed: int = 0, validation: float = 0.1, test: float = 0.1
) -> tuple[Diamonds, Diamonds, Diamonds]:
    """Deals the rows at random into (train, validation, test); the same seed deals the same way."""
    order = np.random.default_rng(seed).permutation(len(diamonds))
    validation_rows = round(validation * len(diamonds))
    test_rows = round(test * len(diamonds))
    for_validation, for_test, for_training = np.split(order, [validation_rows, validation_rows + test_rows])
    return diamonds.take(for_training), diamonds.take(for_validation), diamonds.take(for_test)


def _indices(words: tuple[str, ...], vocabulary: tuple[str, ...]) -> np.ndarray:
    """Each word's place in its vocabulary; a word that isn't there is a KeyError."""
    place = {word: index for index, word in enumerate(vocabulary)}
    return np.asarray([place[word] for word in words], np.int32)
