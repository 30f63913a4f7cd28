"""Losses: how labels and outputs become one number to minimise.

A loss function compares labels with outputs and returns one number a sample (or a sample and time step). A `Loss` object
adds the rest: it casts both to one dtype, multiplies by weights, leaves out what is masked, and reduces.

Verbs: `Loss.__call__` computes, `reduce_weighted` weighs and reduces, `match_ranks` lines labels up with outputs,
`get` finds a loss by name.

Life under jit: pure functions, traced like any other. On symbolic tensors, functions and objects are recorded.

What it is not: the place where losses of several outputs are added (`training/compiled`).

Differs from Keras: weights and masks of the shape of the leading axes are lined up with these; there, a weight a sample
and a loss a time step fail, or are wired wrongly where the batch happens to be as long as the time. The loss of no
samples is 0, not an empty array. Files hold every argument that isn't the default (there, `Huber`'s delta is lost).
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from plait.common import serialization
from plait.common.constructors import constructor_parameters
from plait.common.messages import describe, did_you_mean, listing
from plait.common.names import auto_name
from plait.common.policies import policy
from plait.common.registry import builtin
from plait.common.settings import settings
from plait.common.tree import flatten, is_nested, map_structure
from plait.core.graph import Operation, record
from plait.core.holder import Holder
from plait.core.infer import infer
from plait.core.mask import get_mask
from plait.core.tensor import any_symbolic
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, MissingError, NameUnknownError, ShapeError

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


@builtin("losses")
class Loss(Holder):
    """The parent of all losses. A custom loss defines `call`, which returns the loss of each sample.

    Args:
        name: its name; None makes one.
        reduction: `"sum_over_batch_size"` or `"mean"` (the mean over all entries), `"sum"`, `"mean_with_sample_weight"`
            (the sum of the weighted losses over the sum of the weights), `"none"` or None (no reduction).
        dtype: what it computes in; None is `floatx`. Of a policy, its compute dtype.

    Raises:
        NameUnknownError: no such reduction.

    >>> class Cubed(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)
    >>> float(Cubed()(jnp.zeros((2, 3)), jnp.ones((2, 3))))
    1.0
    """

    _records = "name reduction _dtype"
    _hooks = "call"

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        self.name = name or auto_name(type(self))
        self.reduction = check_reduction(reduction)
        self._dtype = policy(dtype or settings().floatx).compute_dtype

    @property
    def dtype(self) -> str:
        """What it computes in."""
        return self._dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss.

        Args:
            y_true: labels, (B, ...) or any structure of such.
            y_pred: outputs, in the same structure. A mask on them is taken into account.
            sample_weight: weights of the shape of the losses, or of their leading axes: (B,), (B, T).
        """
        if any_symbolic((y_true, y_pred, sample_weight)):
            return record(LossCall(self), (y_true, y_pred, sample_weight), {})
        mask = get_mask(y_pred)
        losses = self.call(self._tensors(y_true), self._tensors(y_pred))
        if losses is None:
            raise ArgumentError(f"{self.name} returned None, not a loss. Does the function end with `return`?")
        mask = _both(mask, get_mask(losses))
        return reduce_weighted(losses, sample_weight, mask, self.reduction, self.dtype)

    def _tensors(self, values: Any) -> Any:
        if isinstance(values, (list, tuple)) and all(
            isinstance(leaf, (int, float, np.generic)) for leaf in flatten(values)
        ):
            return convert_to_tensor(np.asarray(values), self.dtype)
        return map_structure(lambda leaf: convert_to_tensor(leaf, self.dtype), values)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each sample, (B,) or (B, ...); or one number, which is then used as it is."""
        raise MissingError(f"{type(self).__name__}: a loss defines `call(y_true, y_pred)`.")

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict) -> "Loss":
        """A loss from its config. Keras 2's reduction "auto" is `"sum_over_batch_size"`."""
        if config.get("reduction") == "auto":
            config = {**config, "reduction": "sum_over_batch_size"}
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


