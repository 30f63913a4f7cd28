"""The config of a model as JSON: read, brought up to date, and made into the model.

Verbs: `to_json` and `model_from_json` for users, `model_from` and `compile_as_before` for the readers of files. What a bad
config makes layers and initializers say comes out as one FileError that names every class that isn't known.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plait.common.messages import describe, warn
from plait.common.registry import custom_object_scope, find_class
from plait.common.serialization import deserialize_object, serialize_object
from plait.core.graph import graph_of
from plait.errors import FileError, PlaitError, UnsafeFileError
from plait.layers.shapes import as_shapes
from plait.saving.legacy_config import major, modernise
from plait.saving.unknown_names import refuse_unknown


def to_json(model: Any, **kwargs: Any) -> str:
    """A model without its weights, as JSON; `kwargs` go to `json.dumps`."""
    return json.dumps(serialize_object(model), **kwargs)


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """A model with new weights, from what `to_json` gave.

    Raises:
        FileError: not JSON, or not a model; classes that aren't known.
    """
    with custom_object_scope(custom_objects or {}):
        config = parse_old(json_string)
        version = config.get("keras_version", "3" if _is_modern(config) else "2") if isinstance(config, dict) else "2"
        version = version if isinstance(version, str) else "2"
        return model_from(modern(config, version) if major(version) < 3 else checked(config))


def _is_modern(config: dict) -> bool:
    """Whether a config without a version is Keras 3's: there, each object says its module."""
    return "module" in config or "registered_name" in config


def parse_old(text: str) -> Any:
    """A config that may be a bare list or a bare `get_config()`."""
    config = parse_any(text)
    if isinstance(config, list) and config and all(isinstance(item, dict) for item in config):
        return config
    return config if (isinstance(config, dict) and "layers" in config) else checked(config)


def parse_any(text: str) -> Any:
    """JSON, checked: no key twice in one object."""
    try:
        return json.loads(text.encode("utf-8", "surrogatepass").decode("utf-8"), object_pairs_hook=_unique_keys)
    except RecursionError:
        raise FileError("The config is nested too deeply to be a model's.") from None
    except ValueError as error:
        raise FileError(f"The config is not JSON: {error}.") from error


def checked(config: Any) -> dict:
    """A config, if it can be a model's."""
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise FileError(f"The config doesn't describe a model: {describe(config)[:200]}.")
    return config


def parse(data: bytes) -> dict:
    """The config of a model from bytes of JSON."""
    return checked(parse_any(data.decode("utf-8", "surrogateescape")))


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"a key stands twice in one object: {next(key for key in keys if keys.count(key) > 1)!r}")
    return mapping


def modern(config: Any, version: str) -> dict:
    """A config of Keras 1 or 2 in the form of Keras 3."""
    try:
        return modernise(config, version)
    except RecursionError:
        raise FileError("The config is nested too deeply to be a model's.") from None
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise FileError(f"The config of Keras {version} cannot be read: {type(error).__name__}: {error}") from error


def model_from(config: dict) -> Any:
    """A model from its object form; what goes wrong is one error, with all unknown classes at once."""
    with as_file_error():
        try:
            model = deserialize_object(find_class(config, "models"), config)
            _make_weights(model, config.get("build_config") or {})
        except PlaitError as error:
            refuse_unknown(config, error)
            raise
    if not getattr(model, "_fills_a_file", False):
        raise FileError(f"The config describes a {type(model).__name__}, which is not a model.")
    return model


@contextlib.contextmanager
def as_file_error() -> Iterator[None]:
    """Turns what a bad config makes layers and initializers say into our error."""
    try:
        yield
    except PlaitError:
        raise
    except RecursionError:
        raise FileError("The config is nested too deeply to be a model's.") from None
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError, MemoryError) as error:
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        raise FileError(f"The config cannot be made into a model: {type(error).__name__}: {error}{notes}") from error


def _make_weights(model: Any, build_config: dict) -> None:
    """Traces a call of a model without a graph, which has its weights only then."""
    shape = build_config.get("input_shape")
    if shape is not None and graph_of(model) is None and not model.weights:
        model.build(as_shapes(shape))
        if model.optimizer is not None:
            model.optimizer.build_for(model.trainable_variables)


def outputs_of(model: Any) -> list[str]:
    """The names of a model's outputs; none without a graph."""
    return model.output_names if graph_of(model) is not None else []


def compile_as_before(model: Any, config: dict, version: str) -> bool:
    """Compiles a model as an old file says; where that isn't possible any more, it stays uncompiled, with a warning."""
    try:
        model.compile_from_config(config)
    except (PlaitError, TypeError, KeyError, AttributeError, ValueError) as error:
        if isinstance(error, UnsafeFileError) and major(version) >= 3:
            raise
        warn(f"Model {model.name!r} is loaded, but not compiled as Keras {version} did: {error} Compile it anew.")
        return False
    return True


def check_shape_known(model: Any, path: Path, has_weights: bool) -> None:
    """Refuses a chain of layers that nothing says the input's shape of, where the file has weights for it."""
    if has_weights and not model.weights and graph_of(model) is None:
        raise FileError(
            f"'{path}': nothing in it says the shape of the input of {type(model).__name__} {model.name!r}, so its layers have no "
            "weights that values could go to. Make the same model in your program, with an Input in front, and call "
            f"load_weights('{path}')."
        )
