"""`fit(resume=folder)`: ends, early stops, more epochs, refusals, state of callbacks and data sets, faults while it writes."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plait
from plait import layers
from plait.errors import ArgumentError, FileError, StateError
from plait.training.plain_state import decode, encode, put_back, state_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 4)).astype("float32")
Y = X[:, :1] * 2


def model(seed=0, units=5):
    plait.utils.set_random_seed(seed)
    made = plait.Sequential([plait.Input((4,)), layers.Dense(units, "tanh"), layers.Dropout(0.1), layers.Dense(1)])
    made.compile(plait.optimizers.Adam(0.01), "mse")
    return made


class Stop(Exception):
    pass


class StopIn(plait.callbacks.Callback):
    """Raises in the middle of an epoch."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.epoch, self.batch = epoch, batch

    def on_train_batch_end(self, batch, logs=None):
        if (self.run.epoch, batch) == (self.epoch, self.batch):
            raise Stop


class Steps(plait.callbacks.Callback):
    """Counts steps where the run can't put the number back."""

    def __init__(self):
        super().__init__()
        self.seen = lambda: None
        self.seen.count = 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen.count += 1


def fit(folder, made=None, epochs=3, callbacks=(), **options):
    made = made or model()
    options = {"batch_size": 8, "verbose": 0, **options}
    return made, made.fit(X, Y, epochs=epochs, resume=folder, callbacks=list(callbacks), **options).history


def same_weights(one, other):
    for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


# ---------------------------------------------------------------------------- ends


def test_a_run_that_has_ended_returns_what_it_returned(tmp_path):
    first, history = fit(tmp_path / "run")
    steps = Steps()
    again, told = fit(tmp_path / "run", model(7), callbacks=[steps])
    assert told == history
    assert steps.seen.count == 0
    same_weights(first, again)


def test_more_epochs_go_on_from_the_end(tmp_path):
    whole, expected = fit(tmp_path / "whole", epochs=5)
    fit(tmp_path / "run", epochs=2)
    longer, history = fit(tmp_path / "run", model(7), epochs=5)
    assert history == expected
    same_weights(longer, whole)


def test_a_run_that_a_callback_stopped_stays_stopped(tmp_path):
    def early():
        return plait.callbacks.EarlyStopping("loss", patience=1, min_delta=10.0, restore_best_weights=True)

    first, history = fit(tmp_path / "run", epochs=9, callbacks=[early()])
    assert len(history["loss"]) == 2
    steps = Steps()
    again, told = fit(tmp_path / "run", model(7), epochs=9, callbacks=[early(), steps])
    assert told == history
    assert steps.seen.count == 0
    same_weights(first, again)


def test_it_goes_on_in_the_middle_of_an_epoch_that_is_accumulating(tmp_path):
    def accumulating(seed):
        made = model(seed)
        made.compile(plait.optimizers.Adam(0.01, use_ema=True, gradient_accumulation_steps=4), "mse")
        return made

    backup = lambda: plait.callbacks.BackupAndRestore(tmp_path / "run", save_freq=1)  # noqa: E731
    whole = accumulating(0)
    expected = whole.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[StopIn(9, 9)]).history
    with pytest.raises(Stop):
        accumulating(0).fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[backup(), StopIn(1, 3)])
    again = accumulating(5)
    history = again.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[backup(), StopIn(9, 9)]).history
    assert history == expected
    same_weights(again, whole)
    assert not (tmp_path / "run").exists()


# ---------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda folder: fit(folder, model(0, units=6)), r"float32\[4, 5\], here .* is float32\[4, 6\]"),
        (lambda folder: fit(folder, batch_size=16), "batch_size was 8, and is 16; steps was 6, and is 3"),
    ],
)
def test_another_model_or_other_data_is_refused_with_the_difference(change, said, tmp_path):
    fit(tmp_path / "run")
    with pytest.raises(FileError, match=said):
        change(tmp_path / "run")


def test_a_folder_that_a_run_uses_is_refused(tmp_path):
    class Second(plait.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            with pytest.raises(FileError, match=r"another run \(process \d+\) is using the folder"):
                fit(tmp_path / "run")

    fit(tmp_path / "run", epochs=1, callbacks=[Second()])
    fit(tmp_path / "run", epochs=2)  # it is free again


def test_two_backups_of_one_run_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match="either `resume` or one BackupAndRestore"):
        fit(tmp_path / "run", callbacks=[plait.callbacks.BackupAndRestore(tmp_path / "other")])


def test_backups_of_another_version_are_refused(tmp_path):
    fit(tmp_path / "run")
    latest = tmp_path / "run" / "latest.backup.npz"
    with np.load(latest) as stored:
        arrays = dict(stored)
    text = arrays["about"].tobytes().replace(b'"format": 3', b'"format": 4')
    np.savez(latest, **{**arrays, "about": np.frombuffer(text, np.uint8)})
    with pytest.raises(FileError, match=r"another version of plait \(format 4, this reads 3\)"):
        fit(tmp_path / "run")


# ---------------------------------------------------------------------------- faults


