"""Layers for many tasks: experts that tasks share through gates, and features that they exchange.

    MMoE, CGC, PLE    experts, mixed for each task by a gate of its own
    heads             layers for each output, on a trunk or on what these give
    CrossStitch       networks of equal form, one a task, that exchange features
    TaskAttention     one task's mask of what a shared trunk has found

An expert is any layer or model, given once; the others are made from its config.

What it is not: weights of losses or of gradients (`plait.multitask`'s weightings).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from plait.common.messages import describe
from plait.common.registry import builtin
from plait.common.serialization import deserialize, serialize_object
from plait.common.traits import of_plait
from plait.errors import ArgumentError, ShapeError
from plait.layers.argument_checks import positive_integer
from plait.layers.base import Layer
from plait.layers.core import Dense
from plait.layers.normalization import BatchNormalization


def _expert(expert: Any, who: str) -> Layer:
    """The layer that was given, or that a config says.

    Raises:
        ArgumentError: something else.
    """
    expert = deserialize(expert, None, "layers") if isinstance(expert, dict) else expert
    if not isinstance(expert, Layer):
        raise ArgumentError(f"{who}: `expert` must be a layer or a model, but got {describe(expert)}.")
    return expert


def _copies(expert: Layer, count: int, name: str) -> list[Layer]:
    """Layers of the same config, each with weights of its own."""
    form = serialize_object(expert)
    made = [deserialize({**form, "config": dict(form["config"])}, None, "layers") for _ in range(count)]
    for number, copy in enumerate(made):
        copy.name = f"{name}_{number}"
    return made


def _mixed(outputs: Sequence[Any], gate: Any) -> Any:
    """The sum of the experts' outputs, (B, ...), each times its column of the gate, (B, n)."""
    stacked = jnp.stack(outputs, axis=1)
    return jnp.sum(stacked * jnp.reshape(gate, (*gate.shape, *(1,) * (stacked.ndim - 2))), axis=1)


def _as_vector(x: Any) -> Any:
    """What a gate sees of its input: the mean over the middle axes, (B, C)."""
    return x if x.ndim == 2 else jnp.mean(x, axis=tuple(range(1, x.ndim - 1)))


def _gate(size: int, name: str, layer: Layer) -> Dense:
    return Dense(size, activation="softmax", use_bias=False, dtype=layer.dtype_policy, name=name)


@of_plait
class _Experts(Layer):
    """A layer that makes copies of an expert."""

    _family = "experts"

    def __init__(self, expert: Any, num_tasks: int, **kwargs: Any):
        super().__init__(**kwargs)
        who = type(self).__name__
        self._form = serialize_object(_expert(expert, who))
        self.num_tasks = positive_integer(num_tasks, who, "num_tasks")

    def _make(self, count: int, name: str) -> list[Layer]:
        return _copies(self.expert, count, name)

    @property
    def expert(self) -> Layer:
        """An expert without weights: the form of all."""
        return _expert({**self._form, "config": dict(self._form["config"])}, type(self).__name__)


@builtin("layers")
class MMoE(_Experts):
    """Multi-gate mixture of experts: all tasks share the experts, and each mixes them by a gate of its own.

    output_k = Σ_i softmax(W_k x)_i · expert_i(x). A gate sees the mean over the middle axes where x has any.

    Shapes: (B, ..., C). Returns a list of `num_tasks` tensors, each of the shape of an expert's output.

    Args:
        expert: a layer or a model: the form of all experts.
        num_experts: how many.
        num_tasks: how many outputs.

    Raises:
        ArgumentError: an expert that is no layer, or numbers below 1.

    Source: Ma et al., Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts, 2018.

    >>> import numpy as np
    >>> from plait.layers.core import Dense
    >>> a, b = MMoE(Dense(8, activation="relu"), num_experts=4, num_tasks=2)(np.ones((3, 5)))
    >>> a.shape, b.shape
    ((3, 8), (3, 8))
    """

    def __init__(self, expert: Any, num_experts: int, num_tasks: int, **kwargs: Any):
        super().__init__(expert, num_tasks, **kwargs)
        self.num_experts = positive_integer(num_experts, "MMoE", "num_experts")
        self.experts = self._make(num_experts, "expert")
        self.gates = [_gate(num_experts, f"gate_{task}", self) for task in range(num_tasks)]

    def build(self, input_shape: tuple) -> None:
        for expert in self.experts:
            expert.build(input_shape)
        for gate in self.gates:
            gate.build((input_shape[0], input_shape[-1]))

    def call(self, inputs: Any) -> Any:
        outputs = [expert(inputs) for expert in self.experts]
        return [_mixed(outputs, gate(_as_vector(inputs))) for gate in self.gates]


