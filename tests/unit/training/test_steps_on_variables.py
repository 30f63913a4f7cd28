"""Steps that take the data alone: they read and assign variables, and the program carries that out."""

import jax
import numpy as np
import pytest

import plait
from plait import layers

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
Y = (X.sum(1, keepdims=True) + 1).astype("float32")


class Written(plait.Model):
    """The step that one writes for another engine, with JAX's gradients."""

    def train_step(self, data):
        x, y = data

        def loss(values):
            y_pred, rest = self.stateless_call(
                values, [v.value for v in self.non_trainable_variables], x, training=True
            )
            return self.compute_loss(x=x, y=y, y_pred=y_pred), (y_pred, rest)

        values = [v.value for v in self.trainable_variables]
        (value, (y_pred, rest)), gradients = jax.value_and_grad(loss, has_aux=True)(values)
        self.optimizer.apply(gradients, self.trainable_variables)
        for variable, new in zip(self.non_trainable_variables, rest, strict=True):
            variable.assign(new)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(value)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}

    def test_step(self, data):
        x, y = data
        y_pred = self(x, training=False)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(self.compute_loss(x=x, y=y, y_pred=y_pred))
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}

    def predict_step(self, data):
        return self(data, training=False)


class Calling(plait.Model):
    """Calls the usual step with the data alone, and adds to its logs."""

    def train_step(self, data):
        return {**super().train_step(data), "rows": data[0].shape[0]}

    def test_step(self, data):
        return super().test_step(data)

    def predict_step(self, data):
        return super().predict_step(data) * 2


def model_of(kind, **options):
    plait.utils.set_random_seed(3)
    x = plait.Input((4,))
    model = kind(x, layers.Dense(1)(layers.BatchNormalization()(layers.Dense(5, activation="tanh")(x))))
    model.compile(
        **{"optimizer": plait.optimizers.Adam(0.1), "loss": "mse", "metrics": ["mean_absolute_error"], **options}
    )
    return model


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("kind", [Written, Calling])
def test_it_trains_as_the_usual_step_does(kind, eagerly):
    ours, usual = model_of(kind, run_eagerly=eagerly), model_of(plait.Model)
    options = {"epochs": 3, "batch_size": 8, "shuffle": False, "verbose": 0}
    found, expected = ours.fit(X, Y, **options).history, usual.fit(X, Y, **options).history
    for a, b in zip(ours.get_weights(), usual.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4)
    assert found.get("rows") in (None, [8, 8, 8])
    assert int(ours.optimizer.iterations) == 12


@pytest.mark.parametrize("kind", [Written, Calling])
def test_it_evaluates_and_predicts(kind):
    ours, usual = model_of(kind), model_of(plait.Model)
    np.testing.assert_allclose(ours.evaluate(X, Y, verbose=0), usual.evaluate(X, Y, verbose=0), rtol=1e-5)
    factor = 2 if kind is Calling else 1
    np.testing.assert_allclose(ours.predict(X, verbose=0), usual.predict(X, verbose=0) * factor, rtol=1e-5)
    np.testing.assert_allclose(ours.train_on_batch(X, Y)[0], usual.train_on_batch(X, Y)[0], rtol=1e-5)


def test_it_is_compiled_once():
    traces = []

    class Noted(Calling):
        def train_step(self, data):
            traces.append(data[0].shape)
            return super().train_step(data)

    model_of(Noted).fit(X, Y, batch_size=8, epochs=4, verbose=0)
    assert len(traces) <= 3  # the form of its logs, and a program or two


def test_what_is_returned_must_be_logs():
    class Silent(plait.Model):
        def train_step(self, data):
            super().train_step(data)

    with pytest.raises(
        plait.errors.ArgumentError, match="returns its logs, a dict by name, but this one returned None"
    ):
        model_of(Silent).fit(X, Y, verbose=0)
