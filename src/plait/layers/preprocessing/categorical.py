"""Categories of numbers and values: bins, hashes, crossings, and rows that stand for them."""

import itertools
from collections.abc import Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from plait._long_work import LongWork
from plait.common.dtypes import is_float, narrow
from plait.common.messages import describe, listing
from plait.common.registry import builtin
from plait.common.serialization import plain
from plait.common.settings import settings
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, ShapeError, StateError
from plait.layers.argument_types import LayerOptions
from plait.layers.preprocessing.encoding import (
    HostLayer,
    as_array,
    as_salt,
    as_text,
    check_option,
    encode,
    encoded_shape,
    fingerprint64,
    hash_to_buckets,
    is_text,
    join_fingerprints,
    on_host,
    refuse_sparse,
)

_MODES = ("int", "one_hot", "multi_hot", "count")
_CROSSING_KEY = 0xDECAFCAFFE


@builtin("layers")
class CategoryEncoding(HostLayer):
    """Indices as rows of numbers.

    Args:
        num_tokens: how many indices there are.
        output_mode: `"one_hot"` (a row for each index), `"multi_hot"` (one row for all of the last axis: which of them are
            there) or `"count"` (how often).
        sparse: not supported.

    Shapes: `[B, T]` to `[B, num_tokens]`, or `[B, T, num_tokens]` for `"one_hot"` and T greater than 1.

    Raises:
        ArgumentError: another mode, no `num_tokens`, or one below 1; `count_weights` in another mode than `"count"`.

    >>> import numpy as np
    >>> CategoryEncoding(num_tokens=4, output_mode="count")(np.array([[0, 1], [3, 3]])).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0]]
    """

    _needs_integers = True

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(**kwargs)
        output_mode = "multi_hot" if output_mode == "binary" else output_mode
        if output_mode not in _MODES[1:]:
            raise ArgumentError(
                f"CategoryEncoding: Unknown arg for output_mode: {output_mode}. It must be one of {listing(_MODES[1:])}."
            )
        if num_tokens is None:
            raise ArgumentError(
                "CategoryEncoding: num_tokens must be set to use this layer. If the number of tokens is not known "
                "beforehand, use the IntegerLookup layer instead."
            )
        if num_tokens < 1:
            raise ArgumentError(f"CategoryEncoding: `num_tokens` must be >= 1, but got num_tokens={num_tokens}.")
        refuse_sparse("CategoryEncoding", sparse)
        self.num_tokens, self.output_mode, self.sparse = num_tokens, output_mode, sparse

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        if count_weights is not None and self.output_mode != "count":
            raise ArgumentError(
                "`count_weights` is not used when `output_mode` is not `'count'`, but got "
                f"`count_weights={describe(count_weights)}`."
            )
        return encode(inputs, self.output_mode, self.num_tokens, self.compute_dtype, count_weights)

    def compute_output_shape(self, input_shape: Any, count_weights_shape: Any = None) -> tuple:
        """The shape with the last axis turned into one of `num_tokens`."""
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def compute_output_spec(self, inputs: Any, count_weights: Any = None) -> KerasTensor:
        """The specs of a call's result."""
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "num_tokens": self.num_tokens, "output_mode": self.output_mode}


