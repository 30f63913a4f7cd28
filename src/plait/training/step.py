"""The step: the only place where a training step is compiled, and the only donation.

A `Trainer` belongs to one compiled model. `prepare` builds what isn't built, and puts all weights into one cell, the
optimizer's state into a second, the metrics' into a third. The three lists are the `State`. A step is a pure function
`(state, batch) -> state`, and a dispatch runs one or many of them in one program:

    logs = trainer.train_rows(data, table, first, count)     # many steps, rows picked on the device
    logs = trainer.train_batch(batch)                        # one step on a batch from the host

Each replaces the lists in the cells, so every Variable, being a view, has its new value at once; nothing is copied back.
An `Evaluation` runs steps of evaluation, which only read weights, and keeps metrics of its own until it ends.

Life under jit: the step is traced with all variables bound in the scope; the state's buffers are donated. Other variables
that it reads are found by the program (`core/program`).

What it is not: a loop. It knows no epochs, callbacks or progress (`training/loop`).

Differs from Keras: many steps are one program (a `fori_loop` whose length is an argument), and the exception that ends
a step leaves the cells as they were.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from plait.common.messages import describe, warn
from plait.common.scope import current, scope
from plait.common.settings import settings
from plait.common.traits import has_default, is_usual
from plait.common.tree import flatten, map_structure_in_order
from plait.core.cell import Cell, cell_of, give_back, take
from plait.core.constants import Constants
from plait.core.infer import infer
from plait.core.mask import get_mask, set_mask
from plait.core.program import Program, looks_at_a_value, repeat
from plait.core.pure import pure
from plait.core.traces import Traces
from plait.core.variable import Variable, observed, values_of
from plait.distribution import lay_out_batch, lay_out_variable
from plait.distribution.placement import lay_out_as, lay_out_rows, lay_out_whole, on_all, put_together
from plait.errors import ArgumentError
from plait.layers.ownership import unique
from plait.random import global_states
from plait.training import custom
from plait.training.balance import balance_for
from plait.training.batch_specs import check_numbers, host_spec, specs
from plait.training.checks import check_class_weight
from plait.training.claims import claimed, refuse_if_trained_elsewhere
from plait.training.compiled import weights_of_classes
from plait.training.data.source import pack, unpack
from plait.training.divided import Features
from plait.training.labels import Labels
from plait.training.names import match_labels
from plait.training.parting import Part
from plait.training.protocols import TrainedModel
from plait.training.task_gradients import gradients_by_task


class State(NamedTuple):
    """What a step changes: the values of all weights, of the optimizer's variables, and of the metrics'.

    `logs` are those of a custom step, or of a custom `compute_metrics`; None means the metrics' results.
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

    def __init__(self, model: TrainedModel):
        self.model = model
        self.variables: list[Variable] = []
        self.metric_variables: list[Variable] = []
        self._optimizer_variables: list[Variable] = []
        self._trainable: list[int] = []
        self._programs: dict[str, Program] = {}
        self._traces = Traces()
        self._constants = Constants([])
        self._prepared: tuple | None = None  # whether for training, and the class weights
        self._class_weight: Any = None
        self._cells: tuple[Cell, Cell, Cell] = Cell([]), Cell([]), Cell([])  # weights, optimizer's state, metrics
        self._fresh_metrics: list | None = None
        self._one_at_a_time = threading.RLock()
        self.in_fit = False
        self.in_epoch = False  # whether the metrics are those of an epoch of training that is under way
        self.as_python = False  # whether a step of the user's looks at values, and so cannot be traced
        self.outputs: Any = None  # what the outputs look like
        self._labels: Labels | None = None  # what labels must be; None where a custom `compute_loss` reads them
        self._when_compiled = list(model.trainable_variables) if settings().trains_as_compiled else []
        self.paces: dict[str, Any] = {}
        self.trunk: Any = None  # the part whose tensors stand in x's place, if they do (training/frozen.py)

    def __getstate__(self) -> dict:
        """The model alone: programs belong to its variables and to this process, and a copy compiles its own."""
        return {"model": self.model}

    def __setstate__(self, state: dict) -> None:
        type(self).__init__(self, state["model"])

    @property
    def stale(self) -> bool:
        """Whether something changed since `prepare`: what trains, which variables there are, or a setting."""
        self._look()
        return self._prepared is None

    @property
    def ready(self) -> bool:
        """Whether steps can run as things are."""
        return not self.stale

    def _look(self) -> None:
        """Forgets the programs, and which variables there are, if a setting has changed."""
        if self._constants.changed():
            self._programs.clear()
            self._prepared = None

    # ------------------------------------------------------------------------ preparing

    def prepare(self, batch: tuple, class_weight: Any = None, training: bool = True) -> None:
        """Builds what isn't built, settles losses and metrics, and gathers the values into cells.

        Args:
            batch: `(x, y, sample_weight)`; only shapes and dtypes matter.
            class_weight: weights by class, or by output and class.
            training: whether steps will train, and so need the optimizer.
        """
        wanted = training, _freeze(class_weight)
        self._look()
        if self._prepared == wanted:
            return
        with self._one_at_a_time:
            self._build(batch)
            model = self.model
            if class_weight is not None and model._compilation.names_of_outputs:
                check_class_weight(class_weight, model._compilation.names_of_outputs, self.outputs, model.name)
            idle = model.optimizer is not None and not model.trainable_variables
            if training and idle and not self._takes_data("train_step"):
                warn(
                    f"{model.name}: all its weights were frozen after `compile`. As before Keras 3, it trains those that were trainable then."
                    if self._when_compiled
                    else f"{model.name}: there is nothing to train: no weight is trainable."
                )
            if self._prepared is None or _freeze(class_weight) != self._prepared[1]:
                self._programs.clear()
            self._class_weight = class_weight
            self._gather(training)

    def _gather(self, training: bool) -> None:
        """Looks up the variables, gathers their values into cells, and looks at the settings."""
        model = self.model
        to_train = model.trainable_variables or self._when_compiled
        balance_for(model)
        if training and model.optimizer is not None and (to_train or not self._takes_data("train_step")):
            model.optimizer.build_for(to_train)
        self._optimizer_variables = list(model.optimizer.variables) if model.optimizer is not None else []
        self.variables = self._gathered()
        mine = {id(variable) for variable in self.variables}
        metric_variables = [*model._compilation.variables, *model.metrics_variables]  # `metrics` may be overridden
        self.metric_variables = [v for v in unique(metric_variables) if id(v) not in mine]
        trainable = {id(variable) for variable in to_train}
        self._trainable = [index for index, variable in enumerate(self.variables) if id(variable) in trainable]
        for variable in [*self.variables, *self._optimizer_variables, *self.metric_variables]:
            lay_out_variable(variable)
        if training:
            self._gather_cells()
        self._fresh_metrics = None
        metrics = unique(
            [*model._compilation.metric_objects, *model.metrics]
        )  # the second list has those of `compile` as one
        usual = (is_usual(type(metric), "reset_state") for metric in metrics)
        self._resets_are_known = is_usual(type(model), "reset_metrics") and all(usual)
        self._constants = Constants([model, model._compilation, model.optimizer])
        self._prepared = training, _freeze(self._class_weight)

    def _gather_cells(self) -> None:
        optimizer = self.model.optimizer
        held = optimizer.cell if optimizer is not None else Cell([])
        self._cells = cell_of(self.variables), held, cell_of(self.metric_variables)

    def _takes_data(self, *steps: str) -> bool:
        """Whether one of these steps is the user's, and reads and assigns variables itself."""
        return not custom.steps_taking_data(type(self.model)).isdisjoint(steps)

    def _build(self, batch: tuple) -> None:
        if self._takes_data("train_step", "test_step"):
            if self.model._graph is None and has_default(type(self.model), "call"):
                return  # a step that calls parts of the model, which are built when it is traced
            with contextlib.suppress(Exception):  # the step may hand on other inputs and labels than those that come in
                self._build_for(batch)
            self.outputs = None
        else:
            self._build_for(batch)

    def _build_for(self, batch: tuple) -> None:
        model, (x, y, sample_weight) = self.model, batch
        if not model.run_eagerly:
            check_numbers(
                x, "inputs", 'Take text in with Input(dtype="string") and a layer such as StringLookup.', model.name
            )
        model._calls.build((map_structure_in_order(host_spec, x),), {})
        if model._graph is not None:
            outputs = model._graph.output_structure
            single = isinstance(outputs, (list, tuple)) and len(outputs) == 1
            outputs = outputs[0] if single else outputs
        else:
            outputs = infer(model, (specs(x),), {"training": False} if model_takes_training(model) else {})
        check_numbers(
            y, "labels", "Number the classes first: classes, y = np.unique(y, return_inverse=True).", model.name
        )
        check_numbers(sample_weight, "sample weights", "Give a number for each row.", model.name)
        self.outputs = outputs
        self._settle(specs(x), specs(y) if y is not None else None, outputs)
        if has_default(type(model), "compute_loss"):
            self._labels = model._compilation.labels_for(outputs)
        if any(not metric.built or not metric.variables for metric in model._compilation.metric_objects):
            infer(model._compilation.update_metrics, (specs(y), outputs, specs(sample_weight)), {})

    def _settle(self, x: Any, y: Any, outputs: Any) -> None:
        """Matches losses and metrics to the outputs, or to what a `compute_loss` of the model's own makes of them."""
        try:
            self.model._compilation.settle(y, outputs)
        except ArgumentError:
            if not self.model._compilation.own_loss:
                raise
            infer(lambda x, y, outputs: self.model.compute_loss(x=x, y=y, y_pred=outputs), (x, y, outputs), {})

    def check_labels(self, batch: tuple, fetch: bool = False, rows: Any = None, step: str = "train_step") -> None:
        """Refuses labels that aren't what losses and metrics need (`training/labels`); custom steps take any.

        Args:
            batch: `(x, y, sample_weight)`.
            fetch: whether labels on the device are looked at, too.
            rows: the numbers of the batch's rows in all the data, where they are known.
            step: the method that will read them.
        """
        if self._labels is not None and has_default(type(self.model), step):
            self._labels.check(batch, fetch, rows)

    def fresh_metrics(self) -> list:
        """The metrics' values at the start, as arrays of the caller's own."""
        if self._fresh_metrics is None or not self._resets_are_known:
            reset = pure(self.model.reset_metrics, self.metric_variables)
            values = [variable.numpy() for variable in self.metric_variables]
            self._fresh_metrics = [np.array(value) for value in reset(values)[1]]
        return [np.array(value) for value in self._fresh_metrics]

    def reset_metrics(self) -> None:
        """Starts the metrics afresh."""
        cell_of(self.metric_variables).fill(on_all(self.fresh_metrics()))

    # ------------------------------------------------------------------------ dispatching

    def train_batch(self, batch: tuple, fresh: bool = False) -> dict:
        """One training step on a batch; its logs are arrays that may not be ready yet.

        Args:
            batch: `(x, y, sample_weight)`.
            fresh: whether the metrics start afresh.
        """
        return self._dispatch("train_batch", self._train, batch, fresh=fresh)

    def train_rows(self, data: tuple, table: Any, first: int, count: int, looped: bool) -> dict:
        """Training steps on rows of device-resident data.

        Args:
            data: `(x, y, sample_weight)`, whole.
            table: row numbers, (steps, batch).
            first: the first step's place in the table.
            count: how many steps.
            looped: whether the program is one that can run any number of steps.
        """
        if looped and not self.as_python:
            program = _looped(self._train, self.keeps_logs("train_step"))
            try:
                return self._send("train_loop", program, data, table, first, first + count)
            except Exception as error:
                self.go_on_as_python(error)
        for index in range(first, first + count):
            logs = self._dispatch("train_row", _on_row(self._train), data, table, index)
        return logs

    def go_on_as_python(self, error: Exception) -> None:
        """Runs the user's steps as plain Python from now on, if it is that they look at values.

        Raises:
            error: something else is wrong, or they did so already.
        """
        if self.as_python or not self._takes_data("train_step", "test_step") or not looks_at_a_value(error):
            raise error
        warn(
            f"Model {self.model.name!r}: its step looks at values, so it runs as plain Python, and not compiled: "
            f"{str(error).splitlines()[0]} Use tf.where and tf.cond in place of `if`, and return numbers in place of printing them.",
        )
        self.as_python = True
        self._programs.clear()

    def _dispatch(self, kind: str, function: Callable, *args: Any, fresh: bool = False) -> dict:
        try:
            return self._send(kind, function, *args, fresh=fresh)
        except Exception as error:
            self.go_on_as_python(error)
        return self._send(kind, function, *args, fresh=fresh)

    def _send(self, kind: str, function: Callable, *args: Any, fresh: bool = False) -> dict:
        if self._prepared is None or self._constants.changed():
            self.follow(training=True)
        program = self._programs.get(kind) or self.program(kind, function)
        refuse_if_trained_elsewhere(self.variables, self.model.name)
        metrics = on_all(self.fresh_metrics()) if fresh else None
        while not take(cells := self._cells):
            self._gather_cells()
        weights, optimizer, measured = cells
        traced = program.traced
        try:
            state = State(weights.tree, optimizer.tree, measured.tree if metrics is None else metrics)
            after, logs = program(state, *args)
            weights.tree, optimizer.tree, measured.tree, _ = after
        finally:
            give_back(cells)
        if program.traced != traced:
            self.look_again()
            if self._takes_data("train_step") and self._has_grown():
                self._prepared = None
        return logs

    def _has_grown(self) -> bool:
        """Whether parts, or slots of the optimizer, were made while a step was traced."""
        optimizer = self.model.optimizer.variables if self.model.optimizer is not None else []
        return len(self._gathered()) + len(optimizer) > len(self.variables) + len(self._optimizer_variables)

    def _gathered(self) -> list[Variable]:
        return unique([*self.model.variables, *global_states()])

    def follow(self, training: bool) -> None:
        """Follows a change of settings or variables between two steps."""
        with self._one_at_a_time:
            self._programs.clear()
            self._gather(training)

    def look_again(self) -> None:
        """Looks at the settings after a trace, because calls may have left notes."""
        self._constants.refresh()

    def program(self, kind: str, function: Callable, variables: Sequence[Variable] = ()) -> Program:
        """The program of some steps: from a state, which it destroys, and other arguments to the next state and logs.

        Args:
            kind: what it does, and the name that it is kept under.
            function: the steps.
            variables: variables that they read besides the state's.
        """

        def run(state: State, *args: Any) -> tuple[State, dict]:
            state = self._laid_out(function(state, *args))
            return state._replace(logs=None), lay_out_whole(self.logs(state))

        program = self._programs.get(kind)
        if program is None:
            program = self._programs[kind] = Program(
                run,
                variables,
                donates=True,
                compiles=not (self.model.run_eagerly or self.as_python),
                owner=f"Model {self.model.name!r}",
                kind=kind,
                traces=self._traces,
            )
        return program

    @contextlib.contextmanager
    def fit_under_way(self) -> Iterator[None]:
        """A block in which no other thread may train the model's variables, and nobody may compile the model."""
        around, self.in_fit = self.in_fit, True
        try:
            with claimed(self.variables, self.model.name):
                yield
        finally:
            self.in_fit = around

    @contextlib.contextmanager
    def epoch_under_way(self) -> Iterator[None]:
        """A block in which the metrics are those of an epoch, so that an evaluation in it keeps its own."""
        around, self.in_epoch = self.in_epoch, True
        try:
            yield
        finally:
            self.in_epoch = around

    def evaluation(self) -> "Evaluation":
        """Steps of evaluation, with fresh metrics."""
        return Evaluation(self)

    def evaluate_one(self, state: State, batch: tuple) -> State:
        """A step of evaluation inside a program, of a state of metrics alone; weights that it changes are assigned."""
        before = [variable.value for variable in self.variables]
        after = self._test(state._replace(weights=before), batch)
        for variable, old, new in zip(self.variables, before, after.weights, strict=True):
            if old is not new:
                variable.assign(new)
        return after._replace(weights=[])

    # ------------------------------------------------------------------------ the pure functions

    def _bindings(self, state: State) -> dict:
        bindings = dict(current().bindings or {})
        if state.weights:  # evaluation reads them as inputs of its program
            bindings.update(zip(self.variables, state.weights, strict=True))
        bindings.update(zip(self.metric_variables, state.metrics, strict=True))
        if state.optimizer:
            bindings.update(zip(self._optimizer_variables, state.optimizer, strict=True))
        return bindings

    @contextlib.contextmanager
    def _bound(self, state: State) -> Iterator[dict]:
        """A block in which variables have a state's values. What it assigns to others goes to the program around."""
        bindings = self._bindings(state)
        before = dict(bindings)
        with scope(bindings=bindings):
            yield bindings
        for variable in self._others(bindings, before):
            variable.assign(bindings[variable])

    def _others(self, bindings: dict, before: dict) -> list[Variable]:
        """The variables besides the state's that were assigned between two looks at the values."""
        mine = {*self.variables, *self.metric_variables, *self._optimizer_variables}
        return [v for v, value in bindings.items() if v not in mine and value is not before.get(v)]

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
        return self._laid_out(self._trained(state, lay_out_batch(batch)))

    def _test(self, state: State, batch: tuple) -> State:
        return self._tested(state, lay_out_batch(batch))

    def _laid_out(self, state: State) -> State:
        """A state whose values lie where those before it did."""
        owners = (self.variables, self._optimizer_variables, self.metric_variables)
        parts = (
            lay_out_as(values, owner) if values else values for values, owner in zip(state[:3], owners, strict=True)
        )
        weights, optimizer, metrics = parts
        return State(weights, optimizer, metrics, state.logs)

    def _trained(self, state: State, batch: tuple) -> State:
        if has_default(type(self.model), "train_step"):
            return self.train_one(state, batch)
        if "train_step" in custom.steps_taking_data(type(self.model)):
            return self._stateful(self.model.train_step, state, batch, training=True)
        with self._bound(state):
            logs, after = self.model.train_step(self.parted(state), pack(*batch))
            return self.joined(after, state, logs)

    def _tested(self, state: State, batch: tuple) -> State:
        if has_default(type(self.model), "test_step"):
            return self.test_one(state, batch)
        if "test_step" in custom.steps_taking_data(type(self.model)):
            return self._stateful(self.model.test_step, state, batch, training=False)
        with self._bound(state):
            trainable, rest, optimizer, metrics = self.parted(state)
            logs, after = self.model.test_step((trainable, rest, metrics), pack(*batch))
            return self.joined((*after[:2], optimizer, after[2]), state, logs)

    def _stateful(self, step: Callable, state: State, batch: tuple, training: bool) -> State:
        """A step of the user's that reads and assigns variables itself, as a function of the state.

        Raises:
            ArgumentError: it returns something else than logs.
        """
        with self._bound(state) as bindings, scope(training=training, losses=[]):
            logs = step(pack(*batch))
        if not isinstance(logs, Mapping):
            raise ArgumentError(
                f"{self.model.name}: a step that takes `data` alone returns its logs, a dict by name, but this one returned "
                f"{describe(logs)}."
            )
        logs = map_structure_in_order(observed, values_of(logs))
        optimizer = self._optimizer_variables if state.optimizer else []
        parts = self.variables, optimizer, self.metric_variables
        weights, slots, metrics = ([observed(bindings[v]) for v in part] for part in parts)
        return State(weights, slots, metrics, flat_logs(logs))

    def on_variables(self, one: Callable, data: Any) -> dict:
        """Runs a step on the variables' values as they are, assigns what it changes, and returns the logs.

        Args:
            one: `train_one` or `test_one`.
            data: `x`, `(x, y)` or `(x, y, sample_weight)`.
        """
        optimizer = self._optimizer_variables
        variables = [*self.variables, *optimizer, *self.metric_variables]
        old_values = [variable.value for variable in variables]
        first, second = len(self.variables), len(self.variables) + len(optimizer)
        after = one(State(old_values[:first], old_values[first:second], old_values[second:]), unpack(data))
        new_values = [*after.weights, *after.optimizer, *after.metrics]
        for variable, old, new in zip(variables, old_values, new_values, strict=True):
            if old is not new:
                variable.assign(new)
        return self.logs(after)

    def keeps_logs(self, step: str) -> bool:
        """Whether the logs come from a step of the user's, so that a loop hands them on."""
        cls = type(self.model)
        return not all(has_default(cls, name) for name in (step, "compute_metrics"))

    def train_one(self, state: State, batch: tuple) -> State:
        """The usual step of training, on a batch."""
        model, places = self.model, self._trainable
        optimizer = model.optimizer

        def compute(trainable: list) -> tuple:
            weights = list(state.weights)
            for place, value in zip(places, put_together(trainable, self.trainable_variables), strict=True):
                weights[place] = value
            bindings = self._bindings(state._replace(weights=weights))
            before = dict(bindings)
            loss, logs = self._forward(bindings, batch, training=True)
            if optimizer is not None:
                with scope(bindings=bindings):
                    loss = optimizer.scale_loss(loss)
            others[:] = self._others(bindings, before)
            parts = self.variables, self.metric_variables, optimizer_variables, others
            return loss, (*([bindings[v] for v in part] for part in parts), logs)

        others: list[Variable] = []
        optimizer_variables = optimizer.variables if state.optimizer else []
        trainable = [state.weights[place] for place in places]
        balance = model._compilation.balance
        part = self._part(*batch[:2])
        if balance is not None and balance.by_gradients and part is None:
            apart = self._parts_at_features(batch[0])
            gradients, found = gradients_by_task(self, compute, trainable, optimizer_variables, apart)
        else:
            gradients, found = jax.grad(compute, has_aux=True)(trainable)
        if part is not None:
            gradients = part.without_others(gradients, self.trainable_variables)
        weights, metrics, optimizer_state, besides, logs = found
        for variable, value in zip(others, besides, strict=True):
            variable.assign(value)
        if optimizer is not None:
            trainable, optimizer_state = optimizer.update(optimizer_state, gradients, trainable)
        for place, value in zip(places, trainable, strict=True):
            weights[place] = value
        return State(weights, optimizer_state, metrics, logs)

    def test_one(self, state: State, batch: tuple) -> State:
        """The usual step of evaluation, on a batch."""
        with self._bound(state) as bindings:
            _, logs = self._forward(bindings, batch, training=False)
        after = [bindings[v] for v in self.variables]
        return State(after, state.optimizer, [bindings[v] for v in self.metric_variables], logs)

    def _forward(self, bindings: dict, batch: tuple, training: bool) -> tuple[Any, dict | None]:
        """The loss of a batch, and the logs of a custom `compute_metrics`; metrics are updated as a side effect."""
        model, (x, y, sample_weight) = self.model, batch
        with scope(bindings=bindings, training=training, losses=[]):
            y_pred = self._outputs(x, y, training)
            if training:  # weights of classes say what to learn; what is told of other data counts each row
                sample_weight = self._with_class_weights(y, y_pred, sample_weight)
            loss = custom.loss_of(model, x, y, y_pred, sample_weight, training)
            loss = loss if hasattr(loss, "dtype") else jnp.asarray(loss, "float32")
            if training and loss.ndim:
                raise ArgumentError(model._compilation.explain_shape(loss))
            counted = model._compilation.counted(y, y_pred, custom.batch_size(x))
            model._compilation.loss_tracker.update_state(lax.stop_gradient(loss), sample_weight=counted)
            logs = model.compute_metrics(x, y, map_structure_in_order(_detached, y_pred), sample_weight)
            usual = has_default(type(model), "compute_metrics")
        return loss, None if usual else flat_logs(logs)

    def _outputs(self, x: Any, y: Any, training: bool) -> Any:
        if (part := self._part(x, y)) is not None:
            return self.model._run_part(x, part)
        if training and self._parts_at_features(x):
            return self.model._run_parted(x, self.model._compilation.balance.parting)
        return self.trunk.run_rest(x) if isinstance(x, Features) and self.trunk is not None else self.model(x)

    def _part(self, x: Any, y: Any) -> Part | None:
        """The part of the graph that leads to the outputs that have labels, where others lack theirs."""
        model, places = self.model, self.model._compilation.labelled_places(y)
        own = not all(has_default(type(model), name) for name in ("compute_loss", "compute_metrics"))
        if not places or own or model._graph is None or isinstance(x, Features):
            return None
        return Part(model._graph, places)

    def _parts_at_features(self, x: Any) -> bool:
        balance = self.model._compilation.balance
        return balance is not None and balance.at_features and not isinstance(x, Features)

    @property
    def trainable_variables(self) -> list[Variable]:
        """What a step trains, in its order."""
        return [self.variables[place] for place in self._trainable]

    def _with_class_weights(self, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        class_weight = self._class_weight
        if class_weight is None:
            return sample_weight
        names, preds = self.model._compilation.names_of_outputs, flatten(y_pred)
        by_output = class_weight if _is_by_output(class_weight) else {names[0]: class_weight}
        optional = self.model._compilation.optional
        labels = match_labels(y, names, [name in by_output for name in names], "labels", self.model.name, optional)
        given = match_labels(sample_weight, names, [True] * len(names), "sample weights", self.model.name)
        weights: dict[str, Any] = {}
        for name, label, pred, weight in zip(names, labels, preds, given, strict=True):
            if name in by_output and label is not None:
                own = weights_of_classes(by_output[name], label, pred.shape[-1] if pred.ndim > 1 else 1)
                weight = own if weight is None else own * jnp.reshape(weight, own.shape)
            weights[name] = weight
        return weights if len(names) > 1 else weights[names[0]]

    def logs(self, state: State) -> dict:
        """The logs of a state: the metrics' results by name."""
        if state.logs is not None:
            return state.logs
        with self._bound(state):
            return values_of(self.model.get_metrics_result())


def model_takes_training(model: TrainedModel) -> bool:
    """Whether a model's `call` has an argument `training`."""
    return "training" in model.call.__code__.co_varnames if hasattr(model.call, "__code__") else False


class Evaluation:
    """Steps of evaluation of a model, whose metrics are not those of a training that is under way.

    Args:
        trainer: the model's.
    """

    def __init__(self, trainer: Trainer):
        self._trainer = trainer
        self._state = State([], [], on_all(trainer.fresh_metrics()))

    def batch(self, batch: tuple) -> dict:
        """One step, on a batch from the host."""
        return self._dispatch("test_batch", self._trainer.evaluate_one, batch)

    def rows(self, data: tuple, table: Any, first: int, count: int, looped: bool) -> dict:
        """Steps on rows of device-resident data; the arguments are those of `Trainer.train_rows`."""
        trainer = self._trainer
        if looped and not trainer.as_python:
            program = _looped(trainer.evaluate_one, trainer.keeps_logs("test_step"))
            try:
                return self._send("test_loop", program, data, table, first, first + count)
            except Exception as error:
                trainer.go_on_as_python(error)
        for index in range(first, first + count):
            logs = self._dispatch("test_row", _on_row(trainer.evaluate_one), data, table, index)
        return logs

    def _dispatch(self, kind: str, function: Callable, *args: Any) -> dict:
        try:
            return self._send(kind, function, *args)
        except Exception as error:
            self._trainer.go_on_as_python(error)
        return self._send(kind, function, *args)

    def _send(self, kind: str, function: Callable, *args: Any) -> dict:
        trainer = self._trainer
        if trainer.stale:
            trainer.follow(training=trainer.in_epoch)
        program = trainer.program(kind, function, trainer.variables)
        traced = program.traced
        self._state, logs = program(self._state, *args)
        if program.traced != traced:
            trainer.look_again()
        return logs

    def end(self) -> None:
        """Leaves the metrics' values in their variables, where these aren't those of an epoch under way."""
        trainer = self._trainer
        if not trainer.in_epoch:
            cell_of(trainer.metric_variables).fill(list(self._state.metrics))


def _looped(one: Callable, keeps_logs: bool) -> Callable:
    def run(state: State, data: tuple, table: Any, first: Any, end: Any) -> State:
        def body(index: Any, state: State) -> State:
            return on_row(state._replace(logs=None), data, table, index)

        on_row = _on_row(one)
        state = _strong(state)
        if keeps_logs:  # a loop's state has the same form from the start
            with scope(bindings=dict(current().bindings or {})):
                logs = jax.eval_shape(on_row, state, data, table, first).logs
            state = state._replace(logs=jax.tree.map(lambda log: jnp.zeros(log.shape, log.dtype), logs))
        return repeat(first, end, body, state)

    return run


def _on_row(one: Callable) -> Callable:
    def run(state: State, data: tuple, table: Any, index: Any) -> State:
        return one(state, _pick(data, lay_out_rows(lax.dynamic_index_in_dim(table, index, keepdims=False))))

    return run


def flat_logs(logs: Mapping) -> dict:
    """Logs as arrays by name; a metric whose result is a dict has several."""
    if not isinstance(logs, Mapping):
        raise ArgumentError(f"A step's logs must be a dict of numbers by name, but got {describe(logs)}.")
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


def _is_by_output(class_weight: Mapping) -> bool:
    return any(isinstance(value, Mapping) for value in class_weight.values())


def _freeze(class_weight: Any) -> Any:
    if isinstance(class_weight, Mapping):
        return tuple((key, _freeze(value)) for key, value in class_weight.items())
    return class_weight
