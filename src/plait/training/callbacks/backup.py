"""Backups of a run, from which an interrupted one goes on.

One file holds all that a run needs to go on as if nothing had happened: weights, states of random generators, the
optimizer's and the metrics' variables, the state of NumPy's generator (which orders the data), and how far it was. It is
written whole or not at all, and the one before is kept until the next: whenever the process dies, one of them loads.

Differs from Keras: there weights and place are two files, so a kill between them resumes at the wrong place; and the order
of the data is drawn anew.
"""

import json
import os
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from plait.common.messages import warn
from plait.common.registry import builtin
from plait.core.variable import Variable
from plait.errors import ArgumentError, FileError, PlaitError
from plait.layers.ownership import unique
from plait.random import global_states
from plait.saving.atomic import atomic_write
from plait.training.callbacks.base import Callback

_LATEST, _PREVIOUS = "latest.backup.npz", "previous.backup.npz"


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
                f"BackupAndRestore: Invalid value for argument `save_freq`: {save_freq!r}. Expected 'epoch', False or a "
                "number of batches."
            )
        self.backup_dir, self.save_freq = Path(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._epoch = self._batches = self._batch = 0
        self._order: Any = None

    def watches_batches(self, phase: str) -> bool:
        """Only where it backs up every so many batches."""
        return phase == "train" and isinstance(self.save_freq, int) and self.save_freq is not False

    def on_train_begin(self, logs: dict | None = None) -> None:
        place = self._restore()
        if (
            place is not None and self.run is not None
        ):  # else a loop of the program's own, which sees to its place itself
            self.run.resume_from(*place)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch, self._batch = epoch, 0
        self._order = np.random.get_state()  # noqa: NPY002  (the generator that orders the data, before it does)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._batch = batch + 1
        self._batches += 1
        if isinstance(self.save_freq, int) and self.save_freq and self._batches % self.save_freq == 0:
            self._back_up(self._epoch, self._batch, self._order)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch":
            self._back_up(epoch + 1, 0, np.random.get_state())  # noqa: NPY002

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.delete_checkpoint:
            for name in (_LATEST, _PREVIOUS):
                (self.backup_dir / name).unlink(missing_ok=True)
            if self.backup_dir.is_dir() and not any(self.backup_dir.iterdir()):
                self.backup_dir.rmdir()

    # ------------------------------------------------------------------------ the file

    def _variables(self) -> list[Variable]:
        model = self.model
        optimizer = list(model.optimizer.variables) if model.optimizer is not None else []
        return unique([*model.variables, *global_states(), *optimizer, *model.metrics_variables])

    def _back_up(self, epoch: int, batch: int, order: Any) -> None:
        variables = self._variables()
        kind, keys, position, has_gauss, cached = order
        about = {
            "epoch": epoch,
            "batch": batch,
            "variables": [[v.name, list(v.shape), v.dtype] for v in variables],
            "order": [kind, int(position), int(has_gauss), float(cached)],
            "random": random.getstate()[:2],  # what draws seeds where none is given
        }
        arrays = {f"v{index}": _as_bytes(variable) for index, variable in enumerate(variables)}
        text = np.frombuffer(json.dumps(about).encode(), np.uint8)
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        latest = self.backup_dir / _LATEST
        if latest.exists():
            os.replace(latest, self.backup_dir / _PREVIOUS)
        with atomic_write(latest) as file:
            np.savez(file, **{"about": text, "order": keys, **arrays})  # type: ignore[arg-type]

    def _restore(self) -> tuple[int, int] | None:
        damaged = []
        for name in (_LATEST, _PREVIOUS):
            path = self.backup_dir / name
            if not path.exists():
                continue
            try:
                with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                    arrays = {key: stored[key] for key in stored.files}
                about = json.loads(arrays["about"].tobytes())
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                damaged.append(f"{path}: {error}")
                continue
            if damaged:
                warn(f"BackupAndRestore: a backup is damaged, the one before it is used: {damaged[0]}")
            return self._put_back(path, about, arrays)
        if damaged:
            raise FileError(
                f"BackupAndRestore: no backup in {str(self.backup_dir)!r} can be read: {damaged}. Delete them."
            )
        return None

    def _put_back(self, path: Path, about: dict, arrays: dict) -> tuple[int, int]:
        variables = self._variables()
        mine = [[list(v.shape), v.dtype] for v in variables]
        if [entry[1:] for entry in about["variables"]] != mine:
            raise FileError(
                f"BackupAndRestore: {str(path)!r} was made by another model, or by one compiled in another way: it holds "
                f"{len(about['variables'])} variables, and this has {len(mine)}. Give each run a folder of its own."
            )
        for index, variable in enumerate(variables):
            variable.assign(_from_bytes(arrays[f"v{index}"], variable))
        kind, position, has_gauss, cached = about["order"]
        np.random.set_state((kind, arrays["order"], position, has_gauss, cached))  # noqa: NPY002
        version, state = about["random"]
        random.setstate((version, tuple(state), None))
        return about["epoch"], about["batch"]


def _as_bytes(variable: Variable) -> np.ndarray:
    value = np.ascontiguousarray(np.asarray(variable.value))
    return np.frombuffer(value.tobytes(), np.uint8)  # so that bfloat16 needs no pickle


def _from_bytes(stored: np.ndarray, variable: Variable) -> np.ndarray:
    value = np.asarray(variable.value)
    if stored.nbytes != value.nbytes:
        raise PlaitError(f"BackupAndRestore: {variable.path}: {stored.nbytes} bytes are stored, {value.nbytes} needed.")
    return np.frombuffer(stored.tobytes(), value.dtype).reshape(value.shape)
