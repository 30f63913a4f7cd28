"""fit and evaluate: a ladder of short functions over the step.

    fit -> _run_epoch -> _dispatches -> Trainer.train_rows / train_batch

Logs stay on the device until somebody looks: at the end of an epoch, when the progress bar is due, or for each batch if
a callback looks at batches. At most two dispatches are under way at a time, so that an interrupt is heard soon.
"""

import contextlib
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from plait.common.messages import describe
from plait.common.settings import settings
from plait.common.tree import flatten
from plait.core.holder import uncover
from plait.errors import ArgumentError, DataError
from plait.training.callbacks.callback_list import CallbackList
from plait.training.checks import check_options, explain_loss
from plait.training.counted import counted
from plait.training.data import (
    ArraySource,
    DataOf,
    Joined,
    PyDatasetSource,
    closing_sources,
    source_of,
    split_off,
    unpack,
)
from plait.training.data.arrays import as_arrays, as_weights
from plait.training.data.choose import check_count
from plait.training.frozen import FeatureCache
from plait.training.interrupts import deferred_interrupts
from plait.training.pace import Pace, begins_looped
from plait.training.protocols import TrainedModel
from plait.training.repeat import begin_epoch, own_randomness
from plait.training.step import claimed


def fit(
    model: TrainedModel,
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
) -> Any:
    """Trains a model.

    Args:
        model: a compiled model.
        x: inputs: arrays in any structure (a dict by the inputs' names is safest), a generator or an iterable of batches.
        y: labels, in any structure that matches the outputs; only with arrays.
        batch_size: rows a step; 32 if not given.
        epochs: the number of the last epoch.
        verbose: 0 says nothing, 1 shows a live bar, 2 one line an epoch; "auto" chooses 1 in a terminal or notebook, else 2.
        callbacks: what else is to happen, and when.
        validation_split: the share of rows, at the end, that validate instead of training.
        validation_data: `(x, y)` or `(x, y, sample_weight)`, or anything that gives batches.
        shuffle: whether rows are drawn in a new order each epoch.
        class_weight: weights by class, `{0: 1.0, 1: 5.0}`; for several outputs a dict of such by output.
        sample_weight: weights by row; for several outputs one for all, a list, or a dict by output.
        initial_epoch: the number of epochs already made.
        steps_per_epoch: steps in an epoch, if not as many as the data gives.
        validation_steps: batches to validate on.
        validation_batch_size: rows in them.
        validation_freq: validate each so many epochs, or after the epochs listed.
        cache_frozen: whether what frozen layers compute is kept from epoch to epoch, where it is the same each time; "auto"
            does so where it pays; a number of bytes keeps so much in memory, and more in a file. The result is the same.
        seed: makes all that the run draws a function of this number: the order of the data of (seed, epoch), what layers draw
            of (seed, epoch, step, layer). None goes on with the program's random numbers.
        progress: how it is shown where it is shown live: "bar", or "plot" for curves in the terminal, a panel for each loss and
            metric. Elsewhere, and with verbose=2, either gives one line an epoch.

    Returns:
        the History: `history.history` has a list by name, one number an epoch.

    Raises:
        StateError: the model isn't compiled.
        ArgumentError, DataError: arguments or data that don't fit.
    """
    model._needs_compile()
    check_options(verbose, shuffle, validation_freq, progress)
    _check_arguments(epochs, initial_epoch, batch_size, sample_weight, class_weight)
    read = DataOf(model)
    if validation_split and validation_data is None:
        (x, y, sample_weight), validation_data = split_off(*read(x, y), sample_weight, validation_split)
    epochs, steps_per_epoch = _at_most(epochs, initial_epoch, steps_per_epoch)
    source = source_of(x, y, sample_weight, batch_size, steps_per_epoch, shuffle, goes_on=True, read=read)
    validation = _validation_source(read, validation_data, validation_batch_size or batch_size, validation_steps)
    with own_randomness(seed), closing_sources(source, validation):
        given = verbose, callbacks, class_weight, epochs, initial_epoch, validation_freq, cache_frozen, seed, progress
        return _fit(model, source, validation, *given)


