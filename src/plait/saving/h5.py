"""Weights in HDF5, in the layout of Keras 3: a group for each object, its variables under `vars/0`, `vars/1`, ...

The groups follow the objects. A model's layers stand under `layers/`, named by class and counted (`layers/dense_1`); what
another layer holds stands under the attribute's name, and in a list or dict by class and count again. Names of layers play
no part, so a model whose layers were renamed still loads.

Verbs: `write_weights` and `read_weights`. Reading checks everything first: links, storage, dtypes, counts and shapes
against the model's own. Then it reads, or raises one error that lists all that doesn't fit, and nothing has changed.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import h5py
import jax.numpy as jnp
import numpy as np

from plait._errors import FileError, UnsafeFileError, raise_all
from plait._names import snake_case
from plait._registry import file_identity
from plait.core.variable import Variable
from plait.layers.base import Layer

_NUMBERS = "fiub"


def objects_of(model: Any) -> Iterator[tuple[str, Any]]:
    """Everything that has a group, with its path: the model, what it holds, the optimizer."""
    yield from _walk(model, "", set())


def _walk(thing: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    yield path, thing
    for name, child in _children(thing):
        inner = f"{path}/{name}" if path else name
        if isinstance(child, (list, tuple, dict, set)):
            yield from _walk_container(child, inner, seen)
        else:
            yield from _walk(child, inner, seen)


def _walk_container(container: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    counts: dict[str, int] = {}
    for item in container.values() if isinstance(container, dict) else container:
        nested = isinstance(item, (list, tuple, dict, set))
        if not nested and not isinstance(item, Layer):
            continue
        name = "container" if nested else snake_case(file_identity(item)[1])
        count = counts.get(name, 0)
        counts[name] = count + 1
        inner = f"{path}/{name}_{count}" if count else f"{path}/{name}"
        yield from _walk_container(item, inner, seen) if nested else _walk(item, inner, seen)


def _children(thing: Any) -> list[tuple[str, Any]]:
    """What an object holds by attribute, in the order in which Keras visits it."""
    if not isinstance(thing, Layer):
        return []
    held = {name: value for name, value in vars(thing).items() if name not in _NOT_HELD and _holds_layers(value)}
    names = sorted(name for name in held if not name.startswith("_"))
    private = sorted(name for name in held if name.startswith("_"))
    children = [(name, held[name]) for name in names + private]
    if hasattr(thing, "optimizer") and hasattr(thing, "layers"):
        before = 0 if thing.graph is not None or hasattr(thing, "_chain") else sum(name < "layers" for name in names)
        children.insert(before, ("layers", list(thing.layers)))
        if thing.optimizer is not None:
            children.append(("optimizer", thing.optimizer))
    return children


_NOT_HELD = frozenset({"nodes", "graph", "_chain", "_constructed_with", "optimizer", "compiled", "trainer", "history"})


def _holds_layers(value: Any) -> bool:
    if isinstance(value, Layer):
        return True
    if isinstance(value, dict):
        return any(map(_holds_layers, value.values()))
    return isinstance(value, (list, tuple, set)) and any(map(_holds_layers, value))


# ---------------------------------------------------------------------------- writing


def write_weights(file: h5py.File, model: Any) -> None:
    """Writes all variables of a model."""
    for path, thing in objects_of(model):
        group = file.require_group(f"{path}/vars" if path else "vars")
        if getattr(thing, "name", None):
            group.attrs["name"] = thing.name
        store: dict[str, Any] = {}
        thing.save_own_variables(store)
        for key, value in store.items():
            _write(group, str(key), np.asarray(value))


def _write(group: h5py.Group, key: str, array: np.ndarray) -> None:
    if array.dtype.name == "bfloat16":
        group.create_dataset(key, data=array.view("V2"))
        group[key].attrs["dtype"] = "bfloat16"
    else:
        group.create_dataset(key, data=array)


# ---------------------------------------------------------------------------- reading


def read_weights(file: h5py.File, model: Any, skip_mismatch: bool = False) -> None:
    """Reads all variables of a model.

    Args:
        file: the file.
        model: a built model.
        skip_mismatch: whether what doesn't fit is left as it is, with a warning, instead of being an error.

    Raises:
        FileError: variables that are missing or have other shapes; all are listed, and nothing is loaded.
        UnsafeFileError: links, or storage outside of the file.
    """
    plan: list[tuple[Any, dict]] = []
    problems: list[str] = []
    known: set[str] = set()
    for path, thing in objects_of(model):
        place = f"{path}/vars" if path else "vars"
        known.add(place)
        group = _find(file, place)
        store = _datasets(group) if group is not None else {}
        if thing is getattr(model, "optimizer", None):
            _plan_optimizer(thing, store, plan)
            continue
        found = _mismatches(thing, store, place)
        if found:
            problems += found
        elif store:
            plan.append((thing, store))
    problems += _unread(file, known)
    if problems and skip_mismatch:
        warnings.warn("Some weights don't fit, and are left as they are:\n  " + "\n  ".join(problems), stacklevel=4)
    elif problems:
        raise_all(FileError, f"A total of {len(problems)} objects could not be loaded into {model.name!r}", problems)
    values = [(thing, {key: _read(dataset) for key, dataset in store.items()}) for thing, store in plan]
    for thing, store in values:
        thing.load_own_variables(store)


def _find(file: h5py.File, place: str) -> h5py.Group | None:
    node: Any = file
    for part in place.split("/"):
        if not isinstance(node, h5py.Group):
            return None
        link = node.get(part, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise UnsafeFileError(f"The weights file has a link at {place!r} that leads elsewhere. plait follows none.")
        node = node[part]
    return node if isinstance(node, h5py.Group) else None


def _datasets(group: h5py.Group) -> dict[str, h5py.Dataset]:
    found = {}
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise UnsafeFileError(
                f"The weights file has a link at {group.name}/{key} that leads elsewhere. plait follows none."
            )
        dataset = group[key]
        if not isinstance(dataset, h5py.Dataset):
            continue
        if dataset.is_virtual or dataset.external:
            raise UnsafeFileError(
                f"The weights file keeps {dataset.name} outside of itself. plait reads only what is in the file."
            )
        if dataset.dtype.kind not in _NUMBERS and dataset.dtype != np.dtype("V2"):
            raise UnsafeFileError(
                f"The weights file has {dataset.name} of the type {dataset.dtype}, which are no numbers."
            )
        if dataset.nbytes > (1 << 20) and dataset.nbytes > 1000 * max(dataset.id.get_storage_size(), 1):
            raise UnsafeFileError(
                f"The weights file says that {dataset.name} has {dataset.nbytes} bytes, but holds {dataset.id.get_storage_size()}."
            )
        found[key] = dataset
    return found


def _mismatches(thing: Any, store: dict, place: str) -> list[str]:
    """What doesn't fit an object that stores its variables in the ordinary way."""
    if type(thing).load_own_variables is not Layer.load_own_variables and not _is_ordinary(thing):
        return []
    variables: list[Variable] = thing._own_variables() if isinstance(thing, Layer) else []
    label = f"{type(thing).__name__} {getattr(thing, 'name', '')!r} (at {place})"
    if len(store) != len(variables):
        names = [variable.name for variable in variables]
        return [f"{label} has {len(variables)} variables {names}, but the file has {len(store)}"]
    return [
        f"{label}: {variable.name} has shape {variable.shape}, but the file has {tuple(store[str(index)].shape)}"
        for index, variable in enumerate(variables)
        if str(index) not in store or tuple(store[str(index)].shape) != variable.shape
    ]


