"""The model: layers that are trained, saved and used together.

A `Model` has a graph, or it hasn't. `Model(inputs, outputs)` has the graph between some symbolic tensors. A subclass that
defines `call` has none. Everything else is the same for both: a model is a layer, can be called, compiled, fitted, saved.

Verbs: `__call__`, `compile`, `fit`, `evaluate`, `predict`, `save`, `get_layer`; each but the first is one line here, and
lives on the floor below.

Life under jit: called on arrays outside of any trace, a model runs a compiled program, one for each kind of input. Inside
somebody's `jit`, `grad` or `vmap`, or in plait's own training step, it is traced like any function.

What it is not: a trainer, a file format or a picture.

Differs from Keras: the class of a model never changes; called directly it is compiled, not run layer by layer.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from plait import inspect, optimizers, saving, training
from plait.common.constructors import constructor_parameters
from plait.common.messages import warn
from plait.common.names import auto_name
from plait.common.registry import builtin, opens_graphs, place_of
from plait.common.scope import current
from plait.common.serialization import deserialize
from plait.common.traits import default, has_default, same_types
from plait.common.tree import flatten, map_structure_in_order, pack_as
from plait.core.graph import Graph, graph_of
from plait.core.holder import held_by, keep, shown, uncover
from plait.core.mask import set_mask
from plait.core.program import NOT_TRACEABLE
from plait.core.tensor import KerasTensor, any_symbolic
from plait.core.variable import Variable, is_observed, observed
from plait.errors import ArgumentError, NameTakenError, StateError
from plait.export import export_model
from plait.layers.base import Layer, build_by_tracing, mark_built
from plait.layers.input import input_layer_of, input_name, input_spec_of
from plait.layers.ownership import unique
from plait.models.calls import Calls
from plait.models.graph_config import config_to_graph, graph_to_config, other_arguments, read_other_arguments
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
from plait.models.lookup import find_layer, find_opened, find_tensor
from plait.models.quantize import quantize
from plait.models.rewrite import inlined
from plait.models.state_tree import get_state_tree, set_state_tree
from plait.training.callbacks.base import History
from plait.training.divided import Features, host_part
from plait.training.prediction import private
from plait.training.run import FitOptions


@opens_graphs
@builtin("models", "Functional", module="keras")
class Model(Layer):
    """Layers that are trained, saved and used together.

    Args:
        inputs: the symbolic tensors that the model starts from: one, or several in any structure.
        outputs: the symbolic tensors that it computes, likewise.
        name: its name.
        trainable: whether training changes its weights.

    A subclass that defines `call` gives neither inputs nor outputs.

    Raises:
        GraphError: outputs that the inputs don't lead to; two layers of one name.

    >>> import plait, numpy as np
    >>> left, right = plait.Input((2,), name="left"), plait.Input((3,), name="right")
    >>> both = plait.layers.Concatenate()([left, right])
    >>> model = plait.Model([left, right], {"sum": plait.layers.Dense(1)(both)})
    >>> model({"left": np.ones((4, 2)), "right": np.ones((4, 3))})["sum"].shape
    (4, 1)
    """

    _family = "model"
    _takes_structures = True
    _records = (
        "optimizer _history _compilation _trainer _graph stop_training stop_evaluating stop_predicting run_eagerly jit_compile "
        "steps_per_execution _input_names _optional _takes_any_size _opened _host_part _calls _places _has_integers "
        "_runs_eagerly"
    )
    _bookkeeping = frozenset({"_input_names", "_optional", "_calls", "_places", "_has_integers"})
    _hooks = (
        "compile compile_from_config get_compile_config compute_loss compute_metrics get_metrics_result reset_metrics "
        "file_identity"
    )
    _leads_to = "layers optimizer"
    _fills_a_file = True  # whether a file may hold one by itself

    _graph: Graph | None = None
    _tells_constructor = True
    _told_by_attributes = _waits_for_call = False
    _takes_any_size = False
    _places: Sequence[Place] = ()
    _has_integers = False  # whether inputs are whole numbers, or are looked up by an Embedding
    _opened: tuple[Graph, Graph] | None = None
    _host_part: tuple[Graph, Any] | None = None
    optimizer: optimizers.Optimizer = None  # type: ignore[assignment]
    _compilation: Any = None
    _trainer: Any = None
    _history: Any = None
    stop_training = stop_evaluating = stop_predicting = False
    run_eagerly = False
    steps_per_execution: int | None = None
    _runs_eagerly = False

    @default
    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Any):
        if (inputs is None) != (outputs is None):
            raise ArgumentError(
                "Model: `inputs` and `outputs` go together; a subclass that defines `call` gives neither."
            )
        if inputs is not None and name is None and type(self) is Model:
            name = auto_name("functional")
        super().__init__(name=name, **kwargs)
        self._calls = Calls(self)
        if inputs is not None:
            self._take_graph(inputs, outputs)

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
        if current().bindings is not None or self.run_eagerly or self._runs_eagerly:
            return super().__call__(*args, **kwargs)
        if self._part_on_host is not None and args and not any_symbolic(flatten(args[0])):
            args = (self.on_host(args[0]), *args[1:])
        if is_observed() and (self._graph is None or len(self._graph.outputs) > 1):
            return super().__call__(*args, **kwargs)  # what is in one program, no tape sees
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
            outputs = super().__call__(*args, **kwargs)
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

    def quantize(self, mode: str | None = None, config: Any = None, filters: Any = None, **kwargs: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Keeps the kernels of its layers in few bits from now on: `"int8"`, `"int4"` or `"float8"`; see `models/quantize`."""
        quantize(self, mode, config, filters, **kwargs)

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
        """The symbolic tensor that a layer gives: a tensor to make new models from.

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

    def between(self, start: Any, end: Any, name: str | None = None) -> "Model":
        """The part of the model from some tensors to some others, as a model that shares the layers.

        Args:
            start: paths or symbolic tensors, in any structure: what the part begins with.
            end: likewise: what it computes.
            name: its name.

        Raises:
            GraphError: `start` doesn't lead to all of `end`.
        """
        new = inlined(self._needs_graph("between"), f"{self.name}.between")
        opened = Model(new(self.input), new(self.output), name=self.name)
        found = (find_opened(self, opened._needs_graph("between"), new, path) for path in flatten([start, end]))
        start, end = pack_as([start, end], list(found))
        return Model(start, end, name=name)

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
        return training.output_names(self._needs_graph("output_names").output_structure)

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

    @shown
    def compilation(self) -> Any:
        """What `compile` made of its arguments."""
        return self._compilation

    @shown
    def history(self) -> Any:
        """The History of the last `fit`."""
        return self._history

    @shown
    def trainer(self) -> Any:
        """The compiled steps."""
        return self._trainer

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

    # ------------------------------------------------------------------------ training

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int | None = None,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        loss_weight: Any = None,
        missing_labels: Any = None,
    ) -> None:
        """Says how the model is trained. Starts fresh: nothing of an earlier `compile` stays.

        Args:
            optimizer: by name, itself, or any Optax transformation.
            loss: one for all outputs; or for each, in a list by position or in a dict by the outputs' names.
            loss_weights: what each output's loss counts in the sum, in the same forms: numbers, or schedules of the step; or
                a weighting of `plait.multitask`, which finds them.
            metrics: what to measure besides, in the same forms; several for one output in a list.
            weighted_metrics: the same, with sample weights taken into account.
            run_eagerly: whether to run as plain Python, for debugging.
            steps_per_execution: how many steps go into one dispatch; None lets plait choose.
            jit_compile: has no effect: plait compiles unless `run_eagerly`.
            auto_scale_loss: whether float16 gradients are kept from vanishing by scaling the loss.
            loss_weight: another name of `loss_weights`.
            missing_labels: what stands for a label that isn't there, `np.nan` or -1, for all outputs or in a dict by output:
                losses and metrics leave it out. None lets none be missing.

        Raises:
            ArgumentError: names that aren't outputs, unknown losses, metrics or optimizers; all are listed.
            StateError: a `fit` of the model is under way.
        """
        if self._trainer is not None and self._trainer.in_fit:
            raise StateError(
                f"{self.name}: cannot compile in the middle of its `fit`, which goes on with what it began with. What trains "
                "(`layer.trainable`), rates, weights of losses and other settings may be changed at any time; for another "
                "optimizer, loss or metric, end the run (`self.run.stop()` in a callback) and call `fit` again."
            )
        weights = loss_weight if loss_weights is None else loss_weights
        structure = self._graph.output_structure if self._graph is not None else None
        own_loss = not has_default(type(self), "compute_loss")
        self._compilation = training.Compiled(
            loss, weights, metrics, weighted_metrics, structure, self.name, own_loss, missing_labels
        )
        self._compilation.given |= {} if auto_scale_loss else {"auto_scale_loss": False}
        self.optimizer = optimizers.get(optimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16" and self.optimizer is not None:
            if not isinstance(self.optimizer, optimizers.LossScaleOptimizer):
                self.optimizer = optimizers.LossScaleOptimizer(self.optimizer, name="loss_scale_optimizer")
        self.run_eagerly, self.steps_per_execution, self.jit_compile = run_eagerly, steps_per_execution, not run_eagerly
        self._trainer = training.Trainer(self)
        training.balance_for(self)
        self.stop_training = False
        uncover(self, "compiled", *(["loss"] if loss is not None else []))

    def compile_report(self, print_fn: Any = None) -> None:
        """Prints the plan that `compile` made: each output's loss, weight, metrics, and the labels that it takes."""
        inspect.compile_report(self, print_fn)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        cache_frozen: Any = "auto",
        seed: int | None = None,
        progress: str = "bar",
        resume: Any = None,
    ) -> History:
        """Trains the model, and returns the History: `history.history` has a list by name, one number an epoch.

        The arguments are those of `plait.training.FitOptions`, which says what each means.
        """
        options = FitOptions(
            x, y, batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle, class_weight,
            sample_weight, initial_epoch, steps_per_epoch, validation_steps, validation_batch_size, validation_freq,
            cache_frozen, seed, progress, resume,
        )  # fmt: skip
        return training.fit(self, options)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Computes the loss and the metrics on data: a number, a list in the order of `metrics_names`, or a dict."""
        return training.evaluate(
            self, x, y, batch_size, verbose, sample_weight, steps, callbacks, return_dict, **kwargs
        )

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        out: Any = None,
        gather: bool = True,
    ) -> Any:
        """Computes the outputs for data, batch by batch, as NumPy arrays; `out` names `.npy` files for them instead.
        Of several processes each gets all rows, or with `gather=False` those that its devices computed."""
        return training.predict(self, x, batch_size, verbose, steps, callbacks, out, gather)

    def predict_batches(self, x: Any, batch_size: int | None = None, steps: int | None = None) -> Iterator[Any]:
        """Yields the outputs batch by batch, as NumPy arrays: for data whose outputs don't fit into memory."""
        return training.predict_batches(self, x, batch_size, steps)

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Makes one step on one batch, and returns the loss and the metrics of that batch."""
        return training.train_on_batch(self, x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Computes the loss and the metrics of one batch."""
        return training.test_on_batch(self, x, y, sample_weight, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Computes the outputs for one batch, as NumPy arrays."""
        return map_structure_in_order(np.asarray, self(x, training=False))

    @default
    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The number that training minimises, for one batch; a subclass may define its own."""
        return self._needs_compile().loss(y, y_pred, sample_weight, self.losses)

    get_state_tree = get_state_tree
    set_state_tree = set_state_tree
    compute_metrics = training.custom.compute_metrics
    train_step = training.custom.train_step
    test_step = training.custom.test_step
    predict_step = training.custom.predict_step
    compute_loss_and_updates = training.custom.compute_loss_and_updates
    stateless_compute_loss = training.custom.stateless_compute_loss

    @shown
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compilation is not None

    def _needs_compile(self) -> Any:
        if self._compilation is None:
            raise StateError(
                f"Model {self.name!r}: You must call `compile()` before using the model. Give it an optimizer and a loss."
            )
        return self._compilation

    @shown
    def loss(self) -> Any:
        """The loss as it was given to `compile`."""
        return self._compilation.given["loss"] if self._compilation is not None else None

    @property
    def metrics(self) -> list:
        """The loss, the metrics of the last `compile` as one, the outputs' losses; then the metrics of its layers."""
        own = self._compilation.listed if self._compilation is not None else []
        return unique([*own, *super().metrics])

    @property
    def _metrics_for_owner(self) -> list:
        """Without those of `compile`: an inner model's tracker of the loss would stand in the logs for the outer one's."""
        return super().metrics

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of its metrics, in their order."""
        return [variable for metric in self.metrics for variable in metric.variables]

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns, in its order."""
        return self._compilation.names if self._compilation is not None else []

    def get_metrics_result(self) -> dict:
        """The metrics' results, by name."""
        results = self._needs_compile().results()
        own = held_by(self, "metric")
        inner = [metric for metric in super().metrics if metric.name not in results]
        return results | {metric.name: metric.result() for metric in unique([*inner, *own])}

    def reset_metrics(self) -> None:
        """Starts all metrics afresh."""
        for metric in self.metrics:
            metric.reset_state()

    # ------------------------------------------------------------------------ files and views

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Writes the model to a `.keras` file, whole or not at all: graph, weights, compile and optimizer state."""
        saving.save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: Any = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Writes the call for inference as a file that runs without plait; `plait.export` says what the options mean."""
        export_model(self, filepath, format, verbose, input_signature, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Writes the weights to a `.weights.h5` file."""
        saving.save_weights(self, filepath, overwrite=overwrite, **kwargs)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> Any:
        """Reads weights from a `.weights.h5` or `.keras` file: all of them, or none when something doesn't fit."""
        return saving.load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
        batch_size: Any = None,
    ) -> None:
        """Prints what the model is made of; `plait.inspect.summary` says what the options mean."""
        inspect.summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range, batch_size)

    def plot(self, to_file: Any = "model.png", **options: Any) -> Any:
        """Draws the graph into a .png, .svg or .pdf file; `plait.utils.plot_model` says what the options are."""
        return inspect.plot_model(self, to_file, **options)

    def view(self, other: Any = None, to_file: Any = None, open_browser: bool | None = None) -> Any:
        """Shows the model, or two side by side, as a page in a browser; gives the page's file."""
        return inspect.view(self, other, to_file, open_browser)

    def _repr_html_(self) -> str | None:
        return inspect.picture_for_notebook(self)

    @default
    def get_config(self) -> dict:
        """The graph as plain data; for a subclass its constructor's arguments."""
        if self._graph is None or not (type(self) is Model or self._is_made_of_graph()):
            return super().get_config()
        config = graph_to_config(self)
        if has_default(type(self), "__init__") or not has_default(type(self), "get_config"):
            return config
        return {**other_arguments(self, *self._constructed_with), **config}

    def file_identity(self) -> tuple[str, str, str] | None:
        """What files call this class: a graph is Keras's `Functional`."""
        plain = type(self) is Model and self._graph is not None
        return ("keras.src.models.functional", "Functional", "Functional") if plain else None

    def _is_made_of_graph(self) -> bool:
        """Whether its constructor takes inputs and outputs, as Model's does."""
        cls = type(self)
        return has_default(cls, "__init__") or {"inputs", "outputs"} <= {
            *constructor_parameters(cls),
            *self._constructed_with[1],
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: Any = None) -> "Model":
        """A model from its config; the config stays as it is."""
        if "layers" in config and "input_layers" in config:
            inputs, outputs = config_to_graph(config, custom_objects)
            more = {} if has_default(cls, "__init__") else read_other_arguments(cls, config)
            options = {"name": config.get("name"), "trainable": config.get("trainable", True), **more}
            return cls(inputs=inputs, outputs=outputs, **options)
        return super().from_config(config)  # type: ignore[return-value]

    def to_json(self, **kwargs: Any) -> str:
        """The model without weights as JSON; `plait.models.model_from_json` reads it."""
        return saving.to_json(self, **kwargs)

    def get_compile_config(self) -> dict | None:
        """What `compile` was told, as plain data; None if it wasn't called."""
        if self._compilation is None:
            return None
        optimizer = self.optimizer
        if isinstance(getattr(optimizer, "inner_optimizer", optimizer), optimizers.OptaxOptimizer):
            warn(
                f"Model {self.name!r}: an Optax transformation has no config, so the file won't say which optimizer it was. "
                "Compile the model again after loading."
            )
            optimizer = None
        return {
            "optimizer": optimizer,
            **self._compilation.given,
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution or 1,
            "jit_compile": self.jit_compile,
        }

    def compile_from_config(self, config: dict) -> None:
        """Compiles as `get_compile_config` told, and makes the optimizer's variables."""
        config = {key: deserialize(value, None, place_of(key)) for key, value in config.items() if key != "jit_compile"}
        if config.get("steps_per_execution") == 1:
            config["steps_per_execution"] = None
        self.compile(**config)
        if self.built and self.optimizer is not None:
            self.optimizer.build_for(self.trainable_variables)


def _is_plain_array(value: Any) -> bool:
    """Whether a program can take a value as it is: numeric arrays and None, no tracers, no symbolic tensors."""
    if isinstance(observed(value), Tracer):
        return False
    if isinstance(value, (jax.Array, bool, type(None))):
        return True
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiub"


def _shapes(tensors: Sequence[KerasTensor]) -> Any:
    return tensors[0].shape if len(tensors) == 1 else [tensor.shape for tensor in tensors]
