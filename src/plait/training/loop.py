"""fit and evaluate: a ladder of short functions over the step.

    fit -> _run_epoch -> _dispatches -> Trainer.train_rows / train_batch

Logs stay on the device until somebody looks: at the end of an epoch, when the progress bar is due, or for each batch if
a callback looks at batches. At most two dispatches are under way at a time, so that an interrupt is heard soon.
"""

import contextlib
import functools
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from plait.common.messages import describe, warn
from plait.common.tree import flatten
from plait.core.holder import uncover
from plait.distribution import distribution, is_first
from plait.distribution.agreement import of_first, several
from plait.distribution.placement import on_all, on_devices, split_rows
from plait.errors import DataError
from plait.training.callbacks.base import History
from plait.training.callbacks.callback_list import CallbackList
from plait.training.checks import explain_loss
from plait.training.counted import counted
from plait.training.data import (
    ArraySource,
    DataOf,
    Joined,
    MixtureSource,
    PyDatasetSource,
    closing_sources,
    source_of,
    split_off,
    unpack,
)
from plait.training.data.arrays import as_arrays, as_weights
from plait.training.frozen import FeatureCache
from plait.training.in_step import InStep
from plait.training.interrupts import deferred_interrupts
from plait.training.pace import Pace, begins_looped
from plait.training.protocols import TrainedModel
from plait.training.repeat import begin_epoch, own_randomness
from plait.training.run import FitOptions, Run


def fit(model: TrainedModel, options: FitOptions) -> History:
    """Trains a model.

    Args:
        model: a compiled model.
        options: the data, and what else was asked for.

    Returns:
        the History: `history.history` has a list by name, one number an epoch.

    Raises:
        StateError: the model isn't compiled.
        ArgumentError, DataError: arguments or data that don't fit.
    """
    model._needs_compile()
    read = DataOf(model)
    x, y, sample_weight, held_out = options.x, options.y, options.sample_weight, options.validation_data
    if options.validation_split and held_out is None:
        (x, y, sample_weight), held_out = split_off(*read(x, y), sample_weight, options.validation_split)
    source = source_of(x, y, sample_weight, options.batch_size, options.steps, options.shuffle, goes_on=True, read=read)
    size = options.validation_batch_size or options.batch_size
    validation = _validation_source(read, held_out, size, options.validation_steps)
    model._compilation.take_parts(any(isinstance(one, MixtureSource) for one in (source, validation)))
    with own_randomness(options.seed), closing_sources(source, validation):
        return _fit(model, source, validation, options)


def _fit(model: TrainedModel, source: Any, validation: Any, options: FitOptions) -> History:
    """Trains on a source."""
    # What is drawn to look at the first batch belongs to the first epoch.
    begin_epoch(options.seed, options.initial_epoch, ())
    with (run := Run(model, options)).closing():
        return _train(model, source, validation, run)


def _train(model: TrainedModel, source: Any, validation: Any, run: Run) -> History:
    """Runs the epochs."""
    options = run.options
    first, end, seed, verbose = options.initial_epoch, options.end, options.seed, options.verbose
    trainer = _prepared(model, source, run)
    if validation is not None:
        validation.check_with(_for_evaluation(trainer))
    params = {"verbose": verbose, "epochs": end, "steps": source.steps, "validates": validation is not None}
    watchers = CallbackList(options.callbacks, True, verbose != 0, model, options.progress, run=run, **params)
    model.stop_training = False
    vars(model)["_history"] = watchers.history  # no setting, so that nobody looks for others that changed
    uncover(model, "history")
    phase = _phase(trainer.train_rows, trainer.train_batch, watchers, "train", run)
    total, explained = (source.steps or 0) * (end - first), False
    keeps = False if several() else options.cache_frozen
    features = FeatureCache(model, keeps, end - first, print if verbose else None)
    with trainer.fit_under_way(), deferred_interrupts(several()) as interrupts, contextlib.closing(watchers):
        phase.interrupts = interrupts
        watchers.on_train_begin()
        epochs, skip, logs = run.begin(watchers.callbacks)
        phase.pace = _pace(model, watchers, "train", steady=run.keeper is not None)
        if run.keeper is not None:
            interrupts.hear_termination()
        for epoch in epochs:
            run.epoch, run.step = epoch, skip
            if not skip:
                run.catch_up(features.source(source, training=True))
            watchers.on_epoch_begin(epoch)
            if trainer.stale:
                trainer.prepare(source.first(), options.class_weight)
            if not skip:
                trainer.reset_metrics()
                model._compilation.begin_epoch(epoch)
            begin_epoch(seed, epoch, () if skip else trainer.variables, data=epoch > first)
            data = features.source(source, training=True)
            run.catch_up(data)
            with trainer.epoch_under_way():
                logs = told(phase.epoch(data, epoch, total, skip) or model.get_metrics_result())
            skip, explained = 0, explained or _explain(logs, source, epoch, model)
            if validation is not None and options.validates(epoch):
                held_out = features.source(validation, training=False)
                found = _evaluate(model, held_out, watchers, options.class_weight, steady=run.keeper is not None)
                logs |= {f"val_{name}": value for name, value in found.items()}
            watchers.on_epoch_end(epoch, logs := dict(sorted(logs.items())))
            phase.epoch_ended()
            run.epoch_ended(data, logs)
            if model.stop_training:
                break
        if model.optimizer is not None and end > first:
            model.optimizer.finalize_variable_values(model.trainable_variables)
        watchers.on_train_end(logs)
    return model._history


