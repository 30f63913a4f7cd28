"""A `train_step(self, data)` with a tape, as on Keras with TensorFlow: `fit` compiles it, tape and all, and the numbers are right."""

import warnings

import numpy as np
import pytest

import plait
from plait import layers, ops


@pytest.fixture
def tf():
    plait.compat.install()
    import tensorflow

    yield tensorflow
    plait.compat.uninstall()


rng = np.random.default_rng(0)
X, Y = rng.normal(size=(64, 4)).astype("float32"), rng.normal(size=(64, 1)).astype("float32")


def net(cls, dropout=False):
    """A small net with regularisation and statistics, whose first weights are always the same."""
    plait.utils.set_random_seed(3)
    inputs = plait.Input((4,))
    x = layers.Dense(8, "tanh", kernel_regularizer="l2")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.3, seed=1)(x) if dropout else x
    return cls(inputs, layers.Dense(1)(x))


def told(model, **options):
    model.compile(plait.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model.fit(X, Y, epochs=3, batch_size=16, shuffle=False, verbose=0, validation_data=(X, Y), **options).history


def taped(tf):
    class Taped(plait.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(y=y, y_pred=y_pred)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
            return self.measured(loss, y, y_pred)

        def test_step(self, data):
            x, y = data
            y_pred = self(x, training=False)
            return self.measured(self.compute_loss(y=y, y_pred=y_pred), y, y_pred)

        def measured(self, loss, y, y_pred):
            for metric in self.metrics:
                metric.update_state(loss) if metric.name == "loss" else metric.update_state(y, y_pred)
            return {metric.name: metric.result() for metric in self.metrics}

    return Taped


def of_keras_2(tf):
    class Keras2(plait.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compiled_loss(y, y_pred, regularization_losses=self.losses)
            self.optimizer.minimize(loss, self.trainable_variables, tape=tape)
            self.compiled_metrics.update_state(y, y_pred)
            return {metric.name: metric.result() for metric in self.metrics}

    return Keras2


@pytest.mark.parametrize("kind", [taped, of_keras_2])
@pytest.mark.parametrize("dropout", [False, True])
def test_the_history_is_that_of_the_usual_step(tf, kind, dropout):
    usual, ours = told(net(plait.Model, dropout)), told(net(kind(tf), dropout))
    assert ours.keys() == usual.keys()
    for name, values in usual.items():
        np.testing.assert_allclose(ours[name], values, rtol=2e-5, atol=1e-6, err_msg=name)


def test_the_step_is_traced_once_and_runs_many_at_a_time(tf):
    traces = []

    class Counted(taped(tf)):
        def train_step(self, data):
            traces.append(data)
            return super().train_step(data)

    model = net(Counted)
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=4, batch_size=16, verbose=0)
    assert len(traces) <= 4  # for the form of the logs, for what it reads, and for each program
    before = len(traces)
    model.fit(X, Y, epochs=10, batch_size=16, verbose=0)
    assert len(traces) == before


class Gan:
    """Two nets, two optimizers, metrics of its own, no `call`: as in the tutorials."""

    @staticmethod
    def make(tf):
        class Pair(plait.Model):
            def __init__(self):
                super().__init__()
                self.critic = plait.Sequential([plait.Input((4,)), layers.Dense(1, kernel_initializer="ones")])
                self.maker = plait.Sequential([plait.Input((2,)), layers.Dense(4, kernel_initializer="ones")])
                self.critic_loss, self.maker_loss = plait.metrics.Mean(name="c"), plait.metrics.Mean(name="m")

            def compile(self, first, second):
                super().compile()
                self.first, self.second = first, second

            @property
            def metrics(self):
                return [self.critic_loss, self.maker_loss]

            def train_step(self, real):
                rows = tf.shape(real)[0]
                noise = tf.reshape(tf.range(rows * 2), (rows, 2)) / 10
                with tf.GradientTape() as tape:
                    both = tf.concat([real, self.maker(noise)], axis=0)
                    labels = tf.concat([tf.zeros((rows, 1)), tf.ones((rows, 1))], axis=0)
                    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, self.critic(both)))
                gradients = tape.gradient(loss, self.critic.trainable_weights)
                self.first.apply_gradients(zip(gradients, self.critic.trainable_weights))
                with tf.GradientTape() as tape:
                    wrong = self.critic(self.maker(noise))
                    other = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.zeros_like(wrong), wrong))
                gradients = tape.gradient(other, self.maker.trainable_weights)
                self.second.apply_gradients(zip(gradients, self.maker.trainable_weights))
                self.critic_loss.update_state(loss)
                self.maker_loss.update_state(other)
                return {"c": self.critic_loss.result(), "m": self.maker_loss.result()}

        pair = Pair()
        pair.compile(plait.optimizers.SGD(0.1), plait.optimizers.SGD(0.2))
        return pair


