"""Saving never loses what was there: killed at any moment, on a full disk, into a folder that can't be written."""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import plait
from plait.errors import PlaitError

SAVER = """
import sys
import numpy as np
import plait
x = plait.Input((64,))
model = plait.Model(x, plait.layers.Dense(512)(plait.layers.Dense(512)(x)))
path, number = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
while True:
    number += 1
    model.set_weights([np.full(w.shape, number, "float32") for w in model.get_weights()])
    model.save(path) if path.endswith((".keras", ".h5")) and not path.endswith(".weights.h5") else model.save_weights(path)
    print(number, flush=True)
"""


def killed_again_and_again(path: Path, kills: int):
    """Starts a process that saves without end, and kills it at random moments; the file is read after each."""
    draws = random.Random(0)
    last, done = 0, 0
    while done < kills:
        command = [sys.executable, "-W", "ignore", "-c", SAVER, str(path), str(last)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "src"}) as saver:
            assert saver.stdout.readline() == b"ready\n"
            saver.stdout.readline()
            time.sleep(draws.random() * 0.05)
            saver.send_signal(signal.SIGKILL)
        model = plait.load_model(path, compile=False)
        values = {float(v) for w in model.get_weights() for v in np.unique(w)}
        assert len(values) == 1, "two saves are mixed"
        assert values.pop() > last
        last, done = int(next(iter(np.unique(model.get_weights()[0])))), done + 1
    small().save(path)
    assert [p.name for p in path.parent.iterdir()] == [path.name], "litter is left"


def small():
    """A model to save."""
    return plait.Sequential([plait.Input((2,)), plait.layers.Dense(3)])


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_a_save_that_is_killed_leaves_a_whole_file(name, tmp_path):
    killed_again_and_again(tmp_path / name, 2)


@pytest.mark.slow
def test_many_saves_that_are_killed_leave_a_whole_file(tmp_path):
    """`PLAIT_KILLS=200` is the long form: each of them starts a Python and a JAX."""
    killed_again_and_again(tmp_path / "m.keras", int(os.environ.get("PLAIT_KILLS", "8")))


SAVES = {
    "keras": lambda model, folder: model.save(folder / "m.keras"),
    "legacy": lambda model, folder: model.save(folder / "m.h5"),
    "weights": lambda model, folder: model.save_weights(folder / "m.weights.h5"),
    "weights of Keras 2": lambda model, folder: model.save_weights(folder / "m.hdf5"),
    "safetensors": lambda model, folder: model.save_weights(folder / "m.safetensors"),
}


@pytest.mark.parametrize("save", SAVES)
def test_a_full_disk_leaves_what_was_there(save, tmp_path):
    model = plait.Sequential([plait.Input((200,)), plait.layers.Dense(500)])
    small = plait.Sequential([plait.Input((2,)), plait.layers.Dense(3)])
    SAVES[save](small, tmp_path)
    (path,) = tmp_path.iterdir()
    before = path.read_bytes()
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        with pytest.raises(PlaitError, match="Cannot write"):
            SAVES[save](model, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("error", ["EACCES", "EROFS", "EXDEV", "ENOSPC", "EIO"])
def test_an_error_of_the_system_is_told_and_leaves_what_was_there(save, error, tmp_path, monkeypatch):
    import errno

    SAVES[save](small(), tmp_path)
    (path,) = tmp_path.iterdir()
    before = path.read_bytes()

    def fail(*arguments):
        raise OSError(getattr(errno, error), "no")

    for call in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            with pytest.raises(PlaitError, match="Nothing was changed"):
                SAVES[save](small(), tmp_path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PlaitError, match="isn't there"):
        small().save(tmp_path / "nowhere" / "m.keras")


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no other file system to write to")
def test_a_link_to_another_file_system_is_followed(tmp_path):
    there = Path("/dev/shm") / f"plait-test-{os.getpid()}.keras"
    try:
        (tmp_path / "m.keras").symlink_to(there)
        small().save(tmp_path / "m.keras")
        assert (tmp_path / "m.keras").is_symlink()
        plait.load_model(there)
    finally:
        there.unlink(missing_ok=True)
