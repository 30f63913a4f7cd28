"""FeatureSpace: a table of features of many kinds, turned into one vector or a dict of encodings.

A FeatureSpace is a small graph: an Input for each feature, the preprocessing layer of its kind, crossings of several, rows of
zeros and ones for what are indices, and at the end one `Concatenate` or a dict. `adapt` lets each layer learn from its
column; after that the graph is fixed. A call runs that graph, as a compiled program with the strings on the host, as it would
run for any model; `get_inputs` and `get_encoded_features` give its ends, so that a model can be built on top.

Differs from Keras: no TensorFlow is needed. Rows of a real `tf.data` pipeline are encoded through `tf.numpy_function`. It can
be called on symbolic tensors. Bins with given boundaries are encoded, and aren't learnt again.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from plait import layers
from plait.common.messages import describe, did_you_mean
from plait.common.names import auto_name
from plait.common.registry import builtin
from plait.common.serialization import deserialize, serialize
from plait.common.tree import flatten, map_structure, pack_as
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, StateError
from plait.features.columns import Table, as_column, as_value, batches, column
from plait.features.kinds import Cross, Feature, TFDConcat, TFDIdentity, check_mode
from plait.models import Model
from plait.saving import save_model


@builtin("utils")
class FeatureSpace(layers.Layer):
    """Prepares and encodes the columns of a table.

    Args:
        features: what each column holds, by name: `"float"`, `"float_normalized"`, `"float_rescaled"`, `"float_discretized"`,
            `"integer_categorical"`, `"string_categorical"`, `"integer_hashed"`, `"string_hashed"`, or what the class method
            of that name gives for other arguments; `FeatureSpace.feature` takes any layer.
        output_mode: `"concat"` for one vector of all encodings, by the names of features, then of crosses; `"dict"` for a
            dict of them.
        crosses: tuples of names of features that are to be hashed together, or what `FeatureSpace.cross` gives.
        crossing_dim: how many bins a cross has, where it doesn't say.
        hashing_dim: how many bins `"integer_hashed"` and `"string_hashed"` have.
        num_discretization_bins: how many bins `"float_discretized"` has.
        name: its name.

    Shapes: each feature [B], [B, 1] or, for one row, []; out comes [B, D], or [D] for one row.

    Raises:
        ArgumentError: no features, a kind that isn't known, a cross of features that aren't there, encodings that can't be
            joined.
        StateError: used before `adapt`, where something is to be learnt.

    >>> space = FeatureSpace({"age": "float_normalized", "pet": "string_categorical"})
    >>> table = {"age": [1.0, 3.0], "pet": ["cat", "dog"]}
    >>> space.adapt(table)
    >>> space(table).tolist()
    [[-1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]]
    >>> space({"age": 2.0, "pet": "fish"}).tolist()
    [0.0, 1.0, 0.0, 0.0]
    """

    _fills_a_file = True

    def __init__(
        self,
        features: dict[str, Any],
        output_mode: str = "concat",
        crosses: Sequence[Any] | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ):
        super().__init__(name=name)
        if not features:
            raise ArgumentError("FeatureSpace: The `features` argument cannot be None or empty.")
        check_mode(output_mode, ("concat", "dict"))
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.output_mode = output_mode
        self.features = {name: self._as_feature(name, feature) for name, feature in features.items()}
        self.crosses = [self._as_cross(cross) for cross in crosses or ()]
        self.crosses_by_name = {cross.name: cross for cross in self.crosses}
        self.inputs = {
            name: layers.Input((1,), dtype=feature.dtype, name=name) for name, feature in self.features.items()
        }
        self.preprocessors = {name: feature.preprocessor for name, feature in self.features.items()}
        self.crossers = {
            cross.name: layers.HashedCrossing(cross.crossing_dim, name=cross.name) for cross in self.crosses
        }
        self.one_hot_encoders: dict[str, layers.CategoryEncoding] = {}
        self.concat: TFDConcat | None = None
        self.encoded_features: Any = None
        self._adapted = self.built = False
        self._encode: Any = None

    # ------------------------------------------------------------------------ kinds of features

    @classmethod
    def cross(cls, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Features that are hashed together into `crossing_dim` bins; `"int"` gives the bin."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A feature that any layer prepares: `"float"` is what it gives, `"int"` and `"one_hot"` are for layers that give indices."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Floats as they are."""
        return Feature("float32", TFDIdentity(dtype="float32", name=_name("float", name)), "float")

    @classmethod
    def float_rescaled(cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None) -> Feature:
        """Floats as `x * scale + offset`."""
        return Feature("float32", layers.Rescaling(scale, offset, name=_name("float_rescaled", name)), "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Floats less their mean, divided by their standard deviation."""
        return Feature("float32", layers.Normalization(axis=-1, name=_name("float_normalized", name)), "float")

    @classmethod
    def float_discretized(
        cls, num_bins: int | None, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """The bins that floats lie in: `num_bins` equally full ones, or those between given boundaries."""
        bins = layers.Discretization(bin_boundaries, num_bins, name=_name("float_discretized", name))
        return Feature("float32", bins, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Integers by a vocabulary."""
        name = _name("integer_categorical", name)
        return Feature("int32", layers.IntegerLookup(max_tokens, num_oov_indices, name=name), output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Strings by a vocabulary."""
        name = _name("string_categorical", name)
        return Feature("string", layers.StringLookup(max_tokens, num_oov_indices, name=name), output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Strings by their hash, in `num_bins` bins."""
        return Feature("string", layers.Hashing(num_bins, name=_name("string_hashed", name)), output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Integers by their hash, in `num_bins` bins."""
        return Feature("int32", layers.Hashing(num_bins, name=_name("integer_hashed", name)), output_mode)

    def _as_feature(self, name: str, feature: Any) -> Feature:
        if isinstance(feature, Feature):
            return feature
        if isinstance(feature, dict):
            return deserialize(feature)
        if feature not in _KINDS:
            raise ArgumentError(
                f"FeatureSpace: Invalid feature type: {feature!r} for the feature {name!r}.{did_you_mean(feature, _KINDS)} "
                f"There are {', '.join(_KINDS)}, and FeatureSpace.feature(dtype, preprocessor, output_mode)."
            )
        sizes = {"float_discretized": self.num_discretization_bins}
        sizes.update(dict.fromkeys(("integer_hashed", "string_hashed"), self.hashing_dim))
        options = {"num_bins": sizes[feature]} if feature in sizes else {}
        return getattr(self, feature)(name=name, **options)

    def _as_cross(self, cross: Any) -> Cross:
        cross = deserialize(cross) if isinstance(cross, dict) else cross
        if not isinstance(cross, Cross):
            if not self.crossing_dim:
                raise ArgumentError(
                    "FeatureSpace: `crosses` need `crossing_dim`, the number of bins that they are hashed to, but got "
                    f"crossing_dim={self.crossing_dim}."
                )
            cross = Cross(cross, self.crossing_dim)
        unknown = [name for name in cross.feature_names if name not in self.features]
        if unknown:
            raise ArgumentError(
                "FeatureSpace: All features referenced in the `crosses` argument should be present in the `features` dict, "
                f"but got unknown features: {unknown} of the cross {cross.feature_names}."
                f"{did_you_mean(unknown[0], self.features)}"
            )
        return cross

    # ------------------------------------------------------------------------ learning

    def adapt(self, dataset: Any) -> None:
        """Learns means, bins and vocabularies from data.

        Args:
            dataset: a dict of columns, or a data set (plait's, tf.data's, anything that can be gone through again and again)
                of dicts, one row or a batch each.

        Raises:
            ArgumentError: something else; a column that isn't there.
        """
        if isinstance(dataset, dict):
            dataset = Table(dataset)
        elif not isinstance(dataset, Iterable) or isinstance(dataset, (str, bytes, np.ndarray, Iterator)):
            raise ArgumentError(
                "FeatureSpace: `adapt()` can only be called on a dict of arrays or lists, or on a dataset of dicts that can be "
                f"gone through several times, but got {describe(dataset)} (of type {type(dataset).__name__})."
            )
        for name in self._learning():
            self.preprocessors[name].adapt(batches(column(dataset, name)))
        self._adapted = True
        self.encoded_features = self._encode = None
        self.one_hot_encoders = {}
        self._finish()

    def _learning(self) -> list[str]:
        """The names of the features whose layers learn from data."""
        return [name for name, layer in self.preprocessors.items() if hasattr(layer, "adapt") and not _is_given(layer)]

    def _finish(self) -> None:
        """Makes the graph, once what it depends on is known.

        Raises:
            StateError: that has not been learnt yet.
        """
        if self._encode is not None:
            return
        if not self._adapted and self._learning():
            raise StateError(
                f"FeatureSpace {self.name!r}: You need to call `.adapt(dataset)` before you can start using it, because "
                f"{self._learning()} have something to learn."
            )
        self._adapted = True
        prepared = {name: self.preprocessors[name](self.inputs[name]) for name in self.features}
        crossed = {
            cross.name: self.crossers[cross.name]([prepared[name] for name in cross.feature_names])
            for cross in self.crosses
        }
        found = {**dict(sorted(prepared.items())), **dict(sorted(crossed.items()))}
        encoded = {name: self._encoding(name, tensor) for name, tensor in found.items()}
        self.encoded_features = encoded if self.output_mode == "dict" else self._joined(encoded)
        # the call alone: a model among the attributes would be written into files, beside the layers that it shares
        self._encode = Model(self.inputs, self.encoded_features).__call__
        self.built = True

    def _encoding(self, name: str, tensor: Any) -> Any:
        """What becomes of a feature or cross after its layer: rows of zeros and ones where these are asked for."""
        if (self.crosses_by_name.get(name) or self.features[name]).output_mode != "one_hot":
            return tensor
        dtype = str(flatten(tensor)[0].dtype)
        if not dtype.startswith("int"):
            raise ArgumentError(
                f"FeatureSpace: Feature '{name}' has `output_mode='one_hot'`. Thus its preprocessor should return an integer "
                f"dtype. Instead it returns a {dtype} dtype."
            )
        size = _bins_of(self.crossers.get(name) or self.preprocessors[name])
        if size is None:
            raise ArgumentError(
                f"FeatureSpace: Feature '{name}' has `output_mode='one_hot'`. However it isn't a standard feature and the "
                "dimensionality of its output space is not known, thus it cannot be one-hot encoded. Try using "
                "`output_mode='int'`."
            )
        self.one_hot_encoders[name] = layers.CategoryEncoding(size, output_mode="multi_hot")
        return self.one_hot_encoders[name](tensor)

    def _joined(self, encoded: dict[str, Any]) -> Any:
        for name, tensor in encoded.items():
            if str(tensor.dtype).startswith("int") or tensor.dtype == "string":
                raise ArgumentError(
                    f"FeatureSpace: Cannot concatenate features because feature '{name}' has not been encoded (it has dtype "
                    f"{tensor.dtype}). Consider using `output_mode='dict'`."
                )
        self.concat = join = TFDConcat(axis=-1)
        return join(list(encoded.values()))

    def get_inputs(self) -> dict[str, KerasTensor]:
        """The symbolic tensors of the features, by name: inputs for a model that takes them as they are."""
        self._finish()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """The symbolic tensors of what comes out: what a model is built on."""
        self._finish()
        return self.encoded_features

    # ------------------------------------------------------------------------ calling

    def __call__(self, data: Any) -> Any:
        """Encodes rows.

        Args:
            data: a dict of the features: a batch of each, or one value.
        """
        self._finish()
        if not isinstance(data, dict):
            raise ArgumentError(
                f"FeatureSpace {self.name!r}: A FeatureSpace can only be called with a dict, but got data={describe(data)}."
            )
        if any(_is_symbolic_in_tensorflow(value) for value in data.values()):
            return self._inside_tensorflow(data)
        data = {name: as_value(value) for name, value in data.items()}
        single = any(value.ndim == 0 for value in data.values())
        encoded = self._encode({name: as_column(value) for name, value in data.items()})
        if self.output_mode == "dict":
            encoded = {name: encoded[name] for name in self.encoded_features}  # programs sort the keys of dicts
        if not single:
            return encoded
        return map_structure(lambda rows: rows[0] if rows.ndim == 2 and rows.shape[0] == 1 else rows, encoded)

    def _inside_tensorflow(self, data: dict) -> Any:
        """The encodings inside a function that TensorFlow traces, as tf.data does: it asks the host for each element."""
        try:
            import tensorflow as tf
        except ImportError as error:  # nobody can have such tensors without it
            raise ImportError(
                "FeatureSpace: tensors of TensorFlow need TensorFlow: `pip install tensorflow`."
            ) from error
        names, specs = list(data), flatten(self.encoded_features)
        single = any(value.shape.rank == 0 for value in data.values())

        def encode(*values: Any) -> list:
            return [np.asarray(leaf) for leaf in flatten(self(dict(zip(names, values))))]

        leaves = tf.numpy_function(encode, list(data.values()), [tf.as_dtype(spec.dtype) for spec in specs])
        for leaf, spec in zip(leaves, specs):
            leaf.set_shape(spec.shape[1:] if single else spec.shape)
        return pack_as(self.encoded_features, leaves)

    # ------------------------------------------------------------------------ config and files

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            "features": serialize(self.features),
            "output_mode": self.output_mode,
            "crosses": serialize(self.crosses),
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    @classmethod
    def from_config(cls, config: dict) -> "FeatureSpace":
        """A FeatureSpace of its config."""
        return cls(**config)

    def get_build_config(self) -> dict:
        """How each feature's layer was built."""
        return {name: layer.get_build_config() for name, layer in self.preprocessors.items()}

    def build_from_config(self, config: dict) -> None:
        """Builds the layers as they were; what they learnt comes from the file."""
        for name, build_config in config.items():
            layer = self.preprocessors[name]
            if not layer.built and build_config is not None:
                layer.build_from_config(build_config)
        self._adapted = True

    def save(self, filepath: Any) -> None:
        """Writes a `.keras` file, with all that was learnt; `plait.saving.load_model` reads it."""
        save_model(self, filepath)

    def save_own_variables(self, store: Any) -> None:
        """Writes nothing: all that is learnt is in the layers."""

    def load_own_variables(self, store: Any) -> None:
        """Reads nothing."""


_KINDS = (
    "float",
    "float_normalized",
    "float_rescaled",
    "float_discretized",
    "integer_categorical",
    "string_categorical",
    "integer_hashed",
    "string_hashed",
)


def _name(kind: str, name: str | None) -> str:
    return f"{name or auto_name(kind)}_preprocessor"


def _is_given(layer: Any) -> bool:
    """Whether a layer that could learn was told what there is to know."""
    if isinstance(layer, layers.Normalization):
        return layer.input_mean is not None
    if isinstance(layer, layers.Discretization):
        return layer.num_bins is None
    lookup = layer._lookup_layer if isinstance(layer, layers.TextVectorization) else layer
    return getattr(lookup, "_has_input_vocabulary", False)


def _bins_of(layer: Any) -> int | None:
    """How many indices a layer gives, where that is known."""
    if isinstance(layer, (layers.IntegerLookup, layers.StringLookup)):
        return layer.vocabulary_size()
    if isinstance(layer, layers.CategoryEncoding):
        return layer.num_tokens
    if isinstance(layer, layers.Discretization):
        return len(layer.bin_boundaries or ()) + 1 if layer.num_bins is None else layer.num_bins
    return layer.num_bins if isinstance(layer, (layers.HashedCrossing, layers.Hashing)) else None


def _is_symbolic_in_tensorflow(value: Any) -> bool:
    """Whether a value is a tensor of TensorFlow that has no numbers yet."""
    return type(value).__module__.startswith("tensorflow.") and not hasattr(value, "numpy")
