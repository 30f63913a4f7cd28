"""Whole models trained on both sides, plait and Keras on JAX, from the same weights in the same order: the same losses.

And their files: each side opens what the other wrote, and predicts the same.
"""

import keras
import numpy as np
import pytest

import plait

STEPS, BATCH = 20, 8


def two_in_two_out(lib):
    a, b = lib.Input((4,), name="a"), lib.Input((3,), name="b")
    shared = lib.layers.Dense(5, activation="tanh", name="shared")
    h = lib.layers.Concatenate(name="joined")([shared(a), lib.layers.Dense(4, activation="relu", name="own")(b)])
    h = lib.layers.Dense(6, activation="relu", name="trunk")(h) * 2.0
    outputs = {
        "number": lib.layers.Dense(1, name="number")(h),
        "kind": lib.layers.Dense(3, activation="softmax", name="kind")(h),
    }
    model = lib.Model([a, b], outputs, name="two")
    losses = {"number": "mse", "kind": "sparse_categorical_crossentropy"}
    model.compile("adam", losses, loss_weights={"number": 1.0, "kind": 0.5}, metrics={"kind": ["accuracy"]})
    return model


def residual(lib):
    inputs = lib.Input((8, 8, 2), name="image")
    h = lib.layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    for block in range(2):
        shortcut = h
        h = lib.layers.BatchNormalization(name=f"norm{block}")(h)
        h = lib.layers.Activation("relu", name=f"relu{block}")(h)
        h = lib.layers.Conv2D(4, 3, padding="same", use_bias=False, name=f"conv{block}")(h)
        h = lib.layers.Add(name=f"add{block}")([h, shortcut])
    h = lib.layers.MaxPooling2D(name="pool")(h)
    h = lib.layers.GlobalAveragePooling2D(name="mean")(h)
    model = lib.Model(inputs, lib.layers.Dense(3, activation="softmax", name="kind")(h), name="residual")
    model.compile(
        lib.optimizers.SGD(0.05, momentum=0.9, nesterov=True), "categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def siamese(lib):
    left, right = lib.Input((6,), name="left"), lib.Input((6,), name="right")
    tower = lib.Sequential(
        [lib.Input((6,)), lib.layers.Dense(5, activation="relu", name="t1"), lib.layers.Dense(4, name="t2")],
        name="tower",
    )
    distance = lib.layers.Subtract(name="difference")([tower(left), tower(right)])
    out = lib.layers.Dense(1, activation="sigmoid", name="same")(distance * distance)
    model = lib.Model({"left": left, "right": right}, out, name="siamese")
    model.compile(lib.optimizers.RMSprop(1e-2), "binary_crossentropy", metrics=["accuracy"])
    return model


def lstm(lib):
    words = lib.Input((None,), dtype="int32", name="words")
    h = lib.layers.Embedding(12, 6, mask_zero=True, name="embedding")(words)
    h = lib.layers.Bidirectional(lib.layers.LSTM(5, return_sequences=True), name="both")(h)
    h = lib.layers.GRU(4, name="gru")(h)
    model = lib.Model(words, lib.layers.Dense(1, name="score")(h), name="lstm")
    model.compile(lib.optimizers.Adam(1e-2), "mse", metrics=["mae"])
    return model


def attention(lib):
    sequence = lib.Input((7, 8), name="sequence")
    h = lib.layers.LayerNormalization(name="norm")(sequence)
    h = lib.layers.MultiHeadAttention(2, 4, name="attention")(h, h)
    h = lib.layers.Add(name="add")([sequence, h])
    h = lib.layers.GlobalAveragePooling1D(name="mean")(lib.layers.Dense(8, activation="gelu", name="ff")(h))
    model = lib.Model(sequence, lib.layers.Dense(2, name="out")(h), name="attention_net")
    model.compile(lib.optimizers.AdamW(1e-2), "huber")
    return model


def rows(kind):
    rng = np.random.default_rng(1)
    n = STEPS * BATCH

    def normal(*shape):
        return rng.normal(size=(n, *shape)).astype("float32")

    if kind is two_in_two_out:
        return {"a": normal(4), "b": normal(3)}, {"number": normal(1), "kind": rng.integers(0, 3, n)}
    if kind is residual:
        return normal(8, 8, 2), np.eye(3, dtype="float32")[rng.integers(0, 3, n)]
    if kind is siamese:
        return {"left": normal(6), "right": normal(6)}, rng.integers(0, 2, (n, 1)).astype("float32")
    if kind is lstm:
        return rng.integers(0, 12, (n, 9)).astype("int32"), normal(1)
    return normal(7, 8), normal(2)


KINDS = [two_in_two_out, residual, siamese, lstm, attention]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


def pair(kind):
    plait.utils.set_random_seed(0)
    ours = kind(plait)
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    theirs = kind(keras)
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    return ours, theirs


def test_training_has_the_same_losses(kind):
    ours, theirs = pair(kind)
    x, y = rows(kind)
    for epoch in range(2):
        mine = ours.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0).history
        others = theirs.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0).history
        assert sorted(mine) == sorted(others)
        for name in mine:
            np.testing.assert_allclose(mine[name], others[name], rtol=1e-4, atol=1e-5, err_msg=f"{name}, epoch {epoch}")
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        # a bias of keys adds the same to all logits: its gradient is rounding alone, of which Adam makes steps
        rounding = mine.path.endswith("key/bias")
        np.testing.assert_allclose(
            mine.numpy(), np.asarray(other), rtol=2e-3, atol=1e-2 if rounding else 2e-4, err_msg=mine.path
        )


