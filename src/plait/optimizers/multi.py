"""One optimizer for some weights, another for others.

An `OptimizerMap` says which by the weights' paths; a function of the variable can say it as well. `MultiOptimizer`
splits gradients, weights and state among them.

Life under jit: the split is decided when the optimizer is built, so a program has no trace of it.

Differs from Keras: built again for other weights, a weight stays with the optimizer that it had.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from plait.common import registry, serialization
from plait.common.messages import describe
from plait.core.holder import keep
from plait.core.variable import Variable
from plait.errors import ArgumentError, MissingError
from plait.optimizers.base import Optimizer
from plait.optimizers.plan import like


@registry.builtin("optimizers")
class OptimizerMap(MutableMapping):
    """Optimizers by the paths of the variables they are for: a dict with regular expressions as keys.

    A path is looked for as it is, then as a full match of every key; else it gets the default.

    Args:
        default_optimizer: for all other variables.
        optimizer_map: a dict to begin with.

    Raises:
        ArgumentError: a value that isn't an optimizer, a key that is there already, or a path that two keys match.

    >>> from plait.optimizers import SGD, Adam
    >>> optimizers = OptimizerMap(SGD(), {"encoder/.*": Adam()})
    >>> type(optimizers["encoder/dense/kernel"]).__name__, type(optimizers["decoder/dense/kernel"]).__name__
    ('Adam', 'SGD')
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: Mapping[str, Optimizer] | None = None):
        self._default_optimizer = _checked(default_optimizer, "default_optimizer")
        self._optimizer_map: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer for variables that no key matches."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        found = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ArgumentError(
                f"OptimizerMap: Multiple optimizers assigned to variable {key}: the keys {found} match it."
            )
        return self._optimizer_map[found[0]] if found else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if key in self._optimizer_map:
            raise ArgumentError(
                f"OptimizerMap: {key!r} is there already, with the optimizer {self._optimizer_map[key]}. Delete it first."
            )
        self._optimizer_map[key] = _checked(optimizer, repr(key))

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimizer of a variable."""
        return self[variable.path]

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            "default_optimizer": serialization.serialize(self._default_optimizer),
            "optimizer_map": serialization.serialize(self._optimizer_map),
        }

    @classmethod
    def from_config(cls, config: Mapping, custom_objects: Mapping | None = None) -> "OptimizerMap":
        """A map from its config."""
        return cls(
            **{key: serialization.deserialize(item, custom_objects, "optimizers") for key, item in config.items()}
        )


def _checked(optimizer: Any, what: str) -> Optimizer:
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"OptimizerMap: {what} must be an optimizer, but got {describe(optimizer)}.")
    return optimizer


@registry.builtin("optimizers", "multioptimizer")
class MultiOptimizer(Optimizer):
    """Several optimizers, each for its own variables.

    Args:
        optimizer_map: an `OptimizerMap`, or a function from a variable to its optimizer.
        loss_scale_factor: takes the place of that of all the optimizers.
        name: a name; None makes one.

    Raises:
        ArgumentError: the map isn't callable, or gives something else than optimizers.
        MissingError: asking for its learning rate, as each optimizer has its own.

    >>> from plait.optimizers import SGD
    >>> optimizer = MultiOptimizer(OptimizerMap(SGD(1.0), {"slow": SGD(0.1)}))
    >>> slow, fast = Variable(1.0, name="slow"), Variable(1.0, name="fast")
    >>> optimizer.apply([1.0, 1.0], [slow, fast])
    >>> round(float(slow), 1), float(fast)
    (0.9, 0.0)
    """

    _holds_optimizers = True

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ):
        if not callable(optimizer_map):
            raise ArgumentError(
                "MultiOptimizer: `optimizer_map` must be an OptimizerMap or a function from a variable to its "
                f"optimizer, but got {describe(optimizer_map)}."
            )
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self.optimizer_map = optimizer_map
        self._chosen: dict[Variable, Optimizer] = {}

    def build(self, variables: Iterable[Variable]) -> None:
        """Chooses an optimizer for each variable that has none yet, and builds them."""
        variables = list(variables)
        chosen = self._chosen
        self._chosen = {v: chosen[v] if v in chosen else _checked(self.optimizer_map(v), v.path) for v in variables}
        keep(self, _trainable_variables=variables, built=True)
        for optimizer, indices in self._shares():
            optimizer.loss_scale_factor = self.loss_scale_factor
            optimizer.build_for([variables[index] for index in indices])
        self._compiled = None

    def _shares(self) -> list[tuple[Optimizer, list[int]]]:
        """Each optimizer, with the places of its variables."""
        shares: dict[int, tuple[Optimizer, list[int]]] = {}
        for index, variable in enumerate(self._trainable_variables):
            optimizer = self._chosen[variable]
            shares.setdefault(id(optimizer), (optimizer, []))[1].append(index)
        return list(shares.values())

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers that have variables, in the order of their first ones, then those of the map that have none."""
        used = [optimizer for optimizer, _ in self._shares()]
        listed = self.optimizer_map
        mapped = [*listed.values(), listed.default_optimizer] if isinstance(listed, OptimizerMap) else []
        return list({id(optimizer): optimizer for optimizer in [*used, *mapped]}.values())

    @property
    def variables(self) -> list[Variable]:
        """Its own iteration and rate, then the variables of each optimizer."""
        return [*super().variables, *(v for optimizer, _ in self._shares() for v in optimizer.variables)]

    @property
    def learning_rate(self) -> Any:
        """There is none: each optimizer has its own."""
        raise MissingError(
            f"MultiOptimizer {self.name!r}: Learning rate cannot be accessed on a MultiOptimizer. Access the learning "
            "rate on the individual sub-optimizers instead: `optimizer.optimizers[0].learning_rate`."
        )

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        raise MissingError(
            f"MultiOptimizer {self.name!r}: its learning rate cannot be set. Set those of `optimizer.optimizers`."
        )

    def update(self, state: Sequence, gradients: Sequence, weights: Sequence) -> tuple[list, list]:
        """One step, as a pure function of arrays: each optimizer's on its own share."""
        self._check_lengths(state, gradients, weights)
        weights, at = list(weights), len(super().variables)
        after = like([state[0] + 1, *state[1:at]], state[:at])
        for optimizer, indices in self._shares():
            end = at + len(optimizer.variables)
            share = [gradients[index] for index in indices], [weights[index] for index in indices]
            moved, held = optimizer.update(state[at:end], *share)
            for index, weight in zip(indices, moved, strict=True):
                weights[index] = weight
            after, at = after + held, end
        return weights, after

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """What each optimizer does at the end of `fit`."""
        variables = list(var_list)
        for optimizer, _ in self._shares():
            optimizer.finalize_variable_values(variables)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Says to each optimizer which variables aren't to be decayed."""
        listed, patterns = list(var_list or ()), list(var_names or ())
        for optimizer in self.optimizers:
            optimizer.exclude_from_weight_decay(listed, patterns)

    @property
    def runs_users_code(self) -> bool:
        """Whether one of the optimizers does."""
        return any(optimizer.runs_users_code for optimizer in self.optimizers)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            "optimizer_map": serialization.serialize(self.optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: Mapping, custom_objects: Mapping | None = None) -> "MultiOptimizer":
        """An optimizer from its config."""
        optimizer_map = serialization.deserialize(config["optimizer_map"], custom_objects, "optimizers")
        return cls(**{**config, "optimizer_map": optimizer_map})
