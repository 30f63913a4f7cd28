"""Data in the form that a model's inputs and outputs need: columns of frames by their names, known keys only.

A frame (pandas, polars) that is given to a model with several inputs gives each its column. A model with one input gets
all columns, in their order. If the frame holds columns that are named like outputs, they are the labels: `fit(frame)` is
all that is needed then, and `fit(frame, frame)` says the same.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from plait.common.dtypes import on_host
from plait.common.messages import did_you_mean, listing, raise_all
from plait.common.tree import flatten, is_nested, map_structure_in_order
from plait.errors import DataError
from plait.layers.preprocessing.encoding import is_text
from plait.training.data.arrays import as_arrays, is_arrays
from plait.training.data.nulls import marked, may_lack_some
from plait.training.protocols import TrainedModel


class DataOf:
    """Reads `(x, y)` for one model; keys that are no inputs are warned of once.

    Args:
        model: the model.
    """

    def __init__(self, model: TrainedModel):
        self._model = model
        self._extra: set = set()

    def __call__(self, x: Any, y: Any = None) -> tuple[Any, Any]:
        """The inputs and labels among some data.

        Raises:
            DataError: an input without a column or key.
        """
        if is_frame(x):
            y = self._labels_within(x) if y is None else y
            x = self._inputs_of_frame(x)
        elif isinstance(x, Mapping):
            x = self._known(x if isinstance(x, dict) else dict(x))
        if x is not None and (self._model._part_on_host is not None or is_text(x)):
            x = self._model.on_host(x)
        elif x is not None and self._may_not_fit(x) and is_arrays(x):
            x = self._model._fit_on_host(as_arrays(x))
        return x, self._fit_labels(self._labels_of_frame(y) if is_frame(y) else y)

    def _may_not_fit(self, x: Any) -> bool:
        """Whether data could be of 64 bits, or must be whole numbers."""
        if self._model._has_integers:
            return True
        return any(getattr(getattr(leaf, "dtype", None), "itemsize", 8) == 8 for leaf in flatten(x))

    def _fit_labels(self, y: Any) -> Any:
        """Labels of 64 bits in what the device has. Integers that don't fit can only be meant as numbers."""
        if y is None:
            return None

        def fit(leaf: Any) -> Any:
            wide = isinstance(leaf, np.ndarray) and leaf.dtype.kind in "iu" and leaf.dtype.itemsize == 8
            fitted = on_host(leaf, None, f"{self._model.name}: the labels", "float32") if wide else None
            return leaf if fitted is None or fitted.dtype.kind != "f" else fitted  # the others keep what messages show

        return map_structure_in_order(fit, as_arrays(self._marked(y)))

    def _marked(self, y: Any) -> Any:
        """Labels with the value that stands for a missing one wherever a masked array, pandas or polars has nothing."""
        if not any(map(may_lack_some, flatten(y))):
            return y
        values = iter(self._model._compilation.missing_values(y) if self._model._compilation is not None else [])
        return map_structure_in_order(lambda leaf: marked(leaf, next(values, None), self._model.name), y)

    def _known(self, x: dict) -> Any:
        if self._extra:
            x = {key: value for key, value in x.items() if key not in self._extra}
        known = self._model.select_inputs(x)
        self._extra |= set(x) - set(known)
        return known

    def _outputs(self) -> list[str]:
        return [] if self._model._graph is None else self._model.output_names

    def _inputs_of_frame(self, frame: Any) -> Any:
        graph, columns = self._model._graph, list(frame.columns)
        if graph is None:
            return frame
        structure = graph.input_structure
        flat = isinstance(structure, dict) and not any(map(is_nested, structure.values()))
        names = list(structure) if flat else self._model.input_names
        if len(names) == 1 and names[0] not in _names_of(columns):
            kept = [name for name in columns if name not in self._outputs()]
            return frame if len(kept) == len(columns) or not kept else frame[kept]
        missing = [name for name in names if name not in _names_of(columns)]
        problems = [f"there is no column for the input {name!r}.{did_you_mean(name, columns)}" for name in missing]
        raise_all(DataError, f"{self._model.name}: the frame has the columns {listing(columns)}", problems)
        return {name: frame[name] for name in names}

    def _labels_within(self, frame: Any) -> Any:
        """The columns that are named like outputs; None where there are none."""
        columns = _names_of(frame.columns)
        found = {name: frame[name] for name in self._outputs() if name in columns}
        if not found or set(self._outputs()) & set(self._model.input_names):
            return None
        return found if len(self._outputs()) > 1 else next(iter(found.values()))

    def _labels_of_frame(self, frame: Any) -> Any:
        columns, names = _names_of(frame.columns), self._outputs()
        if len(names) < 2:
            return frame[names[0]] if names and names[0] in columns and len(columns) > 1 else frame
        found = {name: frame[name] for name in names if name in columns}
        if not found:
            raise DataError(
                f"{self._model.name} has the outputs {listing(names)}, but the frame of labels has the columns "
                f"{listing(columns)}. Name the columns like the outputs, or pass a dict."
            )
        return found


def is_frame(value: Any) -> bool:
    """Whether a value is a data frame: columns by name, and an array of them all."""
    return hasattr(value, "columns") and hasattr(value, "to_numpy")


def _names_of(columns: Any) -> list:
    """The names of columns; of columns in several levels, those of the first."""
    return list(dict.fromkeys(name[0] if isinstance(name, tuple) else name for name in columns))