@builtin("losses", module="keras.src.losses.losses", registered_name="LossFunctionWrapper")
class LossFunctionWrapper(Loss):
    """A loss from a function of `(y_true, y_pred, **options)`.

    Labels and outputs whose ranks differ by one are lined up first (`match_ranks`).

    Args:
        fn: the function; returns the loss of each sample.
        reduction: as for `Loss`.
        name: as for `Loss`.
        dtype: as for `Loss`.
        **kwargs: what else the function gets.

    >>> loss = LossFunctionWrapper(lambda y_true, y_pred, power: abs(y_true - y_pred) ** power, power=3)
    >>> float(loss(jnp.zeros((2, 3)), jnp.ones((2, 3))))
    1.0
    """

    _unwritten: tuple[str, ...] = ()  # arguments that Keras's files lack: written only where they aren't the default

    def __init__(
        self,
        fn: Callable,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(name, reduction, dtype)
        self.fn = fn
        self.options = kwargs
        if "fn" not in constructor_parameters(type(self)):
            self.__dict__.update(kwargs)  # a loss of its own name keeps its arguments under theirs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The function's result."""
        if is_nested(y_pred):
            pairs = [match_ranks(*pair) for pair in zip(flatten(y_true), flatten(y_pred), strict=True)]
            first, second = iter(pairs), iter(pairs)
            y_true = map_structure(lambda _: next(first)[0], y_true)
            y_pred = map_structure(lambda _: next(second)[1], y_pred)
        else:
            y_true, y_pred = match_ranks(y_true, y_pred)
            y_true, y_pred = as_rows(self.fn, y_true, y_pred)
        return self.fn(y_true, y_pred, **options_of(self, self.options))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        options = options_of(self, self.options)
        return {**super().get_config(), **function_config(type(self), self.fn, options, self._unwritten, self._dtype)}

    @classmethod
    def from_config(cls, config: dict) -> "Loss":
        """A loss from its config."""
        return super().from_config(serialization.deserialize(config) if "fn" in config else config)


def options_of(wrapper: Any, options: Mapping) -> dict[str, Any]:
    """The options of a wrapped function as they are now: a class with a name of its own keeps them as attributes."""
    return {name: vars(wrapper).get(name, value) for name, value in options.items()}


def function_config(cls: type, fn: Callable, options: Mapping, unwritten: tuple[str, ...], dtype: str | None) -> dict:
    """What the config of an object holds about its function and options: only what its constructor takes.

    Args:
        cls: the object's class.
        fn: its function.
        options: the options by name.
        unwritten: names of options that are left out where they are the constructor's default.
        dtype: left out where it is `floatx`; None where the config has it already.
    """
    parameters = constructor_parameters(cls)
    config: dict[str, Any] = {}
    if "fn" in parameters:
        form = serialization.serialize(fn)
        named = {"module": "builtins", "class_name": "function", "config": form, "registered_name": "function"}
        config["fn"] = named if isinstance(form, str) else form
    for key, value in options.items():
        if "fn" in parameters or (key in parameters and (key not in unwritten or value != parameters[key].default)):
            config[key] = serialization.serialize(value)
    if dtype is not None and dtype != settings().floatx:
        config["dtype"] = dtype
    return config


@builtin("functions", module="plait.losses")
class LossCall(Operation):
    """A loss as an operation of a graph: what a call of one on symbolic tensors records.

    Args:
        loss: a `Loss`, a function, or the name of one.
        options: what the function gets besides tensors.
        name: its name in the graph.
    """

    def __init__(self, loss: Any, options: Mapping[str, Any] | None = None, name: str | None = None):
        super().__init__(name)
        self.loss, self.options = get(loss), dict(options or {})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the loss, or records it."""
        if any_symbolic(args) or any_symbolic(kwargs.values()):
            return record(self, args, kwargs)
        return self.loss(*args, **kwargs, **self.options)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic tensor that a call would give."""
        return infer(self, args, kwargs)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"name": self.name, "loss": self.loss, "options": self.options}

    @classmethod
    def from_config(cls, config: dict) -> "LossCall":
        """One from its config."""
        return cls(**serialization.deserialize(config))


