"""`keras.preprocessing.text` and what else of `sequence` Keras dropped: words as numbers, and pairs of words."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import md5
from typing import Any

import numpy as np

from plait.errors import ArgumentError, DataError
from plait.training.data import PyDataset

_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def text_to_word_sequence(input_text: str, filters: str = _FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text.

    >>> text_to_word_sequence("The fox, again!")
    ['the', 'fox', 'again']
    """
    text = input_text.lower() if lower else input_text
    return [word for word in text.translate(str.maketrans(dict.fromkeys(filters, split))).split(split) if word]


def hashing_trick(
    text: str,
    n: int,
    hash_function: Any = None,
    filters: str = _FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Any = None,
) -> list[int]:
    """The words of a text as numbers from 1 to below n, by a sum of their letters."""
    if hash_function == "md5":
        hash_function = lambda word: int(md5(word.encode()).hexdigest(), 16)  # noqa: E731  (a place, no secret)
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    return [(hash_function or hash)(word) % (n - 1) + 1 for word in words]


def one_hot(
    input_text: str, n: int, filters: str = _FILTERS, lower: bool = True, split: str = " ", analyzer: Any = None
) -> list[int]:
    """The words of a text as numbers from 1 to below n."""
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


class Tokenizer:
    """Words, or characters, as numbers: the more frequent, the smaller.

    Args:
        num_words: only smaller numbers are used.
        filters: characters that stand between words.
        lower: whether upper case counts as lower.
        split: what stands between words.
        char_level: whether characters count, not words.
        oov_token: what stands for unknown words; None leaves them out.
        analyzer: a function from a text to its words.

    >>> tokenizer = Tokenizer(oov_token="?")
    >>> tokenizer.fit_on_texts(["a b", "b c"])
    >>> tokenizer.texts_to_sequences(["b x"])
    [[2, 1]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = _FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Any = None,
        **kwargs: Any,
    ):
        self.num_words, self.filters, self.lower, self.split = num_words, filters, lower, split
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer
        self.document_count = kwargs.pop("document_count", 0)
        if kwargs:
            raise ArgumentError(f"Tokenizer: unknown arguments {sorted(kwargs)}.")
        self.word_counts: Counter[str] = Counter()
        self.word_docs: Counter[str] = Counter()
        self.index_docs: dict[int, int] = {}
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def _words(self, text: Any) -> list[str]:
        if isinstance(text, list):
            return [word.lower() for word in text] if self.lower else text
        if self.char_level:
            return list(text.lower() if self.lower else text)
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts: Iterable) -> None:
        """Counts the words of texts, and numbers them."""
        for text in texts:
            words = self._words(text)
            self.document_count += 1
            self.word_counts.update(words)
            self.word_docs.update(set(words))
        ranked = sorted(self.word_counts, key=lambda word: -self.word_counts[word])
        known = [*([] if self.oov_token is None else [self.oov_token]), *ranked]
        self.word_index = {word: place for place, word in enumerate(known, 1)}
        self.index_word = {place: word for word, place in self.word_index.items()}
        self.index_docs = {self.word_index[word]: count for word, count in self.word_docs.items()}

    def fit_on_sequences(self, sequences: Iterable) -> None:
        """Counts numbers of words."""
        for sequence in sequences:
            self.document_count += 1
            for number in set(sequence):
                self.index_docs[number] = self.index_docs.get(number, 0) + 1

    def texts_to_sequences(self, texts: Iterable) -> list[list[int]]:
        """Texts as lists of numbers."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable) -> Iterator[list[int]]:
        """Yields texts as lists of numbers."""
        unknown = self.word_index.get(self.oov_token or "") if self.oov_token is not None else None
        for text in texts:
            numbers = (self.word_index.get(word) for word in self._words(text))
            used = (n if n is not None and not (self.num_words and n >= self.num_words) else unknown for n in numbers)
            yield [number for number in used if number is not None]

    def sequences_to_texts(self, sequences: Iterable) -> list[str]:
        """Lists of numbers as texts."""
        unknown = self.word_index.get(self.oov_token or "")
        texts = []
        for sequence in sequences:
            words = []
            for number in sequence:
                word = self.index_word.get(number)
                if word is None or (self.num_words and number >= self.num_words):
                    word = None if unknown is None else self.index_word[unknown]
                words += [] if word is None else [word]
            texts.append(" ".join(words))
        return texts

    def texts_to_matrix(self, texts: Iterable, mode: str = "binary") -> np.ndarray:
        """A row for each text, a column for each number: see `sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Any, mode: str = "binary") -> np.ndarray:
        """A row for each list of numbers: which occur ("binary"), how often ("count", "freq"), or how tellingly ("tfidf").

        Raises:
            ArgumentError: another mode, or nothing to number by.
        """
        if not self.num_words and not self.word_index:
            raise ArgumentError("Tokenizer: say num_words, or fit it on texts first.")
        width = self.num_words or len(self.word_index) + 1
        rows = np.zeros((len(sequences), width))
        for place, sequence in enumerate(sequences):
            counts = Counter(number for number in sequence if number < width)
            for number, count in counts.items():
                rows[place, number] = self._weight(mode, number, count, len(sequence))
        return rows

    def _weight(self, mode: str, number: int, count: int, total: int) -> float:
        if mode == "tfidf":
            rare = np.log(1 + self.document_count / (1 + self.index_docs.get(number, 0)))
            return (1 + np.log(count)) * rare
        weights = {"binary": 1.0, "count": float(count), "freq": count / total}
        if mode not in weights:
            raise ArgumentError(f"Tokenizer: no mode is called {mode!r}. There are {[*weights, 'tfidf']}.")
        return weights[mode]

    def get_config(self) -> dict:
        """What it is made of, as plain data."""
        counted = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        told = {
            name: getattr(self, name) for name in ("num_words", "filters", "lower", "split", "char_level", "oov_token")
        }
        return {
            **told,
            "document_count": self.document_count,
            **{name: json.dumps(getattr(self, name)) for name in counted},
        }

    def to_json(self, **kwargs: Any) -> str:
        """The same as JSON."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """A tokenizer from what `to_json` gave."""
    config = json.loads(json_string)["config"]
    read = {
        name: json.loads(config.pop(name))
        for name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
    }
    tokenizer = Tokenizer(**config)
    tokenizer.word_counts, tokenizer.word_docs = Counter(read["word_counts"]), Counter(read["word_docs"])
    tokenizer.word_index = read["word_index"]
    tokenizer.index_docs = {int(key): value for key, value in read["index_docs"].items()}
    tokenizer.index_word = {int(key): value for key, value in read["index_word"].items()}
    return tokenizer


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """How likely the words of each rank are kept, where frequencies fall as by Zipf's law."""
    gamma = 0.577
    rank = np.arange(size)
    rank[0] = 1
    inverse = rank * (np.log(rank) + gamma) + 0.5 - 1.0 / (12.0 * rank)
    kept = sampling_factor * inverse
    return np.minimum(1.0, kept / np.sqrt(kept))


