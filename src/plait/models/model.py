"""The model: layers that are trained, saved and used together.

`Model(inputs, outputs)` has the graph between some symbolic tensors. A subclass that defines `call` has none. Everything
else is the same for both: a model is a layer, can be called, compiled, fitted, saved.

Verbs: `compile`, `fit`, `evaluate`, `predict`, `save`; each is one line here, and lives on the floor below. Calls, and
reaching inside, are its parent's (`models/network`).

What it is not: a trainer, a file format or a picture.

Differs from Keras: the class of a model never changes; called directly it is compiled, not run layer by layer.
"""

from collections.abc import Callable, Iterator
from typing import Any

from plait import inspect, metrics, optimizers, saving, training
from plait.common.constructors import constructor_parameters
from plait.common.messages import describe, warn
from plait.common.names import auto_name
from plait.common.numbers import as_list
from plait.common.registry import builtin, opens_graphs, place_of
from plait.common.serialization import deserialize
from plait.common.traits import default, has_default
from plait.common.tree import flatten, pack_as
from plait.core.holder import held_by, shown, uncover
from plait.core.tensor import KerasTensor
from plait.core.variable import Variable
from plait.errors import ArgumentError, StateError
from plait.export import export_model
from plait.layers.base import Layer
from plait.layers.legacy import AddLoss, AddMetric
from plait.layers.ownership import unique
from plait.models.calls import Calls
from plait.models.graph_config import config_to_graph, graph_to_config, other_arguments, read_other_arguments
from plait.models.lookup import find_opened
from plait.models.network import Network
from plait.models.quantize import quantize
from plait.models.rewrite import inlined
from plait.models.state_tree import get_state_tree, set_state_tree
from plait.training.callbacks.base import History
from plait.training.prediction import writable
from plait.training.run import FitOptions


@opens_graphs
@builtin("models", "Functional", module="keras")
class Model(Network):
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
    _records = "optimizer _history _compilation _trainer stop_training stop_evaluating stop_predicting jit_compile steps_per_execution"
    _hooks = (
        "compile compile_from_config get_compile_config compute_loss compute_metrics get_metrics_result reset_metrics "
        "file_identity"
    )
    _leads_to = "layers optimizer"
    _fills_a_file = True  # whether a file may hold one by itself

    _tells_constructor = True
    _told_by_attributes = False
    optimizer: optimizers.Optimizer = None  # type: ignore[assignment]
    _compilation: Any = None
    _trainer: Any = None
    _history: Any = None
    stop_training = stop_evaluating = stop_predicting = False
    steps_per_execution: int | None = None

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

    def quantize(self, mode: str | None = None, config: Any = None, filters: Any = None, **kwargs: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Keeps the kernels of its layers in few bits from now on: `"int8"`, `"int4"` or `"float8"`; see `models/quantize`."""
        quantize(self, mode, config, filters, **kwargs)

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
        own = optimizers.get(optimizer)
        self.optimizer = own and own.for_model(self)
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
        return writable(self(x, training=False))

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

    def add_loss(self, loss: Any) -> None:
        """Adds a number, or several, to what training minimises.

        Args:
            loss: in a subclass's `call`, a value; of a model with a graph also a symbolic tensor that its inputs lead to,
                whose mean counts, as in Keras 2.

        Raises:
            ArgumentError: a value that isn't a tensor of rank 0.
            GraphError: a symbolic tensor that the model's inputs don't lead to.

        >>> import plait
        >>> x = plait.Input((3,))
        >>> code = plait.layers.Dense(2)(x)
        >>> model = plait.Model(x, plait.layers.Dense(3)(code))
        >>> model.add_loss(plait.ops.mean(plait.ops.square(code)))
        >>> model.layers[-1]
        <AddLoss name=add_loss, built=True>
        """
        for one in as_list(loss):
            if isinstance(one, KerasTensor) and self._graph is not None:
                self._lead_to(AddLoss(), one)
            else:
                super().add_loss(one)

    def add_metric(self, value: Any, name: str | None = None, aggregation: str | None = "mean") -> None:
        """Reports the mean of a symbolic tensor that the inputs of a model with a graph lead to, as in Keras 2.

        Args:
            value: the tensor.
            name: what the logs call it.
            aggregation: "mean" or None, which are the same.

        Raises:
            ArgumentError: no symbolic tensor; another aggregation.
            GraphError: a symbolic tensor that the model's inputs don't lead to.
        """
        if not isinstance(value, KerasTensor) or self._graph is None or aggregation not in ("mean", None):
            raise ArgumentError(
                f"{self.name}.add_metric: takes a symbolic tensor of a model with a graph, and aggregation='mean', but got "
                f"{describe(value)} and {aggregation!r}. A layer updates a metric that it holds: `self.metric.update_state(value)`."
            )
        self._lead_to(AddMetric(metrics.Mean(name=name or auto_name("mean"))), value)

    def _lead_to(self, layer: Layer, tensor: KerasTensor) -> None:
        """Has the first output come through a layer that another tensor comes to."""
        graph = self._needs_graph("graph")
        first, *others = flatten(graph.output_structure)
        self._take_graph(graph.input_structure, pack_as(graph.output_structure, [layer([first, tensor]), *others]))

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
        """Shows the model, or two side by side, as a page in a browser; returns the page's file."""
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
