"""The diamonds on two processes: killed once, gone on from the last backup, and the same result as on one.

Run it with `make launch-demo`. It starts itself three times: alone, and as two processes, one of which dies in its second
epoch and is started again with the other.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import jax
import numpy as np
from diamonds import load, split
from multitask import build, labels, standardised

import plait

EPOCHS, DIES_AT = 3, (1, 100)


class Dies(plait.callbacks.Callback):
    """Kills the last process of several, once."""

    def __init__(self, mark: Path):
        super().__init__()
        self.mark = mark

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        last = jax.process_index() == jax.process_count() - 1
        if jax.process_count() > 1 and last and (self.run.epoch, batch) == DIES_AT and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder: Path) -> None:
    """Trains the model; each start goes on from the last backup."""
    plait.utils.set_random_seed(0)
    rows, validation, _ = split(load())
    model = build()
    model.compile("adam", {"price": "mse", "cut": "sparse_categorical_crossentropy"}, metrics={"cut": ["accuracy"]})
    history = model.fit(
        standardised(rows, rows),
        labels(rows, rows),
        batch_size=256,
        epochs=EPOCHS,
        validation_data=(standardised(rows, validation), labels(rows, validation)),
        callbacks=[plait.callbacks.BackupAndRestore(folder / "backup", save_freq=50), Dies(folder / "died")],
    )
    model.save(folder / "diamonds.keras")
    if plait.distribution.is_first():
        (folder / "history.json").write_text(json.dumps(history.history))


def launched(folder: Path, processes: int) -> dict:
    """The history of a run on some processes."""
    folder.mkdir()
    print(f"on {processes} process{'es' if processes > 1 else ''}:", flush=True)
    command = ["-m", "plait", "launch", "-n", str(processes), "--restarts", "1", __file__, str(folder)]
    subprocess.run([sys.executable, *command], check=True)
    return json.loads((folder / "history.json").read_text())


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        alone, several = launched(Path(name) / "alone", 1), launched(Path(name) / "several", 2)
        assert (Path(name) / "several" / "died").exists(), "nobody was killed"
        assert alone.keys() == several.keys()
        apart = max(float(np.max(np.abs(np.subtract(several[key], alone[key])))) for key in alone)
        print(f"killed once and gone on; the histories are the same to {apart:.1e}")
        assert apart < 1e-3, "the two results differ"


if __name__ == "__main__":
    train(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