@builtin("layers")
class CGC(_Experts):
    """Customized gate control: each task mixes experts of its own with experts that all share.

    output_k = Σ_i softmax(W_k x_k)_i · expert_i, over task k's experts of x_k and the shared experts of x_shared.

    Input: one tensor for all, or a list of `num_tasks` + 1: one for each task, and the shared one. Returns a list of `num_tasks`
    tensors; with `returns_shared`, the mixture of all experts behind them, for a level above.

    Args:
        expert: a layer or a model: the form of all experts.
        num_tasks: how many tasks.
        shared_experts: how many experts all tasks share.
        task_experts: how many experts each task has.
        returns_shared: whether the shared mixture is an output, too.

    Raises:
        ArgumentError: an expert that is no layer, numbers below 1, or a list of another length.

    Source: Tang et al., Progressive Layered Extraction (PLE), 2020.

    >>> import numpy as np
    >>> from plait.layers.core import Dense
    >>> a, b = CGC(Dense(8), num_tasks=2, shared_experts=1, task_experts=2)(np.ones((3, 5)))
    >>> a.shape
    (3, 8)
    """

    _takes_structures = True

    def __init__(
        self,
        expert: Any,
        num_tasks: int,
        shared_experts: int = 1,
        task_experts: int = 1,
        returns_shared: bool = False,
        **kwargs: Any,
    ):
        super().__init__(expert, num_tasks, **kwargs)
        self.shared_experts = positive_integer(shared_experts, "CGC", "shared_experts")
        self.task_experts = positive_integer(task_experts, "CGC", "task_experts")
        self.returns_shared = returns_shared
        self.shared = self._make(shared_experts, "shared_expert")
        self.own = [self._make(task_experts, f"expert_{task}") for task in range(num_tasks)]
        seen = shared_experts + task_experts
        self.gates = [_gate(seen, f"gate_{task}", self) for task in range(num_tasks)]
        everything = shared_experts + num_tasks * task_experts
        self.shared_gate = _gate(everything, "shared_gate", self) if returns_shared else None

    def build(self, input_shape: Any) -> None:
        *each, common = self._for_each(input_shape if isinstance(input_shape, (list, dict)) else [input_shape])
        for experts, gate, shape in zip([*self.own, self.shared], [*self.gates, self.shared_gate], [*each, common]):
            for expert in experts:
                expert.build(shape)
            if gate is not None:
                gate.build((shape[0], shape[-1]))

    def _for_each(self, given: list | dict) -> list:
        if isinstance(given, list) and len(given) == 1:
            return given * (self.num_tasks + 1)
        if not isinstance(given, list) or len(given) != self.num_tasks + 1:
            raise ArgumentError(
                f"CGC {self.name!r}: it takes one tensor, or {self.num_tasks + 1}, one for each task and the shared one, but got "
                f"{describe(given)}."
            )
        return given

    def call(self, inputs: Any) -> Any:
        *each, common = self._for_each(list(inputs) if isinstance(inputs, (list, tuple)) else [inputs])
        shared = [expert(common) for expert in self.shared]
        own = [[expert(x) for expert in experts] for experts, x in zip(self.own, each, strict=True)]
        mixed = [
            _mixed([*mine, *shared], gate(_as_vector(x))) for mine, gate, x in zip(own, self.gates, each, strict=True)
        ]
        if self.shared_gate is None:
            return mixed
        everything = [output for mine in own for output in mine] + shared
        return [*mixed, _mixed(everything, self.shared_gate(_as_vector(common)))]


