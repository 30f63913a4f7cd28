"""Programs in the manner of the tutorials that lean on TensorFlow print on plait what Keras with TensorFlow printed."""

import hashlib
import json
import os
import subprocess
import sys
from functools import cache

import pytest

from .test_scripts import HERE, differences, run_on

KEPT = json.loads((HERE / "tensorflow_printed.json").read_text())
SCRIPTS = HERE / "tensorflow_scripts"
ALWAYS = ("graph_attention", "grad_cam", "mixup_records", "wgan_gp")  # the others are marked slow
WITH = HERE / "real_tensorflow_scripts"
ROOT = HERE.parents[1]
NAMES_WITH = sorted(path.stem for path in WITH.glob("*.py"))
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))


@pytest.mark.parametrize(
    "name", [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_the_program_prints_what_it_prints_on_tensorflow(name):
    group = ALWAYS if name in ALWAYS else tuple(other for other in NAMES if other not in ALWAYS)
    script = SCRIPTS / f"{name}.py"
    assert KEPT[name]["script"] == hashlib.sha256(script.read_bytes()).hexdigest()[:16], (
        "The script is another one now: make tensorflow-answers."
    )
    ours = run_on("plait", tuple(str(SCRIPTS / f"{one}.py") for one in group))[name]
    assert not ours["error"], ours["error"]
    assert differences(KEPT[name]["printed"], ours["printed"]) == []


def test_there_are_as_many_as_are_kept():
    assert sorted(KEPT) == sorted([*NAMES, *NAMES_WITH]) and len(NAMES) >= 25


def pythons_with_tensorflow():
    """Pythons that may have TensorFlow: one that is named, this one, and that of `make tensorflow-answers`."""
    named = os.environ.get("PLAIT_TENSORFLOW_PYTHON")
    return [*filter(None, [named]), sys.executable, str(ROOT / ".cache" / "tensorflow" / "bin" / "python")]


@cache
def python_with_tensorflow():
    """A Python in which TensorFlow and what plait needs are installed, without importing them; None if there is none."""
    probe = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ('tensorflow', 'jax', 'h5py', 'PIL'))))"
    for python in pythons_with_tensorflow():
        if os.path.exists(python) and not subprocess.run([python, "-c", probe], timeout=60).returncode:
            return python
    return None


def with_tensorflow(name):
    """What a script printed on plait where TensorFlow stands behind the stand-in."""
    python = python_with_tensorflow()
    if python is None:
        pytest.skip("no Python with TensorFlow: make tensorflow-answers, or name one in PLAIT_TENSORFLOW_PYTHON")
    folder = WITH if name in NAMES_WITH else SCRIPTS
    names = NAMES_WITH if name in NAMES_WITH else NAMES
    told = run_on("plait", tuple(str(folder / f"{one}.py") for one in names), python)[name]
    assert not told["error"], told["error"]
    return told["printed"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES_WITH)
def test_the_program_runs_on_the_tensorflow_that_is_installed(name):
    script = WITH / f"{name}.py"
    assert KEPT[name]["script"] == hashlib.sha256(script.read_bytes()).hexdigest()[:16], (
        "The script is another one now: make tensorflow-answers."
    )
    assert differences(KEPT[name]["printed"], with_tensorflow(name)) == []


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_the_programs_print_the_same_with_tensorflow_behind(name):
    assert differences(KEPT[name]["printed"], with_tensorflow(name)) == []


CHOICES = """
import sys
import jax, numpy as np
import tensorflow as tf
from plait.compat import tensorflow_behind
import plait

def kind(value):
    return "plait" if isinstance(value, (jax.Array, plait.KerasTensor)) else type(value).__module__.split(".")[0]

ours = tf.constant([[1.0, 2.0]])
assert kind(tf.reduce_sum(ours)) == "plait" and tf.data.AUTOTUNE == -1
assert isinstance(plait.utils.Dataset.range(2), tf.data.Dataset) and "tensorflow.python.framework.ops" not in sys.modules
assert tensorflow_behind.loaded() is None  # nothing needed it so far
(theirs,) = tf.data.Dataset.from_tensors([[3.0, 4.0]])
assert kind(theirs) == "tensorflow" and isinstance(theirs, tf.Tensor) and tf.is_tensor(theirs)
print([kind(value) for value in (
    tf.reduce_sum(theirs), tf.concat([theirs, theirs], 0), tf.concat([theirs, ours], 0), tf.image.flip_left_right(theirs[..., None]),
    tf.image.flip_left_right(ours[..., None]), theirs + 1.0, theirs + ours, ours - theirs, theirs > ours, theirs @ tf.transpose(ours),
    tf.square(tf.Variable(theirs)), tf.add(plait.Input((2,)), theirs), jax.numpy.asarray(theirs), plait.ops.add(theirs, 1.0),
    plait.layers.Dense(1)(theirs), tf.strings.lower("A"), tf.constant(1, tf.int64), tf.constant(1),
)])
assert (ours - theirs).tolist() == [[-2.0, -2.0]] and tf.concat([theirs, ours], 0).tolist() == [[3.0, 4.0], [1.0, 2.0]]
assert tf.cast(theirs, tf.int32).numpy().tolist() == [[3, 4]] and tf.float32 == theirs.dtype
model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(1, kernel_initializer="ones")])
model.compile("sgd", "mse", metrics=["mae"])
assert np.allclose(model.predict(theirs, verbose=0), 7.0) and np.allclose(model.evaluate(theirs, tf.zeros((1, 1)), verbose=0), [49.0, 7.0])
model.fit(theirs, theirs[:, :1], sample_weight=theirs[:, 0], verbose=0)
model.train_on_batch(theirs, theirs[:, :1])
norm = plait.layers.Normalization()
norm.adapt(tf.data.Dataset.from_tensor_slices([[1.0], [3.0]]).batch(2))
assert np.allclose(norm(np.array([[3.0]])), 1.0)
from tensorflow.python.framework import ops
assert ops.__name__ == "tensorflow.python.framework.ops" and tensorflow_behind.real_tensorflow().keras.Model is plait.Model
print([device.device_type for device in tensorflow_behind.real_tensorflow().config.get_visible_devices()])
plait.compat.uninstall()
import tensorflow
assert tensorflow is tensorflow_behind.loaded() and not hasattr(ours, "_keras_mask")
assert tensorflow.Tensor.__add__.__module__.startswith("tensorflow") and tensorflow.keras.Model.__module__.startswith("keras.")
"""


def test_a_function_goes_by_its_operands():
    python = python_with_tensorflow()
    if python is None:
        pytest.skip("no Python with TensorFlow: make tensorflow-answers, or name one in PLAIT_TENSORFLOW_PYTHON")
    around = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT / "src")}
    command = [python, "-m", "plait", "-c", CHOICES]
    done = subprocess.run(command, capture_output=True, text=True, env=around, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    kinds, devices = done.stdout.splitlines()
    tensorflows, plaits = "tensorflow", "plait"
    assert eval(kinds) == (
        [tensorflows] * 2 + [plaits, tensorflows, plaits, tensorflows] + [plaits] * 9 + [tensorflows] * 2 + [plaits]
    )
    assert eval(devices) == ["CPU"]
