"""Reuters: 11,228 news as numbers of words, in 46 topics."""

import json

import numpy as np

from plait.datasets.files import BUCKET, published, read_arrays
from plait.datasets.splits import Arrays, common, numbered, shorter, shuffled

__all__ = ["get_label_names", "get_word_index", "load_data"]

_TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass crude "
    "nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber "
    "heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
).split()


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Arrays, Arrays]:
    """The news, arrays (N,) of lists of whole numbers, with the numbers of their topics.

    Args:
        path: the name of the file in the folder of data sets.
        num_words: only words with numbers below it are kept; all if None.
        skip_top: the most frequent words, so many, are not kept.
        maxlen: only news of fewer words are kept.
        test_split: the part for testing.
        seed: of the order.
        start_char: what each text begins with; None for nothing.
        oov_char: what stands for words that aren't kept; None leaves them out.
        index_from: what is added to the numbers.

    Returns:
        `(x_train, y_train), (x_test, y_test)`.

    Raises:
        FileError: the file isn't there and can't be fetched.

    Source: David Lewis, "Reuters-21578 text categorization test collection", 1997.
    """
    file_hash = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
    arrays = read_arrays(published(path, f"{BUCKET}reuters.npz", file_hash))
    x, labels = shuffled(np.random.RandomState(seed), arrays["x"], arrays["y"])
    texts, labels = shorter(numbered(x, start_char, index_from), labels, maxlen)
    rows = common(texts, num_words, skip_top, oov_char)
    first = int(len(rows) * (1 - test_split))
    return (rows[:first], labels[:first]), (rows[first:], labels[first:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """The number of each word, to which `load_data` adds `index_from`.

    Raises:
        FileError: the file isn't there and can't be fetched.
    """
    found = published(path, f"{BUCKET}reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921")
    return json.loads(found.read_text("utf-8"))


def get_label_names() -> tuple[str, ...]:
    """The topics by number.

    >>> get_label_names()[3:5]
    ('earn', 'acq')
    """
    return tuple(_TOPICS)
