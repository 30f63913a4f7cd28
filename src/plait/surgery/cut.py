"""cut: a model that ends at tensors inside another."""

from typing import Any

from plait._errors import ArgumentError, describe
from plait._tree import map_structure_in_order
from plait.core.tensor import KerasTensor
from plait.models.model import Model


def cut(model: Model, outputs: Any, name: str | None = None) -> Model:
    """Makes a model that ends at other tensors of a model's graph; it shares the layers and weights.

    Args:
        model: a model with a graph.
        outputs: names of layers, or symbolic tensors of the graph, in any structure.
        name: the new model's name.

    Raises:
        ArgumentError: a name that is no layer of the model.
        GraphError: a tensor that the model's inputs don't lead to.

    >>> import plait
    >>> x = plait.Input((4,))
    >>> h = plait.layers.Dense(3, name="trunk")(x)
    >>> model = plait.Model(x, plait.layers.Dense(1, name="head")(h))
    >>> cut(model, "trunk").output_shape
    (None, 3)
    """

    def tensor(end: Any) -> Any:
        if isinstance(end, KerasTensor):
            return end
        if not isinstance(end, str):
            raise ArgumentError(
                f"cut: an output must be the name of a layer or a symbolic tensor, but got {describe(end)}."
            )
        layer = model.get_layer(end)
        nodes = model._needs_graph("outputs").nodes_of(layer)
        return nodes[0].result

    return Model(model.input, map_structure_in_order(tensor, outputs), name=name)
