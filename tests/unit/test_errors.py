"""Wrong input, and what is said: who, what was expected, what came, what to do."""

import pickle

import numpy as np
import pytest

import plait
from plait import layers


def two_in_two_out(compiled=True):
    a, b = plait.Input((4,), name="left"), plait.Input((3,), name="right")
    h = layers.Concatenate(name="both")([a, b])
    model = plait.Model(
        [a, b], {"price": layers.Dense(1, name="p")(h), "kind": layers.Dense(3, name="k")(h)}, name="duo"
    )
    if compiled:
        model.compile("adam", {"price": "mse", "kind": "mse"})
    return model


def data(rows=8):
    x = {"left": np.zeros((rows, 4)), "right": np.zeros((rows, 3))}
    return x, {"price": np.zeros((rows, 1)), "kind": np.zeros((rows, 3))}


def said(call, *args, **kwargs) -> str:
    with pytest.raises((ValueError, TypeError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_wrong_rank():
    layer = layers.Dense(2, name="proj")
    assert said(layer, np.zeros(3)) == (
        'Input 0 of layer "proj" is incompatible with the layer: expected min_ndim=2, found ndim=1. Full shape received: (3,).'
    )


def test_wrong_feature_size():
    layer = layers.Dense(2, name="proj")
    layer(np.zeros((1, 3)))
    assert said(layer, np.zeros((1, 4))) == (
        'Input 0 of layer "proj" is incompatible with the layer: expected axis -1 of input shape to have value 3, but received '
        "input with shape (1, 4)."
    )


def test_unknown_last_axis():
    assert said(layers.Dense(2, name="proj"), plait.Input((None,))) == (
        "Dense 'proj': the last axis of the input must be known, but got shape (None, None). Give Input(shape=(...)) a number "
        "there."
    )


def test_wrong_shape_for_an_input_of_a_model():
    x, _ = data()
    assert said(two_in_two_out(), {**x, "right": np.zeros((8, 5))}) == (
        "duo cannot take these inputs: Input 'right' is incompatible with the layer: expected shape=(None, 3), found shape=(8, 5)."
    )


def test_missing_input():
    x, _ = data()
    assert said(two_in_two_out(), {"left": x["left"]}) == (
        "duo has the inputs 'left', 'right', but got a dict with the keys 'left': Missing data for input 'right'."
    )


def test_misspelt_and_missing_inputs_come_together():
    x, _ = data()
    assert said(two_in_two_out(), {"left": x["left"], "rigth": x["right"]}) == (
        "duo has the inputs 'left', 'right', but got a dict with the keys 'left', 'rigth': 2 problems\n"
        "  - Missing data for input 'right'.\n"
        "  - 'rigth' is not an input. Did you mean 'right'?"
    )


def test_extra_keys_in_data_are_a_warning():
    model, (x, y) = two_in_two_out(), data()
    with pytest.warns(UserWarning, match="the data has keys that are no inputs, and they are ignored: 'id'"):
        model.fit({**x, "id": np.zeros(8)}, y, verbose=0)


def test_extra_keys_in_a_call_are_an_error():
    x, _ = data()
    assert "'id' is not an input." in said(two_in_two_out(), {**x, "id": np.zeros(8)})


def test_misspelt_loss_weight_and_metric_keys_come_together():
    model = two_in_two_out(compiled=False)
    message = said(model.compile, "adam", {"prise": "mse"}, loss_weights={"knd": 2.0}, metrics={"kinds": ["mae"]})
    assert message == (
        "duo.compile: 3 problems\n"
        "  - loss has the key 'prise', which is no output. Did you mean 'price'? Outputs: 'kind', 'price'.\n"
        "  - loss_weights has the key 'knd', which is no output. Did you mean 'kind'? Outputs: 'kind', 'price'.\n"
        "  - metrics has the key 'kinds', which is no output. Did you mean 'kind'? Outputs: 'kind', 'price'."
    )


def test_a_list_of_losses_of_another_length():
    assert said(two_in_two_out(compiled=False).compile, "adam", ["mse"]) == (
        "duo.compile: loss lists 1 for 2 outputs. Give one for each of 'kind', 'price', None for none, or a dict by these names."
    )


def test_unknown_names():
    model = two_in_two_out(compiled=False)
    assert "No optimizer is called 'adan'." in said(model.compile, "adan", "mse")
    assert "Did you mean 'adam'?" in said(model.compile, "adan", "mse")
    assert "the output 'price': No loss is called 'msee'." in said(model.compile, "adam", {"price": "msee"})
    assert "Did you mean 'relu'?" in said(layers.Dense, 2, activation="rellu")


def test_disconnected_graph_names_tensor_input_and_line():
    a, b = plait.Input((4,), name="a"), plait.Input((4,), name="b")
    out = layers.Add(name="sum")([layers.Dense(4)(a), b])
    message = said(plait.Model, a, out)
    assert "is not connected to `inputs` ('a'), because it needs the tensor 'b' (float32[None, 4])" in message
    assert "The Input 'b' was made at" in message
    assert "test_errors.py:" in message
    assert "used by Add 'sum'" in message


def test_two_layers_of_one_name():
    a = plait.Input((4,))
    out = layers.Dense(4, name="same")(layers.Dense(4, name="same")(a))
    message = said(plait.Model, a, out)
    assert 'The name "same" is used 2 times in the model. All operation names should be unique.' in message


def test_labels_of_the_wrong_shape():
    model, (x, y) = two_in_two_out(), data()
    message = said(model.fit, x, {**y, "kind": np.zeros((8, 5))}, verbose=0)
    assert "duo: the loss of the output 'kind' (mse) cannot compare labels float32[8, 5] with outputs" in message


def test_labels_that_are_text():
    model, (x, y) = two_in_two_out(), data()
    assert said(model.fit, x, {**y, "kind": np.array(["good"] * 8)}, verbose=0) == (
        "duo: labels must be numbers, but labels 'kind' are text. Number the classes first: "
        "classes, y = np.unique(y, return_inverse=True)."
    )


def test_missing_labels():
    model, (x, y) = two_in_two_out(), data()
    assert said(model.fit, x, {"price": y["price"]}, verbose=0) == (
        "duo: the labels don't match the outputs 'kind', 'price': labels for 'kind' are missing."
    )


@pytest.mark.parametrize("size", [0, -1, float("nan"), 2.5, True])
def test_batch_sizes_that_cannot_be_one(size):
    model, (x, y) = two_in_two_out(), data()
    assert said(model.fit, x, y, batch_size=size) == f"`batch_size` must be a whole number from 1 up, but got {size!r}."


def test_different_lengths():
    model, (x, y) = two_in_two_out(), data()
    message = said(model.fit, {**x, "left": np.zeros((7, 4))}, y, verbose=0)
    assert "Data cardinality is ambiguous. Make sure all arrays contain the same number of samples." in message
    assert "x/left: 7" in message


def test_fit_before_compile():
    x, y = data()
    with pytest.raises(RuntimeError, match=r"You must call `compile\(\)` before using the model"):
        two_in_two_out(compiled=False).fit(x, y)


def test_saving_to_a_folder_that_is_not_there(tmp_path):
    message = said(two_in_two_out().save, tmp_path / "models" / "duo.keras")
    assert "models" in message
    assert "folder" in message


def test_symbolic_tensors_where_values_are_needed():
    x = plait.Input((3,), name="x")
    assert "'x' (float32[None, 3]) is symbolic and doesn't have any actual numerical value yet" in said(bool, x)
    assert "cannot be used by NumPy" in said(np.asarray, x)


def test_nothing_is_lost_when_a_fit_fails():
    model, (x, y) = two_in_two_out(), data()
    model.fit(x, y, verbose=0)
    before = model.get_weights()
    said(model.fit, x, {**y, "kind": np.zeros((8, 5))}, verbose=0)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    model.fit(x, y, verbose=0)


def test_errors_are_pickled_under_their_public_names():
    for name in plait.errors.__all__:
        error = getattr(plait.errors, name)
        assert error.__module__ == "plait.errors"
        assert pickle.loads(pickle.dumps(error)) is error


def _saved_without_compile(model, folder):
    model.compile("sgd", lambda y, p: p)
    model.save(folder / "model.keras")


def _loaded_in_part(model, folder):
    model.save_weights(folder / "w.weights.h5")
    other = plait.Sequential([plait.Input((4,)), layers.Dense(9, name="a"), layers.Dense(1, name="b")])
    other.load_weights(folder / "w.weights.h5", skip_mismatch=True)


class NoMask(layers.Layer):
    def call(self, x):
        return x[:, :, None]


WARNINGS = {
    "a model is saved without what compile was told": _saved_without_compile,
    "weights are loaded in part": _loaded_in_part,
    "nothing is quantised": lambda model, folder: model.quantize("int8", filters="no_such"),
    "an axis of one entry": lambda model, folder: plait.ops.softmax(np.ones((2, 1), "float32"), axis=-1),
    "a mask is destroyed": lambda model, folder: NoMask()(layers.Masking()(np.zeros((2, 3, 1), "float32"))),
    "an old argument of Input": lambda model, folder: layers.InputLayer(input_shape=(3,)),
}


@pytest.mark.parametrize("why", WARNINGS)
def test_a_warning_points_at_the_line_of_the_program(why, tmp_path):
    model = plait.Sequential([plait.Input((4,)), layers.Dense(3, name="a"), layers.Dense(1, name="b")])
    with pytest.warns(UserWarning, match=".") as found:
        WARNINGS[why](model, tmp_path)
    assert {warning.filename for warning in found} == {__file__}