def _is_ordinary(thing: Any) -> bool:
    return type(thing).__module__.startswith("plait.")


def _plan_optimizer(optimizer: Any, store: dict, plan: list) -> None:
    if len(store) == len(optimizer.variables):
        plan.append((optimizer, store))
    elif store:
        warnings.warn(
            f"Skipping variable loading for optimizer '{optimizer.name}', because it has {len(optimizer.variables)} variables whereas "
            f"the saved optimizer has {len(store)} variables.",
            stacklevel=5,
        )


def _unread(file: h5py.File, known: set[str]) -> list[str]:
    """Groups with variables that no object of the model has."""
    extra: list[str] = []

    def visit(group: h5py.Group, path: str, depth: int) -> None:
        if depth > 64:
            raise UnsafeFileError("The weights file nests its groups more than 64 deep.")
        for key in group:
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise UnsafeFileError(
                    f"The weights file has a link at {path}/{key} that leads elsewhere. plait follows none."
                )
            inner = f"{path}/{key}" if path else key
            if key == "vars" and isinstance(group[key], h5py.Group):
                if inner not in known and len(group[key]) and not inner.startswith("optimizer/"):
                    extra.append(
                        f"the file has {len(group[key])} variables at {inner}, for which the model has no place"
                    )
            elif isinstance(group[key], h5py.Group):
                visit(group[key], inner, depth + 1)

    visit(file, "", 0)
    return extra


def _read(dataset: h5py.Dataset) -> np.ndarray:
    array = dataset[()]
    if dataset.attrs.get("dtype") == "bfloat16":
        return np.asarray(array).view(jnp.bfloat16)
    return np.asarray(array)
