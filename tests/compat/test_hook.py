"""The import hook: Keras's names give plait, a real Keras stays beside it, and scripts run unchanged."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import plait
from plait import compat
from plait.compat.report import Report


@pytest.fixture
def hook():
    compat.install()
    yield
    compat.uninstall()


def test_names_of_keras_are_names_of_plait(hook):
    import tf_keras
    from keras import layers
    from keras.api.layers import Dense as api_dense
    from keras.optimizers.schedules import ExponentialDecay
    from keras.preprocessing.sequence import pad_sequences
    from keras.src.layers.core.dense import Dense as inner_dense
    from tensorflow.keras.layers import Dense as tf_dense

    assert layers.Dense is plait.layers.Dense is inner_dense is tf_dense is api_dense is tf_keras.layers.Dense
    assert ExponentialDecay is plait.optimizers.schedules.ExponentialDecay
    assert pad_sequences is plait.preprocessing.sequence.pad_sequences
    import keras

    assert keras.backend.backend() == "jax"
    assert keras.__version__.startswith("3.")
    assert keras.Model is plait.Model


def test_a_real_keras_stays_beside_it():
    import keras as before

    compat.install()
    try:
        import keras

        assert keras is not before
        assert compat.real("keras") is before
        assert sys.modules["keras"] is keras
    finally:
        compat.uninstall()
    assert sys.modules["keras"] is before


def test_all_names_of_a_module_at_once(hook):
    names: dict = {}
    exec("from keras import *\nfrom keras.random import *", names)
    assert names["layers"].Dense is plait.layers.Dense
    assert names["SeedGenerator"] is plait.random.SeedGenerator
    assert "Any" not in names
    assert names["version"]() == "3.15.1"


def test_internals_that_packages_reach_into(hook):
    import keras

    def method(self):
        return self

    assert keras.src.utils.tracking.no_automatic_dependency_tracking(method) is method


def test_datasets_of_tensorflow_feed_fit(hook):
    import keras
    import tensorflow as tf

    x, y = np.arange(20, dtype="float32").reshape(10, 2), np.ones((10, 1), "float32")
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).map(lambda x, y: (x / 10, y)).shuffle(10, seed=1)
    batches = dataset.batch(4).prefetch(tf.data.AUTOTUNE)
    assert len(batches) == 3
    assert [len(batch[0]) for batch in batches] == [4, 4, 2]
    assert sorted(value for batch, _ in batches for value in batch[:, 0].round(4).tolist()) == sorted(
        (x[:, 0] / 10).round(4).tolist()
    )
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert len(model.fit(batches, epochs=2, verbose=0).history["loss"]) == 2
    assert model.predict(batches.map(lambda x, y: x), verbose=0).shape == (10, 1)


def test_a_tape_records(hook):
    import tensorflow as tf

    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.square(x))
    assert float(tape.gradient(y, x)) == 6.0


def test_what_is_missing_is_named(hook):
    import keras

    with pytest.raises(AttributeError, match=r"plait has no keras\.layers\.Dens\. Did you mean 'Dense'\?"):
        _ = keras.layers.Dens
    with pytest.raises(ImportError, match=r"keras\.nonsense"):
        import keras.nonsense
    import tensorflow as tf

    with pytest.raises(AttributeError, match=r"has no tensorflow\.contrib"):
        _ = tf.contrib


def test_basics_of_tensorflow(hook):
    import tensorflow as tf

    assert float(tf.reduce_sum(tf.constant([1.0, 2.0]))) == 3
    assert tf.reduce_mean(tf.ones((2, 3)), axis=1).shape == (2,)
    assert tf.cast(tf.constant([1.5]), tf.int32).dtype == "int32"
    assert tf.Variable([1.0]).numpy().tolist() == [1.0]
    assert tf.constant(2.0, shape=(2, 2)).shape == (2, 2)
    assert tf.concat([tf.zeros((1, 2)), tf.ones((1, 2))], axis=0).shape == (2, 2)
    assert tf.nn.relu(tf.constant([-1.0, 1.0])).tolist() == [0, 1]
    tf.random.set_seed(0)
    assert tf.random.normal((2, 3)).shape == (2, 3)

    @tf.function
    def double(x):
        return 2 * x

    assert float(double(tf.constant(2.0))) == 4


def test_a_notebook_loads_it_as_an_extension():
    notebook = object()
    plait.load_ipython_extension(notebook)
    try:
        import keras

        assert keras.Model is plait.Model
    finally:
        plait.unload_ipython_extension(notebook)
    import keras

    assert keras.Model is not plait.Model


def test_a_report_tells_where_the_time_went(hook):
    import keras

    report = Report()
    try:
        model = keras.Sequential([keras.Input((11,)), keras.layers.Dense(13)])
        model.compile("sgd", "mse")
        model.fit(np.ones((8, 11)), np.ones((8, 13)), verbose=0)
        model.predict(np.ones((8, 11)), verbose=0)
        with pytest.raises(AttributeError):
            _ = keras.layers.Nothing
    finally:
        report.stop()
    assert report.programs >= 2 and report.tracing > 0 and report.compiling > 0 and report.steps > 0
    known = report.programs, report.steps
    model.fit(np.ones((8, 11)), np.ones((8, 13)), verbose=0)
    assert (report.programs, report.steps) == known, "a report that was stopped listens on"
    assert "keras.layers.Nothing (1 times)" in report.text()


def test_a_report_comes_at_the_end_of_a_script(tmp_path):
    (tmp_path / "script.py").write_text("import sys, keras\nhasattr(keras.layers, 'Missing')\nsys.exit(3)\n")
    source = {**os.environ, "PYTHONPATH": str(Path(plait.__file__).parents[1])}
    command = [sys.executable, "-m", "plait", "--report", "script.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=source, timeout=120, check=False)
    assert done.returncode == 3
    assert "s in all" in done.stderr and "keras.layers.Missing (1 times)" in done.stderr


SCRIPT = """
import sys
import numpy as np
import keras
from keras import layers
from tensorflow.keras.models import Sequential
model = Sequential([layers.Input((4,)), layers.Dense(3)])
model.compile("adam", "mse")
model.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)
print(type(model).__module__, sys.argv[1:], __name__)
"""


@pytest.mark.parametrize("way", ["file", "module", "code"])
def test_a_script_runs(way, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    how = {"file": [str(tmp_path / "script.py")], "module": ["-m", "script"], "code": ["-c", SCRIPT]}[way]
    command = [sys.executable, "-W", "ignore", "-m", "plait", *how, "--epochs", "3"]
    source = {**os.environ, "PYTHONPATH": str(Path(plait.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=source, timeout=120, check=False)
    assert done.stdout.strip().splitlines()[-1] == "plait.models.sequential ['--epochs', '3'] __main__", done.stderr