def test_a_pair_of_nets_trains_as_by_hand(tf):
    model = Gan.make(tf)
    found = model.fit(tf.data.Dataset.from_tensor_slices(X).batch(16), epochs=2, verbose=0).history
    critic, maker = np.ones((4, 1)), np.ones((2, 4))
    bias = {"critic": np.zeros(1), "maker": np.zeros(4)}

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    expected = {"c": [], "m": []}
    noise = np.arange(32).reshape(16, 2) / 10
    for _ in range(2):
        losses = []
        for start in range(0, 64, 16):
            both = np.concatenate([X[start : start + 16], noise @ maker + bias["maker"]])
            labels = np.repeat([[0.0], [1.0]], 16, 0)
            z = both @ critic + bias["critic"]
            loss = np.mean(np.maximum(z, 0) - z * labels + np.log1p(np.exp(-abs(z))))
            slope = (sigmoid(z) - labels) / len(z)
            critic, bias["critic"] = critic - 0.1 * both.T @ slope, bias["critic"] - 0.1 * slope.sum(0)
            z = (noise @ maker + bias["maker"]) @ critic + bias["critic"]
            other = np.mean(np.maximum(z, 0) + np.log1p(np.exp(-abs(z))))
            slope = sigmoid(z) / len(z) @ critic.T
            maker, bias["maker"] = maker - 0.2 * noise.T @ slope, bias["maker"] - 0.2 * slope.sum(0)
            losses.append((loss, other))
        for name, value in zip("cm", np.mean(losses, 0), strict=True):
            expected[name].append(value)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4)
    assert int(model.first.iterations) == int(model.second.iterations) == 8


def test_a_step_that_looks_at_values_runs_as_python_and_says_so_once(tf):
    seen = []

    class Looking(taped(tf)):
        def train_step(self, data):
            logs = super().train_step(data)
            seen.append(float(logs["loss"].numpy()))
            return logs

    usual, model = told(net(plait.Model)), net(Looking)
    with pytest.warns(UserWarning, match="its step looks at values, so it runs as plain Python"):
        ours = told(model)
    for name, values in usual.items():
        np.testing.assert_allclose(ours[name], values, rtol=2e-5, atol=1e-6, err_msg=name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y, batch_size=16, verbose=0)
    assert len(seen) >= 16


def test_an_error_in_a_step_is_the_users(tf):
    class Wrong(plait.Model):
        def train_step(self, data):
            raise KeyError("mine")

    model = net(Wrong)
    model.compile("sgd", "mse")
    with pytest.raises(KeyError, match="mine"):
        model.fit(X, Y, verbose=0)


def test_layers_that_a_step_builds_are_trained(tf):
    class Late(plait.Model):
        def __init__(self):
            super().__init__()
            self.inner = plait.Sequential([layers.Dense(4, "tanh"), layers.Dense(1)])
            self.tracker = plait.metrics.Mean(name="loss")

        @property
        def metrics(self):
            return [self.tracker]

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(y - self.inner(x)))
            self.optimizer.apply_gradients(
                zip(tape.gradient(loss, self.inner.trainable_weights), self.inner.trainable_weights)
            )
            self.tracker.update_state(loss)
            return {"loss": self.tracker.result()}

    model = Late()
    model.compile(plait.optimizers.Adam(0.05))
    history = model.fit(X, Y, epochs=20, batch_size=16, verbose=0).history["loss"]
    assert history[-1] < 0.8 * history[0]
    assert len(model.inner.weights) == 4


def test_a_predict_step_takes_the_data(tf):
    class Doubled(plait.Model):
        def predict_step(self, data):
            return 2 * self(data[0] if isinstance(data, tuple) else data, training=False)

    model = net(Doubled)
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * np.asarray(model(X)), rtol=1e-5)


def test_minimize_takes_a_function(tf):
    weight = tf.Variable(3.0)
    optimizer = plait.optimizers.SGD(0.1)
    optimizer.minimize(lambda: ops.square(weight), [weight])
    assert float(weight) == pytest.approx(2.4)
    assert int(optimizer.iterations) == 1
    with pytest.raises(ValueError, match="needs the tape"):
        optimizer.minimize(ops.square(weight), [weight])


def test_a_penalty_on_gradients_is_derived_through(tf):
    """WGAN-GP: a tape inside of a tape, within the compiled step."""

    class Penalised(plait.Model):
        def train_step(self, data):
            x = data
            with tf.GradientTape() as tape:
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    scores = self(x, training=True)
                slopes = inner.gradient(scores, [x])[0]
                norm = tf.sqrt(tf.reduce_sum(tf.square(slopes), axis=1))
                loss = tf.reduce_mean((norm - 1.0) ** 2)
            self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_weights), self.trainable_weights))
            return {"penalty": loss}

    inputs = plait.Input((4,))
    model = Penalised(inputs, layers.Dense(1, kernel_initializer="ones", use_bias=False)(inputs))
    model.compile(plait.optimizers.SGD(0.1))
    found = model.fit(X, epochs=1, batch_size=64, verbose=0).history["penalty"]
    assert found[0] == pytest.approx(1.0)  # the norm of four ones is 2
    np.testing.assert_allclose(model.get_weights()[0].ravel(), 1 - 0.1 * 2 * (2 - 1) * 0.5, rtol=1e-5)