def comparison(
    *aliases: str,
    of_numbers: bool = False,
    by_element: bool = False,
    of_classes: bool = False,
    by_sum: bool = False,
    by_pairs: bool = False,
) -> Callable:
    """Registers a function of `(y_true, y_pred, **options)` as a loss, and makes it record calls on symbolic tensors.

    Args:
        aliases: other names that find it.
        of_numbers: whether labels and outputs are numbers of one meaning, so that other shapes are a slip.
        by_element: whether each element is compared by itself, and the last axis then averaged.
        of_classes: whether labels are class numbers, and the outputs one number a class.
        by_sum: whether sums over many elements are compared, to which those add nothing that are 0 on both sides.
        by_pairs: whether the rows of a batch are compared with each other.
    """

    def decorate(function: Callable) -> Callable:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if any_symbolic(args) or any_symbolic(kwargs.values()):
                given = signature.bind(*args, **kwargs).arguments
                y_true, y_pred = given.pop("y_true"), given.pop("y_pred")
                tensors = {key: given.pop(key) for key in list(given) if any_symbolic((given[key],))}
                return record(LossCall(call, given), (y_true, y_pred), tensors)
            return function(*args, **kwargs)

        call.of_numbers, call.by_element = of_numbers, by_element  # type: ignore[attr-defined]
        call.by_sum, call.by_pairs = by_sum, by_pairs  # type: ignore[attr-defined]
        return builtin("losses", *aliases)(takes_classes(call) if of_classes else call)

    return decorate


def takes_classes(function: Callable) -> Callable:
    """Marks a function whose labels are class numbers, and whose outputs are one number a class: a decorator."""
    function.of_classes = True  # type: ignore[attr-defined]
    return function


# ---------------------------------------------------------------------------- lining up


def match_ranks(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Lines up two tensors whose ranks differ by one, if the last axis of the longer one has size 1.

    The shorter one gets that axis if it has rank 1, else the longer one loses it: (B,) with (B, 1) is (B, 1) with
    (B, 1), and (B, T) with (B, T, 1) is (B, T) with (B, T).
    """
    if x1.ndim == x2.ndim + 1 and x1.shape[-1] == 1:
        return (x1, x2[..., None]) if x2.ndim == 1 else (jnp.squeeze(x1, -1), x2)
    if x2.ndim == x1.ndim + 1 and x2.shape[-1] == 1:
        return (x1[..., None], x2) if x1.ndim == 1 else (x1, jnp.squeeze(x2, -1))
    return x1, x2


def as_rows(function: Callable, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Labels and outputs, both (B,), as (B, 1) for a function that averages the last axis: each number is a row's."""
    if getattr(function, "by_element", False) and getattr(y_true, "ndim", 0) == getattr(y_pred, "ndim", 0) == 1:
        return y_true[:, None], y_pred[:, None]
    return y_true, y_pred


def as_pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Labels and outputs as tensors of the outputs' dtype, lined up."""
    y_pred = convert_to_tensor(y_pred)
    return match_ranks(convert_to_tensor(y_true, y_pred.dtype), y_pred)


def match_weights(values: Any, weights: Any) -> tuple[Any, Any]:
    """Lines up weights with the values that they weigh: by rank (`match_ranks`), else with the leading axes.

    Raises:
        ShapeError: they cannot be lined up.
    """
    values, weights = match_ranks(values, weights)
    if 0 < weights.ndim < values.ndim and weights.shape == values.shape[: weights.ndim]:
        weights = jnp.broadcast_to(weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim)), values.shape)
    try:
        jnp.broadcast_shapes(values.shape, weights.shape)
    except ValueError:
        raise ShapeError(
            f"Weights and masks must have the shape of the values that they weigh, {describe(values)}, or of its leading "
            f"axes, but got {describe(weights)}."
        ) from None
    return values, weights


