"""Steps of one's own, written as for Keras on JAX: the same source runs on both sides and tells the same."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import plait

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(48, 6)).astype("float32"), RNG.normal(size=(48, 1)).astype("float32")


def chain(lib, model_class, **attributes):
    lib.utils.set_random_seed(3)
    x = lib.Input((6,))
    h = lib.layers.Dropout(0.2)(lib.layers.Dense(8, activation="tanh")(x))
    h = lib.layers.BatchNormalization()(h)
    return model_class(x, lib.layers.Dense(1)(h))


def step_of_the_guide(lib):
    class Custom(lib.Model):
        def loss_and_updates(self, trainable, rest, x, y):
            y_pred, rest = self.stateless_call(trainable, rest, x, training=True)
            return self.compute_loss(x, y, y_pred), (y_pred, rest)

        def train_step(self, state, data):
            trainable, rest, optimizer, metrics = state
            x, y = data
            (loss, (y_pred, rest)), gradients = jax.value_and_grad(self.loss_and_updates, has_aux=True)(
                trainable, rest, x, y
            )
            trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
            logs, after = {}, []
            for metric in self.metrics:
                own = metrics[len(after) : len(after) + len(metric.variables)]
                seen = (loss,) if metric.name == "loss" else (y, y_pred)
                own = metric.stateless_update_state(own, *seen)
                logs[metric.name] = metric.stateless_result(own)
                after += own
            return logs, (trainable, rest, optimizer, after)

    return chain(lib, Custom)


def step_of_the_docs(lib):
    class Custom(lib.Model):
        def train_step(self, state, data):
            trainable, rest, optimizer, metrics = state
            x, y = data
            compute = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
            (_, (loss, y_pred, rest, metrics)), gradients = compute(
                trainable, rest, metrics, x, y, None, training=True, optimizer_variables=optimizer
            )
            trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
            return {"mine": loss, "size": jnp.mean(y_pred)}, (trainable, rest, optimizer, metrics)

        def test_step(self, state, data):
            trainable, rest, metrics = state
            x, y = data
            y_pred, rest = self.stateless_call(trainable, rest, x, training=False)
            return {"worst": jnp.max(jnp.abs(y - y_pred))}, (trainable, rest, metrics)

    return chain(lib, Custom)


def usual_step_and_more(lib):
    class Custom(lib.Model):
        def train_step(self, state, data):
            logs, state = super().train_step(state, data)
            return {**logs, "twice": 2 * logs["loss"]}, state

    return chain(lib, Custom)


def loss_of_its_own(lib):
    class Custom(lib.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return lib.ops.mean(lib.ops.abs(y - y_pred)) + lib.ops.mean(lib.ops.square(y_pred))

    return chain(lib, Custom)


def metrics_of_its_own(lib):
    class Custom(lib.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.largest = lib.metrics.Mean(name="largest")

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            self.largest.update_state(lib.ops.max(lib.ops.abs(y_pred)))
            return {**super().compute_metrics(x, y, y_pred, sample_weight), "seen": lib.ops.mean(y)}

    return chain(lib, Custom)


CASES = [step_of_the_guide, step_of_the_docs, usual_step_and_more, loss_of_its_own, metrics_of_its_own]


def run(lib, make, **compiled):
    model = make(lib)
    model.compile("adam", **compiled)
    lib.utils.set_random_seed(5)
    history = model.fit(X, Y, batch_size=8, epochs=3, verbose=0, validation_data=(X[:16], Y[:16])).history
    return history, model.get_weights(), model.evaluate(X, Y, batch_size=8, return_dict=True, verbose=0)


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_the_same_history_and_weights(make):
    compiled = {} if make is loss_of_its_own else {"loss": "mse", "metrics": ["mae"]}
    ours, theirs = run(plait, make, **compiled), run(keras, make, **compiled)
    assert ours[0].keys() == theirs[0].keys()
    for name, values in theirs[0].items():
        np.testing.assert_allclose(ours[0][name], values, rtol=2e-4, atol=1e-5, err_msg=name)
    for mine, other in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_allclose(mine, other, rtol=2e-4, atol=1e-5)
    assert ours[2].keys() == theirs[2].keys()
    for name, value in theirs[2].items():
        np.testing.assert_allclose(ours[2][name], value, rtol=2e-4, atol=1e-5, err_msg=name)


def variational(lib):
    class Sampling(lib.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seeds = lib.random.SeedGenerator(7)

        def call(self, inputs):
            mean, log_variance = inputs
            noise = lib.random.normal(lib.ops.shape(mean), seed=self.seeds)
            return mean + lib.ops.exp(0.5 * log_variance) * noise

    class Variational(lib.Model):
        def __init__(self):
            super().__init__()
            self.hidden = lib.layers.Dense(8, activation="relu")
            self.mean, self.spread = lib.layers.Dense(2), lib.layers.Dense(2)
            self.sample = Sampling()
            self.decode = lib.layers.Dense(6)
            self.kl_tracker = lib.metrics.Mean(name="kl")

        def call(self, x):
            h = self.hidden(x)
            mean, spread = self.mean(h), self.spread(h)
            kl = -0.5 * lib.ops.mean(1 + spread - lib.ops.square(mean) - lib.ops.exp(spread))
            self.add_loss(kl)
            return self.decode(self.sample([mean, spread]))

    return Variational()


def test_a_variational_autoencoder_with_add_loss():
    results = []
    for lib in (plait, keras):
        lib.utils.set_random_seed(1)
        model = variational(lib)
        model.compile("adam", "mse")
        history = model.fit(X, X, batch_size=8, epochs=3, verbose=0).history
        results.append(history["loss"])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4)


def test_a_step_that_trains_a_part():
    class Gan(plait.Model):
        """A generator and its judge, of which the step trains the first."""

        def __init__(self):
            super().__init__()
            self.generator = plait.Sequential([plait.Input((6,)), plait.layers.Dense(6)])
            self.judge = plait.Sequential([plait.Input((6,)), plait.layers.Dense(1)])

        def call(self, noise):
            return self.judge(self.generator(noise))

        def train_step(self, state, data):
            trainable, rest, optimizer, metrics = state
            count = len(self.generator.trainable_variables)

            def fooled(own):
                return -jnp.mean(self.stateless_call([*own, *trainable[count:]], rest, data)[0])

            loss, gradients = jax.value_and_grad(fooled)(trainable[:count])
            changed = [value - 0.1 * g for value, g in zip(trainable[:count], gradients, strict=True)]
            return {"fooled": loss}, ([*changed, *trainable[count:]], rest, optimizer, metrics)

    model = Gan()
    model.compile("sgd")
    judge = model.judge.get_weights()
    history = model.fit(X, batch_size=16, epochs=4, verbose=0).history
    assert history["fooled"][-1] < history["fooled"][0]
    for before, after in zip(judge, model.judge.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_state_of_another_length_is_refused():
    class Wrong(plait.Model):
        def train_step(self, state, data):
            logs, (trainable, rest, optimizer, metrics) = super().train_step(state, data)
            return logs, (trainable[:-1], rest, optimizer, metrics)

    model = chain(plait, Wrong)
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match="a step's state has 6 trainable variables, but got 5"):
        model.fit(X, Y, verbose=0)
