"""Learning-rate schedules: functions of the step, with a config.

A schedule is given to an optimizer in place of a learning rate. It is called with the number of the step, counted from
0, and returns the rate as a scalar.

Verbs: calling one; `serialize` and `deserialize` for files.

Life under jit: the step is traced, so a schedule is arithmetic, without Python branches on the step. It has no state.

What it is not: a callback. It knows the step and nothing else; `ReduceLROnPlateau` and its like assign
`optimizer.learning_rate`, which an optimizer with a schedule refuses.

Differs from Keras: all arithmetic is floating, also where the rates are given as integers (there, such a schedule
rounds every rate down, `ExponentialDecay(1, 10, 0.9)` to 0).
"""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from plait.common import constructors, registry, serialization
from plait.common.dtypes import is_float
from plait.common.messages import describe
from plait.common.watched import Watched
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, StateError

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]

_schedule = registry.builtin("schedules", module="keras.optimizers.schedules")


class LearningRateSchedule(Watched):
    """The parent of all schedules: a subclass computes the rate in `__call__`, and says its arguments in `get_config`.

    Raises:
        StateError: calling a schedule whose class doesn't define `__call__`.

    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.5**step
    >>> Halving()(3)
    0.125
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step, a scalar; steps are counted from 0."""
        raise StateError(f"Learning rate schedule '{type(self).__name__}' must override `__call__(self, step)`.")

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return constructors.kept_arguments(self, type(self))

    @classmethod
    def from_config(cls, config: dict) -> "LearningRateSchedule":
        """A schedule from its config."""
        return cls(**config)


