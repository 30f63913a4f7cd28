"""What packages ask of TensorFlow and of callbacks: types, modules that say what they can't do, TensorBoard without TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import keras as real_keras
import numpy as np
import pytest

import plait


@pytest.fixture
def tf():
    before = {name for name in sys.modules if name.split(".")[0] == "tensorflow"}
    plait.compat.install()
    import tensorflow

    yield tensorflow
    plait.compat.uninstall()
    # A TensorFlow that a test made stays imported, as a real one would; Keras, asked by later tests, must not find it.
    for name in [name for name in sys.modules if name.split(".")[0] == "tensorflow" and name not in before]:
        del sys.modules[name]


def test_types_are_there_for_isinstance_and_annotations(tf):
    def typed(a: tf.Tensor, b: tf.RaggedTensor, c: "tf.SparseTensor | tf.IndexedSlices") -> tf.TensorSpec: ...

    assert isinstance(tf.constant(1.0), tf.Tensor)
    assert isinstance(next(iter(tf.data.Dataset.range(2))), tf.Tensor)
    assert not isinstance(np.ones(2), tf.Tensor) and not isinstance(plait.Variable(1.0), tf.Tensor)
    assert isinstance(plait.layers.Dense(1)(np.ones((1, 2))), tf.Tensor)
    layer = plait.layers.Dense(2)
    layer.build((None, 3))
    assert isinstance(layer.kernel, tf.Variable) and tf.is_tensor(layer.kernel)
    assert isinstance(tf.ragged.constant([[1], []]), tf.RaggedTensor)
    assert isinstance(tf.TensorShape([1]), tuple) and tf.TensorShape([1, None]) == [1, None]
    assert isinstance(plait.utils.Dataset.range(3), tf.data.Dataset)
    assert issubclass(tf.test.TestCase, object) and tf.as_dtype("float32").is_floating


REFUSED = {
    "tf.saved_model.load('x')": "keras.models.load_model",
    "tf.lite.TFLiteConverter.from_keras_model(None)": "model.export",
    "tf.distribute.TPUStrategy(None)": "keras.distribution",
    "tf.distribute.experimental.CentralStorageStrategy()": "keras.distribution",
    "tf.distribute.cluster_resolver.TPUClusterResolver.connect()": "keras.distribution",
    "tf.train.Checkpoint(model=None)": "model.save_weights",
    "tf.queue.FIFOQueue(1, tf.float32)": "queue.Queue",
    "tf.estimator.Estimator(None)": "keras.Model",
    "tf.compat.v1.Session()": "Call functions and models",
    "tf.keras.layers.TFSMLayer('x')": "SavedModel",
    "tf.function(lambda x: x).get_concrete_function(1)": "jax.export",
}


@pytest.mark.parametrize("expression", REFUSED)
def test_what_cannot_be_there_says_so_when_it_is_called(tf, expression):
    name, _, _ = expression.partition("(")
    if "function" not in name:
        assert eval(name, {"tf": tf}) is not None  # asking for it, as packages do when they are imported, is fine
    with pytest.raises(plait.errors.MissingError, match=f"plait has no (tf|keras).*{REFUSED[expression]}"):
        eval(expression, {"tf": tf})


def test_modules_of_tensorflow_are_imported_by_their_paths(tf):
    import tensorflow.data.experimental as experimental
    import tensorflow.keras.layers as layers
    from tensorflow.io import gfile
    from tensorflow.python.ops.numpy_ops import np_config

    np_config.enable_numpy_behavior()
    assert experimental is tf.data.experimental and layers.Dense is plait.layers.Dense
    assert gfile.exists(__file__)
    assert tf.losses.MeanSquaredError is plait.losses.MeanSquaredError
    assert tf.experimental.numpy.square(3.0) == 9.0
    with pytest.raises(ImportError):
        import tensorflow.nonsense  # noqa: F401


def test_a_strategy_of_one_machine_is_a_scope(tf):
    strategy = tf.distribute.MirroredStrategy()
    assert strategy.num_replicas_in_sync == 1 and tf.distribute.get_strategy().num_replicas_in_sync == 1
    assert [device.device_type for device in tf.config.list_physical_devices("CPU")]


# As in TensorBoard's own `compat/__init__.py`: a module of this name says that there is no TensorFlow.
TENSORBOARD = """
def tf():
    try:
        from tensorboard.compat import notf
    except ImportError:
        import tensorflow
        return tensorflow
    return "its own stub"
