"""Texts to indices: made uniform, cut into tokens, looked up in a vocabulary."""

import re
import string
from collections.abc import Callable
from typing import Any

import numpy as np

from plait._long_work import LongWork
from plait.common.dtypes import narrow
from plait.common.registry import builtin
from plait.common.settings import settings
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, ShapeError
from plait.layers.preprocessing.encoding import HostLayer, as_array, as_text, batches_of, check_option, refuse_sparse
from plait.layers.preprocessing.lookup import OUTPUT_MODES, StringLookup, as_list, refuse_path

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_STANDARDS = {
    "lower_and_strip_punctuation": {**_NO_PUNCTUATION, **_LOWER},
    "lower": _LOWER,
    "strip_punctuation": _NO_PUNCTUATION,
}
_WORD = re.compile(r"[^ \t\n\v\f\r]+")
_OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


@builtin("layers")
class TextVectorization(HostLayer):
    """Texts to indices of tokens, or to rows that count them.

    Runs on the host: standardize, split, join to n-grams, look up, pad.

    Args:
        max_tokens: the most tokens that the vocabulary may have, those for padding and for unknown tokens included.
        standardize: `"lower_and_strip_punctuation"`, `"lower"`, `"strip_punctuation"`, None, or a function of an array of
            strings. As in Keras, only ASCII letters are lowered and only ASCII punctuation goes.
        split: `"whitespace"` (that of ASCII), `"character"`, None, or a function of an array of strings that returns the
            tokens of each.
        ngrams: up to how many tokens are joined, or a tuple of how many.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"`, `"count"` or `"tf_idf"`.
        output_sequence_length: to what length rows of indices are cut or padded; None pads to the longest.
        pad_to_max_tokens: whether encodings have `max_tokens` places, whatever the vocabulary's size.
        vocabulary: the tokens, or the path of a file with one a line.
        idf_weights: a weight for each token, in the `"tf_idf"` mode.
        sparse, ragged: not supported.
        encoding: of strings given as bytes.

    Shapes: `[B]` or `[B, 1]` to `[B, T]`, or `[B, vocabulary]` for encodings.

    Raises:
        ArgumentError: arguments that don't go together, as in Keras.
        ShapeError: texts in more than one column.

    >>> layer = TextVectorization(output_sequence_length=4, vocabulary=["earth", "wind", "and", "fire"])
    >>> layer([["Earth, wind"], ["michael and fire"]]).tolist()
    [[2, 3, 0, 0], [1, 4, 5, 0]]
    """

    host = True

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: Any = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ):
        inner = {key: kwargs.pop(key) for key in ("has_input_vocabulary", "vocabulary_size") if key in kwargs}
        super().__init__(name=name, **kwargs)
        self.standardize, self.split, self.ngrams = standardize, split, ngrams
        self.output_mode = _OLD_MODES.get(output_mode, output_mode)
        self.output_sequence_length = output_sequence_length
        self.sparse, self.ragged, self.encoding = sparse, ragged, encoding
        self._check_arguments()
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            mask_token="",
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            output_mode=self.output_mode,
            pad_to_max_tokens=pad_to_max_tokens,
            encoding=encoding,
            **inner,
        )

    def _check_arguments(self) -> None:
        refuse_sparse("TextVectorization", self.sparse)
        if self.ragged:
            raise ArgumentError(
                "TextVectorization: `ragged=True` can only be used with the TensorFlow backend of Keras. plait's tensors are "
                "dense: leave it out, and rows are padded with 0."
            )
        if self.standardize is not None and not callable(self.standardize):
            check_option("TextVectorization", "standardize", self.standardize, tuple(_STANDARDS))
        if self.split is not None and not callable(self.split):
            check_option("TextVectorization", "split", self.split, ("whitespace", "character"))
        check_option("TextVectorization", "output_mode", self.output_mode, OUTPUT_MODES)
        several = isinstance(self.ngrams, tuple) and all(isinstance(width, int) for width in self.ngrams)
        if not (self.ngrams is None or isinstance(self.ngrams, int) or several):
            raise ArgumentError(
                f"`ngrams` must be None, an integer, or a tuple of integers, but got ngrams={self.ngrams}."
            )
        length = self.output_sequence_length
        if self.output_mode == "int" and not (length is None or isinstance(length, int)):
            raise ArgumentError(
                "`output_sequence_length` must be either None or an integer when `output_mode` is 'int', but got "
                f"output_sequence_length={length}."
            )
        if self.output_mode != "int" and length is not None:
            raise ArgumentError(
                "`output_sequence_length` must not be set if `output_mode` is not 'int', but got "
                f"output_sequence_length={length}."
            )

    # ------------------------------------------------------------------------ the vocabulary

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learns the vocabulary from texts.

        Args:
            data: an array or list of texts, or an iterable of batches.
            batch_size: has no effect.
            steps: how many batches to take of an iterable.

        Raises:
            ArgumentError: the vocabulary was given.
        """
        self.reset_state()
        with LongWork(f"Adapting {self.name}", steps) as work:
            for batch in work.through(batches_of(data, steps)):
                self.update_state(batch)
            self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Counts the tokens of a batch of texts."""
        tokens = self._tokens_of(as_array(data))
        if isinstance(tokens, list):
            self._lookup_layer.update_with_rows(tokens)
        else:
            self._lookup_layer.update_state(tokens)

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forgets what was counted, and keeps the vocabulary."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list:
        """The tokens, each at its index."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many indices there are, those for padding and for unknown tokens included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Replaces the vocabulary: `StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    # ------------------------------------------------------------------------ the call

    def call(self, inputs: Any) -> Any:
        self._lookup_layer._check_ready()
        tokens = self._tokens_of(inputs)
        tokens = _padded(tokens) if isinstance(tokens, list) else tokens
        if self.output_mode == "int" and self.output_sequence_length is not None and tokens.ndim:
            tokens = _to_length(tokens, self.output_sequence_length)
        return self._lookup_layer.encode_indices(self._lookup_layer.indices_of(tokens))

    def _tokens_of(self, inputs: Any) -> Any:
        """The tokens of texts: a list of rows of different lengths, or an array where nothing cuts or joins."""
        texts = self._standardized(as_text(inputs, self.encoding))
        if self.split is None and self.ngrams is None:
            return texts
        if self.split is None:
            return self._joined([list(row) for row in texts.reshape((-1, texts.shape[-1]))])
        if texts.ndim > 1:
            if texts.shape[-1] != 1:
                raise ShapeError(
                    f"TextVectorization: texts must have the shape (B,) or (B, 1) to be cut into words, but got {texts.shape}."
                )
            texts = texts[..., 0]
        if texts.ndim == 0:
            return np.array(self._joined(self._cut(texts[None]))[0], str)
        return self._joined(self._cut(texts))

    def _standardized(self, texts: np.ndarray) -> np.ndarray:
        if self.standardize is None:
            return texts
        if callable(self.standardize):
            return as_text(self.standardize(texts), self.encoding)
        table = _STANDARDS[self.standardize]
        return np.array([text.translate(table) for text in texts.ravel().tolist()], str).reshape(texts.shape)

    def _cut(self, texts: np.ndarray) -> list:
        if callable(self.split):
            rows: Any = self.split(texts)
            return [list(as_text(list(row), self.encoding)) if len(row) else [] for row in rows]
        cut: Callable[[str], list] = _WORD.findall if self.split == "whitespace" else list
        return [cut(text) for text in texts.tolist()]

    def _joined(self, rows: list) -> list:
        if self.ngrams is None:
            return rows
        widths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        return [
            [" ".join(row[at : at + width]) for width in widths for at in range(len(row) - width + 1)] for row in rows
        ]

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The shape of the indices, or of what they are encoded as."""
        shape = tuple(input_shape)
        if self.output_mode == "int":
            if self.split is None and self.ngrams is None and self.output_sequence_length is None:
                return shape
            return (*shape[:1], self.output_sequence_length)
        cut = self.split is not None and shape[-1:] == (1,) and len(shape) > 1
        tokens = (*(shape[:-1] if cut else shape), None) if self.split is not None else shape
        return self._lookup_layer.compute_output_shape(tokens)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """The specs of a call's result, without running it."""
        dtype = narrow("int64") if self.output_mode == "int" else settings().floatx
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype)

    # ------------------------------------------------------------------------ config and files

    def get_config(self) -> dict:
        """The constructor's arguments; a vocabulary that was given as values is one of them."""
        lookup = self._lookup_layer
        config = super().get_config()
        config.update(
            max_tokens=lookup.max_tokens,
            standardize=self.standardize,
            split=self.split,
            ngrams=self.ngrams,
            output_mode=self.output_mode,
            output_sequence_length=self.output_sequence_length,
            pad_to_max_tokens=lookup.pad_to_max_tokens,
            sparse=self.sparse,
            ragged=self.ragged,
            vocabulary=lookup._tokens_of_config(),
            idf_weights=as_list(lookup.input_idf_weights),
            encoding=self.encoding,
            vocabulary_size=self.vocabulary_size(),
        )
        return config

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """A layer from its config.

        Raises:
            UnsafeFileError: the config names a file for the vocabulary.
        """
        refuse_path(cls.__name__, config)
        ngrams = config.get("ngrams")
        return super().from_config({**config, "ngrams": tuple(ngrams) if isinstance(ngrams, list) else ngrams})

    def save_own_variables(self, store: Any) -> None:
        """Writes the weights of tokens, in the `"tf_idf"` mode."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Reads the weights of tokens."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: Any) -> None:
        """Writes the vocabulary to `vocabulary.txt`, where the config doesn't hold it."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: Any) -> None:
        """Reads the vocabulary from `vocabulary.txt`, where the config doesn't hold it."""
        self._lookup_layer.load_assets(dir_path)


def _padded(rows: list) -> np.ndarray:
    """Rows of tokens as an array, the shorter ones filled up with the mask token."""
    longest = max(map(len, rows), default=0)
    return np.array([[*row, *[""] * (longest - len(row))] for row in rows], str).reshape(len(rows), longest)


def _to_length(tokens: np.ndarray, length: int) -> np.ndarray:
    """The last axis cut or filled up to a length."""
    cut = tokens[..., :length]
    return np.pad(cut, [(0, 0)] * (cut.ndim - 1) + [(0, length - cut.shape[-1])], constant_values="")