@_schedule
class PiecewiseConstantDecay(LearningRateSchedule):
    """A constant rate between any two boundaries: `values[i]` up to and including step `boundaries[i]`.

    Args:
        boundaries: increasing steps.
        values: rates, one more than there are boundaries.
        name: a name, for the config.

    Raises:
        ArgumentError: the lengths don't fit.

    >>> rate = PiecewiseConstantDecay([2, 4], [1.0, 0.5, 0.1])
    >>> [round(float(rate(step)), 2) for step in (0, 2, 3, 4, 5)]
    [1.0, 1.0, 0.5, 0.5, 0.1]
    """

    def __init__(self, boundaries: Sequence, values: Sequence, name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ArgumentError(
                "PiecewiseConstantDecay: the length of boundaries should be 1 less than the length of values, but got "
                f"{len(boundaries)} boundaries {boundaries} and {len(values)} values {values}."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step."""
        step = convert_to_tensor(step)
        if not all(isinstance(boundary, int) for boundary in self.boundaries):
            step = _float(step)  # whole numbers stay whole: float32 cannot tell steps apart above 16 million
        passed = jnp.sum(step > jnp.asarray(self.boundaries, step.dtype), dtype="int32")
        return jnp.asarray(self.values, "float32")[passed]


@_schedule
class ExponentialDecay(LearningRateSchedule):
    """`initial_learning_rate * decay_rate ** (step / decay_steps)`.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: after how many steps the rate is `decay_rate` times what it was.
        decay_rate: that factor.
        staircase: whether the exponent is rounded down, so that the rate stays constant for `decay_steps`.
        name: a name, for the config.

    Raises:
        ArgumentError: `decay_steps` isn't positive.

    >>> round(float(ExponentialDecay(0.1, decay_steps=10, decay_rate=0.9)(10)), 4)
    0.09
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ):
        _check_steps(self, "decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step."""
        periods = _float(step) / self.decay_steps
        if self.staircase:
            periods = jnp.floor(periods)
        return _float(self.initial_learning_rate) * _float(self.decay_rate) ** periods


@_schedule
class InverseTimeDecay(LearningRateSchedule):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: the unit of time.
        decay_rate: how much is added to the divisor in each unit.
        staircase: whether the time is rounded down to whole units.
        name: a name, for the config.

    Raises:
        ArgumentError: `decay_steps` isn't positive.

    >>> round(float(InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)(10)), 4)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ):
        _check_steps(self, "decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step."""
        periods = _float(step) / self.decay_steps
        if self.staircase:
            periods = jnp.floor(periods)
        return _float(self.initial_learning_rate) / (1.0 + _float(self.decay_rate) * periods)


@_schedule
class PolynomialDecay(LearningRateSchedule):
    """From the first rate to the last as `(1 - step / decay_steps) ** power`, and constant from there.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: when the last rate is reached.
        end_learning_rate: the last rate.
        power: 1 is a straight line.
        cycle: whether the decay starts again each time, over the whole multiple of `decay_steps` that holds the step.
        name: a name, for the config.

    Raises:
        ArgumentError: `decay_steps` isn't positive.

    >>> rate = PolynomialDecay(1.0, decay_steps=4, end_learning_rate=0.0)
    >>> [float(rate(step)) for step in (0, 1, 4, 9)]
    [1.0, 0.75, 0.0, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: int,
        end_learning_rate: Any = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        _check_steps(self, "decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step."""
        step, length = _float(step), _float(self.decay_steps)
        if self.cycle:
            length = length * jnp.maximum(jnp.ceil(step / length), 1.0)
        left = 1.0 - jnp.minimum(step, length) / length
        first, last = _float(self.initial_learning_rate), _float(self.end_learning_rate)
        return (first - last) * left**self.power + last


@_schedule
class CosineDecay(LearningRateSchedule):
    """Half a period of a cosine, from the first rate down to `alpha` times it; before it, if asked, a linear warm-up.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: how long the decay takes, after the warm-up.
        alpha: the last rate as a fraction of the highest.
        name: a name, for the config.
        warmup_target: the rate at the end of the warm-up; None means no warm-up.
        warmup_steps: how long it takes from the initial rate to `warmup_target`.

    Raises:
        ArgumentError: `decay_steps` isn't positive.

    Source: Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2016.

    >>> rate = CosineDecay(0.0, decay_steps=10, warmup_target=1.0, warmup_steps=2)
    >>> [round(float(rate(step)), 2) for step in (0, 1, 2, 7, 12)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: Any = None,
        warmup_steps: int = 0,
    ):
        _check_steps(self, "decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step."""
        step, first = _float(step), _float(self.initial_learning_rate)
        if self.warmup_target is None:
            return self._decayed(first, step)
        target, length = _float(self.warmup_target), float(self.warmup_steps)
        rising = first + (target - first) * (step / max(length, 1.0))
        return jnp.where(step < length, rising, self._decayed(target, step - length))

    def _decayed(self, highest: Any, step: Any) -> Any:
        fraction = jnp.clip(step / self.decay_steps, 0.0, 1.0)
        cosine = 0.5 * (1.0 + jnp.cos(math.pi * fraction))
        return highest * ((1.0 - self.alpha) * cosine + self.alpha)


@_schedule
class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decays one after the other, each `t_mul` times as long and `m_mul` times as high as the one before.

    Args:
        initial_learning_rate: the rate at step 0.
        first_decay_steps: how long the first decay takes.
        t_mul: the growth of the length.
        m_mul: the growth of the height.
        alpha: the last rate as a fraction of the first.
        name: a name, for the config.

    Raises:
        ArgumentError: `first_decay_steps` isn't positive.

    Source: Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2016.

    >>> rate = CosineDecayRestarts(1.0, first_decay_steps=4, m_mul=0.5)
    >>> [round(float(rate(step)), 2) for step in (0, 2, 4, 8, 12)]
    [1.0, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        _check_steps(self, "first_decay_steps", first_decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step."""
        time = _float(step) / self.first_decay_steps
        if self.t_mul == 1.0:
            restarts = jnp.floor(time)
            fraction = time - restarts
        else:
            restarts = jnp.floor(jnp.log(1.0 - time * (1.0 - self.t_mul)) / math.log(self.t_mul))
            start = (1.0 - self.t_mul**restarts) / (1.0 - self.t_mul)
            fraction = (time - start) / self.t_mul**restarts
        cosine = 0.5 * self.m_mul**restarts * (1.0 + jnp.cos(math.pi * fraction))
        return _float(self.initial_learning_rate) * ((1.0 - self.alpha) * cosine + self.alpha)


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict:
    """A schedule as plain data, in the form of Keras's files."""
    return serialization.serialize_object(learning_rate_schedule)


def deserialize(config: dict, custom_objects: dict | None = None) -> Any:
    """A schedule from what `serialize` made of one.

    Raises:
        FileError: a class that isn't known here.
    """
    return serialization.deserialize(config, custom_objects, "schedules")


def _float(value: Any) -> Any:
    value = convert_to_tensor(value)
    return value if is_float(value.dtype) else value.astype("float32")


def _check_steps(thing: LearningRateSchedule, name: str, steps: Any) -> None:
    if not (isinstance(steps, (int, float)) or hasattr(steps, "dtype")) or steps <= 0:
        raise ArgumentError(f"{type(thing).__name__}: Argument `{name}` must be > 0, but got {describe(steps)}.")
