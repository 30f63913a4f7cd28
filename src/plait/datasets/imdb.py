"""IMDB: 50,000 film reviews as numbers of words, half of them friendly."""

import json

import numpy as np

from plait.datasets.files import BUCKET, published, read_arrays
from plait.datasets.splits import Arrays, common, numbered, shorter, shuffled
from plait.errors import DataError

__all__ = ["get_word_index", "load_data"]


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    **kwargs: object,
) -> tuple[Arrays, Arrays]:
    """The reviews, arrays (25000,) of lists of whole numbers, with labels 0 and 1.

    Words are numbered by how often they occur, from `index_from` + 1 for the most frequent one. 0 is for padding.

    Args:
        path: the name of the file in the folder of data sets.
        num_words: only words with numbers below it are kept; all if None.
        skip_top: the most frequent words, so many, are not kept.
        maxlen: only reviews of fewer words are kept.
        seed: of the order.
        start_char: what each review begins with; None for nothing.
        oov_char: what stands for words that aren't kept; None leaves them out.
        index_from: what is added to the numbers.
        kwargs: nothing; taken as Keras takes them.

    Returns:
        `(x_train, y_train), (x_test, y_test)`.

    Raises:
        DataError: no review is short enough.
        FileError: the file isn't there and can't be fetched.

    Source: Andrew Maas et al., "Learning word vectors for sentiment analysis", 2011.
    """
    file_hash = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
    arrays = read_arrays(published(path, f"{BUCKET}imdb.npz", file_hash))
    rng = np.random.RandomState(seed)
    parts = []
    for part in ("train", "test"):
        x, labels = shuffled(rng, arrays[f"x_{part}"], arrays[f"y_{part}"])
        parts.append(shorter(numbered(x, start_char, index_from), labels, maxlen))
    (train, train_labels), (test, test_labels) = parts
    if not train or not test:
        raise DataError(f"imdb.load_data: no review has fewer than maxlen={maxlen} words. Increase maxlen.")
    rows = common(train + test, num_words, skip_top, oov_char)
    return (rows[: len(train)], train_labels), (rows[len(train) :], test_labels)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """The number of each word, to which `load_data` adds `index_from`.

    Raises:
        FileError: the file isn't there and can't be fetched.
    """
    found = published(path, f"{BUCKET}imdb_word_index.json", "bfafd718b763782e994055a2d397834f")
    return json.loads(found.read_text("utf-8"))