@builtin("layers")
class PLE(_Experts):
    """Progressive layered extraction: levels of CGC, each over the tasks' and the shared mixtures of the one below.

    Shapes: (B, ..., C). Returns a list of `num_tasks` tensors, each of the shape of an expert's output.

    Args:
        expert: a layer or a model: the form of all experts.
        num_tasks: how many tasks.
        levels: how many levels.
        shared_experts: how many experts all tasks share, on each level.
        task_experts: how many experts each task has, on each level.

    Raises:
        ArgumentError: an expert that is no layer, or numbers below 1.

    Source: Tang et al., Progressive Layered Extraction (PLE), 2020.

    >>> import numpy as np
    >>> from plait.layers.core import Dense
    >>> a, b = PLE(Dense(8, activation="relu"), num_tasks=2)(np.ones((3, 5)))
    >>> b.shape
    (3, 8)
    """

    def __init__(
        self,
        expert: Any,
        num_tasks: int,
        levels: int = 2,
        shared_experts: int = 1,
        task_experts: int = 1,
        **kwargs: Any,
    ):
        super().__init__(expert, num_tasks, **kwargs)
        self.levels = positive_integer(levels, "PLE", "levels")
        self.shared_experts, self.task_experts = shared_experts, task_experts
        self.extractions = [
            CGC(
                self.expert, num_tasks, shared_experts, task_experts, returns_shared=level < levels - 1,
                dtype=self.dtype_policy, name=f"level_{level}",
            )
            for level in range(levels)
        ]  # fmt: skip

    def build(self, input_shape: tuple) -> None:
        shape: Any = input_shape
        for extraction in self.extractions:
            extraction.build(shape)
            shape = [tuple(one) for one in extraction.compute_output_shape(shape)]

    def call(self, inputs: Any) -> Any:
        x = inputs
        for extraction in self.extractions:
            x = extraction(x)
        return x


def heads(trunk: Any, layers: Mapping[str, Layer | Sequence[Layer]]) -> dict[str, Any]:
    """Calls layers for each output on a trunk, for `Model(inputs, heads(...))`.

    Args:
        trunk: a tensor that all heads share, or a list with one for each head, as MMoE and PLE return.
        layers: a layer, or several one after the other, by the output's name.

    Returns:
        the outputs by name.

    Raises:
        ArgumentError: no dict of layers, or another number of tensors.

    >>> from plait.layers.core import Dense
    >>> from plait.layers.input import Input
    >>> heads(Input((8,)), {"price": Dense(1), "kind": [Dense(4), Dense(3)]})["kind"].shape
    (None, 3)
    """
    if not isinstance(layers, Mapping) or not layers:
        raise ArgumentError(f"heads: `layers` must be a dict of layers by output, but got {describe(layers)}.")
    tensors = list(trunk) if isinstance(trunk, (list, tuple)) else [trunk] * len(layers)
    if len(tensors) != len(layers):
        raise ArgumentError(
            f"heads: {len(tensors)} tensors for {len(layers)} head{'s' * (len(layers) > 1)}. Give one tensor for all, or one for each."
        )
    outputs = {}
    for (name, head), tensor in zip(layers.items(), tensors, strict=True):
        for layer in [head] if isinstance(head, Layer) else head:
            tensor = layer(tensor)
        outputs[name] = tensor
    return outputs