def _prepared(model: TrainedModel, source: Any, run: Run) -> Any:
    """The model's trainer, ready for the source's batches."""
    draws = run.options.seed is None and isinstance(source, (ArraySource, PyDatasetSource))
    if draws and not model._compilation.settled:
        source.order(1)  # as Keras does before the first epoch: a seeded script goes on with the same numbers
    run.started(source)
    model._trainer.prepare(source.first(), run.options.class_weight)
    source.check_with(model._trainer.check_labels)
    return model._trainer


def _explain(logs: Mapping, source: Any, epoch: int, model: TrainedModel) -> bool:
    """Warns of a loss that isn't a number, with what the data shows about it."""
    arrays = source.arrays if isinstance(source, ArraySource) else (None, None, None)
    if model._compilation.optional is not None:  # what is missing is no fault
        arrays = arrays[0], None, arrays[2]
    message = None if model.stop_training else explain_loss(logs, arrays, epoch, model.name)
    if message is not None:
        warn(message)
    return message is not None


def _validation_source(read: DataOf, data: Any, batch_size: int | None, steps: int | None) -> Any:
    if data is None:
        return None
    x, y, sample_weight = unpack(data) if isinstance(data, (tuple, list)) else (data, None, None)
    return source_of(x, y, sample_weight, batch_size, steps, read=read)


def _pace(model: TrainedModel, watchers: CallbackList, phase: str, steady: bool = False) -> Pace:
    """The model's pace, which remembers what it measured; or one step at a time, for callbacks that look at batches."""
    if model.run_eagerly or watchers.watches_batches(phase):
        return Pace(fixed=model.steps_per_execution or 1)
    if model.steps_per_execution:
        return Pace(fixed=model.steps_per_execution)
    paces, kind = model._trainer.paces, (phase, steady)
    if kind not in paces:
        paces[kind] = Pace(looped=begins_looped(model), steady=steady, agree=_agreed if several() else None)
    return paces[kind]


def _agreed(seconds: float) -> float:
    """How long a step takes, by the first process's clock."""
    return of_first(seconds, "the measuring of a step")


