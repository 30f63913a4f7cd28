"""Callbacks that keep, send and show: backups, averages, servers, event files."""

import http.server
import json
import os
import struct
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import plait
from plait import layers
from plait.training.callbacks.event_file import masked_crc32c

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(48, 4)).astype("float32"), RNG.normal(size=(48, 1)).astype("float32")


def model(optimizer="adam", seed=0):
    plait.utils.set_random_seed(seed)
    x = plait.Input((4,))
    h = layers.BatchNormalization()(layers.Dropout(0.3)(layers.Dense(6, activation="relu")(x)))
    made = plait.Model(x, layers.Dense(1)(h))
    made.compile(optimizer, "mse", metrics=["mae"])
    return made


class Stop(Exception):
    """Ends a run in the middle."""


class StopAt(plait.callbacks.Callback):
    def __init__(self, epoch, batch=None):
        super().__init__()
        self.epoch, self.batch, self.now = epoch, batch, 0

    def watches_batches(self, phase):
        return phase == "train" and self.batch is not None

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch
        if epoch == self.epoch and self.batch is None:
            raise Stop

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and batch == self.batch:
            raise Stop


# ---------------------------------------------------------------------------- backups


@pytest.mark.parametrize(
    "frequency, stop", [("epoch", StopAt(2)), (2, StopAt(1, 3))], ids=["after epochs", "after batches"]
)
def test_an_interrupted_run_goes_on_with_the_same_numbers(tmp_path, frequency, stop):
    whole = model()
    expected = whole.fit(X, Y, batch_size=8, epochs=4, verbose=0).history
    broken = model()
    with pytest.raises(Stop):
        broken.fit(
            X, Y, batch_size=8, epochs=4, verbose=0,
            callbacks=[plait.callbacks.BackupAndRestore(tmp_path / "run", frequency), stop],
        )  # fmt: skip
    again = model(seed=5)  # another process would begin with other weights, and other random states
    backup = plait.callbacks.BackupAndRestore(tmp_path / "run", frequency)
    history = again.fit(X, Y, batch_size=8, epochs=4, verbose=0, callbacks=[backup]).history
    for mine, theirs in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert history == expected
    assert not (tmp_path / "run").exists()


def test_a_damaged_backup_falls_back_to_the_one_before(tmp_path):
    broken = model()
    with pytest.raises(Stop):
        broken.fit(X, Y, epochs=4, verbose=0, callbacks=[plait.callbacks.BackupAndRestore(tmp_path), StopAt(3)])
    latest = tmp_path / "latest.backup.npz"
    latest.write_bytes(latest.read_bytes()[:200])
    again = model()
    with pytest.warns(UserWarning, match="a backup is damaged, the one before it is used"):
        history = again.fit(X, Y, epochs=4, verbose=0, callbacks=[plait.callbacks.BackupAndRestore(tmp_path)])
    assert history.epoch == [0, 1, 2, 3]
    tmp_path.mkdir(exist_ok=True)
    latest.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"no backup in .* can be read"):
        model().fit(X, Y, verbose=0, callbacks=[plait.callbacks.BackupAndRestore(tmp_path)])


def test_another_model_is_refused(tmp_path):
    with pytest.raises(Stop):
        model().fit(X, Y, epochs=2, verbose=0, callbacks=[plait.callbacks.BackupAndRestore(tmp_path), StopAt(1)])
    other = plait.Sequential([plait.Input((4,)), layers.Dense(1)])
    other.compile("sgd", "mse")
    with pytest.raises(ValueError, match="was made by another model"):
        other.fit(X, Y, verbose=0, callbacks=[plait.callbacks.BackupAndRestore(tmp_path)])


