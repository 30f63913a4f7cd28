"""Lookups: tokens to indices by a vocabulary, and back.

The index of a token is its place in the vocabulary. Before the vocabulary stand the special tokens: the mask token, if
there is one and indices are what comes out (index 0), and then the places for tokens that the vocabulary doesn't have
("out of vocabulary", OOV). The vocabulary is given, read from a file, or learnt from data by `adapt`: the most frequent
tokens first, of equally frequent ones the greater first.

In memory the vocabulary is two arrays: the tokens in sorted order, and their indices. A lookup is a binary search, on the
host for strings and on the device for integers.

In files, a vocabulary that was given as values stands in the config; any other is an asset, `vocabulary.txt`, one token a
line, special tokens included. Loading never opens a file that a config names.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from plait._long_work import LongWork
from plait.common.dtypes import narrow
from plait.common.messages import describe, listing
from plait.common.registry import builtin
from plait.common.settings import settings
from plait.common.traits import of_plait
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, FileError, StateError, UnsafeFileError
from plait.layers.preprocessing.encoding import (
    HostLayer,
    as_array,
    as_salt,
    as_text,
    batches_of,
    check_option,
    encode,
    encoded_shape,
    hash_to_buckets,
    refuse_sparse,
)

OUTPUT_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


class Counts:
    """What `adapt` has seen: how often each token, in how many documents each, and how many documents."""

    def __init__(self) -> None:
        self.tokens: Counter = Counter()
        self.documents: Counter = Counter()
        self.number_of_documents = 0

    def add(self, rows: Any, with_documents: bool) -> None:
        """Counts the tokens of some documents, one a row."""
        for row in rows:
            tokens = np.ravel(row).tolist()
            self.tokens.update(tokens)
            if with_documents:
                self.documents.update(set(tokens))
        self.number_of_documents += len(rows)


@of_plait
class IndexLookup(HostLayer):
    """What `StringLookup` and `IntegerLookup` share: a vocabulary, its places, and the encodings of these.

    Args:
        max_tokens: the most tokens that the vocabulary may have, special ones included; None for any number.
        num_oov_indices: how many indices there are for tokens that aren't in the vocabulary; with none, such are an error.
        mask_token: the token that stands for nothing: index 0, or left out of the other encodings.
        oov_token: what such an index is turned back to, with `invert`.
        vocabulary_dtype: `"int64"` or `"string"`.
        vocabulary: the tokens, or the path of a file with one a line.
        idf_weights: a weight for each token, in the `"tf_idf"` mode.
        invert: whether indices come in and tokens go out.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"`, `"count"` or `"tf_idf"`.
        sparse: not supported.
        pad_to_max_tokens: whether encodings have `max_tokens` places, whatever the vocabulary's size.
        oov_method: how a token that isn't in the vocabulary gets one of several indices: for integers by their remainder
            (`"floormod"`), or by their hash (`"farmhash"`); always by their hash for strings.
        salt: two integers, or one, that change the hash.

    Raises:
        ArgumentError: arguments that don't go together, as in Keras.

    Differs: encodings are `floatx`, as Keras's documentation and symbolic outputs say (its values are integers).
    """

    _needs_integers = True

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary_dtype: str,
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ):
        vocabulary_size = kwargs.pop("vocabulary_size", None)
        has_vocabulary = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        trainable = kwargs.pop("trainable", True)
        kwargs.pop("dtype", None)
        super().__init__(name=name, trainable=trainable, **kwargs)
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.vocabulary_dtype = vocabulary_dtype
        self.invert, self.sparse = invert, sparse
        self.output_mode = _OLD_MODES.get(output_mode, output_mode)
        self.pad_to_max_tokens = pad_to_max_tokens
        self.oov_method, self.salt = oov_method, as_salt(type(self).__name__, salt)
        self._has_input_vocabulary = has_vocabulary
        self.input_vocabulary = vocabulary if not isinstance(vocabulary, str) else None
        self.input_idf_weights = idf_weights
        self.idf_weights: np.ndarray | None = None
        self._frozen_vocab_size = vocabulary_size
        self._counts = Counts()
        self._check_arguments()
        self._keep(np.array([], str if vocabulary_dtype == "string" else "int64"))
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    def _check_arguments(self) -> None:
        owner = type(self).__name__
        if self.max_tokens is not None and self.max_tokens <= 1:
            raise ArgumentError(
                f"{owner}: If set, `max_tokens` must be greater than 1, but got max_tokens={self.max_tokens}."
            )
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise ArgumentError(f"{owner}: If pad_to_max_tokens is True, must set `max_tokens`, but it is None.")
        if self.num_oov_indices < 0:
            raise ArgumentError(
                f"{owner}: `num_oov_indices` must be greater than or equal to 0, but got "
                f"num_oov_indices={self.num_oov_indices}."
            )
        check_option(owner, "oov_method", self.oov_method, ("floormod", "farmhash"))
        if self.salt is not None and self.vocabulary_dtype != "string" and self.oov_method != "farmhash":
            raise ArgumentError(
                f"{owner}: `salt` can only be used when `oov_method='farmhash'`, but got oov_method={self.oov_method}."
            )
        check_option(owner, "output_mode", self.output_mode, OUTPUT_MODES)
        if self.invert and self.output_mode != "int":
            raise ArgumentError(
                f"{owner}: `output_mode` must be `'int'` when `invert` is true, but got output_mode={self.output_mode}."
            )
        refuse_sparse(owner, self.sparse)
        if self.output_mode != "tf_idf" and self.input_idf_weights is not None:
            raise ArgumentError(
                f"{owner}: `idf_weights` should only be set if `output_mode` is `'tf_idf'`, but got "
                f"output_mode={self.output_mode}."
            )
        if self.output_mode == "tf_idf" and self._has_input_vocabulary and self.input_idf_weights is None:
            raise ArgumentError(
                f"{owner}: When specifying the `vocabulary` argument, in TF-IDF output mode, the `idf_weights` argument must "
                "also be provided."
            )

    # ------------------------------------------------------------------------ the vocabulary

    def _oov_start(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    def _token_start(self) -> int:
        return self._oov_start() + self.num_oov_indices

    def _special_tokens(self) -> list:
        return [self.mask_token] * self._oov_start() + [self.oov_token] * self.num_oov_indices

    def _as_tokens(self, values: Any) -> np.ndarray:
        """Values in the vocabulary's dtype, on the host.

        Raises:
            ArgumentError: they cannot be tokens.
        """
        if self.vocabulary_dtype == "string":
            return as_text(values, getattr(self, "encoding", "utf-8"))
        array = np.asarray(values)
        if array.size and array.dtype.kind not in "iub":
            raise ArgumentError(f"{type(self).__name__} {self.name!r}: expected integers, but got {describe(array)}.")
        return array.astype("int64")

    def _keep(self, tokens: np.ndarray) -> None:
        """Takes over a vocabulary, without special tokens."""
        self._tokens = tokens
        order = np.argsort(tokens, kind="stable")
        self._sorted, self._places = tokens[order], order + self._token_start()
        self.mark_changed()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list:
        """The tokens, each at its index.

        Args:
            include_special_tokens: whether the mask token and those for what isn't in the vocabulary stand before them.
        """
        special = self._special_tokens() if include_special_tokens else []
        return [*special, *self._tokens.tolist()]

    def vocabulary_size(self) -> int:
        """How many indices there are, those of special tokens included."""
        return len(self._tokens) + self._token_start()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Replaces the vocabulary.

        Args:
            vocabulary: the tokens, or the path of a text file with one a line. Special tokens may stand first, all of them
                in their order, or not at all.
            idf_weights: a weight for each token, in the `"tf_idf"` mode and only there.

        Raises:
            ArgumentError: an empty one, one with a token twice, one with special tokens at other places, one that is too
                large, a file that isn't there, weights of another number.
            StateError: another size than before, where the size is the length of what comes out.
        """
        weighted = self.output_mode == "tf_idf"
        if weighted != (idf_weights is not None):
            raise ArgumentError(
                f"{type(self).__name__}: `idf_weights` must be set if output_mode is 'tf_idf'."
                if weighted
                else f"{type(self).__name__}: `idf_weights` should only be set if output_mode is `'tf_idf'`, but got "
                f"output_mode={self.output_mode} and idf_weights={describe(idf_weights)}."
            )
        if isinstance(vocabulary, str):
            self._keep(self._checked(self._read_file(vocabulary)))
            self._record_size()
            return
        given = self._as_tokens(vocabulary)
        if given.size == 0:
            raise ArgumentError(f"A vocabulary must have a term, but got {vocabulary}.")
        start = self._token_start()
        has_special = given[:start].tolist() == self._special_tokens()
        tokens = self._checked(given[start:] if has_special else given)
        weights = None if idf_weights is None else self._checked_weights(idf_weights, given, has_special)
        self._keep_if_size_fits(tokens)
        self.idf_weights = weights if weights is not None else self.idf_weights

    def _keep_if_size_fits(self, tokens: np.ndarray) -> None:
        before = self._tokens
        self._keep(tokens)
        try:
            self._record_size()
        except StateError:
            self._keep(before)
            raise

    def _read_file(self, path: str) -> np.ndarray:
        if self.output_mode == "tf_idf":
            raise ArgumentError("output_mode `'tf_idf'` does not support loading a vocabulary from file.")
        if not Path(path).is_file():
            raise FileError(f"Vocabulary file {path} does not exist.")
        return self._parse(Path(path))

    def _parse(self, path: Path) -> np.ndarray:
        """The tokens of a file, one a line; empty lines at its end are no tokens.

        Raises:
            FileError: not text, or not integers where these are asked for.
        """
        try:
            lines = path.read_bytes().decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")
            while lines and lines[-1] == "":
                lines.pop()
            return np.array(lines, str) if self.vocabulary_dtype == "string" else np.array(lines, "int64")
        except (ValueError, OverflowError) as error:
            raise FileError(
                f"{type(self).__name__}: the vocabulary file {path.name} has lines that are no integers."
            ) from error

    def _checked(self, tokens: np.ndarray) -> np.ndarray:
        """Tokens that can be a vocabulary."""
        counted = Counter(tokens.tolist())
        repeated = [token for token, count in counted.items() if count > 1]
        if repeated:
            raise ArgumentError(
                f"The passed vocabulary has at least one repeated term: {listing(repeated)}. Each must occur once."
            )
        reserved = [("mask", self.mask_token), ("OOV", self.oov_token if self.invert else None)]
        for kind, token in reserved:
            if token is not None and token in counted:
                raise ArgumentError(
                    f"Found reserved {kind} token at unexpected location in `vocabulary`: {token!r} is at index "
                    f"{tokens.tolist().index(token)} behind the special tokens. A vocabulary may begin with exactly "
                    f"{self._special_tokens()}, or must leave them out."
                )
        size = self._token_start() + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ArgumentError(
                f"Attempted to set a vocabulary larger than the maximum vocab size. Received vocabulary size is {size}; "
                f"`max_tokens` is {self.max_tokens}."
            )
        return tokens

    def _checked_weights(self, idf_weights: Any, given: np.ndarray, has_special: bool) -> np.ndarray:
        """A weight for each index: the mean of all for tokens that aren't in the vocabulary."""
        weights = np.asarray(idf_weights, settings().floatx)
        if weights.ndim != 1:
            raise ArgumentError(f"TF-IDF data must be a 1-index array, but got {describe(weights)}.")
        if len(given) != len(weights):
            raise ArgumentError(
                f"`idf_weights` must be the same length as vocabulary. len(idf_weights) is {len(weights)}; len(vocabulary) is "
                f"{len(given)}"
            )
        return self._padded_weights(weights, 0 if has_special else self._token_start())

    def _padded_weights(self, weights: np.ndarray, front: int) -> np.ndarray:
        weights = np.concatenate([np.full(front, weights.mean(), weights.dtype), weights])
        missing = self.max_tokens - len(weights) if self.pad_to_max_tokens and self.max_tokens is not None else 0
        return np.pad(weights, (0, missing))

    def _record_size(self) -> None:
        size = self.vocabulary_size()
        fixed = self.output_mode != "int" and not self.pad_to_max_tokens
        if fixed and self._frozen_vocab_size is not None and size != self._frozen_vocab_size:
            raise StateError(
                f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, the vocabulary size cannot be "
                f"changed after the layer is called. Old vocab size is {self._frozen_vocab_size}, new vocab size is {size}"
            )
        self._frozen_vocab_size = size

    # ------------------------------------------------------------------------ learning it

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learns the vocabulary from data, in place of what was learnt before.

        Args:
            data: an array or list, of which each item or row is a document, or an iterable of batches.
            steps: how many batches to take of an iterable.

        Raises:
            ArgumentError: the vocabulary was given; data that cannot be tokens.
        """
        self.reset_state()
        with LongWork(f"Adapting {self.name}", steps) as work:
            for batch in work.through(batches_of(data, steps)):
                self.update_state(batch)
            self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Counts the tokens of a batch; one axis alone is one document."""
        self._refuse_if_given()
        tokens = self._as_tokens(data)
        self._counts.add(tokens[None] if tokens.ndim < 2 else tokens, self.output_mode == "tf_idf")

    def update_with_rows(self, rows: list) -> None:
        """Counts the tokens of documents that have different lengths."""
        self._refuse_if_given()
        self._counts.add(rows, self.output_mode == "tf_idf")

    def _refuse_if_given(self) -> None:
        if self._has_input_vocabulary:
            raise ArgumentError(
                f"Cannot adapt layer '{self.name}' after setting a static vocabulary via `vocabulary` argument or "
                "`set_vocabulary()` method."
            )

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        if self._has_input_vocabulary or not self._counts.tokens:
            self._record_size()
            return
        counts = self._counts
        for token in (self.mask_token, self.oov_token):
            counts.tokens.pop(token, None)
        most = None if self.max_tokens is None else max(self.max_tokens - self._token_start(), 0)
        ranked = sorted(counts.tokens.items(), key=lambda item: (item[1], item[0]), reverse=True)[:most]
        tokens = [token for token, _ in ranked]
        self._keep_if_size_fits(np.array(tokens, str if self.vocabulary_dtype == "string" else "int64"))
        if self.output_mode == "tf_idf":
            seen = np.array([counts.documents[token] for token in tokens])
            weights = np.log(1 + counts.number_of_documents / (1 + seen)).astype(settings().floatx)
            self.idf_weights = self._padded_weights(weights, self._token_start())
        self.mark_changed()
        self.reset_state()

    def reset_state(self) -> None:
        """Forgets what was counted, and keeps the vocabulary."""
        self._counts = Counts()

    # ------------------------------------------------------------------------ the call

    def call(self, inputs: Any) -> Any:
        self._check_ready()
        if self.invert:
            return self._tokens_at(inputs)
        return self.encode_indices(self.indices_of(inputs))

    def _check_ready(self) -> None:
        if self.output_mode != "int" and not self.pad_to_max_tokens and self._frozen_vocab_size is None:
            raise StateError(
                f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, you must set the layer's "
                "vocabulary before calling it. Either pass a `vocabulary` argument to the layer, or call `adapt` with some "
                "sample data."
            )
        if self.output_mode == "tf_idf" and self.idf_weights is None:
            raise StateError(
                "When `output_mode` is `'tf_idf'`, `idf_weights` must be provided: call `adapt`, or give them."
            )

    def indices_of(self, inputs: Any) -> Any:
        """The index of each token; -1 for mask tokens in encodings, which don't count them.

        Raises:
            ArgumentError: a token that isn't in the vocabulary, where there is no index for such. Inside a trace, where
                nothing can be looked at, its index is -1.
        """
        on_device = isinstance(inputs, jax.Array) and self.vocabulary_dtype != "string"
        values = inputs if on_device else self._as_tokens(inputs)
        indices, found = self._find(values, on_device)
        where = jnp.where if on_device else np.where
        indices = where(found, indices, self._oov_indices(values))
        if self.mask_token is not None:
            masked = values == self.mask_token
            indices, found = where(masked, 0 if self.output_mode == "int" else -1, indices), found | masked
        if self.num_oov_indices == 0 and not isinstance(found, Tracer) and not bool(found.all()):
            missing = np.unique(np.asarray(values)[~np.asarray(found)])
            raise ArgumentError(
                "When `num_oov_indices=0` all inputs should be in vocabulary, found OOV values "
                f"{listing(missing.tolist())}, consider setting `num_oov_indices=1`."
            )
        return indices

    def _find(self, values: Any, on_device: bool) -> tuple[Any, Any]:
        """Indices by binary search, and which of them are right."""
        tokens, places = self._sorted, self._places
        if on_device:
            limits = np.iinfo(values.dtype)
            fits = (tokens >= limits.min) & (tokens <= limits.max)
            tokens = jnp.asarray(tokens[fits].astype(values.dtype))
            places = jnp.asarray(places[fits].astype(narrow("int64")))
        if not len(tokens):
            return (
                (values * 0, values != values)
                if on_device
                else (np.zeros(values.shape, "int64"), np.zeros(values.shape, bool))
            )
        search, least = (jnp.searchsorted, jnp.minimum) if on_device else (np.searchsorted, np.minimum)
        position = least(search(tokens, values), len(tokens) - 1)
        return places[position], tokens[position] == values

    def _oov_indices(self, values: Any) -> Any:
        if self.num_oov_indices == 0:
            return -1
        if self.num_oov_indices == 1:
            return self._oov_start()
        if self.vocabulary_dtype != "string" and self.oov_method == "floormod":
            return values % self.num_oov_indices + self._oov_start()
        return hash_to_buckets(values, self.num_oov_indices, self.salt) + self._oov_start()

    def encode_indices(self, indices: Any) -> Any:
        """Indices in the form that `output_mode` asks for."""
        if self.output_mode == "int":
            return encode(indices, "int", 0, "int64")
        weighted = self.output_mode == "tf_idf"
        rows = encode(indices, "count" if weighted else self.output_mode, self._depth(), settings().floatx)
        return rows * jnp.asarray(self.idf_weights, rows.dtype) if weighted else rows

    def _depth(self) -> int:
        return self.max_tokens if self.pad_to_max_tokens else self._frozen_vocab_size  # type: ignore[return-value]

    def _tokens_at(self, inputs: Any) -> Any:
        """The tokens of indices: on the device for integers from there, else on the host."""
        on_device = isinstance(inputs, jax.Array) and self.vocabulary_dtype != "string"
        xp: Any = jnp if on_device else np
        values = inputs if on_device else np.asarray(inputs).astype("int64")
        dtype = str if self.vocabulary_dtype == "string" else "int64"
        tokens = np.concatenate([self._tokens, np.array([self.oov_token], dtype)])
        places = values - self._token_start()
        known = (places >= 0) & (places < len(self._tokens))
        found = xp.asarray(tokens.astype(narrow("int64")) if on_device else tokens)[
            xp.where(known, places, len(self._tokens))
        ]
        if self.mask_token is not None:
            found = xp.where(values == 0, self.mask_token, found)
        return found if self.vocabulary_dtype == "string" else jnp.asarray(found.astype(narrow("int64")))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The shape of the indices, or of what they are encoded as."""
        return encoded_shape(input_shape, self.output_mode, self._depth() if self.output_mode != "int" else None)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """The specs of a call's result, without running it: the vocabulary may not be there yet."""
        if self.invert and self.vocabulary_dtype == "string":
            dtype = "string"
        else:
            dtype = narrow("int64") if self.output_mode == "int" else settings().floatx
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype)

    # ------------------------------------------------------------------------ config and files

    def get_config(self) -> dict:
        """The constructor's arguments; a vocabulary that was given as values is one of them."""
        config = super().get_config()
        config.update(
            invert=self.invert,
            max_tokens=self.max_tokens,
            num_oov_indices=self.num_oov_indices,
            oov_token=self.oov_token,
            mask_token=self.mask_token,
            output_mode=self.output_mode,
            sparse=self.sparse,
            pad_to_max_tokens=self.pad_to_max_tokens,
            vocabulary_dtype=self.vocabulary_dtype,
            idf_weights=as_list(self.input_idf_weights),
            vocabulary=self._tokens_of_config(),
            vocabulary_size=self._frozen_vocab_size,
            oov_method=self.oov_method,
            salt=self.salt,
        )
        return config

    def _tokens_of_config(self) -> list | None:
        return None if self.input_vocabulary is None else self._as_tokens(self.input_vocabulary).tolist()

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """A layer from its config.

        Raises:
            UnsafeFileError: the config names a file for the vocabulary.
        """
        refuse_path(cls.__name__, config)
        return super().from_config(config)

    def get_build_config(self) -> dict:
        """Nothing: it needs no shapes."""
        return {}

    def build_from_config(self, config: dict) -> None:
        """Marks it as built."""
        self.build(None)

    def save_own_variables(self, store: Any) -> None:
        """Writes the weights of tokens, in the `"tf_idf"` mode."""
        if self.output_mode == "tf_idf" and self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Any) -> None:
        """Reads the weights of tokens."""
        if self.output_mode == "tf_idf" and "idf_weights" in store:
            self.idf_weights = np.asarray(store["idf_weights"])
            self.mark_changed()

    def save_assets(self, dir_path: Any) -> None:
        """Writes the vocabulary to `vocabulary.txt`, where the config doesn't hold it."""
        if self.input_vocabulary is None:
            lines = "\n".join(str(token) for token in self.get_vocabulary())
            Path(dir_path, "vocabulary.txt").write_bytes(lines.encode("utf-8", "surrogateescape"))

    def load_assets(self, dir_path: Any) -> None:
        """Reads the vocabulary from `vocabulary.txt`, where the config doesn't hold it."""
        path = Path(dir_path, "vocabulary.txt")
        if self.input_vocabulary is not None or not path.is_file():
            return
        tokens = self._parse(path)
        start = self._token_start()
        has_special = tokens[:start].tolist() == self._special_tokens()
        self._keep_if_size_fits(self._checked(tokens[start:] if has_special else tokens))


