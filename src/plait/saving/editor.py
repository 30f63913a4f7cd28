"""Editing the weights in a file: what Keras's `KerasFileEditor` does, on plait's safe readers.

A file's weights are read into a tree of dicts, `layers/dense/0`, edited there, and written as a new `.weights.h5`. No model
is made, and no class of the file is looked for; what isn't safe to read is refused as it is by `load_weights`.

What it is not: surgery. `plait.surgery` rewrites a model, with its graph; this moves arrays in a file for a model that was
changed by hand.

Differs from Keras: the weights of models inside models are there too (Keras's editor leaves them out), and `compare` counts
each weight once. A rename onto a name that is taken is an error.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape

from plait.common.messages import describe, did_you_mean, listing
from plait.errors import ArgumentError, FileError
from plait.saving.archive import CONFIG, METADATA, WEIGHTS, Members, open_archive, open_regular
from plait.saving.atomic import atomic_write
from plait.saving.flat_weights import parse_json
from plait.saving.formats import MOST_JSON, as_path, format_of, named
from plait.saving.h5 import ArrayWriter, StoredWeights, open_for_writing
from plait.saving.legacy_h5 import LegacyFile
from plait.saving.object_paths import find_places


class KerasFileEditor:
    """A file of weights, to be looked at, changed and written again.

    Args:
        filepath: a `.keras` or `.weights.h5` file, of plait or of Keras 3.

    Attributes:
        weights_dict: the arrays, in dicts by the parts of their places: `weights_dict["layers"]["dense"]["0"]`.
        object_metadata: the names of objects by their places, where the file has them.
        config: the config of a `.keras` file; None for weights alone.
        metadata: which Keras wrote a `.keras` file, and when; None for weights alone.

    Raises:
        FileError: another kind of file, or a damaged one.
        UnsafeFileError: a file that tries to do more than hold data.

    >>> import os, tempfile, plait
    >>> model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(3)])
    >>> path = os.path.join(tempfile.mkdtemp(), "model.weights.h5")
    >>> model.save_weights(path)
    >>> editor = KerasFileEditor(path)  # doctest: +ELLIPSIS
    Keras model file '...'
    >>> editor.rename_object("layers/dense", "dense_1")
    >>> editor.weights_dict["layers"]["dense_1"]["0"].shape
    (2, 3)
    """

    def __init__(self, filepath: Any):
        self.filepath = str(filepath)
        self.console = Console(highlight=False, soft_wrap=True)
        self.config: dict | None = None
        self.metadata: dict | None = None
        self.weights_dict: dict[str, Any] = {}
        self.object_metadata: dict[str, dict[str, str]] = {}
        path = as_path(filepath)
        kind = format_of(path)
        if kind not in ("keras", "folder", "hdf5"):
            raise FileError(f"'{path}' is no file of Keras 3: give a `.keras` file or a `.weights.h5` file.")
        with named(path):
            if kind == "hdf5":
                self._read_weights_alone(path)
            else:
                with open_archive(path) as archive:
                    self._read_archive(archive)
        self.console.print(f"Keras model file '{escape(self.filepath)}'")
        if self.metadata is not None:
            told = [str(self.metadata.get(key, "?")) for key in ("keras_version", "date_saved")]
            self.console.print(f"Saved with Keras {escape(told[0])} - date: {escape(told[1])}")

    def _read_archive(self, archive: Members) -> None:
        self.config = parse_json(archive.read(CONFIG, MOST_JSON), CONFIG)
        if METADATA in archive.names:
            self.metadata = parse_json(archive.read(METADATA, MOST_JSON), METADATA)
        file, _ = archive.open(WEIGHTS)
        with file, StoredWeights(file) as stored:
            self._take(stored)

    def _read_weights_alone(self, path: Any) -> None:
        with open_regular(path) as file, LegacyFile(file) as legacy:
            if legacy.names("layer_names", legacy.root) or legacy.text("model_config") is not None:
                raise FileError(
                    f"'{path}' is a file of Keras 1 or 2, where weights are kept by layer. Load it into a model, and save that "
                    "as `.weights.h5`."
                )
            self._take(legacy.stored)

    def _take(self, stored: StoredWeights) -> None:
        for place in stored.groups_with_arrays():
            group = stored.group(place)
            if group:
                self._object(place, make=True).update((key, group[key]) for key in group)
                if group.name:
                    self.object_metadata[f"/{place}"] = {"name": group.name}

    # ------------------------------------------------------------------------ looking

    def summary(self) -> None:
        """Prints the tree of objects and weights."""
        self.console.print("Weights structure")
        for line in _tree_lines(self.weights_dict, "  ", "", self.object_metadata):
            self.console.print(line)

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Reports how the file differs from what a model would write, and prints it.

        Args:
            reference_model: a model that is built.

        Returns:
            `"status"`: `"success"` or `"error"`; `"error_count"`: how many objects or weights are missing on either side, or
            have other shapes; `"match_count"`: how many weights fit.
        """
        self.console.print("Running comparison")
        expected = _weights_of(reference_model)
        problems, matches = _differences(self.weights_dict, expected, "")
        for problem in problems:
            self.console.print(f"[color(160)]...{escape(problem)}[/]")
        self.console.print("─────────────────────")
        if problems:
            self.console.print(
                f"[color(160)][bold]Found {_count(len(problems), 'error')}:[/] saved file is not compatible with the reference "
                "model[/]"
            )
        else:
            self.console.print(
                "[color(28)][bold]Comparison successful:[/] saved file is compatible with the reference model[/]"
            )
            self.console.print(f"    Found {_count(matches, 'matching weight')}")
        return {
            "status": "error" if problems else "success",
            "error_count": len(problems),
            "match_count": matches,
        }

    # ------------------------------------------------------------------------ changing

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Gives an object another name, at the same place.

        Args:
            object_name: its name, if there is only one of it, or its place: `"layers/dense_2"`.
            new_name: the new name, without a place.

        Raises:
            ArgumentError: no such object, or several; a name with a place, or one that is taken.
        """
        if "/" in new_name:
            raise ArgumentError(
                "KerasFileEditor: `new_name` should be a name, not a full path: an object is renamed at its place, but got "
                f"new_name='{new_name}'."
            )
        parent, name = self._find(object_name)
        if new_name in parent and new_name != name:
            raise ArgumentError(
                f"KerasFileEditor: '{object_name}' cannot be renamed to '{new_name}', because that is there too. Delete or rename "
                "it first."
            )
        items = [(new_name if key == name else key, value) for key, value in parent.items()]
        parent.clear()
        parent.update(items)

    def delete_object(self, object_name: str) -> None:
        """Removes an object and all in it.

        Args:
            object_name: its name, if there is only one of it, or its place.

        Raises:
            ArgumentError: no such object, or several.
        """
        parent, name = self._find(object_name)
        del parent[name]

    def add_object(self, object_path: str, weights: dict[str, Any]) -> None:
        """Adds an object, in place of one that is there.

        Args:
            object_path: its place: `"layers/dense_2"`. What it is in must be there.
            weights: its arrays, by name: `{"0": kernel, "1": bias}`.

        Raises:
            ArgumentError: no such place; weights that are no dict of numbers.
        """
        place, _, name = object_path.rpartition("/")
        self._object(place)[name] = _checked(weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Removes a weight of an object.

        Args:
            object_name: the object's name, if there is only one of it, or its place.
            weight_name: the weight's name, such as `"0"`.

        Raises:
            ArgumentError: no such object or weight, or several objects.
        """
        parent, name = self._find(object_name)
        if weight_name not in parent[name]:
            raise ArgumentError(
                f"KerasFileEditor: Weight {weight_name} not found in object {object_name}. Weights found: {list(parent[name])}."
            )
        del parent[name][weight_name]

    def add_weights(self, object_name: str, weights: dict[str, Any]) -> None:
        """Adds weights to an object, in place of those of the same names.

        Args:
            object_name: the object's name, if there is only one of it, or its place.
            weights: arrays by name: `{"0": kernel}`.

        Raises:
            ArgumentError: no such object, or several; weights that are no dict of numbers.
        """
        parent, name = self._find(object_name)
        parent[name].update(_checked(weights))

    def _find(self, name: str) -> tuple[dict, str]:
        """The dict that an object is in, and its key there."""
        place, _, own = name.rpartition("/")
        if place:
            parents = [self._object(place)]
        else:
            parents = [self.weights_dict, *_inner(self.weights_dict)]
        parents = [parent for parent in parents if own in parent]
        if len(parents) > 1:
            raise ArgumentError(
                f"KerasFileEditor: Name '{name}' occurs more than once in the model; try passing a complete path."
            )
        if not parents:
            raise self._not_found(name)
        return parents[0], own

    def _object(self, place: str, make: bool = False) -> dict:
        found = self.weights_dict
        for part in filter(None, place.split("/")):
            inner = found.setdefault(part, {}) if make else found.get(part)
            if not isinstance(inner, dict):
                raise self._not_found(place)
            found = inner
        return found

    def _not_found(self, name: str) -> ArgumentError:
        places = [place for place, _ in _objects(self.weights_dict, "")]
        return ArgumentError(
            f"KerasFileEditor: Path '{name}' not found in model.{did_you_mean(name, places)} There are {listing(places)}."
        )

    # ------------------------------------------------------------------------ writing

    def save(self, filepath: Any) -> None:
        """Writes the weights as they are now; whole or not at all.

        Args:
            filepath: where to; ends in `.weights.h5`.

        Raises:
            FileError: another ending, or a file that cannot be written.
        """
        path = as_path(filepath)
        if not path.name.endswith(".weights.h5"):
            raise FileError(
                f"KerasFileEditor: Invalid `filepath` argument: expected a `.weights.h5` extension, but got filepath={path}."
            )
        with atomic_write(path) as file, open_for_writing(file) as h5:
            for place, found in [("", self.weights_dict), *_objects(self.weights_dict, "")]:
                arrays = {key: value for key, value in found.items() if not isinstance(value, dict)}
                if arrays:
                    ArrayWriter(h5, f"{place}/vars").update(arrays)

    def resave_weights(self, filepath: Any) -> None:
        """The same as `save`."""
        self.save(filepath)


