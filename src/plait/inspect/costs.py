"""What a model costs before it runs: operations and memory of each layer at a batch size, counted in its traced maths.

    costs -> _calls (the arguments of each call, by one abstract run) -> operations_in (one layer's traced program)

A multiplication and the addition after it are two operations, as everywhere in the literature; what only moves numbers counts
nothing. A loop counts as often as it runs, which XLA's own count doesn't do.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
from jax import ShapeDtypeStruct
from jax.extend.core import ClosedJaxpr, Jaxpr

from plait.common.dtypes import is_tensor
from plait.common.messages import describe
from plait.common.numbers import is_whole
from plait.core.graph import graph_of
from plait.core.pure import pure
from plait.errors import ArgumentError

_MOVES = frozenset(
    "broadcast_in_dim concatenate convert_element_type copy device_put dynamic_slice dynamic_update_slice gather iota pad "
    "platform_index reshape rev select_n slice split squeeze stop_gradient transpose".split()
)
_REDUCES = ("reduce", "arg", "cum", "sort")


class Cost(NamedTuple):
    """What the calls of a layer cost, forward.

    Attributes:
        operations: floating-point operations.
        memory: the bytes of the outputs, which training keeps for the gradients.
    """

    operations: int
    memory: int

    def __add__(self, other: Any) -> "Cost":
        return Cost(self.operations + other.operations, self.memory + other.memory)


def costs(model: Any, batch_size: int | Mapping) -> dict[int, Cost]:
    """The cost of each operation of a model and of the models inside it, by the operation's `id`; the model's own is the sum.

    Args:
        model: a model that is made of a graph.
        batch_size: rows a batch; or the whole shape of each input by its name, where more than the first axis is unknown.

    Raises:
        ArgumentError: no graph, inputs that work on text, or an axis whose size nobody knows.
    """
    if graph_of(model) is None or model._part_on_host is not None:
        raise ArgumentError(
            f"summary: what {model.name!r} costs at a batch size is known only of functional models on numbers, and of "
            "Sequential ones that are built. Leave `batch_size` out."
        )
    if not isinstance(batch_size, Mapping) and not is_whole(batch_size, 1):
        raise ArgumentError(
            f"summary: `batch_size` must be a whole number from 1 up, or a dict of shapes by input, but got {describe(batch_size)}."
        )
    found: dict[int, Cost] = {}
    specs = [_spec(tensor, name, batch_size) for tensor, name in zip(model.inputs, model.input_names, strict=True)]
    calls: list[tuple[Any, Any, Any, int]] = []
    run = pure(lambda *values: _traced(model, list(values), calls), list(model.variables), carries=False)
    jax.eval_shape(lambda values: run([v.value for v in model.variables], *values)[0], specs)
    for operation, args, kwargs, memory in calls:
        if graph_of(operation) is None:
            cost = Cost(_operations_of(operation, args, kwargs), memory)
            found[id(operation)] = found.get(id(operation), Cost(0, 0)) + cost
    _sum_up(model, found)
    return found


def _sum_up(model: Any, found: dict[int, Cost]) -> Cost:
    """Gives a model, and first those inside it, the sum of its layers. A model called twice has calls of both."""
    total = Cost(0, 0)
    for operation in model._graph.operations:
        if graph_of(operation) is not None:
            _sum_up(operation, found)
        total = total + found.get(id(operation), Cost(0, 0))
    found[id(model)] = total
    return total


def _spec(tensor: Any, name: str, batch_size: int | Mapping) -> ShapeDtypeStruct:
    if isinstance(batch_size, Mapping):
        shape = tuple(batch_size.get(name, tensor.shape))
    else:
        shape = (batch_size if tensor.shape[0] is None else tensor.shape[0], *tensor.shape[1:])
    if None in shape or len(shape) != len(tensor.shape):
        raise ArgumentError(
            f"summary: the input {name!r} is {describe(tensor)}: to count, all of its sizes must be known, but got "
            f"batch_size={batch_size!r}. Give whole shapes by name: "
            f"batch_size={{{name!r}: {tuple(size or 32 for size in tensor.shape)}}}."
        )
    return ShapeDtypeStruct(shape, tensor.dtype)


def _traced(model: Any, values: list, calls: list) -> Any:
    """Runs a model on traced values, and writes each call's specs down."""

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if graph_of(operation) is not None and args:
            result = _traced(operation, operation.ordered_inputs(args[0]), calls)
            result = result[0] if isinstance(result, (list, tuple)) and len(result) == 1 else result
        else:
            result = operation(*args, **kwargs)
        memory = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(result) if is_tensor(leaf))
        specs = jax.tree.map(_as_spec, (args, kwargs), is_leaf=lambda leaf: leaf is None)
        calls.append((operation, *specs, memory))
        return result

    return model._graph.run(values, call)


