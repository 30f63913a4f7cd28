"""Optimizers as Keras has them: options, files, and what subclasses written for Keras call.

An `Optimizer` computes a chain of Optax pairs, its `rule`; what it adds is the same for every rule: one counter, one
learning rate, and Keras's common options (`updater.py`). A subclass that was written for Keras (`build`, `update_step`,
`add_variable_from_reference`, `assign`) runs here unchanged: its assignments become part of the pure function.

Verbs: `build`, `update` and `apply` of the parent; `get_config`, `save_own_variables` and `load_own_variables` for files.

Differs from Keras: an optimizer can be built again, for other weights.
"""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from types import MappingProxyType
from typing import Any

import jax.numpy as jnp
import numpy as np

from plait.common import serialization
from plait.common.messages import describe, raise_all, warn
from plait.common.scope import scope
from plait.common.traits import default, has_default, of_plait
from plait.core.pure import pure
from plait.core.variable import Variable, convert_to_tensor
from plait.errors import ArgumentError, ShapeError, StateError
from plait.optimizers.plan import apply_rule
from plait.optimizers.updater import COMMON_OPTIONS, Updater


@of_plait
class Optimizer(Updater):
    """The parent of all optimizers, and of those written for Keras.

    Args:
        learning_rate: a float; a schedule; or a function without arguments that returns the rate.
        weight_decay: decays weights by `weight * weight_decay * learning_rate` before each update, apart from the
            gradients ("decoupled"); None means not.
        clipnorm: the highest norm of each gradient.
        clipvalue: the highest absolute value in any gradient.
        global_clipnorm: the highest norm of all gradients together.
        use_ema: whether a moving average of the weights is kept. `fit` ends by putting it in their place.
        ema_momentum: how much of the average stays at each step.
        ema_overwrite_frequency: after how many updates the averages take the weights' place; None means at the end.
        loss_scale_factor: what the loss is multiplied by before, and gradients are divided by after differentiation.
        gradient_accumulation_steps: updates the weights at every such step, by the mean of the gradients since.
        name: a name; None makes one.

    Raises:
        ArgumentError: an option that isn't one, or a value out of its range.

    Differs: where gradients are accumulated, schedules and moving averages count updates, so that k accumulated steps are
    one step of a batch k times as large; in Keras they count steps. A weight without a gradient is left alone altogether.

    >>> class Signs(Optimizer):
    ...     def update_step(self, gradient, variable, learning_rate):
    ...         self.assign_sub(variable, learning_rate * jnp.sign(gradient))
    >>> weight = Variable([1.0, 2.0])
    >>> Signs(0.5).apply([jnp.array([3.0, -3.0])], [weight])
    >>> weight.numpy().tolist()
    [0.5, 2.5]
    """

    _hooks = "update_step assign assign_add assign_sub get_config save_own_variables load_own_variables"

    # ------------------------------------------------------------------------ one step

    @default
    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Updates one variable and its slots by assigning them. Optimizers written for Keras override it."""
        path = next(path for path, owner in self._owners().items() if owner is variable)
        state, weight = [held.value for held in self.variables], variable.value
        last = variable is self._trainable_variables[-1]
        updates, after = apply_rule(self._plan(), state, {path: gradient}, {path: weight}, learning_rate, last)
        variable.assign(weight + updates[path])
        for slot, before, value in zip(self.variables, state, after, strict=True):
            if value is not before:
                slot.assign(value)

    @property
    def steps_by_variable(self) -> bool:
        """Whether `update_step` is overridden, so that it is called for each variable, in place of the rule at once."""
        return not has_default(type(self), "update_step")

    def _update_steps(self, state: Sequence, gradients: Sequence, weights: Sequence, rate: Any) -> tuple[list, list]:
        variables = self._trainable_variables

        def run() -> None:
            for gradient, variable in zip(gradients, variables, strict=True):
                if gradient is not None:
                    self.update_step(gradient, variable, rate)

        with scope(compute_dtype=None):
            _, values = pure(run, [*self.variables, *variables])([*state, *weights])
        return values[len(state) :], values[: len(state)]

    def apply_gradients(self, grads_and_vars: Iterable[tuple]) -> Variable:
        """Updates variables by gradients, given in pairs, and returns the counter."""
        pairs = list(grads_and_vars)
        if not pairs:
            raise ArgumentError(f"{type(self).__name__} {self.name!r}: `apply_gradients` got no gradients.")
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self._iteration

    def stateless_apply(
        self, optimizer_variables: Sequence, grads: Sequence, trainable_variables: Sequence
    ) -> tuple[list, list]:
        """One step as a pure function, with the arguments and results in Keras's order: `update` under another name.

        Returns:
            `(trainable_variables, optimizer_variables)`.

        Raises:
            StateError: the optimizer isn't built.
            ShapeError: the lists have other lengths than they should.
        """
        state = [convert_to_tensor(value) for value in optimizer_variables]
        return self.update(state, grads, [convert_to_tensor(value) for value in trainable_variables])

    # ------------------------------------------------------------------------ for subclasses written for Keras

    def add_variable(
        self,
        shape: Any,
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str | None = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Adds a variable of the optimizer's own, and returns it."""
        options = {"shape": shape, "dtype": dtype, "aggregation": aggregation, "layout": layout}
        return self._slots.ask(None, name or "", lambda: self._variable(_initializer(initializer), name, **options))

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Adds a variable of a weight's shape and dtype, and returns it; the one of before, where it is built again."""
        owner = reference_variable
        full_name = f"{owner.path.replace('/', '_')}_{name}" if name else owner.name
        options = {"shape": owner.shape, "dtype": owner.dtype, "layout": owner.layout}
        return self._slots.ask(
            owner, name or "", lambda: self._variable(_initializer(initializer), full_name, **options)
        )

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Variable], name: Any, initializer: Any = "zeros"
    ) -> list:
        """Adds a variable for each weight, or several where lists of names and initializers are given.

        Returns:
            a list for each name, of one variable for each weight; just that list for one name. None stands for weights
            that are replaced by their gradients.
        """
        names = [name] if isinstance(name, str) else list(name)
        initializers = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        lists: list[list] = [[] for _ in names]
        for variable in trainable_variables:
            for made, each, start in zip(lists, names, initializers, strict=True):
                skipped = variable.overwrite_with_gradient
                made.append(None if skipped else self.add_variable_from_reference(variable, each, start))
        return lists[0] if isinstance(name, str) else lists

    def assign(self, variable: Variable, value: Any) -> None:
        """Assigns a value to a variable."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Adds a value to a variable."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtracts a value from a variable."""
        variable.assign_sub(value)

    def _get_variable_index(self, variable: Variable) -> int:
        """The place of a weight among those that the optimizer was built for: what Keras's subclasses index slots by."""
        return next(index for index, mine in enumerate(self._trainable_variables) if mine is variable)

    # ------------------------------------------------------------------------ config and files

    def get_config(self) -> dict:
        """The constructor's arguments; the learning rate as it is now."""
        rate = self._learning_rate
        rate = float(rate.value) if isinstance(rate, Variable) else serialization.serialize(rate)
        config = {"name": self.name, "learning_rate": rate}
        return config | {key: getattr(self, key) for key in (*COMMON_OPTIONS, *self.arguments)}

    @classmethod
    def from_config(cls, config: Mapping, custom_objects: Mapping | None = None) -> "Optimizer":
        """An optimizer from its config."""
        config = dict(config)
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config["learning_rate"] = serialization.deserialize(rate, custom_objects, "schedules")
        elif isinstance(rate, int):
            config["learning_rate"] = float(rate)
        return cls(**config)

    def set_weights(self, weights: Sequence) -> None:
        """Assigns values to the variables, in their order.

        Raises:
            ShapeError: another number of values than there are variables, or other shapes.
            StateError: it isn't built.
        """
        if not self.built:
            raise StateError(
                f"{type(self).__name__} {self.name!r}: You are calling `set_weights()` on an optimizer that has not been built. "
                "Build it with `build(trainable_variables)` first."
            )
        if len(weights) != len(self.variables):
            raise ShapeError(
                f"{type(self).__name__} {self.name!r}: expected {len(self.variables)} weights, but got {len(weights)}."
            )
        _check_shapes(self, self.variables, weights)
        for variable, value in zip(self.variables, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: MutableMapping) -> None:
        """Puts the variables' values in a store, under "0", "1", ..."""
        for index, variable in enumerate(self.variables):
            store[str(index)] = variable.numpy()

    @default
    def load_own_variables(self, store: Mapping) -> None:
        """Takes the variables' values from a store; another number of them is left, with a warning.

        Files of Keras 2.11 to 2.15 lack the learning rate, which then stays what the config said.

        Raises:
            ShapeError: values of other shapes; nothing is loaded then.
        """
        mine = list(self.variables)
        if len(store) == len(mine) - 1:
            mine = [variable for variable in mine if variable is not self._learning_rate]
        if len(store) != len(mine):
            warn(
                f"Skipping variable loading for optimizer '{self.name}', because it has {len(self.variables)} variables "
                f"whereas the saved optimizer has {len(store)} variables.",
            )
            return
        values = [store[str(index)] for index in range(len(mine))]
        _check_shapes(self, mine, values)
        self._births = MappingProxyType(dict.fromkeys(self._births, 0))
        for variable, value in zip(mine, values, strict=True):
            variable.assign(np.asarray(value))


def _initializer(initializer: Any) -> Any:
    """Zeros without the registry, as the file of initializers need not be loaded for them."""
    return jnp.zeros if isinstance(initializer, str) and initializer == "zeros" else initializer


def _check_shapes(optimizer: Optimizer, variables: Sequence[Variable], values: Sequence) -> None:
    problems = [
        f"'{variable.path}' has shape {variable.shape}, but got {describe(value)}"
        for variable, value in zip(variables, values, strict=True)
        if tuple(np.shape(value)) != variable.shape
    ]
    raise_all(ShapeError, f"{type(optimizer).__name__} {optimizer.name!r}: these values don't fit", problems)
