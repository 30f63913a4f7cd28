"""What training does otherwise than Keras, on purpose: rows of docs/differences.md that have no other test."""

import numpy as np
import optax
import pytest

import plait
from plait import layers

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 4)).astype("float32"), RNG.normal(size=(24, 1)).astype("float32")


def test_outputs_of_a_subclass_are_numbered():
    class Two(plait.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers.Dense(1), layers.Dense(2)

        def call(self, inputs):
            return [self.first(inputs), self.second(inputs)]

    model = Two()
    model.compile("sgd", ["mse", "mae"], metrics=[["mae"], None])
    history = model.fit(X, [Y, np.hstack([Y, Y])], verbose=0).history
    assert list(history) == ["loss", "output_1_loss", "output_1_mae", "output_2_loss"]


def test_what_a_step_tells_is_told():
    class Silent(plait.Model):
        def train_step(self, state, data):
            logs, state = super().train_step(state, data)
            return {"loss": logs["loss"] * 0 + 7.0}, state

    x = plait.Input((4,))
    model = Silent(x, layers.Dense(1)(x))
    model.compile("sgd", "mse")
    assert model.fit(X, Y, verbose=0).history == {"loss": [7.0]}


def masked():
    x = plait.Input((3, 4))
    model = plait.Model(x, layers.Dense(2, activation="softmax")(layers.Masking()(x)))
    model.compile(plait.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    series = RNG.normal(size=(8, 3, 4)).astype("float32")
    series[::2, 1:] = 0
    return model, series, RNG.integers(0, 2, (8, 3))


def test_a_mask_counts_in_the_metrics_of_fit_as_in_evaluate():
    model, series, labels = masked()
    history = model.fit(series, labels, verbose=0).history
    found = model.evaluate(series, labels, verbose=0, return_dict=True)
    kept = series.any(-1)
    right = model.predict(series, verbose=0).argmax(-1) == labels
    assert history["accuracy"][0] == pytest.approx(right[kept].mean())
    assert found["accuracy"] == pytest.approx(right[kept].mean())
    assert history["loss"][0] == pytest.approx(found["loss"], rel=1e-5)


def test_weights_of_classes_of_steps():
    """For labels (B, T), each step has the weight of its class."""
    weights = {0: 3.0, 1: 0.5}
    model, series, labels = masked()
    by_class = model.fit(series, labels, class_weight=weights, verbose=0).history["loss"]
    each = np.where(labels == 0, 3.0, 0.5).astype("float32")
    by_step = model.fit(series, labels, sample_weight=each, verbose=0).history["loss"]
    assert by_class == pytest.approx(by_step, rel=1e-6)


def test_labels_that_are_true_or_false_have_classes():
    x = plait.Input((4,))
    model = plait.Model(x, layers.Dense(1, activation="sigmoid")(x))
    model.compile(plait.optimizers.SGD(0.0), "binary_crossentropy")
    by_class = model.fit(X, Y > 0, class_weight={False: 1.0, True: 3.0}, verbose=0).history["loss"]
    by_row = model.fit(X, Y > 0, sample_weight=np.where(Y > 0, 3.0, 1.0), verbose=0).history["loss"]
    assert by_class == pytest.approx(by_row, rel=1e-6)


def test_the_metrics_of_a_model_are_named():
    x = plait.Input((4,))
    model = plait.Model(x, layers.Dense(1)(x))
    model.compile("sgd", "mse", metrics=["mae"])
    model.fit(X, Y, verbose=0)
    assert model.metrics_names == ["loss", "mae"]
    assert [metric.name for metric in model.metrics[1].metrics] == ["mae"]


def test_a_state_of_optax_is_put_back():
    x = plait.Input((4,))
    model = plait.Model(x, layers.Dense(1)(x))
    model.compile(optax.adam(0.1), "mse")
    model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    tree = model.get_state_tree("numpy_array")
    model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    after = model.get_weights()
    model.set_state_tree(tree)
    model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    for mine, other in zip(after, model.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6)
