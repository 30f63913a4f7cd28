"""Metrics: numbers gathered over many batches.

A `Metric` keeps what it needs (sums, counts) in variables. `update_state` adds a batch to them, `result` computes the
number, `reset_state` starts afresh. A metric may hold others in its attributes; their variables are its own, too.

Verbs: the three above; `add_variable` makes a variable; `stateless_*` are the same three as pure functions.

Life under jit: an update reads and assigns variables, and never changes a shape or dtype, so the training step runs it
under `pure` like any function with state. Results are traceable, too.

What it is not: a view of a whole data set. What can't be summed up batch by batch is no metric.

Differs from Keras: the variables are found by walking the attributes when asked, not tracked when they are set.
`add_weight` without an initializer makes zeros (there, it fails). Results that need a Python decision there (`R2Score`
with regressors) are computed without one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from plait.common import serialization
from plait.common.constructors import constructor_parameters
from plait.common.names import auto_name, snake_case
from plait.common.policies import policy
from plait.common.registry import builtin, builtins_of
from plait.common.scope import name_scope
from plait.common.settings import settings
from plait.core.holder import Holder, held_by
from plait.core.mask import get_mask
from plait.core.pure import pure
from plait.core.variable import Variable, convert_to_tensor
from plait.errors import ArgumentError, MissingError, StateError
from plait.losses.base import (
    Loss,
    as_pair,
    as_rows,
    function_config,
    match_ranks,
    options_of,
    safe_divide,
    weights_with_mask,
)


def metric(*aliases: str) -> Callable:
    """Registers a class under its name, its name in snake_case, and others."""

    def register(cls: type) -> type:
        return builtin("metrics", snake_case(cls.__name__), *aliases)(cls)

    return register


@metric()
class Metric(Holder):
    """The parent of all metrics. A custom metric defines `update_state` and `result`.

    Args:
        dtype: what it computes in; None is `floatx`. Of a policy, its compute dtype.
        name: its name; None makes one.

    >>> class Largest(Metric):
    ...     def __init__(self, name="largest"):
    ...         super().__init__(name=name)
    ...         self.value = self.add_variable((), "zeros", name="value")
    ...
    ...     def update_state(self, values):
    ...         self.value.assign(jnp.maximum(self.value.value, jnp.max(values)))
    ...
    ...     def result(self):
    ...         return self.value.value
    >>> largest = Largest()
    >>> largest.update_state(jnp.array([1.0, 3.0]))
    >>> float(largest(jnp.array([2.0])))
    3.0
    """

    _held_as = "metric"
    _records = "name built _dtype _variables _direction"
    _hooks = "update_state result reset_state"

    _direction: str | None = None  # "up" or "down" where better is known to be larger or smaller
    built = True  # whether it has all its variables; some wait for the first batch to tell their shapes

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = name or auto_name(type(self))
        self._dtype = policy(dtype or settings().floatx).compute_dtype
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """What it computes in."""
        return self._dtype

    def add_variable(
        self,
        shape: Any,
        initializer: Any,
        dtype: Any = None,
        aggregation: str | None = "sum",
        name: str | None = None,
    ) -> Variable:
        """Makes a variable that belongs to the metric.

        Args:
            shape: its shape.
            initializer: a function of (shape, dtype), an initializer's name, or the values; None is zeros.
            dtype: its dtype; None is `floatx`.
            aggregation: has no effect.
            name: its name; None makes one.

        Raises:
            StateError: the metric's own constructor hasn't called `super().__init__()`.
        """
        if "_variables" not in vars(self):
            raise StateError(
                f"{type(self).__name__}: its constructor doesn't call `super().__init__()`. Call it first."
            )
        if initializer is None:
            initializer = jnp.zeros
        elif not hasattr(initializer, "__array__"):
            initializer = serialization.get("initializers", initializer)
        with name_scope(self.name.replace("/", ">")):
            variable = Variable(
                initializer, shape, dtype, trainable=False, autocast=False, aggregation=aggregation, name=name
            )
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Makes a variable that belongs to the metric; see `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """Its own variables in the order in which they were made, then those of the metrics it holds."""
        own = sorted((*self._variables, *held_by(self, "variable")), key=lambda variable: variable.serial)
        inner = (variable for metric in held_by(self, "metric") for variable in metric.variables)
        return list({id(variable): variable for variable in (*own, *inner)}.values())

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Adds a batch."""
        raise MissingError(f"{type(self).__name__}: a metric defines `update_state`.")

    def result(self) -> Any:
        """The number so far, or a dict of numbers."""
        raise MissingError(f"{type(self).__name__}: a metric defines `result`.")

    def reset_state(self) -> None:
        """Starts afresh: every variable becomes 0."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Adds a batch, and returns the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def stateless_update_state(self, metric_variables: Sequence, *args: Any, **kwargs: Any) -> list:
        """The values of the variables after a batch; the variables themselves stay as they are.

        Args:
            metric_variables: values for `variables`, in that order.
            *args: as for `update_state`.
            **kwargs: likewise.

        Raises:
            ArgumentError: another number of values than variables.
        """
        variables, values = self._matching(metric_variables), _values(metric_variables)
        return pure(self.update_state, variables)(values, *args, **kwargs)[1]

    def stateless_result(self, metric_variables: Sequence) -> Any:
        """The result for given values of the variables.

        Raises:
            ArgumentError: another number of values than variables.
        """
        return pure(self.result, self._matching(metric_variables))(_values(metric_variables))[0]

    def stateless_reset_state(self) -> list:
        """The values of the variables after a reset; the variables themselves stay as they are."""
        variables = self.variables
        return pure(self.reset_state, variables)([variable.value for variable in variables])[1]

    def _check_built(self) -> None:
        if not self.built:
            raise StateError(f"{type(self).__name__} {self.name!r} has seen no data yet. Call `update_state` first.")

    def _matching(self, values: Sequence) -> list[Variable]:
        variables = self.variables
        if len(values) != len(variables):
            raise ArgumentError(
                f"{type(self).__name__} {self.name!r}: `metric_variables` must be a value for each of its {len(variables)} "
                f"variables, but got {len(values)}."
            )
        return variables

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict) -> "Metric":
        """A metric from its config."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _values(variables: Sequence) -> list:
    """Values, where variables may stand for theirs."""
    return [item.value if isinstance(item, Variable) else item for item in variables]