@builtin("layers")
class CrossStitch(Layer):
    """Networks of the same form, one a task, exchange features: `output_i = Σ_j a_ij · x_j`, with a learnt.

    Input: a list of tensors of one shape, one a task. Returns such a list.

    Args:
        by_channel: whether each channel has weights of its own, a of (n, n, C), or all share one, (n, n).
        keep: how much of its own features each task begins with; the others share the rest.

    Raises:
        ArgumentError: a single tensor.
        ShapeError: tensors of different shapes.

    Source: Misra et al., Cross-stitch Networks for Multi-task Learning, 2016.

    >>> import numpy as np
    >>> a, b = CrossStitch(keep=0.9)([np.ones((3, 5)), np.zeros((3, 5))])
    >>> round(float(a[0, 0]), 4), round(float(b[0, 0]), 4)
    (0.9, 0.1)
    """

    _family = "experts"
    _takes_structures = True

    def __init__(self, by_channel: bool = True, keep: float = 0.9, **kwargs: Any):
        super().__init__(**kwargs)
        self.by_channel, self.keep = by_channel, keep

    def build(self, input_shape: Any) -> None:
        if not isinstance(input_shape, list) or len(input_shape) < 2:
            raise ArgumentError(
                f"CrossStitch {self.name!r}: it takes a list of at least two tensors, one a task, but got one of shape {input_shape}."
            )
        if len({tuple(shape[1:]) for shape in input_shape}) > 1 or input_shape[0][-1] is None:
            raise ShapeError(
                f"CrossStitch {self.name!r}: the tasks' tensors must have one shape, the last axis known, but got {input_shape}."
            )
        tasks = len(input_shape)
        shape = (tasks, tasks, input_shape[0][-1]) if self.by_channel else (tasks, tasks)
        others = (1.0 - self.keep) / (tasks - 1)

        def first(shape: tuple, dtype: Any = None) -> Any:
            own = jnp.eye(tasks, dtype=dtype) * (self.keep - others) + others
            return jnp.broadcast_to(own[..., None] if self.by_channel else own, shape).astype(dtype)

        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=first)

    def call(self, inputs: Any) -> Any:
        equation = "ijc,jb...c->ib...c" if self.by_channel else "ij,jb...->ib..."
        mixed = jnp.einsum(equation, self.kernel.value, jnp.stack(inputs))
        return [mixed[task] for task in range(len(inputs))]


@builtin("layers")
class TaskAttention(Layer):
    """A task's mask of the features of a shared trunk: one attention module of a multi-task attention network (MTAN).

    `sigmoid(norm(W' relu(norm(W [x, previous])))) · x`, with products over the channels, as convolutions of 1 x 1 are.

    Call: `layer(inputs)`, or `layer(inputs, previous)` with the task's features of the block before, (B, ..., C) and (B, ..., D).
    Returns (B, ..., C).

    Args:
        units: how many channels the hidden product has.

    Raises:
        ArgumentError: units that aren't a whole number from 1 up.

    Source: Liu et al., End-to-End Multi-Task Learning with Attention, 2019.

    >>> import numpy as np
    >>> TaskAttention(4)(np.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 3)
    """

    _family = "experts"

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = positive_integer(units, "TaskAttention", "units")
        policy = self.dtype_policy
        self.hidden = Dense(units, use_bias=False, dtype=policy, name="hidden")
        self.hidden_norm = BatchNormalization(dtype=policy, name="hidden_norm")
        self.mask_norm = BatchNormalization(dtype=policy, name="mask_norm")

    def build(self, inputs_shape: tuple, previous_shape: tuple | None = None) -> None:
        channels = inputs_shape[-1]
        seen = channels if previous_shape is None else channels + previous_shape[-1]
        self.hidden.build((*inputs_shape[:-1], seen))
        self.hidden_norm.build((*inputs_shape[:-1], self.units))
        self.kernel = self.add_weight(name="kernel", shape=(self.units, channels), initializer="glorot_uniform")
        self.mask_norm.build(inputs_shape)

    def call(self, inputs: Any, previous: Any = None) -> Any:
        seen = inputs if previous is None else jnp.concatenate([inputs, previous], axis=-1)
        hidden = jax.nn.relu(self.hidden_norm(self.hidden(seen)))
        return jax.nn.sigmoid(self.mask_norm(hidden @ self.kernel.value)) * inputs