@pytest.mark.parametrize("arguments", [{"backup_dir": ""}, {"backup_dir": "x", "save_freq": "batch"}])
def test_wrong_arguments_of_backups(arguments):
    with pytest.raises(ValueError, match="BackupAndRestore"):
        plait.callbacks.BackupAndRestore(**arguments)


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path):
    script = textwrap.dedent(
        f"""
        import os, signal, sys
        import numpy as np
        sys.path.insert(0, {str(tmp_path)!r})
        import plait
        from plait import layers

        class Kill(plait.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                if epoch == 2 and sys.argv[1] == "die":
                    os.kill(os.getpid(), signal.SIGKILL)

        plait.utils.set_random_seed(0)
        model = plait.Sequential([plait.Input((4,)), layers.Dense(6), layers.Dropout(0.2), layers.Dense(1)])
        model.compile("adam", "mse")
        x = np.random.default_rng(0).normal(size=(64, 4))
        callbacks = [Kill()] + ([plait.callbacks.BackupAndRestore("run")] if sys.argv[1] != "whole" else [])
        model.fit(x, x[:, :1], epochs=4, verbose=0, callbacks=callbacks)
        np.savez(sys.argv[1], *model.get_weights())
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(plait.__file__))}

    def run(word):
        command = [sys.executable, "-c", script, word]
        return subprocess.run(command, cwd=tmp_path, check=False, env=environment).returncode

    assert run("whole") == 0
    assert run("die") == -9
    assert run("again") == 0
    with np.load(tmp_path / "whole.npz") as whole, np.load(tmp_path / "again.npz") as again:
        for name in whole.files:
            np.testing.assert_array_equal(whole[name], again[name])


# ---------------------------------------------------------------------------- averages


def test_averages_are_used_for_evaluation_and_put_back():
    made = model(plait.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9))
    seen = {}

    class Look(plait.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen[epoch] = self.model.get_weights()[0].copy()

        def on_test_begin(self, logs=None):
            seen["test"] = self.model.get_weights()[0].copy()

    swap = plait.callbacks.SwapEMAWeights()
    made.fit(X, Y, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[swap, Look()])
    assert not np.allclose(seen["test"], seen[1])
    np.testing.assert_array_equal(made.get_weights()[0], seen["test"])  # `fit` ends with the averages


def test_checkpoints_hold_the_averages(tmp_path):
    made = model(plait.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9))
    callbacks = [
        plait.callbacks.SwapEMAWeights(swap_on_epoch=True),
        plait.callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True),
    ]
    made.fit(X, Y, epochs=2, verbose=0, callbacks=callbacks)
    final = made.get_weights()
    made.load_weights(tmp_path / "2.weights.h5")
    for one, other in zip(made.get_weights()[:2], final[:2], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_an_optimizer_without_averages_is_refused():
    with pytest.raises(ValueError, match="this one keeps no averages"):
        model().fit(X, Y, verbose=0, callbacks=[plait.callbacks.SwapEMAWeights()])


# ---------------------------------------------------------------------------- servers


@pytest.fixture
def server():
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, self.headers["Content-Type"], body.decode()))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}", received
    running.shutdown()
    thread.join()
    running.server_close()


def test_logs_go_to_a_server(server):
    root, received = server
    model().fit(X, Y, epochs=2, verbose=0, callbacks=[plait.callbacks.RemoteMonitor(root, send_as_json=True)])
    assert [path for path, *_ in received] == ["/publish/epoch/end/"] * 2
    assert json.loads(received[1][2]).keys() == {"epoch", "loss", "mae"}
    model().fit(X, Y, verbose=0, callbacks=[plait.callbacks.RemoteMonitor(root, field="logs")])
    assert received[2][1:] == ("application/x-www-form-urlencoded", received[2][2])
    assert received[2][2].startswith("logs=%7B")


def test_a_server_that_is_not_there_is_a_warning():
    with pytest.warns(UserWarning, match="could not reach the server at"):
        model().fit(X, Y, verbose=0, callbacks=[plait.callbacks.RemoteMonitor("http://127.0.0.1:1")])


# ---------------------------------------------------------------------------- event files


def records(path):
    """The records of an event file, read by another hand, each check compared."""
    data, found = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        assert struct.unpack("<I", data[8:12])[0] == masked_crc32c(data[:8])
        body = data[12 : 12 + length]
        assert struct.unpack("<I", data[12 + length : 16 + length])[0] == masked_crc32c(body)
        found.append(body)
        data = data[16 + length :]
    return found


def test_the_check_of_records_is_the_published_one():
    # CRC-32C of "123456789" is 0xE3069283 (RFC 3720), masked as TFRecord does
    crc = 0xE3069283
    assert masked_crc32c(b"123456789") == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def test_event_files(tmp_path):
    made = model()
    board = plait.callbacks.TensorBoard(tmp_path, histogram_freq=1, write_images=True, update_freq="batch")
    made.fit(X, Y, batch_size=16, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[board])
    (train,), (validation,) = list((tmp_path / "train").iterdir()), list((tmp_path / "validation").iterdir())
    bodies = records(train)
    assert b"brain.Event:2" in bodies[0]
    text = b"".join(bodies)
    for tag in (b"epoch_loss", b"epoch_mae", b"epoch_learning_rate", b"batch_loss", b"/histogram", b"/image", b"keras"):
        assert tag in text
    assert sum(b"batch_loss" in body for body in bodies) == 6
    losses = [body for body in bodies if b"epoch_loss" in body]
    assert len(losses) == 2
    assert struct.pack("<f", made.history.history["loss"][0]) in losses[0]
    text = b"".join(records(validation))
    assert b"epoch_loss" in text
    assert b"evaluation_loss_vs_iterations" in text


def test_callbacks_that_do_not_look_at_batches_leave_the_loop_alone(tmp_path):
    quiet = [
        plait.callbacks.TensorBoard(tmp_path),
        plait.callbacks.BackupAndRestore(tmp_path / "b"),
        plait.callbacks.CSVLogger(tmp_path / "log.csv"),
        plait.callbacks.EarlyStopping(),
        plait.callbacks.ModelCheckpoint(tmp_path / "m.keras"),
        plait.callbacks.History(),
    ]
    watchers = plait.callbacks.CallbackList(quiet, model=model())
    assert not any(watchers.watches_batches(phase) for phase in ("train", "test", "predict"))
    loud = plait.callbacks.CallbackList([plait.callbacks.TensorBoard(tmp_path, update_freq=5)], model=model())
    assert loud.watches_batches("train")


@pytest.mark.parametrize("frequency", [None, 1, 2])
def test_a_log_file_has_columns_of_validation_where_there_is_any(tmp_path, frequency):
    file, x, y = tmp_path / "log.csv", np.ones((8, 4), "float32"), np.ones((8, 1), "float32")
    options = {} if frequency is None else {"validation_data": (x, y), "validation_freq": frequency}
    network = model()
    network.fit(x, y, epochs=2, verbose=0, callbacks=[plait.callbacks.CSVLogger(file)], **options)
    header, first, last = (line.split(",") for line in file.read_text().split())
    assert ("val_loss" in header) == (frequency is not None)
    assert len(header) == len(first) == len(last)
    assert ("NA" in first) == (frequency == 2)
    assert "NA" not in last