@builtin("layers")
class Discretization(HostLayer):
    """Numbers to the bins they lie in: bin i holds what lies from boundary i - 1 on, and below boundary i.

    Args:
        bin_boundaries: the boundaries, rising.
        num_bins: how many bins `adapt` is to learn, all equally full.
        epsilon: how exact the learnt boundaries are, as a share of the data.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"` or `"count"`.
        sparse: not supported.

    Raises:
        ArgumentError: both or none of `bin_boundaries` and `num_bins`; a negative number; another mode.
        StateError: called before `adapt`, and without boundaries.

    >>> import numpy as np
    >>> Discretization(bin_boundaries=[0.0, 1.0, 2.0])(np.array([[-1.5, 1.0, 3.4, 0.5]])).tolist()
    [[0, 2, 3, 1]]
    """

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, dtype=dtype, **kwargs)
        refuse_sparse("Discretization", sparse)
        check_option("Discretization", "output_mode", output_mode, _MODES)
        if num_bins is not None and num_bins < 0:
            raise ArgumentError(f"Discretization: `num_bins` must be a whole number from 0 up, but got {num_bins}.")
        if num_bins is not None and bin_boundaries is not None:
            raise ArgumentError(
                f"Discretization: Both `num_bins` and `bin_boundaries` were given, {num_bins} and {bin_boundaries}. Give one of "
                "them."
            )
        if num_bins is None and bin_boundaries is None:
            raise ArgumentError("You need to set either `num_bins` or `bin_boundaries`.")
        self.bin_boundaries = bin_boundaries
        self.num_bins, self.epsilon = num_bins, epsilon
        self.output_mode, self.sparse = output_mode, sparse
        self.summary = np.zeros((2, 0), "float32")

    @property
    def output_dtype(self) -> str:
        """Integers for bins, what the layer computes in for encodings."""
        return self.compute_dtype if self.output_mode != "int" else "int32"

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learns the boundaries from data.

        Args:
            data: an array, or an iterable of batches.
            steps: how many batches to take of an iterable.

        Raises:
            ArgumentError: the boundaries were given.
        """
        if self.num_bins is None:
            raise ArgumentError(
                "Cannot adapt a Discretization layer that has been initialized with `bin_boundaries`, use `num_bins` instead."
            )
        self.reset_state()
        alone = isinstance(data, (np.ndarray, jax.Array)) or not hasattr(data, "__iter__")
        with LongWork(f"Adapting {self.name}", None if alone else steps) as work:
            for batch in work.through([data] if alone else itertools.islice(data, steps)):
                self.update_state(batch)
            self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Takes a batch into the summary of what was seen."""
        summary = _summarize(np.asarray(data).astype("float32").ravel(), self.epsilon)
        merged = np.concatenate([summary, self.summary], axis=1)
        self.summary = _compress(merged[:, np.argsort(merged[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Makes the boundaries of what was seen."""
        if self.num_bins is not None:
            self.bin_boundaries = _compress(self.summary, 1.0 / self.num_bins)[0, :-1].tolist()
            self.mark_changed()

    def reset_state(self) -> None:
        """Forgets what was seen, and keeps the boundaries."""
        if self.num_bins is not None:
            self.summary = np.zeros((2, 0), "float32")

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise StateError(
                "You need to either pass the `bin_boundaries` argument at construction time or call `adapt(dataset)` before "
                "you can start using the `Discretization` layer."
            )
        x = jnp.asarray(inputs)
        x = x if is_float(x.dtype) else x.astype(settings().floatx)
        bins = jnp.searchsorted(jnp.asarray(self.bin_boundaries, x.dtype), x, side="right")
        return encode(bins, self.output_mode, len(self.bin_boundaries) + 1, self.output_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The shape of the bins, or of what they are encoded as."""
        depth = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        return encoded_shape(input_shape, self.output_mode, depth)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """The specs of a call's result: the boundaries may not be learnt yet."""
        return KerasTensor(self.compute_output_shape(inputs.shape), self.output_dtype)

    def get_config(self) -> dict:
        """The constructor's arguments, and the boundaries that were learnt."""
        boundaries = self.bin_boundaries if self.bin_boundaries is None else np.asarray(self.bin_boundaries).tolist()
        return {
            "bin_boundaries": boundaries,
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": plain(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config: dict) -> "Discretization":
        """A layer from its config, with the boundaries that were learnt."""
        learnt = config.get("num_bins") is not None and config.get("bin_boundaries") is not None
        layer = super().from_config({**config, "bin_boundaries": None} if learnt else config)
        if learnt:
            layer.bin_boundaries = config["bin_boundaries"]  # type: ignore[attr-defined]
        return layer  # type: ignore[return-value]

    def load_own_variables(self, store: Any) -> None:
        """Reads the summary of an older file; boundaries stand in the config."""
        if len(store.keys()) == 1:
            self.summary = np.asarray(store["0"])


def _summarize(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Values at equal distances in sorted order, and how many values each stands for: `[2, n]`."""
    step = max(values.size * epsilon, 1)
    chosen = np.sort(values)[int(step - 1) :: int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def _compress(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary of `1 / epsilon` values, interpolated where the shares of the data are multiples of epsilon."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    totals = summary[1].cumsum()
    reached = totals / totals[-1]
    values = np.interp(shares, reached, summary[0])
    return np.stack([values, np.diff(np.interp(shares, reached, totals), prepend=0.0)]).astype("float32")


@builtin("layers")
class Hashing(HostLayer):
    """Values to bins by their hash: strings or integers, with no vocabulary.

    A string is hashed with FarmHash's Fingerprint64; an integer likewise, as its decimal digits. With a salt it is
    SipHash-2-4 instead. Integers may be traced: the program then asks the host.

    Args:
        num_bins: how many bins.
        mask_value: the value that has bin 0 for itself.
        salt: two integers, or one.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"` or `"count"`.
        sparse: not supported.

    Raises:
        ArgumentError: `num_bins` below 1, another mode, a salt that is no integers, a floating dtype for bins.

    >>> Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
    [[1], [0], [1], [1], [2]]
    """

    _needs_integers = True

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Unpack[LayerOptions],
    ):
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else settings().floatx
        super().__init__(**kwargs)
        if num_bins is None or num_bins <= 0:
            raise ArgumentError(
                f"The `num_bins` for `Hashing` cannot be `None` or non-positive values, but got num_bins={num_bins}."
            )
        if output_mode == "int" and self.dtype_policy.name not in ("int32", "int64"):
            raise ArgumentError(
                "Hashing: When `output_mode=\"int\"`, `dtype` should be an integer type, 'int32' or 'int64', but got "
                f"dtype={kwargs.get('dtype')}."
            )
        check_option("Hashing", "output_mode", output_mode, _MODES)
        refuse_sparse("Hashing", sparse)
        self.num_bins, self.mask_value = num_bins, mask_value
        self.salt = as_salt("Hashing", salt)
        self.output_mode, self.sparse = output_mode, sparse

    def call(self, inputs: Any) -> Any:
        values = as_text(inputs) if is_text(inputs) else inputs
        if self.output_mode == "one_hot" and values.shape[-1:] == (1,):
            values = values[..., 0]
        return encode(self._bins(values), self.output_mode, self.num_bins, self.compute_dtype)

    def _bins(self, values: Any) -> Any:
        if self.mask_value is None or self.num_bins == 1:
            return hash_to_buckets(values, self.num_bins, self.salt)
        bins = hash_to_buckets(values, self.num_bins - 1, self.salt) + 1
        return (jnp if isinstance(bins, jax.Array) else np).where(values == self.mask_value, 0, bins)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The shape of the bins, or of what they are encoded as."""
        shape = tuple(input_shape)
        if self.output_mode == "one_hot" and shape[-1:] == (1,):
            shape = shape[:-1]
        return encoded_shape(shape, self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """The specs of a call's result, without running it."""
        return KerasTensor(self.compute_output_shape(inputs.shape), narrow(self.compute_dtype))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        config = super().get_config()
        config.update(
            num_bins=self.num_bins,
            salt=self.salt,
            mask_value=self.mask_value,
            output_mode=self.output_mode,
            sparse=self.sparse,
        )
        return config


@builtin("layers")
class HashedCrossing(HostLayer):
    """Several features, crossed, to bins by a hash of all of them together.

    Args:
        num_bins: how many bins.
        output_mode: `"int"` or `"one_hot"`.
        sparse: not supported.

    Call arguments:
        inputs: two or more tensors of strings or integers, all `[]`, `[B]` or all `[B, 1]`.

    Raises:
        ArgumentError: another mode, fewer than two inputs, floating ones.
        ShapeError: inputs of other or of different shapes.

    >>> import numpy as np
    >>> first, second = np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102])
    >>> HashedCrossing(num_bins=5)((first, second)).tolist()
    [1, 4, 1, 1, 3]
    """

    _needs_integers = True
    _takes_structures = True

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        dtype = "int64" if output_mode == "int" and dtype is None else dtype
        super().__init__(name=name, dtype=dtype, **kwargs)
        refuse_sparse("HashedCrossing", sparse)
        check_option("HashedCrossing", "output_mode", output_mode, ("int", "one_hot"))
        self.num_bins, self.output_mode, self.sparse = num_bins, output_mode, sparse

    def _convert_input(self, value: Any) -> Any:
        return [as_array(item) for item in value] if isinstance(value, (list, tuple)) else as_array(value)

    def call(self, inputs: Any) -> Any:
        self._check(inputs)
        bins = on_host(self._cross, *inputs) if not any(map(is_text, inputs)) else self._cross(*inputs)
        return encode(bins, self.output_mode, self.num_bins, self.compute_dtype)

    def _cross(self, *features: Any) -> np.ndarray:
        shape = np.shape(features[0])
        columns = [_fingerprints(np.asarray(feature).ravel()) for feature in features]
        bins = np.zeros(len(columns[0]), "int64")
        for row, values in enumerate(zip(*columns, strict=True)):
            crossed = _CROSSING_KEY
            for value in values:
                crossed = join_fingerprints(crossed, value)
            bins[row] = crossed % self.num_bins
        return bins.reshape(shape)

    def _check(self, inputs: Any) -> None:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ArgumentError(
                f"`HashedCrossing` should be called on a list or tuple of at least two inputs, but got inputs={describe(inputs)}."
            )
        shape = tuple(inputs[0].shape)
        if len(shape) > 2 or (len(shape) == 2 and shape[1] != 1):
            raise ShapeError(
                "All `HashedCrossing` inputs should have shape `()`, `(batch_size)` or `(batch_size, 1)`, but got "
                f"inputs={describe(inputs)}."
            )
        if any(tuple(x.shape) != shape for x in inputs):
            raise ShapeError(f"All `HashedCrossing` inputs should have equal shape, but got inputs={describe(inputs)}.")
        if any(not is_text(x) and np.dtype(x.dtype).kind not in "iu" for x in inputs):
            raise ArgumentError(
                f"All `HashedCrossing` inputs should have an integer or string dtype, but got inputs={describe(inputs)}."
            )

    def compute_output_shape(self, input_shape: Sequence[Any]) -> tuple:
        """The shape of one input, or of what it is encoded as.

        Raises:
            ShapeError: not the shapes of two inputs or more, all the same.
        """
        shapes = [tuple(shape) if isinstance(shape, (list, tuple)) else None for shape in input_shape]
        if len(shapes) < 2 or None in shapes:
            raise ShapeError(f"Expected as input a list/tuple of 2 tensors, but got input_shape={input_shape}.")
        if any(shape != shapes[0] for shape in shapes):
            raise ShapeError(
                f"Expected the two input tensors to have identical shapes, but got input_shape={input_shape}."
            )
        return encoded_shape(shapes[0] or (), self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """The specs of a call's result, without running it."""
        self._check(inputs)
        return KerasTensor(self.compute_output_shape([x.shape for x in inputs]), narrow(self.compute_dtype))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            "num_bins": self.num_bins,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": plain(self.dtype_policy),
        }


def _fingerprints(values: np.ndarray) -> list[int]:
    """What is crossed: the fingerprints of strings, and integers as they are."""
    if is_text(values):
        return [fingerprint64(text.encode("utf-8", "surrogateescape")) for text in as_text(values).tolist()]
    return [value % 2**64 for value in values.tolist()]
