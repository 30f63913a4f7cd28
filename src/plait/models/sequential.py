"""Sequential: a model that is a list of layers, each fed by the one before."""

import inspect
from collections.abc import Iterable
from typing import Any

import numpy as np

from plait.common.messages import describe, listing
from plait.common.registry import builtin
from plait.common.scope import name_scope
from plait.common.serialization import deserialize, plain, reading_layers, writing_layers
from plait.common.tree import is_nested
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, GraphError, MissingError, NameTakenError
from plait.layers.base import Layer
from plait.layers.input import Input, InputLayer
from plait.layers.preprocessing.encoding import is_text
from plait.layers.shapes import as_shapes
from plait.models.layer_list import LayerList
from plait.models.model import Model


@builtin("models", module="keras")
class Sequential(Model):
    """A list of layers, each fed by the one before.

    Args:
        layers: layers, models, or an Input to begin with.
        trainable: whether training changes its weights.
        name: its name.

    With an Input (or a first layer that has `input_shape`) the graph is made at once; else at the first data.

    Raises:
        GraphError: two layers of one name.

    Differs: the batch size of the first data isn't kept as the batch size of the model.

    >>> import plait
    >>> model = Sequential([plait.Input((4,)), plait.layers.Dense(3), plait.layers.Dense(1)])
    >>> model.output_shape, len(model.layers)
    ((None, 1), 2)
    """

    _records = "_chain"
    _config_may_be_list = True  # as Keras 1 and 2 wrote it

    def __init__(self, layers: Iterable | None = None, trainable: bool = True, name: str | None = None):
        super().__init__(name=name, trainable=trainable)
        self._chain: list[Layer] = []
        for layer in layers or []:
            self.add(layer, rebuild=False)
        self._rebuild()

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Puts a layer at the end.

        Raises:
            ArgumentError: not a layer.
            GraphError: its name is taken.
        """
        if isinstance(layer, KerasTensor) and layer.node is not None and isinstance(layer.node.operation, InputLayer):
            layer = layer.node.operation
        if not isinstance(layer, Layer):
            if not callable(layer):
                raise ArgumentError(
                    f"Sequential {self.name!r}: Only instances of `keras.Layer` can be added to a Sequential model, but got "
                    f"{describe(layer)}."
                )
            raise ArgumentError(
                f"Sequential {self.name!r}: Only instances of `keras.Layer` can be added, but got the function "
                f"{describe(layer)}. Put it into a Lambda layer, or make it an op with @plait.op."
            )
        if isinstance(layer, InputLayer) and self._chain:
            raise ArgumentError(
                f"Sequential model {self.name!r} has already been configured to use input shape "
                f"{getattr(self._chain[0], 'batch_shape', None)}. You cannot add a different Input layer to it."
            )
        if any(layer.name == other.name for other in self._chain):
            raise GraphError(
                f"Sequential {self.name!r}: All layers added should have unique names, but there is a layer called {layer.name!r} "
                "already. Give this one another name."
            )
        if not self._chain and not isinstance(layer, InputLayer):
            shape = layer._given_shape or (
                layer._graph.inputs[0].shape if isinstance(layer, Model) and layer._graph else None
            )
            if shape is not None:
                self._chain.append(InputLayer(batch_shape=shape))
        self._chain.append(layer)
        if rebuild:
            self._rebuild()

    def pop(self, rebuild: bool = True) -> Layer:
        """Takes the last layer off, and returns it."""
        if not self._chain:
            raise ArgumentError(f"Sequential {self.name!r}: there are no layers in the model to take off.")
        layer = self._chain.pop()
        if rebuild:
            self._rebuild()
        return layer

    def _rebuild(self) -> None:
        """Makes the graph anew, if it is known what goes in."""
        self._graph, self.built = None, False
        if self._chain and isinstance(self._chain[0], InputLayer) and len(self._chain) > 1:
            with name_scope(self.name):
                self._connect(self._chain[0].output)

    def _connect(self, tensor: KerasTensor) -> None:
        output = tensor
        for layer in self._chain:
            if not isinstance(layer, InputLayer):
                try:
                    output = layer(output)
                except NotImplementedError:
                    return  # a layer that can't tell its shapes beforehand: the layers are applied in turn
                except TypeError as error:
                    self._check_signature(layer, error)
                    raise
                if is_nested(output) and len(output) == 1:
                    output = output[0]
        self._take_graph(tensor, output)

    def _check_signature(self, layer: Layer, error: Exception) -> None:
        parameters = inspect.signature(layer.call).parameters.values()
        needed = [
            p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
        if len(needed) != 1:
            raise ArgumentError(
                f"Sequential {self.name!r}: its layers can only have a single positional argument, the input tensor, but "
                f"`call` of {type(layer).__name__} {layer.name!r} has {listing(needed)}. Give the others defaults."
            ) from error

    def build(self, input_shape: Any = None) -> None:
        """Makes the graph for inputs of a shape, batch axis included.

        Raises:
            ArgumentError: it begins with an Input of another shape.
        """
        self._check_shape(input_shape)
        if self._graph is not None or input_shape is None or not self._chain:
            if self._graph is None and len(self._chain) > 1 and isinstance(self._chain[0], InputLayer):
                self._connect(self._chain[0].output)
            return
        if isinstance(input_shape, dict) or (is_nested(input_shape) and any(is_nested(size) for size in input_shape)):
            return  # several inputs: the layers are applied in turn
        if not isinstance(self._chain[0], InputLayer):
            self._begin(input_shape, _first_dtype(self._chain))
        self._connect(self._chain[0].output)

    def _begin(self, shape: Any, dtype: str | None) -> None:
        """Puts an Input for the first data in front; nobody asked for their sizes."""
        layer = Input(batch_shape=(None, *tuple(shape)[1:]), dtype=dtype).node.operation
        self._chain.insert(0, layer)
        self._takes_any_size = True

    def _build_for_text(self, x: Any) -> None:
        """Makes the graph for arrays of strings: no program takes these, so the layers that do must be known first."""
        if self._graph is None and self._chain and is_text(x) and not isinstance(self._chain[0], InputLayer):
            self._begin(np.shape(x), "string")
            with name_scope(self.name):
                self._connect(self._chain[0].output)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._graph is None and args:
            self._build_for_text(args[0])
        return super().__call__(*args, **kwargs)

    def on_host(self, x: Any) -> Any:
        """Data after the layers that take text; other data as it is."""
        self._build_for_text(x)
        return super().on_host(x)

    def _check_shape(self, shape: Any) -> None:
        expected = self._chain[0].batch_shape if self._chain and isinstance(self._chain[0], InputLayer) else None
        if expected is None or not isinstance(shape, (list, tuple)) or any(is_nested(size) for size in shape):
            return
        if len(shape) != len(expected) or any(
            None not in pair and pair[0] != pair[1] for pair in zip(shape, expected, strict=True)
        ):
            raise ArgumentError(
                f"Sequential model {self.name!r} has already been configured to use input shape {expected}. You cannot build it "
                f"with input_shape {tuple(shape)}."
            )

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Applies the layers in turn."""
        if self._graph is not None:
            return super().call(inputs, training=training, mask=mask)
        if not self.layers:
            raise ArgumentError(
                f"Sequential model {self.name!r} has no layers, so it cannot be called. Add some with `add`."
            )
        outputs = inputs
        for layer in self._chain:
            if not isinstance(layer, InputLayer):
                outputs = layer(outputs)
        return outputs

    @property
    def _layers_first(self) -> bool:
        return True

    @property
    def layers(self) -> LayerList:
        """Its layers, without the Input: a list that also takes a name."""
        return LayerList(layer for layer in self._chain if not isinstance(layer, InputLayer))  # type: ignore[misc]

    @layers.setter
    def layers(self, _: Any) -> None:
        raise NameTakenError(
            f"Sequential {self.name!r}: `Sequential.layers` attribute is reserved. Use `add()` and `pop()` to change the layers in "
            "this model."
        )

    @property
    def _layers(self) -> list[Any]:
        return list(dict.fromkeys([*self._chain, *super(Model, self)._layers]))

    def _needs_graph(self, what: str) -> Any:
        if self._graph is None:
            raise MissingError(
                f"Sequential model {self.name!r} has no defined {what} yet. Begin it with an Input, or call it on data: it has "
                f"the layers {listing(layer.name for layer in self.layers)}."
            )
        return self._graph

    @writing_layers
    def get_config(self) -> dict:
        """Its layers' configs, in order, and the shape it was built for."""
        shape = self._graph.inputs[0].shape if self._graph is not None else None
        return {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": plain(self.dtype_policy),
            "layers": [plain(layer) for layer in self._chain],
            **({"build_input_shape": shape} if shape is not None else {}),
        }

    def get_build_config(self) -> dict | None:
        """The shape that it was built for."""
        return super().get_build_config() if self._graph is None else {"input_shape": self._graph.inputs[0].shape}

    @classmethod
    @reading_layers
    def from_config(cls, config: Any, custom_objects: Any = None) -> "Sequential":
        """A model from its config, also in the form that Keras 1 and 2 wrote: a bare list of layers."""
        if isinstance(config, list):
            config = {"layers": config}
        layers = [
            deserialize(layer, custom_objects, "layers") if isinstance(layer, dict) else layer
            for layer in config["layers"]
        ]
        model = cls(layers, trainable=config.get("trainable", True), name=config.get("name"))
        shape = config.get("build_input_shape")
        if shape and model._graph is None:
            model.build_for({"input_shape": as_shapes(shape)})
        return model


def _first_dtype(chain: list[Layer]) -> str | None:
    """The dtype for the Input of a chain that was built without one: whole numbers for an Embedding."""
    return type(chain[0])._usual_input_dtype