def _fit(
    model: TrainedModel,
    source: Any,
    validation: Any,
    verbose: Any,
    callbacks: Any,
    class_weight: Any,
    epochs: int,
    initial_epoch: int,
    validation_freq: Any,
    cache_frozen: Any,
    seed: int | None,
    progress: str,
) -> Any:
    """Trains on a source."""
    begin_epoch(seed, initial_epoch, ())  # what is drawn to look at the first batch belongs to that epoch
    trainer = _prepared(model, source, class_weight, draws=seed is None)
    params = {"verbose": verbose, "epochs": epochs, "steps": source.steps}
    watchers = CallbackList(callbacks, True, verbose != 0, model, progress, **params)
    model.stop_training, model._history = False, watchers.history
    uncover(model, "history")
    run = _Run(trainer.train_rows, trainer.train_batch, _pace(model, watchers, "train"), watchers, "train")
    total, logs, explained = (source.steps or 0) * (epochs - initial_epoch), {}, False
    features = FeatureCache(model, cache_frozen, epochs - initial_epoch, print if verbose else None)
    alone = claimed(trainer.variables, model.name)
    with alone, deferred_interrupts() as interrupts, contextlib.closing(watchers):
        run.interrupts = interrupts
        watchers.on_train_begin()
        first, skip = vars(model).pop("resumes_at", (initial_epoch, 0))  # set by BackupAndRestore
        for epoch in range(first, epochs):
            watchers.on_epoch_begin(epoch)
            if trainer.stale:
                trainer.prepare(source.first(), class_weight)
            if not skip:
                trainer.reset_metrics()
            begin_epoch(seed, epoch, () if skip else trainer.variables, data=epoch > initial_epoch)
            with trainer.epoch_under_way():
                logs, skip = plain_logs(run.epoch(features.source(source, training=True), epoch, total, skip)), 0
            explained = explained or _explain(logs, source, epoch, model)
            if validation is not None and _validates(epoch, validation_freq):
                found = _evaluate(model, features.source(validation, training=False), watchers, class_weight)
                logs |= {f"val_{name}": value for name, value in found.items()}
            watchers.on_epoch_end(epoch, logs := dict(sorted(logs.items())))
            if model.stop_training:
                break
        if model.optimizer is not None and epochs > initial_epoch:
            model.optimizer.finalize_variable_values(model.trainable_variables)
        watchers.on_train_end(logs)
    return model._history


def _prepared(model: TrainedModel, source: Any, class_weight: Any, draws: bool) -> Any:
    """The model's trainer, ready for the source's batches."""
    if draws and isinstance(source, (ArraySource, PyDatasetSource)) and not model._compilation.settled:
        source.order(1)  # as Keras does before the first epoch: a seeded script goes on with the same numbers
    first = source.first()
    model._trainer.prepare(first, class_weight)
    y = source.arrays[1] if isinstance(source, ArraySource) else first[1]
    if y is not None:
        model._compilation.check_labels(y, model._trainer.outputs)
    return model._trainer


def _explain(logs: Mapping, source: Any, epoch: int, model: TrainedModel) -> bool:
    """Warns of a loss that isn't a number, with what the data tells about it."""
    arrays = source.arrays if isinstance(source, ArraySource) else (None, None, None)
    message = None if model.stop_training else explain_loss(logs, arrays, epoch, model.name)
    if message is not None:
        warnings.warn(message, stacklevel=5)
    return message is not None


def _check_arguments(epochs: Any, initial_epoch: Any, batch_size: Any, sample_weight: Any, class_weight: Any) -> None:
    check_count("batch_size", batch_size)
    for name, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        if isinstance(value, bool) or not hasattr(value, "__index__") or value < 0:
            raise ArgumentError(f"`{name}` must be a whole number from 0 up, but got {value!r}.")
    if sample_weight is not None and class_weight is not None and not isinstance(sample_weight, Mapping):
        raise ArgumentError(
            "You cannot `class_weight` and `sample_weight` at the same time. Multiply them into one `sample_weight`, or give "
            "`sample_weight` as a dict by output."
        )


def _at_most(epochs: int, initial_epoch: int, steps_per_epoch: int | None) -> tuple[int, int | None]:
    """Epochs and steps within the limits of `plait.config`."""
    max_epochs, max_steps = settings().max_epochs, settings().max_steps_per_epoch
    epochs = epochs if max_epochs is None else min(epochs, initial_epoch + max_epochs)
    return epochs, steps_per_epoch if max_steps is None else min(steps_per_epoch or max_steps, max_steps)


def _validates(epoch: int, frequency: Any) -> bool:
    return (epoch + 1) % frequency == 0 if isinstance(frequency, int) else epoch + 1 in frequency


def _validation_source(read: DataOf, data: Any, batch_size: int | None, steps: int | None) -> Any:
    if data is None:
        return None
    x, y, sample_weight = unpack(data) if isinstance(data, (tuple, list)) else (data, None, None)
    return source_of(x, y, sample_weight, batch_size, steps, read=read)


def _pace(model: TrainedModel, watchers: CallbackList, phase: str) -> Pace:
    """The model's pace, which remembers what it measured; or one step at a time, for callbacks that look at batches."""
    if model.run_eagerly or watchers.watches_batches(phase):
        return Pace(fixed=model.steps_per_execution or 1)
    if model.steps_per_execution:
        return Pace(fixed=model.steps_per_execution)
    paces = model._trainer.paces
    if phase not in paces:
        paces[phase] = Pace(looped=begins_looped(model))
    return paces[phase]


