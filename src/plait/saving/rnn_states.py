"""The states that stateful recurrent layers keep between batches, in files of whole models.

They stand in a group of their own, by the place of their layer, in `.keras` and in `.h5`; Keras passes over it. Files of
weights alone have none: weights may go into a model for other batches.

Verbs: `write_states`, `read_states`; `keeps_states` asks whether there are any.
"""

from collections.abc import Iterator
from typing import Any

from plait.core.variable import all_or_none
from plait.layers.ownership import Owner
from plait.saving.h5 import StoredGroup, StoredWeights
from plait.saving.object_paths import find_places

STATES = "recurrent_states"


def keeps_states(model: Any) -> bool:
    """Whether any layer keeps states between batches."""
    layers = model._flatten_layers() if isinstance(model, Owner) else ()
    return any(getattr(layer, "_stored_states", None) for layer in layers)


def _states_of(model: Any) -> Iterator[tuple[str, Any]]:
    for place in find_places(model) if keeps_states(model) else ():
        for index, variable in enumerate(getattr(place.thing, "_stored_states", ())):
            yield "/".join(filter(None, (STATES, place.path, str(index)))), variable


def write_states(model: Any, h5: Any) -> None:
    """Writes the states of a model's layers, where it has any, into an open file."""
    for path, variable in _states_of(model):
        h5.create_dataset(path, data=variable.numpy())


def read_states(model: Any, stored: StoredWeights) -> None:
    """Reads the states of a model's layers, as far as the file has them, in their shapes."""
    found = [(variable, stored.array(path)) for path, variable in _states_of(model) if path in stored.names]
    plan = [(variable, array) for variable, array in found if array.shape == tuple(variable.shape)]
    with all_or_none(variable for variable, _ in plan):
        for variable, array in plan:
            variable.assign(StoredGroup("", {"0": array})["0"])