def _as_spec(leaf: Any) -> Any:
    return ShapeDtypeStruct(leaf.shape, leaf.dtype) if isinstance(leaf, jax.Array) else leaf


def _operations_of(operation: Any, args: Any, kwargs: Any) -> int:
    variables = list(getattr(operation, "variables", []))
    leaves, structure = jax.tree.flatten((args, kwargs))
    places = [index for index, leaf in enumerate(leaves) if isinstance(leaf, ShapeDtypeStruct)]

    def run(arrays: list) -> Any:
        filled = dict(zip(places, arrays, strict=True))
        given, named = jax.tree.unflatten(structure, [filled.get(index, leaf) for index, leaf in enumerate(leaves)])
        return pure(operation, variables, carries=False)([variable.value for variable in variables], *given, **named)[0]

    return operations_in(jax.make_jaxpr(run)([leaves[place] for place in places]).jaxpr)


def operations_in(program: Jaxpr) -> int:
    """How many floating-point operations a traced program makes; a loop of unknown length counts once.

    >>> import jax.numpy as jnp
    >>> operations_in(jax.make_jaxpr(jnp.matmul)(jnp.ones((2, 3)), jnp.ones((3, 4))).jaxpr)
    48
    """
    return sum(_operations_in_equation(equation) for equation in program.eqns)


def _operations_in_equation(equation: Any) -> int:
    name, parameters = equation.primitive.name, equation.params
    if name == "dot_general":
        (contracted, _), _ = parameters["dimension_numbers"]
        left = equation.invars[0].aval.shape
        return 2 * equation.outvars[0].aval.size * math.prod(left[axis] for axis in contracted)
    if name == "conv_general_dilated":
        kernel, numbers = equation.invars[1].aval, parameters["dimension_numbers"]
        return 2 * equation.outvars[0].aval.size * (kernel.size // kernel.shape[numbers.rhs_spec[0]])
    if name == "cond":  # of several platforms' formulations the leanest counts; of a condition's branches the dearest
        counts = [operations_in(branch.jaxpr) for branch in parameters["branches"]]
        return min(counts) if parameters.get("branches_platforms") else max(counts)
    inner = [_program(value) for value in parameters.values() if isinstance(value, (ClosedJaxpr, Jaxpr))]
    if inner:
        inner = inner[:1] if name.startswith("custom_") else inner
        return (
            parameters.get("length", 1) * sum(map(operations_in, inner)) if name != "reduce" else _size(equation.invars)
        )
    if name in _MOVES or not any(_is_floating(variable.aval) for variable in equation.outvars):
        return 0
    return _size(equation.invars if name.startswith(_REDUCES) else equation.outvars)


def _program(value: Any) -> Jaxpr:
    return value.jaxpr if isinstance(value, ClosedJaxpr) else value


def _is_floating(aval: Any) -> bool:
    return is_tensor(aval) and jax.numpy.issubdtype(aval.dtype, jax.numpy.floating)


def _size(variables: Any) -> int:
    return max((getattr(variable.aval, "size", 0) for variable in variables), default=0)