# ---------------------------------------------------------------------------- reducing


def check_reduction(reduction: Any) -> str | None:
    """A reduction, if it is one.

    Raises:
        NameUnknownError: it isn't.
    """
    if reduction not in REDUCTIONS:
        raise NameUnknownError(
            f"Invalid value for argument `reduction`: expected {listing(REDUCTIONS)}, but got {reduction!r}."
            f"{did_you_mean(reduction, [r for r in REDUCTIONS if r])}"
        )
    return reduction


def safe_divide(x1: Any, x2: Any) -> Any:
    """The quotient, and 0 where the divisor is 0; its gradient is finite there too."""
    is_zero = x2 == 0
    return jnp.where(is_zero, 0, x1 / jnp.where(is_zero, 1, x2))


def reduce_weighted(values: Any, weights: Any, mask: Any, reduction: str | None, dtype: Any) -> Any:
    """Weighs values, leaves out what is masked, and reduces.

    With a mask, a mean is one over the entries that count. With weights, `"mean"` still divides by the number of
    entries; `"mean_with_sample_weight"` divides by the sum of the weights.

    Args:
        values: (B,), (B, ...) or one number.
        weights: None, or of the shape of the values or their leading axes.
        mask: likewise; what is False doesn't count.
        reduction: how to reduce.
        dtype: what to compute in.
    """
    values = convert_to_tensor(values, dtype)
    weights = weights_with_mask(weights, mask, values.dtype, rescale=reduction in ("mean", "sum_over_batch_size"))
    if weights is not None:
        values, weights = match_weights(values, weights)
        values = values * weights
    if check_reduction(reduction) in (None, "none") or values.ndim == 0:
        return values
    if reduction == "sum":
        return jnp.sum(values)
    if reduction == "mean_with_sample_weight" and weights is not None:
        return safe_divide(jnp.sum(values), jnp.sum(weights))
    return jnp.mean(values) if 0 not in values.shape else jnp.zeros((), values.dtype)


def weights_with_mask(weights: Any, mask: Any, dtype: Any, rescale: bool = False) -> Any:
    """Weights that are 0 where a mask is False; None where there are neither weights nor a mask.

    Args:
        weights: None or a tensor.
        mask: None or a tensor; what isn't 0 is True.
        dtype: the dtype of the result.
        rescale: whether what counts is scaled up by total/valid, so that a mean over all is one over what counts.
    """
    weights = None if weights is None else convert_to_tensor(weights, dtype)
    if mask is None:
        return weights
    mask = convert_to_tensor(mask).astype(bool).astype(dtype)
    if rescale:
        mask = safe_divide(mask, jnp.mean(mask))
    if weights is None:
        return mask
    if weights.ndim > mask.ndim:
        weights, mask = match_weights(weights, mask)
    else:
        mask, weights = match_weights(mask, weights)
    return weights * mask


def _both(mask: Any, other: Any) -> Any:
    if mask is None or other is None:
        return other if mask is None else mask
    return jnp.logical_and(mask, other)


# ---------------------------------------------------------------------------- by name


def get(identifier: Any) -> Any:
    """A loss from None, a name, a config, a class, a function or a loss. Names of functions give the function.

    >>> get("mse").__name__, get("MeanSquaredError").name
    ('mean_squared_error', 'mean_squared_error')

    Raises:
        NameUnknownError: no loss has that name; says the nearest one.
        ArgumentError: neither of these.
    """
    return serialization.get("losses", identifier)


def serialize(loss: Any) -> Any:
    """A loss as plain data, in the form of Keras's files; a function becomes its name."""
    return serialization.serialize(loss)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A loss from plain data, or from a name.

    Args:
        name: what `serialize` gave.
        custom_objects: classes and functions of the program that it may name.
    """
    return serialization.get("losses", name, custom_objects)