# ---------------------------------------------------------------------------- sums and means


@metric()
class Sum(Metric):
    """The weighted sum of values.

    Args:
        name: its name.
        dtype: as for `Metric`.

    Shapes: values of any shape; weights of the shape of their leading axes.

    >>> total = Sum()
    >>> total.update_state([1.0, 3.0])
    >>> float(total([5.0], sample_weight=[2.0]))
    14.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None):
        super().__init__(dtype, name)
        self.total = self.add_variable((), np.zeros, self.dtype, name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Adds values."""
        values, _ = _samplewise(values, sample_weight, jnp.sum, self.dtype)
        self.total.assign(self.total.value + jnp.sum(values))

    def result(self) -> Any:
        """The sum."""
        return self.total.value


@metric()
class Mean(Metric):
    """The weighted mean of values; 0 if there are none.

    Each sample counts by its weight: the values of one sample (over axes that the weights don't have) are averaged first.

    Args:
        name: its name.
        dtype: as for `Metric`.

    Shapes: values of any shape; weights of the shape of their leading axes.

    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0])
    >>> float(mean([5.0], sample_weight=[2.0]))
    3.5
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None):
        super().__init__(dtype, name)
        self.total = self.add_variable((), np.zeros, self.dtype, name="total")
        self.count = self.add_variable((), np.zeros, self.dtype, name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Adds values."""
        values, weights = _samplewise(values, sample_weight, jnp.mean, self.dtype)
        self.total.assign(self.total.value + jnp.sum(values))
        self.count.assign(self.count.value + jnp.sum(jnp.ones_like(values) if weights is None else weights))

    def result(self) -> Any:
        """The mean."""
        return safe_divide(self.total.value, self.count.value)


def _samplewise(values: Any, weights: Any, reduce: Callable, dtype: str) -> tuple[Any, Any]:
    """Weighted values and weights, reduced to one of each a sample: (B,) or one number; weights may be None."""
    mask = get_mask(values)
    values = convert_to_tensor(values, dtype)
    if weights is not None:
        values, weights = match_ranks(values, weights_with_mask(weights, mask, dtype))
        if values.ndim > weights.ndim:
            values = reduce(values, axis=tuple(range(weights.ndim, values.ndim)))
        rank = weights.ndim
        weights = jnp.broadcast_to(weights, values.shape)
        values = values * weights
        if rank > 1:
            weights = reduce(weights, axis=tuple(range(1, rank)))
    return (reduce(values, axis=tuple(range(1, values.ndim))) if values.ndim > 1 else values), weights


@metric()
class MeanMetricWrapper(Mean):
    """The weighted mean of what a function of labels and outputs gives.

    A mask on the outputs is taken into account.

    Args:
        fn: a function of `(y_true, y_pred, **options)` that returns one number a sample.
        name: its name; None makes one.
        dtype: as for `Metric`.
        **kwargs: what else the function gets.

    >>> metric = MeanMetricWrapper(lambda y_true, y_pred, power: abs(y_true - y_pred) ** power, power=3)
    >>> float(metric(jnp.zeros(2), jnp.ones(2)))
    1.0
    """

    _unwritten: tuple[str, ...] = ()  # arguments that Keras's files lack: written only where they aren't the default

    def __init__(self, fn: Callable, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name, dtype)
        self._fn = fn
        self._options = kwargs
        if "fn" not in constructor_parameters(type(self)):
            self.__dict__.update(kwargs)  # a metric of its own name keeps its arguments under theirs
        if self._direction is None and _is_loss(fn):
            self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        if getattr(self._fn, "by_element", False):
            y_true, y_pred = as_rows(self._fn, *as_pair(y_true, y_pred))
        values = self._fn(y_true, y_pred, **options_of(self, self._options))
        super().update_state(values, weights_with_mask(sample_weight, get_mask(y_pred), self.dtype))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            **function_config(type(self), self._fn, options_of(self, self._options), self._unwritten, None),
        }

    @classmethod
    def from_config(cls, config: dict) -> "Metric":
        """A metric from its config."""
        return super().from_config(serialization.deserialize(config) if "fn" in config else config)


def _is_loss(function: Any) -> bool:
    return isinstance(function, Loss) or any(function is known for known in builtins_of("losses").values())


# ---------------------------------------------------------------------------- by name


def get(identifier: Any) -> Any:
    """A metric from None, a name, a config, a class, a function or a metric. Names give objects.

    >>> get("mse").name, get("AUC").name
    ('mean_squared_error', 'auc')

    Raises:
        NameUnknownError: no metric has that name; says the nearest one.
        ArgumentError: neither of these.
    """
    return serialization.get("metrics", identifier)


def serialize(metric: Any) -> Any:
    """A metric as plain data, in the form of Keras's files; a function becomes its name."""
    return serialization.serialize(metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A metric from plain data, or from a name.

    Args:
        config: what `serialize` gave.
        custom_objects: classes and functions of the program that it may name.
    """
    return serialization.get("metrics", config, custom_objects)