def test_a_folder_that_vanishes_is_a_warning_and_the_run_goes_on(tmp_path):
    class Vanish(plait.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                shutil.rmtree(tmp_path / "run")

    whole, _ = fit(tmp_path / "whole", epochs=4)
    with pytest.warns(
        UserWarning, match="a backup could not be written; the one before it is kept, and the run goes on"
    ):
        through, history = fit(tmp_path / "run", epochs=4, callbacks=[Vanish()])
    assert len(history["loss"]) == 4
    same_weights(through, whole)


def test_a_run_that_dies_again_and_again_is_backed_up_at_each_step(tmp_path):
    for _ in range(2):  # each dies long before the second that backups are apart
        with pytest.raises(Stop):
            fit(tmp_path / "run", epochs=1, callbacks=[StopIn(0, 1)])
    assert not (tmp_path / "run" / "latest.backup.npz").exists()
    with pytest.warns(UserWarning, match="this is start number 3 from epoch 1, step 0"), pytest.raises(Stop):
        fit(tmp_path / "run", epochs=1, callbacks=[StopIn(0, 1)])
    fit(tmp_path / "run", epochs=1)
    for _ in range(2):
        with pytest.raises(Stop):
            fit(tmp_path / "run", epochs=9, callbacks=[StopIn(1, 1)])
    with pytest.warns(UserWarning, match="this is start number 3 from epoch 2, step 0"), pytest.raises(Stop):
        fit(tmp_path / "run", epochs=9, callbacks=[StopIn(1, 1)])
    with np.load(tmp_path / "run" / "latest.backup.npz") as stored:
        assert b'"epoch": 1, "step": 1' in stored["about"].tobytes()


@pytest.mark.slow
def test_a_scheduler_that_ends_the_program_leaves_a_backup_of_the_last_step(tmp_path):
    program = f"""
import numpy as np, sys
import plait
model = plait.Sequential([plait.Input((4,)), plait.layers.Dense(1)])
model.compile("sgd", "mse")
x = np.ones((64, 4), "float32")
class Say(plait.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 3:
            print("ready", flush=True)
model.fit(x, x[:, :1], epochs=10**6, verbose=0, resume={str(tmp_path / "run")!r}, callbacks=[Say()])
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(plait.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 128 + signal.SIGTERM
    with np.load(tmp_path / "run" / "latest.backup.npz") as stored:
        assert b'"stopped": false' in stored["about"].tobytes()


# ---------------------------------------------------------------------------- state

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.binary(max_size=5)
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.integers() | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(plain)
def test_plain_values_come_back_as_they_were(value):
    arrays = []
    assert decode(encode(value, arrays), arrays) == value


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8", "bool", "complex64", ">i4"])
def test_arrays_come_back_with_their_dtype(dtype):
    arrays, value = [], np.arange(6).reshape(2, 3).astype(dtype)
    back = decode(encode([value, value[0, 1]], arrays), arrays)
    assert back[0].dtype == value.dtype
    np.testing.assert_array_equal(back[0], value)
    assert back[1] == value[0, 1]


class Thing:
    def __init__(self):
        self.count, self.best, self.opened = 0, [np.zeros(2)], open  # `open` is code, and stays as it is
        self.rng = np.random.default_rng(3)


def test_an_object_keeps_its_plain_attributes_and_its_generators():
    one, arrays = Thing(), []
    one.count, one.best = 5, [np.ones(2)]
    one.rng.normal(size=10)
    other, state = Thing(), state_of(one, arrays)
    expected = one.rng.normal()
    put_back(other, state, arrays)
    assert (other.count, other.best[0].tolist(), other.opened) == (5, [1.0, 1.0], open)
    assert other.rng.normal() == expected


def test_an_option_that_is_a_tuple_holds():
    class Weighted(plait.callbacks.Callback):
        def __init__(self, weights):
            super().__init__()
            self.weights, self.seen = weights, (0,)

    one, other, arrays = Weighted((1, 2)), Weighted((3, 4)), []
    came_with = dict(vars(one))
    one.seen = (5,)
    put_back(other, state_of(one, arrays, came_with), arrays)
    assert (other.weights, other.seen) == ((3, 4), (5,))


def test_options_of_the_new_object_hold():
    def stopping(patience):
        return plait.callbacks.EarlyStopping("loss", patience=patience, min_delta=10.0)

    one, arrays = stopping(3), []
    one.on_train_begin()
    came_with = dict(vars(one))
    one.wait = 2
    other = stopping(5)
    put_back(other, state_of(one, arrays, came_with), arrays)
    assert (other.wait, other.patience) == (2, 5)


def test_a_state_that_no_file_holds_is_an_error_that_says_whose_it_is():
    class Own(Thing):
        def state_dict(self):
            return {"open": open}

        def load_state_dict(self, state):
            pass

    with pytest.raises(StateError, match=r"Own: its state can't be backed up.*give numbers, text, bytes and arrays"):
        state_of(Own(), [])


def test_an_object_may_say_itself_what_its_state_is():
    class Own(Thing):
        def state_dict(self):
            return {"twice": 2 * self.count}

        def load_state_dict(self, state):
            self.count = state["twice"] // 2

    one, other, arrays = Own(), Own(), []
    one.count = 4
    put_back(other, state_of(one, arrays), arrays)
    assert other.count == 4
