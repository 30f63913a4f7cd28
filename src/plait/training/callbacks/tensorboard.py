"""TensorBoard: what it shows of a run, written as it goes on."""

import os
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from plait.common.registry import builtin
from plait.common.tree import flatten
from plait.distribution import is_first
from plait.errors import ArgumentError
from plait.training.callbacks.base import Callback
from plait.training.callbacks.event_file import EventFile


@builtin("callbacks")
class TensorBoard(Callback):
    """Writes event files: `tensorboard --logdir logs` shows curves, histograms of the weights, and the graph.

    Args:
        log_dir: where to; training goes to `train`, evaluation to `validation` in it. One folder a run.
        histogram_freq: after how many epochs histograms of the weights are written; 0 means never.
        write_graph: whether the model's layers are written, for the page "Graphs".
        write_images: whether weights are written as pictures too, as often as histograms.
        write_steps_per_second: whether the speed is written.
        update_freq: "epoch", "batch", or a number of batches: how often training's numbers are written within an epoch.
        profile_batch: a batch, or the first and the last of some, that JAX's profiler records; 0 none.
        embeddings_freq: after how many epochs the tables of Embedding layers are written for the projector; 0 means never.
        embeddings_metadata: a file with a line for each row of a table; or such files by the layers' names.

    Raises:
        ArgumentError: another frequency.
    """

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ):
        super().__init__()
        if update_freq not in ("epoch", "batch") and not (isinstance(update_freq, int) and update_freq > 0):
            raise ArgumentError(
                f'TensorBoard: update_freq must be "epoch", "batch" or a number of batches, but got {update_freq!r}.'
            )
        self.log_dir = Path(os.fspath(log_dir))
        self.histogram_freq, self.write_graph, self.write_images = histogram_freq, write_graph, write_images
        self.write_steps_per_second, self.update_freq = write_steps_per_second, update_freq
        self.profile_batch, self.embeddings_freq = profile_batch, embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self._profiled = _first_and_last(profile_batch)
        self._files: dict[str, EventFile] = {}
        self._steps = self._evaluated = self._steps_at_start = 0
        self._profiling = False
        self._began = 0.0

    def watches_batches(self, phase: str) -> bool:
        """Only where it writes, or profiles, within epochs."""
        return phase == "train" and (self.update_freq != "epoch" or self._profiled is not None)

    def file(self, side: str) -> EventFile:
        """The event file of "train" or "validation"."""
        if side not in self._files:
            self._files[side] = EventFile(self.log_dir / side)
        return self._files[side]

    def on_train_begin(self, logs: dict | None = None) -> None:
        if self.write_graph and self.model.built:
            self.file("train").keras_graph(self.model.to_json() if self.model._graph is not None else "{}")
        if self.embeddings_freq and is_first():
            self._write_projector()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._steps_at_start, self._began = self._iterations(), time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if self._profiled is not None and self._steps + 1 == self._profiled[0]:
            jax.profiler.start_trace(str(self.log_dir))
            self._profiling = True

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._steps += 1
        if self._profiling and self._profiled is not None and self._steps >= self._profiled[1]:
            self._end_profile()
        if self.update_freq == "epoch" or (isinstance(self.update_freq, int) and batch % self.update_freq):
            return
        for name, value in (logs or {}).items():
            self.file("train").scalar(f"batch_{name}", value, self._steps)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        train = {name: value for name, value in (logs or {}).items() if not name.startswith("val_")}
        if self.write_steps_per_second:
            train["steps_per_second"] = (self._iterations() - self._steps_at_start) / max(
                time.perf_counter() - self._began, 1e-9
            )
        if self.model.optimizer is not None and hasattr(self.model.optimizer, "learning_rate"):
            train["learning_rate"] = float(np.asarray(self.model.optimizer.learning_rate))
        for name, value in train.items():
            if np.ndim(value) == 0:
                self.file("train").scalar(f"epoch_{name}", value, epoch)
        for name, value in (logs or {}).items():
            if name.startswith("val_") and np.ndim(value) == 0:
                self.file("validation").scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings(epoch)
        for file in self._files.values():
            file.flush()

    def on_test_end(self, logs: dict | None = None) -> None:
        steps = self._iterations()
        for name, value in (logs or {}).items():
            if np.ndim(value) == 0:
                self.file("validation").scalar(f"evaluation_{name}_vs_iterations", value, steps)
        self.file("validation").flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._end_profile()
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _end_profile(self) -> None:
        if self._profiling:
            self._profiling = False
            jax.profiler.stop_trace()

    def _iterations(self) -> int:
        optimizer = self.model.optimizer
        return int(np.asarray(optimizer.iterations)) if hasattr(optimizer, "iterations") else self._steps

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                name = weight.path.replace(":", "_")
                value = np.asarray(weight.numpy(), "float32")
                self.file("train").histogram(f"{name}/histogram", value, epoch)
                if self.write_images:
                    self.file("train").image(f"{name}/image", _as_picture(value), epoch)

    # ------------------------------------------------------------------------ the projector

    def _tables(self) -> list:
        return [layer for layer in self.model._flatten_layers() if hasattr(layer, "embeddings")]

    def _write_projector(self) -> None:
        lines = []
        for layer in self._tables():
            about = self.embeddings_metadata
            about = about.get(layer.name) if isinstance(about, dict) else about
            metadata = f'  metadata_path: "{about}"\n' if about else ""
            lines.append(
                f'embeddings {{\n  tensor_name: "{layer.name}"\n  tensor_path: "{layer.name}.tsv"\n{metadata}}}\n'
            )
        self.log_dir.mkdir(parents=True, exist_ok=True)
        (self.log_dir / "projector_config.pbtxt").write_text("".join(lines), encoding="utf-8")

    def _write_embeddings(self, epoch: int) -> None:
        for layer in self._tables():
            table = np.asarray(layer.embeddings.value if hasattr(layer.embeddings, "value") else layer.embeddings)
            np.savetxt(self.log_dir / f"{layer.name}.tsv", table, delimiter="\t")


def _first_and_last(batches: Any) -> tuple[int, int] | None:
    if isinstance(batches, str):
        batches = [int(part) for part in batches.split(",")]
    if not batches:
        return None
    first, last = (batches, batches) if isinstance(batches, int) else flatten(list(batches))
    if first < 0 or last < first:
        raise ArgumentError(
            f"TensorBoard: profile_batch must be a non-negative integer or 2-tuple of positive integers, the second not "
            f"smaller. Found: {batches}"
        )
    return first, last


def _as_picture(value: np.ndarray) -> np.ndarray:
    """A weight as grey pictures (N, H, W, 1), from 0 to 255."""
    squeezed = np.squeeze(value)
    if squeezed.ndim == 0:
        squeezed = squeezed[None]
    if squeezed.ndim == 1:
        squeezed = squeezed[None, :]
    while squeezed.ndim > 3:
        squeezed = squeezed.reshape(-1, *squeezed.shape[2:])
    pictures = squeezed[None] if squeezed.ndim == 2 else np.moveaxis(squeezed, -1, 0)
    low, high = float(pictures.min()), float(pictures.max())
    scaled = (pictures - low) / (high - low) * 255 if high > low else np.zeros_like(pictures)
    return scaled.astype(np.uint8)[..., None]
