"""Loss scaling that finds its own scale: for gradients in float16, which would vanish without.

The scale is doubled after a number of steps with finite gradients, and halved after a step without, which is skipped.

Life under jit: whether the gradients are finite is decided inside the program, by `lax.cond`.

What it is not: needed for bfloat16, whose range is that of float32.

Differs from Keras: `apply` works outside of `fit` too; there, on JAX, it leaks a tracer.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from plait.common import registry, serialization
from plait.common.messages import describe
from plait.core.holder import keep
from plait.core.variable import Variable
from plait.errors import ArgumentError
from plait.optimizers.base import Optimizer
from plait.optimizers.plan import in_dtypes_of, like


@registry.builtin("optimizers", "lossscaleoptimizer")
class LossScaleOptimizer(Optimizer):
    """Another optimizer, with gradients of a scaled loss.

    Args:
        inner_optimizer: the optimizer that updates the weights.
        initial_scale: the scale at first.
        dynamic_growth_steps: how many steps with finite gradients there must be before the scale is doubled.
        name: a name; None makes one.

    Raises:
        ArgumentError: the inner one isn't an optimizer, or options that belong to it are given here.

    Source: Micikevicius et al., Mixed Precision Training, 2017.

    >>> from plait.optimizers import SGD
    >>> optimizer = LossScaleOptimizer(SGD(1.0), initial_scale=8.0)
    >>> weight = Variable(1.0)
    >>> optimizer.apply([float("inf")], [weight])
    >>> optimizer.apply([4.0 * 0.25], [weight])
    >>> float(weight)
    0.75
    """

    _holds_optimizers = True

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ):
        if not isinstance(inner_optimizer, Optimizer):
            raise ArgumentError(
                f"LossScaleOptimizer: `inner_optimizer` must be an optimizer, but got {describe(inner_optimizer)}. "
                "plait.optimizers.get makes one of a name."
            )
        _refuse(kwargs)
        super().__init__(0.0, name=name)
        inner_optimizer.loss_scale_factor = None  # the scale found here takes its place
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps

    def build(self, variables: Iterable[Variable]) -> None:
        """Makes its own two variables, and the inner optimizer's."""
        variables = list(variables)
        self.inner_optimizer.build_for(variables)
        self._slots.replay()
        for field, start in (("step_counter", jnp.int32(0)), ("dynamic_scale", jnp.float32(self.initial_scale))):
            self._slots.ask(None, field, partial(self.new_slot, None, field, start))
        keep(self, _trainable_variables=variables, built=True)
        self._compiled = None

    @property
    def variables(self) -> list[Variable]:
        """Its own iteration and rate, which stay 0, the counter and the scale; then the inner optimizer's."""
        return [*super().variables, *self.inner_optimizer.variables]

    @property
    def iterations(self) -> Any:
        """How many updates the inner optimizer has made; skipped steps aren't counted."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    def update(self, state: Sequence, gradients: Sequence, weights: Sequence) -> tuple[list, list]:
        """One step, as a pure function of arrays; without effect on the weights where a gradient isn't finite."""
        self._check_lengths(state, gradients, weights)
        inner, mine = self.inner_optimizer, len(state) - len(self.inner_optimizer.variables)
        weights, own, within = list(weights), list(state[:mine]), list(state[mine:])
        gradients = in_dtypes_of(weights, gradients)
        counter, scale = own[2], own[3]
        finite = jnp.asarray(True)
        for gradient in gradients:
            finite = finite if gradient is None else finite & jnp.all(jnp.isfinite(gradient))
        replaced = [v.overwrite_with_gradient for v in self._trainable_variables]  # a "gradient" that is the new value
        unscaled = [
            g if g is None or whole else g / scale.astype(g.dtype) for g, whole in zip(gradients, replaced, strict=True)
        ]
        after, within = jax.lax.cond(
            finite,
            lambda: inner.update(within, unscaled, weights),
            lambda: (like(weights, weights), like(within, within)),
        )
        grown = finite & (counter + 1 >= self.dynamic_growth_steps)
        counted = jnp.where(finite & ~grown, counter + 1, jnp.zeros_like(counter))
        scale = jnp.where(finite, jnp.where(grown, scale * 2.0, scale), scale * 0.5)
        return after, like([own[0], own[1], counted, scale], own) + within

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the scale as it is now."""
        scale = self._slots.find(None, "dynamic_scale")
        return loss * (self.initial_scale if scale is None else scale.value)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """What the inner optimizer does at the end of `fit`."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Says to the inner optimizer which variables aren't to be decayed."""
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    @property
    def runs_users_code(self) -> bool:
        """Whether the inner optimizer does."""
        return self.inner_optimizer.runs_users_code

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            "name": self.name,
            "inner_optimizer": serialization.serialize(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: Mapping, custom_objects: Mapping | None = None) -> "LossScaleOptimizer":
        """An optimizer from its config; older ones hold options that it has never had."""
        inner = serialization.deserialize(config["inner_optimizer"], custom_objects, "optimizers")
        own = {key: value for key, value in config.items() if key not in _INNER_OPTIONS}
        return cls(**{**own, "inner_optimizer": inner})


_INNER_OPTIONS = (
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)


def _refuse(options: dict) -> None:
    """Refuses options that belong to the inner optimizer, or to none; `dynamic=True` is what it does."""
    wrong = [key for key in options if key in _INNER_OPTIONS]
    if wrong:
        raise ArgumentError(
            f"LossScaleOptimizer does not support `{wrong[0]}`. Instead, set `{wrong[0]}` on the `inner_optimizer`."
        )
    if options.pop("dynamic", True) is not True:
        raise ArgumentError(
            "LossScaleOptimizer finds the scale by itself, so dynamic=False is no choice. Instead, set `loss_scale_factor` on "
            "the `inner_optimizer`, and use that one."
        )
    if options:
        names = ", ".join(f"`{key}`" for key in options)
        raise ArgumentError(f"LossScaleOptimizer does not take the arguments: {names}.")
