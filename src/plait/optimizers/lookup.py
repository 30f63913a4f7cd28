"""What may stand for an optimizer: a name, a config, a class, an optimizer, or any transformation of Optax's."""

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import DictKey

from plait.common import registry, serialization
from plait.common.messages import describe
from plait.common.traits import of_plait
from plait.core.cell import Late
from plait.core.variable import Variable
from plait.errors import ArgumentError, MissingError, NameUnknownError
from plait.optimizers.algorithms import Options
from plait.optimizers.base import Optimizer


@of_plait
class OptaxOptimizer(Optimizer):
    """Any `optax.GradientTransformation` as an optimizer. `compile(optimizer=optax.adam(1e-3))` makes one by itself.

    The transformation sees the weights as a dict by path, so masks and labels can be told by path. Its state becomes
    variables, which are saved and restored like any optimizer's.

    Args:
        transformation: what turns gradients into updates, its learning rate included.
        common: the options that every optimizer has, but for `weight_decay`.

    Raises:
        ArgumentError: `weight_decay`, which Optax has pairs for; or `get_config`, as no file can hold functions.
        MissingError: asking for the learning rate, as only the transformation knows it.

    >>> weight = Variable(1.0)
    >>> OptaxOptimizer(optax.sgd(0.25)).apply([1.0], [weight])
    >>> float(weight)
    0.75
    """

    def __init__(self, transformation: optax.GradientTransformation, **common: Unpack[Options]):
        if common.get("weight_decay") is not None:
            raise ArgumentError(
                "OptaxOptimizer: `weight_decay` needs a learning rate, which is inside the transformation. Use "
                "optax.chain(..., optax.add_decayed_weights(...))."
            )
        super().__init__(None, **common)
        self.transformation = transformation

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """The transformation."""
        return optax.with_extra_args_support(self.transformation)

    def _rate_from(self, learning_rate: Any) -> None:
        return None

    @property
    def learning_rate(self) -> Any:
        """There is none outside of the transformation."""
        raise MissingError(
            f"OptaxOptimizer {self.name!r}: it has no `learning_rate`: only the Optax transformation knows it. To "
            "change it, make it a schedule there, or use one of plait.optimizers."
        )

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        raise MissingError(
            f"OptaxOptimizer {self.name!r}: its learning rate is in the Optax transformation, and cannot be set."
        )

    def cohorts(self, paths: Iterable[str]) -> list[list[str]]:
        """One group: a transformation counts for itself."""
        return [list(paths)] if paths else []

    def place(self, path: tuple, owners: Mapping[str, Variable]) -> tuple[Variable | None, str]:
        owner = next((entry.key for entry in path if isinstance(entry, DictKey) and entry.key in owners), None)
        names = [str(entry).strip(".[]'") for entry in path if not (isinstance(entry, DictKey) and entry.key == owner)]
        return owners[owner] if owner is not None else None, "_".join(names).replace("/", "_")

    def new_slot(self, owner: Variable | None, field: str, value: Any) -> Variable:
        """Makes the variable for one array of the transformation's state.

        Raises:
            ArgumentError: something in the state isn't an array.
        """
        if not isinstance(value, (jnp.ndarray, np.ndarray, np.generic, Late, bool, int, float)):
            raise ArgumentError(
                f"OptaxOptimizer {self.name!r}: the state of an Optax transformation must be made of arrays, but "
                f"{field!r} is {describe(value)}."
            )
        return super().new_slot(owner, field, value)

    def get_config(self) -> dict:
        """Not possible.

        Raises:
            ArgumentError: always.
        """
        raise ArgumentError(
            f"OptaxOptimizer {self.name!r}: an Optax transformation is made of functions, and no file holds code, so "
            "its config cannot be saved. Save the weights, which include the optimizer's variables, and compile the "
            "loaded model with the same transformation; or use one of plait.optimizers."
        )


def get(identifier: Any) -> Any:
    """An optimizer from a name in any case, a config, a class, an optimizer or an Optax transformation; None is None.

    Raises:
        NameUnknownError: no optimizer has that name; says the nearest one.
        ArgumentError: something that cannot stand for an optimizer.

    >>> type(get("rmsprop")).__name__, type(get(optax.adam(1e-3))).__name__
    ('RMSprop', 'OptaxOptimizer')
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, optax.GradientTransformation):
        return OptaxOptimizer(identifier)
    if isinstance(identifier, dict):
        return deserialize(identifier)
    found: Any = _find(identifier) if isinstance(identifier, str) else identifier
    if isinstance(found, type) and issubclass(found, Optimizer):
        return serialization.get("optimizers", found)
    raise ArgumentError(
        f"An optimizer must be a name, a config, an optimizer or an Optax transformation, but got {describe(identifier)}."
    )


def _find(name: str) -> Any:
    try:
        return registry.find("optimizers", name)
    except NameUnknownError:
        if name.lower() not in registry.builtins_of("optimizers"):
            raise
        return registry.find("optimizers", name.lower())


def serialize(optimizer: Optimizer) -> dict:
    """An optimizer as plain data, in the form of Keras's files.

    Raises:
        ArgumentError: an Optax transformation, or an option that no file can hold.
    """
    return serialization.serialize_object(optimizer)


def deserialize(config: Mapping, custom_objects: Mapping | None = None) -> Optimizer:
    """An optimizer from what `serialize` made of one. The class may be named in any case.

    Raises:
        FileError: a class that isn't known here.
        ArgumentError: a config of something else.
    """
    name = config.get("class_name")
    if isinstance(name, str) and name.lower() in registry.builtins_of("optimizers"):
        config = {**config, "class_name": registry.find("optimizers", name.lower()).__name__}
    optimizer = serialization.deserialize(dict(config), custom_objects, "optimizers")
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"Expected the config of an optimizer, but got that of {describe(optimizer)}.")
    return optimizer