def _checked(weights: Any) -> dict[str, np.ndarray]:
    """Arrays of numbers by name."""
    if not isinstance(weights, dict):
        raise ArgumentError(
            "KerasFileEditor: Argument `weights` should be a dict where keys are weight names (usually '0', '1', etc.) and values "
            f"are NumPy arrays, but got {describe(weights)}."
        )
    arrays = {str(name): np.asarray(value) for name, value in weights.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "fiubcV" or "/" in name:
            raise ArgumentError(
                f"KerasFileEditor: the weight {name!r} must be an array of numbers, but got {describe(array)}."
            )
    return arrays


def _inner(tree: dict) -> Iterator[dict]:
    """All dicts in a tree."""
    for value in tree.values():
        if isinstance(value, dict):
            yield value
            yield from _inner(value)


def _objects(tree: dict, place: str) -> Iterator[tuple[str, dict]]:
    """All objects of a tree, by their places."""
    for name, value in tree.items():
        if isinstance(value, dict):
            path = f"{place}/{name}".lstrip("/")
            yield path, value
            yield from _objects(value, path)


def _weights_of(model: Any) -> dict[str, Any]:
    """The arrays that a model would write, in dicts by their places."""
    found: dict[str, Any] = {}
    for place in find_places(model):
        store: dict[str, Any] = {}
        place.thing.save_own_variables(store)
        if store:
            inner = found
            for part in filter(None, place.path.split("/")):
                inner = inner.setdefault(part, {})
            inner.update(store)
    return found


def _differences(saved: Any, expected: Any, place: str) -> tuple[list[str], int]:
    """What is not alike, one line each, and how many weights are."""
    problems, matches = [], 0
    for key in dict.fromkeys([*expected, *saved]):
        path = f"{place}/{key}"
        if key not in saved or key not in expected:
            side, other = ("reference model", "saved file") if key in expected else ("saved file", "reference model")
            value = expected[key] if key in expected else saved[key]
            kind = "Object" if isinstance(value, dict) else "Weight"
            holds = f"; it contains {list(value)}" if isinstance(value, dict) else ""
            problems.append(f"{kind} {path} present in {side}, missing from {other}{holds}")
        elif isinstance(saved[key], dict) and isinstance(expected[key], dict):
            inner = _differences(saved[key], expected[key], path)
            problems, matches = problems + inner[0], matches + inner[1]
        elif np.shape(saved[key]) != np.shape(expected[key]):
            shapes = [tuple(np.shape(side[key])) for side in (expected, saved)]
            problems.append(
                f"Weight shape mismatch for {path}: {shapes[0]} in reference model, {shapes[1]} in saved file"
            )
        else:
            matches += 1
    return problems, matches


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _tree_lines(tree: dict, start: str, place: str, names: dict) -> Iterator[str]:
    """A tree of objects as text, with rich's marks."""
    for key, value in tree.items():
        last = key == next(reversed(tree))
        if isinstance(value, dict):
            name = names.get(f"{place}/{key}", {}).get("name")
            told = f" ({escape(repr(name))})" if name else ""
            yield f"{escape(start)}{'└─' if last else '├─'} [bold]{escape(key)}[/]{told}"
            yield from _tree_lines(value, f"{start}{'   ' if last else '│  '}", f"{place}/{key}", names)
        else:
            yield f"{escape(start)}{'└─' if last else '├─'} [bold]{escape(key)}[/]: shape={value.shape}, dtype={value.dtype}"
