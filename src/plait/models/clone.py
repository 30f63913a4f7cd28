"""Clones: a model of the same form, with new layers and new weights."""

import inspect
from collections.abc import Callable
from typing import Any

from plait.common.messages import describe, warn
from plait.common.policies import DTypePolicy
from plait.common.scope import scope
from plait.common.serialization import plain
from plait.common.tree import flatten, pack_as, same_structure
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError, PlaitError
from plait.layers.base import Layer
from plait.layers.input import Input, InputLayer
from plait.models.model import Model
from plait.models.sequential import Sequential


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable | None = None,
    call_function: Callable | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Model:
    """Makes a model of the same form, with new layers and newly initialised weights.

    Args:
        model: a model with a graph, or a Sequential; a subclass is made anew from its config.
        input_tensors: symbolic tensors to begin with, in place of new Inputs.
        clone_function: makes the new layer from the old one; by default from its config.
        call_function: `call_function(layer, *args, **kwargs)` calls a new layer while the graph is made.
        recursive: whether inner models are cloned layer by layer too.

    Raises:
        ArgumentError: not a model; options that don't fit its kind.

    >>> import plait
    >>> model = plait.Sequential([plait.Input((4,)), plait.layers.Dense(3, name="out")])
    >>> clone = clone_model(model)
    >>> clone.layers[0].name, clone.layers[0] is model.layers[0]
    ('out', False)
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"clone_model: expected a model, but got {describe(model)}.")
    return _Cloning(clone_function, call_function, recursive).clone(model, input_tensors)


class _Cloning:
    """One run of `clone_model`: a layer that stands in several places is copied once."""

    def __init__(self, clone_function: Callable | None, call_function: Callable | None, recursive: bool):
        self.clone_function, self.call_function, self.recursive = clone_function, call_function, recursive
        self._copies: dict[int, tuple[Any, Any]] = {}  # by id; the layer is kept, so that no other one takes it

    def clone(self, model: Model, input_tensors: Any = None) -> Model:
        """The copy of a model, itself or inside of another."""
        if isinstance(model, Sequential):
            clone = _clone_sequential(model, input_tensors, self.copy, self.copy_input, self.call_function)
        elif model._graph is None:
            if self.clone_function or input_tensors is not None:
                raise ArgumentError(
                    f"clone_model: {model.name!r} is a subclass without a graph; it is cloned from its config only."
                )
            clone = self._of_config(model)
        else:
            clone = _clone_graph(model, input_tensors, self.copy, self.copy_input, self.call_function)
        if model._compilation is not None and model._graph is not None:
            self._compile(clone, model)
        return clone

    def _compile(self, clone: Model, model: Model) -> None:
        """Compiles the clone as the model is, with an optimizer, losses and metrics of its own."""
        try:
            with scope(copy=self._copy_inside):
                config = plain(model.get_compile_config())
        except (PlaitError, NotImplementedError) as error:
            warn(f"clone_model: the clone of {model.name!r} isn't compiled. {error}")
            return
        config.pop("jit_compile")
        clone.compile(**config)

    def copy(self, layer: Any) -> Any:
        """The copy of a layer or op of a graph."""
        if isinstance(layer, Model) and self.recursive:
            call = None if isinstance(layer, Sequential) else self.call_function
            return self._once(layer, _Cloning(self.clone_function, call, True)._with(self).clone)
        if self.clone_function is not None and isinstance(layer, Layer):
            return self._once(layer, self.clone_function)
        return self._copy_inside(layer)

    def copy_input(self, tensor: KerasTensor) -> KerasTensor:
        """The new Input for a tensor that a graph begins with."""
        return self._once(tensor, _copy_of_input)

    def _copy_inside(self, thing: Any) -> Any:
        """The copy of an inner model, or of what a layer holds; functions, and what has no config, stay themselves.

        As in Keras, `clone_function` isn't asked.
        """
        if isinstance(thing, Model):
            return self._once(thing, _Cloning(None, None, False)._with(self).clone)
        if inspect.isclass(thing) or isinstance(thing, DTypePolicy) or not hasattr(thing, "from_config"):
            return thing
        try:
            return self._once(thing, self._of_config)
        except (PlaitError, NotImplementedError):
            if isinstance(thing, Layer) or getattr(thing, "variables", ()):
                raise
            return thing  # it has no state, so both may have it

    def _with(self, other: "_Cloning") -> "_Cloning":
        self._copies = other._copies
        return self

    def _once(self, layer: Any, make: Callable[[Any], Any]) -> Any:
        if id(layer) not in self._copies:
            new = make(layer)
            self._copies[id(layer)] = layer, new
            self._copies[id(new)] = new, new  # a config may be made of another one
        return self._copies[id(layer)][1]

    def _of_config(self, layer: Any) -> Any:
        with scope(copy=self._copy_inside):
            config = layer.get_config()
        return type(layer).from_config(config)


def _clone_sequential(
    model: Sequential, input_tensors: Any, copy: Callable, copy_input: Callable, call_function: Callable | None
) -> Sequential:
    if call_function is not None:
        raise ArgumentError("clone_model: `call_function` is for models with a graph of their own, not for Sequential.")
    layers = [copy(layer) for layer in model.layers]
    if input_tensors is not None:
        (tensor,) = flatten(input_tensors)
        return type(model)([tensor, *layers], name=model.name, trainable=model.trainable)
    if model._chain and isinstance(model._chain[0], InputLayer):
        layers.insert(0, copy_input(model._chain[0].output).node.operation)
    return type(model)(layers, name=model.name, trainable=model.trainable)


def _copy_of_input(tensor: KerasTensor) -> KerasTensor:
    layer = tensor.node.operation if tensor.node is not None else None
    if isinstance(layer, InputLayer):
        return Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=layer.name, optional=layer.optional)
    return Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)


def _clone_graph(
    model: Model, input_tensors: Any, copy: Callable, copy_input: Callable, call_function: Callable | None
) -> Model:
    graph = model._graph
    assert graph is not None
    if input_tensors is None:
        starts = [copy_input(tensor) for tensor in graph.inputs]
    else:
        if not same_structure(graph.input_structure, input_tensors):
            raise ArgumentError(
                "clone_model: `input_tensors` must have the same structure as model.input, which is "
                f"{describe(graph.input_structure)}, but got {describe(input_tensors)}."
            )
        starts = flatten(input_tensors)

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        new = copy(operation)
        return call_function(new, *args, **kwargs) if call_function else new(*args, **kwargs)

    outputs = graph.run(starts, call)
    outputs = pack_as(graph.output_structure, flatten(outputs))
    inputs = pack_as(graph.input_structure, starts)
    return type(model)(inputs, outputs, name=model.name, trainable=model.trainable)
