"""A part of a graph as one operation: what lies between some symbolic tensors and some others.

Verbs: calling it, on values or on other symbolic tensors.

What it is not: a model. It has no weights of its own, no masks, no fit.
"""

from collections.abc import Iterator
from typing import Any

from plait.common.messages import describe
from plait.common.traits import of_plait
from plait.common.tree import flatten, keys_of, map_structure
from plait.core.graph import Graph, Operation
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, ShapeError


@of_plait
class Function(Operation):
    """A graph that can be called.

    Args:
        inputs: the symbolic tensors it starts from, in any structure.
        outputs: the symbolic tensors it computes, in any structure.
        name: its name; None makes one.

    Raises:
        GraphError: an output that the inputs don't lead to.
        ArgumentError: at a call, another number of inputs.
        ShapeError: at a call, inputs of other shapes.

    >>> from plait.core.tensor import KerasTensor
    >>> x = KerasTensor((None, 2))
    >>> double_plus_one = Function(x, x * 2 + 1)
    >>> import jax.numpy as jnp
    >>> double_plus_one(jnp.ones((1, 2))).tolist()
    [[3.0, 3.0]]
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None):
        super().__init__(name)
        self._graph = Graph(inputs, outputs, owner="Function")
        self._inputs_struct, self._outputs_struct = inputs, outputs

    @property
    def inputs(self) -> list:
        """The tensors it starts from, flat."""
        return self._graph.inputs

    @property
    def outputs(self) -> list:
        """The tensors it computes, flat."""
        return self._graph.outputs

    @property
    def operations(self) -> list[Operation]:
        """What is called in it, in an order in which it can be called."""
        return self._graph.operations

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for shapes of the inputs, in their structures."""
        shapes = iter(_shapes(input_shape))
        inputs = map_structure(lambda tensor: KerasTensor(next(shapes), tensor.dtype), self._inputs_struct)
        return map_structure(lambda tensor: tensor.shape, self.compute_output_spec(inputs))

    def call(self, inputs: Any) -> Any:
        """Computes the outputs."""
        values = flatten(inputs)
        if len(values) != len(self.inputs):
            raise ArgumentError(
                f"Function {self.name!r}: invalid input structure. Expected {describe(self._inputs_struct)}, but got "
                f"{describe(inputs)}."
            )
        if not all(_suits(tensor.shape, getattr(value, "shape", ())) for tensor, value in zip(self.inputs, values)):
            raise ShapeError(
                f"Function {self.name!r}: incompatible inputs. Expected {describe(self._inputs_struct)}, but got "
                f"{describe(inputs)}."
            )
        return self._graph.run(values)


def _suits(expected: tuple, shape: tuple) -> bool:
    """Whether a value's shape is one that a tensor's shape allows."""
    pairs = zip(expected, shape)
    return len(expected) == len(shape) and all(m == n or m is None or not isinstance(n, int) for m, n in pairs)


def _shapes(value: Any) -> Iterator[tuple]:
    """The shapes in a structure: the innermost tuples of sizes."""
    if isinstance(value, dict):
        value = [value[key] for key in keys_of(value)]
    if all(size is None or isinstance(size, int) for size in value):
        yield tuple(value)
    else:
        for item in value:
            yield from _shapes(item)