class _Phase:
    """Runs epochs of training or of evaluation: sends dispatches out, and calls the callbacks."""

    pace: Pace
    interrupts: deferred_interrupts | None = None

    def __init__(
        self, on_rows: Callable, on_batch: Callable, watchers: CallbackList, phase: str, run: Run | None = None
    ):
        self.on_rows, self.on_batch, self.watchers, self.phase, self.run = on_rows, on_batch, watchers, phase, run
        if distribution() is not None and not watchers.model.run_eagerly:
            self.on_batch = lambda batch: on_batch(split_rows(batch))

    def epoch(self, source: Any, epoch: int, total: int, skip: int = 0) -> dict:
        """Runs an epoch, or what is left of it after some steps, and returns its logs, which may still be on the device."""
        watches = self.watchers.watches_batches(self.phase)
        with counted(), contextlib.closing(self._dispatches(source, epoch, watches, skip)) as dispatches:
            return self._send(dispatches, source, total, watches, skip)

    def _send(
        self, dispatches: Iterator[tuple[Callable, int]], source: Any, total: int, watches: bool, done: int
    ) -> dict:
        logs, earlier = {}, None
        together = self.pace.fixed or 1  # callbacks see so many steps as one, by the numbers of the first and the last
        opened: int | None = None
        begin = getattr(self.watchers, f"on_{self.phase}_batch_begin")
        end = getattr(self.watchers, f"on_{self.phase}_batch_end")
        for send, most in dispatches:
            steps = self.pace.next(min(most, together - done % together) if watches else most, total)
            if watches and opened is None:
                opened = done
                begin(done)
            started = time.perf_counter()
            logs = send(steps)
            done += steps
            if self.run is not None:
                self.run.step = done
            if self.pace.measures:
                jax.block_until_ready(logs)
                self.pace.took(steps, started)
            elif earlier is not None:
                jax.block_until_ready(earlier)
            if opened is not None and done % together == 0:
                end(done - 1, plain_logs(logs))
                opened = None
            self.watchers.progress(done, earlier if earlier is not None else logs)
            earlier = logs
            self._between(done, steps, done % together == 0 and done != source.steps)
            if self._stops():
                break
        if opened is not None:
            end(opened + together - 1, plain_logs(logs))
        if source.steps is not None and done < source.steps and not self._stops():
            self._fell_short(done, source)
        return logs

    def _between(self, done: int, steps: int, may_keep: bool) -> None:
        """What happens between two dispatches: backups, and interrupts."""
        run, asked = self.run, self.interrupts is not None and self.interrupts.due
        if run is not None and run.keeper is not None:
            if asked:
                run.keeper.keep(run, run.epoch, done)
            elif may_keep:
                run.keeper.step_ended(run, steps)
        if self.interrupts is not None:
            self.interrupts.raise_if_asked()

    def _stops(self) -> bool:
        model = self.watchers.model
        return model.stop_training if self.phase == "train" else model.stop_evaluating

    def epoch_ended(self) -> None:
        """Hears the other processes, where there are some."""

    def _dispatches(
        self, source: Any, epoch: int, watches: bool, skip: int
    ) -> Generator[tuple[Callable, int], None, None]:
        """What to send next, and how many steps it may hold at most."""
        if isinstance(source, ArraySource) and source.resident:
            yield from self._row_dispatches(source, skip)
            return
        exactly = self.pace.fixed is not None or self.pace.steady or several()
        with contextlib.closing(source.batches(epoch, self.pace.together, exactly)) as batches:
            for batch in batches if self.interrupts is None else self.interrupts.wait_for(batches):
                count = batch.count if isinstance(batch, Joined) else 1
                left_out = min(skip, count)
                skip -= left_out
                if left_out == count:
                    continue
                if isinstance(batch, Joined):
                    yield from self._rows(batch.data, batch.table(), left_out, count - left_out)
                else:
                    yield (lambda _, batch=batch: self._send_batch(batch)), 1

    def _row_dispatches(self, source: ArraySource, skip: int) -> Iterator[tuple[Callable, int]]:
        for rows, first, count in source.pieces():
            left_out = min(skip, count)
            skip -= left_out
            yield from self._rows(source.on_device(), rows, first + left_out, count - left_out, numbered=True)

    def _send_batch(self, batch: tuple) -> dict:
        if self.run is not None:
            self.run.sent(batch)
        return self.on_batch(batch)

    def _rows(
        self, data: tuple, rows: np.ndarray, first: int, count: int, numbered: bool = False
    ) -> Iterator[tuple[Callable, int]]:
        data, table, end = on_all(data), on_devices(rows), first + count
        while first < end:
            sent: list[int] = []

            def send(steps: int, first: int = first, sent: list = sent) -> dict:
                sent.append(steps)
                if self.run is not None:
                    self.run.sent(data, rows[first + steps - 1], numbered)
                return self.on_rows(data, table, first, steps, self.pace.looped)

            yield send, end - first
            first += sent[0]

    def _fell_short(self, done: int, source: Any) -> None:
        """Says that data ended too soon: an error for what can run only once, as nothing more will come.

        Raises:
            DataError: a generator ended.
        """
        name, needs = self.watchers.model.name, f"{done} batches of the {source.steps} that are needed"
        if getattr(source, "once", False):
            raise DataError(
                f"{name}: the generator ended too soon: it gave {needs}. What was learnt from them is kept. Make the generator "
                "endless, or give fewer steps."
            )
        warn(
            f"{name}: Your input ran out of data; interrupting training. The data gave {needs}. Give fewer steps, or more data.",
        )


class _PhaseOfJob(_Phase):
    """A phase of one of several processes, which all stop, end and back up in the same step."""

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._in_step = InStep(
            f"{self.phase} of {self.watchers.model.name!r}", self.watchers.watches_batches(self.phase)
        )
        self._stopping = False

    def _between(self, done: int, steps: int, may_keep: bool) -> None:
        if self._in_step.due(steps):
            self._decide()
        elif self.run is not None and self.run.keeper is not None:
            self.run.keeper.told = False
        super()._between(done, steps, may_keep)

    def _decide(self) -> None:
        """Hears all processes, and makes their wishes this one's."""
        interrupts, keeper = self.interrupts, None if self.run is None else self.run.keeper
        decided = self._in_step.decided(
            stops=super()._stops(),
            asked=interrupts is not None and interrupts.asked,
            terminated=interrupts is not None and interrupts.terminated,
            keeps=keeper is not None and is_first() and keeper.is_time,
        )
        self._stopping = decided["stops"]
        model = self.watchers.model
        if decided["stops"]:
            setattr(model, "stop_training" if self.phase == "train" else "stop_evaluating", True)
        if interrupts is not None:
            interrupts.agree(decided["asked"], decided["terminated"])
        if keeper is not None:
            keeper.told = decided["keeps"]

    def _stops(self) -> bool:
        return self._stopping

    def epoch_ended(self) -> None:
        self._decide()


