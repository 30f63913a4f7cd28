"""Values for inputs: finds for each input of a graph the value that is meant for it.

By key where there are keys: a model with dict inputs takes a dict, and a model with listed inputs takes a dict by the
names of its Inputs. By position only where there are no keys. Then each value is cast to its Input's dtype, and an axis of
size 1 at the end may be missing or be there too much.

All mismatches come in one error. Differs from Keras: a dict with other keys is never taken by position.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from plait.common.dtypes import is_integer, on_host
from plait.common.messages import describe, describe_dimension, did_you_mean, listing, raise_all, warn
from plait.common.tree import flatten, is_nested, leaves_with_paths, same_structure
from plait.core.graph import Graph
from plait.core.mask import get_mask, set_mask
from plait.core.operators import get_item, squeeze
from plait.core.tensor import KerasTensor
from plait.core.variable import convert_to_tensor
from plait.errors import DataError, ShapeError
from plait.layers.core import Embedding


def match_inputs(structure: Any, names: Sequence[str], values: Any, owner: str) -> list:
    """The values in the order of the structure's flattened tensors.

    Args:
        structure: the model's inputs, symbolic tensors in any structure.
        names: the name of each input, flat.
        values: what was passed, in any structure that fits.
        owner: the model's name, for errors.

    Raises:
        DataError: values that are missing, extra or in a structure that doesn't fit.
    """
    if isinstance(values, Mapping) and not isinstance(structure, dict):
        return _by_name(names, values, owner)
    if isinstance(structure, dict):
        return _by_key(structure, names, values, owner)
    if same_structure(structure, values):
        return [value for _, value in leaves_with_paths(values)]
    return _by_position(structure, names, values, owner)


def _by_name(names: Sequence[str], values: Mapping, owner: str) -> list:
    _check_keys(names, values, owner)
    return [values[name] for name in names]


def _by_key(structure: dict, names: Sequence[str], values: Any, owner: str) -> list:
    if isinstance(values, Mapping):
        if set(values) != set(structure) and set(values) == set(names) and not _is_deep(structure):
            return [values[name] for name in names]
        _check_keys(list(structure), values, owner)
        matched: list = []
        for key in sorted(structure) if type(structure) is dict else structure:
            inner = structure[key]
            matched += (
                match_inputs(inner, _names_within(inner, names), values[key], owner)
                if is_nested(inner)
                else [values[key]]
            )
        return matched
    if isinstance(values, (list, tuple)) and list(structure) == sorted(structure):
        _warn_structure(structure, values, owner)
        return _by_position(structure, names, values, owner)
    if len(structure) == 1 and not is_nested(values):
        return [values]
    raise DataError(
        f"{owner}: The structure of `inputs` doesn't match the expected structure, named input(s) with keys {listing(structure)}: "
        f"got {describe(values)}."
    )


def _names_within(inner: Any, names: Sequence[str]) -> list[str]:
    return [getattr(tensor, "name", str(index)) for index, tensor in enumerate(flatten(inner))] or list(names)


def _by_position(structure: Any, names: Sequence[str], values: Any, owner: str) -> list:
    leaves = flatten(values)
    if len(leaves) != len(names):
        raise DataError(
            f"{owner} expects {len(names)} input{'s' * (len(names) > 1)}, {listing(names)}, but got {len(leaves)} tensors: {describe(values)}."
        )
    if is_nested(values) and _is_deep(structure):
        _warn_structure(structure, values, owner)
    return leaves


def _is_deep(structure: Any) -> bool:
    items = structure.values() if isinstance(structure, dict) else structure
    return is_nested(structure) and any(is_nested(item) for item in items)


def _warn_structure(structure: Any, values: Any, owner: str) -> None:
    warn(
        f"The structure of `inputs` doesn't match the expected structure of {owner}. Expected {describe(structure)}, but got "
        f"{describe(values)}; the values are taken by position."
    )


def _check_keys(expected: Sequence[str], values: Mapping, owner: str) -> None:
    problems = [f"Missing data for input {name!r}" for name in expected if name not in values]
    extra = [key for key in values if key not in expected]
    problems += [f"{key!r} is not an input.{did_you_mean(key, expected)}" for key in extra]
    raise_all(
        DataError,
        f"{owner} has the inputs {listing(expected)}, but got a dict with the keys {listing(values)}",
        problems,
    )


def select_inputs(structure: Any, names: Sequence[str], values: Any, owner: str) -> Any:
    """Data for training: the values whose keys the model knows; warns once of the others."""
    known = set(structure) | set(names) if isinstance(structure, dict) else set(names)
    if not isinstance(values, Mapping) or all(key in known for key in values):
        return values
    extra = [key for key in values if key not in known]
    missing = [name for name in (structure if isinstance(structure, dict) else names) if name not in values]
    if missing:
        _check_keys(list(structure) if isinstance(structure, dict) else names, values, owner)
    warn(f"{owner}: the data has keys that are no inputs, and they are ignored: {listing(extra)}.")
    return {key: value for key, value in values.items() if key in known}


def fit_values(
    tensors: Sequence[KerasTensor],
    names: Sequence[str],
    optional: Sequence[bool],
    values: list,
    owner: str,
    any_size: bool = False,
) -> list:
    """Casts each value to its input's dtype and rank.

    Args:
        tensors: the inputs.
        names: their names.
        optional: whether each may be None.
        values: what was passed, in their order.
        owner: the model's name, for errors.
        any_size: whether sizes may differ from the inputs', because nobody gave them: the layers then judge.

    Raises:
        DataError: None for an input that needs a value.
        ShapeError: values of shapes that don't fit; all are listed.
    """
    fitted, problems = [], []
    for tensor, name, may_miss, value in zip(tensors, names, optional, values, strict=True):
        if value is None:
            if not may_miss:
                raise DataError(
                    f"{owner}: The input {name!r} is not optional, but None was passed. Give it data, or make it with "
                    "Input(..., optional=True)."
                )
            fitted.append(None)
            continue
        if not hasattr(value, "shape"):
            raise DataError(
                f"{owner}: the input {name!r} needs an array, but got {describe(value)}. Lists of numbers are not data: make "
                "them an array first, with np.array(...)."
            )
        mask = get_mask(value)
        value = _fit_rank(convert_to_tensor(value, tensor.dtype) if tensor.dtype != "string" else value, tensor)
        if not _agrees(value.shape, (None,) * len(tensor.shape) if any_size else tensor.shape):
            problems.append(
                f"Input {name!r} is incompatible with the layer: expected shape="
                f"{(None, *tensor.shape[1:])}, found shape={tuple(map(_plain, value.shape))}"
            )
        if mask is not None and get_mask(value) is None:
            set_mask(value, mask)
        fitted.append(value)
    raise_all(ShapeError, f"{owner} cannot take these inputs", problems)
    return fitted


class Place(NamedTuple):
    """What an input needs of the data that is meant for it.

    Attributes:
        name: the input's; empty where it isn't known.
        dtype: the input's; None where it isn't known.
        tables: the Embeddings that look its numbers up.
    """

    name: str = ""
    dtype: str | None = None
    tables: tuple[Embedding, ...] = ()

    @property
    def is_integer(self) -> bool:
        """Whether it takes whole numbers."""
        return self.dtype is not None and is_integer(self.dtype)


def places_of(graph: Graph, names: Sequence[str]) -> list[Place]:
    """The place of each input, in their order."""
    tables: dict[int, list[Embedding]] = {}
    for node in graph.nodes:
        if isinstance(node.operation, Embedding) and len(node.args) == 1 and node.operation.looks_up(node.kwargs):
            tables.setdefault(id(node.inputs[0]), []).append(node.operation)
    pairs = zip(graph.inputs, names, strict=True)
    return [Place(name, tensor.dtype, tuple(tables.get(id(tensor), ()))) for tensor, name in pairs]


def meant_for(graph: Graph, places: Sequence[Place], values: Any) -> dict[int, Place]:
    """The place that each leaf of some data is meant for, by the identity of the leaf.

    What can't be told is left out: the call itself refuses it, or warns.
    """
    pairs: Iterable[tuple[Any, KerasTensor]] = ()
    if isinstance(values, Mapping):
        structure = graph.input_structure
        by_key = isinstance(structure, dict) and set(structure) == set(values)
        tensors = structure if by_key else {place.name: tensor for place, tensor in zip(places, graph.inputs)}
        pairs = ((values[key], tensors[key]) for key in tensors if key in values and not is_nested(values[key]))
    elif len(leaves := flatten(values)) == len(graph.inputs):
        pairs = zip(leaves, graph.inputs)
    by_tensor = {id(tensor): place for tensor, place in zip(graph.inputs, places)}
    return {id(value): by_tensor.get(id(tensor), Place()) for value, tensor in pairs}


def fit_leaf(value: Any, place: Place, owner: str) -> Any:
    """Data for an input: of 64 bits in the input's dtype, or in what the device has; ids that its tables hold. Floats for whole
    numbers are cut here, where it shows whether they are numbers.

    Raises:
        DataError: values that the dtype or a table doesn't hold.
    """
    if place.dtype == "string" or not hasattr(value, "dtype"):
        return value
    who = f"{owner}: the input {place.name!r}" if place.name else f"{owner}: the inputs"
    changes = value.dtype.itemsize == 8 or (place.is_integer and value.dtype.kind == "f")  # bytes travel as bytes
    if isinstance(value, np.ndarray):
        for table in place.tables:
            table.check_ids(value, who)
        return on_host(value, place.dtype, who) if changes else value
    return value.in_dtype(place.dtype, who) if changes and hasattr(value, "in_dtype") else value


def _plain(size: Any) -> Any:
    return size if isinstance(size, int) else None if describe_dimension(size) == "None" else size


def _fit_rank(value: Any, tensor: KerasTensor) -> Any:
    rank, expected = len(value.shape), len(tensor.shape)
    if rank == expected + 1 and value.shape[-1] == 1:
        return squeeze(value, axis=-1)
    if rank == expected - 1 and tensor.shape[-1] == 1:
        return get_item(value, (Ellipsis, None))
    return value


def _agrees(found: tuple, expected: tuple) -> bool:
    if len(found) != len(expected):
        return False
    return all(not isinstance(a, int) or b is None or a == b for a, b in list(zip(found, expected, strict=True))[1:])


def host_array(tensor: KerasTensor, value: Any) -> Any:
    """Data for an input, in NumPy; `[B]` as `[B, 1]` where that is asked for, as `fit_values` does for programs."""
    if value is None:
        return None
    array = np.asarray(value, dtype=None if hasattr(value, "dtype") else object)
    return array[..., None] if array.ndim == len(tensor.shape) - 1 and tensor.shape[-1] == 1 else array