def test_first_steps_have_the_same_weights(kind):
    ours, theirs = pair(kind)
    x, y = rows(kind)

    def first(structure, count):
        return {k: v[:count] for k, v in structure.items()} if isinstance(structure, dict) else structure[:count]

    for model in (ours, theirs):
        model.fit(first(x, 3 * BATCH), first(y, 3 * BATCH), batch_size=BATCH, shuffle=False, verbose=0)
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        # Adam makes steps out of noise where a gradient is 0; that of a bias of keys is nothing else.
        noise = 1e-3 if mine.path.endswith("key/bias") else 5e-5
        np.testing.assert_allclose(mine.numpy(), np.asarray(other), rtol=1e-4, atol=noise, err_msg=mine.path)


def test_a_seeded_script_gives_the_same_numbers(kind):
    """Initial weights, the order of the rows and the training are the same on both sides after the same seed."""
    plait.utils.set_random_seed(7)
    ours = kind(plait)
    x, y = rows(kind)
    mine = ours.fit(x, y, batch_size=BATCH, epochs=2, verbose=0).history["loss"]
    keras.utils.clear_session()
    keras.utils.set_random_seed(7)
    others = kind(keras).fit(x, y, batch_size=BATCH, epochs=2, verbose=0).history["loss"]
    np.testing.assert_allclose(mine, others, rtol=1e-3)


def test_files_both_ways(kind, tmp_path):
    ours, theirs = pair(kind)
    x, y = rows(kind)
    for model in (ours, theirs):
        model.fit(x, y, batch_size=BATCH, verbose=0)
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    for model, read in (
        (ours, keras.saving.load_model(tmp_path / "ours.keras")),
        (theirs, plait.load_model(tmp_path / "theirs.keras")),
        (ours, plait.load_model(tmp_path / "ours.keras")),
    ):
        close(model.predict(x, verbose=0), read.predict(x, verbose=0))
        before = model.evaluate(x, y, verbose=0, return_dict=True)
        after = read.evaluate(x, y, verbose=0, return_dict=True)
        assert before.keys() == after.keys()
        for name in before:
            np.testing.assert_allclose(before[name], after[name], rtol=1e-4, atol=1e-5)
        assert len(read.optimizer.variables) == len(model.optimizer.variables)
        for a, b in zip(model.optimizer.variables, read.optimizer.variables, strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6)


def close(one, other):
    if isinstance(one, dict):
        for key in one:
            close(one[key], other[key])
    else:
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_losses_of_layers_are_there_after_a_call():
    """One program runs the whole model, and what `add_loss` got in it comes out; each call forgets the one before."""
    data = np.ones((4, 3), "float32")
    told = []
    for library in (keras, plait):
        inputs = library.Input((3,))
        x = library.layers.Dense(2, activity_regularizer="l2", kernel_regularizer="l2")(inputs)
        model = library.Model(inputs, library.layers.ActivityRegularization(0.1)(x))
        model.set_weights([np.full((3, 2), 0.5, "float32"), np.zeros(2, "float32")])
        for batch in (data, 2 * data, data):
            model(batch)
            told.append([float(loss) for loss in model.losses])
    np.testing.assert_allclose(told[:3], told[3:], rtol=1e-6)
    assert told[0] == told[2] != told[1]


def test_a_sequential_says_what_it_was_built_for():
    """As tuners ask for it, and build the next one by it."""
    for library in (keras, plait):
        told = library.Sequential([library.Input((3,)), library.layers.Dense(2)]).get_build_config()
        assert told is not None and tuple(told["input_shape"]) == (None, 3)
        model = library.Sequential([library.layers.Dense(2)])
        model.build_from_config({"input_shape": [None, 3]})
        assert tuple(model.weights[0].shape) == (3, 2)
        model.build_from_config(None)