def _phase(*args: Any) -> _Phase:
    return _PhaseOfJob(*args) if several() else _Phase(*args)


def told(logs: Mapping) -> dict:
    """Logs as Python numbers; those of the first process on all, so that all decide alike."""
    found = plain_logs(logs)
    if several():
        found |= of_first({name: value for name, value in found.items() if isinstance(value, float)}, "the logs")
    return found


def plain_logs(logs: Mapping) -> dict:
    """Logs as Python numbers; waits for them."""
    host = jax.device_get(dict(logs))
    return {name: float(value) if np.ndim(value) == 0 else np.array(value) for name, value in host.items()}


# ---------------------------------------------------------------------------- evaluate


def evaluate(
    model: TrainedModel,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    verbose: Any = "auto",
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
    return_dict: bool = False,
) -> Any:
    """Computes the loss and the metrics on data.

    Returns:
        a number if there is only the loss, else a list in the order of `model.metrics_names`, or a dict.

    Raises:
        StateError: the model isn't compiled.
        ArgumentError, DataError: arguments or data that don't fit.
    """
    model._needs_compile()
    source = source_of(x, y, sample_weight, batch_size, steps, read=DataOf(model))
    model._compilation.take_parts(isinstance(source, MixtureSource))
    params = {"verbose": verbose, "epochs": 1, "steps": source.steps}
    watchers = CallbackList(callbacks, add_progbar=verbose != 0, model=model, **params)
    with closing_sources(source), contextlib.closing(watchers):
        if not model._trainer.ready:
            model._trainer.prepare(source.first(), training=False)
        source.check_with(_for_evaluation(model._trainer))
        found = _evaluate(model, source, watchers)
    return dict(sorted(found.items())) if return_dict else in_order(model, found)


def _for_evaluation(trainer: Any) -> Callable:
    return functools.partial(trainer.check_labels, step="test_step")


def _evaluate(
    model: TrainedModel, source: Any, watchers: CallbackList, class_weight: Any = None, steady: bool = False
) -> dict:
    trainer = model._trainer
    if not trainer.ready:
        trainer.prepare(source.first(), class_weight, training=False)
    evaluation = trainer.evaluation()
    model.stop_evaluating = False
    watchers.on_test_begin()
    phase = _phase(evaluation.rows, evaluation.batch, watchers, "test")
    phase.pace = _pace(model, watchers, "test", steady)
    logs = told(phase.epoch(source, 0, source.steps or 0))
    evaluation.end()
    watchers.on_test_end(logs)
    return logs


def in_order(model: TrainedModel, logs: Mapping) -> Any:
    """Results as a list in the order of `metrics_names`; one alone as a number."""
    names = model.metrics_names
    ordered = [logs[name] for name in names if name in logs] + [logs[name] for name in logs if name not in names]
    return ordered[0] if len(ordered) == 1 else ordered


# ---------------------------------------------------------------------------- single batches


def train_on_batch(
    model: TrainedModel,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    return_dict: bool = False,
) -> Any:
    """Makes one step on one batch, with fresh metrics, and returns its loss and metrics."""
    model._needs_compile()
    batch = (*map(as_arrays, DataOf(model)(x, y)), as_weights(sample_weight))
    _check_batch(batch)
    trainer = model._trainer
    trainer.prepare(batch, class_weight)
    trainer.check_labels(batch)
    logs = plain_logs(trainer.train_batch(_sent(model, batch), fresh=True))
    return logs if return_dict else in_order(model, logs)


def test_on_batch(
    model: TrainedModel, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
) -> Any:
    """Computes the loss and metrics of one batch."""
    model._needs_compile()
    batch = (*map(as_arrays, DataOf(model)(x, y)), as_weights(sample_weight))
    _check_batch(batch)
    trainer = model._trainer
    if not trainer.ready:
        trainer.prepare(batch, training=False)
    trainer.check_labels(batch, step="test_step")
    evaluation = trainer.evaluation()
    logs = plain_logs(evaluation.batch(_sent(model, batch)))
    evaluation.end()
    return logs if return_dict else in_order(model, logs)


def _sent(model: TrainedModel, batch: tuple) -> tuple:
    """A batch on its way to the devices, split where a distribution is in force."""
    return batch if model.run_eagerly else split_rows(batch)


def _check_batch(batch: tuple) -> None:
    if not any(leaf is not None for leaf in flatten(batch[0])):
        raise DataError(f"There is no data: x is {describe(batch[0])}.")
