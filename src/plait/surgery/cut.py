"""cut: a model that ends at tensors inside another. behead: one without its last layers."""

from typing import Any

from plait.common.tree import map_structure_in_order
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError
from plait.models.model import Model
from plait.surgery.targets import base_of


def cut(model: Model, outputs: Any, name: str | None = None, share: bool = True) -> Model:
    """Makes a model that ends at other tensors of a model's graph.

    Args:
        model: a model with a graph.
        outputs: paths of layers (`"encoder/out"`), or symbolic tensors of the graph, in any structure.
        name: the new model's name.
        share: whether it shares the layers and weights; False gives it copies.

    Raises:
        NameUnknownError: a path that leads to no layer.
        GraphError: a tensor that the model's inputs don't lead to.

    >>> import plait
    >>> x = plait.Input((4,))
    >>> h = plait.layers.Dense(3, name="trunk")(x)
    >>> model = plait.Model(x, plait.layers.Dense(1, name="head")(h))
    >>> cut(model, "trunk").output_shape
    (None, 3)
    """
    base = base_of(model, share)
    return Model(base.input, map_structure_in_order(base.tensor, outputs), name=name)


def behead(model: Model, layers: int = 1, name: str | None = None, share: bool = True) -> Model:
    """Makes a model without the last layers before each output.

    Args:
        model: a model with a graph.
        layers: how many layers to take off.
        name: the new model's name.
        share: whether it shares the layers and weights; False gives it copies.

    Raises:
        ArgumentError: a number below 1, or one that leads to where several tensors meet, or past the inputs.

    >>> import plait
    >>> x = plait.Input((4,))
    >>> h = plait.layers.Dense(3, name="trunk")(x)
    >>> behead(plait.Model(x, plait.layers.Dense(1, name="head")(h))).output_shape
    (None, 3)
    """
    if not isinstance(layers, int) or layers < 1:
        raise ArgumentError(f"behead: `layers` must be a whole number from 1 up, but got {layers!r}.")
    base = base_of(model, share)
    return Model(base.input, map_structure_in_order(lambda end: _before(end, layers), base.output), name=name)


def _before(tensor: KerasTensor, steps: int) -> KerasTensor:
    for _ in range(steps):
        node = tensor.node
        if node is None or not node.inputs:
            raise ArgumentError(f"behead: there are fewer than {steps} layers before the output. Take off fewer.")
        if len(node.inputs) > 1:
            raise ArgumentError(
                f"behead: {len(node.inputs)} tensors meet in {node.operation.name!r}, so it isn't clear where to end. Say it "
                "with plait.surgery.cut(model, outputs)."
            )
        (tensor,) = node.inputs
    return tensor
