"""Loading draws no first values that the file brings anyway, and leaves none half made."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import plait
from plait.core import variable as variables
from plait.errors import ArgumentError, FileError


def trained(units=64):
    """A small trained model."""
    x = plait.Input((units,))
    model = plait.Model(x, plait.layers.Dense(1)(plait.layers.Dense(units, activation="relu")(x)))
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((8, units), "float32"), np.ones((8, 1), "float32"), verbose=0)
    return model


@pytest.fixture
def drawn(monkeypatch):
    """The names of the variables whose first values were drawn."""
    names, draw = [], variables._drawn

    def note(initializer, shape, dtype, name):
        names.append((name, shape))
        return draw(initializer, shape, dtype, name)

    monkeypatch.setattr(variables, "_drawn", note)
    return names


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_what_the_file_brings_is_not_drawn(name, drawn, tmp_path):
    model = trained()
    model.save(tmp_path / name)
    drawn.clear()
    again = plait.load_model(tmp_path / name)
    assert not [shape for _, shape in drawn if np.prod(shape) >= variables._LATE_FROM]
    for mine, theirs in zip(again.variables, model.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    for mine, theirs in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


def test_what_the_file_lacks_is_drawn_by_the_end(drawn, tmp_path):
    model = trained()
    model.compile(plait.optimizers.Adam(use_ema=True), "mse")
    model.save(tmp_path / "m.keras", include_optimizer=False)
    model.save(tmp_path / "all.keras")
    for name in ("m.keras", "all.keras"):
        again = plait.load_model(tmp_path / name)
        everything = [*again.variables, *getattr(again.optimizer, "variables", ())]
        assert all(variable.filled for variable in everything)
    model.fit(np.ones((8, 64), "float32"), np.ones((8, 1), "float32"), verbose=0)


def test_a_failed_load_of_weights_leaves_all_as_it_was(tmp_path):
    model, other = trained(), trained()
    model.save_weights(tmp_path / "m.safetensors")
    data = bytearray((tmp_path / "m.safetensors").read_bytes())
    before = other.get_weights()
    (tmp_path / "m.safetensors").write_bytes(bytes(data[:-16]))
    with pytest.raises(plait.errors.FileError):
        other.load_weights(tmp_path / "m.safetensors")
    for mine, kept in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, kept)


def test_weights_are_laid_out_as_the_distribution_says_when_a_file_is_read(tmp_path):
    model = trained()
    model.save(tmp_path / "m.keras")
    mesh = plait.distribution.DeviceMesh((1,), ["batch"], plait.distribution.list_devices()[:1])
    with plait.distribution.DataParallel(mesh).scope():
        again = plait.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


PEAK = """
import sys, plait
def now(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))
small = plait.Sequential([plait.Input((4,)), plait.layers.Dense(4)])
small.save(sys.argv[1] + ".small.keras")
plait.load_model(sys.argv[1] + ".small.keras")
before = now("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
model = plait.load_model(sys.argv[1])
print(now("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak of memory")
def test_the_peak_of_memory_is_near_the_size_of_the_file(tmp_path):
    x = h = plait.Input((1536,))
    for _ in range(6):
        h = plait.layers.Dense(1536)(h)
    plait.Model(x, h).save(tmp_path / "m.keras")
    command = [sys.executable, "-c", PEAK, str(tmp_path / "m.keras")]
    environment = {**os.environ, "PYTHONPATH": "src"}
    peak = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    assert int(peak) < 1.3 * (tmp_path / "m.keras").stat().st_size


class Forward(io.RawIOBase):
    """A stream that can only be written, from its beginning on: a socket, say."""

    def __init__(self):
        super().__init__()
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def test_a_model_goes_into_a_file_object_and_comes_out_again(tmp_path):
    model = trained(8)
    file = io.BytesIO(b"before")
    file.seek(6)
    model.save(file)
    assert file.getvalue()[:6] == b"before"
    file.seek(6)
    again = plait.load_model(file)
    for mine, theirs in zip(
        [*again.variables, *again.optimizer.variables], [*model.variables, *model.optimizer.variables], strict=True
    ):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    stream = Forward()
    plait.saving.save_model(model, stream, include_optimizer=False)
    (tmp_path / "m.keras").write_bytes(stream.data)
    assert plait.load_model(tmp_path / "m.keras").count_params() == model.count_params()


def test_a_model_that_cannot_be_saved_leaves_nothing_in_a_file_object():
    class Fails(plait.layers.Layer):
        def save_own_variables(self, store):
            raise ValueError("no")

    model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(1), Fails()])
    stream = Forward()
    with pytest.raises(ValueError, match="no"):
        model.save(stream)
    assert stream.data == b""
    with pytest.raises(FileError, match="as text"):
        model.save(io.StringIO())
    with pytest.raises(ArgumentError, match="writes a folder"):
        model.save(stream, zipped=False)
    with pytest.raises(FileError, match="cannot be read as a model"):
        plait.load_model(io.BytesIO(b"nothing of the kind"))


def test_weights_of_some_layers_are_left_out(tmp_path):
    model, other = trained(4), trained(4)
    model.save_weights(tmp_path / "m.weights.h5", objects_to_skip=[model.layers[1]])
    before = other.layers[1].get_weights()
    other.load_weights(tmp_path / "m.weights.h5", objects_to_skip=[other.layers[1]])
    for mine, kept in zip(other.layers[1].get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, kept)
    np.testing.assert_array_equal(other.layers[2].get_weights()[0], model.layers[2].get_weights()[0])


def test_a_list_that_holds_itself_is_walked_once(tmp_path):
    @plait.saving.register_keras_serializable("loading")
    class Cyclic(plait.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.blocks = [plait.layers.Dense(2), {}]
            self.blocks[1]["up"] = self.blocks

        def call(self, x):
            return self.blocks[0](x)

    model, x = Cyclic(), np.ones((2, 4), "float32")
    expected = model(x)
    assert len(model.weights) == 2
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(plait.load_model(tmp_path / "m.keras")(x), expected)
