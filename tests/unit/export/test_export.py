"""Exported models compute what the models do, each by the library that its format is for."""

import jax
import numpy as np
import pytest

import plait
from plait import export, layers
from plait.errors import ArgumentError, FileError, StateError

RNG = np.random.default_rng(0)


def image():
    inputs = plait.Input((12, 12, 3), name="picture")
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.Flatten()(layers.AveragePooling2D()(x))
    return plait.Model(inputs, layers.Dense(3, activation="softmax")(x))


def text():
    inputs = plait.Input((9,), dtype="int32", name="words")
    x = layers.Embedding(20, 6, mask_zero=True)(inputs)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    return plait.Model(inputs, layers.Dense(2)(layers.GRU(3)(x)))


def attention():
    inputs = plait.Input((None, 8), name="series")
    x = layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(inputs, inputs) + inputs)
    return plait.Model(inputs, layers.Dense(1, activation="swish")(layers.Dropout(0.5)(x)))


def several():
    first, second = plait.Input((3,), name="first"), plait.Input((4,), name="second")
    both = layers.Concatenate()([first, second])
    return plait.Model({"first": first, "second": second}, {"one": layers.Dense(1)(both), "two": layers.Dense(2)(both)})


MODELS = [image, text, attention, several]


def data(model, rows=5):
    """Arrays in the structure of the model's inputs."""

    def make(tensor):
        shape = (rows, *(7 if size is None else size for size in tensor.shape[1:]))
        return RNG.integers(0, 20, shape).astype("int32") if tensor.dtype == "int32" else RNG.random(shape, "float32")

    return jax.tree.map(make, model.input, is_leaf=lambda leaf: isinstance(leaf, plait.KerasTensor))


def assert_same(found, model, x):
    found, expected = (jax.tree.leaves(jax.tree.map(np.asarray, part)) for part in (found, model(x)))
    for mine, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-6)


class TestStableHLO:
    """`format="stablehlo"`."""

    @pytest.fixture(autouse=True)
    def needs(self):
        pytest.importorskip("flatbuffers", reason="JAX writes such files with flatbuffers")

    @pytest.mark.parametrize("make", MODELS)
    def test_any_number_of_rows_as_the_model(self, make, tmp_path, capsys):
        model = make()
        model.export(tmp_path / "model", format="stablehlo")
        assert "Saved artifact at" in capsys.readouterr().out
        artifact = export.load(tmp_path / "model")
        for rows in (1, 5):
            x = data(model, rows)
            assert_same(artifact(x), model, x)
        assert artifact.exported.platforms == ("cpu", "cuda", "rocm", "tpu")

    def test_jax_alone_reads_it(self, tmp_path):
        model = several()
        model.export(tmp_path / "model", format="stablehlo", verbose=0)
        exported = jax.export.deserialize(bytearray((tmp_path / "model").read_bytes()))
        x = data(model)
        assert_same(exported.call(x), model, x)

    def test_sizes_are_those_of_the_signature(self, tmp_path, capsys):
        model = attention()
        signature = [plait.InputSpec(shape=(2, 7, 8), dtype="float32")]
        model.export(
            tmp_path / "model", format="stablehlo", input_signature=signature, platforms=["cpu"], verbose=False
        )
        assert capsys.readouterr().out == ""
        artifact = export.load(tmp_path / "model")
        x = data(model, 2)
        assert_same(artifact(x), model, x)
        with pytest.raises(ValueError, match="shape"):
            artifact(data(model, 3))

    def test_draws_and_subclasses(self, tmp_path):
        class Noisy(plait.Model):
            """Draws also when it predicts: the count of draws is state, which isn't carried on."""

            def __init__(self):
                super().__init__()
                self.seed, self.dense = plait.random.SeedGenerator(1), layers.Dense(2)

            def call(self, x):
                return self.dense(x) + 0 * plait.random.normal((2,), seed=self.seed)

        model = Noisy()
        x = RNG.random((4, 3), "float32")
        expected, drawn = np.asarray(model(x)), model.seed.state.numpy().tolist()
        model.export(tmp_path / "model", format="stablehlo", verbose=0)
        np.testing.assert_allclose(export.load(tmp_path / "model")(x), expected, rtol=1e-6)
        assert model.seed.state.numpy().tolist() == drawn

    def test_other_files_are_refused(self, tmp_path):
        (tmp_path / "text").write_text("no program")
        for name in ("text", "nothing"):
            with pytest.raises(FileError):
                export.load(tmp_path / name)


