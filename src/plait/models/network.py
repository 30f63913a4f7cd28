"""Layers that are called together: the half of a model that knows its graph.

A `Network` has a graph, or it hasn't: a subclass that defines `call` has none. It matches data to the graph's inputs, runs
a compiled program, and reaches the layers and tensors inside.

Life under jit: called on arrays outside of any trace, it runs a compiled program, one for each kind of input
(`models/calls`). Inside somebody's `jit`, `grad` or `vmap`, or in plait's own training step, it is traced like any function.

What it is not: trained or saved (`models/model`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from plait.common.scope import BY_LAYER, current, scope
from plait.common.traits import default, has_default, of_plait, same_types
from plait.common.tree import flatten, map_structure_in_order
from plait.core.graph import Graph, graph_of
from plait.core.holder import keep, shown
from plait.core.mask import set_mask
from plait.core.program import NOT_TRACEABLE
from plait.core.tensor import KerasTensor, any_symbolic
from plait.core.variable import is_observed, observed
from plait.errors import ArgumentError, NameTakenError, StateError
from plait.layers.base import Layer, build_by_tracing, mark_built
from plait.layers.input import input_layer_of, input_name, input_spec_of
from plait.layers.ownership import unique
from plait.models.calls import Calls
from plait.models.input_matching import (
    Place,
    fit_leaf,
    fit_values,
    host_array,
    match_inputs,
    meant_for,
    places_of,
    select_inputs,
)
from plait.models.layer_list import AnyLayer, LayerList, layer_named
from plait.models.lookup import find_layer, find_tensor
from plait.models.rewrite import inlined
from plait.training.divided import Features, host_part
from plait.training.names import output_names
from plait.training.prediction import private


@of_plait
class Network(Layer):
    """Layers that are called together: what `Model` inherits from."""

    _takes_structures = True
    _records = "_graph _input_names _optional _takes_any_size _opened _host_part _calls _places _has_integers run_eagerly _runs_eagerly"
    _bookkeeping = frozenset({"_input_names", "_optional", "_calls", "_places", "_has_integers"})
    _leads_to = "layers"

    _graph: Graph | None = None
    _calls: Calls
    _input_names: list[str]
    _optional: list[bool]
    _waits_for_call = False
    _takes_any_size = False
    _places: Sequence[Place] = ()
    _has_integers = False  # whether inputs are whole numbers, or are looked up by an Embedding
    _opened: tuple[Graph, Graph] | None = None
    _host_part: tuple[Graph, Any] | None = None
    run_eagerly = False
    _runs_eagerly = False

    def _take_graph(self, inputs: Any, outputs: Any) -> None:
        self._graph = Graph(inputs, outputs, owner=f"{type(self).__name__} {self.name!r}")
        self._input_names = [input_name(tensor) for tensor in self._graph.inputs]
        self._optional = [bool(getattr(input_layer_of(tensor), "optional", False)) for tensor in self._graph.inputs]
        keep(self, _places=places_of(self._graph, self._input_names))
        self._has_integers = any(place.tables or place.is_integer for place in self._places)
        self.built = True
        self.supports_masking = True
        if not self._trainable:
            self.trainable = False

    # ------------------------------------------------------------------------ calling

    @default
    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Computes the outputs: the graph's, or what a subclass defines."""
        if self._graph is None:
            raise NotImplementedError(
                f"Model {type(self).__name__} does not have a `call()` method implemented. Define it, or make the model from "
                "`inputs` and `outputs`."
            )
        if isinstance(inputs, Features):
            return self._part_on_host.run_rest(inputs)
        outputs = self._graph.run(self._fitted(inputs, mask))
        return outputs[0] if isinstance(outputs, (list, tuple)) and len(outputs) == 1 else outputs

    def _fitted(self, inputs: Any, mask: Any = None) -> list:
        graph = self._needs_graph("inputs")
        values = match_inputs(graph.input_structure, self._input_names, inputs, self.name)
        if mask is not None:
            for value, one in zip(values, flatten(mask), strict=False):
                if one is not None:
                    set_mask(value, one)
        return fit_values(graph.inputs, self._input_names, self._optional, values, self.name, self._takes_any_size)

    def _run_part(self, x: Any, part: Any) -> Any:
        names = [self._input_names[place] for place in part.inputs]
        values = [x[name] for name in names] if isinstance(x, dict) else flatten(x)
        values = values if len(values) == len(names) else [values[place] for place in part.inputs]
        tensors = [self._needs_graph("inputs").inputs[place] for place in part.inputs]
        return part.run(fit_values(tensors, names, [False] * len(names), values, self.name, self._takes_any_size))

    def _run_parted(self, x: Any, parting: Any) -> Any:
        return parting.run(self._fitted(x))

    @same_types(Layer.__call__)
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs a compiled program on arrays; records on symbolic tensors; is traced where JAX traces."""
        if current().bindings is not None:
            return super().__call__(*args, **kwargs)
        if self.run_eagerly or self._runs_eagerly:
            return self._run_plainly(args, kwargs)
        if self._part_on_host is not None and args and not any_symbolic(flatten(args[0])):
            args = (self.on_host(args[0]), *args[1:])
        if is_observed() and (self._graph is None or len(self._graph.outputs) > 1):
            return self._run_plainly(args, kwargs)  # what is in one program, no tape sees
        if (
            len(args) == 1
            and len(kwargs) == ("training" in kwargs)
            and type(args[0]) is np.ndarray
            and args[0].dtype.kind in "fiub"
        ):
            # The program may still be reading when this returns, and the caller may fill the array anew by then.
            fits = args[0].dtype.itemsize < 8 and not self._has_integers
            return self._run_compiled((np.array(args[0] if fits else self._fit_on_host(args[0])),), kwargs)
        leaves = flatten([list(args), kwargs])
        if not all(map(_is_plain_array, leaves)):
            outputs = self._run_plainly(args, kwargs)
            return self._as_listed(outputs) if isinstance(outputs, KerasTensor) else outputs
        if any(isinstance(leaf, np.ndarray) for leaf in leaves):
            wide = any(isinstance(leaf, np.ndarray) and leaf.dtype.itemsize == 8 for leaf in leaves)
            if (wide or self._has_integers) and args and not isinstance(args[0], Features):
                args = (self._fit_on_host(args[0]), *args[1:])
            args, kwargs = map_structure_in_order(private, [args, kwargs])
        return self._run_compiled(args, kwargs)

    def _run_compiled(self, args: tuple, kwargs: dict) -> Any:
        try:
            return self._calls.run(args, kwargs)
        except NOT_TRACEABLE:
            self._runs_eagerly = True  # this `call`, or a layer's, looks at values, so it can only run as Python
            return self._run_plainly(args, kwargs)

    def _run_plainly(self, args: tuple, kwargs: dict) -> Any:
        if current().losses is not None:
            return super().__call__(*args, **kwargs)
        self._clear_losses()
        with scope(losses=BY_LAYER):
            return super().__call__(*args, **kwargs)

    def _fit_on_host(self, x: Any) -> Any:
        """Data whose 64-bit numbers are in the dtypes of their inputs, whose whole numbers are such, and whose ids are within the
        tables of Embeddings.

        Without a graph nobody says what inputs are for, and numbers are in what the device has.
        """
        places = meant_for(self._graph, self._places, x) if self._graph is not None else {}
        return map_structure_in_order(lambda leaf: fit_leaf(leaf, places.get(id(leaf), Place()), self.name), x)

    def _as_listed(self, output: KerasTensor) -> Any:
        """A single symbolic output in the list or tuple that the model was made with, as Keras gives it."""
        structure = self._graph.output_structure if self._graph is not None else None
        return type(structure)([output]) if isinstance(structure, (list, tuple)) else output

    def build_for(self, shapes: dict) -> None:
        """Builds the model for shapes; where it defines no `build`, its layers are built as its `call` reaches them."""
        if not has_default(type(self), "build"):
            super().build_for(shapes)
        mark_built(self, shapes)

    @default
    def build(self, input_shape: Any = None) -> None:
        """Makes the weights for inputs of a shape, by tracing a call."""
        if self._graph is None and input_shape is not None and not has_default(type(self), "call"):
            build_by_tracing(self, input_shape)

    def _convert_inputs(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        return (args, kwargs) if self._graph is not None else super()._convert_inputs(args, kwargs)

    def _check_positional(self, args: tuple) -> None:
        """A model takes anything by position."""

    # ------------------------------------------------------------------------ reaching in

    @property
    def _layers_first(self) -> bool:
        """Whether files name its layers by their places in `layers`, not by attributes."""
        return self._graph is not None

    @property
    def layers(self) -> LayerList:
        """Its layers: a list that also takes a name. A graph's are in Keras's order, Inputs among them."""
        if self._graph is not None:
            return LayerList(layer for layer in self._graph.operations if isinstance(layer, Layer))  # type: ignore[misc]
        return LayerList(super()._layers)  # type: ignore[arg-type]

    @layers.setter
    def layers(self, _: Any) -> None:
        raise NameTakenError(
            f"Model {self.name!r}: `Model.layers` attribute is reserved for the list of layers. Choose another name."
        )

    @shown
    def operations(self) -> list:
        """What its graph calls: layers and ops, in Keras's order."""
        return list(self._graph.operations) if self._graph is not None else list(self.layers)

    @property
    def _layers(self) -> list[Any]:
        attached = [layer for layer in super()._layers if layer is not self]
        return unique([*self._graph_layers(), *attached]) if self._graph is not None else attached

    def _graph_layers(self) -> Iterator[Layer]:
        return (operation for operation in self._graph.operations if isinstance(operation, Layer))  # type: ignore[union-attr]

    def get_layer(self, name: str | None = None, index: int | None = None) -> AnyLayer:
        """A layer by name, or by its place in `layers`.

        Raises:
            ArgumentError: no such layer; says which there are.
        """
        if (name is None) == (index is None):
            raise ArgumentError("Provide either a layer name or layer index at `get_layer`, not both and not none.")
        if name is not None:
            return layer_named(self.layers, name)
        if index >= len(self.layers):  # type: ignore[operator]
            raise ArgumentError(
                f"{self.name}.get_layer: there is no layer {index}, because the model has {len(self.layers)} layers, counted from 0."
            )
        return self.layers[index]  # type: ignore[index]

    def __getitem__(self, path: str) -> Layer:
        """The layer of a name, path through inner models (`"encoder/dense"`), or pattern that fits just one."""
        return find_layer(self, path)

    def tensor(self, path: Any) -> Any:
        """The symbolic output of a layer: a tensor to make new models from.

        Args:
            path: the layer's name; its path through inner models (`"encoder/dense"`); which call of a shared layer is meant
                (`"tower:1"`); or a pattern that fits just one.

        Raises:
            ArgumentError: no layer fits, or several.

        >>> import plait
        >>> x = plait.Input((4,))
        >>> inner = plait.Sequential([plait.Input((4,)), plait.layers.Dense(3, name="deep")], name="inner")
        >>> model = plait.Model(x, plait.layers.Dense(1)(inner(x)))
        >>> plait.Model(model.input, model.tensor("inner/deep")).output_shape
        (None, 3)
        """
        return find_tensor(self, path)

    @shown
    def inputs(self) -> list[KerasTensor]:
        """The symbolic tensors that it starts from, flat."""
        return list(self._needs_graph("inputs").inputs)

    @shown
    def outputs(self) -> list[KerasTensor]:
        """The symbolic tensors that it computes, flat."""
        return list(self._needs_graph("outputs").outputs)

    @property
    def input(self) -> Any:
        """The symbolic tensors that it starts from, in their structure."""
        return self._graph.input_structure if self._graph is not None else super().input

    @property
    def output(self) -> Any:
        """The symbolic tensors that it computes, in their structure."""
        return self._graph.output_structure if self._graph is not None else super().output

    @shown
    def input_shape(self) -> Any:
        """The shape of its input; of several a list."""
        return _shapes(self._needs_graph("input_shape").inputs)

    @shown
    def output_shape(self) -> Any:
        """The shape of its output; of several a list."""
        return _shapes(self._needs_graph("output_shape").outputs)

    @shown
    def input_names(self) -> list[str]:
        """The names of its inputs, flat: data may be given by them."""
        self._needs_graph("input_names")
        return list(self._input_names)

    @shown
    def output_names(self) -> list[str]:
        """The names of its outputs, flat: losses, metrics, weights and labels may be given by them."""
        return output_names(self._needs_graph("output_names").output_structure)

    def describe_inputs(self) -> list:
        """What each input must be like, as InputSpecs."""
        return [input_spec_of(tensor) for tensor in self._needs_graph("inputs").inputs]

    def _needs_graph(self, what: str) -> Graph:
        if self._graph is None:
            raise StateError(
                f"Model {self.name!r} has no `{what}`: it isn't made from symbolic tensors, or it isn't built yet. Make it with "
                "Model(inputs, outputs), or give a Sequential an Input."
            )
        return self._graph

    def select_inputs(self, x: Any) -> Any:
        """The part of some data that this model knows; warns of the rest."""
        return x if self._graph is None else select_inputs(self._graph.input_structure, self._input_names, x, self.name)

    def opened_graph(self) -> Graph:
        """The graph with the models inside opened, down to single layers; the same object as long as the graph is."""
        graph = self._needs_graph("graph")
        if self._opened is None or self._opened[0] is not graph:
            holds_models = any(graph_of(operation) is not None for operation in graph.operations)
            new = inlined(graph) if holds_models else None
            opened = graph if new is None else Graph(new(graph.input_structure), new(graph.output_structure), self.name)
            self._opened = graph, opened
        return self._opened[1]

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic tensors that a call would give; each layer is asked where there is text, which cannot be traced, or
        where a layer states its shape itself."""
        operations = self._graph.operations if self._graph is not None else ()
        states_shape = any(getattr(operation, "_states_shape", False) for operation in operations)
        if (self._part_on_host is None and not states_shape) or not args:
            return super().compute_output_spec(*args, **kwargs)
        outputs = self._needs_graph("outputs").run(self.ordered_inputs(args[0]))
        specs = map_structure_in_order(lambda tensor: KerasTensor(tensor.shape, tensor.dtype), outputs)
        return specs[0] if isinstance(specs, (list, tuple)) and len(specs) == 1 else specs

    @shown
    def graph(self) -> Graph | None:
        """What lies between its inputs and outputs; None for a subclass that defines `call`."""
        return self._graph

    @property
    def _part_on_host(self) -> Any:
        """The part that works on text, and so runs before any program; None for most models."""
        if self._graph is None:
            return None
        if self._host_part is None or self._host_part[0] is not self._graph:
            takes_text = any(tensor.dtype == "string" for tensor in self._graph.inputs)
            self._host_part = self._graph, host_part(self.opened_graph(), self.name) if takes_text else None
        return self._host_part[1]

    def on_host(self, x: Any) -> Any:
        """Data with what works on text done; other data as it is."""
        part = self._part_on_host
        if part is None or isinstance(x, Features):
            return x
        values = zip(self._needs_graph("inputs").inputs, self.ordered_inputs(x))
        return part([host_array(tensor, value) for tensor, value in values])

    def ordered_inputs(self, x: Any) -> list:
        """Data for the inputs, in the order of the graph's inputs."""
        return match_inputs(self._needs_graph("inputs").input_structure, self._input_names, x, self.name)


def _is_plain_array(value: Any) -> bool:
    """Whether a program can take a value as it is: numeric arrays and None, no tracers, no symbolic tensors."""
    if isinstance(observed(value), Tracer):
        return False
    if isinstance(value, (jax.Array, bool, type(None))):
        return True
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiub"


def _shapes(tensors: Sequence[KerasTensor]) -> Any:
    return tensors[0].shape if len(tensors) == 1 else [tensor.shape for tensor in tensors]
