"""Kinds of features of a FeatureSpace, with the names that Keras's files have for them."""

from collections.abc import Sequence
from typing import Any

from plait import layers, ops
from plait.common.registry import builtin
from plait.common.serialization import deserialize, serialize
from plait.errors import ArgumentError

_FILE_MODULE = "keras.src.layers.preprocessing.feature_space"


@builtin("feature_space", module=_FILE_MODULE, registered_name="TFDIdentity")
class TFDIdentity(layers.Layer):
    """What comes in: the preprocessor of plain floats, under the name that Keras's files give it."""

    def call(self, inputs: Any) -> Any:
        return inputs


@builtin("feature_space", module=_FILE_MODULE, registered_name="TFDConcat")
class TFDConcat(layers.Layer):
    """Joins encodings along an axis."""

    def __init__(self, axis: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Sequence[Any]) -> Any:
        return ops.concatenate(inputs, axis=self.axis)


@builtin("feature_space", module=_FILE_MODULE, registered_name="Cross")
class Cross:
    """Features that are to be hashed together: `FeatureSpace.cross` makes one."""

    def __init__(self, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot"):
        check_mode(output_mode, ("int", "one_hot"))
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim
        self.output_mode = output_mode

    @property
    def name(self) -> str:
        """Its features' names, joined by `_X_`."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            "feature_names": self.feature_names,
            "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict) -> "Cross":
        """A cross of its config."""
        return cls(**config)


@builtin("feature_space", module=_FILE_MODULE, registered_name="Feature")
class Feature:
    """One feature: the dtype it comes in, the layer that prepares it, and how it goes out."""

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str):
        check_mode(output_mode, ("int", "one_hot", "float"))
        self.dtype = dtype
        self.preprocessor = deserialize(preprocessor) if isinstance(preprocessor, dict) else preprocessor
        self.output_mode = output_mode

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            "dtype": self.dtype,
            "preprocessor": serialize(self.preprocessor),
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict) -> "Feature":
        """A feature of its config."""
        return cls(**config)


def check_mode(output_mode: Any, options: tuple[str, ...]) -> None:
    """Refuses an output mode that a feature doesn't have."""
    if output_mode not in options:
        raise ArgumentError(
            f"FeatureSpace: Invalid value for argument `output_mode`: expected {' or '.join(map(repr, options))}, but got {output_mode!r}."
        )
