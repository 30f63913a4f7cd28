"""What a layer owns: its variables, layers, metrics and seed generators, found by walking its attributes when asked.

An `Owner` keeps no lists of what it owns. Each question (`weights`, `trainable_variables`, `metrics`) walks the attributes
then (`core/holder`), in the order in which they were set.

The order is Keras's, because files depend on it: own trainable variables, own others, then the layers' in their order.
Which of the two a variable belongs to was decided when it was made, and freezing doesn't move it.

Differs from Keras: there, `__setattr__` sorts every value that is set into stores, and wraps lists and dicts.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from plait.common.traits import default, of_plait
from plait.core.cell import mark_revision
from plait.core.graph import Operation
from plait.core.holder import Holder, held_by
from plait.core.variable import Variable
from plait.errors import ArgumentError, ShapeError, StateError


@of_plait
class Owner(Holder, Operation):
    """An operation that has weights: the half of a layer that knows what it holds."""

    _held_as = "layer"
    _hooks = "save_own_variables load_own_variables"
    _records = "_trainable _added _version built trainable"
    _bookkeeping = frozenset(
        "_nodes input_spec _dtype_policy _compilation _trainer optimizer _history _added _opened _policies _host_part "
        "_constructed_with _losses _build_shapes _given_shape built _called _building".split()
    )

    built = False
    _trainable: bool
    _added: list[Variable]
    _version = 0  # counts changes of what a program holds as constants (vocabularies)

    def __init__(self, name: str | None = None, trainable: bool = True):
        super().__init__(name)
        if not isinstance(trainable, (bool, np.bool_)):
            raise ArgumentError(
                f"{type(self).__name__} {self.name!r}: expected `trainable` to be a boolean, but got {trainable!r}."
            )
        self.__dict__.update(_trainable=bool(trainable), _added=[])

    @property
    def _layers(self) -> list["Owner"]:
        return unique(held_by(self, "layer"))

    def _own_variables(self) -> list[Variable]:
        found = [*self._added, *held_by(self, "variable")]
        found = sorted(unique(found), key=lambda variable: variable.serial)
        return [v for v in found if v.born_trainable] + [v for v in found if not v.born_trainable]

    @property
    def _seed_generators(self) -> list:
        return unique(held_by(self, "seed generator"))

    def _seed_states(self) -> list[Variable]:
        return [generator.state for generator in self._seed_generators]

    @property
    def weights(self) -> list[Variable]:
        """Its variables and its layers', without the states of random generators."""
        return unique([*self._own_variables(), *(v for layer in self._layers for v in layer.weights)])

    @property
    def variables(self) -> list[Variable]:
        """Its variables and its layers', the states of random generators among them."""
        inner = (v for layer in self._layers for v in layer.variables)
        return unique([*self._own_variables(), *self._seed_states(), *inner])

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [v for v in self.weights if v.trainable] if self._trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [v for v in self.weights if not v.trainable] if self._trainable else self.weights

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes."""
        return [v for v in self.variables if v.trainable] if self._trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training leaves alone, the states of random generators among them."""
        return [v for v in self.variables if not v.trainable] if self._trainable else self.variables

    @property
    def metrics(self) -> list:
        """The metrics among its attributes, and its layers'."""
        return unique(
            [*held_by(self, "metric"), *(metric for layer in self._layers for metric in layer._metrics_for_owner)]
        )

    @property
    def _metrics_for_owner(self) -> list:
        """Those of its metrics that are also metrics of what it is part of."""
        return self.metrics

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of its metrics."""
        return [variable for metric in self.metrics for variable in metric.variables]

    @property
    def trainable(self) -> bool:
        """Whether training changes its weights. What is set holds for all layers inside, from the next step on."""
        return self._trainable

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        self._trainable = bool(trainable)
        for variable in self._own_variables():
            if variable.born_trainable:
                variable.trainable = self._trainable
        for layer in self._layers:
            layer.trainable = self._trainable
        mark_revision()

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list["Owner"]:
        found: list[Owner] = []
        seen: set[int] = set()  # a layer may stand in several inner models
        waiting: list[Owner] = [self] if include_self else self._layers[::-1]
        while waiting:
            layer = waiting.pop()
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            found.append(layer)
            if recursive or layer is self:
                waiting += layer._layers[::-1]
        return found

    def count_params(self) -> int:
        """How many numbers its weights hold.

        Raises:
            StateError: it isn't built.
        """
        if not self.built:
            raise StateError(
                f"You tried to call `count_params` on layer {self.name!r}, but the layer isn't built. Build it manually via: "
                "`layer.build(input_shape)`, or call it."
            )
        return sum(variable.size for variable in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """The values of `weights`, as NumPy arrays."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Stores values in `weights`, in that order; all of them, or none when one doesn't fit.

        Raises:
            ArgumentError: another number of values.
            ShapeError: values of other shapes; all are listed.
        """
        variables = self.weights
        if len(variables) != len(weights):
            raise ArgumentError(
                f"Layer {self.name!r}: `set_weights` needs {len(variables)} arrays, but got {len(weights)}. They are for "
                f"{[f'{v.path} {v.shape}' for v in variables][:8]}."
            )
        values = [np.asarray(value) for value in weights]
        wrong = [
            f"{v.path}: {v.shape} != {a.shape}" for v, a in zip(variables, values, strict=True) if v.shape != a.shape
        ]
        if wrong:
            raise ShapeError(
                f"Layer {self.name!r} weight shapes are not compatible with the provided weight shapes: {'; '.join(wrong)}."
            )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def _stored_variables(self) -> list:
        """What files hold of it, in their order: its own variables, or views that stand for them."""
        return self._own_variables()

    def save_own_variables(self, store: Any) -> None:
        """Writes its own variables' values under "0", "1", ..."""
        for index, variable in enumerate(self._stored_variables()):
            store[str(index)] = variable.numpy()

    @default
    def load_own_variables(self, store: Any) -> None:
        """Reads its own variables' values from "0", "1", ...

        Raises:
            ArgumentError: another number of values than variables.
        """
        variables = self._stored_variables()
        if len(store.keys()) != len(variables):
            state = "" if self.built or variables else " The layer isn't built: build or call it first."
            raise ArgumentError(
                f"Layer {self.name!r}: it has {len(variables)} variables, but the file has {len(store.keys())} for it. The "
                f"variables are {[v.name for v in variables]}.{state}"
            )
        for index, variable in enumerate(variables):
            variable.assign(np.asarray(store[str(index)]))


def unique(items: Any) -> list:
    """The items, each once, in order, by identity."""
    return list({id(item): item for item in items}.values())
