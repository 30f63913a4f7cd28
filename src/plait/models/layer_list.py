"""The list of a model's layers, which also takes names."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from plait.common.messages import did_you_mean, listing
from plait.errors import ArgumentError
from plait.layers.base import Layer

if TYPE_CHECKING:

    class AnyLayer(Layer):
        """A layer of a class that no type checker can know, with the attributes of that class."""

        def __getattr__(self, name: str) -> Any: ...

else:
    AnyLayer = Layer


class LayerList(list[AnyLayer]):
    """The layers of a model: a list that also takes a name, and gives itself when called.

    >>> import plait
    >>> layers = plait.Sequential([plait.Input((2,)), plait.layers.Dense(1, name="out")]).layers
    >>> layers["out"] is layers[0] is layers()[0]
    True
    """

    @overload
    def __getitem__(self, key: str | SupportsIndex) -> AnyLayer: ...

    @overload
    def __getitem__(self, key: slice) -> list[AnyLayer]: ...

    def __getitem__(self, key: Any) -> Any:
        return layer_named(self, key) if isinstance(key, str) else super().__getitem__(key)

    def __call__(self) -> "LayerList":
        return self


def layer_named(layers: Sequence[Any], name: str) -> AnyLayer:
    """The layer of a name.

    Raises:
        ArgumentError: no layer has it; says which there are.
    """
    for layer in layers:
        if layer.name == name:
            return layer
    names = [layer.name for layer in layers]
    raise ArgumentError(f"No such layer: {name}. Existing layers are: {listing(names)}.{did_you_mean(name, names)}")