"""


def test_tensorboard_does_without_tensorflow(tf, tmp_path, monkeypatch):
    (tmp_path / "tensorboard" / "compat").mkdir(parents=True)
    (tmp_path / "tensorboard" / "__init__.py").write_text("")
    (tmp_path / "tensorboard" / "compat" / "__init__.py").write_text(TENSORBOARD)
    monkeypatch.syspath_prepend(tmp_path)
    from tensorboard import compat

    assert compat.tf() == "its own stub"
    for name in [name for name in sys.modules if name.split(".")[0] == "tensorboard"]:
        del sys.modules[name]


def checkpoint_of_a_package(library):
    """As wandb's: it overrides what Keras's ModelCheckpoint calls, and calls what that has."""

    class Checkpoint(library.callbacks.ModelCheckpoint):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.told = []

        def on_train_batch_end(self, batch, logs=None):
            if self._should_save_on_batch(batch):
                self._save_model(epoch=self._current_epoch, batch=batch, logs=logs)
                path = self._get_file_path(epoch=self._current_epoch, batch=batch, logs=logs)
                self.told.append((self._current_epoch, batch, os.path.basename(path)))

        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            if self.save_freq == "epoch":
                self.told.append((epoch, os.path.basename(self._get_file_path(epoch=epoch, batch=None, logs=logs))))

    return Checkpoint


@pytest.mark.parametrize("frequency", ["epoch", 3])
def test_a_checkpoint_has_the_methods_that_packages_override(tmp_path, frequency):
    told = []
    for library in (real_keras, plait):
        folder = tmp_path / library.__name__
        folder.mkdir()
        name = "{epoch}.keras" if frequency == "epoch" else "{epoch}-{batch}.keras"
        callback = checkpoint_of_a_package(library)(str(folder / name), save_freq=frequency)
        model = library.Sequential([library.Input((2,)), library.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(np.ones((20, 2)), np.ones((20, 1)), batch_size=4, epochs=2, verbose=0, callbacks=[callback])
        told.append((callback.told, sorted(os.listdir(folder))))
    assert told[0] == told[1]


def test_files_are_written_and_read(tf, tmp_path):
    rows = [{"x": [1.0, 2.0], "y": [3], "name": [b"a"]}, {"x": [3.0, 4.0], "y": [-5], "name": [b"b", b"c"]}]
    path = str(tmp_path / "rows.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for row in rows:
            feature = {
                "x": tf.train.Feature(float_list=tf.train.FloatList(value=row["x"])),
                "y": tf.train.Feature(int64_list=tf.train.Int64List(value=row["y"])),
                "name": tf.train.Feature(bytes_list=tf.train.BytesList(value=row["name"])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    spec = {
        "x": tf.io.FixedLenFeature([2], tf.float32),
        "y": tf.io.FixedLenFeature([], tf.int64),
        "name": tf.io.VarLenFeature(tf.string),
    }
    read = list(tf.data.TFRecordDataset([path]).map(lambda row: tf.io.parse_single_example(row, spec)))
    assert [row["x"].numpy().tolist() for row in read] == [row["x"] for row in rows]
    assert [int(row["y"]) for row in read] == [3, -5]
    assert [tf.sparse.to_dense(row["name"]).numpy().tolist() for row in read] == [row["name"] for row in rows]
    (tmp_path / "rows.tfrecord").write_bytes(Path(path).read_bytes()[:-3])
    with pytest.raises(plait.errors.DataError, match="cut short"):
        list(tf.data.TFRecordDataset(path))
    (tmp_path / "table.csv").write_text("a,b,label\n1,2.5,x\n3,4.5,y\n")
    table = tf.data.experimental.make_csv_dataset(
        str(tmp_path / "*.csv"), 2, label_name="label", num_epochs=1, shuffle=False
    )
    (columns, labels), *more = list(table)
    assert not more and {name: column.numpy().tolist() for name, column in columns.items()} == {
        "a": [1, 3],
        "b": [2.5, 4.5],
    }
    assert labels.numpy().tolist() == [b"x", b"y"]
    lines = tf.data.TextLineDataset(str(tmp_path / "table.csv")).skip(1)
    assert [line.numpy() for line in lines] == [b"1,2.5,x", b"3,4.5,y"]
    tf.io.write_file(str(tmp_path / "new" / "text"), "hello")
    assert tf.io.read_file(str(tmp_path / "new" / "text")).numpy() == b"hello"
    files = tf.data.Dataset.list_files(str(tmp_path / "*.csv"))
    assert [os.path.basename(name.numpy().decode()) for name in files] == ["table.csv"]


def test_variables_are_tensorflows(tf):
    v = tf.Variable(initial_value=[[1.0, 2.0], [3.0, 4.0]], name="scope/v:0", trainable=False)
    v[0, 1].assign(9.0)
    v.scatter_nd_update([[1, 0]], [7.0])
    assert v.numpy().tolist() == [[1.0, 9.0], [7.0, 4.0]] and not v.trainable
    assert v.shape.as_list() == [2, 2] and v.read_value().shape == (2, 2)
    v.scatter_update(tf.IndexedSlices([[0.0, 0.0]], [0]))
    assert v.numpy()[0].tolist() == [0.0, 0.0]
    assert tf.Variable(lambda: 3).dtype == "int32"


def test_names_are_counted(tmp_path):
    (tmp_path / "names.md").write_text(
        "| 5 | `tf.reduce_sum` |\n| 3 | `tf.nonsense` | - |\n| 2 | `keras.backend.sum` |\n"
    )
    root = Path(__file__).parents[2]
    source = {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"}
    command = [sys.executable, "-m", "tools.names", str(tmp_path / "names.md")]
    done = subprocess.run(command, capture_output=True, text=True, env=source, timeout=120, check=True)
    assert "in 2 or more programs: 2 of 3 names, 70.0% weighted by programs" in done.stdout
    assert "missing: tf.nonsense (3)" in done.stdout


def test_a_tensorflow_that_is_installed_stands_behind(tf, tmp_path, monkeypatch):
    """Names that the stand-in lacks are the real one's, whose functions import more of it when they are called."""
    from plait.compat import tensorflow_behind as stand_in

    (tmp_path / "tensorflow" / "python" / "inner").mkdir(parents=True)
    (tmp_path / "tensorflow" / "__init__.py").write_text(
        "from types import SimpleNamespace\n"
        "hidden = []\n"
        "config = SimpleNamespace(set_visible_devices=lambda devices, kind: hidden.append(kind))\n"
        "def rare(x):\n"
        "    from tensorflow.python.inner import late\n"
        "    return late.computed(x)\n"
    )
    for package in ("python", "python/inner"):
        (tmp_path / "tensorflow" / package / "__init__.py").write_text("")
    (tmp_path / "tensorflow" / "python" / "inner" / "late.py").write_text(
        "class Tensor:\n"
        "    def __init__(self, value): self.value = value\n"
        "    def __array__(self, dtype=None, copy=None):\n"
        "        import numpy\n"
        "        return numpy.asarray(self.value, dtype)\n"
        "def computed(x): return Tensor([float(v) * 2 for v in x])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    stand_in.real_tensorflow.cache_clear()
    try:
        found = tf.rare([1, 2])
        assert stand_in.real_tensorflow().hidden == ["GPU"]
        assert tf.reduce_sum(found).numpy() == 6.0
        (row,) = tf.data.Dataset.from_tensor_slices([[1, 2]]).map(tf.rare)
        assert row.numpy().tolist() == [2.0, 4.0]
        assert plait.ops.sum(found) == 6.0
        assert tf.keras.Model is plait.Model
        with pytest.raises(AttributeError, match=r"has no tensorflow\.nonsense"):
            _ = tf.nonsense
    finally:
        stand_in.real_tensorflow.cache_clear()
