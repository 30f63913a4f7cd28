"""The step: the only place where a training step is compiled, and the only donation.

A `Trainer` belongs to one compiled model. `prepare` builds what isn't built, and puts all weights into one cell, the
optimizer's state into a second, the metrics' into a third. The three lists are the `State`. A step is a pure function
`(state, batch) -> state`, and a dispatch runs one or many of them in one program:

    logs = trainer.train_rows(data, table, first, count)     # many steps, rows picked on the device
    logs = trainer.train_batch(batch)                        # one step on a batch from the host

Each replaces the lists in the cells, so every Variable, being a view, has its new value at once; nothing is copied back.

Life under jit: the step is traced with all variables bound in the scope (`core/pure`); the state's buffers are donated.

What it is not: a loop. It knows no epochs, callbacks or progress (`training/loop`).

Differs from Keras: many steps are one program (a `fori_loop` whose length is an argument), and the exception that ends
a step leaves the cells as they were.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from plait._errors import ArgumentError, DataError
from plait._scope import scope
from plait._tree import flatten, leaves_with_paths, map_structure, map_structure_in_order, path_name
from plait.core.infer import infer
from plait.core.mask import get_mask, set_mask
from plait.core.tensor import KerasTensor
from plait.core.traces import Traces
from plait.core.variable import Variable, cell_of, revision
from plait.distribution import lay_out_batch
from plait.layers.ownership import unique
from plait.random import global_states
from plait.training import custom
from plait.training.checks import check_class_weight
from plait.training.compiled import weights_of_classes
from plait.training.data.source import pack
from plait.training.divided import Features
from plait.training.names import match_labels


class State(NamedTuple):
    """What a step changes: the values of all weights, of the optimizer's variables, and of the metrics'.

    `logs` is what a step of one's own, or a `compute_metrics` of one's own, tells; None means the metrics' results.
    """

    weights: list
    optimizer: list
    metrics: list
    logs: dict | None = None


class Trainer:
    """The compiled steps of one model.

    Args:
        model: a model that has been compiled.
    """

    def __init__(self, model: Any):
        self.model = model
        self.variables: list[Variable] = []
        self.metric_variables: list[Variable] = []
        self._trainable: list[int] = []
        self._key: tuple | None = None
        self._programs: dict[tuple, Callable] = {}
        self._traces = Traces()
        self._prepared: tuple | None = None
        self._fresh_metrics: list | None = None
        self.outputs: Any = None  # what the outputs look like
        self.paces: dict[str, Any] = {}
        self.trunk: Any = (
            None  # the part of the model whose tensors stand in x's place, if they do (training/frozen.py)
        )

    def __getstate__(self) -> dict:
        """The model alone: programs belong to its variables and to this process, and a copy compiles its own."""
        return {"model": self.model}

    def __setstate__(self, state: dict) -> None:
        type(self).__init__(self, state["model"])

    @property
    def stale(self) -> bool:
        """Whether something changed since `prepare`: what trains, or which variables there are."""
        return self._prepared is None or self._prepared[0] != revision()

    @property
    def ready(self) -> bool:
        """Whether steps can run as things are."""
        return self._prepared is not None and not self.stale

    # ------------------------------------------------------------------------ preparing

    def prepare(self, batch: tuple, class_weight: Any = None, training: bool = True) -> None:
        """Builds what isn't built, settles losses and metrics, and gathers the values into cells.

        Args:
            batch: `(x, y, sample_weight)`; only shapes and dtypes matter.
            class_weight: weights by class, or by output and class.
            training: whether steps will train, and so need the optimizer.
        """
        wanted = (revision(), training, _freeze(class_weight))
        if self._prepared == wanted:
            return
        self._build(batch)
        model = self.model
        if class_weight is not None and model.compilation.names_of_outputs:
            check_class_weight(class_weight, model.compilation.names_of_outputs, self.outputs, model.name)
        if training and model.optimizer is not None:
            if not model.trainable_variables:
                warnings.warn(f"{model.name}: there is nothing to train: no weight is trainable.", stacklevel=6)
            model.optimizer.build_for(model.trainable_variables)
        self.variables = unique([*model.variables, *global_states()])
        mine = {id(variable) for variable in self.variables}
        metric_variables = [*model.compilation.variables, *model.metrics_variables]  # `metrics` may be overridden
        self.metric_variables = [v for v in unique(metric_variables) if id(v) not in mine]
        trainable = {id(variable) for variable in model.trainable_variables}
        self._trainable = [index for index, variable in enumerate(self.variables) if id(variable) in trainable]
        self._class_weight = class_weight
        self._gather_cells()
        self._forget_stale_programs(class_weight)
        self._prepared = (revision(), training, _freeze(class_weight))

    def _build(self, batch: tuple) -> None:
        model, (x, y, sample_weight) = self.model, batch
        if not model.run_eagerly:
            _check_numbers(
                x, "inputs", 'Take text in with Input(dtype="string") and a layer such as StringLookup.', model.name
            )
        if not model.built or (model.graph is None and not model._called):
            model._build_by_tracing((map_structure_in_order(_host_spec, x),), {})
        if model.graph is not None:
            outputs = model.graph.output_structure
            single = isinstance(outputs, (list, tuple)) and len(outputs) == 1
            outputs = outputs[0] if single else outputs
        else:
            outputs = infer(model, (_specs(x),), {"training": False} if model_takes_training(model) else {})
        _check_numbers(
            y, "labels", "Number the classes first: classes, y = np.unique(y, return_inverse=True).", model.name
        )
        _check_numbers(sample_weight, "sample weights", "Give a number for each row.", model.name)
        self.outputs = outputs
        self._settle(_specs(x), _specs(y) if y is not None else None, outputs)
        if any(not metric.built or not metric.variables for metric in model.compilation.metric_objects):
            infer(model.compilation.update_metrics, (_specs(y), outputs, _specs(sample_weight)), {})

    def _settle(self, x: Any, y: Any, outputs: Any) -> None:
        """Matches losses and metrics to the outputs, or to what a `compute_loss` of the model's own makes of them."""
        try:
            self.model.compilation.settle(y, outputs)
        except ArgumentError:
            if not self.model.compilation.own_loss:
                raise
            infer(lambda x, y, outputs: self.model.compute_loss(x=x, y=y, y_pred=outputs), (x, y, outputs), {})

    def _gather_cells(self) -> None:
        self.cell = cell_of(self.variables)
        self.metric_cell = cell_of(self.metric_variables)
        optimizer = self.model.optimizer
        self.optimizer_cell = optimizer.cell if optimizer is not None else None
        self._fresh_metrics = None
        classes = {type(metric) for metric in self.model.metrics} | {type(self.model)}
        methods = [getattr(kind, name, None) for kind in classes for name in ("reset_state", "reset_metrics")]
        self._resets_are_known = all(getattr(method, "__module__", "plait.").startswith("plait.") for method in methods)

    def _forget_stale_programs(self, class_weight: Any) -> None:
        flags = tuple((layer.trainable, layer.version) for layer in self.model._flatten_layers())
        ids = tuple(map(id, (*self.variables, *self.metric_variables)))
        key = (ids, tuple(self._trainable), flags, _freeze(class_weight))
        if key != self._key:
            self._programs.clear()
            self._key = key

    def reset_metrics(self) -> None:
        """Starts the metrics afresh."""
        if self._fresh_metrics is None or not self._resets_are_known:
            self.model.reset_metrics()
            self._fresh_metrics = [np.asarray(value) for value in self.metric_cell.tree]
        self.metric_cell.tree = [np.array(value) for value in self._fresh_metrics]

    # ------------------------------------------------------------------------ dispatching

    def train_batch(self, batch: tuple) -> dict:
        """One training step on a batch; gives the logs, as arrays that may not be ready yet."""
        return self._dispatch("train_batch", self._train, batch)

    def train_rows(self, data: tuple, table: Any, first: int, count: int, looped: bool) -> dict:
        """Training steps on rows of device-resident data.

        Args:
            data: `(x, y, sample_weight)`, whole.
            table: row numbers, (steps, batch).
            first: the first step's place in the table.
            count: how many steps.
            looped: whether the program is one that can run any number of steps.
        """
        if looped:
            program = _looped(self._train, tells=self._tells("train_step"))
            return self._dispatch("train_loop", program, data, table, first, first + count)
        for index in range(first, first + count):
            logs = self._dispatch("train_row", _on_row(self._train), data, table, index)
        return logs

    def test_batch(self, batch: tuple) -> dict:
        """One step of evaluation on a batch."""
        return self._dispatch("test_batch", self._test, batch)

    def test_rows(self, data: tuple, table: Any, first: int, count: int, looped: bool) -> dict:
        """Steps of evaluation on rows of device-resident data."""
        if looped:
            program = _looped(self._test, tells=self._tells("test_step"))
            return self._dispatch("test_loop", program, data, table, first, first + count)
        for index in range(first, first + count):
            logs = self._dispatch("test_row", _on_row(self._test), data, table, index)
        return logs

    def _dispatch(self, kind: str, function: Callable, *args: Any) -> dict:
        program = self._programs.get((kind,)) or self._make_program(kind, function)
        optimizer_cell = self.optimizer_cell
        training = kind.startswith("train")
        state = State(
            self.cell.tree,
            optimizer_cell.tree if training and optimizer_cell is not None else [],
            self.metric_cell.tree,
        )
        try:
            after, logs = program(state, *args)
        finally:
            self._traces.ended()
        self.cell.tree, self.metric_cell.tree = after.weights, after.metrics
        if training and optimizer_cell is not None:
            optimizer_cell.tree = after.optimizer
        return logs

    def _make_program(self, kind: str, function: Callable) -> Callable:
        def run(state: State, *args: Any) -> tuple[State, dict]:
            if not eagerly:
                self._traces.note(f"Model {self.model.name!r}", kind, list(args))
            state = function(state, *args)
            return state._replace(logs=None), self.logs(state)

        eagerly = self.model.run_eagerly
        donated = (0,) if kind.startswith("train") else ()
        program = self._programs[kind,] = run if eagerly else jax.jit(run, donate_argnums=donated)
        return program

    # ------------------------------------------------------------------------ the pure functions

    def _bindings(self, state: State) -> dict:
        bindings = dict(zip(self.variables, state.weights, strict=True))
        bindings.update(zip(self.metric_variables, state.metrics, strict=True))
        if state.optimizer:
            bindings.update(zip(self.model.optimizer.variables, state.optimizer, strict=True))
        return bindings

    def parted(self, state: State) -> tuple[list, list, list, list]:
        """A state as four lists: trainable, non-trainable, the optimizer's and the metrics' variables, in the order of the
        model's properties. What is in none of them goes to the variables themselves."""
        parts = self._parts()
        known = {**dict(zip(self.variables, state.weights, strict=True)), **self._bindings(state)}
        for variable in known.keys() - {variable for part in parts for variable in part}:
            variable.assign(known[variable])
        trainable, rest, _, metrics = ([known.get(v) for v in part] for part in parts)
        return trainable, rest, list(state.optimizer), metrics

    def joined(self, lists: Sequence, like: State | None = None, logs: Any = None) -> State:
        """The state of four lists; values of the dtypes that another one has."""
        known: dict = {}
        for name, variables, values in zip(custom.PARTS, self._parts(), lists, strict=True):
            if len(variables) != len(values) and (values or name != "optimizer's"):  # evaluation has none of these
                raise ArgumentError(
                    f"{self.model.name}: a step's state has {len(variables)} {name} variables, but got {len(values)}."
                )
            known.update(zip(variables, values, strict=False))
        weights = [known.get(variable, variable.value) for variable in self.variables]
        metrics = [known.get(variable, variable.value) for variable in self.metric_variables]
        state = State(weights, list(lists[2]), metrics)
        if like is not None:
            state = jax.tree.map(lambda new, old: jnp.asarray(new, old.dtype), state, like._replace(logs=None))
        return state._replace(logs=None if logs is None else flat_logs(logs))

    def _parts(self) -> tuple[list, list, list, list]:
        model = self.model
        optimizer = list(model.optimizer.variables) if model.optimizer is not None else []
        return model.trainable_variables, model.non_trainable_variables, optimizer, unique(model.metrics_variables)

    def _train(self, state: State, batch: tuple) -> State:
        if type(self.model).train_step is custom.train_step:
            return self.train_one(state, batch)
        with scope(bindings=self._bindings(state)):
            logs, after = self.model.train_step(self.parted(state), pack(*batch))
            return self.joined(after, state, logs)

    def _test(self, state: State, batch: tuple) -> State:
        if type(self.model).test_step is custom.test_step:
            return self.test_one(state, batch)
        with scope(bindings=self._bindings(state)):
            trainable, rest, optimizer, metrics = self.parted(state)
            logs, after = self.model.test_step((trainable, rest, metrics), pack(*batch))
            return self.joined((*after[:2], optimizer, after[2]), state, logs)

    def _tells(self, step: str) -> bool:
        """Whether a step of one's own tells the logs."""
        cls = type(self.model)
        return any(getattr(cls, name) is not getattr(custom, name) for name in (step, "compute_metrics"))

    def train_one(self, state: State, batch: tuple) -> State:
        """The usual step of training, on a batch."""
        model, places = self.model, self._trainable
        optimizer = model.optimizer

        def compute(trainable: list) -> tuple:
            weights = list(state.weights)
            for place, value in zip(places, trainable, strict=True):
                weights[place] = value
            bindings = self._bindings(state._replace(weights=weights))
            loss, logs = self._forward(bindings, batch, training=True)
            if optimizer is not None:
                with scope(bindings=bindings):
                    loss = optimizer.scale_loss(loss)
            return loss, ([bindings[v] for v in self.variables], [bindings[v] for v in self.metric_variables], logs)

        trainable = [state.weights[place] for place in places]
        gradients, (weights, metrics, logs) = jax.grad(compute, has_aux=True)(trainable)
        optimizer_state = state.optimizer
        if optimizer is not None:
            trainable, optimizer_state = optimizer.update(state.optimizer, gradients, trainable)
        for place, value in zip(places, trainable, strict=True):
            weights[place] = value
        return State(weights, optimizer_state, metrics, logs)

    def test_one(self, state: State, batch: tuple) -> State:
        """The usual step of evaluation, on a batch."""
        bindings = self._bindings(state)
        _, logs = self._forward(bindings, batch, training=False)
        after = [bindings[v] for v in self.variables]
        return State(after, state.optimizer, [bindings[v] for v in self.metric_variables], logs)

    def _forward(self, bindings: dict, batch: tuple, training: bool) -> tuple[Any, dict | None]:
        """The loss of a batch, and what a `compute_metrics` of one's own tells; metrics are updated by the way."""
        model, (x, y, sample_weight) = self.model, lay_out_batch(batch)
        with scope(bindings=bindings, training=training, losses=[]):
            y_pred = self.trunk.run_rest(x) if isinstance(x, Features) and self.trunk is not None else model(x)
            if training:  # weights of classes say what to learn; what is told of other data counts each row
                sample_weight = self._with_class_weights(y, y_pred, sample_weight)
            loss = custom.loss_of(model, x, y, y_pred, sample_weight, training)
            loss = loss if hasattr(loss, "dtype") else jnp.asarray(loss, "float32")
            model.compilation.loss_tracker.update_state(lax.stop_gradient(loss), sample_weight=custom.batch_size(x))
            logs = model.compute_metrics(x, y, map_structure_in_order(_detached, y_pred), sample_weight)
            usual = type(model).compute_metrics is custom.compute_metrics
        return loss, None if usual else flat_logs(logs)

    def _with_class_weights(self, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        class_weight = self._class_weight
        if class_weight is None:
            return sample_weight
        names, preds = self.model.compilation.names_of_outputs, flatten(y_pred)
        by_output = class_weight if _is_by_output(class_weight) else {names[0]: class_weight}
        labels = match_labels(y, names, [name in by_output for name in names], "labels", self.model.name)
        given = match_labels(sample_weight, names, [True] * len(names), "sample weights", self.model.name)
        weights: dict[str, Any] = {}
        for name, label, pred, weight in zip(names, labels, preds, given, strict=True):
            if name in by_output:
                own = weights_of_classes(by_output[name], label, pred.shape[-1] if pred.ndim > 1 else 1)
                weight = own if weight is None else own * jnp.reshape(weight, own.shape)
            weights[name] = weight
        return weights if len(names) > 1 else weights[names[0]]

    def logs(self, state: State) -> dict:
        """What a state tells: the metrics' results by name."""
        if state.logs is not None:
            return state.logs
        with scope(bindings=self._bindings(state)):
            return self.model.get_metrics_result()


def model_takes_training(model: Any) -> bool:
    """Whether a model's `call` has an argument `training`."""
    return "training" in model.call.__code__.co_varnames if hasattr(model.call, "__code__") else False


def _looped(one: Callable, tells: bool) -> Callable:
    def run(state: State, data: tuple, table: Any, first: Any, end: Any) -> State:
        def body(index: Any, state: State) -> State:
            return on_row(state._replace(logs=None), data, table, index)

        on_row = _on_row(one)
        state = _strong(state)
        if tells:  # a loop's state has the same form from the start
            logs = jax.eval_shape(on_row, state, data, table, first).logs
            state = state._replace(logs=jax.tree.map(lambda log: jnp.zeros(log.shape, log.dtype), logs))
        return lax.fori_loop(first, end, body, state)

    return run


def _on_row(one: Callable) -> Callable:
    def run(state: State, data: tuple, table: Any, index: Any) -> State:
        return one(state, _pick(data, lax.dynamic_index_in_dim(table, index, keepdims=False)))

    return run


def flat_logs(logs: Mapping) -> dict:
    """Logs as arrays by name; a metric that tells a dict tells several."""
    flat: dict[str, Any] = {}
    for name, value in logs.items():
        flat.update(flat_logs(value) if isinstance(value, Mapping) else {name: jnp.asarray(value)})
    return flat


def _pick(data: tuple, rows: Any) -> tuple:
    """A batch: the rows of each array."""
    get = {"mode": "promise_in_bounds", "wrap_negative_indices": False}
    return jax.tree.map(lambda array: array.at[rows].get(**get), data)


def _strong(state: State) -> State:
    """Gives every value a dtype of its own, because a loop's state may not change dtypes."""
    return jax.tree.map(lambda value: lax.convert_element_type(value, jnp.result_type(value)), state)


def _detached(output: Any) -> Any:
    value, mask = lax.stop_gradient(output), get_mask(output)
    if mask is not None and value is not output:
        set_mask(value, mask)
    return value


def _host_spec(value: Any) -> Any:
    return jax.ShapeDtypeStruct(value.shape, value.dtype) if hasattr(value, "shape") else value


def _check_numbers(values: Any, what: str, advice: str, owner: str) -> None:
    texts = [
        f"{what} {path_name(path)!r}" if path else f"the {what}" for path, v in leaves_with_paths(values) if _is_text(v)
    ]
    if texts:
        raise DataError(f"{owner}: {what} must be numbers, but {' and '.join(texts)} are text. {advice}")


def _is_text(value: Any) -> bool:
    return getattr(getattr(value, "dtype", None), "kind", "") in ("O", "S", "U", "T")


def _specs(values: Any) -> Any:
    """Symbolic tensors in the place of arrays, the batch axis unknown."""

    def spec(value: Any) -> Any:
        if not hasattr(value, "shape"):
            return value
        return KerasTensor((None, *value.shape[1:]) if value.shape else (), value.dtype)

    return map_structure(spec, values) if values is not None else None


def _is_by_output(class_weight: Mapping) -> bool:
    return any(isinstance(value, Mapping) for value in class_weight.values())


def _freeze(class_weight: Any) -> Any:
    if isinstance(class_weight, Mapping):
        return tuple((key, _freeze(value)) for key, value in class_weight.items())
    return class_weight