def as_list(values: Any) -> Any:
    """Values for a config: lists for arrays, None for None."""
    return values if values is None else np.asarray(as_array(values)).tolist()


def refuse_path(owner: str, config: dict) -> None:
    """Refuses a config that names a file for the vocabulary: loading opens no files that a file names.

    Raises:
        UnsafeFileError: it does.
    """
    if isinstance(config.get("vocabulary"), str):
        raise UnsafeFileError(
            f"{owner}: the config asks for the vocabulary file {config['vocabulary']!r}, outside of the archive. plait never opens "
            "files that a file names: make the layer without a vocabulary, and call set_vocabulary with the path yourself."
        )


@builtin("layers")
class StringLookup(IndexLookup):
    """Strings to indices by a vocabulary, or back.

    Runs on the host. Arguments and errors are those of `IndexLookup`; `encoding` is that of strings given as bytes.

    Differs: with `invert`, strings come as NumPy's `str`, and not as bytes in an array of objects.

    >>> layer = StringLookup(vocabulary=["a", "b", "c"])
    >>> layer([["a", "c", "z"]]).tolist()
    [[1, 3, 0]]
    >>> StringLookup(vocabulary=layer.get_vocabulary(), invert=True)([1, 0]).tolist()
    ['a', '[UNK]']
    """

    host = True

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ):
        self.encoding = encoding
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            "string",
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            name=name,
            salt=salt,
            **kwargs,
        )

    def get_config(self) -> dict:
        """The constructor's arguments."""
        config = {**super().get_config(), "encoding": self.encoding}
        del config["vocabulary_dtype"]
        return config


@builtin("layers")
class IntegerLookup(IndexLookup):
    """Integers to indices by a vocabulary, or back.

    Arrays of JAX are looked up on the device, also inside of `jit`; NumPy arrays on the host, with all of their 64 bits.
    Arguments and errors are those of `IndexLookup`.

    >>> import numpy as np
    >>> layer = IntegerLookup(vocabulary=[12, 36, 1138, 42])
    >>> layer(np.array([[12, 1138, 42], [42, 1000, 36]])).tolist()
    [[1, 3, 4], [4, 0, 2]]
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int | None = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if vocabulary_dtype != "int64":
            raise ArgumentError(
                "IntegerLookup: Only `vocabulary_dtype='int64'` is supported at this time, but got "
                f"vocabulary_dtype={vocabulary_dtype}."
            )
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary_dtype,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            oov_method=oov_method,
            salt=salt,
            name=name,
            **kwargs,
        )