@pytest.mark.parametrize("make", MODELS)
def test_onnx_files_are_as_the_model(make, tmp_path):
    pytest.importorskip("jax2onnx", reason="writes ONNX files")
    runtime = pytest.importorskip("onnxruntime", reason="runs ONNX files")
    model = make()
    model.export(tmp_path / "model.onnx", format="onnx", verbose=0)
    session = runtime.InferenceSession(str(tmp_path / "model.onnx"))
    assert [given.name for given in session.get_inputs()] == model.input_names
    for rows in (1, 5):
        x = data(model, rows)
        assert_same(session.run(None, dict(zip(model.input_names, jax.tree.leaves(x)))), model, x)


@pytest.mark.parametrize("make", MODELS)
def test_saved_models_are_as_the_model(make, tmp_path):
    tf = pytest.importorskip("tensorflow", reason="writes and serves SavedModels")
    model = make()
    model.export(tmp_path / "model", verbose=0)
    served = tf.saved_model.load(str(tmp_path / "model"))
    for rows in (1, 5):
        x = data(model, rows)
        assert_same(jax.tree.map(lambda y: y.numpy(), served.serve(jax.tree.map(tf.constant, x))), model, x)
    assert set(served.signatures) == {"serve", "serving_default"}
    assert len(served.trainable_variables) == len(model.trainable_variables)


def test_archives_have_several_endpoints(tmp_path, capsys):
    tf = pytest.importorskip("tensorflow", reason="writes and serves SavedModels")
    model = plait.Sequential([plait.Input((3,)), layers.Dense(2)])
    archive = export.ExportArchive()
    archive.track(model)
    signature = [plait.InputSpec(shape=(None, 3), dtype="float32")]
    archive.add_endpoint("once", model.call, signature)
    archive.add_endpoint("twice", lambda x: 2 * model(x), signature)
    archive.add_variable_collection("kernels", [model.layers[0].kernel])
    archive.write_out(tmp_path / "model")
    assert "'once', 'twice'" in capsys.readouterr().out
    served = tf.saved_model.load(str(tmp_path / "model"))
    x = RNG.random((4, 3), "float32")
    np.testing.assert_allclose(served.once(x), model(x), rtol=1e-6)
    np.testing.assert_allclose(served.twice(x), 2 * model(x), rtol=1e-6)
    assert served.kernels[0].shape == (3, 2) and set(served.signatures) == {"once", "twice", "serving_default"}


def test_what_cannot_be_exported_is_refused(tmp_path):
    model = several()
    words = layers.StringLookup(vocabulary=["a"])
    texts = plait.Input((1,), dtype="string")
    reads = plait.Model(texts, words(texts))
    for run, error, message in (
        (lambda: model.export(tmp_path / "x", format="onxx"), ArgumentError, "Did you mean 'onnx'"),
        (lambda: model.export(tmp_path / "x", format="litert"), ArgumentError, "TFLiteConverter"),
        (lambda: model.export(tmp_path / "x", format="stablehlo", opset_version=3), ArgumentError, "opset_version"),
        (lambda: plait.Sequential([layers.Dense(1)]).export(tmp_path / "x", format="stablehlo"), StateError, "built"),
        (lambda: reads.export(tmp_path / "x", format="stablehlo"), StateError, "between"),
        (lambda: export.ExportArchive("neptune_model"), ArgumentError, "saved_model"),
        (lambda: export.ExportArchive().write_out(tmp_path / "x"), StateError, "endpoints"),
        (lambda: export.ExportArchive().add_endpoint("serve", model.call), ArgumentError, "input_signature"),
        (lambda: export.ExportArchive().track(3), ArgumentError, "tracked"),
        (lambda: export.ExportArchive().add_variable_collection("a", [3]), ArgumentError, "variables"),
    ):
        with pytest.raises(error, match=message):
            run()
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "format, package, extra",
    [
        ("stablehlo", "flatbuffers", "export"),
        ("onnx", "jax2onnx", "onnx"),
        ("tf_saved_model", "tensorflow", "tensorflow"),
    ],
)
def test_what_is_missing_is_named(format, package, extra, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ImportError, match=rf"pip install plait\[{extra}\]"):
        several().export(tmp_path / "x", format=format, verbose=0)
