"""`compute_loss`, and `train_step` as one writes it on JAX."""

import jax
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(6)


class Weighted(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(keras.ops.square(y - y_pred)) * 3.0


class Own(keras.Model):
    def loss_and_outputs(
        self, trainable_variables, non_trainable_variables, metrics_variables, x, y, sample_weight=None, training=False
    ):
        y_pred, non_trainable_variables = self.stateless_call(
            trainable_variables, non_trainable_variables, x, training=training
        )
        return self.compute_loss(x, y, y_pred), (y_pred, non_trainable_variables, metrics_variables)

    def train_step(self, state, data):
        trainable, non_trainable, optimizer_variables, metrics_variables = state
        x, y = data
        step = jax.value_and_grad(self.loss_and_outputs, has_aux=True)
        (loss, (y_pred, non_trainable, metrics_variables)), grads = step(
            trainable, non_trainable, metrics_variables, x, y, training=True
        )
        trainable, optimizer_variables = self.optimizer.stateless_apply(optimizer_variables, grads, trainable)
        new, logs = [], {}
        for metric in self.metrics:
            here = metrics_variables[len(new) : len(new) + len(metric.variables)]
            if metric.name == "loss":
                here = metric.stateless_update_state(here, loss)
            else:
                here = metric.stateless_update_state(here, y, y_pred)
            logs[metric.name] = metric.stateless_result(here)
            new += here
        return logs, (trainable, non_trainable, optimizer_variables, new)


x = np.random.default_rng(0).random((64, 8)).astype("float32")
y = x.sum(1, keepdims=True)
for kind in (Weighted, Own):
    inputs = keras.Input((8,))
    outputs = layers.Dense(1)(layers.BatchNormalization()(layers.Dense(8, activation="relu")(inputs)))
    model = kind(inputs, outputs)
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    history = model.fit(x, y, epochs=3, verbose=0).history
    print({name: [round(float(v), 6) for v in values] for name, values in sorted(history.items())})
    print(model.evaluate(x, y, verbose=0))
