"""What a `fit` is asked to do, and the run that does it, as callbacks see it.

`FitOptions` are the arguments of `fit`, checked and then left as they are. A `Run` is one `fit` under way: callbacks
reach it as `self.run`, read where it stands, stop it, or have it begin at a later place.

What it is not: the loop, which is `training/loop`.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from plait.common.settings import settings
from plait.common.tree import flatten
from plait.distribution.agreement import gathered
from plait.errors import ArgumentError, DataError, StateError
from plait.training.backups import Keeper, Kept
from plait.training.checks import check_options
from plait.training.data.arrays import map_arrays
from plait.training.data.choose import check_count
from plait.training.data.generators import generators_now, set_generators
from plait.training.protocols import TrainedModel


@dataclass(frozen=True)
class FitOptions:
    """The arguments of `fit`.

    Args:
        x: inputs: arrays in any structure (a dict by the inputs' names is safest), a generator or an iterable of batches.
        y: labels, in any structure that matches the outputs; only with arrays.
        batch_size: rows a step; 32 if not given.
        epochs: the number of the last epoch.
        verbose: 0 says nothing, 1 shows a live bar, 2 one line an epoch; "auto" chooses 1 in a terminal or notebook, else 2.
        callbacks: what else is to happen, and when.
        validation_split: the share of rows, at the end, that validate instead of training.
        validation_data: `(x, y)` or `(x, y, sample_weight)`, or anything that yields batches.
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
        resume: a folder for backups of this run alone. A `fit` that is called again with it, in this process or another,
            goes on where the last one died, with the same bits, history and files in the end; where that one had ended, it
            returns what that one returned.

    Raises:
        ArgumentError: a value that has no meaning.
    """

    x: Any = None
    y: Any = None
    batch_size: int | None = None
    epochs: int = 1
    verbose: Any = "auto"
    callbacks: Any = None
    validation_split: float = 0.0
    validation_data: Any = None
    shuffle: Any = True
    class_weight: Any = None
    sample_weight: Any = None
    initial_epoch: int = 0
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_batch_size: int | None = None
    validation_freq: Any = 1
    cache_frozen: Any = "auto"
    seed: int | None = None
    progress: str = "bar"
    resume: Any = None

    def __post_init__(self) -> None:
        check_options(self.verbose, self.shuffle, self.validation_freq, self.progress)
        check_count("batch_size", self.batch_size)
        for name, value in (("epochs", self.epochs), ("initial_epoch", self.initial_epoch)):
            if isinstance(value, bool) or not hasattr(value, "__index__") or value < 0:
                raise ArgumentError(f"`{name}` must be a whole number from 0 up, but got {value!r}.")
        both = self.sample_weight is not None and self.class_weight is not None
        if both and not isinstance(self.sample_weight, Mapping):
            raise ArgumentError(
                "fit: `class_weight` and `sample_weight` can't be given together. Multiply them into one `sample_weight`, or "
                "give `sample_weight` as a dict by output."
            )

    @property
    def end(self) -> int:
        """The number of the last epoch, within the limits of `plait.config`."""
        most = settings().max_epochs
        return self.epochs if most is None else min(self.epochs, self.initial_epoch + most)

    @property
    def steps(self) -> int | None:
        """The steps of an epoch that were asked for, within the limits of `plait.config`."""
        most = settings().max_steps_per_epoch
        return self.steps_per_epoch if most is None else min(self.steps_per_epoch or most, most)

    def validates(self, epoch: int) -> bool:
        """Whether an epoch, counted from 0, ends with validation."""
        frequency = self.validation_freq
        return (epoch + 1) % frequency == 0 if isinstance(frequency, int) else epoch + 1 in frequency


class Run:
    """One `fit` under way, as callbacks see it.

    Args:
        model: the model that is trained.
        options: what was asked for.

    Attributes:
        epoch: the number of the epoch under way, from 0.
        step: how many steps of it are done.
        keeper: what keeps backups of it; None where none are kept.
        callbacks: the callbacks, in order.
        data: facts about the data that a backup must agree with.

    >>> import numpy as np
    >>> import plait
    >>> class Impatient(plait.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         if self.run.epoch == 1:
    ...             self.run.stop()
    >>> model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((4, 2)), np.ones(4), epochs=9, verbose=0, callbacks=[Impatient()])
    >>> history.epoch
    [0, 1]
    """

    def __init__(self, model: TrainedModel, options: FitOptions):
        self.options = options
        self.epoch, self.step = options.initial_epoch, 0
        self.keeper: Keeper | None = None
        self.callbacks: list[Any] = []
        self.data: dict[str, Any] = {}
        self._earlier: Kept | None = None
        self._sent: tuple[tuple, Any, bool] | None = None
        self._model, self._began, self._generators = model, False, {}

    def sent(self, data: tuple, rows: Any = None, numbered: bool = False) -> None:
        """Notes the batch of the last step: some rows of the data, or all of it."""
        self._sent = data, rows, numbered

    @property
    def batch(self) -> tuple | None:
        """The batch of the last step that was run: `(x, y, sample_weight)`."""
        if self._sent is None or self._sent[1] is None:
            return None if self._sent is None else self._sent[0]
        data, rows, _ = self._sent
        return map_arrays(lambda array: array[rows], data)

    @property
    def rows(self) -> list[int] | None:
        """The numbers of that batch's rows in the arrays that `fit` got; None for other data."""
        return self._sent[1].tolist() if self._sent is not None and self._sent[2] else None

    def resume_from(self, epoch: int, step: int = 0) -> None:
        """Has the run begin at a later place; for `on_train_begin`.

        Args:
            epoch: the epoch's number, from 0.
            step: how many of its steps are done already; their batches are passed over.

        Raises:
            StateError: the first epoch has begun.
        """
        if self._began:
            raise StateError(
                "A run can be resumed before its first epoch only: call `resume_from` in `on_train_begin`."
            )
        self.epoch, self.step = epoch, step

    def started(self, source: Any) -> None:
        """Finds an earlier start's backup, if the run is to be backed up, before the first batch is looked at.

        Raises:
            ArgumentError: it is backed up twice.
            DataError: the processes of a job have different data.
        """
        self.data = {"batch_size": source.batch_size, "rows": getattr(source, "rows", None), "steps": source.steps}
        heard = gathered(self.data, f"fit of {self._model.name!r}")
        if any(theirs != self.data for theirs in heard):
            raise DataError(f"fit: the processes of this job have different data: {heard}. Give all of them the same.")
        self._generators = generators_now()
        makers = [c for c in flatten(self.options.callbacks) if hasattr(c, "make_keeper")]
        if len(makers) + (self.options.resume is not None) > 1:
            raise ArgumentError("fit: this run is backed up twice. Give either `resume` or one BackupAndRestore.")
        if self.options.resume is not None:
            self.keeper = Keeper(self.options.resume, self._model)
        elif makers:
            self.keeper = makers[0].make_keeper(self._model)
        if self.keeper is not None:
            self._earlier = self.keeper.read()
            if self._earlier is not None:
                self._generators = self._earlier.start
                set_generators(self._generators)

    @contextlib.contextmanager
    def closing(self) -> Iterator[None]:
        """A block after which the last backup is on the disk."""
        ended = False
        try:
            yield
            ended = True
        finally:
            if self.keeper is not None:
                self.keeper.close(ended)
            # The history keeps the run, which must not keep data alive that the program has let go of.
            self.options = replace(
                self.options, x=None, y=None, sample_weight=None, validation_data=None, callbacks=None
            )
            self.callbacks, self._sent, self._earlier, self.keeper = [], None, None, None

    def begin(self, callbacks: list[Any]) -> tuple[range, int, dict]:
        """The epochs that are left, how many steps of the first of them are done, and the logs of the epoch before."""
        self.callbacks, end, logs, stopped = callbacks, self.options.end, {}, False
        if self.keeper is not None:
            self.keeper.starts(self._generators, callbacks)
            self.keeper.note_start(
                self._earlier.place if self._earlier is not None else (self.options.initial_epoch, 0)
            )
        if self.keeper is not None and self._earlier is not None:
            self.keeper.restore(self._earlier, self)
            self.resume_from(*self._earlier.place)
            logs, stopped = self._earlier.logs, self._earlier.stopped
            if stopped or self.epoch >= end:
                self._earlier.give_to(callbacks)
        self._began = True
        return range(self.epoch, self.epoch if stopped else end), self.step, logs

    def catch_up(self, source: Any) -> None:
        """Brings callbacks and data to where an earlier start left them, once; and notes where the data is."""
        if self._earlier is not None:
            earlier, self._earlier = self._earlier, None
            earlier.give_to(self.callbacks)
            earlier.rewind(source, self.options.initial_epoch)
        if self.keeper is not None:
            self.keeper.epoch_begins(source)

    def epoch_ended(self, source: Any, logs: dict) -> None:
        """Backs the epoch's end up, if it is time to."""
        if self.keeper is not None:
            self.keeper.epoch_ended(self, source, logs)

    def stop(self) -> None:
        """Ends the run after the step, or the epoch, that is under way."""
        self._model.stop_training = True