class _Run:
    """Runs epochs of one phase, training or testing: sends dispatches out, and tells the callbacks."""

    def __init__(self, on_rows: Callable, on_batch: Callable, pace: Pace, watchers: CallbackList, phase: str):
        self.on_rows, self.on_batch, self.pace, self.watchers, self.phase = on_rows, on_batch, pace, watchers, phase
        self.interrupts: Any = None

    def epoch(self, source: Any, epoch: int, total: int, skip: int = 0) -> dict:
        """Runs an epoch, or what is left of it after some steps, and gives its logs, which may still be on the device."""
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
            if self.interrupts is not None:
                self.interrupts.raise_if_asked()
            if self._stops():
                break
        if opened is not None:
            end(opened + together - 1, plain_logs(logs))
        if source.steps is not None and done < source.steps and not self._stops():
            self._fell_short(done, source)
        return logs

    def _stops(self) -> bool:
        model = self.watchers.model
        return model.stop_training if self.phase == "train" else model.stop_evaluating

    def _dispatches(
        self, source: Any, epoch: int, watches: bool, skip: int
    ) -> Generator[tuple[Callable, int], None, None]:
        """What to send next, and how many steps it may hold at most."""
        if isinstance(source, ArraySource) and source.resident:
            yield from self._row_dispatches(source, skip)
            return
        together = 1 if skip else self.pace.together
        with contextlib.closing(source.batches(epoch, together, self.pace.fixed is not None)) as batches:
            for batch in batches if self.interrupts is None else self.interrupts.wait_for(batches):
                if skip:
                    skip -= 1
                    continue
                if isinstance(batch, Joined):
                    yield from self._rows(batch.data, batch.table(), 0, batch.count)
                else:
                    yield (lambda _, batch=batch: self.on_batch(batch)), 1

    def _row_dispatches(self, source: ArraySource, skip: int) -> Iterator[tuple[Callable, int]]:
        for rows, first, count in source.pieces():
            left_out = min(skip, count)
            skip -= left_out
            yield from self._rows(source.on_device(), rows, first + left_out, count - left_out)

    def _rows(self, data: tuple, rows: np.ndarray, first: int, count: int) -> Iterator[tuple[Callable, int]]:
        table, end = jax.device_put(rows), first + count
        while first < end:
            sent: list[int] = []

            def send(steps: int, first: int = first, sent: list = sent) -> dict:
                sent.append(steps)
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
        warnings.warn(
            f"{name}: Your input ran out of data; interrupting training. The data gave {needs}. Give fewer steps, or more data.",
            stacklevel=7,
        )


def plain_logs(logs: Mapping) -> dict:
    """Logs as Python numbers; waits for them."""
    host = jax.device_get(dict(logs))
    return {name: float(value) if np.ndim(value) == 0 else np.asarray(value) for name, value in host.items()}


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
    params = {"verbose": verbose, "epochs": 1, "steps": source.steps}
    watchers = CallbackList(callbacks, add_progbar=verbose != 0, model=model, **params)
    with closing_sources(source), contextlib.closing(watchers):
        found = _evaluate(model, source, watchers)
    return dict(sorted(found.items())) if return_dict else in_order(model, found)


def _evaluate(model: TrainedModel, source: Any, watchers: CallbackList, class_weight: Any = None) -> dict:
    trainer = model._trainer
    if not trainer.ready:
        trainer.prepare(source.first(), class_weight, training=False)
    evaluation = trainer.evaluation()
    model.stop_evaluating = False
    watchers.on_test_begin()
    run = _Run(evaluation.rows, evaluation.batch, _pace(model, watchers, "test"), watchers, "test")
    logs = plain_logs(run.epoch(source, 0, source.steps or 0))
    evaluation.end()
    watchers.on_test_end(logs)
    return logs


def in_order(model: TrainedModel, logs: Mapping) -> Any:
    """Results as a list in the order of `metrics_names`; one alone as a number."""
    ordered = [logs[name] for name in model.metrics_names if name in logs]
    ordered += [value for name, value in logs.items() if name not in model.metrics_names]
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
    logs = plain_logs(trainer.train_batch(batch, fresh=True))
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
    evaluation = trainer.evaluation()
    logs = plain_logs(evaluation.batch(batch))
    evaluation.end()
    return logs if return_dict else in_order(model, logs)


def _check_batch(batch: tuple) -> None:
    if not any(leaf is not None for leaf in flatten(batch[0])):
        raise DataError(f"There is no data: x is {describe(batch[0])}.")
