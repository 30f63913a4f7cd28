"""Models that take raw strings: one model in `fit`, `predict`, `evaluate`, a call, and a file."""

import numpy as np
import pytest

import plait
from plait import layers

TEXTS = np.array(["the cat sat", "a dog ran far", "the dog sat", "no cat ran"] * 12)
KINDS = np.array(["red", "blue", "green", "red"] * 12)
NUMBERS = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
LABELS = np.array([0, 1, 0, 1] * 12)


def model():
    plait.utils.set_random_seed(0)
    vectors = layers.TextVectorization(output_sequence_length=5)
    vectors.adapt(TEXTS)
    kinds = layers.StringLookup(vocabulary=["red", "blue"], output_mode="one_hot")
    text = plait.Input((), dtype="string", name="text")
    kind = plait.Input((1,), dtype="string", name="kind")
    numbers = plait.Input((3,), name="numbers")
    h = layers.GlobalAveragePooling1D()(layers.Embedding(20, 4, mask_zero=True)(vectors(text)))
    h = layers.Concatenate()([h, kinds(kind), numbers])
    made = plait.Model({"text": text, "kind": kind, "numbers": numbers}, layers.Dense(2, activation="softmax")(h))
    made.compile(plait.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def data(rows=slice(None)):
    return {"text": TEXTS[rows], "kind": KINDS[rows, None], "numbers": NUMBERS[rows]}


def test_one_model_takes_raw_strings_everywhere(tmp_path):
    made = model()
    history = made.fit(data(), LABELS, epochs=8, batch_size=16, verbose=0, validation_split=0.25).history
    assert history["loss"][-1] < history["loss"][0]
    predicted = made.predict(data(), verbose=0, batch_size=20)
    np.testing.assert_allclose(made(data()), predicted, rtol=1e-5)
    np.testing.assert_allclose(made.predict_on_batch(data(slice(5))), predicted[:5], rtol=1e-5)
    accuracy = made.evaluate(data(), LABELS, verbose=0)[1]
    assert accuracy == pytest.approx(np.mean(predicted.argmax(-1) == LABELS))
    made.train_on_batch(data(slice(8)), LABELS[:8])
    made.save(tmp_path / "texts.keras")
    again = plait.load_model(tmp_path / "texts.keras")
    np.testing.assert_allclose(again.predict(data(), verbose=0), made.predict(data(), verbose=0), rtol=1e-6)


def test_the_same_from_batches():
    def batches():
        for start in range(0, 48, 16):
            rows = slice(start, start + 16)
            yield data(rows), LABELS[rows]

    class Again:
        def __iter__(self):
            return batches()

    losses = []
    for x, y, options in ((data(), LABELS, {"batch_size": 16, "shuffle": False}), (Again(), None, {})):
        losses.append(model().fit(x, y, epochs=2, verbose=0, **options).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_text_in_a_model_inside():
    lookup = layers.StringLookup(vocabulary=["red", "blue"], output_mode="one_hot")
    words = plait.Input((1,), dtype="string")
    inner = plait.Model(words, lookup(words), name="prepare")
    x = plait.Input((1,), dtype="string")
    made = plait.Model(x, layers.Dense(2)(inner(x)))
    made.compile("sgd", "mse")
    made.fit(KINDS[:, None], np.zeros((48, 2)), verbose=0)
    np.testing.assert_allclose(made.predict(KINDS[:3, None], verbose=0), made(KINDS[:3, None]), rtol=1e-6)


def test_a_new_vocabulary_takes_effect():
    lookup = layers.IntegerLookup(vocabulary=[5, 6])
    x = plait.Input((1,), dtype="int32")
    made = plait.Model(x, lookup(x))
    assert made.predict(np.array([[5], [6], [9]]), verbose=0).ravel().tolist() == [1, 2, 0]
    lookup.set_vocabulary([6, 5, 9])
    assert made.predict(np.array([[5], [6], [9]]), verbose=0).ravel().tolist() == [2, 1, 3]


def test_strings_for_numbers_are_refused():
    made = plait.Sequential([plait.Input((1,)), layers.Dense(1)], name="plain")
    made.compile("sgd", "mse")
    with pytest.raises(ValueError, match="plain: inputs must be numbers, but the inputs are text"):
        made.fit(KINDS[:, None], np.zeros((48, 1)), verbose=0)
