"""Backups of a run under Keras's name: `fit(resume=folder)` with a frequency (`training/backups`).

Differs from Keras: there weights and place are two files, so a kill between them resumes at the wrong place; callbacks and
the history begin anew; and the order of the data is drawn anew.
"""

from pathlib import Path
from typing import Any

from plait.common.registry import builtin
from plait.errors import ArgumentError, StateError
from plait.training.backups import Keeper
from plait.training.callbacks.base import Callback
from plait.training.protocols import TrainedModel


@builtin("callbacks")
class BackupAndRestore(Callback):
    """Backs a run up as it goes on; a new `fit` with the same folder goes on where the last one was interrupted.

    Args:
        backup_dir: a folder for this run alone.
        save_freq: "epoch" backs up after each epoch; a number after so many batches; False never, but restores.
        double_checkpoint: has no effect: two backups are always kept.
        delete_checkpoint: whether the backup goes away when the run has ended.

    Raises:
        ArgumentError: no folder, or another frequency.
        FileError: backups that were made by another model, or that are all damaged.
    """

    def __init__(
        self,
        backup_dir: Any,
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ):
        super().__init__()
        if not backup_dir:
            raise ArgumentError("BackupAndRestore: Empty `backup_dir` argument passed. Name a folder for this run.")
        if save_freq not in ("epoch", False) and not (isinstance(save_freq, int) and save_freq > 0):
            raise ArgumentError(
                "BackupAndRestore: Invalid value for argument `save_freq`. Expected 'epoch', False or a number of batches, but got "
                f"{save_freq!r}."
            )
        self.backup_dir, self.save_freq = Path(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint

    def make_keeper(self, model: TrainedModel) -> Keeper:
        """What keeps the backups; `fit` asks for it before it looks at its data."""
        return Keeper(self.backup_dir, model, self.save_freq, self.delete_checkpoint)

    def on_train_begin(self, logs: dict | None = None) -> None:
        if self.run is None:
            raise StateError("BackupAndRestore: it belongs to a `fit`, but this is a loop of the program's own.")
