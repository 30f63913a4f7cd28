"""Checkpoints by Orbax: sharded, written in the background, the last n kept.

Each is a folder of `directory`, by number: the state of the model as `get_state_tree` gives it (`pytree`), and the config
(`model_config`), as Keras's callback of that name lays them out.

Differs from Keras: what is written is a copy on the device, so that the next step, which takes over the memory of the weights,
can't change it; `restore` puts a checkpoint back into a model.
"""

import json
import os
from typing import Any

import jax
import jax.numpy as jnp

from plait.common.messages import listing
from plait.common.registry import builtin
from plait.common.serialization import serialize_object
from plait.errors import ArgumentError, FileError
from plait.training.callbacks.monitor import Monitor
from plait.training.callbacks.progress import say
from plait.training.protocols import TrainedModel


@builtin("callbacks")
class OrbaxCheckpoint(Monitor):
    """Writes checkpoints with Orbax as training goes on.

    Args:
        directory: a folder for the checkpoints of this run.
        monitor: the number that says which is best.
        verbose: 1 says when it saves.
        save_best_only: whether to save only when the number got better.
        mode: "min", "max" or "auto".
        save_freq: "epoch", or a number of batches. A checkpoint's number is that of the epoch, from 0, or of all batches.
        initial_value_threshold: what has to be beaten first.
        max_to_keep: how many of the last ones are kept; None keeps all.
        save_on_background: whether training goes on while a checkpoint is written.
        save_weights_only: whether to leave out the optimizer, the metrics and the config.

    Raises:
        ImportError: Orbax isn't installed.
        ArgumentError: another frequency.
    """

    def __init__(
        self,
        directory: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ):
        super().__init__(monitor, mode)
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ArgumentError(
                f"OrbaxCheckpoint: Unrecognized save_freq: {save_freq}. Expected save_freq are 'epoch' or integer values."
            )
        self.directory = os.path.abspath(os.fspath(directory))
        self.verbose, self.save_best_only, self.save_weights_only = verbose, save_best_only, save_weights_only
        self.save_freq, self.best = save_freq, initial_value_threshold
        self.max_to_keep, self.save_on_background = max_to_keep, save_on_background
        self._orbax = _orbax()
        self._batches = 0
        self._checkpointer: Any = None

    @property
    def checkpointer(self) -> Any:
        """Orbax's `Checkpointer` of the folder."""
        if self._checkpointer is None:
            training = self._orbax.training
            self._checkpointer = training.Checkpointer(
                self.directory,
                preservation_policy=None
                if self.max_to_keep is None
                else training.preservation_policies.LatestN(self.max_to_keep),
                save_decision_policy=training.save_decision_policies.FixedIntervalPolicy(1),
            )
        return self._checkpointer

    def watches_batches(self, phase: str) -> bool:
        """Only where it saves every so many batches."""
        return phase == "train" and self.save_freq != "epoch"

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._batches = int(self.model.optimizer.iterations) if self.model.optimizer is not None else 0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._batches += 1
        if isinstance(self.save_freq, int) and self._batches % self.save_freq == 0:
            self._save(self._batches, logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        self.wait_until_finished()
        self._checkpointer.close()
        self._checkpointer = None

    def _save(self, step: int, logs: dict | None) -> None:
        if self.save_best_only:
            value = self.watched(logs)
            if value is None or not self.is_better(value, self.best):
                return
            self.best = value
        state = jax.tree.map(jnp.copy, self.model.get_state_tree())
        if self.save_weights_only:
            state = {group: state[group] for group in ("trainable_variables", "non_trainable_variables")}
        parts: dict[str, Any] = {"pytree": {group: tree for group, tree in state.items() if tree}}
        if not self.save_weights_only:
            parts["model_config"] = {"config": json.dumps(serialize_object(self.model))}
        save = self.checkpointer
        (save.save_checkpointables_async if self.save_on_background else save.save_checkpointables)(step, parts)
        if self.verbose:
            say(f"OrbaxCheckpoint: saved {os.path.join(self.directory, str(step))}")

    def wait_until_finished(self) -> None:
        """Waits until all checkpoints are on disk."""
        self.checkpointer.wait()

    def is_multihost_enabled(self) -> bool:
        """Whether the run has several processes; Orbax then has each write its own part."""
        return jax.process_count() > 1

    def is_primary_host(self) -> bool:
        """Whether this process is the first of them."""
        return jax.process_index() == 0

    def restore(self, model: TrainedModel, step: int | None = None) -> int:
        """Puts a checkpoint back into a model: weights, and the optimizer's state where it has that.

        Args:
            model: the model, built and compiled as it was.
            step: which checkpoint; None is the last.

        Returns:
            its number.

        Raises:
            FileError: there is no such checkpoint, or it is another model's; the model stays as it is.
        """
        steps = [found.step for found in self.checkpointer.checkpoints]
        step = max(steps, default=None) if step is None else step
        if step is None or step not in steps:
            raise FileError(f"OrbaxCheckpoint: {self.directory!r} has no checkpoint {step}. It has {sorted(steps)}.")
        if model.optimizer is not None:
            model.optimizer.build_for(model.trainable_variables)
        stored = self.checkpointer.load_checkpointables(step, {"pytree": None})["pytree"]
        mine, theirs = (
            {g: t for g, t in tree.items() if t and g in _RESTORED} for tree in (model.get_state_tree(), stored)
        )
        needed, had = (_shapes({group: tree[group] for group in theirs}) for tree in ({**theirs, **mine}, theirs))
        if needed != had:
            wrong = sorted(path for path in {*needed, *had} if needed.get(path) != had.get(path))
            raise FileError(
                f"OrbaxCheckpoint: checkpoint {step} in {self.directory!r} doesn't fit the model: {listing(wrong)} are on one side "
                "only, or of other shapes. Make the model as it was, with the same names of layers, model and optimizer."
            )
        model.set_state_tree(theirs)
        return step


_RESTORED = ("trainable_variables", "non_trainable_variables", "optimizer_variables")


def _shapes(tree: dict) -> dict[str, tuple]:
    """The shapes of a state's arrays, by their paths."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {"/".join(str(key.key) for key in path): tuple(leaf.shape) for path, leaf in leaves}


def _orbax() -> Any:
    try:
        from orbax.checkpoint import v1
    except ImportError as error:
        raise ImportError("OrbaxCheckpoint writes with Orbax: pip install plait[orbax].") from error
    return v1
