"""KerasFileEditor, beside Keras's own."""

import keras
import numpy as np
import pytest

import plait
from plait.errors import ArgumentError, FileError
from plait.saving import KerasFileEditor

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(capsys):
    """Keeps what the editors print from the report, and from warnings about it."""
    return capsys


def stack(engine, sizes=(4, 4), compiled=True):
    x = inputs = engine.Input((3,))
    for size in sizes:
        x = engine.layers.Dense(size)(x)
    model = engine.Model(inputs, x)
    if compiled:
        model.compile("adam", "mse")
    return model


def nested(engine):
    inputs = engine.Input((3,))
    inner = engine.Sequential([engine.Input((3,)), engine.layers.Dense(2)])
    return engine.Model(inputs, engine.layers.Dense(1)(inner(inputs)))


def shapes(tree):
    return {key: shapes(value) if isinstance(value, dict) else np.shape(value) for key, value in tree.items()}


@pytest.mark.parametrize("ending", ["keras", "weights.h5"])
@pytest.mark.parametrize("writer", [keras, plait], ids=["keras", "plait"])
def test_the_tree_is_keras_s(tmp_path, writer, ending):
    path = str(tmp_path / f"model.{ending}")
    model = stack(writer)
    model.save(path) if ending == "keras" else model.save_weights(path)
    ours, theirs = KerasFileEditor(path), keras.saving.KerasFileEditor(path)
    assert shapes(ours.weights_dict) == shapes(theirs.weights_dict)
    assert ours.object_metadata == theirs.object_metadata
    assert (ours.config, ours.metadata) == (theirs.config, theirs.metadata)


def test_edits_are_keras_s(tmp_path):
    path = str(tmp_path / "model.weights.h5")
    stack(keras).save_weights(path)
    more = {"0": np.ones((4, 2), "float32"), "1": np.zeros(2, "float32")}
    for editor in (KerasFileEditor(path), keras.saving.KerasFileEditor(path)):
        editor.rename_object("layers/dense", new_name="dense_7")
        editor.delete_object("layers/dense_1")
        editor.add_object("layers/dense_2", more)
        editor.add_object("other", {"0": np.ones(3, "float32")})
        editor.delete_weight("layers/dense_7", "1")
        editor.add_weights("layers/dense_7", {"1": np.full(5, 2, "float32"), "2": np.ones((), "float32")})
        editor.save(tmp_path / f"{type(editor).__module__.split('.')[0]}.weights.h5")
    ours, theirs = (keras.saving.KerasFileEditor(str(tmp_path / f"{e}.weights.h5")) for e in ("plait", "keras"))
    assert shapes(ours.weights_dict) == shapes(theirs.weights_dict)
    assert ours.weights_dict["layers"]["dense_7"]["1"].tolist() == [2.0] * 5
    assert KerasFileEditor(tmp_path / "keras.weights.h5").weights_dict.keys() == {"layers", "optimizer", "other"}


def test_an_edited_file_loads(tmp_path):
    """The guide's case: a layer was put in, so the weights after it move on by one."""
    old, new = stack(plait, (4, 2), compiled=False), stack(plait, (4, 4, 2), compiled=False)
    path, edited = tmp_path / "old.weights.h5", tmp_path / "new.weights.h5"
    old.save_weights(path)
    editor = KerasFileEditor(path)
    editor.rename_object("layers/dense_1", "dense_2")
    editor.add_object("layers/dense_1", {"0": np.eye(4, dtype="float32"), "1": np.zeros(4, "float32")})
    assert editor.compare(new)["status"] == "success"
    editor.resave_weights(edited)
    new.load_weights(edited)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(new(x), old(x), rtol=1e-6)
    theirs = stack(keras, (4, 4, 2), compiled=False)
    theirs.load_weights(edited)
    np.testing.assert_allclose(theirs(x), old(x), rtol=1e-5)


def test_comparisons_count_each_weight_once(tmp_path, capsys):
    path = tmp_path / "model.weights.h5"
    model = stack(plait)
    model.save_weights(path)
    editor = KerasFileEditor(path)
    found = len(model.weights) + len(model.optimizer.variables)
    assert editor.compare(model) == {"status": "success", "error_count": 0, "match_count": found}
    capsys.readouterr()
    assert editor.compare(stack(plait, (4, 5, 2))) == {"status": "error", "error_count": 3, "match_count": found - 2}
    told = capsys.readouterr().out
    for words in (
        "shape mismatch for /layers/dense_1/0: (4, 5) in reference model, (4, 4) in saved file",
        "Object /layers/dense_2 present in reference model, missing from saved file",
        "Found 3 errors",
    ):
        assert words in told


def test_models_inside_models_are_there(tmp_path, capsys):
    path = tmp_path / "model.weights.h5"
    model = nested(plait)
    model.save_weights(path)
    editor = KerasFileEditor(path)
    assert editor.compare(model)["match_count"] == 4
    capsys.readouterr()
    editor.summary()
    told = capsys.readouterr().out
    assert "sequential" in told and "shape=(3, 2), dtype=float32" in told


def test_narrow_floats_stay_what_they_are(tmp_path):
    model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(2, dtype="bfloat16")])
    model.save_weights(tmp_path / "one.weights.h5")
    KerasFileEditor(tmp_path / "one.weights.h5").save(tmp_path / "two.weights.h5")
    kernel = model.get_weights()[0]
    model.set_weights([np.zeros_like(value) for value in model.get_weights()])
    model.load_weights(tmp_path / "two.weights.h5")
    np.testing.assert_array_equal(model.get_weights()[0], kernel)


def test_what_cannot_be_is_refused(tmp_path):
    path = tmp_path / "model.weights.h5"
    stack(plait).save_weights(path)
    editor = KerasFileEditor(path)
    for edit, words in (
        (lambda: editor.rename_object("dense", "layers/other"), "full path"),
        (lambda: editor.rename_object("dense", "dense_1"), "there too"),
        (lambda: editor.rename_object("layers/dense_9", "x"), "not found"),
        (lambda: editor.delete_object("nothing"), "not found"),
        (lambda: editor.delete_object("0"), "more than once"),
        (lambda: editor.delete_weight("dense", "7"), "Weights found"),
        (lambda: editor.add_object("nowhere/dense", {}), "not found"),
        (lambda: editor.add_object("layers/dense_2", [1]), "dict"),
        (lambda: editor.add_weights("dense", {"0": np.array(["text"])}), "numbers"),
        (lambda: editor.save(tmp_path / "model.keras"), "weights.h5"),
    ):
        with pytest.raises(ArgumentError, match=words):
            edit()
    (tmp_path / "text.weights.h5").write_text("no")
    with pytest.raises(FileError, match="no file of Keras 3"):
        KerasFileEditor(tmp_path / "text.weights.h5")