def skipgrams(
    sequence: Any,
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list, list]:
    """Pairs of words that stand near each other, and pairs by chance, with labels that say which are which."""
    couples: list[list[int]] = []
    for place, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        start, end = max(0, place - window_size), min(len(sequence), place + window_size + 1)
        couples += [[word, sequence[at]] for at in range(start, end) if at != place and sequence[at]]
    yes, no = ([0, 1], [1, 0]) if categorical else (1, 0)
    labels: list = [yes] * len(couples)
    if negative_samples > 0:
        words = [couple[0] for couple in couples]
        random.shuffle(words)
        wrong = int(len(labels) * negative_samples)
        couples += [[words[at % len(words)], random.randint(1, vocabulary_size - 1)] for at in range(wrong)]
        labels += [no] * wrong
    if shuffle:
        seed = random.randint(0, int(10e6)) if seed is None else seed
        for values in (couples, labels):
            random.seed(seed)
            random.shuffle(values)
    return couples, labels


class TimeseriesGenerator(PyDataset):
    """Batches of stretches of a series, and of what follows each.

    Args:
        data: the series, time first.
        targets: what belongs to each time.
        length: how long a stretch is.
        sampling_rate: how far its values lie from each other.
        stride: how far stretches begin from each other.
        start_index: where the first may begin.
        end_index: the last time that may follow one.
        shuffle: whether they are drawn by chance.
        reverse: whether they run backwards.
        batch_size: stretches in a batch.
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ):
        super().__init__()
        if len(data) != len(targets):
            raise DataError(f"TimeseriesGenerator: data and targets have lengths {len(data)} and {len(targets)}.")
        self.data, self.targets, self.length = np.asarray(data), np.asarray(targets), length
        self.sampling_rate, self.stride, self.shuffle = sampling_rate, stride, shuffle
        self.start_index, self.reverse, self.batch_size = start_index + length, reverse, batch_size
        self.end_index = len(data) - 1 if end_index is None else end_index
        if self.start_index > self.end_index:
            raise DataError(
                f"TimeseriesGenerator: no stretch of {length} fits between {start_index} and {self.end_index}."
            )

    def __len__(self) -> int:
        return (self.end_index - self.start_index + self.batch_size * self.stride) // (self.batch_size * self.stride)

    def __getitem__(self, index: int) -> tuple:
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, self.batch_size)  # noqa: NPY002
        else:
            first = self.start_index + self.batch_size * self.stride * index
            rows = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        samples = np.array([self.data[row - self.length : row : self.sampling_rate] for row in rows])
        return (samples[:, ::-1] if self.reverse else samples), self.targets[rows]
